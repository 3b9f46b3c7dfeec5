package azure

import (
	"strings"
	"testing"

	"github.com/ai-mcp-gateway/gateway/translate"
)

func TestSurfacePath(t *testing.T) {
	f := func(base, model, path, want string) {
		t.Helper()
		v := translate.Envelope{Host: "h", Base: base, Model: model, Key: "k"}
		got := string(New(inner{}).AppendSurfaceHead(nil, &v, "GET", path, nil))
		if line, _, _ := strings.Cut(got, "\r\n"); line != "GET "+want+" HTTP/1.1" || !strings.HasSuffix(got, "\r\napi-key: k\r\n") {
			t.Errorf("base %q: %q, want %q", base, got, want)
		}
	}
	const version = "api-version=" + defaultVersion
	f("", "m/x", "/images/edits", "/openai/deployments/m%2Fx/images/edits?"+version)
	f("", "", "/files?limit=1", "/openai/files?limit=1&"+version)
	f("/openai/", "", "/batches", "/openai/batches?"+version)
	f("/openai/deployments/mine", "m", "/audio/speech", "/openai/deployments/mine/audio/speech?"+version)
	f("/openai/deployments/mine", "", "/files", "/openai/files?"+version)
	f("/openai/v1", "m", "/files?limit=1", "/openai/v1/files?limit=1")
	f("?api-version=2025-01-01", "", "/files?limit=1", "/openai/files?api-version=2025-01-01&limit=1")
	f("", "", "/files?api-version=2025-01-01", "/openai/files?api-version=2025-01-01")
}
