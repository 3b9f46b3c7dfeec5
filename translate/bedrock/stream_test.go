package bedrock

import (
	"bytes"
	"fmt"
	"reflect"
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws/protocol/eventstream"
	"github.com/google/go-cmp/cmp"

	"github.com/ai-mcp-gateway/gateway/translate"
	"github.com/ai-mcp-gateway/gateway/translate/neutral"
)

// message is a frame to be: its headers in order, and its payload.
type message struct {
	headers [][2]string
	payload string
}

func event(kind, payload string) message {
	return message{[][2]string{{":event-type", kind}, {":content-type", "application/json"}, {":message-type", "event"}}, payload}
}

func exception(kind, payload string) message {
	return message{[][2]string{{":exception-type", kind}, {":content-type", "application/json"}, {":message-type", "exception"}}, payload}
}

var start = event("messageStart", `{"p":"abc","role":"assistant"}`)

func blockStart(i int, id, name string) message {
	return event("contentBlockStart", fmt.Sprintf(`{"contentBlockIndex":%d,"p":"a","start":{"toolUse":{"name":%q,"toolUseId":%q}}}`, i, name, id))
}

func delta(i int, piece string) message {
	return event("contentBlockDelta", fmt.Sprintf(`{"contentBlockIndex":%d,"delta":{%s},"p":"abcdef"}`, i, piece))
}

func blockStop(i int) message {
	return event("contentBlockStop", fmt.Sprintf(`{"contentBlockIndex":%d}`, i))
}

func stop(reason string) message { return event("messageStop", `{"stopReason":"`+reason+`"}`) }

var metadata = event("metadata", `{"metrics":{"latencyMs":1},"usage":{"inputTokens":10,"outputTokens":5,"totalTokens":15}}`)

// frames encodes messages with the SDK's encoder.
func frames(tb testing.TB, messages ...message) []byte {
	tb.Helper()
	var buf bytes.Buffer
	encoder := eventstream.NewEncoder()
	for _, m := range messages {
		encoded := eventstream.Message{Payload: []byte(m.payload)}
		for _, h := range m.headers {
			encoded.Headers.Set(h[0], eventstream.StringValue(h[1]))
		}
		if err := encoder.Encode(&buf, encoded); err != nil {
			tb.Fatal(err)
		}
	}
	return buf.Bytes()
}

