package cohere

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ai-mcp-gateway/gateway/translate"
	"github.com/ai-mcp-gateway/gateway/translate/neutral"
)

func textBlock(s string) neutral.Block { return neutral.Block{Kind: neutral.Text, Text: []byte(s)} }

func turn(role neutral.Role, blocks ...neutral.Block) neutral.Turn {
	return neutral.Turn{Role: role, Blocks: blocks}
}

func ask(text string) *neutral.Request {
	return &neutral.Request{Turns: []neutral.Turn{turn(neutral.User, textBlock(text))}}
}

func callBlock(id, tool, args string) neutral.Block {
	return neutral.Block{Kind: neutral.ToolUse, ID: id, Name: tool, Arguments: []byte(args)}
}

func resultBlock(id string, content ...neutral.Block) neutral.Block {
	return neutral.Block{Kind: neutral.ToolResult, ID: id, Content: content}
}

const (
	head  = `{"model":"m","stream":false,"messages":[`
	hello = head + `{"role":"user","content":"hi"}]`
)

// wantBody checks the body of a request, byte for byte, and what was dropped.
func wantBody(t *testing.T, q *neutral.Request, traits neutral.Traits, want string, drops ...string) {
	t.Helper()
	got, gone, err := New().AppendRequest([]byte(">"), q, &neutral.Target{Model: "m", Traits: traits})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(">"+want, string(got)); diff != "" {
		t.Error(diff)
	}
	if !json.Valid(got[1:]) {
		t.Errorf("not JSON: %s", got)
	}
	if diff := cmp.Diff(neutral.Drops(drops), gone); diff != "" {
		t.Errorf("dropped: %s", diff)
	}
}

func wantRefused(t *testing.T, q *neutral.Request, param string) {
	t.Helper()
	got, _, err := New().AppendRequest([]byte(">"), q, &neutral.Target{Model: "m", Traits: neutral.Traits{NoURLs: true}})
	if err == nil || err.Code != translate.CallerUnsupported || err.Param != param || string(got) != ">" {
		t.Errorf("got %q, %v; want a refusal of %q", got, err, param)
	}
}

func TestAppendHead(t *testing.T) {
	f := func(v translate.Envelope, want string) {
		t.Helper()
		if diff := cmp.Diff(want, string(New().AppendHead(nil, &v))); diff != "" {
			t.Error(diff)
		}
	}
	rest := " HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\nAccept: application/json\r\nAccept-Encoding: identity\r\n"
	f(translate.Envelope{Host: "h", Op: translate.OpChat, Key: "k"}, "POST /v2/chat"+rest+"Authorization: Bearer k\r\n")
	f(translate.Envelope{Host: "h", Base: "/v2", Op: translate.OpEmbedding}, "POST /v2/embed"+rest)
	f(translate.Envelope{Host: "h", Base: "/x", Op: translate.OpMessages, Stream: true},
		"POST /x/v2/chat"+strings.Replace(rest, "application/json\r\nAccept-", "text/event-stream\r\nAccept-", 1))
}

func TestAppendRequest_Messages(t *testing.T) {
	q := ask("hi")
	q.Stream = true
	q.System = []neutral.Block{textBlock("a"), textBlock("b")}
	q.Turns = append(q.Turns, turn(neutral.Assistant, neutral.Block{Kind: neutral.Thinking, Text: []byte("hm"), Origin: name}, textBlock("yes")),
		turn(neutral.System, textBlock("now")), turn(neutral.User, textBlock("so")))
	wantBody(t, q, neutral.Traits{}, `{"model":"m","stream":true,"messages":[{"role":"system","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]},`+
		`{"role":"user","content":"hi"},{"role":"assistant","content":[{"type":"thinking","thinking":"hm"},{"type":"text","text":"yes"}]},`+
		`{"role":"system","content":"now"},{"role":"user","content":"so"}]}`)
}

