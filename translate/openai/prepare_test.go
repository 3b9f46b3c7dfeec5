package openai

import (
	"testing"

	"github.com/ai-mcp-gateway/gateway/translate"
)

// prepare returns body as it goes to a provider, and what is to be kept from
// the client.
func prepare(t *testing.T, op translate.Op, model string, askUsage bool, body string) (string, bool) {
	t.Helper()
	var r translate.Request
	if err := r.Scan([]byte(body)); err != nil {
		t.Fatalf("%s: %v", body, err)
	}
	var p translate.Plan
	strip := New().Prepare(&p, &r, op, []byte(model), askUsage)
	if p.Empty() {
		return body, strip
	}
	return string(p.Append(nil, r.Body)), strip
}

func TestPrepare_Model(t *testing.T) {
	f := func(model, body, want string) {
		t.Helper()
		if got, _ := prepare(t, translate.OpChat, model, true, body); got != want {
			t.Errorf("%s as %q: got %s, want %s", body, model, got, want)
		}
	}
	f("gpt-5", `{"model":"gpt-5"}`, `{"model":"gpt-5"}`)
	f("gpt-5", `{"model":"gpt\u002d5"}`, `{"model":"gpt\u002d5"}`)
	f("gpt-5", ` {"x":1e400, "model" : "openai/gpt-5" ,"x":-0} `, ` {"x":1e400, "model" : "gpt-5" ,"x":-0} `) // edge cases 81, 84
	f("a\"b\\c", `{"mod\u0065l":"L0"}`, `{"mod\u0065l":"a\"b\\c"}`)
	f("gpt-5", "\ufeff{\"model\":\"gpt-5\"}", `{"model":"gpt-5"}`) // edge case 91
}

func TestPrepare_ConversationID(t *testing.T) {
	f := func(body, want string) {
		t.Helper()
		if got, _ := prepare(t, translate.OpChat, "m", true, body); got != want {
			t.Errorf("%s: got %s, want %s", body, got, want)
		}
	}
	f(`{"conversation_id":"c","model":"m"}`, `{"model":"m"}`)
	f(`{"model":"m","conversationId":"c"}`, `{"model":"m"}`)
	f(`{"conversation_id":"c","conversationId":null,"model":"m"}`, `{"model":"m"}`)
	f(`{"model":"x","conversation_id":"c","conversationId":"d"}`, `{"model":"m"}`)
	f(`{"model":"m","metadata":{"conversation_id":"c"}}`, `{"model":"m"}`)
	f(`{"model":"m","metadata":{"conversation_id":"c","k":"v"}}`, `{"model":"m","metadata":{"k":"v"}}`)
	f(`{"model":"m","stream":true,"conversation_id":"c"}`, `{"model":"m","stream":true,"stream_options":{"include_usage":true}}`)
}

func TestPrepare_StreamOptions(t *testing.T) {
	f := func(body, want string, strip bool) {
		t.Helper()
		for _, op := range []translate.Op{translate.OpChat, translate.OpCompletion} {
			got, gotStrip := prepare(t, op, "m", true, body)
			if got != want || gotStrip != strip {
				t.Errorf("%s: got %s %v, want %s %v", body, got, gotStrip, want, strip)
			}
		}
		for _, c := range []struct {
			op  translate.Op
			ask bool
		}{{translate.OpChat, false}, {translate.OpEmbedding, true}} {
			if got, gotStrip := prepare(t, c.op, "m", c.ask, body); got != body || gotStrip {
				t.Errorf("%s: for %v with askUsage %v got %s %v", body, c.op, c.ask, got, gotStrip)
			}
		}
	}
	same := func(body string) {
		t.Helper()
		f(body, body, false)
	}
	same(`{"model":"m"}`)
	same(`{"model":"m","stream":false}`)
	same(`{"model":"m","stream":null,"stream_options":null}`)
	same(`{"model":"m","stream_options":{"include_usage":false}}`)
	same(`{"model":"m","stream":true,"stream_options":{"include_usage":true}}`)
	f(`{"model":"m","stream" : true }`, `{"model":"m","stream" : true,"stream_options":{"include_usage":true} }`, true)
	f(`{"stream":true,"model":"m"}`, `{"stream":true,"stream_options":{"include_usage":true},"model":"m"}`, true)
	f(`{"stream_options":null,"model":"m","stream":true}`, `{"stream_options":{"include_usage":true},"model":"m","stream":true}`, true)
	f(`{"model":"m","stream":true,"stream_options":{}}`, `{"model":"m","stream":true,"stream_options":{"include_usage":true}}`, true)
	f(`{"model":"m","stream":true,"stream_options":{ }}`, `{"model":"m","stream":true,"stream_options":{"include_usage":true }}`, true)
	f(`{"model":"m","stream":true,"stream_options":{"x":1}}`, `{"model":"m","stream":true,"stream_options":{"include_usage":true,"x":1}}`, true)
	f(`{"model":"m","stream":true,"stream_options":{"include_usage":false}}`, `{"model":"m","stream":true,"stream_options":{"include_usage":true}}`, true)
	f(`{"model":"m","stream":true,"stream_options":{"x":1,"include_usage":null}}`, `{"model":"m","stream":true,"stream_options":{"x":1,"include_usage":true}}`, true)
}