// run decodes stream, which comes in pieces cut at the places cuts. Events are
// copied, as the next Feed takes their bytes away.
func run(stream []byte, cuts ...int) ([]neutral.Event, *translate.Error) {
	d := New().NewDecoder(translate.OpChat)
	var all []neutral.Event
	keep := func(events []neutral.Event) {
		for i := range events {
			events[i].Text = bytes.Clone(events[i].Text)
			events[i].Raw = bytes.Clone(events[i].Raw)
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

// decode decodes a stream that is sound.
func decode(tb testing.TB, messages ...message) []neutral.Event {
	tb.Helper()
	events, err := run(frames(tb, messages...))
	if err != nil {
		tb.Fatal(err)
	}
	return events
}

// gather makes a reply of events.
func gather(events []neutral.Event) *neutral.Reply {
	var c neutral.Collector
	for i := range events {
		c.Add(&events[i])
	}
	return &c.Reply
}

var usage15 = neutral.Usage{Usage: translate.Usage{In: 10, Out: 5, Known: true}, Total: 15}

var conversation = []message{
	start,
	delta(0, `"reasoningContent":{"text":"Let me \"think\""}`), delta(0, `"reasoningContent":{"signature":"si=="}`), blockStop(0),
	delta(1, `"text":"Hello"`), delta(1, `"text":" wörld\n\u00e9"`), blockStop(1),
	blockStart(2, "c1", "t"), delta(2, `"toolUse":{"input":"{\"a\":"}`), delta(2, `"toolUse":{"input":"1}"}`), blockStop(2),
	blockStart(3, "c2", "t"), blockStop(3),
	stop("tool_use"), metadata,
}

func TestStream(t *testing.T) {
	want := []neutral.Event{
		{Kind: neutral.Start},
		{Kind: neutral.BlockStart, Block: neutral.Thinking, Origin: name},
		{Kind: neutral.TextDelta, Text: []byte(`Let me "think"`)},
		{Kind: neutral.SignatureDelta, Text: []byte("si==")},
		{Kind: neutral.BlockStop},
		{Kind: neutral.BlockStart, Index: 1, Block: neutral.Text, Origin: name},
		{Kind: neutral.TextDelta, Index: 1, Text: []byte("Hello")},
		{Kind: neutral.TextDelta, Index: 1, Text: []byte(" wörld\né")},
		{Kind: neutral.BlockStop, Index: 1},
		{Kind: neutral.BlockStart, Index: 2, Block: neutral.ToolUse, ToolID: "c1", Name: "t", Origin: name},
		{Kind: neutral.ArgumentsDelta, Index: 2, Text: []byte(`{"a":`)},
		{Kind: neutral.ArgumentsDelta, Index: 2, Text: []byte(`1}`)},
		{Kind: neutral.BlockStop, Index: 2},
		{Kind: neutral.BlockStart, Index: 3, Block: neutral.ToolUse, ToolID: "c2", Name: "t", Origin: name},
		{Kind: neutral.ArgumentsDelta, Index: 3, Text: []byte(`{}`)},
		{Kind: neutral.BlockStop, Index: 3},
		{Kind: neutral.Finished, Finish: neutral.FinishTools, Native: "tool_use"},
		{Kind: neutral.UsageReport, Usage: usage15},
		{Kind: neutral.End},
	}
	if diff := cmp.Diff(want, decode(t, conversation...)); diff != "" {
		t.Error(diff)
	}
}

func TestEdge114_SplitAnywhere(t *testing.T) {
	stream := frames(t, conversation...)
	want := decode(t, conversation...)
	for at := range stream {
		got, err := run(stream, at)
		if err != nil || !reflect.DeepEqual(want, got) {
			t.Fatalf("split at %d: %v %s", at, err, cmp.Diff(want, got))
		}
	}
	every := make([]int, len(stream))
	for i := range every {
		every[i] = i
	}
	if got, err := run(stream, every...); err != nil || !reflect.DeepEqual(want, got) {
		t.Fatalf("byte by byte: %v %s", err, cmp.Diff(want, got))
	}
}

func TestEdge114_BrokenFrames(t *testing.T) {
	stream := frames(t, conversation...)
	whole := decode(t, conversation...)
	for at := range stream {
		broken := slices.Clone(stream)
		broken[at] ^= 0x10
		got, err := run(broken)
		// The length alone may promise more than comes.
		if err == nil || err.Code != translate.ProviderBadResponse && err.Code != translate.ProviderTruncated {
			t.Fatalf("byte %d: %v", at, err)
		}
		if len(got) >= len(whole) || len(got) > 0 && !reflect.DeepEqual(whole[:len(got)], got) {
			t.Fatalf("byte %d: events that are not those of the stream: %+v", at, got)
		}
	}
}

func TestEdge113_CutShort(t *testing.T) {
	stream := frames(t, conversation...)
	end := len(stream) - len(frames(t, metadata))
	for at := range stream {
		_, err := run(stream[:at])
		if complete := at == end; complete != (err == nil) || err != nil && err.Code != translate.ProviderTruncated {
			t.Fatalf("cut at %d: %v", at, err)
		}
	}
}

func TestEdge111_Exceptions(t *testing.T) {
	f := func(m message, want translate.Code) {
		t.Helper()
		events, err := run(frames(t, start, delta(0, `"text":"a"`), m))
		if err == nil || err.Code != want || len(events) != 3 {
			t.Errorf("%v: %v after %d events", m, err, len(events))
		}
	}
	f(exception("throttlingException", `{"message":"slow"}`), translate.ProviderRateLimited)
	f(exception("validationException", `{"message":"bad"}`), translate.ProviderRejected)
	f(exception("modelStreamErrorException", `{"message":"x","originalStatusCode":500}`), translate.ProviderFailed)
	f(exception("serviceUnavailableException", `{}`), translate.ProviderOverloaded)
	f(exception("internalServerException", `<`), translate.ProviderFailed)
	f(exception("neverSeenException", `{}`), translate.ProviderFailed)
	f(message{[][2]string{{":message-type", "error"}, {":error-code", "ThrottlingException"}, {":error-message", "x"}}, ""}, translate.ProviderRateLimited)
	f(event("contentBlockDelta", `{"delta"`), translate.ProviderBadResponse)
}

func TestEdge147_ErrorInPlaceOfStream(t *testing.T) {
	_, err := run([]byte(`{"__type":"ThrottlingException","message":"x"}`), 4)
	if err == nil || err.Code != translate.ProviderRateLimited {
		t.Errorf("%v", err)
	}
	if _, err = run([]byte(`<html><body>nothing here</body></html>`)); err == nil || err.Code != translate.ProviderBadResponse {
		t.Errorf("%v", err)
	}
}

func TestEdge115_MetadataFirstAndEmptyStart(t *testing.T) {
	f := func(messages ...message) {
		t.Helper()
		got := gather(decode(t, messages...))
		if len(got.Choices) != 1 || len(got.Choices[0].Blocks) != 1 || string(got.Choices[0].Blocks[0].Text) != "Hi" ||
			got.Choices[0].Finish != neutral.FinishStop {
			t.Errorf("%+v", got)
		}
	}
	empty := event("contentBlockStart", `{"contentBlockIndex":0,"start":{}}`)
	f(start, empty, delta(0, `"text":"Hi"`), blockStop(0), metadata, stop("end_turn"))
	f(start, delta(0, `"text":"Hi"`), stop("end_turn"), metadata)
	f(delta(0, `"text":""`), delta(0, `"text":"Hi"`), stop("end_turn")) // no usage at all
	f(start, event("newEvent", `{"x":1}`), delta(0, `"text":"Hi","newPiece":{}`), stop("end_turn"), metadata, metadata)
}

func TestEdge044_BlocksWithoutStop(t *testing.T) {
	got := gather(decode(t, delta(0, `"text":"one"`), delta(1, `"text":"two"`), blockStart(5, "c", "t"), delta(5, `"toolUse":{"input":"{}"}`), delta(6, `"text":"three"`), stop("tool_use"), metadata))
	var kinds []neutral.BlockKind
	for _, b := range got.Choices[0].Blocks {
		kinds = append(kinds, b.Kind)
	}
	if diff := cmp.Diff([]neutral.BlockKind{neutral.Text, neutral.Text, neutral.ToolUse, neutral.Text}, kinds); diff != "" {
		t.Error(diff)
	}
}

func TestEdge119_SignatureOnly(t *testing.T) {
	got := gather(decode(t, start, delta(0, `"reasoningContent":{"signature":"s"}`), blockStop(0), delta(1, `"reasoningContent":{"redactedContent":"YQ=="}`), blockStop(1), stop("end_turn"), metadata))
	want := []neutral.Block{
		{Kind: neutral.Thinking, Signature: []byte("s"), Origin: name},
		{Kind: neutral.Thinking, Signature: []byte("YQ=="), Redacted: true, Origin: name},
	}
	if diff := cmp.Diff(want, got.Choices[0].Blocks); diff != "" {
		t.Error(diff)
	}
}

func TestAnswerToolIsText(t *testing.T) {
	got := gather(decode(t, start, blockStart(0, "c", answerTool), delta(0, `"toolUse":{"input":"{\"a\":"}`), delta(0, `"toolUse":{"input":"1}"}`), blockStop(0), stop("tool_use"), metadata))
	want := []neutral.Choice{{Blocks: []neutral.Block{{Kind: neutral.Text, Text: []byte(`{"a":1}`), Origin: name}}, Finish: neutral.FinishStop, Native: "tool_use"}}
	if diff := cmp.Diff(want, got.Choices); diff != "" {
		t.Error("streamed:", diff)
	}
	var a neutral.Reply
	body := `{"output":{"message":{"content":[{"toolUse":{"toolUseId":"c","name":"` + answerTool + `","input":{"a":1}}}]}},"stopReason":"tool_use"}`
	if err := New().ReadReply(translate.OpChat, []byte(body), &a); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, a.Choices); diff != "" {
		t.Error(diff)
	}
}

func TestServerToolIsForeign(t *testing.T) {
	got := gather(decode(t, start,
		event("contentBlockStart", `{"contentBlockIndex":0,"start":{"toolUse":{"name":"nova_grounding","toolUseId":"x","type":"server_tool_use"}}}`),
		delta(0, `"toolUse":{"input":"{}"}`), blockStop(0), delta(1, `"text":"a"`), stop("end_turn"), metadata))
	if b := got.Choices[0].Blocks; len(b) != 2 || b[0].Kind != neutral.Foreign || b[1].Kind != neutral.Text || got.Choices[0].Finish != neutral.FinishStop {
		t.Errorf("%+v", got)
	}
}
