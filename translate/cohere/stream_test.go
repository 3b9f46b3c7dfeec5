package cohere

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/ai-mcp-gateway/gateway/translate"
	"github.com/ai-mcp-gateway/gateway/translate/neutral"
)

// decode feeds stream in pieces of at most size bytes and returns what the
// events make, with a line for each event.
func decode(stream string, size int) (*neutral.Reply, []string, *translate.Error) {
	var c neutral.Collector
	var lines []string
	var events []neutral.Event
	var err *translate.Error
	d := New().NewDecoder(translate.OpChat)
	note := func() {
		for i := range events {
			c.Add(&events[i])
			e := &events[i]
			lines = append(lines, fmt.Sprintf("%d %d %d %q %s %s %v %s %+v", e.Kind, e.Index, e.Block, e.Text, e.ToolID, e.Name, e.Finish, e.Native, e.Usage))
		}
	}
	var buf []byte
	for len(stream) > 0 && err == nil {
		n := min(size, len(stream))
		buf = append(buf, stream[:n]...)
		stream = stream[n:]
		var taken int
		events, taken, err = d.Feed(events[:0], buf)
		note()
		buf = append([]byte(nil), buf[taken:]...)
	}
	if err == nil {
		events, err = d.Close(events[:0], buf)
		note()
	}
	return &c.Reply, lines, err
}

func stream(chunks ...string) string {
	var s strings.Builder
	for _, c := range chunks {
		s.WriteString("event: x\ndata: " + c + "\n\n")
	}
	return s.String()
}

const (
	messageStart = `{"id":"i","type":"message-start","delta":{"message":{"role":"assistant","content":[],"tool_plan":"","tool_calls":[],"citations":[]}}}`
	complete     = `{"type":"message-end","delta":{"finish_reason":"COMPLETE",` + usage + `}}`
	called       = `{"type":"message-end","delta":{"finish_reason":"TOOL_CALL",` + usage + `}}`
)

func content(kind, text string) string {
	return `{"type":"content-delta","index":0,"delta":{"message":{"content":{"` + kind + `":"` + text + `"}}}}`
}

func callStart(id, args string) string {
	return `{"type":"tool-call-start","index":0,"delta":{"message":{"tool_calls":{"id":"` + id + `","type":"function","function":{"name":"f","arguments":"` + args + `"}}}}}`
}

func callDelta(args string) string {
	return `{"type":"tool-call-delta","index":0,"delta":{"message":{"tool_calls":{"function":{"arguments":"` + args + `"}}}}}`
}

const callEnd = `{"type":"tool-call-end","index":0}`

var streams = map[string]string{
	"text": stream(messageStart, `{"type":"content-start","index":0,"delta":{"message":{"content":{"type":"thinking","thinking":""}}}}`,
		content("thinking", `h\u006dm`), `{"type":"content-end","index":0}`,
		`{"type":"content-start","index":1,"delta":{"message":{"content":{"type":"text","text":""}}}}`,
		content("text", "Hel"), content("text", `lo.\n`), `{"type":"content-end","index":1}`,
		`{"type":"citation-start","index":0,"delta":{"message":{"citations":{"start":0,"end":5,"text":"Hello"}}}}`, `{"type":"citation-end","index":0}`, complete),
	"calls": stream(messageStart, `{"type":"tool-plan-delta","delta":{"message":{"tool_plan":"I "}}}`, `{"type":"tool-plan-delta","delta":{"message":{"tool_plan":"will"}}}`,
		callStart("c1", ""), callDelta(`{\"`), callDelta(`a\":1}`), callEnd,
		callStart("", ""), callEnd, callStart("c3", "nu"), callDelta("ll"), callEnd, called) + "data: [DONE]\n\n",
	"cut":   stream(messageStart, content("text", "a")) + "data: {",
	"error": stream(messageStart, content("text", "a"), `{"message":"internal error"}`),
}

// TestDecoder_Split feeds every stream in pieces of every size.
func TestDecoder_Split(t *testing.T) {
	for title, s := range streams {
		t.Run(title, func(t *testing.T) {
			_, want, wantErr := decode(s, len(s))
			for size := 1; size < len(s); size++ {
				_, got, err := decode(s, size)
				if diff := cmp.Diff(want, got); diff != "" || (err == nil) != (wantErr == nil) {
					t.Fatalf("pieces of %d: %v %s", size, err, diff)
				}
			}
		})
	}
}

func TestDecoder(t *testing.T) {
	f := func(title string, want neutral.Choice) {
		t.Helper()
		a, _, err := decode(streams[title], 50)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(&neutral.Reply{ID: "i", Usage: known(), Choices: []neutral.Choice{want}}, a, cmpopts.EquateEmpty()); diff != "" {
			t.Error(diff)
		}
	}
	f("text", neutral.Choice{Finish: neutral.FinishStop, Native: "COMPLETE", Blocks: []neutral.Block{
		{Kind: neutral.Thinking, Text: []byte("hmm"), Origin: name},
		{Kind: neutral.Text, Text: []byte("Hello.\n"), Annotations: []byte(`[{"start":0,"end":5,"text":"Hello"}]`), Origin: name},
	}})
	f("calls", neutral.Choice{Finish: neutral.FinishTools, Native: "TOOL_CALL", Blocks: []neutral.Block{
		{Kind: neutral.Thinking, Text: []byte("I will"), Origin: name},
		{Kind: neutral.ToolUse, ID: "c1", Name: "f", Arguments: []byte(`{"a":1}`), Origin: name},
		{Kind: neutral.ToolUse, ID: neutral.MakeCallID("i", 0, 1), Name: "f", Arguments: []byte(`{}`), Origin: name},
		{Kind: neutral.ToolUse, ID: "c3", Name: "f", Arguments: []byte(`{}`), Origin: name},
	}})
}

func TestEdge030_EmptyArguments(t *testing.T) {
	a, _, err := decode(stream(messageStart, callStart("c", ""), callDelta(""), callEnd, called), 1<<20)
	if err != nil || string(a.Choices[0].Blocks[0].Arguments) != "{}" {
		t.Errorf("%v %+v", err, a)
	}
}

func TestEdge102_NoBlankLineAtEnd(t *testing.T) {
	if _, _, err := decode(strings.TrimRight(stream(messageStart, content("text", "a"), complete), "\n"), 7); err != nil {
		t.Error(err)
	}
}

func TestEdge111_ErrorInStream(t *testing.T) {
	for _, s := range []string{
		streams["error"], `{"message":"no"}`,
		stream(messageStart, `{"type":"message-end","delta":{"finish_reason":"ERROR","error":"x"}}`),
	} {
		if _, _, err := decode(s, 9); err == nil || err.Code != translate.ProviderFailed {
			t.Errorf("%s: %v", s, err)
		}
	}
}

func TestEdge113_Cut(t *testing.T) {
	for _, s := range []string{"", streams["cut"], stream(messageStart, content("text", "a")), "<html>no</html>", ": ping\n\n"} {
		if _, _, err := decode(s, 1<<20); err == nil || err.Code != translate.ProviderTruncated {
			t.Errorf("%q: %v", s, err)
		}
	}
	if _, _, err := decode(stream("{"), 1<<20); err == nil || err.Code != translate.ProviderBadResponse {
		t.Error(err)
	}
}
