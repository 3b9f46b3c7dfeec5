package gemini

import (
	"fmt"
	"slices"
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
			lines = append(lines, line(&events[i]))
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

func line(e *neutral.Event) string {
	s := fmt.Sprintf("%d %d.%d %d %q", e.Kind, e.Choice, e.Index, e.Block, e.Text)
	switch e.Kind {
	case neutral.BlockStart:
		s += fmt.Sprintf(" %s %s %s %v %s", e.ToolID, e.Name, e.Signature, e.Redacted, e.Raw)
	case neutral.Finished:
		s += fmt.Sprintf(" %v %s", e.Finish, e.Native)
	case neutral.UsageReport:
		s += fmt.Sprintf(" %+v", e.Usage)
	}
	return s
}

func stream(chunks ...string) string {
	var s strings.Builder
	for _, c := range chunks {
		s.WriteString("data: " + c + "\r\n\r\n")
	}
	return s.String()
}

func decoded(t *testing.T, s string) *neutral.Reply {
	t.Helper()
	a, _, err := decode(s, len(s))
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func parts(list string) string {
	return `{"candidates":[{"content":{"parts":[` + list + `]}}],"responseId":"r"}`
}

const stopped = `{"candidates":[{"content":{"parts":[{"text":""}]},"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":1,"candidatesTokenCount":2,"totalTokenCount":3}}`

var streams = map[string]string{
	"full": stream(fullAnswer),
	"text": stream(`{"candidates":[{"content":{"parts":[{"text":"he\u00e9","thought":true}]},"index":0}],"responseId":"r","modelVersion":"m"}`,
		parts(`{"text":"l\nl"}`), `{"usageMetadata":{"promptTokenCount":1,"candidatesTokenCount":1}}`, parts(`{"text":"o ü"}`), stopped),
	"calls":   stream(parts(`{"functionCall":{"name":"a","args":{"x":"\u0041"}},"thoughtSignature":"s"}`), parts(`{"functionCall":{"name":"b"}}`), stopped),
	"partial": stream(partial...),
	"choices": stream(`{"candidates":[{"index":1,"content":{"parts":[{"text":"b"}]}},{"index":0,"content":{"parts":[{"text":"a"}]}}]}`,
		`{"candidates":[{"index":1,"content":{"parts":[{"text":"b"}]},"finishReason":"STOP"},{"index":0,"finishReason":"MAX_TOKENS"}]}`),
	"array": "[{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"a}\\\"]{\"}]}}]}\n,\r\n" + stopped + "]\n",
	"LF":    "\ufeffdata:" + parts(`{"text":"a"}`) + "\n\n: ping\n\nid: 1\ndata: {\"candidates\":\ndata: [{\"finishReason\":\"STOP\"}]}\n\ndata: [DONE]\n\n",
	"cut":   stream(parts(`{"text":"a"}`)) + "data: {\"cand",
	"error": stream(parts(`{"text":"a"}`), `{"error":{"code":503,"message":"m","status":"UNAVAILABLE"}}`),
}

var partial = []string{
	parts(`{"functionCall":{"name":"a","willContinue":true},"thoughtSignature":"s"}`),
	parts(`{"functionCall":{"partialArgs":[{"jsonPath":"$.o.list[0].n","stringValue":"A\n","willContinue":true}],"willContinue":true}}`),
	parts(`{"functionCall":{"partialArgs":[{"jsonPath":"$.o.list[0].n","stringValue":"p"}],"willContinue":true}}`),
	parts(`{"functionCall":{"partialArgs":[{"jsonPath":"$.o.list[1].n","numberValue":0.50},{"jsonPath":"$.o.ok","boolValue":true}],"willContinue":true}}`),
	parts(`{"functionCall":{"partialArgs":[{"jsonPath":"$['x.y']","nullValue":"NULL_VALUE"}]}}`),
	parts(`{"functionCall":{}}`),
	parts(`{"functionCall":{"name":"b","willContinue":true}}`),
	parts(`{"functionCall":{}}`),
	stopped,
}

// TestDecoder_Split feeds every stream in pieces of every size, and cut in
// two at every place.
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

// TestDecoder_EqualsReply holds that a stream of one event is the whole
// answer: of neighbours of one kind it makes one block.
func TestDecoder_EqualsReply(t *testing.T) {
	want := fullReply()
	blocks := want.Choices[0].Blocks
	blocks[2].Text = []byte(`It is "so".`)
	want.Choices[0].Blocks = slices.Delete(blocks, 1, 2)
	if diff := cmp.Diff(want, decoded(t, streams["full"]), cmpopts.EquateEmpty()); diff != "" {
		t.Error(diff)
	}
}

func TestDecoder_Partial(t *testing.T) {
	a := decoded(t, streams["partial"])
	want := []neutral.Block{
		{
			Kind: neutral.ToolUse, ID: neutral.MakeCallID("r", 0, 0), Name: "a", Signature: []byte("s"), Origin: name,
			Arguments: []byte(`{"o":{"list":[{"n":"A\np"},{"n":0.50}],"ok":true},"x.y":null}`),
		},
		{Kind: neutral.ToolUse, ID: neutral.MakeCallID("r", 0, 1), Name: "b", Origin: name, Arguments: []byte("{}")},
	}
	if diff := cmp.Diff(want, a.Choices[0].Blocks, cmpopts.EquateEmpty()); diff != "" {
		t.Error(diff)
	}
	if a.Choices[0].Finish != neutral.FinishTools {
		t.Error(a.Choices[0].Finish)
	}
}

// TestDecoder_PartialCut holds that what a model leaves open is closed.
func TestDecoder_PartialCut(t *testing.T) {
	a := decoded(t, stream(parts(`{"functionCall":{"name":"a","partialArgs":[{"jsonPath":"$.a[0]","stringValue":"x","willContinue":true}],"willContinue":true}}`),
		`{"candidates":[{"finishReason":"MAX_TOKENS"}]}`))
	if got := string(a.Choices[0].Blocks[0].Arguments); got != `{"a":["x"]}` || a.Choices[0].Finish != neutral.FinishLength {
		t.Error(got, a.Choices[0].Finish)
	}
}

func TestEdge037_ParallelCallsAcrossChunks(t *testing.T) {
	_, lines, err := decode(streams["calls"], 7)
	want := []string{
		`1 0.0 0 ""`,
		`2 0.0 5 "" ` + neutral.MakeCallID("r", 0, 0) + ` a s false `,
		`4 0.0 5 "{\"x\":\"\\u0041\"}"`,
		`8 0.0 5 ""`,
		`2 0.1 5 "" ` + neutral.MakeCallID("r", 0, 1) + ` b  false `,
		`4 0.1 5 "{}"`,
		`8 0.1 5 ""`,
		`9 0.0 0 "" {Usage:{In:1 CacheRead:0 CacheWrite:0 Out:2 Reasoning:0 Known:true} CacheWriteHour:0 AudioIn:0 AudioOut:0 Total:3}`,
		`10 0.0 0 "" 3 STOP`,
		`12 0.0 0 ""`,
	}
	if diff := cmp.Diff(want, lines); diff != "" || err != nil {
		t.Error(err, diff)
	}
}

func TestEdge045_StopAfterCalls(t *testing.T) {
	if a := decoded(t, streams["calls"]); a.Choices[0].Finish != neutral.FinishTools || a.Choices[0].Native != "STOP" {
		t.Errorf("%+v", a.Choices[0])
	}
}

func TestEdge074_InterleavedCandidates(t *testing.T) {
	a := decoded(t, streams["choices"])
	if len(a.Choices) != 2 || string(a.Choices[0].Blocks[0].Text) != "a" || string(a.Choices[1].Blocks[0].Text) != "bb" ||
		a.Choices[0].Finish != neutral.FinishLength || a.Choices[1].Finish != neutral.FinishStop {
		t.Errorf("%+v", a.Choices)
	}
}

func TestEdge099_LineEnds(t *testing.T) {
	crlf := stream(parts(`{"text":"a"}`), stopped)
	_, want, _ := decode(crlf, len(crlf))
	for _, s := range []string{strings.ReplaceAll(crlf, "\r\n", "\n"), strings.ReplaceAll(crlf, "\r\n", "\r")} {
		if _, got, err := decode(s, 3); err != nil || !cmp.Equal(want, got) {
			t.Error(err, cmp.Diff(want, got))
		}
	}
}

func TestEdge100_Fields(t *testing.T) {
	if a := decoded(t, streams["LF"]); string(a.Choices[0].Blocks[0].Text) != "a" || a.Choices[0].Finish != neutral.FinishStop {
		t.Errorf("%+v", a.Choices)
	}
}

func TestEdge102_NoBlankLineAtEnd(t *testing.T) {
	a := decoded(t, strings.TrimRight(stream(parts(`{"text":"a"}`), stopped), "\r\n"))
	if a.Choices[0].Finish != neutral.FinishStop || a.Usage.Total != 3 {
		t.Errorf("%+v", a)
	}
}

func TestEdge111_ErrorInStream(t *testing.T) {
	a, _, err := decode(streams["error"], 5)
	if err == nil || err.Code != translate.ProviderOverloaded || string(a.Choices[0].Blocks[0].Text) != "a" {
		t.Errorf("%v %+v", err, a)
	}
	if _, _, err = decode(`[{"error":{"code":429,"message":"m","status":"RESOURCE_EXHAUSTED"}}]`, 9); err == nil || err.Code != translate.ProviderRateLimited {
		t.Error(err)
	}
}

func TestEdge113_Cut(t *testing.T) {
	for _, s := range []string{"", streams["cut"], stream(parts(`{"text":"a"}`)), "[" + stopped + ",{\"a\"", "<html>no</html>", ": ping\n\n"} {
		if _, _, err := decode(s, 1<<20); err == nil || err.Code != translate.ProviderTruncated {
			t.Errorf("%q: %v", s, err)
		}
	}
	if _, _, err := decode(stream(`{"candidates":[`), 1<<20); err == nil || err.Code != translate.ProviderBadResponse {
		t.Error(err)
	}
}

func TestEdge116_Array(t *testing.T) {
	a := decoded(t, streams["array"])
	if string(a.Choices[0].Blocks[0].Text) != `a}"]{` || a.Choices[0].Finish != neutral.FinishStop {
		t.Errorf("%+v", a.Choices)
	}
	if a = decoded(t, stopped); a.Choices[0].Finish != neutral.FinishStop { // no stream at all
		t.Errorf("%+v", a.Choices)
	}
}

func TestEdge117_BlockedStream(t *testing.T) {
	a := decoded(t, stream(`{"promptFeedback":{"blockReason":"SAFETY"},"usageMetadata":{"promptTokenCount":3,"totalTokenCount":3}}`))
	if len(a.Choices) != 1 || a.Choices[0].Finish != neutral.FinishFilter || a.Choices[0].Native != "SAFETY" {
		t.Errorf("%+v", a.Choices)
	}
}

// TestEdge131_UsageIsCumulative holds that later counts take the place of
// earlier ones.
func TestEdge131_UsageIsCumulative(t *testing.T) {
	if a := decoded(t, streams["text"]); a.Usage.In != 1 || a.Usage.Out != 2 {
		t.Errorf("%+v", a.Usage)
	}
}
