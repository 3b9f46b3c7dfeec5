package openai

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ai-mcp-gateway/gateway/translate"
	"github.com/ai-mcp-gateway/gateway/translate/neutral"
)

// thoughtful is an answer of another dialect with all that this one can say.
func thoughtful() *neutral.Reply {
	return &neutral.Reply{
		ID: "msg_1", Created: 7, Model: "m", ServiceTier: "default",
		Choices: []neutral.Choice{{
			Finish: neutral.FinishStop, Native: "tool_use",
			Blocks: []neutral.Block{
				{Kind: neutral.Thinking, Text: []byte("hm"), Signature: []byte("s1"), Origin: "anthropic"},
				{Kind: neutral.Thinking, Signature: []byte("s2"), Redacted: true, Origin: "anthropic"},
				{Kind: neutral.Text, Text: []byte("a <b>")},
				{Kind: neutral.Text, Text: []byte("c")},
				{Kind: neutral.ToolUse, ID: "t1", Name: "f", Arguments: []byte(`{"x": 1}`), Signature: []byte("g"), Origin: "gemini"},
				{Kind: neutral.ToolUse, ID: "t2", Name: "f"},
			},
		}},
		Usage: neutral.Usage{Usage: translate.Usage{In: 9, CacheRead: 3, CacheWrite: 2, Out: 4, Reasoning: 1, Known: true}},
	}
}

const thoughtfulMessage = `"role":"assistant","content":"a <b>c","refusal":null,"reasoning_content":"hm","reasoning_details":[` +
	`{"type":"reasoning.text","text":"hm","signature":"s1","format":"anthropic","index":0},` +
	`{"type":"reasoning.encrypted","data":"s2","format":"anthropic","index":1}],"tool_calls":[` +
	`{"id":"t1","type":"function","function":{"name":"f","arguments":"{\"x\": 1}"},"extra_content":{"google":{"thought_signature":"g"}}},` +
	`{"id":"t2","type":"function","function":{"name":"f","arguments":"{}"}}]`

const thoughtfulUsage = `{"prompt_tokens":9,"completion_tokens":4,"total_tokens":13,` +
	`"prompt_tokens_details":{"cached_tokens":3,"cache_write_tokens":2,"audio_tokens":0},` +
	`"completion_tokens_details":{"reasoning_tokens":1,"audio_tokens":0}}`