func TestAppendRequest_Calls(t *testing.T) {
	q := ask("hi")
	q.Turns = append(q.Turns,
		turn(neutral.Assistant, neutral.Block{Kind: neutral.Thinking, Text: []byte("I will"), Origin: name}, textBlock("ok"), callBlock("c1", "a", `{"b":1,"a":"x"}`), callBlock("c2", "a", "null")),
		turn(neutral.User, textBlock("go"), resultBlock("c2", textBlock("r2"), textBlock("r3")), resultBlock("c1", textBlock("r1"))))
	wantBody(t, q, neutral.Traits{}, head+`{"role":"user","content":"hi"},{"role":"assistant","content":"ok","tool_plan":"I will",`+
		`"tool_calls":[{"id":"c1","type":"function","function":{"name":"a","arguments":"{\"b\":1,\"a\":\"x\"}"}},{"id":"c2","type":"function","function":{"name":"a","arguments":"{}"}}]},`+
		`{"role":"tool","tool_call_id":"c1","content":"r1"},{"role":"tool","tool_call_id":"c2","content":"r2\nr3"},{"role":"user","content":"go"}]}`)
}

func TestAppendRequest_Sampling(t *testing.T) {
	q := ask("hi")
	q.MaxTokens, q.Temperature, q.TopP, q.TopK = []byte("100"), []byte("0.30"), []byte("0.5"), []byte("40")
	q.FrequencyPenalty, q.PresencePenalty, q.Seed, q.Logprobs = []byte("0.5"), []byte("0.1"), []byte("7"), neutral.On
	wantBody(t, q, neutral.Traits{}, hello+`,"max_tokens":100,"temperature":0.30,"p":0.5,"k":40,"frequency_penalty":0.5,"presence_penalty":0.1,"seed":7}`, "logprobs")
	wantBody(t, q, neutral.Traits{Sampling: "reasoning"}, hello+`,"max_tokens":100,"seed":7}`,
		"temperature", "top_p", "top_k", "frequency_penalty", "presence_penalty", "logprobs")
}

func TestEdge065_Clamped(t *testing.T) {
	q := ask("hi")
	q.Temperature, q.TopP, q.PresencePenalty = []byte("1.7"), []byte("1"), []byte("-2")
	wantBody(t, q, neutral.Traits{}, hello+`,"temperature":1,"p":0.99,"presence_penalty":0}`, "temperature", "presence_penalty")
}

func TestAppendRequest_Format(t *testing.T) {
	q := ask("hi")
	q.Format = neutral.Format{Kind: neutral.FormatSchema, Schema: []byte(`{"type":"object"}`)}
	wantBody(t, q, neutral.Traits{}, hello+`,"response_format":{"type":"json_object","json_schema":{"type":"object"}}}`)
	wantBody(t, q, neutral.Traits{Schema: "json"}, hello+`,"response_format":{"type":"json_object"}}`, "response_format.json_schema.schema")
	wantBody(t, q, neutral.Traits{Schema: "none"}, hello+`}`, "response_format")
	q.Format = neutral.Format{Kind: neutral.FormatJSON}
	wantBody(t, q, neutral.Traits{}, hello+`,"response_format":{"type":"json_object"}}`)
}

func TestAppendRequest_Reasoning(t *testing.T) {
	f := func(r neutral.Reasoning, how, want string, drops ...string) {
		t.Helper()
		q := ask("hi")
		q.Reasoning = r
		if want != "" {
			want = `,"thinking":` + want
		}
		wantBody(t, q, neutral.Traits{Thinking: how}, hello+want+"}", drops...)
	}
	f(neutral.Reasoning{}, "budget", "")
	f(neutral.Reasoning{Set: true, Effort: "high"}, "", "", "reasoning_effort")
	f(neutral.Reasoning{Set: true, Effort: "high"}, "switch", `{"type":"enabled"}`)
	f(neutral.Reasoning{Set: true, Effort: "none"}, "budget", `{"type":"disabled"}`)
	f(neutral.Reasoning{Set: true, Budget: 2048}, "budget", `{"type":"enabled","token_budget":2048}`)
}

