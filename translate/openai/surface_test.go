package openai

import (
	"testing"

	"github.com/ai-mcp-gateway/gateway/translate"
)

func TestAppendSurfaceHead(t *testing.T) {
	f := func(v translate.Envelope, method, contentType, want string) {
		t.Helper()
		if got := string(New().AppendSurfaceHead(nil, &v, method, "/files?x=1", []byte(contentType))); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	f(translate.Envelope{Host: "h", Base: "/api/v1", Key: "k", Stream: true}, "POST", "a/b",
		"POST /api/v1/files?x=1 HTTP/1.1\r\nHost: h\r\nContent-Type: a/b\r\nAccept: text/event-stream\r\nAccept-Encoding: identity\r\nAuthorization: Bearer k\r\n")
	f(translate.Envelope{Host: "h"}, "DELETE", "", "DELETE /v1/files?x=1 HTTP/1.1\r\nHost: h\r\nAccept: */*\r\nAccept-Encoding: identity\r\n")
}
