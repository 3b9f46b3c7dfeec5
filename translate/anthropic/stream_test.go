package anthropic

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ai-mcp-gateway/gateway/translate"
	"github.com/ai-mcp-gateway/gateway/translate/neutral"
	"github.com/ai-mcp-gateway/gateway/translate/sse"
)

const messageStart = `{"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","model":"m","content":[],` +
	`"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":10,"cache_read_input_tokens":3,"cache_creation_input_tokens":2,"output_tokens":1}}}`

const messageStop = `{"type":"message_stop"}`

func blockStart(index, block string) string {
	return `{"type":"content_block_start","index":` + index + `,"content_block":` + block + `}`
}

func blockDelta(index, delta string) string {
	return `{"type":"content_block_delta","index":` + index + `,"delta":` + delta + `}`
}

func blockStop(index string) string {
	return `{"type":"content_block_stop","index":` + index + `        }`
}

func messageDelta(reason string) string {
	return `{"type":"message_delta","delta":{"stop_reason":"` + reason + `","stop_sequence":null},"usage":{"output_tokens":7}}`
}

// whole is a stream with a block of each kind.
var whole = stream(
	`{"type":"ping"}`, messageStart,
	blockStart("0", `{"type":"thinking","thinking":"","signature":""}`),
	blockDelta("0", `{"type":"thinking_delta","thinking":"h\u006d"}`),
	blockDelta("0", `{"type":"signature_delta","signature":"sig"}`), blockStop("0"),
	blockStart("1", `{"type":"redacted_thinking","data":"xyz"}`), blockStop("1"),
	blockStart("2", `{"type":"text","text":""}`),
	blockDelta("2", `{"type":"text_delta","text":"héllo\n"}`),
	blockDelta("2", `{"type":"citations_delta","citation":{"type":"char_location","cited_text":"a"}}`), blockStop("2"),
	blockStart("3", `{"type":"tool_use","id":"toolu_1","name":"f","input":{}}`),
	blockDelta("3", `{"type":"input_json_delta","partial_json":""}`),
	blockDelta("3", `{"type":"input_json_delta","partial_json":"{\"a\":"}`),
	blockDelta("3", `{"type":"input_json_delta","partial_json":"1}"}`), blockStop("3"),
	blockStart("4", `{"type":"server_tool_use","id":"srv_1","name":"web_search","input":{}}`),
	blockDelta("4", `{"type":"input_json_delta","partial_json":"{\"q\":1}"}`), blockStop("4"),
	messageDelta("tool_use"), messageStop,
)

func mustDecode(t *testing.T, body []byte) []neutral.Event {
	t.Helper()
	events, err := decode(body)
	if err != nil {
		t.Fatalf("%v after %v", err, events)
	}
	return events
}

// choice is the one answer in a stream.
func choice(t *testing.T, body []byte) neutral.Choice {
	t.Helper()
	return collect(mustDecode(t, body)).Choices[0]
}

