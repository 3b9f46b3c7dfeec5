package responses

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/ai-mcp-gateway/gateway/translate"
	"github.com/ai-mcp-gateway/gateway/translate/neutral"
)

// mustRead reads a request that has to be sound.
func mustRead(t *testing.T, body string) *neutral.Request {
	t.Helper()
	q, err := read(body)
	if err != nil {
		t.Fatalf("%s: %v (%s)", body, err, err.Param)
	}
	return q
}

func read(body string) (*neutral.Request, *translate.Error) {
	var r translate.Request
	if err := r.Scan([]byte(body)); err != nil {
		return nil, err
	}
	return New().ReadRequest(translate.OpResponses, &r)
}

// mustAppend writes a request for a provider.
func mustAppend(t *testing.T, q *neutral.Request, target neutral.Target) (string, neutral.Drops) {
	t.Helper()
	body, drops, err := New().AppendRequest(nil, q, &target)
	if err != nil {
		t.Fatal(err)
	}
	if !json.Valid(body) {
		t.Fatalf("no JSON: %s", body)
	}
	return string(body), drops
}

// event is one event of a stream in the dialect.
type event struct {
	name string
	data map[string]any
}

func (e event) str(key string) string { s, _ := e.data[key].(string); return s }

// parseStream splits what an encoder has written, and checks what holds for
// every event.
func parseStream(t *testing.T, stream []byte) []event {
	t.Helper()
	var events []event
	for _, frame := range strings.Split(strings.TrimSuffix(string(stream), "\n\n"), "\n\n") {
		name, data, ok := strings.Cut(frame, "\ndata: ")
		if !ok || strings.Contains(data, "\n") {
			t.Fatalf("not an event of two lines: %q", frame)
		}
		e := event{name: strings.TrimPrefix(name, "event: ")}
		if err := json.Unmarshal([]byte(data), &e.data); err != nil {
			t.Fatalf("%v: %s", err, data)
		}
		if e.str("type") != e.name || e.data["sequence_number"] != float64(len(events)) {
			t.Fatalf("event %d is %s, number %v, type %s", len(events), e.name, e.data["sequence_number"], e.str("type"))
		}
		events = append(events, e)
	}
	return events
}

// checkSequence checks the legal order of a stream's events: one item and one
// part at a time, all about items that have been added, every delta in the
// done, and the whole in the last event. It returns the last response.
func checkSequence(t *testing.T, events []event) map[string]any {
	t.Helper()
	if len(events) < 3 || events[0].name != "response.created" || events[1].name != "response.in_progress" {
		t.Fatalf("the stream does not begin as it has to: %v", events)
	}
	var items []any
	var openItem, openPart string
	var delta strings.Builder
	for k, e := range events[2 : len(events)-1] {
		where := fmt.Sprintf("event %d, %s %v", k+2, e.name, e.data)
		if at, ok := e.data["output_index"]; !ok || at != float64(len(items)) {
			t.Fatalf("%s: output_index is not %d", where, len(items))
		}
		switch {
		case e.name == "response.output_item.added":
			if openItem != "" {
				t.Fatalf("%s: another item is open", where)
			}
			openItem, _ = e.data["item"].(map[string]any)["id"].(string)
			delta.Reset()
		case e.name == "response.output_item.done":
			if openPart != "" || openItem == "" || e.data["item"].(map[string]any)["id"] != openItem {
				t.Fatalf("%s: the item is not open, or a part is", where)
			}
			items, openItem = append(items, e.data["item"]), ""
		case e.str("item_id") != openItem:
			t.Fatalf("%s: not about the open item %q", where, openItem)
		case strings.HasSuffix(e.name, "part.added"):
			if openPart != "" {
				t.Fatalf("%s: another part is open", where)
			}
			openPart = "text"
			delta.Reset()
		case strings.HasSuffix(e.name, "part.done"):
			if openPart != "done" {
				t.Fatalf("%s: the part is %q", where, openPart)
			}
			openPart = ""
		case strings.HasSuffix(e.name, ".delta"):
			delta.WriteString(e.str("delta"))
		case strings.HasSuffix(e.name, ".done"):
			whole := e.str("text") + e.str("refusal") + e.str("arguments") + e.str("input")
			if whole != delta.String() {
				t.Fatalf("%s: the deltas were %q", where, delta.String())
			}
			if openPart != "" {
				openPart = "done"
			}
		}
	}
	last := events[len(events)-1]
	response, _ := last.data["response"].(map[string]any)
	if response == nil || openItem != "" {
		t.Fatalf("the stream ends with %v, item %q open", last, openItem)
	}
	want, _ := json.Marshal(append([]any{}, items...))
	if got, _ := json.Marshal(response["output"]); string(got) != string(want) {
		t.Fatalf("the last event's output is\n%s\nthe items were\n%s", got, want)
	}
	for _, e := range events[:2] {
		if id := e.data["response"].(map[string]any)["id"]; id != response["id"] {
			t.Fatalf("two ids in a stream: %v and %v", id, response["id"])
		}
	}
	return response
}

// encode writes the stream of a reply.
func encode(q *neutral.Request, a *neutral.Reply) []byte {
	enc := New().NewEncoder(translate.OpResponses, q)
	var dst []byte
	for _, ev := range neutral.Replay(nil, a) {
		dst = enc.Append(dst, &ev)
	}
	return dst
}

// decode reads a stream in pieces that end at the given places.
func decode(stream []byte, cuts ...int) (*neutral.Reply, *translate.Error) {
	dec := New().NewDecoder(translate.OpResponses)
	var c neutral.Collector
	add := func(events []neutral.Event) {
		for i := range events {
			c.Add(&events[i])
		}
	}
	from := 0
	for _, cut := range append(cuts, len(stream)) {
		events, n, err := dec.Feed(nil, stream[from:cut:cut])
		add(events)
		if from += n; err != nil {
			return &c.Reply, err
		}
	}
	events, err := dec.Close(nil, stream[from:])
	add(events)
	return &c.Reply, err
}

// frames makes a stream of events, each a JSON object with a type.
func frames(events ...string) []byte {
	var b strings.Builder
	for _, data := range events {
		b.WriteString("data: " + data + "\n\n")
	}
	return []byte(b.String())
}
