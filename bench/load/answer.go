package load

import (
	"bytes"
	"context"
	"strings"
	"time"
)

// done is the payload of the event that ends a stream of OpenAI's dialect.
const done = "[DONE]"

// Answer is what every response has to be, byte for byte.
type Answer struct {
	// Body is the whole body of a plain answer. It is not looked at when there
	// are Events.
	Body []byte
	// Events are the data of a stream's events in their order; the last one
	// is [DONE].
	Events []string
	// Header is a header line ("X-Gateway-Cache: hit", the name in any case)
	// that the answer has to carry, at least up to there; empty means none.
	Header string

	places map[string]int // of Events
}

// Learn sends the request once, with serial number zero, which no other run
// uses, and takes the answer for the right one. The status has to be 200.
func Learn(ctx context.Context, addr string, request *Request) (*Answer, error) {
	c, err := dial(ctx, addr, request, 0, plainBuffer)
	if err != nil {
		return nil, err
	}
	defer c.close()
	c.deadline(time.Now().Add(10 * time.Second))
	if err := c.send(0); err != nil {
		return nil, err
	}
	streamed, body, err := c.readAll()
	if err != nil {
		return nil, err
	}
	if !streamed {
		return &Answer{Body: body}, nil
	}
	a := &Answer{}
	for line := range bytes.Lines(body) {
		if data, ok := dataOf(bytes.TrimRight(line, "\r\n")); ok {
			a.Events = append(a.Events, string(data))
		}
	}
	if len(a.Events) == 0 || a.Events[len(a.Events)-1] != done {
		return nil, failf(kindCut, "the stream to learn from does not end in %s", done)
	}
	return a, nil
}

// With returns a copy of the answer that also demands a header line.
func (a *Answer) With(header string) *Answer {
	return &Answer{Body: a.Body, Events: a.Events, Header: header}
}

// index makes the answer ready for comparing; call it before sharing.
func (a *Answer) index() {
	a.places = make(map[string]int, len(a.Events))
	for i, e := range a.Events {
		a.places[e] = i
	}
}

// stream compares the events of one response as its bytes come in.
type stream struct {
	answer *Answer
	next   int    // index of the event to come
	line   []byte // the line that has begun but not ended
}

func (s *stream) reset(a *Answer) {
	s.answer, s.next, s.line = a, 0, s.line[:0]
}

// feed takes the next decoded bytes of the body, split anywhere.
func (s *stream) feed(p []byte) error {
	for {
		i := bytes.IndexByte(p, '\n')
		if i < 0 {
			s.line = append(s.line, p...)
			return nil
		}
		line := p[:i]
		if len(s.line) > 0 {
			s.line = append(s.line, line...)
			line = s.line
		}
		if err := s.event(bytes.TrimSuffix(line, []byte("\r"))); err != nil {
			return err
		}
		s.line, p = s.line[:0], p[i+1:]
	}
}

func (s *stream) event(line []byte) error {
	data, ok := dataOf(line)
	if !ok {
		return nil
	}
	want := s.answer.Events
	if s.next < len(want) && string(data) == want[s.next] {
		s.next++
		return nil
	}
	if place, known := s.answer.places[string(data)]; known {
		return failf(kindOrder, "event %d came at place %d", place, s.next)
	}
	return failf(kindBody, "unexpected event at place %d: %.120q", s.next, data)
}

// end judges a body that has ended.
func (s *stream) end() error {
	if s.next < len(s.answer.Events) {
		return failf(kindCut, "the stream ended after %d of %d events", s.next, len(s.answer.Events))
	}
	return nil
}

// chunks is how many events other than [DONE] have come.
func (s *stream) chunks() int {
	return min(s.next, len(s.answer.Events)-1)
}

// dataOf returns what an event-stream line carries in its data field.
func dataOf(line []byte) ([]byte, bool) {
	data, ok := bytes.CutPrefix(line, []byte("data:"))
	if !ok {
		return nil, false
	}
	return bytes.TrimPrefix(data, []byte(" ")), true
}

// carries says whether a header field is the expected line, which may leave
// out the end of the value.
func carries(name, value []byte, line string) bool {
	wantName, wantValue, _ := strings.Cut(line, ":")
	return bytes.EqualFold(name, []byte(wantName)) &&
		bytes.HasPrefix(value, []byte(strings.TrimSpace(wantValue)))
}
