package openai

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ai-mcp-gateway/gateway/translate"
	"github.com/ai-mcp-gateway/gateway/translate/neutral"
)

// callsOf collects a stream and returns its calls, "id name arguments".
func callsOf(t *testing.T, stream string) (calls []string) {
	t.Helper()
	a := collect(t, stream)
	for _, b := range a.Choices[0].Blocks {
		if b.Kind == neutral.ToolUse {
			calls = append(calls, b.ID+" "+b.Name+" "+string(b.Arguments))
		}
	}
	if a.Choices[0].Finish != neutral.FinishTools {
		t.Errorf("%s: finish is %v", stream, a.Choices[0].Finish)
	}
	return calls
}

func checkCalls(t *testing.T, stream string, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, callsOf(t, stream)); diff != "" {
		t.Errorf("%s: %s", stream, diff)
	}
}

// call is the delta of one element of tool_calls.
func call(members string) string { return piece(`"tool_calls":[{` + members + `}]`) }

const callA = `"index":0,"id":"a","type":"function","function":{"name":"f","arguments":""}`

func TestEdge030_EmptyArguments(t *testing.T) {
	checkCalls(t, chunks(call(callA), stop("tool_calls")), "a f {}")
	events, err := listen(chunks(call(callA), stop("tool_calls")), 0)
	if err != nil {
		t.Fatal(err)
	}
	if stream := encode(translate.OpChat, &neutral.Request{}, events); strings.Count(stream, `"arguments":"{}"`) != 1 {
		t.Errorf("got %s", stream)
	}
	a := answer(t, choiceOf(`"content":null,"tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":""}}]`, "tool_calls"))
	if body := New().AppendReply(nil, translate.OpChat, &neutral.Request{}, a); !strings.Contains(string(body), `"arguments":"{}"`) {
		t.Errorf("got %s", body)
	}
}

func TestEdge031_NullArguments(t *testing.T) {
	a := answer(t, choiceOf(`"content":null,"tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":"null"}}]`, "tool_calls"))
	if body := New().AppendReply(nil, translate.OpChat, &neutral.Request{}, a); !strings.Contains(string(body), `"arguments":"{}"`) {
		t.Errorf("got %s", body)
	}
}

func TestEdge033_EmptyFirstArguments(t *testing.T) {
	checkCalls(t, chunks(call(callA), call(`"index":0,"function":{"arguments":""}`), call(`"index":0,"function":{"arguments":"{\"x\":1}"}`), stop("tool_calls")),
		`a f {"x":1}`)
}

func TestEdge034_BrokenArguments(t *testing.T) {
	q := chat(t, `"messages":[{"role":"user","content":"u"},{"role":"assistant","tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":"{\"x\":"}}]},`+
		`{"role":"tool","tool_call_id":"a","content":"r"}]`)
	if b := &q.Turns[1].Blocks[0]; string(b.Arguments) != `{"x":` || string(neutral.ArgumentsObject(b)) != `{"_raw":"{\"x\":"}` {
		t.Errorf("got %+v", b)
	}
}

func TestEdge035_ArgumentsAsObject(t *testing.T) {
	const arguments = `{"x": 12345678901234567890}`
	checkCalls(t, chunks(call(`"index":0,"id":"a","function":{"name":"f","arguments":`+arguments+`}`), stop("stop")), "a f "+arguments)
	q := chat(t, `"messages":[{"role":"user","content":"u"},{"role":"assistant","tool_calls":[{"id":"a","function":{"name":"f","arguments":`+arguments+`}}]}]`)
	if b := q.Turns[1].Blocks[0]; string(b.Arguments) != arguments {
		t.Errorf("got %s", b.Arguments)
	}
}

