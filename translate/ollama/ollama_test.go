package ollama

import (
	"bytes"
	"encoding/json"
	"reflect"
	"slices"
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

func model(blocks ...neutral.Block) neutral.Turn {
	return neutral.Turn{Role: neutral.Assistant, Blocks: blocks}
}

func call(id, name, arguments string) neutral.Block {
	return neutral.Block{Kind: neutral.ToolUse, ID: id, Name: name, Arguments: []byte(arguments)}
}

func picture(data string) neutral.Block {
	return neutral.Block{Kind: neutral.Image, Media: neutral.Media{Data: []byte(data)}}
}

var (
	hello = []neutral.Turn{user(text("hi"))}
	aTool = neutral.Tool{Name: "t", Description: "d", Schema: []byte(`{"type":"object","properties":{"z":{},"a":{}}}`)}
)

const (
	opening   = `{"model":"qwen","stream":false,"messages":[`
	helloBody = opening + `{"role":"user","content":"hi"}]`
	toolBody  = `,"tools":[{"type":"function","function":{"name":"t","description":"d","parameters":{"type":"object","properties":{"z":{},"a":{}}}}}]`
)

// wrote holds that q for a model of traits becomes want, byte for byte, and
// loses drops.
func wrote(t *testing.T, q neutral.Request, traits neutral.Traits, want string, drops ...string) {
	t.Helper()
	target := neutral.Target{Model: "qwen", Traits: traits}
	got, lost, err := New().AppendRequest([]byte("before"), &q, &target)
	if err != nil {
		t.Fatalf("refused: %v", err)
	}
	if diff := cmp.Diff("before"+want, string(got)); diff != "" {
		t.Error(diff)
	}
	if !json.Valid(got[len("before"):]) {
		t.Errorf("no JSON: %s", got)
	}
	if diff := cmp.Diff(neutral.Drops(drops), lost); diff != "" {
		t.Error(diff)
	}
}

// refused holds that q is an error for the parameter param.
func refused(t *testing.T, q neutral.Request, param string) {
	t.Helper()
	_, _, err := New().AppendRequest(nil, &q, &neutral.Target{})
	if err == nil || err.Code != translate.CallerUnsupported || err.Param != param {
		t.Errorf("%v, want %s unsupported", err, param)
	}
}

func TestAppendHead(t *testing.T) {
	f := func(base string, op translate.Op, stream bool, key, want string) {
		t.Helper()
		got := string(New().AppendHead(nil, &translate.Envelope{Host: "h:11434", Base: base, Op: op, Stream: stream, Key: key}))
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	const rest = " HTTP/1.1\r\nHost: h:11434\r\nContent-Type: application/json\r\nAccept: application/json\r\nAccept-Encoding: identity\r\n"
	f("", translate.OpChat, false, "", "POST /api/chat"+rest)
	f("/api", translate.OpCompletion, false, "", "POST /api/chat"+rest)
	f("/proxy/v1", translate.OpEmbedding, false, "k", "POST /proxy/api/embed"+rest+"Authorization: Bearer k\r\n")
	f("/", translate.OpChat, true, "", "POST /api/chat"+strings.Replace(rest, "Accept: application/json", "Accept: application/x-ndjson", 1))
}

func TestRequest(t *testing.T) {
	wrote(t, neutral.Request{Turns: hello}, neutral.Traits{}, helloBody+`}`)
	wrote(t, neutral.Request{Turns: hello, Stream: true}, neutral.Traits{}, `{"model":"qwen","stream":true,"messages":[{"role":"user","content":"hi"}]}`)
	wrote(t, neutral.Request{
		System: []neutral.Block{text("s")}, Turns: hello,
		MaxTokens: []byte("9"), Temperature: []byte("0.5"), TopP: []byte("0.9"), TopK: []byte("4"), Seed: []byte("7"),
		FrequencyPenalty: []byte("0.1"), PresencePenalty: []byte("0.2"), Stop: []string{"a", "\n"},
		Logprobs: neutral.On, TopLogprobs: []byte("2"), User: "u", Metadata: []byte(`{}`), Cache: neutral.Cache{Key: "k"},
		Extra: []neutral.Member{
			{Name: "options", Raw: []byte(`{"num_ctx":8192,"seed":1}`)}, {Name: "keep_alive", Raw: []byte(`"1m"`)}, {Name: "logit_bias", Raw: []byte(`{}`)},
		},
	}, neutral.Traits{}, opening+`{"role":"system","content":"s"},{"role":"user","content":"hi"}],"logprobs":true,"top_logprobs":2,`+
		`"options":{"num_predict":9,"temperature":0.5,"top_p":0.9,"top_k":4,"frequency_penalty":0.1,"presence_penalty":0.2,"seed":7,"stop":["a","\n"],"num_ctx":8192},"keep_alive":"1m"}`,
		"logit_bias", "user", "metadata", "prompt_cache_key")
	refused(t, neutral.Request{Turns: hello, N: 2}, "n")
	refused(t, neutral.Request{Turns: []neutral.Turn{user(neutral.Block{Kind: neutral.Audio})}}, "messages")
	refused(t, neutral.Request{Turns: []neutral.Turn{user(neutral.Block{Kind: neutral.File})}}, "messages")
}

func TestRequestFormatAndThinking(t *testing.T) {
	schema := neutral.Format{Kind: neutral.FormatSchema, Schema: []byte(`{"type":"object"}`)}
	wrote(t, neutral.Request{Turns: hello, Format: schema}, neutral.Traits{}, helloBody+`,"format":{"type":"object"}}`)
	wrote(t, neutral.Request{Turns: hello, Format: neutral.Format{Kind: neutral.FormatJSON}}, neutral.Traits{}, helloBody+`,"format":"json"}`)
	wrote(t, neutral.Request{Turns: hello, Format: schema}, neutral.Traits{Schema: "json"}, helloBody+`,"format":"json"}`, "response_format.json_schema")
	f := func(effort, thinking, want string, drops ...string) {
		t.Helper()
		wrote(t, neutral.Request{Turns: hello, Reasoning: neutral.Reasoning{Set: true, Effort: effort}}, neutral.Traits{Thinking: thinking}, helloBody+want+`}`, drops...)
	}
	f("high", "", ``, "reasoning_effort")
	f("none", "", ``)
	f("high", "switch", `,"think":true`)
	f("none", "switch", `,"think":false`)
	f("xhigh", "effort", `,"think":"high"`)
}

func TestRequestTools(t *testing.T) {
	other := neutral.Tool{Name: "u"}
	f := func(choice neutral.ToolChoice, want string, drops ...string) {
		t.Helper()
		wrote(t, neutral.Request{Turns: hello, Tools: []neutral.Tool{aTool, other}, Choice: choice}, neutral.Traits{}, helloBody+want+`}`, drops...)
	}
	both := strings.TrimSuffix(toolBody, "]") + `,{"type":"function","function":{"name":"u","parameters":{"type":"object","properties":{}}}}]`
	f(neutral.ToolChoice{}, both)
	f(neutral.ToolChoice{Mode: neutral.ChoiceNone}, ``)
	f(neutral.ToolChoice{Mode: neutral.ChoiceRequired}, both, "tool_choice")
	f(neutral.ToolChoice{Mode: neutral.ChoiceNamed, Names: []string{"t"}}, toolBody, "tool_choice")
	f(neutral.ToolChoice{Mode: neutral.ChoiceAuto, Names: []string{"t"}}, toolBody)
}

func TestEdge014_PictureBetweenTexts(t *testing.T) {
	wrote(t, neutral.Request{Turns: []neutral.Turn{user(text("a"), picture("AAAA"), text("b"), text("c"), picture("BBBB"))}}, neutral.Traits{},
		opening+`{"role":"user","content":"a"},{"role":"user","content":"b\nc","images":["AAAA","BBBB"]}]}`)
	wrote(t, neutral.Request{Turns: []neutral.Turn{user(picture("AAAA"), text("b"))}}, neutral.Traits{},
		opening+`{"role":"user","content":"b","images":["AAAA"]}]}`)
}

func TestEdge036_ObjectArgumentsAndToolName(t *testing.T) {
	result := neutral.Block{Kind: neutral.ToolResult, ID: "c1", Content: []neutral.Block{text("1"), picture("AAAA")}} // edge 16
	wrote(t, neutral.Request{
		Tools: []neutral.Tool{aTool},
		Turns: []neutral.Turn{user(text("hi")), model(call("c1", "t", `{"b":1,"a":12345678901234567890}`), call("c2", "t", ``)), user(result, neutral.Block{Kind: neutral.ToolResult, ID: "c2", Name: "t", Content: []neutral.Block{text("2")}}, text("so?"))},
	}, neutral.Traits{}, opening+`{"role":"user","content":"hi"},{"role":"assistant","content":"","tool_calls":[`+
		`{"id":"c1","function":{"name":"t","arguments":{"b":1,"a":12345678901234567890}}},{"id":"c2","function":{"name":"t","arguments":{}}}]},`+
		`{"role":"tool","content":"1","tool_name":"t","tool_call_id":"c1"},{"role":"tool","content":"2","tool_name":"t","tool_call_id":"c2"},`+
		`{"role":"user","content":"so?","images":["AAAA"]}]`+toolBody+`}`)
}

func TestEdge060_ServerTool(t *testing.T) {
	refused(t, neutral.Request{Turns: hello, Tools: []neutral.Tool{{Name: "web_search", Server: true}}}, "tools")
}

func TestEdge096_ImageByURL(t *testing.T) {
	refused(t, neutral.Request{Turns: []neutral.Turn{user(neutral.Block{Kind: neutral.Image, Media: neutral.Media{URL: "https://x/y.png"}})}}, "messages")
}

func TestEdge159_ForeignThinking(t *testing.T) {
	thought := func(s, origin string) neutral.Block {
		return neutral.Block{Kind: neutral.Thinking, Text: []byte(s), Origin: origin}
	}
	wrote(t, neutral.Request{Turns: []neutral.Turn{user(text("hi")), model(thought("a", "anthropic"), thought("b", name), text("x"))}}, neutral.Traits{},
		opening+`{"role":"user","content":"hi"},{"role":"assistant","content":"x","thinking":"b"}]}`)
}

const whole = `{"model":"qwen","created_at":"2026-03-04T12:00:00.5Z","message":{"role":"assistant","thinking":"h\"m","content":"ok","tool_calls":[` +
	`{"function":{"name":"t","arguments":{"z":1, "a":12345678901234567890}}},{"id":"own","function":{"index":1,"name":"t","arguments":"{\"b\":2}"}},{"function":{"name":"t"}}]},` +
	`"done":true,"done_reason":"stop","prompt_eval_count":10,"eval_count":5}`

var lines = []string{
	`{"model":"qwen","created_at":"2026-03-04T12:00:00.5Z","message":{"role":"assistant","content":"","thinking":"h\""},"done":false}`,
	`{"model":"qwen","created_at":"2026-03-04T12:00:00.6Z","message":{"role":"assistant","content":"","thinking":"m"},"done":false}`,
	`{"model":"qwen","created_at":"2026-03-04T12:00:00.7Z","message":{"role":"assistant","content":"ok"},"done":false}`,
	`{"model":"qwen","created_at":"2026-03-04T12:00:00.8Z","message":{"role":"assistant","content":"","tool_calls":[{"function":{"name":"t","arguments":{"z":1, "a":12345678901234567890}}}]},"done":false}`,
	`{"model":"qwen","created_at":"2026-03-04T12:00:00.9Z","message":{"role":"assistant","content":"","tool_calls":[{"id":"own","function":{"index":1,"name":"t","arguments":"{\"b\":2}"}},{"function":{"name":"t"}}]},"done":false}`,
	`{"model":"qwen","created_at":"2026-03-04T12:00:01Z","message":{"role":"assistant","content":""},"done":true,"done_reason":"stop","prompt_eval_count":10,"eval_count":5}`,
}

func read(t *testing.T, body string) neutral.Reply {
	t.Helper()
	var a neutral.Reply
	if err := New().ReadReply(translate.OpChat, []byte(body), &a); err != nil {
		t.Fatal(err)
	}
	return a
}

func TestReadReply(t *testing.T) {
	got := read(t, whole)
	want := neutral.Reply{
		Model: "qwen", Created: 1772625600,
		Usage: neutral.Usage{Usage: translate.Usage{In: 10, Out: 5, Known: true}},
		Choices: []neutral.Choice{{
			Finish: neutral.FinishTools, Native: "stop", // edge 45
			Blocks: []neutral.Block{
				{Kind: neutral.Thinking, Text: []byte(`h"m`), Origin: name},
				text("ok"),
				call(got.Choices[0].Blocks[2].ID, "t", `{"z":1, "a":12345678901234567890}`),
				call("own", "t", `{"b":2}`), // edge 35
				call(got.Choices[0].Blocks[4].ID, "t", `{}`),
			},
		}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestEdge039_CallsWithoutID(t *testing.T) {
	blocks := read(t, whole).Choices[0].Blocks
	first, last := blocks[2].ID, blocks[4].ID
	if first == "" || last == "" || first == last || first != read(t, whole).Choices[0].Blocks[2].ID {
		t.Errorf("%q and %q", first, last)
	}
}

func TestFinish(t *testing.T) {
	f := func(tail string, want neutral.Finish) {
		t.Helper()
		if got := read(t, `{"message":{"content":"a"},"done":true`+tail+`}`).Choices[0].Finish; got != want {
			t.Errorf("%s: %d", tail, got)
		}
	}
	f(``, neutral.FinishStop)
	f(`,"done_reason":"length"`, neutral.FinishLength)
	f(`,"done_reason":"load"`, neutral.FinishMalformed)
	f(`,"done_reason":"tired"`, neutral.FinishOther)
}

func TestReadReplyFaults(t *testing.T) {
	f := func(body string, want translate.Code) {
		t.Helper()
		var a neutral.Reply
		if err := New().ReadReply(translate.OpChat, []byte(body), &a); err == nil || err.Code != want {
			t.Errorf("%q: %v", body, err)
		}
	}
	f(``, translate.ProviderBadResponse)
	f(`<html>`, translate.ProviderBadResponse)
	f(`{"message":"x"}`, translate.ProviderBadResponse)
	f(`{"message":{"content":"a"},"done":t}`, translate.ProviderBadResponse)
	f(`{"error":"out of memory"}`, translate.ProviderFailed)
}

// run decodes stream, which comes in pieces cut at the places cuts.
func run(stream []byte, cuts ...int) ([]neutral.Event, *translate.Error) {
	d := New().NewDecoder(translate.OpChat)
	var all []neutral.Event
	keep := func(events []neutral.Event) {
		for i := range events {
			events[i].Text = bytes.Clone(events[i].Text)
		}
		all = append(all, events...)
	}
	var buf []byte
	from := 0
	for _, to := range append(slices.Clone(cuts), len(stream)) {
		buf = append(slices.Clone(buf), stream[from:to]...)
		from = to
		events, taken, err := d.Feed(nil, buf)
		keep(events)
		buf = buf[taken:]
		if err != nil {
			return all, err
		}
	}
	events, err := d.Close(nil, buf)
	keep(events)
	return all, err
}

func TestStreamIsTheAnswer(t *testing.T) {
	events, err := run([]byte(strings.Join(lines, "\n") + "\n"))
	if err != nil {
		t.Fatal(err)
	}
	var c neutral.Collector
	for i := range events {
		c.Add(&events[i])
	}
	if diff := cmp.Diff(read(t, whole), c.Reply); diff != "" {
		t.Error(diff)
	}
	if last := events[len(events)-1]; last.Kind != neutral.End {
		t.Errorf("the last event is %+v", last)
	}
}

func TestEdge098_SplitAnywhere(t *testing.T) {
	for _, end := range []string{"\n", "\r\n", "\n\n"} {
		stream := []byte(strings.Join(lines, end)) // and no end after the last, edge 102
		want, err := run(stream)
		if err != nil {
			t.Fatal(err)
		}
		for at := range stream {
			if got, err := run(stream, at); err != nil || !reflect.DeepEqual(want, got) {
				t.Fatalf("split at %d: %v %s", at, err, cmp.Diff(want, got))
			}
		}
	}
}

func TestEdge113_CutShort(t *testing.T) {
	stream := []byte(strings.Join(lines, "\n"))
	for at := range stream {
		if _, err := run(stream[:at]); err == nil || err.Code != translate.ProviderTruncated {
			t.Fatalf("cut at %d: %v", at, err)
		}
	}
}

func TestEdge111_ErrorLine(t *testing.T) {
	for _, end := range []string{"\n", ""} {
		events, err := run([]byte(lines[0] + "\n" + `{"error":"model runner has unexpectedly stopped"}` + end))
		if err == nil || err.Code != translate.ProviderFailed || len(events) != 3 {
			t.Errorf("%v after %d events", err, len(events))
		}
	}
	if _, err := run([]byte("what\n")); err == nil || err.Code != translate.ProviderBadResponse {
		t.Errorf("%v", err)
	}
}

// A prompt that is in the cache as a whole is not counted.
func TestUsageOnCacheHit(t *testing.T) {
	got := read(t, `{"message":{"content":"a"},"done":true,"eval_count":5}`).Usage
	if want := (neutral.Usage{Usage: translate.Usage{Out: 5, Known: true}}); got != want {
		t.Errorf("%+v", got)
	}
}

func TestLogprobs(t *testing.T) {
	const list = `[{"token":"a","logprob":-0.1}]`
	want := `{"content":` + list + `,"refusal":null}`
	if got := read(t, `{"message":{"content":"a"},"done":true,"logprobs":`+list+`}`).Choices[0].Logprobs; string(got) != want {
		t.Errorf("%s", got)
	}
	events, err := run([]byte(`{"message":{"content":"a"},"logprobs":` + list + `}` + "\n" + lines[5]))
	if err != nil || !slices.ContainsFunc(events, func(e neutral.Event) bool { return e.Kind == neutral.LogprobsDelta && string(e.Text) == want }) {
		t.Errorf("%v %+v", err, events)
	}
}

func TestReadError(t *testing.T) {
	f := func(status int, body string, want translate.Error) {
		t.Helper()
		if diff := cmp.Diff(&want, New().ReadError(status, []byte(body))); diff != "" {
			t.Errorf("%d %s: %s", status, body, diff)
		}
	}
	f(404, `{"error":"model 'x' not found"}`, translate.Error{Code: translate.ProviderRejected, Status: 404, Message: "model 'x' not found", Reason: "model_not_found"})
	f(400, `{"error":{"message":"bad"}}`, translate.Error{Code: translate.ProviderRejected, Status: 400, Message: "bad"})
	f(400, `nothing`, translate.Error{Code: translate.ProviderRejected, Status: 400, Message: "The provider refused the request with status 400."})
	f(401, `{"error":"key"}`, translate.Error{Code: translate.ProviderAuth, Message: "The provider could not answer: status 401."})
	f(503, `{"error":"server busy"}`, translate.Error{Code: translate.ProviderOverloaded, Message: "The provider could not answer: status 503."})
	f(200, `{"error":"x","status_code":429}`, translate.Error{Code: translate.ProviderRateLimited, Message: "The provider could not answer: status 429."})
}

func TestEmbeddings(t *testing.T) {
	q := neutral.Embedding{Inputs: [][]byte{[]byte("a\n"), []byte("b")}, Dimensions: []byte("256"), User: "u", Extra: []neutral.Member{{Name: "truncate", Raw: []byte("false")}}}
	got, drops, err := New().AppendEmbedding(nil, &q, &neutral.Target{Model: "e"})
	if err != nil || string(got) != `{"model":"e","input":["a\n","b"],"dimensions":256,"truncate":false}` || !cmp.Equal(drops, neutral.Drops{"user"}) {
		t.Errorf("%s %v %v", got, drops, err)
	}
	if _, _, err := New().AppendEmbedding(nil, &neutral.Embedding{Tokens: [][]byte{[]byte("[1]")}}, &neutral.Target{}); err == nil {
		t.Error("tokens were taken")
	}
	var v neutral.Vectors
	if err := New().ReadVectors([]byte(`{"model":"e","embeddings":[[0.1,-2e-3],[1,2]],"prompt_eval_count":4}`), &v); err != nil {
		t.Fatal(err)
	}
	want := neutral.Vectors{
		Model: "e", Vectors: []neutral.Vector{{Floats: []byte("[0.1,-2e-3]")}, {Floats: []byte("[1,2]")}},
		Usage: neutral.Usage{Usage: translate.Usage{In: 4, Known: true}},
	}
	if diff := cmp.Diff(want, v); diff != "" {
		t.Error(diff)
	}
	for _, body := range []string{``, `{}`, `{"embeddings":[1]}`, `{"error":"x"}`} {
		if err := New().ReadVectors([]byte(body), &v); err == nil {
			t.Errorf("%q was taken", body)
		}
	}
}
