package engine

import (
	"testing"

	"github.com/ai-mcp-gateway/gateway/translate"
	"github.com/ai-mcp-gateway/gateway/translate/neutral"
)

// A call in the provider's own dialect passes through unless it has in it what
// the target is known to refuse.
func TestAdapted(t *testing.T) {
	f := func(traits neutral.Traits, op translate.Op, body string, want bool) {
		t.Helper()
		c := &Call{Op: op}
		if err := c.Request.Scan([]byte(body)); err != nil {
			t.Fatal(err)
		}
		if got := c.adapted(&target{neutral: neutral.Target{Traits: traits}}); got != want {
			t.Errorf("%+v, %s: %t", traits, body, got)
		}
	}
	const chat = translate.OpChat
	refuses := neutral.Traits{Refuses: []string{"seed", "messages[].reasoning_content"}}
	f(neutral.Traits{}, chat, `{"model":"m","seed":1,"max_completion_tokens":1,"messages":[{"tool_calls":[]}]}`, false)
	f(refuses, chat, `{"model":"m","messages":[{"content":"seed"}]}`, false)
	f(refuses, chat, `{"model":"m","seed":null}`, false)
	f(refuses, chat, `{"model":"m","seed":1}`, true)
	f(refuses, translate.OpCompletion, `{"model":"m","seed":1}`, false)
	f(refuses, chat, `{"model":"m","messages":[{"role":"assistant","reasoning_content":"so"}]}`, true)
	f(neutral.Traits{MaxTokens: "max_tokens"}, chat, `{"model":"m","max_completion_tokens":1}`, true)
	f(neutral.Traits{MaxTokens: "max_tokens"}, chat, `{"model":"m","max_tokens":1}`, false)
	f(neutral.Traits{Schema: "json"}, chat, `{"model":"m","response_format":{"type":"json_schema"}}`, true)
	for _, traits := range []neutral.Traits{{ToolIDs: "nine"}, {Answered: true}, {Reasoned: true}} {
		f(traits, chat, `{"model":"m","messages":[{"role":"tool","tool_call_id":"a"}]}`, true)
		f(traits, chat, `{"model":"m","messages":[{"role":"user","content":"hi"}]}`, false)
	}
}

func TestAsksUsage(t *testing.T) {
	f := func(config string, refuses []string, want bool) {
		t.Helper()
		x := &target{provider: &provider{config: ProviderConfig{StreamUsage: config}}, neutral: neutral.Target{Traits: neutral.Traits{Refuses: refuses}}}
		if got := x.asksUsage(); got != want {
			t.Errorf("%q, %q: %t", config, refuses, got)
		}
	}
	f("", nil, true)
	f("auto", []string{"seed"}, true)
	f("auto", []string{"stream_options"}, false)
	f("never", nil, false)
}