func TestEdge038_SameFunctionTwice(t *testing.T) {
	checkCalls(t, chunks(call(callA), call(`"index":0,"function":{"arguments":"{}"}`),
		call(`"index":1,"id":"b","function":{"name":"f","arguments":"{}"}`), stop("tool_calls")), "a f {}", "b f {}")
	// Every call has the number 0.
	checkCalls(t, chunks(call(`"index":0,"id":"a","function":{"name":"f","arguments":"{}"}`),
		call(`"index":0,"id":"b","function":{"name":"f","arguments":"{}"}`), stop("stop")), "a f {}", "b f {}")
	// No call has a number.
	checkCalls(t, chunks(call(`"id":"a","function":{"name":"f","arguments":"{\"x\""}`), call(`"function":{"arguments":":1}"}`),
		call(`"id":"b","function":{"name":"f","arguments":"{}"}`), stop("stop")), `a f {"x":1}`, "b f {}")
}

func TestEdge039_CallsWithoutID(t *testing.T) {
	stream := chunks(call(`"index":0,"function":{"name":"f","arguments":"{}"}`), call(`"index":1,"function":{"name":"f","arguments":"{}"}`), stop("tool_calls"))
	first, again := callsOf(t, stream), callsOf(t, stream)
	if len(first) != 2 || first[0] == first[1] || !strings.HasPrefix(first[0], "call_") || cmp.Diff(first, again) != "" {
		t.Errorf("got %v and %v", first, again)
	}
	a := answer(t, choiceOf(`"content":null,"tool_calls":[{"type":"function","function":{"name":"f","arguments":"{}"}}]`, "tool_calls"))
	if a.Choices[0].Blocks[0].ID == "" {
		t.Errorf("got %+v", a)
	}
}

func TestEdge040_InterleavedCalls(t *testing.T) {
	stream := chunks(call(callA), call(`"index":1,"id":"b","function":{"name":"g","arguments":"{\"y"}`), call(`"index":0,"function":{"arguments":"{\"x\":"}`),
		call(`"index":1,"function":{"arguments":"\":2}"}`), call(`"index":0,"function":{"arguments":"1}"}`), stop("tool_calls"))
	checkCalls(t, stream, `a f {"x":1}`, `b g {"y":2}`)

	// In a row, for dialects in which blocks do not overlap.
	events, err := listen(stream, 0)
	if err != nil {
		t.Fatal(err)
	}
	var serial neutral.Serial
	var ordered []neutral.Event
	for i := range events {
		ordered = serial.Add(ordered, &events[i])
	}
	open := -1
	for _, e := range ordered {
		switch e.Kind {
		case neutral.BlockStart:
			if open >= 0 {
				t.Errorf("block %d starts in block %d", e.Index, open)
			}
			open = e.Index
		case neutral.BlockStop:
			open = -1
		}
	}
}

// TestDecoder_CallsCloseEarly checks that a call whose arguments are whole does
// not hold up the next one.
func TestDecoder_CallsCloseEarly(t *testing.T) {
	events, err := listen(chunks(call(callA), call(`"index":0,"function":{"arguments":"{\"x\":\"}\"}"}`), call(`"index":1,"id":"b","function":{"name":"g"}`), stop("tool_calls")), 0)
	if err != nil {
		t.Fatal(err)
	}
	var kinds []neutral.EventKind
	for _, e := range events {
		kinds = append(kinds, e.Kind)
	}
	want := []neutral.EventKind{
		neutral.Start, neutral.BlockStart, neutral.ArgumentsDelta, neutral.BlockStop,
		neutral.BlockStart, neutral.ArgumentsDelta, neutral.BlockStop, neutral.Finished, neutral.End,
	}
	if diff := cmp.Diff(want, kinds); diff != "" {
		t.Error(diff)
	}
}

func TestEdge041_RepeatedIDAndName(t *testing.T) {
	checkCalls(t, chunks(call(callA), call(`"index":0,"id":"a","function":{"name":"f","arguments":"{\"x\""}`),
		call(`"index":0,"id":"","function":{"name":"","arguments":":1}"}`), stop("tool_calls")), `a f {"x":1}`)
	checkCalls(t, chunks(call(`"index":0,"id":"a","function":{"arguments":"{"}`), call(`"index":0,"function":{"name":"f","arguments":"}"}`), stop("tool_calls")), "a f {}")
}