func TestDecoder(t *testing.T) {
	got := collect(mustDecode(t, whole))
	want := &neutral.Reply{
		ID: "msg_1", Model: "m",
		Choices: []neutral.Choice{{
			Blocks: []neutral.Block{
				{Kind: neutral.Thinking, Text: []byte("hm"), Signature: []byte("sig"), Origin: name},
				{Kind: neutral.Thinking, Signature: []byte("xyz"), Redacted: true, Origin: name},
				{Kind: neutral.Text, Text: []byte("héllo\n"), Annotations: []byte(`[{"type":"char_location","cited_text":"a"}]`), Origin: name},
				{Kind: neutral.ToolUse, ID: "toolu_1", Name: "f", Arguments: []byte(`{"a":1}`), Origin: name},
				{Kind: neutral.Foreign, Raw: []byte(`{"type":"server_tool_use","id":"srv_1","name":"web_search","input":{"q":1}}`), Dialect: name, Origin: name},
			},
			Finish: neutral.FinishTools, Native: "tool_use",
		}},
		Usage: neutral.Usage{Usage: translate.Usage{In: 15, CacheRead: 3, CacheWrite: 2, Out: 7, Known: true}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestDecoder_Split feeds a stream in two pieces cut at every byte, and byte by
// byte.
func TestDecoder_Split(t *testing.T) {
	want := mustDecode(t, whole)
	var every []int
	for cut := range whole {
		got, err := decode(whole, cut)
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Fatalf("cut at %d: %v %s", cut, err, diff)
		}
		every = append(every, cut)
	}
	if got, err := decode(whole, every...); err != nil || !cmp.Equal(want, got) {
		t.Errorf("byte by byte: %v", err)
	}
}

func TestDecoder_Cut(t *testing.T) {
	end := strings.Index(string(whole), "event: message_delta")
	for cut := range end {
		if _, err := decode(whole[:cut]); err == nil || err.Code != translate.ProviderTruncated {
			t.Fatalf("cut at %d: %v", cut, err)
		}
	}
	short := whole[:strings.Index(string(whole), "event: message_stop")]
	if events := mustDecode(t, short); events[len(events)-1].Kind != neutral.End {
		t.Error("a stream that has said why it stops has no end")
	}
}

func TestEncoder(t *testing.T) {
	got := encode(mustDecode(t, whole))
	same(t, "order", strings.Join(names(t, got), " "), "ping message_start "+
		"0:start:thinking 0:thinking_delta 0:signature_delta 0:stop 1:start:redacted_thinking 1:stop "+
		"2:start:text 2:text_delta 2:citations_delta 2:stop 3:start:tool_use 3:input_json_delta 3:input_json_delta 3:stop "+
		"4:start:server_tool_use 4:stop message_delta message_stop")
	sameReply(t, collect(mustDecode(t, []byte(got))), collect(mustDecode(t, whole)))
	if !strings.Contains(got, `"usage":{"input_tokens":10,"cache_creation_input_tokens":2,"cache_read_input_tokens":3,`) {
		t.Error("the start does not tell what has gone in")
	}
}

// names returns what the frames of a stream are, and checks their form.
func names(t *testing.T, body string) []string {
	t.Helper()
	var all []string
	if body == "" {
		return nil
	}
	for frame := range strings.SplitSeq(strings.TrimSuffix(body, "\n\n"), "\n\n") {
		data, event := sse.Data([]byte(frame+"\n\n"), nil)
		kind := strings.Trim(at(t, string(data), "type"), `"`)
		if kind != string(event) || strings.Count(frame, "\n") != 1 {
			t.Errorf("frame %q", frame)
		}
		switch index := at(t, string(data), "index"); kind {
		case "content_block_start":
			kind = index + ":start:" + strings.Trim(at(t, string(data), "content_block", "type"), `"`)
		case "content_block_delta":
			kind = index + ":" + strings.Trim(at(t, string(data), "delta", "type"), `"`)
		case "content_block_stop":
			kind = index + ":stop"
		}
		all = append(all, kind)
	}
	return all
}

func start(index int, kind neutral.BlockKind) neutral.Event {
	return neutral.Event{Kind: neutral.BlockStart, Index: index, Block: kind, ToolID: "id" + string(rune('0'+index)), Name: "f"}
}

func pieceOf(kind neutral.EventKind, index int, s string) neutral.Event {
	return neutral.Event{Kind: kind, Index: index, Text: []byte(s)}
}

func stopOf(index int) neutral.Event { return neutral.Event{Kind: neutral.BlockStop, Index: index} }

var (
	starting = neutral.Event{Kind: neutral.Start, ID: "r1", Model: "m"}
	ending   = neutral.Event{Kind: neutral.End}
)

func finished(f neutral.Finish) neutral.Event {
	return neutral.Event{Kind: neutral.Finished, Finish: f}
}

func order(t *testing.T, events ...neutral.Event) string {
	t.Helper()
	return strings.Join(names(t, encode(events)), " ")
}

func TestEdge032_EmptyInputAtStart(t *testing.T) {
	c := choice(t, whole)
	same(t, "arguments", string(c.Blocks[3].Arguments), `{"a":1}`)
}

func TestEdge033_EmptyPiece(t *testing.T) {
	for _, e := range mustDecode(t, whole) {
		if e.Kind == neutral.ArgumentsDelta && len(e.Text) == 0 {
			t.Error("an empty piece came out")
		}
	}
}

func TestEdge030_NothingStreamed(t *testing.T) {
	c := choice(t, stream(messageStart, blockStart("0", `{"type":"tool_use","id":"a","name":"f","input":{}}`), blockStop("0"), messageDelta("tool_use"), messageStop))
	same(t, "decoded", string(c.Blocks[0].Arguments), "{}")
	c = choice(t, stream(messageStart, blockStart("0", `{"type":"tool_use","id":"a","name":"f"}`), blockStop("0"), messageDelta("tool_use"), messageStop))
	same(t, "no input", string(c.Blocks[0].Arguments), "{}")
	c = choice(t, stream(messageStart, blockStart("0", `{"type":"tool_use","id":"a","name":"f","input":{"b":1}}`), blockStop("0"), messageDelta("tool_use"), messageStop))
	same(t, "whole input", string(c.Blocks[0].Arguments), `{"b":1}`)
	got := encode([]neutral.Event{starting, start(0, neutral.ToolUse), stopOf(0), finished(neutral.FinishTools), ending})
	same(t, "encoded", string(choice(t, []byte(got)).Blocks[0].Arguments), "{}")
	got = encode([]neutral.Event{starting, start(0, neutral.ToolUse), pieceOf(neutral.ArgumentsDelta, 0, "nu"), pieceOf(neutral.ArgumentsDelta, 0, "ll"), stopOf(0), ending}) // edge case 31
	same(t, "null", string(choice(t, []byte(got)).Blocks[0].Arguments), "{}")
}

func TestEdge040_Interleaved(t *testing.T) {
	got := order(t, starting, start(0, neutral.ToolUse), start(1, neutral.ToolUse),
		pieceOf(neutral.ArgumentsDelta, 0, "{"), pieceOf(neutral.ArgumentsDelta, 1, "{"), pieceOf(neutral.ArgumentsDelta, 0, "}"),
		pieceOf(neutral.ArgumentsDelta, 1, "}"), stopOf(0), stopOf(1), finished(neutral.FinishTools), ending)
	same(t, "order", got, "message_start 0:start:tool_use 0:input_json_delta 0:input_json_delta 0:stop "+
		"1:start:tool_use 1:input_json_delta 1:stop message_delta message_stop")
}

func TestEdge043_TextAndTool(t *testing.T) {
	got := encode([]neutral.Event{
		starting, start(0, neutral.Text), pieceOf(neutral.TextDelta, 0, "a"), stopOf(0),
		start(1, neutral.ToolUse), pieceOf(neutral.ArgumentsDelta, 1, "{}"), stopOf(1), finished(neutral.FinishStop), ending,
	})
	if !strings.Contains(got, `"stop_reason":"tool_use"`) {
		t.Error(got)
	}
}

func TestEdge044_OnlyTool(t *testing.T) {
	got := order(t, starting, start(0, neutral.Text), stopOf(0), start(1, neutral.ToolUse), pieceOf(neutral.ArgumentsDelta, 1, "{}"), stopOf(1), ending)
	same(t, "order", got, "message_start 0:start:tool_use 0:input_json_delta 0:stop message_delta message_stop")
}

func TestEdge064_StopSequence(t *testing.T) {
	a := read(t, `{"type":"message","content":[],"stop_reason":"stop_sequence","stop_sequence":"END"}`)
	if c := a.Choices[0]; c.Finish != neutral.FinishStopSequence || c.StopSequence != "END" || c.Finish.Brief() != translate.FinishStop {
		t.Error(c)
	}
}

func TestEdge112_OverloadedFirst(t *testing.T) {
	events, err := decode(stream(`{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}`))
	if len(events) != 0 || err == nil || err.Code != translate.ProviderOverloaded || New().HTTPStatus(err) != 529 {
		t.Errorf("%v %v", events, err)
	}
}

func TestEdge111_ErrorInStream(t *testing.T) {
	events, err := decode(stream(messageStart, `{"type":"error","error":{"type":"api_error","message":"oops"}}`, messageStop))
	if err == nil || err.Code != translate.ProviderFailed || events[len(events)-1].Kind == neutral.End {
		t.Errorf("%v %v", events, err)
	}
	c := New().NewEncoder(translate.OpMessages, &neutral.Request{})
	same(t, "fail", strings.Join(names(t, string(c.Fail(nil, err))), " "), "error")
}

func TestEdge119_SignatureOnly(t *testing.T) {
	body := stream(messageStart, blockStart("0", `{"type":"thinking","thinking":"","signature":""}`),
		blockDelta("0", `{"type":"signature_delta","signature":"s1"}`), blockDelta("0", `{"type":"signature_delta","signature":"s2"}`),
		blockStop("0"), messageDelta("end_turn"), messageStop)
	for _, b := range [][]byte{body, []byte(encode(mustDecode(t, body)))} {
		if c := choice(t, b); len(c.Blocks) != 1 || string(c.Blocks[0].Signature) != "s1s2" {
			t.Error(c.Blocks)
		}
	}
}

func TestEdge131_UsageOverride(t *testing.T) {
	f := func(want neutral.Usage, usage string) {
		t.Helper()
		events := mustDecode(t, stream(messageStart, `{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":`+usage+`}`, messageStop))
		if diff := cmp.Diff(want, collect(events).Usage); diff != "" {
			t.Error(diff)
		}
	}
	f(neutral.Usage{Usage: translate.Usage{In: 15, CacheRead: 3, CacheWrite: 2, Out: 9, Known: true}}, `{"output_tokens":9}`)
	f(neutral.Usage{Usage: translate.Usage{In: 66, CacheRead: 3, CacheWrite: 2, Out: 2, Known: true}}, `{"input_tokens":61,"cache_read_input_tokens":null,"output_tokens":2}`)
	f(neutral.Usage{Usage: translate.Usage{In: 15, CacheRead: 3, CacheWrite: 2, Out: 9, Reasoning: 4, Known: true}}, `{"output_tokens":9,"output_tokens_details":{"thinking_tokens":4}}`)
}

func TestEdge132_TwoStarts(t *testing.T) {
	body := stream(messageStart, blockStart("0", `{"type":"text","text":""}`), blockDelta("0", `{"type":"text_delta","text":"a"}`),
		messageStart, blockStart("0", `{"type":"text","text":""}`), blockDelta("0", `{"type":"text_delta","text":"b"}`), blockStop("0"),
		messageDelta("end_turn"), messageStop)
	events := mustDecode(t, body)
	starts := 0
	for _, e := range events {
		if e.Kind == neutral.Start {
			starts++
		}
	}
	c := collect(events).Choices[0]
	if starts != 1 || len(c.Blocks) != 2 || string(c.Blocks[0].Text) != "a" || string(c.Blocks[1].Text) != "b" {
		t.Errorf("%d starts, %v", starts, c.Blocks)
	}
}

func TestEdge133_PingFirst(t *testing.T) {
	if events := mustDecode(t, whole); events[0].Kind != neutral.Ping || events[1].Kind != neutral.Start {
		t.Error(events[:2])
	}
}

func TestEdge138_UnknownStopReason(t *testing.T) {
	c := choice(t, stream(messageStart, `{"type":"news","x":1}`, messageDelta("bored"), messageStop))
	if c.Finish != neutral.FinishOther || c.Native != "bored" {
		t.Error(c)
	}
}

func TestEdge139_Refusal(t *testing.T) {
	body := stream(messageStart, `{"type":"message_delta","delta":{"stop_reason":"refusal","stop_details":{"type":"refusal","explanation":"not this"}},"usage":{"output_tokens":1}}`, messageStop)
	c := choice(t, body)
	if c.Finish != neutral.FinishFilter || len(c.Blocks) != 1 || c.Blocks[0].Kind != neutral.Refusal || string(c.Blocks[0].Text) != "not this" {
		t.Error(c)
	}
	a := read(t, `{"type":"message","content":[],"stop_reason":"refusal"}`)
	if c := a.Choices[0]; c.Finish != neutral.FinishFilter || len(c.Blocks) != 0 {
		t.Error(c)
	}
}

func TestEdge140_Pause(t *testing.T) {
	a := read(t, `{"type":"message","content":[{"type":"text","text":"a"}],"stop_reason":"pause_turn"}`)
	same(t, "back", at(t, string(New().AppendReply(nil, translate.OpMessages, &neutral.Request{}, a)), "stop_reason"), `"pause_turn"`)
}

// TestAnswerTool: a call of the tool that stands in for a schema is text.
func TestAnswerTool(t *testing.T) {
	c := read(t, `{"type":"message","content":[{"type":"tool_use","id":"a","name":"`+answerTool+`","input":{"x":1.0}}],"stop_reason":"tool_use"}`).Choices[0]
	if c.Finish != neutral.FinishStop || len(c.Blocks) != 1 || string(c.Blocks[0].Text) != `{"x":1.0}` || c.Blocks[0].Kind != neutral.Text {
		t.Error(c)
	}
	c = choice(t, stream(messageStart, blockStart("0", `{"type":"tool_use","id":"a","name":"`+answerTool+`","input":{}}`),
		blockDelta("0", `{"type":"input_json_delta","partial_json":"{\"x\":"}`), blockDelta("0", `{"type":"input_json_delta","partial_json":"1.0}"}`),
		blockStop("0"), messageDelta("tool_use"), messageStop))
	if c.Finish != neutral.FinishStop || len(c.Blocks) != 1 || string(c.Blocks[0].Text) != `{"x":1.0}` || c.Blocks[0].Kind != neutral.Text {
		t.Error(c)
	}
}

// TestEncoder_Custom streams the free text of a custom call as the object that
// it is in a whole message.
func TestEncoder_Custom(t *testing.T) {
	call := start(0, neutral.ToolUse)
	call.Custom = true
	for _, text := range []string{"select 1", `{"a":1}`, ""} {
		got := encode([]neutral.Event{
			{Kind: neutral.Start, Model: "m"},
			call, pieceOf(neutral.ArgumentsDelta, 0, text[:len(text)/2]),
			pieceOf(neutral.ArgumentsDelta, 0, text[len(text)/2:]),
			{Kind: neutral.BlockStop},
			{Kind: neutral.Finished, Finish: neutral.FinishTools},
			{Kind: neutral.End},
		})
		want, err := json.Marshal(map[string]string{"input": text})
		if err != nil {
			t.Fatal(err)
		}
		sameJSON(t, "arguments", string(collect(mustDecode(t, []byte(got))).Choices[0].Blocks[0].Arguments), string(want))
	}
}
