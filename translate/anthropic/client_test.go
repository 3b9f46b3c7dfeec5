package anthropic

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ai-mcp-gateway/gateway/translate"
	"github.com/ai-mcp-gateway/gateway/translate/neutral"
)

func TestReadRequest(t *testing.T) {
	got := request(t, `{"model":"m","max_tokens":10,"stream":true,"temperature":1.0,"top_p":0.9,"top_k":5,
		"system":[{"type":"text","text":"s","cache_control":{"type":"ephemeral","ttl":"1h"}}],
		"messages":[
			{"role":"user","content":"q\n"},
			{"role":"assistant","content":[{"type":"thinking","thinking":"hm","signature":"sig"},{"type":"redacted_thinking","data":"d"},
				{"type":"tool_use","id":"t1","name":"f","input":{"b":1,"a":2}},{"type":"server_tool_use","id":"s1","name":"web_search","input":{}}]},
			{"role":"user","content":[{"type":"tool_result","tool_use_id":"t1","is_error":true,"content":"bad"},
				{"type":"document","source":{"type":"url","url":"https://x/y.pdf"},"title":"T","citations":{"enabled":true}}]},
			{"role":"system","content":"now"}],
		"tools":[{"name":"f","description":"d","input_schema":{"type":"object"}},{"type":"web_search_20250305","name":"web_search","max_uses":1}],
		"tool_choice":{"type":"tool","name":"f","disable_parallel_tool_use":true},
		"thinking":{"type":"enabled","budget_tokens":2000,"display":"omitted"},
		"output_config":{"effort":"high","format":{"type":"json_schema","schema":{"type":"object"}},"task_budget":{"x":1}},
		"metadata":{"user_id":"u","conversation_id":"c"},"stop_sequences":["END"],"service_tier":"standard_only",
		"cache_control":{"type":"ephemeral"},"container":"c1","conversation_id":"c","top_logprobs":null}`)
	tool := []byte(`{"type":"web_search_20250305","name":"web_search","max_uses":1}`)
	want := &neutral.Request{
		Model: "m", Stream: true,
		MaxTokens: []byte("10"), Temperature: []byte("1.0"), TopP: []byte("0.9"), TopK: []byte("5"),
		System: []neutral.Block{{Kind: neutral.Text, Text: []byte("s"), Breakpoint: neutral.Breakpoint{Set: true, TTL: "1h"}}},
		Turns: []neutral.Turn{
			user(text("q\n")),
			assistant(
				neutral.Block{Kind: neutral.Thinking, Text: []byte("hm"), Signature: []byte("sig"), Origin: name},
				neutral.Block{Kind: neutral.Thinking, Signature: []byte("d"), Redacted: true, Origin: name},
				neutral.Block{Kind: neutral.ToolUse, ID: "t1", Name: "f", Arguments: []byte(`{"b":1,"a":2}`)},
				neutral.Block{Kind: neutral.Foreign, Raw: []byte(`{"type":"server_tool_use","id":"s1","name":"web_search","input":{}}`), Dialect: name, Origin: name},
			),
			user(
				neutral.Block{Kind: neutral.ToolResult, ID: "t1", Name: "f", Failed: true, Content: []neutral.Block{text("bad")}},
				neutral.Block{Kind: neutral.File, Media: neutral.Media{URL: "https://x/y.pdf", Name: "T"}},
			),
			{Role: neutral.System, Blocks: []neutral.Block{text("now")}},
		},
		Tools: []neutral.Tool{
			{Name: "f", Description: "d", Schema: []byte(`{"type":"object"}`)},
			{Name: "web_search", Server: true, Raw: tool, Dialect: name},
		},
		Choice: neutral.ToolChoice{Mode: neutral.ChoiceNamed, Names: []string{"f"}}, Parallel: neutral.Off,
		Reasoning: neutral.Reasoning{Set: true, Budget: 2000, Effort: "high", Summary: "omitted"},
		Format:    neutral.Format{Kind: neutral.FormatSchema, Name: "answer", Schema: []byte(`{"type":"object"}`), Strict: neutral.On},
		User:      "u", Stop: []string{"END"}, ServiceTier: "default",
		Cache: neutral.Cache{Auto: neutral.Breakpoint{Set: true}},
		Extra: []neutral.Member{
			{Name: "messages[].content[].citations", Raw: []byte(`{"enabled":true}`)},
			{Name: "output_config.task_budget", Raw: []byte(`{"x":1}`)},
			{Name: "container", Raw: []byte(`"c1"`)},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestReadRequest_Faults(t *testing.T) {
	f := func(param, members string) {
		t.Helper()
		_, err := readRequest(translate.OpMessages, `{"model":"m",`+members+`}`)
		if err == nil || err.Param != param || err.HTTPStatus() != 400 {
			t.Errorf("%s: got %+v, want %q", members, err, param)
		}
	}
	const rest = `"max_tokens":1,"messages":[{"role":"user","content":"a"}]`
	message := func(m string) string { return `"max_tokens":1,"messages":[{"role":"user","content":"a"},` + m + `]` }
	f("max_tokens", `"messages":[{"role":"user","content":"a"}]`)
	f("max_tokens", `"max_tokens":"1","messages":[]`)
	f("messages", `"max_tokens":1`)
	f("messages", `"max_tokens":1,"messages":{}`)
	f("messages[1]", message(`7`))
	f("messages[1].role", message(`{"role":"tool","content":"a"}`))
	f("messages[1].content", message(`{"role":"user"}`))
	f("messages[1].content", message(`{"role":"user","content":7}`))
	f("messages[1].content[0]", message(`{"role":"user","content":[7]}`))
	f("messages[1].content[0].type", message(`{"role":"user","content":[{}]}`))
	f("messages[1].content[0].text", message(`{"role":"user","content":[{"type":"text"}]}`))
	f("messages[1].content[0].tool_use_id", message(`{"role":"user","content":[{"type":"tool_result"}]}`))
	f("messages[1].content[0].content[0].source.type", message(`{"role":"user","content":[{"type":"tool_result","tool_use_id":"a","content":[{"type":"image"}]}]}`))
	f("messages[1].content[0].source.data", message(`{"role":"user","content":[{"type":"image","source":{"type":"base64","media_type":"image/png","data":"?"}}]}`))
	f("system[0].type", rest+`,"system":[{"type":"image","source":{"type":"url","url":"u"}}]`)
	f("tools[0].name", rest+`,"tools":[{"input_schema":{}}]`)
	f("tool_choice.type", rest+`,"tools":[{"name":"f"}],"tool_choice":{"type":"must"}`)
	f("tool_choice", rest+`,"tools":[{"name":"f"}],"tool_choice":{"type":"tool","name":"g"}`)
	f("tools", rest+`,"tools":[{"name":"f"},{"name":"f"}]`) // edge case 62
	f("thinking.type", rest+`,"thinking":{"type":"sometimes"}`)
	f("output_config.format.type", rest+`,"output_config":{"format":{"type":"xml"}}`)
	f("stop_sequences[0]", rest+`,"stop_sequences":[1]`)
	f("metadata", rest+`,"metadata":1`)
	f("thread", rest+`,"thread":{"id":"x"}`)
}

func TestReadRequest_Message(t *testing.T) {
	_, err := readRequest(translate.OpMessages, `{"model":"m","max_tokens":1,"messages":[{"role":"user","content":[{"type":7}]}]}`)
	same(t, "message", err.Message, `The field "messages[0].content[0].type" must be a string.`)
}

func TestReadRequest_Thread(t *testing.T) {
	_, err := readRequest(translate.OpMessages, `{"model":"m","max_tokens":1,"messages":[],"thread":{}}`)
	body := string(New().AppendError(nil, err, "r"))
	same(t, "details", at(t, body, "error", "details", "error_code"), `"thread_unsupported_request"`)
}

func TestEdge077_Nulls(t *testing.T) {
	q := request(t, `{"model":"m","max_tokens":1,"messages":[{"role":"user","content":"a"}],"temperature":null,"tools":null,"stop_sequences":null,"system":null,"thinking":null}`)
	want := ask(user(text("a")))
	want.Model, want.MaxTokens = "m", []byte("1")
	if diff := cmp.Diff(want, q); diff != "" {
		t.Error(diff)
	}
}

func TestCount(t *testing.T) {
	var r translate.Request
	if err := r.Scan([]byte(`{"model":"m","messages":[{"role":"user","content":"a"}]}`)); err != nil {
		t.Fatal(err)
	}
	if q, err := New().ReadCount(&r); err != nil || len(q.Turns) != 1 {
		t.Error(q, err)
	}
	same(t, "count", string(New().AppendCount(nil, 12)), `{"input_tokens":12}`)
}

func TestAppendReply(t *testing.T) {
	a := &neutral.Reply{
		ID: "chatcmpl-1", Model: "gpt",
		Choices: []neutral.Choice{{
			Blocks: []neutral.Block{text("hi"), text(""), toolUse("c1", `{"a": 1}`), {Kind: neutral.Foreign, Raw: []byte("{}"), Dialect: "openai"}},
			Finish: neutral.FinishStop,
		}},
		Usage: neutral.Usage{Usage: translate.Usage{In: 10, CacheRead: 4, CacheWrite: 3, Out: 5, Reasoning: 2, Known: true}, CacheWriteHour: 1},
	}
	same(t, "reply", string(New().AppendReply(nil, translate.OpMessages, &neutral.Request{}, a)),
		`{"id":"chatcmpl-1","type":"message","role":"assistant","model":"gpt","content":[{"type":"text","text":"hi"},`+
			`{"type":"tool_use","id":"c1","name":"f","input":{"a": 1}}],"stop_reason":"tool_use","stop_sequence":null,"stop_details":null,"container":null,`+
			`"usage":{"input_tokens":3,"cache_creation_input_tokens":3,"cache_read_input_tokens":4,"cache_creation":{"ephemeral_5m_input_tokens":2,"ephemeral_1h_input_tokens":1},`+
			`"output_tokens":5,"output_tokens_details":{"thinking_tokens":2},"server_tool_use":null,"service_tier":null}}`)
	empty := New().AppendReply(nil, translate.OpMessages, &neutral.Request{Model: "asked"}, &neutral.Reply{})
	if !json.Valid(empty) || !strings.HasPrefix(at(t, string(empty), "id"), `"msg_`) || at(t, string(empty), "model") != `"asked"` {
		t.Errorf("%s", empty)
	}
}

// TestEdge160_ForeignSeals: what another provider has sealed comes back from a
// client with its maker's name, and goes to nobody else.
func TestEdge160_ForeignSeals(t *testing.T) {
	sealed := toolUse("c1", "{}")
	sealed.Signature, sealed.Origin = []byte("call-seal"), "gemini"
	thought := neutral.Block{Kind: neutral.Thinking, Text: []byte("hm"), Signature: []byte("a:b"), Origin: "gemini"}
	a := &neutral.Reply{Choices: []neutral.Choice{{Blocks: []neutral.Block{thought, sealed}, Finish: neutral.FinishTools}}}
	whole := New().AppendReply(nil, translate.OpMessages, &neutral.Request{}, a)
	streamed, ok := New().AppendAnswer(nil, []byte(encode(neutral.Replay(nil, a))), translate.OpMessages)
	if !ok {
		t.Fatal("no answer")
	}
	for _, body := range []string{string(whole), string(streamed)} {
		history := `{"model":"m","max_tokens":1,"messages":[{"role":"user","content":"a"},{"role":"assistant","content":` + at(t, body, "content") +
			`},{"role":"user","content":[{"type":"tool_result","tool_use_id":"c1"}]}]}`
		if !New().Mixed([]byte(history)) {
			t.Error("not taken for mixed")
		}
		q := request(t, history)
		if diff := cmp.Diff([]neutral.Block{thought, sealed}, q.Turns[1].Blocks); diff != "" {
			t.Error(diff)
		}
		if out, _ := send(t, q, neutral.Target{}); strings.Contains(out, "seal") || strings.Contains(out, "thinking") {
			t.Error(out)
		}
	}
	if New().Mixed([]byte(`{"signature":"sig"}`)) {
		t.Error("taken for mixed")
	}
}

func TestReadError(t *testing.T) {
	f := func(status int, body string, code translate.Code, message, param, reason string, kept bool) {
		t.Helper()
		e := New().ReadError(status, []byte(body))
		if e.Code != code || code == translate.ProviderRejected && (e.Message != message || e.Param != param || e.Reason != reason) || (e.Body != nil) != kept {
			t.Errorf("%d %s: got %+v", status, body, e)
		}
	}
	envelope := func(kind, message string) string {
		return `{"type":"error","error":{"type":"` + kind + `","message":"` + message + `"},"request_id":"r"}`
	}
	f(400, envelope("invalid_request_error", "messages.0.content.1: bad"), translate.ProviderRejected, "messages.0.content.1: bad", "messages[0].content[1]", "", true)
	f(400, envelope("invalid_request_error", "prompt is too long: 5 > 4"), translate.ProviderRejected, "prompt is too long: 5 > 4", "", "context_length_exceeded", true)
	f(404, `{"error":"gone"}`, translate.ProviderRejected, "gone", "", "", false) // edge case 146
	f(400, `{"message":"no"}`, translate.ProviderRejected, "no", "", "", false)
	f(400, `<html>`, translate.ProviderRejected, "The provider refused the request with status 400.", "", "", false) // edge case 145
	f(400, ``, translate.ProviderRejected, "The provider refused the request with status 400.", "", "", false)
	f(401, envelope("authentication_error", "x"), translate.ProviderAuth, "", "", "", false)
	f(429, envelope("rate_limit_error", "x"), translate.ProviderRateLimited, "", "", "", false)
	f(529, ``, translate.ProviderOverloaded, "", "", "", false) // edge case 142
	f(500, envelope("api_error", "x"), translate.ProviderFailed, "", "", "", false)
	f(200, envelope("overloaded_error", "x"), translate.ProviderOverloaded, "", "", "", false)
	f(200, envelope("invalid_request_error", "x"), translate.ProviderRejected, "x", "", "", true) // edge case 147
	f(200, `{"error":{"message":"x"}}`, translate.ProviderFailed, "", "", "", false)
}

func TestAppendError(t *testing.T) {
	f := func(e translate.Error, status int, want string) {
		t.Helper()
		same(t, e.Code.String(), string(New().AppendError(nil, &e, "req")), want)
		if got := New().HTTPStatus(&e); got != status {
			t.Errorf("%v: status %d, want %d", e.Code, got, status)
		}
	}
	f(translate.Error{Code: translate.CallerModelNotFound, Message: "no \"x\""}, 404,
		`{"type":"error","error":{"type":"not_found_error","message":"no \"x\"","gateway_code":"caller_model_not_found"},"request_id":"req"}`)
	f(translate.Error{Code: translate.ProviderOverloaded}, 529,
		`{"type":"error","error":{"type":"overloaded_error","message":"","gateway_code":"provider_overloaded"},"request_id":"req"}`)
	f(translate.Error{Code: translate.ProviderRejected, Status: 400, Message: "5 is more than 4", Reason: "context_length_exceeded"}, 400,
		`{"type":"error","error":{"type":"invalid_request_error","message":"prompt is too long: 5 is more than 4","gateway_code":"provider_rejected"},"request_id":"req"}`)
	f(translate.Error{Code: translate.ProviderRejected, Body: []byte(`{"a":1}`)}, 400, `{"a":1}`)
	e := &translate.Error{Code: translate.ProviderReset, Message: "cut"}
	same(t, "event", string(New().AppendErrorEvent(nil, e)),
		"event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"api_error\",\"message\":\"cut\",\"gateway_code\":\"provider_reset\"},\"request_id\":null}\n\n")
	e.Body = []byte("{\n}")
	same(t, "event", string(New().AppendErrorEvent(nil, e)), "event: error\ndata: { }\n\n")
}
