package anthropic

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ai-mcp-gateway/gateway/translate"
	"github.com/ai-mcp-gateway/gateway/translate/neutral"
)

// request reads a client's body.
func request(t *testing.T, body string) *neutral.Request {
	t.Helper()
	q, err := readRequest(translate.OpMessages, body)
	if err != nil {
		t.Fatalf("%s: %v (%s)", body, err, err.Param)
	}
	return q
}

func readRequest(op translate.Op, body string) (*neutral.Request, *translate.Error) {
	var r translate.Request
	if err := r.Scan([]byte(body)); err != nil {
		return nil, err
	}
	return New().ReadRequest(op, &r)
}

// send returns the body that q becomes.
func send(t *testing.T, q *neutral.Request, target neutral.Target) (string, neutral.Drops) {
	t.Helper()
	if target.Model == "" {
		target.Model = "m"
	}
	body, drops, err := New().AppendRequest(nil, q, &target)
	if err != nil {
		t.Fatal(err)
	}
	if !json.Valid(body) {
		t.Fatalf("no JSON: %s", body)
	}
	return string(body), drops
}

// at returns the raw member of a body at a path of keys and indexes.
func at(t *testing.T, body string, path ...any) string {
	t.Helper()
	raw := json.RawMessage(body)
	for _, step := range path {
		switch step := step.(type) {
		case string:
			var o map[string]json.RawMessage
			if err := json.Unmarshal(raw, &o); err != nil {
				t.Fatalf("%s: %v", raw, err)
			}
			raw = o[step]
		case int:
			var a []json.RawMessage
			if err := json.Unmarshal(raw, &a); err != nil {
				t.Fatalf("%s: %v", raw, err)
			}
			if step >= len(a) {
				return ""
			}
			raw = a[step]
		}
	}
	return string(raw)
}

func same(t *testing.T, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s:\n got %s\nwant %s", what, got, want)
	}
}

// decode feeds a stream in pieces that end at cuts and returns its events with
// bytes of their own.
func decode(stream []byte, cuts ...int) ([]neutral.Event, *translate.Error) {
	d := New().NewDecoder(translate.OpMessages)
	var all, out []neutral.Event
	from := 0
	for _, end := range append(cuts, len(stream)) {
		var n int
		var err *translate.Error
		out, n, err = d.Feed(out[:0], stream[from:end])
		all = appendOwn(all, out)
		if err != nil {
			return all, err
		}
		from += n
	}
	out, err := d.Close(out[:0], stream[from:])
	return appendOwn(all, out), err
}

func appendOwn(dst, events []neutral.Event) []neutral.Event {
	for _, e := range events {
		e.Text, e.Raw, e.Signature = bytes.Clone(e.Text), bytes.Clone(e.Raw), bytes.Clone(e.Signature)
		dst = append(dst, e)
	}
	return dst
}

// collect makes the reply of events.
func collect(events []neutral.Event) *neutral.Reply {
	var c neutral.Collector
	for i := range events {
		c.Add(&events[i])
	}
	return &c.Reply
}

// encode writes events for a client.
func encode(events []neutral.Event) string {
	c := New().NewEncoder(translate.OpMessages, &neutral.Request{Model: "asked"})
	var dst []byte
	for i := range events {
		dst = c.Append(dst, &events[i])
	}
	return string(dst)
}

// read reads a whole answer.
func read(t *testing.T, body string) *neutral.Reply {
	t.Helper()
	var a neutral.Reply
	if err := New().ReadReply(translate.OpMessages, []byte(body), &a); err != nil {
		t.Fatalf("%s: %v", body, err)
	}
	return &a
}

// stream puts events into frames as Anthropic does.
func stream(data ...string) []byte {
	var dst []byte
	for _, d := range data {
		var e struct{ Type string }
		_ = json.Unmarshal([]byte(d), &e)
		dst = append(dst, "event: "+e.Type+"\ndata: "+d+"\n\n"...)
	}
	return dst
}

// sameJSON compares JSON texts as values.
func sameJSON(t *testing.T, what, got, want string) {
	t.Helper()
	var a, b any
	if err := json.Unmarshal([]byte(got), &a); err != nil {
		t.Errorf("%s: %v: %s", what, err, got)
		return
	}
	if err := json.Unmarshal([]byte(want), &b); err != nil {
		t.Fatalf("%s: %v: %s", what, err, want)
	}
	if diff := cmp.Diff(b, a); diff != "" {
		t.Errorf("%s: %s", what, diff)
	}
}
