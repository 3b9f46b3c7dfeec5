package responses

import (
	"strings"
	"testing"

	"github.com/ai-mcp-gateway/gateway/translate"
	"github.com/ai-mcp-gateway/gateway/translate/neutral"
)

// stream encodes events and checks their order.
func stream(t *testing.T, q *neutral.Request, events ...neutral.Event) ([]event, map[string]any) {
	t.Helper()
	enc := New().NewEncoder(translate.OpResponses, q)
	var dst []byte
	for i := range events {
		dst = enc.Append(dst, &events[i])
	}
	parsed := parseStream(t, dst)
	return parsed, checkSequence(t, parsed)
}

func names(events []event) string {
	var all []string
	for _, e := range events {
		all = append(all, strings.TrimPrefix(e.name, "response."))
	}
	return strings.Join(all, " ")
}

func start(kind neutral.BlockKind, index int) neutral.Event {
	return neutral.Event{Kind: neutral.BlockStart, Block: kind, Index: index}
}

func textDelta(index int, s string) neutral.Event {
	return neutral.Event{Kind: neutral.TextDelta, Index: index, Text: []byte(s)}
}

func stop(index int) neutral.Event { return neutral.Event{Kind: neutral.BlockStop, Index: index} }

var finished = []neutral.Event{{Kind: neutral.Finished, Finish: neutral.FinishStop}, {Kind: neutral.End}}

func TestEdge125_126_EveryEventOfAText(t *testing.T) {
	events, _ := stream(t, &neutral.Request{Model: "m"}, append([]neutral.Event{
		{Kind: neutral.Start, ID: "resp_1", Model: "m"}, start(neutral.Text, 0), textDelta(0, "He"), textDelta(0, ""), textDelta(0, "llo"), stop(0),
	}, finished...)...)
	want := "created in_progress output_item.added content_part.added output_text.delta output_text.delta " +
		"output_text.done content_part.done output_item.done completed"
	if got := names(events); got != want {
		t.Errorf("got %s", got)
	}
}

// A part's place in its message is not its message's place in the answer.
func TestEdge128_ContentIndex(t *testing.T) {
	events, response := stream(t, &neutral.Request{}, append([]neutral.Event{
		start(neutral.Thinking, 0), textDelta(0, "hm"), stop(0),
		start(neutral.Text, 1), textDelta(1, "a"), stop(1),
		start(neutral.Text, 2), textDelta(2, "b"), stop(2),
	}, finished...)...)
	var places []any
	for _, e := range events {
		if e.name == "response.output_text.delta" {
			places = append(places, e.data["output_index"], e.data["content_index"])
		}
	}
	if len(places) != 4 || places[0] != 1.0 || places[1] != 0.0 || places[2] != 1.0 || places[3] != 1.0 {
		t.Errorf("the texts are at %v", places)
	}
	if items := response["output"].([]any); len(items) != 2 {
		t.Errorf("the items are %v", items)
	}
}

func TestEdge127_EveryEventOfACall(t *testing.T) {
	events, _ := stream(t, &neutral.Request{}, append([]neutral.Event{
		{Kind: neutral.BlockStart, Block: neutral.ToolUse, ToolID: "c", Name: "f"},
		{Kind: neutral.ArgumentsDelta, Text: []byte(`{"a":`)},
		{Kind: neutral.ArgumentsDelta, Text: []byte(`"é"}`)},
		stop(0),
	}, finished...)...)
	want := "created in_progress output_item.added function_call_arguments.delta function_call_arguments.delta " +
		"function_call_arguments.done output_item.done completed"
	if got := names(events); got != want {
		t.Errorf("got %s", got)
	}
	if done := events[5]; done.str("arguments") != `{"a":"é"}` || done.str("name") != "f" {
		t.Errorf("the arguments end with %v", done.data)
	}
}

func TestEdge030_EmptyArguments(t *testing.T) {
	_, response := stream(t, &neutral.Request{}, append([]neutral.Event{
		{Kind: neutral.BlockStart, Block: neutral.ToolUse, ToolID: "c", Name: "f"}, stop(0),
	}, finished...)...)
	if call := response["output"].([]any)[0].(map[string]any); call["arguments"] != "{}" {
		t.Errorf("the call is %v", call)
	}
}

// Calls whose pieces come in turns are told one after the other.
func TestEdge040_InterleavedCalls(t *testing.T) {
	call := func(index int, id string) neutral.Event {
		return neutral.Event{Kind: neutral.BlockStart, Block: neutral.ToolUse, Index: index, ToolID: id, Name: "f"}
	}
	piece := func(index int, s string) neutral.Event {
		return neutral.Event{Kind: neutral.ArgumentsDelta, Index: index, Text: []byte(s)}
	}
	_, response := stream(t, &neutral.Request{}, append([]neutral.Event{
		call(0, "a"), call(1, "b"), piece(0, `{"x":`), piece(1, `{"y":`), piece(0, `1}`), piece(1, `2}`), stop(0), stop(1),
	}, finished...)...)
	items := response["output"].([]any)
	if len(items) != 2 || items[0].(map[string]any)["arguments"] != `{"x":1}` || items[1].(map[string]any)["arguments"] != `{"y":2}` {
		t.Errorf("the items are %v", items)
	}
}

