package openai

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ai-mcp-gateway/gateway/translate"
	"github.com/ai-mcp-gateway/gateway/translate/neutral"
	"github.com/ai-mcp-gateway/gateway/translate/sse"
)

// ask reads a request of op.
func ask(t testing.TB, op translate.Op, body string) (*neutral.Request, *translate.Error) {
	t.Helper()
	var r translate.Request
	if err := r.Scan([]byte(body)); err != nil {
		t.Fatalf("%s: %v", body, err)
	}
	return New().ReadRequest(op, &r)
}

// chat reads a chat request that is sound. members stand beside the model.
func chat(t testing.TB, members string) *neutral.Request {
	t.Helper()
	q, err := ask(t, translate.OpChat, `{"model":"m",`+members+`}`)
	if err != nil {
		t.Fatalf("%s: %v (%s)", members, err, err.Param)
	}
	return q
}

// user is a message for requests that need one.
const user = `"messages":[{"role":"user","content":"hi"}]`

// compose writes q for a target, and reports what got lost.
func compose(t testing.TB, q *neutral.Request, traits neutral.Traits) (string, neutral.Drops) {
	t.Helper()
	body, drops, err := New().AppendRequest(nil, q, &neutral.Target{Model: "p", Traits: traits})
	if err != nil {
		t.Fatal(err)
	}
	return string(body), drops
}

// sameJSON compares two texts as JSON, numbers by their text.
func sameJSON(t testing.TB, want, got string) {
	t.Helper()
	if diff := cmp.Diff(parse(t, want), parse(t, got)); diff != "" {
		t.Errorf("got %s: %s", got, diff)
	}
}

func parse(t testing.TB, text string) (v any) {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return v
}

// listen feeds the stream in pieces of the size given, 0 for all at once, and
// returns the events with bytes of their own.
func listen(stream string, size int) ([]neutral.Event, *translate.Error) {
	d := New().NewDecoder(translate.OpChat)
	if size == 0 {
		size = len(stream) + 1
	}
	var all, some []neutral.Event
	var buf []byte
	for len(stream) > 0 {
		n := min(size, len(stream))
		buf = append(bytes.Clone(buf), stream[:n]...)
		stream = stream[n:]
		events, taken, err := d.Feed(some[:0], buf)
		all = appendOwn(all, events)
		if err != nil {
			return all, err
		}
		buf = buf[taken:]
	}
	events, err := d.Close(nil, buf)
	return appendOwn(all, events), err
}

func appendOwn(dst, events []neutral.Event) []neutral.Event {
	for _, e := range events {
		e.Text, e.Signature = bytes.Clone(e.Text), bytes.Clone(e.Signature)
		dst = append(dst, e)
	}
	return dst
}

// collect makes an answer of a stream that is whole.
func collect(t testing.TB, stream string) *neutral.Reply {
	t.Helper()
	events, err := listen(stream, 0)
	if err != nil {
		t.Fatalf("%s: %v", stream, err)
	}
	var c neutral.Collector
	for i := range events {
		c.Add(&events[i])
	}
	return &c.Reply
}

// encode writes events as a stream to a client.
func encode(op translate.Op, q *neutral.Request, events []neutral.Event) string {
	s := New().NewEncoder(op, q)
	var out []byte
	for i := range events {
		out = s.Append(out, &events[i])
	}
	return string(out)
}

// dataOf are the data of the events of a stream.
func dataOf(stream string) (all []string) {
	var r sse.Reader
	rest := []byte(stream)
	for event, n := r.Next(rest); n > 0; event, n = r.Next(rest) {
		rest = rest[n:]
		if data, _ := sse.Data(event, nil); data != nil {
			all = append(all, string(data))
		}
	}
	return all
}

// answer reads the body of an answer that is sound.
func answer(t testing.TB, body string) *neutral.Reply {
	t.Helper()
	var a neutral.Reply
	if err := New().ReadReply(translate.OpChat, []byte(body), &a); err != nil {
		t.Fatalf("%s: %v", body, err)
	}
	return &a
}

// choiceOf is an answer with one choice.
func choiceOf(message, finish string) string {
	return `{"id":"c1","created":7,"model":"m","choices":[{"index":0,"message":{"role":"assistant",` + message +
		`},"logprobs":null,"finish_reason":"` + finish + `"}]}`
}

// chunks is a stream of chunks with these choices, and its end.
func chunks(choices ...string) string {
	var b strings.Builder
	for _, c := range choices {
		b.WriteString(`data: {"id":"c1","created":7,"model":"m","choices":[` + c + "]}\n\n")
	}
	return b.String() + "data: [DONE]\n\n"
}

// piece is a choice of a chunk.
func piece(delta string) string { return `{"index":0,"delta":{` + delta + `},"finish_reason":null}` }

// stop is the choice of a last chunk.
func stop(reason string) string {
	return `{"index":0,"delta":{},"finish_reason":"` + reason + `"}`
}

func TestMixed(t *testing.T) {
	f := func(messages string, want bool) {
		t.Helper()
		if got := New().Mixed([]byte("\ufeff" + `{"model":"m", "messages":` + messages + `}`)); got != want {
			t.Errorf("%s: %v", messages, got)
		}
	}
	details := func(format string) string {
		return `[{"role":"user","content":"reasoning_details"},{"role":"assistant","reasoning_details":[` +
			`{"type":"reasoning.text","text":"t"},{"type":"reasoning.encrypted","data":"d","format" : "` + format + `"}]}]`
	}
	f(details("anthropic"), true)
	f(details("responses"), true)
	f(details("openai"), false)
	f(details("anthropic-claude-v1"), false) // of another gateway
	f(`[{"role":"user","content":"\"reasoning_details\""}]`, false)
	f(`[{"role":"assistant","reasoning_details":null}]`, false)
}
