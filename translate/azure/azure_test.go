package azure

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ai-mcp-gateway/gateway/translate"
)

// inner is as much of OpenAI's dialect as a head and an error need.
type inner struct{ Inner }

func (inner) Path(op translate.Op) string {
	return map[translate.Op]string{
		translate.OpChat: "/chat/completions", translate.OpCompletion: "/completions", translate.OpEmbedding: "/embeddings",
	}[op]
}

func (inner) ReadError(status int, body []byte) *translate.Error {
	if status != 400 {
		return &translate.Error{Code: translate.ProviderFailed}
	}
	return &translate.Error{Code: translate.ProviderRejected, Status: status, Body: body}
}

func TestPath(t *testing.T) {
	f := func(base string, op translate.Op, model, want string) {
		t.Helper()
		got := string(New(inner{}).AppendHead(nil, &translate.Envelope{Host: "r.openai.azure.com", Base: base, Op: op, Model: model}))
		if line, _, _ := strings.Cut(got, "\r\n"); line != "POST "+want+" HTTP/1.1" {
			t.Errorf("base %q: %q, want %q", base, line, want)
		}
	}
	const version = "?api-version=" + defaultVersion
	f("", translate.OpChat, "gpt", "/openai/deployments/gpt/chat/completions"+version)
	f("/openai", translate.OpEmbedding, "emb", "/openai/deployments/emb/embeddings"+version)
	f("/openai/", translate.OpCompletion, "gpt", "/openai/deployments/gpt/completions"+version)
	f("/proxy", translate.OpChat, "gpt", "/proxy/openai/deployments/gpt/chat/completions"+version)
	f("/openai/deployments/mine", translate.OpChat, "gpt", "/openai/deployments/mine/chat/completions"+version)
	f("?api-version=2025-01-01-preview", translate.OpChat, "gpt", "/openai/deployments/gpt/chat/completions?api-version=2025-01-01-preview")
	f("/openai?x=1", translate.OpChat, "gpt", "/openai/deployments/gpt/chat/completions?x=1&api-version="+defaultVersion)
	f("/openai/v1", translate.OpChat, "gpt", "/openai/v1/chat/completions")
	f("/openai/v1/?api-version=preview", translate.OpEmbedding, "gpt", "/openai/v1/embeddings?api-version=preview")
}

func TestEdge155_ModelIsOneSegment(t *testing.T) {
	for model, want := range map[string]string{"../x": "..%2Fx", "..": "%2E%2E", "a?b#c\r\n": "a%3Fb%23c%0D%0A", "gpt-4.1_é": "gpt-4.1_%C3%A9"} {
		got := string(New(inner{}).AppendHead(nil, &translate.Envelope{Host: "h", Op: translate.OpChat, Model: model}))
		if !strings.HasPrefix(got, "POST /openai/deployments/"+want+"/chat/completions?") {
			t.Errorf("%q: %q", model, got)
		}
	}
}

func TestCredential(t *testing.T) {
	f := func(key string, stream bool, want string) {
		t.Helper()
		got := string(New(inner{}).AppendHead(nil, &translate.Envelope{Host: "h", Base: "/openai/v1", Op: translate.OpChat, Key: key, Stream: stream}))
		_, got, _ = strings.Cut(got, "\r\n")
		if diff := cmp.Diff("Host: h\r\nContent-Type: application/json\r\n"+want, got); diff != "" {
			t.Error(diff)
		}
	}
	f("", false, "Accept: application/json\r\nAccept-Encoding: identity\r\n")
	f("k", false, "Accept: application/json\r\nAccept-Encoding: identity\r\napi-key: k\r\n")
	f("Bearer eyJ", true, "Accept: text/event-stream\r\nAccept-Encoding: identity\r\nAuthorization: Bearer eyJ\r\n")
}

const filterBody = `{"error":{"message":"The response was filtered.","type":null,"param":"prompt","code":"content_filter","status":400,` +
	`"innererror":{"code":"ResponsibleAIPolicyViolation","content_filter_result":{"violence":{"filtered":true}}}}}`

func TestEdge141_ContentFilter(t *testing.T) {
	e := New(inner{}).ReadError(400, []byte(filterBody))
	if e.Reason != "content_filter" || e.Status != 400 || string(e.Body) != filterBody {
		t.Errorf("%+v", e)
	}
	for _, body := range []string{``, `{"error":{"code":"other"}}`, filterBody[1:], filterBody[:len(filterBody)-1]} {
		if e := New(inner{}).ReadError(400, []byte(body)); e.Reason != "" {
			t.Errorf("%s: %+v", body, e)
		}
	}
	if e := New(inner{}).ReadError(500, []byte(filterBody)); e.Reason != "" {
		t.Errorf("%+v", e)
	}
}
