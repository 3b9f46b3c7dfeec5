package bedrock

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/ai-mcp-gateway/gateway/translate"
)

const (
	contentType   = "application/json"
	service       = "bedrock"
	defaultRegion = "us-east-1"
)

// AppendHead appends the request line and the header lines of a call. A key
// ACCESS:SECRET or ACCESS:SECRET:SESSION signs it, any other is a Bedrock API
// key. Where the host does not name the region, "@region" after the key does.
//
// Content-Length is not among the signed headers: whoever sends the request
// writes it.
func (d *Dialect) AppendHead(dst []byte, v *translate.Envelope) []byte {
	path := appendPath(nil, v)
	dst = append(append(append(dst, "POST "...), path...), " HTTP/1.1\r\nHost: "...)
	dst = append(append(dst, v.Host...), "\r\nContent-Type: "+contentType+"\r\nAccept: "...)
	if v.Stream {
		dst = append(dst, "application/vnd.amazon.eventstream"...)
	} else {
		dst = append(dst, contentType...)
	}
	dst = append(dst, "\r\nAccept-Encoding: identity\r\n"...)
	key, region := splitKey(v.Key)
	credentials, ok := parseCredentials(key)
	switch {
	case ok:
		if r := hostRegion(v.Host); r != "" {
			region = r
		}
		return d.appendSignature(dst, v, string(path), credentials, region)
	case key != "":
		return append(append(append(dst, "Authorization: Bearer "...), key...), "\r\n"...)
	default:
		return dst
	}
}

// appendPath appends the path of the call. The model's id is one segment of
// it, whatever it holds.
func appendPath(dst []byte, v *translate.Envelope) []byte {
	dst = append(append(dst, strings.TrimSuffix(v.Base, "/")...), "/model/"...)
	dst = appendSegment(dst, v.Model)
	if v.Stream {
		return append(dst, "/converse-stream"...)
	}
	return append(dst, "/converse"...)
}

// appendSegment appends s with all but the unreserved characters of RFC 3986
// escaped, as the signature wants it too. A name of nothing but dots would
// climb, so its dots are escaped.
func appendSegment(dst []byte, s string) []byte {
	const digits = "0123456789ABCDEF"
	climbs := strings.Trim(s, ".") == ""
	for i := range len(s) {
		switch c := s[i]; {
		case c|0x20 >= 'a' && c|0x20 <= 'z', c >= '0' && c <= '9', c == '-', c == '_', c == '~', c == '.' && !climbs:
			dst = append(dst, c)
		default:
			dst = append(dst, '%', digits[c>>4], digits[c&15])
		}
	}
	return dst
}

// splitKey splits off the region that may stand behind a key.
func splitKey(key string) (rest, region string) {
	if at := strings.LastIndexByte(key, '@'); at >= 0 && isRegion(key[at+1:]) {
		return key[:at], key[at+1:]
	}
	return key, defaultRegion
}

// isRegion reports whether s has the form of a region's name: words and a
// number, such as eu-central-1.
func isRegion(s string) bool {
	words := strings.Split(s, "-")
	for i, word := range words {
		cutset := "abcdefghijklmnopqrstuvwxyz"
		if i == len(words)-1 {
			cutset = "0123456789"
		}
		if word == "" || strings.Trim(word, cutset) != "" {
			return false
		}
	}
	return len(words) >= 3
}

// hostRegion returns the region in the name of one of Bedrock's endpoints
// (bedrock-runtime.<region>.amazonaws.com and its kin), or "".
func hostRegion(host string) string {
	labels := strings.Split(host, ".")
	for i, label := range labels[:len(labels)-1] {
		if strings.HasPrefix(label, "bedrock-runtime") && isRegion(labels[i+1]) {
			return labels[i+1]
		}
	}
	return ""
}

// parseCredentials reads a key that signs.
func parseCredentials(key string) (aws.Credentials, bool) {
	access, rest, ok := strings.Cut(key, ":")
	secret, session, _ := strings.Cut(rest, ":")
	if !ok || access == "" || secret == "" || strings.Contains(session, ":") {
		return aws.Credentials{}, false
	}
	return aws.Credentials{AccessKeyID: access, SecretAccessKey: secret, SessionToken: session}, true
}

// appendSignature appends the header lines that sign the call. The path is
// already escaped; the signature is over a path that is escaped once more, as
// all services but S3 want it.
func (d *Dialect) appendSignature(dst []byte, v *translate.Envelope, path string, credentials aws.Credentials, region string) []byte {
	hash := sha256.New()
	for _, piece := range v.Body {
		hash.Write(piece)
	}
	r := &http.Request{
		Method: http.MethodPost,
		Host:   v.Host,
		URL:    &url.URL{Scheme: "https", Host: v.Host, Opaque: "//" + v.Host + path},
		Header: http.Header{"Content-Type": {contentType}},
	}
	sum := hex.EncodeToString(hash.Sum(nil))
	if err := d.signer.SignHTTP(context.Background(), credentials, r, sum, service, region, v.Time); err != nil {
		return dst // unsigned, the call is refused: the provider's word is better than none
	}
	for _, key := range [...]string{"X-Amz-Date", "X-Amz-Security-Token", "Authorization"} {
		if value := r.Header.Get(key); value != "" {
			dst = append(append(append(append(dst, key...), ": "...), value...), "\r\n"...)
		}
	}
	return dst
}