func TestAppendReply(t *testing.T) {
	got := string(New().AppendReply(nil, translate.OpChat, &neutral.Request{}, thoughtful()))
	want := `{"id":"msg_1","object":"chat.completion","created":7,"model":"m","service_tier":"default","choices":[{"index":0,"message":{` +
		thoughtfulMessage + `},"logprobs":null,"finish_reason":"tool_calls","native_finish_reason":"tool_use"}],"usage":` + thoughtfulUsage + `}`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestEncoder(t *testing.T) {
	head := func(choices string) string {
		return `{"id":"msg_1","object":"chat.completion.chunk","created":7,"model":"m","service_tier":"default","choices":[` + choices + `],"usage":`
	}
	chunk := func(delta string) string {
		return head(`{"index":0,"delta":{`+delta+`},"finish_reason":null}`) + `null}`
	}
	want := []string{
		chunk(`"role":"assistant","content":""`),
		chunk(`"reasoning_content":"hm"`),
		chunk(`"reasoning_details":[{"type":"reasoning.text","text":"hm","signature":"s1","format":"anthropic","index":0}]`),
		chunk(`"reasoning_details":[{"type":"reasoning.encrypted","data":"s2","format":"anthropic","index":1}]`),
		chunk(`"content":"a <b>"`),
		chunk(`"content":"c"`),
		chunk(`"tool_calls":[{"index":0,"id":"t1","type":"function","function":{"name":"f","arguments":""},"extra_content":{"google":{"thought_signature":"g"}}}]`),
		chunk(`"tool_calls":[{"index":0,"function":{"arguments":"{\"x\": 1}"}}]`),
		chunk(`"tool_calls":[{"index":1,"id":"t2","type":"function","function":{"name":"f","arguments":""}}]`),
		chunk(`"tool_calls":[{"index":1,"function":{"arguments":"{}"}}]`),
		head(`{"index":0,"delta":{},"finish_reason":"tool_calls","native_finish_reason":"tool_use"}`) + `null}`,
		head(``) + thoughtfulUsage + `}`,
		"[DONE]",
	}
	events := neutral.Replay(nil, thoughtful())
	if diff := cmp.Diff(want, dataOf(encode(translate.OpChat, &neutral.Request{Usage: true}, events))); diff != "" {
		t.Error(diff)
	}

	// Who does not ask for usage sees nothing of it.
	silent := encode(translate.OpChat, &neutral.Request{}, events)
	if strings.Contains(silent, "usage") || len(dataOf(silent)) != len(want)-1 {
		t.Errorf("got %s", silent)
	}

	// The stream is the same answer.
	got := collect(t, silent)
	plain := answer(t, string(New().AppendReply(nil, translate.OpChat, &neutral.Request{}, thoughtful())))
	plain.Usage = neutral.Usage{}
	if diff := cmp.Diff(plain, got); diff != "" {
		t.Error(diff)
	}
}

// TestEdge160_SealsComeBack checks that what a client sends back has the seals
// that it was sent, with their origin.
func TestEdge160_SealsComeBack(t *testing.T) {
	q := chat(t, `"messages":[{"role":"user","content":"u"},{`+thoughtfulMessage+`}]`)
	want := []neutral.Block{
		{Kind: neutral.Thinking, Text: []byte("hm"), Signature: []byte("s1"), Origin: "anthropic"},
		{Kind: neutral.Thinking, Signature: []byte("s2"), Redacted: true, Origin: "anthropic"},
		{Kind: neutral.Text, Text: []byte("a <b>c")},
		{Kind: neutral.ToolUse, ID: "t1", Name: "f", Arguments: []byte(`{"x": 1}`), Signature: []byte("g"), Origin: "gemini"},
		{Kind: neutral.ToolUse, ID: "t2", Name: "f", Arguments: []byte("{}")},
	}
	if diff := cmp.Diff(want, q.Turns[1].Blocks); diff != "" {
		t.Error(diff)
	}
	got, _ := compose(t, q, neutral.Traits{}) // edge case 159: none of it goes to a stranger
	for _, foreign := range []string{"s1", "s2", `"g"`, "hm"} {
		if strings.Contains(got, foreign) {
			t.Errorf("%s is in %s", foreign, got)
		}
	}
}

func TestReadThoughts_Pieces(t *testing.T) {
	q := chat(t, `"messages":[{"role":"user","content":"u"},{"role":"assistant","content":"x","reasoning_details":[`+
		`{"type":"reasoning.text","text":"a","index":0,"format":"anthropic"},{"type":"reasoning.text","text":"b","index":0},`+
		`{"type":"reasoning.text","signature":"s","index":0},{"type":"reasoning.encrypted","data":"d","id":"t1","format":"x"}],`+
		`"tool_calls":[{"id":"t1","type":"function","function":{"name":"f","arguments":"{}"}}]}]`)
	want := []neutral.Block{
		{Kind: neutral.Thinking, Text: []byte("ab"), Signature: []byte("s"), Origin: "anthropic"},
		{Kind: neutral.Text, Text: []byte("x")},
		{Kind: neutral.ToolUse, ID: "t1", Name: "f", Arguments: []byte("{}"), Signature: []byte("d"), Origin: "x"},
	}
	if diff := cmp.Diff(want, q.Turns[1].Blocks); diff != "" {
		t.Error(diff)
	}
}

func TestFinishReasons(t *testing.T) {
	f := func(finish neutral.Finish, want string) {
		t.Helper()
		a := &neutral.Reply{Choices: []neutral.Choice{{Finish: finish, Native: "odd"}}}
		body := string(New().AppendReply(nil, translate.OpChat, &neutral.Request{}, a))
		if !strings.Contains(body, `"content":"","refusal":null},"logprobs":null,"finish_reason":"`+want+`","native_finish_reason":"odd"`) {
			t.Errorf("%v: got %s", finish, body)
		}
	}
	f(neutral.FinishStop, "stop")
	f(neutral.FinishStopSequence, "stop")
	f(neutral.FinishLength, "length")
	f(neutral.FinishContext, "length")
	f(neutral.FinishFilter, "content_filter")
	f(neutral.FinishPause, "stop")
	f(neutral.FinishMalformed, "stop")
	f(neutral.FinishOther, "stop")
	f(neutral.FinishNone, "stop")
}

func TestEdge138_UnknownFinishReason(t *testing.T) {
	a := answer(t, choiceOf(`"content":"a"`, "tired"))
	c := collect(t, chunks(piece(`"content":"a"`), stop("tired")))
	for _, r := range []*neutral.Reply{a, c} {
		if r.Choices[0].Finish != neutral.FinishOther || r.Choices[0].Native != "tired" {
			t.Errorf("got %+v", r)
		}
		if body := New().AppendReply(nil, translate.OpChat, &neutral.Request{}, r); !strings.Contains(string(body), `"finish_reason":"stop","native_finish_reason":"tired"`) {
			t.Errorf("got %s", body)
		}
	}
}

// TestEdge134_Usage covers edge cases 134 to 137.
func TestEdge134_Usage(t *testing.T) {
	f := func(raw string, want neutral.Usage, sum int64) {
		t.Helper()
		want.Known = true
		got := answer(t, strings.TrimSuffix(choiceOf(`"content":"a"`, "stop"), "}")+`,"usage":`+raw+`}`).Usage
		if diff := cmp.Diff(want, got); diff != "" || got.Sum() != sum {
			t.Errorf("%s: sum %d %s", raw, got.Sum(), diff)
		}
	}
	u := func(in, read, out, reasoning, total int64) neutral.Usage {
		return neutral.Usage{Usage: translate.Usage{In: in, CacheRead: read, Out: out, Reasoning: reasoning}, Total: total}
	}
	f(`{"prompt_tokens":9,"completion_tokens":4,"prompt_tokens_details":{"cached_tokens":3}}`, u(9, 3, 4, 0, 0), 13)
	f(`{"prompt_tokens":9,"completion_tokens":4,"total_tokens":13,"completion_tokens_details":{"reasoning_tokens":2}}`, u(9, 0, 4, 2, 13), 13)
	f(`{"prompt_tokens":9,"completion_tokens":4,"total_tokens":15,"completion_tokens_details":{"reasoning_tokens":2}}`, u(9, 0, 6, 2, 15), 15)
	f(`{"prompt_tokens":9,"prompt_cache_hit_tokens":8,"completion_tokens":4}`, u(9, 8, 4, 0, 0), 13)
}

func TestReadReply_NoAnswer(t *testing.T) {
	f := func(body string, code translate.Code) {
		t.Helper()
		var a neutral.Reply
		if err := New().ReadReply(translate.OpChat, []byte(body), &a); err == nil || err.Code != code {
			t.Errorf("%q: got %v", body, err)
		}
	}
	for _, body := range []string{"", "null", "[]", "{}", "<html>", `{"choices":{}}`, `{"choices":[]}`, `{"choices":[{}]`} {
		f(body, translate.ProviderBadResponse)
	}
	f(`{"error":{"message":"no"}}`, translate.ProviderFailed) // edge case 147
	f(`{"error":{"message":"no","code":429}}`, translate.ProviderRateLimited)
}

func TestReadReply_Odd(t *testing.T) {
	a := answer(t, `{"choices":[{"index":1,"message":{"content":"b"}},{"index":0,"message":{"content":null,"audio":{"id":"x","transcript":"a"}},"finish_reason":"eos"}]}`)
	if len(a.Choices) != 2 || text(a) != "a" || a.Choices[1].Finish != neutral.FinishOther {
		t.Errorf("got %+v", a)
	}
	body := string(New().AppendReply(nil, translate.OpChat, &neutral.Request{}, a))
	if !strings.HasPrefix(body, `{"id":"chatcmpl-`) || strings.Contains(body, `"created":0`) || strings.Contains(body, "usage") {
		t.Errorf("got %s", body)
	}
	const note = `{"type":"url_citation","url_citation":{"url":"u","start_index":0}}`
	a = answer(t, choiceOf(`"content":"a","annotations":[`+note+`]`, "stop"))
	if body := New().AppendReply(nil, translate.OpChat, &neutral.Request{}, a); !strings.Contains(string(body), `"annotations":[`+note+`]`) {
		t.Errorf("got %s", body)
	}
	a.Choices[0].Blocks[0].Annotations = []byte(`[{"type":"file_path"},{"type":"url_citation","url":"u","start_index":0}]`)
	if body := New().AppendReply(nil, translate.OpChat, &neutral.Request{}, a); !strings.Contains(string(body), `"annotations":[`+note+`]`) {
		t.Errorf("got %s", body)
	}
}

func TestCompletion(t *testing.T) {
	q, err := ask(t, translate.OpCompletion, `{"model":"m","prompt":"once","logprobs":1,"echo":false,"best_of":1,"suffix":null,"stream":true}`)
	if err != nil || len(q.Turns) != 1 || string(q.Turns[0].Blocks[0].Text) != "once" || string(q.MaxTokens) != "16" || q.Logprobs != neutral.On {
		t.Fatalf("got %+v, %v", q, err)
	}
	if q, err = ask(t, translate.OpCompletion, `{"model":"m","prompt":["once"],"max_tokens":5}`); err != nil || string(q.MaxTokens) != "5" {
		t.Errorf("got %+v, %v", q, err)
	}
	const probs = `{"content":[{"token":"ä","logprob":-0.5,"top_logprobs":[{"token":"b","logprob":-1}]},{"token":"c","logprob":-2}]}`
	a := &neutral.Reply{ID: "c", Created: 1, Model: "m", Choices: []neutral.Choice{{
		Finish: neutral.FinishStop, Logprobs: []byte(probs),
		Blocks: []neutral.Block{{Kind: neutral.Thinking, Text: []byte("hm")}, {Kind: neutral.Text, Text: []byte("äc")}},
	}}}
	const converted = `{"tokens":["ä","c"],"token_logprobs":[-0.5,-2],"top_logprobs":[{"b":-1},{}],"text_offset":[0,1]}`
	const head = `{"id":"c","object":"text_completion","created":1,"model":"m","choices":[{"text":`
	want := head + `"äc","index":0,"logprobs":` + converted + `,"finish_reason":"stop"}]}`
	if diff := cmp.Diff(want, string(New().AppendReply(nil, translate.OpCompletion, q, a))); diff != "" {
		t.Error(diff)
	}
	frames := []string{
		head + `"äc","index":0,"logprobs":null,"finish_reason":null}]}`,
		head + `"","index":0,"logprobs":` + converted + `,"finish_reason":null}]}`,
		head + `"","index":0,"logprobs":null,"finish_reason":"stop"}]}`,
		"[DONE]",
	}
	if diff := cmp.Diff(frames, dataOf(encode(translate.OpCompletion, q, neutral.Replay(nil, a)))); diff != "" {
		t.Error(diff)
	}
}

// TestEdge158_CompletionPrompts has what a chat model cannot be asked for.
func TestEdge158_CompletionPrompts(t *testing.T) {
	f := func(members, param string, code translate.Code) {
		t.Helper()
		if _, err := ask(t, translate.OpCompletion, `{"model":"m",`+members+`}`); err == nil || err.Param != param || err.Code != code {
			t.Errorf("%s: got %+v", members, err)
		}
	}
	const cannot = translate.CallerUnsupported
	f(`"prompt":["a","b"]`, "prompt", cannot)
	f(`"prompt":[1,2]`, "prompt", cannot)
	f(`"prompt":[[1]]`, "prompt", cannot)
	f(`"prompt":[]`, "prompt", translate.CallerInvalidField)
	f(`"prompt":"a","echo":true`, "echo", cannot)
	f(`"prompt":"a","suffix":"b"`, "suffix", cannot)
	f(`"prompt":"a","best_of":2`, "best_of", cannot)
}
