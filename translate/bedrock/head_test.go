package bedrock

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ai-mcp-gateway/gateway/translate"
)

var noon = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

// headOf returns the request line and the header lines for v.
func headOf(t *testing.T, v translate.Envelope) (line string, headers map[string]string) {
	t.Helper()
	lines := strings.Split(string(New().AppendHead(nil, &v)), "\r\n")
	if lines[len(lines)-1] != "" {
		t.Fatalf("the last line has no end: %q", lines)
	}
	headers = map[string]string{}
	for _, l := range lines[1 : len(lines)-1] {
		key, value, ok := strings.Cut(l, ": ")
		if _, again := headers[key]; !ok || again {
			t.Fatalf("bad header line %q", l)
		}
		headers[key] = value
	}
	return lines[0], headers
}

func TestHeadWithAPIKey(t *testing.T) {
	line, headers := headOf(t, translate.Envelope{
		Host: "bedrock-runtime.eu-west-1.amazonaws.com", Model: "some.model", Stream: true, Key: "ABSKxyz", Time: noon,
	})
	if want := "POST /model/some.model/converse-stream HTTP/1.1"; line != want {
		t.Errorf("line %q, want %q", line, want)
	}
	want := map[string]string{
		"Host":            "bedrock-runtime.eu-west-1.amazonaws.com",
		"Content-Type":    "application/json",
		"Accept":          "application/vnd.amazon.eventstream",
		"Accept-Encoding": "identity",
		"Authorization":   "Bearer ABSKxyz",
	}
	if diff := cmp.Diff(want, headers); diff != "" {
		t.Error(diff)
	}
}

func TestRegion(t *testing.T) {
	f := func(host, key, want string) {
		t.Helper()
		_, headers := headOf(t, translate.Envelope{Host: host, Model: "m", Key: key, Time: noon})
		got := headers["Authorization"]
		if !strings.Contains(got, "/20260304/"+want+"/bedrock/aws4_request") {
			t.Errorf("host %q, key %q: %q does not name the region %q", host, key, got, want)
		}
	}
	f("bedrock-runtime.eu-central-1.amazonaws.com", "AK:secret", "eu-central-1")
	f("bedrock-runtime-fips.us-gov-west-1.amazonaws.com", "AK:secret", "us-gov-west-1")
	f("bedrock-runtime.cn-north-1.amazonaws.com.cn", "AK:secret@us-east-1", "cn-north-1")
	f("vpce-1.bedrock-runtime.us-west-2.vpce.amazonaws.com", "AK:secret", "us-west-2")
	f("127.0.0.1:9000", "AK:secret@ap-south-1", "ap-south-1")
	f("proxy.example", "AK:secret", "us-east-1")
	f("bedrock-runtime", "AK:secret", "us-east-1")
}

// signature computes the signature of a call as AWS describes it, with the
// path as it stands in the request line.
func signature(secret, region, path string, headers map[string]string, body string) string {
	sum := func(s string) string {
		h := sha256.Sum256([]byte(s))
		return hex.EncodeToString(h[:])
	}
	mac := func(key []byte, s string) []byte {
		h := hmac.New(sha256.New, key)
		h.Write([]byte(s))
		return h.Sum(nil)
	}
	names := []string{"content-type", "host", "x-amz-date"}
	values := []string{headers["Content-Type"], headers["Host"], headers["X-Amz-Date"]}
	if token := headers["X-Amz-Security-Token"]; token != "" {
		names, values = append(names, "x-amz-security-token"), append(values, token)
	}
	canonical := "POST\n" + strings.ReplaceAll(path, "%", "%25") + "\n\n"
	for i := range names {
		canonical += names[i] + ":" + values[i] + "\n"
	}
	canonical += "\n" + strings.Join(names, ";") + "\n" + sum(body)
	scope := headers["X-Amz-Date"][:8] + "/" + region + "/bedrock/aws4_request"
	text := "AWS4-HMAC-SHA256\n" + headers["X-Amz-Date"] + "\n" + scope + "\n" + sum(canonical)
	key := []byte("AWS4" + secret)
	for part := range strings.SplitSeq(scope, "/") {
		key = mac(key, part)
	}
	return hex.EncodeToString(mac(key, text))
}

func TestEdge154_Signature(t *testing.T) {
	f := func(key, base, model, wantPath string) {
		t.Helper()
		v := translate.Envelope{
			Host: "bedrock-runtime.us-west-2.amazonaws.com", Base: base, Model: model, Key: key, Time: noon,
			Body: [][]byte{[]byte(`{"messages":`), []byte(`[]}`)},
		}
		line, headers := headOf(t, v)
		if want := "POST " + wantPath + " HTTP/1.1"; line != want {
			t.Errorf("line %q, want %q", line, want)
		}
		if headers["X-Amz-Date"] != "20260304T120000Z" {
			t.Errorf("date %q", headers["X-Amz-Date"])
		}
		parts := strings.Split(key, ":")
		if len(parts) > 2 && headers["X-Amz-Security-Token"] != parts[2] {
			t.Errorf("token %q", headers["X-Amz-Security-Token"])
		}
		want := "Signature=" + signature(parts[1], "us-west-2", wantPath, headers, `{"messages":[]}`)
		if got := headers["Authorization"]; !strings.HasSuffix(got, want) {
			t.Errorf("%q, want %q", got, want)
		}
	}
	f("AKID:se/cret+", "", "us.vendor.model-v1:0", "/model/us.vendor.model-v1%3A0/converse")
	f("AKID:secret:session/token==", "/", "plain", "/model/plain/converse")
	f("AKID:secret", "/proxy", "arn:aws:bedrock:us-west-2:1:inference-profile/a.b",
		"/proxy/model/arn%3Aaws%3Abedrock%3Aus-west-2%3A1%3Ainference-profile%2Fa.b/converse")
}

func TestEdge155_ModelIsOneSegment(t *testing.T) {
	f := func(model, want string) {
		t.Helper()
		line, _ := headOf(t, translate.Envelope{Host: "h", Model: model})
		if line != "POST /model/"+want+"/converse HTTP/1.1" {
			t.Errorf("%q: %q", model, line)
		}
	}
	f("../../admin", "..%2F..%2Fadmin")
	f("..", "%2E%2E")
	f("a b\r\nX: y", "a%20b%0D%0AX%3A%20y")
	f("modèle", "mod%C3%A8le")
	f(strings.Repeat("x", 300), strings.Repeat("x", 300))
}