// A free-text tool that a provider knows as a function comes back as text.
func TestEdge059_CustomToolUnwrapped(t *testing.T) {
	q := mustRead(t, `{"model":"m","input":"x","tools":[{"type":"custom","name":"sql"}]}`)
	events, response := stream(t, q, append([]neutral.Event{
		{Kind: neutral.BlockStart, Block: neutral.ToolUse, ToolID: "c", Name: "sql"},
		{Kind: neutral.ArgumentsDelta, Text: []byte(`{"input":"SELECT`)},
		{Kind: neutral.ArgumentsDelta, Text: []byte(` 1\n"}`)},
		stop(0),
	}, finished...)...)
	want := "created in_progress output_item.added custom_tool_call_input.delta custom_tool_call_input.done output_item.done completed"
	if got := names(events); got != want {
		t.Errorf("got %s", got)
	}
	if item := response["output"].([]any)[0].(map[string]any); item["input"] != "SELECT 1\n" || item["type"] != "custom_tool_call" {
		t.Errorf("the item is %v", item)
	}
}

// Thinking that is nothing but a signature is told as well.
func TestEdge119_SealedThinking(t *testing.T) {
	_, response := stream(t, &neutral.Request{}, append([]neutral.Event{
		{Kind: neutral.BlockStart, Block: neutral.Thinking, Origin: "anthropic"},
		{Kind: neutral.SignatureDelta, Text: []byte("s1")},
		{Kind: neutral.SignatureDelta, Text: []byte("s2")},
		stop(0),
		{Kind: neutral.BlockStart, Block: neutral.Thinking, Index: 1, Origin: "anthropic", Redacted: true, Signature: []byte("r")},
		stop(1),
	}, finished...)...)
	items := response["output"].([]any)
	if len(items) != 2 || items[0].(map[string]any)["encrypted_content"] != "gw1.t.anthropic.s1s2" ||
		items[1].(map[string]any)["encrypted_content"] != "gw1.r.anthropic.r" {
		t.Errorf("the items are %v", items)
	}
}

// The id of a stream is one and the same, whatever the provider says.
func TestEdge130_OneID(t *testing.T) {
	events, _ := stream(t, &neutral.Request{}, append([]neutral.Event{
		{Kind: neutral.Start, ID: "chatcmpl-1"},
		{Kind: neutral.Start, ID: "chatcmpl-2"},
		start(neutral.Text, 0), textDelta(0, "x"), stop(0),
	}, finished...)...)
	if strings.Contains(names(events[2:]), "created") {
		t.Errorf("got %s", names(events))
	}
}

func TestEdge111_Fail(t *testing.T) {
	enc := New().NewEncoder(translate.OpResponses, &neutral.Request{Model: "m"})
	var dst []byte
	for _, ev := range []neutral.Event{start(neutral.Text, 0), textDelta(0, "half"), {Kind: neutral.Ping}} {
		dst = enc.Append(dst, &ev)
	}
	dst = enc.Fail(dst, &translate.Error{Code: translate.ProviderTruncated, Message: "The provider's stream ended early."})
	for _, ev := range finished {
		dst = enc.Append(dst, &ev)
	}
	dst = enc.Fail(dst, &translate.Error{Code: translate.ProviderReset})
	events := parseStream(t, dst)
	if got := names(events[len(events)-2:]); got != "error failed" || strings.Contains(names(events), "completed") {
		t.Fatalf("got %s", names(events))
	}
	told := events[len(events)-2]
	if told.str("message") != "The provider's stream ended early." || told.str("code") != "upstream_truncated" || told.data["param"] != nil {
		t.Errorf("the error is %v", told.data)
	}
	response := events[len(events)-1].data["response"].(map[string]any)
	if response["status"] != "failed" || response["error"].(map[string]any)["code"] != "server_error" ||
		response["id"] != events[0].data["response"].(map[string]any)["id"] {
		t.Errorf("the response is %v", response)
	}
}

func TestAppendErrorEvent(t *testing.T) {
	dst := New().AppendErrorEvent(nil, &translate.Error{Code: translate.ProviderRateLimited, Message: "Slow down."})
	events := parseStream(t, dst)
	if names(events) != "error failed" {
		t.Errorf("got %s", names(events))
	}
}

// Whatever comes in whatever order, the stream stays a legal one.
func TestEncoderOddEvents(t *testing.T) {
	stream(t, &neutral.Request{},
		textDelta(0, "lost"), stop(3),
		neutral.Event{Kind: neutral.LogprobsDelta, Text: []byte(`{"content":[{"token":"x"}]}`)},
		start(neutral.Text, 0), textDelta(0, "x"),
		neutral.Event{Kind: neutral.LogprobsDelta, Text: []byte(`{"content":[{"token":"x","logprob":-1}],"refusal":null}`)},
		start(neutral.Refusal, 1), textDelta(1, "no"),
		neutral.Event{Kind: neutral.BlockStart, Block: neutral.Foreign, Index: 2, Dialect: "anthropic", Raw: []byte("{}")},
		neutral.Event{Kind: neutral.BlockStart, Block: neutral.Image, Index: 3},
		neutral.Event{Kind: neutral.BlockStart, Block: neutral.Text, Index: 0, Choice: 1}, neutral.Event{Kind: neutral.TextDelta, Choice: 1, Text: []byte("other")},
		neutral.Event{Kind: neutral.EventKind(99)},
		neutral.Event{Kind: neutral.End}, textDelta(0, "late"),
	)
}