func TestEdge042_CallIDs(t *testing.T) {
	q := chat(t, `"messages":[{"role":"user","content":"u"},{"role":"assistant","tool_calls":[{"id":"functions.f:0","type":"function","function":{"name":"f","arguments":"{}"}}]},`+
		`{"role":"tool","tool_call_id":"functions.f:0","content":"r"}]`)
	got, _ := compose(t, q, neutral.Traits{ToolIDs: "nine"})
	id := neutral.CallID("functions.f:0", "nine")
	if strings.Count(got, `"`+id+`"`) != 2 || len(id) != 9 {
		t.Errorf("got %s", got)
	}
}

// TestEdge043_TextAndCall covers edge cases 43 and 45.
func TestEdge043_TextAndCall(t *testing.T) {
	checkCalls(t, chunks(piece(`"content":"wait"`), call(callA), stop("stop")), "a f {}")
	a := answer(t, choiceOf(`"content":"wait","tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":"{}"}}]`, "stop"))
	if a.Choices[0].Finish != neutral.FinishTools {
		t.Errorf("got %+v", a)
	}
	body := string(New().AppendReply(nil, translate.OpChat, &neutral.Request{}, a))
	if !strings.Contains(body, `"content":"wait"`) || !strings.Contains(body, `"finish_reason":"tool_calls"`) {
		t.Errorf("got %s", body)
	}
}

const bye = "data: [DONE]\n\n"

// text is the text of the first choice.
func text(a *neutral.Reply) string {
	if len(a.Choices) == 0 {
		return ""
	}
	return string(neutral.JoinText(a.Choices[0].Blocks, "|"))
}

func TestEdge101_Comments(t *testing.T) {
	a := collect(t, ": OPENROUTER PROCESSING\n\n"+chunks(piece(`"content":"a"`))[:1]+chunks(piece(`"content":"a"`), stop("stop"))[1:])
	if text(a) != "a" {
		t.Errorf("got %+v", a)
	}
}

func TestEdge102_NoFinalBlankLine(t *testing.T) {
	if a := collect(t, strings.TrimRight(chunks(piece(`"content":"a"`), stop("stop")), "\n")); text(a) != "a" {
		t.Errorf("got %+v", a)
	}
}

func TestEdge103_Done(t *testing.T) {
	whole := strings.TrimSuffix(chunks(piece(`"content":"a"`), stop("stop")), bye)
	for _, end := range []string{bye, "data:  [DONE] \n\n", "", bye + bye, bye + chunks(piece(`"content":"b"`))} {
		events, err := listen(whole+end, 0)
		ends := 0
		for _, e := range events {
			if e.Kind == neutral.End {
				ends++
			}
		}
		if err != nil || ends != 1 || text(collect(t, whole+end)) != "a" {
			t.Errorf("%q: got %v, %d ends", end, err, ends)
		}
		if stream := encode(translate.OpChat, &neutral.Request{}, events); strings.Count(stream, "[DONE]") != 1 {
			t.Errorf("%q: got %s", end, stream)
		}
	}
	cut := strings.TrimSuffix(chunks(piece(`"content":"a"`)), bye)
	for _, stream := range []string{"", cut, cut + "data: {\"choi", cut + chunks(stop("stop"))[:40]} {
		if _, err := listen(stream, 0); err == nil || err.Code != translate.ProviderTruncated {
			t.Errorf("%q: got %v", stream, err)
		}
	}
}

func TestEdge104_LargeEvent(t *testing.T) {
	long := strings.Repeat("x", 3<<20)
	if a := collect(t, chunks(piece(`"content":"`+long+`"`), stop("stop"))); text(a) != long {
		t.Error("the text is another")
	}
}

