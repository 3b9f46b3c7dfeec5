package simulator

import (
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// unsigned is Bedrock's answer to a request that does not show one of the keys, or nil. A key is shown as a bearer
// token, or by a signature: of any secret if the key is only the id of one, of the right one if it is "id:secret".
func (s *Server) unsigned(q *request) *reply {
	authorization := q.header("Authorization")
	scope, signs := strings.CutPrefix(authorization, "AWS4-HMAC-SHA256 ")
	switch {
	case authorization == "":
		return bedrockDenied("MissingAuthenticationTokenException", "Missing Authentication Token")
	case !signs && slices.Contains(s.config.Keys, q.key):
		return nil
	case !signs:
		return bedrockDenied("UnrecognizedClientException", "The security token included in the request is invalid.")
	}
	sign := map[string]string{}
	for one := range strings.SplitSeq(scope, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(one), "=")
		sign[name] = value
	}
	id, scope, _ := strings.Cut(sign["Credential"], "/")
	for _, key := range s.config.Keys {
		known, secret, _ := strings.Cut(key, ":")
		switch {
		case known != id:
			continue
		case secret == "":
			return nil
		case expired(q.header("X-Amz-Date")):
			return bedrockDenied("InvalidSignatureException", "Signature expired")
		case hmac.Equal([]byte(sigV4(q, secret, scope, sign["SignedHeaders"])), []byte(sign["Signature"])):
			return nil
		}
		return bedrockDenied("InvalidSignatureException", "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method.")
	}
	return bedrockDenied("UnrecognizedClientException", "The security token included in the request is invalid.")
}

func bedrockDenied(kind, message string) *reply {
	return vendorError(bedrock, http.StatusForbidden, kind, message, "", "")
}

const amzTime = "20060102T150405Z"

func expired(date string) bool {
	at, err := time.Parse(amzTime, date)
	return err != nil || time.Since(at).Abs() > 5*time.Minute
}

// sigV4 is the signature that the request should have; scope is date/region/service/aws4_request.
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html)
func sigV4(q *request, secret, scope, signedHeaders string) string {
	path, query, _ := strings.Cut(q.uri, "?")
	segments := strings.Split(path, "/")
	for i, one := range segments {
		segments[i] = awsEscape(one) // of what is escaped already: services other than S3 escape twice
	}
	pairs := strings.Split(query, "&")
	slices.Sort(pairs)
	var headers strings.Builder
	for name := range strings.SplitSeq(signedHeaders, ";") {
		value := q.header(name)
		headers.WriteString(name + ":" + strings.Join(strings.Fields(value), " ") + "\n")
	}
	canonical := strings.Join([]string{
		q.method, strings.Join(segments, "/"), strings.Join(pairs, "&"), headers.String(), signedHeaders, hashHex(q.body),
	}, "\n")
	text := strings.Join([]string{"AWS4-HMAC-SHA256", q.header("X-Amz-Date"), scope, hashHex([]byte(canonical))}, "\n")
	key := []byte("AWS4" + secret)
	for part := range strings.SplitSeq(scope, "/") {
		key = mac(key, part)
	}
	return fmt.Sprintf("%x", mac(key, text))
}

func awsEscape(s string) string {
	return strings.ReplaceAll(url.QueryEscape(s), "+", "%20")
}

func hashHex(b []byte) string {
	return fmt.Sprintf("%x", sha256.Sum256(b))
}

func mac(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}
