package anthropic

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ai-mcp-gateway/gateway/translate"
	"github.com/ai-mcp-gateway/gateway/translate/neutral"
)

func text(s string) neutral.Block { return neutral.Block{Kind: neutral.Text, Text: []byte(s)} }

func user(blocks ...neutral.Block) neutral.Turn {
	return neutral.Turn{Role: neutral.User, Blocks: blocks}
}

func assistant(blocks ...neutral.Block) neutral.Turn {
	return neutral.Turn{Role: neutral.Assistant, Blocks: blocks}
}

func toolUse(id, arguments string) neutral.Block {
	return neutral.Block{Kind: neutral.ToolUse, ID: id, Name: "f", Arguments: []byte(arguments)}
}

func result(id string, content ...neutral.Block) neutral.Block {
	return neutral.Block{Kind: neutral.ToolResult, ID: id, Name: "f", Content: content}
}

// ask returns a request with a history.
func ask(turns ...neutral.Turn) *neutral.Request {
	return &neutral.Request{Model: "asked", MaxTokens: []byte("100"), Turns: turns}
}

func hello() *neutral.Request { return ask(user(text("hi"))) }

var function = neutral.Tool{Name: "f", Schema: []byte(`{"type":"object","properties":{"z":{},"a":{"const":1e400}}}`)}

const image = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="

// TestAppendRequest is a request with everything in it.
func TestAppendRequest(t *testing.T) {
	q := ask(
		user(text("look"), neutral.Block{Kind: neutral.Image, Media: neutral.Media{Data: []byte(image), MIME: "image/jpeg"}}),
		assistant(neutral.Block{Kind: neutral.Thinking, Text: []byte("hm"), Signature: []byte("s"), Origin: "anthropic"}, toolUse("a", `{"x":1.0}`)),
		user(result("a", text("one")), text("and?")),
	)
	q.System = []neutral.Block{text("be brief")}
	q.Tools = []neutral.Tool{function}
	q.Tools[0].Description, q.Tools[0].Strict = "does f", neutral.On
	q.Choice.Mode, q.Parallel = neutral.ChoiceAuto, neutral.Off
	q.Temperature, q.TopK, q.Stop = []byte("0.5"), []byte("3"), []string{"END"}
	q.User, q.ServiceTier, q.Stream = "u1", "default", true
	q.Format = neutral.Format{Kind: neutral.FormatSchema, Schema: []byte(`{"type":"object"}`)}
	body, drops := send(t, q, neutral.Target{Model: "x"})
	same(t, "body", body, `{"model":"x","max_tokens":100,"system":"be brief","messages":[`+
		`{"role":"user","content":[{"type":"text","text":"look"},{"type":"image","source":{"type":"base64","media_type":"image/png","data":"`+image+`"}}]},`+
		`{"role":"assistant","content":[{"type":"thinking","thinking":"hm","signature":"s"},{"type":"tool_use","id":"a","name":"f","input":{"x":1.0}}]},`+
		`{"role":"user","content":[{"type":"tool_result","tool_use_id":"a","content":[{"type":"text","text":"one"}]},{"type":"text","text":"and?"}]}],`+
		`"tools":[{"name":"f","description":"does f","input_schema":{"type":"object","properties":{"z":{},"a":{"const":1e400}}},"strict":true}],`+
		`"tool_choice":{"type":"auto","disable_parallel_tool_use":true},"temperature":0.5,"top_k":3,`+
		`"output_config":{"format":{"type":"json_schema","schema":{"type":"object"}}},"stop_sequences":["END"],`+
		`"service_tier":"standard_only","metadata":{"user_id":"u1"},"stream":true}`)
	if drops != nil {
		t.Errorf("dropped %v", drops)
	}
	back := request(t, body)
	again, _ := send(t, back, neutral.Target{Model: "x"})
	same(t, "round trip", again, body)
}