const usage = `{"prompt_tokens":9,"completion_tokens":4,"total_tokens":13,"prompt_tokens_details":{"cached_tokens":3,"audio_tokens":1},"completion_tokens_details":{"reasoning_tokens":2,"audio_tokens":1}}`

// TestEdge106_UsageChunk covers edge cases 106, 107 and 108.
func TestEdge106_UsageChunk(t *testing.T) {
	for _, last := range []string{
		`{"choices":[],"usage":` + usage + `}`,
		`{"choices":[{"index":0,"delta":{},"finish_reason":null}],"usage":` + usage + `}`,
		`{"choices":[],"x_groq":{"usage":` + usage + `}}`,
	} {
		stream := strings.TrimSuffix(chunks(piece(`"content":"a"`), stop("stop")), bye)
		stream = strings.ReplaceAll(stream, `,"choices"`, `,"usage":null,"choices"`) + "data: " + last + "\n\n" + bye
		u := collect(t, stream).Usage
		want := neutral.Usage{Usage: translate.Usage{In: 9, CacheRead: 3, Out: 4, Reasoning: 2, Known: true}, AudioIn: 1, AudioOut: 1, Total: 13}
		if diff := cmp.Diff(want, u); diff != "" {
			t.Errorf("%s: %s", last, diff)
		}
	}
}

func TestEdge109_AzureFirstChunk(t *testing.T) {
	a := collect(t, `data: {"choices":[],"created":0,"id":"","model":"","object":"","prompt_filter_results":[{}]}`+"\n\n"+
		chunks(piece(`"content":"a"`), `{"index":0,"finish_reason":null,"content_filter_offsets":{}}`, stop("stop")))
	if a.ID != "c1" || a.Model != "m" || text(a) != "a" {
		t.Errorf("got %+v", a)
	}
}

// TestEdge111_ErrorInStream covers edge cases 111 and 112.
func TestEdge111_ErrorInStream(t *testing.T) {
	f := func(event string, code translate.Code) {
		t.Helper()
		events, err := listen(strings.TrimSuffix(chunks(piece(`"content":"a"`)), bye)+event, 0)
		if err == nil || err.Code != code {
			t.Fatalf("%s: got %v, want %v", event, err, code)
		}
		s := New().NewEncoder(translate.OpChat, &neutral.Request{})
		var out []byte
		for i := range events {
			out = s.Append(out, &events[i])
		}
		stream := string(s.Fail(out, err))
		if strings.Contains(stream, "[DONE]") || !strings.Contains(stream, `data: {"error":{`) {
			t.Errorf("got %s", stream)
		}
	}
	f("data: {\"error\":{\"message\":\"no\",\"type\":\"overloaded_error\"}}\n\n", translate.ProviderOverloaded)
	f("data: {\"error\":{\"message\":\"no\",\"code\":502},\"choices\":[{\"delta\":{},\"finish_reason\":\"error\"}]}\n\n", translate.ProviderFailed)
	f("event: error\ndata: {\"message\":\"no\"}\n\n", translate.ProviderFailed)
	f("data: <html>\n\n", translate.ProviderBadResponse) // edge case 105
	f("data: {}{}\n\n", translate.ProviderBadResponse)
}

func TestDecoder_NoAnswer(t *testing.T) {
	if _, err := listen(bye, 0); err == nil || err.Code != translate.ProviderBadResponse {
		t.Errorf("got %v", err)
	}
}