func TestAppendRequest_Tools(t *testing.T) {
	q := ask("hi")
	q.Tools = []neutral.Tool{{Name: "a", Description: "d", Schema: []byte(`{"type":"object","properties":{"x":{"type":"string"}}}`)}, {Name: "b"}}
	a := `{"type":"function","function":{"name":"a","description":"d","parameters":{"type":"object","properties":{"x":{"type":"string"}}}}}`
	b := `{"type":"function","function":{"name":"b","parameters":{"type":"object","properties":{}}}}`
	f := func(choice neutral.ToolChoice, want string) {
		t.Helper()
		q.Choice = choice
		wantBody(t, q, neutral.Traits{}, hello+`,"tools":[`+want+`}`)
	}
	f(neutral.ToolChoice{}, a+","+b+`]`)
	f(neutral.ToolChoice{Mode: neutral.ChoiceAuto}, a+","+b+`]`)
	f(neutral.ToolChoice{Mode: neutral.ChoiceNone}, a+","+b+`],"tool_choice":"NONE"`)
	f(neutral.ToolChoice{Mode: neutral.ChoiceRequired}, a+","+b+`],"tool_choice":"REQUIRED"`)
	f(neutral.ToolChoice{Mode: neutral.ChoiceNamed, Names: []string{"b"}}, b+`],"tool_choice":"REQUIRED"`)
	q.Choice = neutral.ToolChoice{}
	q.Tools[0].Strict = neutral.On
	wantBody(t, q, neutral.Traits{}, hello+`,"tools":[`+a+","+b+`]}`, "tools[].strict")
	q.Tools[1].Strict = neutral.On
	wantBody(t, q, neutral.Traits{}, hello+`,"tools":[`+a+","+b+`],"strict_tools":true}`)
}

func TestEdge048_AllowedTools(t *testing.T) {
	q := ask("hi")
	q.Tools = []neutral.Tool{{Name: "a"}, {Name: "b"}}
	q.Choice = neutral.ToolChoice{Mode: neutral.ChoiceAuto, Names: []string{"b"}}
	b := `{"type":"function","function":{"name":"b","parameters":{"type":"object","properties":{}}}}`
	wantBody(t, q, neutral.Traits{}, hello+`,"tools":[`+b+`]}`)
	q.Choice.Mode = neutral.ChoiceRequired
	wantBody(t, q, neutral.Traits{}, hello+`,"tools":[`+b+`],"tool_choice":"REQUIRED"}`)
	q.Choice.Names = []string{"c"}
	wantRefused(t, q, "tool_choice")
}

func TestAppendRequest_Rest(t *testing.T) {
	q := ask("hi")
	q.User, q.ServiceTier, q.Store = "u", "flex", neutral.On
	q.Turns[0].Name = "bob"
	q.Extra = []neutral.Member{
		{Name: "safety_mode", Raw: []byte(`"OFF"`)},
		{Name: "logit_bias", Raw: []byte(`{}`)},
		{Name: "documents", Raw: []byte(`["a",{"data":{"b":1}}]`)},
	}
	wantBody(t, q, neutral.Traits{}, hello+`,"safety_mode":"OFF","documents":["a",{"data":{"b":1}}]}`,
		"messages[].name", "logit_bias", "service_tier", "user", "store")
}

func TestAppendRequest_Media(t *testing.T) {
	const png = "iVBORw0KGgoAAAANSUhEUg=="
	image := neutral.Block{Kind: neutral.Image, Media: neutral.Media{Data: []byte(png), MIME: "image/jpeg", Detail: "low"}}
	link := neutral.Block{Kind: neutral.Image, Media: neutral.Media{URL: "https://h/a.png"}}
	file := neutral.Block{Kind: neutral.File, Media: neutral.Media{Data: []byte("aGk="), MIME: "text/plain", Name: "a.txt"}}
	q := &neutral.Request{Turns: []neutral.Turn{turn(neutral.User, textBlock("a"), image, link, file)}}
	wantBody(t, q, neutral.Traits{}, head+`{"role":"user","content":[{"type":"text","text":"a"},`+
		`{"type":"image_url","image_url":{"url":"data:image/png;base64,`+png+`","detail":"low"}},{"type":"image_url","image_url":{"url":"https://h/a.png"}}]}],`+
		`"documents":[{"data":{"text":"hi","title":"a.txt"}}]}`)
	q = &neutral.Request{Turns: []neutral.Turn{turn(neutral.User, file)}}
	wantBody(t, q, neutral.Traits{}, head+`{"role":"user","content":[{"type":"text","text":"(See the documents.)"}]}],"documents":[{"data":{"text":"hi","title":"a.txt"}}]}`)
	refused := func(kind neutral.BlockKind, m neutral.Media, param string) {
		t.Helper()
		wantRefused(t, &neutral.Request{Turns: []neutral.Turn{turn(neutral.User, neutral.Block{Kind: kind, Media: m})}}, param)
	}
	refused(neutral.Audio, neutral.Media{Data: []byte("AAAA")}, "messages[].content[].input_audio")
	refused(neutral.File, neutral.Media{Data: []byte("AAAA"), MIME: "application/pdf"}, "messages[].content[].file.file_data")
	refused(neutral.Image, neutral.Media{URL: "https://h/a.png"}, "messages[].content[].image_url.url")
}

