package responses

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ai-mcp-gateway/gateway/translate"
	"github.com/ai-mcp-gateway/gateway/translate/neutral"
)

func TestReadRequest(t *testing.T) {
	q := mustRead(t, `{
	"model":"m","instructions":"Be brief.","stream":true,
	"input":[
		{"role":"developer","content":"Speak French."},
		{"role":"user","content":[{"type":"input_text","text":"What is \"this\"?"},
			{"type":"input_image","image_url":"https://example.com/a.png","detail":"low"},
			{"type":"input_file","filename":"a.pdf","file_data":"data:application/pdf;base64,JVBERi0="}]},
		{"type":"reasoning","id":"rs_1","summary":[{"type":"summary_text","text":"One"},{"type":"summary_text","text":"Two"}],"encrypted_content":"sealed"},
		{"type":"message","id":"msg_1","role":"assistant","status":"completed","content":[{"type":"output_text","text":"Look.","annotations":[]}]},
		{"type":"function_call","id":"fc_1","call_id":"call_1","name":"look","arguments":"{\"n\":12345678901234567890}"},
		{"type":"custom_tool_call","call_id":"call_2","name":"sql","input":"SELECT 1"},
		{"type":"function_call_output","call_id":"call_1","output":[{"type":"input_text","text":"seen"},{"type":"input_image","image_url":"data:image/png;base64,iVBORw0KGgo="}]},
		{"type":"custom_tool_call_output","call_id":"call_2","output":"1"},
		{"role":"system","content":"Hurry."},
		{"role":"user","content":"And?"}],
	"tools":[{"type":"function","name":"look","description":"Look","parameters":{"type":"object","properties":{"z":{},"a":{}}},"strict":true},
		{"type":"custom","name":"sql","format":{"type":"text"}},{"type":"web_search"}],
	"tool_choice":{"type":"allowed_tools","mode":"required","tools":[{"type":"function","name":"look"},{"type":"web_search"}]},
	"parallel_tool_calls":false,"text":{"format":{"type":"json_schema","name":"n","schema":{"type":"object"},"strict":true},"verbosity":"low"},
	"reasoning":{"effort":"high","summary":"auto"},"max_output_tokens":100.0,"temperature":0.5,"top_p":0.9,"top_logprobs":2,
	"include":["reasoning.encrypted_content"],"store":false,"metadata":{"a":"b"},"safety_identifier":"s","prompt_cache_key":"k",
	"prompt_cache_retention":"24h","service_tier":"flex","truncation":"auto","conversation_id":"c","vendor_field":[1]}`)

	if got := string(neutral.JoinText(q.System, "|")); got != "Be brief.|Speak French." {
		t.Errorf("the system prompt is %q", got)
	}
	shape := func(turns []neutral.Turn) (s string) {
		for _, turn := range turns {
			s += [...]string{"", "user", "assistant", "system"}[turn.Role]
			for _, b := range turn.Blocks {
				s += " " + [...]string{"", "text", "image", "audio", "file", "use", "result", "thinking", "refusal", "foreign"}[b.Kind]
			}
			s += "; "
		}
		return s
	}
	if got, want := shape(q.Turns), "user text image file; assistant thinking text use use; user result result; system text; user text; "; got != want {
		t.Errorf("the turns are %q, not %q", got, want)
	}
	thinking := q.Turns[1].Blocks[0]
	if string(thinking.Text) != "One\n\nTwo" || string(thinking.Signature) != "sealed" || thinking.Origin != name {
		t.Errorf("the reasoning is %+v", thinking)
	}
	if use := q.Turns[1].Blocks[2]; string(use.Arguments) != `{"n":12345678901234567890}` || use.ID != "call_1" {
		t.Errorf("the call is %+v", use)
	}
	if content := q.Turns[2].Blocks[0].Content; len(content) != 2 || string(content[1].Media.Data) != "iVBORw0KGgo=" {
		t.Errorf("the result is %+v", content)
	}
	if tool := q.Tools[0]; string(tool.Schema) != `{"type":"object","properties":{"z":{},"a":{}}}` || tool.Strict != neutral.On {
		t.Errorf("the tool is %+v", tool)
	}
	want := neutral.Request{
		Model: "m", Choice: neutral.ToolChoice{Mode: neutral.ChoiceRequired, Names: []string{"look", "web_search"}},
		Parallel: neutral.Off, MaxTokens: []byte("100.0"), Temperature: []byte("0.5"), TopP: []byte("0.9"),
		TopLogprobs: []byte("2"), Logprobs: neutral.On,
		Format:    neutral.Format{Kind: neutral.FormatSchema, Name: "n", Schema: []byte(`{"type":"object"}`), Strict: neutral.On},
		Reasoning: neutral.Reasoning{Set: true, Effort: "high", Summary: "auto"},
		Cache:     neutral.Cache{Key: "k", Retention: "24h"}, ServiceTier: "flex", User: "s",
		Metadata: []byte(`{"a":"b"}`), Store: neutral.Off, Stream: true, Usage: true,
		Extra: []neutral.Member{{Name: "verbosity", Raw: []byte(`"low"`)}, {Name: "truncation", Raw: []byte(`"auto"`)}, {Name: "vendor_field", Raw: []byte("[1]")}},
	}
	got := *q
	got.System, got.Turns, got.Tools = nil, nil, nil
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestReadRequestErrors(t *testing.T) {
	f := func(member, path string) {
		t.Helper()
		body := `{"model":"m",` + member + `}`
		if !strings.Contains(member, `"input":`) {
			body = `{"model":"m","input":"x",` + member + `}`
		}
		_, err := read(body)
		if err == nil {
			t.Errorf("%s is read", body)
		} else if err.Param != path || err.HTTPStatus() != 400 {
			t.Errorf("%s: %q, status %d: %s", body, err.Param, err.HTTPStatus(), err.Message)
		}
	}
	f(`"input":null`, "input")
	f(`"input":7`, "input")
	f(`"input":[]`, "input")
	f(`"input":[7]`, "input[0]")
	f(`"input":[{"role":"robot","content":"x"}]`, "input[0].role")
	f(`"input":[{"content":"x"}]`, "input[0].type")
	f(`"input":["x",{"role":"user"}]`, "input[0]")
	f(`"input":[{"role":"user","content":[{"type":"input_text","text":"x"},{"type":"hologram"}]}]`, "input[0].content[1].type")
	f(`"input":[{"role":"user","content":[{"type":"input_text"}]}]`, "input[0].content[0].text")
	f(`"input":[{"role":"user","content":[{"type":"input_image"}]}]`, "input[0].content[0].image_url")
	f(`"input":[{"role":"user","content":[{"type":"input_file","filename":"a"}]}]`, "input[0].content[0].file_data")
	f(`"input":[{"type":"function_call","name":"f","arguments":"{}"}]`, "input[0].call_id")
	f(`"input":[{"type":"function_call","call_id":"c","arguments":"{}"}]`, "input[0].name")
	f(`"input":[{"type":"function_call_output","output":""}]`, "input[0].call_id")
	f(`"input":[{"type":"function_call_output","call_id":"c","output":[{"type":"x"}]}]`, "input[0].output[0].type")
	f(`"input":[{"type":"item_reference","id":"msg_1"}]`, "input[0].id")
	f(`"instructions":3`, "instructions")
	f(`"tools":{}`, "tools")
	f(`"tools":[{"type":"function"}]`, "tools[0].name")
	f(`"tools":[{"type":"web_search"},{"name":"f"}]`, "tools[1].type")
	f(`"tools":[{"type":"function","name":"f","strict":"yes"}]`, "tools[0].strict")
	f(`"tool_choice":"perhaps"`, "tool_choice")
	f(`"tool_choice":{"type":"function"}`, "tool_choice.name")
	f(`"tool_choice":{"type":"allowed_tools","mode":"auto","tools":[{"type":"function"}]}`, "tool_choice.tools[0].name")
	f(`"tool_choice":{"type":"allowed_tools","mode":"none","tools":[]}`, "tool_choice.mode")
	f(`"parallel_tool_calls":"no"`, "parallel_tool_calls")
	f(`"text":{"format":{"type":"yaml"}}`, "text.format.type")
	f(`"text":{"format":{"type":"json_schema","name":"n"}}`, "text.format.schema")
	f(`"reasoning":{"effort":"heroic"}`, "reasoning.effort")
	f(`"max_output_tokens":"100"`, "max_output_tokens")
	f(`"temperature":"hot"`, "temperature")
	f(`"metadata":[]`, "metadata")
	f(`"background":true`, "background")
	f(`"conversation":"conv_1"`, "conversation")
	f(`"prompt":{"id":"p"}`, "prompt")
	f(`"previous_response_id":"resp_1"`, "previous_response_id")
}

// Nulls are as good as nothing, and defaults are no settings.
func TestEdge077_ExplicitNulls(t *testing.T) {
	q := mustRead(t, `{"model":"m","input":"x","instructions":null,"tools":null,"tool_choice":null,"text":null,"reasoning":null,
		"temperature":null,"max_output_tokens":null,"metadata":null,"store":true,"background":false,"previous_response_id":null,
		"conversation":null,"include":null,"truncation":"disabled","user":null,"top_logprobs":0,"parallel_tool_calls":null}`)
	want := &neutral.Request{
		Model: "m", Usage: true,
		Turns: []neutral.Turn{{Role: neutral.User, Blocks: []neutral.Block{{Kind: neutral.Text, Text: []byte("x")}}}},
	}
	if diff := cmp.Diff(want, q); diff != "" {
		t.Error(diff)
	}
}

// The provider that has made an id is the only one that knows it: a request
// that still has one is refused, never answered without its history.
func TestEdge163_PreviousResponse(t *testing.T) {
	_, err := read(`{"model":"m","input":"x","previous_response_id":"resp_1"}`)
	if err == nil || err.Reason != "previous_response_not_found" {
		t.Fatalf("%+v", err)
	}
	body := string(New().AppendError(nil, err, ""))
	if !strings.Contains(body, `"code":"previous_response_not_found"`) {
		t.Error(body)
	}
}

func TestExpandInput(t *testing.T) {
	const (
		input    = `[{"type":"message","id":"in_1","role":"user","content":"Hi"}]`
		response = `{"id":"resp_1","output":[{"type":"message","id":"msg_1","role":"assistant","content":[{"type":"output_text","text":"Hello"}]}]}`
	)
	expand := func(body string) string {
		return string(New().ExpandInput(nil, []byte(input), []byte(response), []byte(body)))
	}
	f := func(body, want string) {
		t.Helper()
		if got := expand(body); got != want {
			t.Errorf("%s\nwant %s", got, want)
		}
	}
	const before = `{"type":"message","role":"user","content":"Hi"},{"type":"message","role":"assistant","content":[{"type":"output_text","text":"Hello"}]}`
	f(`{"model":"m","previous_response_id":"resp_1","input":"Bye","n":1.0}`,
		`{"model":"m","input":[`+before+`,{"type":"message","role":"user","content":"Bye"}],"n":1.0}`)
	f(`{"previous_response\u005fid":"resp_1", "input" : [ {"role":"user","content":"Bye"} ] }`,
		`{"input":[`+before+`, {"role":"user","content":"Bye"} ]}`)
	f(`{"model":"m","input":[ ]}`, `{"model":"m","input":[`+before+` ]}`)
	f(`{"model":"m"}`, `{"model":"m","input":[`+before+`]}`)
	if got := string(New().ExpandInput(nil, nil, nil, []byte(`{"input":"x"}`))); got != `{"input":[{"type":"message","role":"user","content":"x"}]}` {
		t.Error(got)
	}
	q := mustRead(t, expand(`{"model":"m","input":"Bye","previous_response_id":"resp_1"}`))
	if len(q.Turns) != 3 || q.Turns[1].Role != neutral.Assistant {
		t.Errorf("%+v", q.Turns)
	}
}

func TestAppendInput(t *testing.T) {
	f := func(body, want string) {
		t.Helper()
		if got := string(New().AppendInput(nil, []byte(body), "r")); got != want {
			t.Errorf("%s\nwant %s", got, want)
		}
	}
	f(`{"input":"x"}`, `[{"id":"in_r_0","type":"message","role":"user","content":[{"type":"input_text","text":"x"}]}]`)
	f(`{"input":[{"type":"reasoning","id":"rs_1","summary":[]},{"role":"assistant","content":"y"}]}`,
		`[{"type":"reasoning","id":"rs_1","summary":[]},{"id":"in_r_1","type":"message","role":"assistant","content":[{"type":"output_text","text":"y","annotations":[]}]}]`)
	f(`{"input":null}`, `[]`)
}

func TestReadResponse(t *testing.T) {
	f := func(data, wantID string) {
		t.Helper()
		response, id := New().ReadResponse([]byte(data))
		if string(id) != wantID || (wantID != "") != strings.HasPrefix(string(response), `{"id":`) {
			t.Errorf("%s: %s, %q", data, response, id)
		}
	}
	f(answer, "resp_1")
	f(` {"type":"response.completed","sequence_number":1,"response":`+answer+`} `, "resp_1")
	f(`{"error":{}}`, "")
	f(`{"id":"resp_1"`, "")
	f(``, "")
}

// What is read and written again is the same request.
func TestRequestRoundTrip(t *testing.T) {
	target := neutral.Target{Model: "m", Traits: neutral.Traits{Thinking: "effort"}}
	f := func(body string) {
		t.Helper()
		once, _ := mustAppend(t, mustRead(t, body), target)
		twice, _ := mustAppend(t, mustRead(t, once), target)
		if once != twice {
			t.Errorf("%s\nbecomes\n%s", once, twice)
		}
	}
	f(`{"model":"m","input":"x"}`)
	f(`{"model":"m","instructions":"i","input":[{"role":"system","content":"s"},{"role":"user","content":"x"},{"role":"developer","content":"d"},{"role":"user","content":"y"}]}`)
	f(`{"model":"m","input":[{"role":"user","content":[{"type":"input_text","text":"a"},{"type":"input_image","image_url":"data:image/png;base64,iVBORw0KGgo="},{"type":"input_text","text":"b"},{"type":"input_file","file_url":"https://example.com/x.pdf"}]}]}`)
	f(`{"model":"m","input":[{"role":"user","content":"x"},{"type":"reasoning","id":"rs","summary":[],"encrypted_content":"e"},{"type":"function_call","call_id":"c","name":"f","arguments":""},{"type":"function_call_output","call_id":"c","output":""}],"tools":[{"type":"function","name":"f"}],"tool_choice":{"type":"function","name":"f"}}`)
	f(`{"model":"m","input":[{"role":"user","content":"x"},{"type":"web_search_call","id":"ws_1","status":"completed","action":{"type":"search"}},{"role":"assistant","content":[{"type":"refusal","refusal":"no"}]}],"tools":[{"type":"web_search"}],"reasoning":{"effort":"low","summary":"concise"},"text":{"verbosity":"high"},"store":false,"include":["message.output_text.logprobs"],"top_logprobs":3}`)
}

func TestAppendHead(t *testing.T) {
	f := func(v translate.Envelope, want string) {
		t.Helper()
		v.Host = "h"
		if got := string(New().AppendHead(nil, &v)); got != want {
			t.Errorf("%q", got)
		}
	}
	const host = " HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\nAccept: "
	f(translate.Envelope{Base: "/api/v1", Stream: true, Key: "k"},
		"POST /api/v1/responses"+host+"text/event-stream\r\nAccept-Encoding: identity\r\nAuthorization: Bearer k\r\n")
	f(translate.Envelope{}, "POST /v1/responses"+host+"application/json\r\nAccept-Encoding: identity\r\n")
	f(translate.Envelope{Base: "/openai?api-version=1"}, "POST /openai/responses?api-version=1"+host+"application/json\r\nAccept-Encoding: identity\r\n")
}