// TestEdge098_AnySplit feeds a stream in every size of pieces.
func TestEdge098_AnySplit(t *testing.T) {
	stream := "\ufeff: hello\r\n\r\n" + strings.ReplaceAll(chunks(
		piece(`"role":"assistant","content":""`), piece(`"reasoning_content":"t\u00e4\ud83e\udd8a"`), piece(`"content":"ä🦊\n"`),
		call(callA), call(`"index":0,"function":{"arguments":"{\"x\":1}"}`), piece(`"refusal":"no"`), stop("tool_calls"),
	), "\n", "\r\n")
	want, err := listen(stream, 0)
	if err != nil {
		t.Fatal(err)
	}
	for size := 1; size < len(stream); size++ {
		got, err := listen(stream, size)
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Fatalf("in pieces of %d: %v %s", size, err, diff)
		}
	}
}

func TestDecoder_Reasoning(t *testing.T) {
	f := func(want []neutral.Block, deltas ...string) {
		t.Helper()
		var pieces []string
		for _, d := range deltas {
			pieces = append(pieces, piece(d))
		}
		a := collect(t, chunks(append(pieces, stop("stop"))...))
		if diff := cmp.Diff(want, a.Choices[0].Blocks); diff != "" {
			t.Errorf("%v: %s", deltas, diff)
		}
	}
	thought := neutral.Block{Kind: neutral.Thinking, Text: []byte("ab"), Origin: "openai"}
	said := neutral.Block{Kind: neutral.Text, Text: []byte("x"), Origin: "openai"}
	sealed := thought
	sealed.Signature = []byte("s")
	hidden := neutral.Block{Kind: neutral.Thinking, Signature: []byte("d"), Redacted: true, Origin: "openai"}
	f([]neutral.Block{thought, said}, `"reasoning_content":"a"`, `"reasoning_content":"b"`, `"content":"x"`)
	f([]neutral.Block{thought, said}, `"reasoning":"a","reasoning_content":"a"`, `"reasoning":"b","content":null`, `"content":"x"`)
	f([]neutral.Block{thought, said}, `"content":[{"type":"thinking","thinking":[{"type":"text","text":"ab"}]}]`, `"content":[{"type":"text","text":"x"}]`)
	f([]neutral.Block{sealed, said}, `"reasoning":"a","reasoning_details":[{"type":"reasoning.text","text":"a","index":0}]`,
		`"reasoning_details":[{"type":"reasoning.text","text":"b","index":0}]`, `"reasoning_details":[{"type":"reasoning.text","signature":"s","index":0}]`, `"content":"x"`)
	f([]neutral.Block{hidden, said}, `"reasoning_details":[{"type":"reasoning.encrypted","data":"d"}]`, `"content":"x"`)
}

// TestEmptyFunctionCall reads answers of servers that send all members that
// there are, empty.
func TestEmptyFunctionCall(t *testing.T) {
	const members = `"content":"a","function_call":{"name":"","arguments":""},"tool_calls":null`
	check := func(a *neutral.Reply) {
		t.Helper()
		if c := a.Choices[0]; text(a) != "a" || len(c.Blocks) != 1 || c.Finish != neutral.FinishStop {
			t.Errorf("got %+v", c)
		}
	}
	var a neutral.Reply
	if err := New().ReadReply(translate.OpChat, []byte(`{"choices":[{"message":{`+members+`},"finish_reason":"stop"}]}`), &a); err != nil {
		t.Fatal(err)
	}
	check(&a)
	check(collect(t, chunks(piece(members), stop("stop"))))
}

// TestTextLogprobs leaves out the log probabilities of a legacy completion,
// which are no chat's.
func TestTextLogprobs(t *testing.T) {
	const choice = `"index":0,"text":"a","logprobs":{"tokens":["a"],"token_logprobs":[-1],"top_logprobs":null,"text_offset":[0]},"finish_reason":"stop"`
	var a neutral.Reply
	if err := New().ReadReply(translate.OpCompletion, []byte(`{"choices":[{`+choice+`}]}`), &a); err != nil {
		t.Fatal(err)
	}
	if text(&a) != "a" || a.Choices[0].Logprobs != nil || collect(t, chunks("{"+choice+"}")).Choices[0].Logprobs != nil {
		t.Errorf("got %+v", a)
	}
}