func TestAppendRequest_Drops(t *testing.T) {
	q := hello()
	q.FrequencyPenalty, q.PresencePenalty, q.Seed = []byte("0.1"), []byte("0.0"), []byte("1")
	q.Logprobs, q.TopLogprobs, q.Metadata, q.Store = neutral.On, []byte("2"), []byte(`{"a":"b"}`), neutral.On
	q.Cache.Key, q.ServiceTier, q.Reasoning = "k", "flex", neutral.Reasoning{Set: true, Effort: "high"}
	q.Turns[0].Name = "Ann"
	q.Extra = []neutral.Member{{Name: "logit_bias", Raw: []byte("{}")}, {Name: "container", Raw: []byte(`"c"`)}}
	body, drops := send(t, q, neutral.Target{})
	want := neutral.Drops{
		"reasoning_effort", "messages[].name", "service_tier", "logit_bias", "frequency_penalty", "seed",
		"logprobs", "top_logprobs", "metadata", "store", "prompt_cache_key",
	}
	if diff := cmp.Diff(want, drops); diff != "" {
		t.Error(diff)
	}
	same(t, "container", at(t, body, "container"), `"c"`)
}

func TestAppendRequest_Unsupported(t *testing.T) {
	f := func(param string, q *neutral.Request) {
		t.Helper()
		_, _, err := New().AppendRequest(nil, q, &neutral.Target{Model: "m"})
		if err == nil || err.Code != translate.CallerUnsupported || err.Param != param {
			t.Errorf("got %v, want %q", err, param)
		}
	}
	q := hello()
	q.N = 2 // edge case 74
	f("n", q)
	f("messages[].content[].input_audio", ask(user(neutral.Block{Kind: neutral.Audio})))
	q = hello() // edge case 60
	q.Tools = []neutral.Tool{{Name: "web_search", Server: true, Dialect: "openai", Raw: []byte("{}")}}
	f("tools", q)
	f("messages[].content[].image_url", ask(user(neutral.Block{Kind: neutral.Image, Media: neutral.Media{FileID: "file-1"}})))
}

func TestAppendHead(t *testing.T) {
	f := func(want string, v translate.Envelope) {
		t.Helper()
		v.Host = "h"
		got := string(New().AppendHead(nil, &v))
		if !strings.HasPrefix(got, want+" HTTP/1.1\r\nHost: h\r\n") || !strings.HasSuffix(got, "\r\n") || strings.Contains(got, "\r\n\r\n") {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	f("POST /v1/messages", translate.Envelope{Op: translate.OpChat})
	f("POST /v1/messages", translate.Envelope{Op: translate.OpMessages, Base: "/v1"})
	f("POST /a/v1/messages", translate.Envelope{Base: "/a"})
	f("POST /v1/messages/count_tokens", translate.Envelope{Op: translate.OpCountTokens})
	head := string(New().AppendHead(nil, &translate.Envelope{Key: "k", Stream: true}))
	for _, line := range []string{"x-api-key: k", "anthropic-version: 2023-06-01", "Accept: text/event-stream", "Accept-Encoding: identity"} {
		if !strings.Contains(head, "\r\n"+line+"\r\n") {
			t.Errorf("%q is missing in %q", line, head)
		}
	}
	if strings.Contains(head, "beta") {
		t.Errorf("a beta out of nothing: %q", head)
	}
}

func TestEdge151_Betas(t *testing.T) {
	v := translate.Envelope{Version: []byte("2099-01-01"), Betas: []byte("a,b")}
	head := string(New().AppendHead(nil, &v))
	if !strings.Contains(head, "\r\nanthropic-beta: a,b\r\n") || !strings.Contains(head, "\r\nanthropic-version: 2099-01-01\r\n") {
		t.Errorf("%q", head)
	}
	v.Betas = []byte("a\r\nx-evil: 1")
	if head := string(New().AppendHead(nil, &v)); strings.Contains(head, "evil") {
		t.Errorf("%q", head)
	}
}

// TestContextManagement sends the field in the form of this API only: OpenAI's
// responses have another one under the same name.
func TestContextManagement(t *testing.T) {
	f := func(raw string, want neutral.Drops) {
		t.Helper()
		q := &neutral.Request{
			Turns: []neutral.Turn{{Role: neutral.User, Blocks: []neutral.Block{{Kind: neutral.Text, Text: []byte("a")}}}},
			Extra: []neutral.Member{{Name: "context_management", Raw: []byte(raw)}},
		}
		body, drops := send(t, q, neutral.Target{Model: "m"})
		if diff := cmp.Diff(want, drops); diff != "" || strings.Contains(body, raw) == (want != nil) {
			t.Errorf("%s became %s: %s", raw, body, diff)
		}
	}
	f(`{"edits":[]}`, nil)
	f(`[{"type":"compaction"}]`, neutral.Drops{"context_management"})
}
