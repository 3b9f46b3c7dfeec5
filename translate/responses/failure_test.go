package responses

import (
	"strings"
	"testing"

	"github.com/ai-mcp-gateway/gateway/translate"
	"github.com/ai-mcp-gateway/gateway/translate/neutral"
)

// A stream that was passed through fails as the response that it began with,
// and its events go on counting.
func TestAppendFailure(t *testing.T) {
	failure := &translate.Error{Code: translate.ProviderTruncated, Message: "cut"}
	f := func(first string, want ...string) {
		t.Helper()
		got := string(New().AppendFailure(nil, []byte(first), 7, failure))
		for _, text := range append(want, `"sequence_number":7,`, `"sequence_number":8,`, "event: error\n", "event: response.failed\n", `"status":"failed"`) {
			if !strings.Contains(got, text) {
				t.Errorf("%s is not in %s", text, got)
			}
		}
	}
	f(`{"type":"response.created","response":{"id":"resp_one","model":"m","created_at":12}}`, `"id":"resp_one"`, `"model":"m"`, `"created_at":12`)
	f(`{}`, `"id":"resp_`)
	f(`no JSON`, `"id":"resp_`)
}

// Thoughts of another dialect say whose they are also where nothing seals
// them, so that they are not sent to a provider as its own.
func TestUnsealedThoughts(t *testing.T) {
	reply := func(origin, signature string) string {
		a := neutral.Reply{ID: "resp_one", Choices: []neutral.Choice{{Blocks: []neutral.Block{
			{Kind: neutral.Thinking, Text: []byte("so"), Signature: []byte(signature), Origin: origin},
		}}}}
		return string(New().AppendReply(nil, translate.OpResponses, &neutral.Request{}, &a))
	}
	f := func(origin, signature string, mixed bool, want string) {
		t.Helper()
		got := reply(origin, signature)
		if New().Mixed([]byte(got)) != mixed || strings.Contains(got, "encrypted_content") != (want != "") || !strings.Contains(got, want) {
			t.Errorf("%q, %q: %s", origin, signature, got)
		}
	}
	f("openai", "", true, `"encrypted_content":"gw1.t.openai."`)
	f("openai", "seal", true, `"encrypted_content":"gw1.t.openai.seal"`)
	f(name, "seal", false, `"encrypted_content":"seal"`)
	f(name, "", false, "")
	f("", "", false, "")
}