func TestEdge016_ResultWithImage(t *testing.T) {
	image := neutral.Block{Kind: neutral.Image, Media: neutral.Media{URL: "https://h/a.png"}}
	q := ask("hi")
	q.Turns = append(q.Turns, turn(neutral.Assistant, callBlock("c1", "see", "{}"), callBlock("c2", "see", "{}")),
		turn(neutral.User, resultBlock("c1", image), resultBlock("c2", textBlock("x")), textBlock("so?")))
	call := func(id string) string {
		return `{"id":"` + id + `","type":"function","function":{"name":"see","arguments":"{}"}}`
	}
	wantBody(t, q, neutral.Traits{}, head+`{"role":"user","content":"hi"},{"role":"assistant","tool_calls":[`+call("c1")+","+call("c2")+`]},`+
		`{"role":"tool","tool_call_id":"c1","content":""},{"role":"tool","tool_call_id":"c2","content":"x"},`+
		`{"role":"user","content":[{"type":"text","text":"From the result of c1:"},{"type":"image_url","image_url":{"url":"https://h/a.png"}},{"type":"text","text":"so?"}]}]}`)
}

func TestEdge059_CustomTool(t *testing.T) {
	q := ask("hi")
	q.Tools = []neutral.Tool{{Name: "sql", Custom: true, Grammar: []byte("{}")}}
	call := callBlock("c", "sql", `select "a"`)
	call.Custom = true
	q.Turns = append(q.Turns, turn(neutral.Assistant, call), turn(neutral.User, resultBlock("c", textBlock("1"))))
	wantBody(t, q, neutral.Traits{}, head+`{"role":"user","content":"hi"},{"role":"assistant","tool_calls":[{"id":"c","type":"function","function":{"name":"sql","arguments":"{\"input\":\"select \\\"a\\\"\"}"}}]},`+
		`{"role":"tool","tool_call_id":"c","content":"1"}],"tools":[{"type":"function","function":{"name":"sql","parameters":`+inputSchema+`}}]}`, "tools[].custom.format")
}

func TestEdge060_ServerTools(t *testing.T) {
	q := ask("hi")
	q.Tools = []neutral.Tool{{Name: "web_search", Server: true, Raw: []byte(`{"type":"web_search"}`), Dialect: "responses"}}
	wantRefused(t, q, "tools")
}

func TestEdge063_Stops(t *testing.T) {
	q := ask("hi")
	q.Stop = []string{"", "a", "b", "c", "d", "e", "f"}
	wantBody(t, q, neutral.Traits{}, hello+`,"stop_sequences":["a","b","c","d","e"]}`, "stop")
	q.Stop = []string{""}
	wantBody(t, q, neutral.Traits{}, hello+`}`)
}

func TestEdge074_SeveralAnswers(t *testing.T) {
	q := ask("hi")
	q.N = 2
	wantRefused(t, q, "n")
}

func TestEdge159_ForeignThinking(t *testing.T) {
	q := ask("hi")
	q.Turns = append(q.Turns, turn(neutral.Assistant, neutral.Block{Kind: neutral.Thinking, Text: []byte("hm"), Signature: []byte("s"), Origin: "anthropic"}, textBlock("yes")), turn(neutral.User, textBlock("so")))
	wantBody(t, q, neutral.Traits{}, head+`{"role":"user","content":"hi"},{"role":"assistant","content":"yes"},{"role":"user","content":"so"}]}`)
}
