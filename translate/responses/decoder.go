package responses

import (
	"bytes"

	"github.com/ai-mcp-gateway/gateway/translate"
	"github.com/ai-mcp-gateway/gateway/translate/neutral"
	"github.com/ai-mcp-gateway/gateway/translate/sse"
)

// NewDecoder returns a decoder of a provider's stream.
func (d *Dialect) NewDecoder(translate.Op) neutral.Decoder {
	return &decoder{dialect: d}
}

// decoder reads one stream. Servers leave events out, and say at the end of a
// part, of an item and of the response once more what there was: whatever has
// not been said by then is taken from there.
type decoder struct {
	dialect *Dialect
	frames  sse.Reader
	text    []byte // holds what had to be unescaped, until the next Feed

	started bool
	ended   bool
	id      string // of the response
	slots   []slot // the blocks of the items that are not done
	blocks  int    // started so far
	items   int    // one more than the highest index of an item
	calls   bool
	next    seal // of the next call
}

// slot is a block that has been started. A part of -1 is that of an item that
// is one block.
type slot struct {
	item, part int
	index      int
	kind       neutral.BlockKind
	said       said // its text or arguments
	noted      bool // an annotation
	stopped    bool
	raw        bool // Thinking: from the reasoning itself, not from a summary
	paragraph  int  // Thinking: which part of it
}

// said is how much of a text there was, and a hash of it: of the whole text,
// which comes at the end, the rest can then be told.
type said struct {
	bytes int
	sum   uint64
}

func (s *said) add(piece []byte) {
	for _, c := range piece {
		s.sum = (s.sum ^ uint64(c)) * 1099511628211 // FNV-1a
	}
	s.bytes += len(piece)
}

// rest returns what is missing of text; nothing when it is another one.
func (s *said) rest(text []byte) []byte {
	if s.bytes >= len(text) {
		return nil
	}
	var begun said
	begun.add(text[:s.bytes])
	if begun != *s {
		return nil
	}
	return text[s.bytes:]
}

// whole is the part of an item that is one block.
const whole = -1

// message is the data of an event; the values are raw.
type message struct {
	kind                      string
	response, item, part      []byte
	delta, text, annotation   []byte
	arguments, input, refusal []byte
	logprobs                  []byte
	output, content, summary  int // indexes
	responseAt                int // where the response stands
}

// Feed implements neutral.Decoder.
func (d *decoder) Feed(dst []neutral.Event, b []byte) ([]neutral.Event, int, *translate.Error) {
	d.text = d.text[:0]
	taken := 0
	for !d.ended {
		frame, n := d.frames.Next(b[taken:])
		if n == 0 {
			return dst, taken, nil
		}
		taken += n
		var err *translate.Error
		if dst, err = d.frame(dst, frame); err != nil {
			d.ended = true
			return dst, taken, err
		}
	}
	return dst, len(b), nil
}

// Close implements neutral.Decoder.
func (d *decoder) Close(dst []neutral.Event, rest []byte) ([]neutral.Event, *translate.Error) {
	if d.ended {
		return dst, nil
	}
	cut := translate.Errorf(translate.ProviderTruncated, "", "The provider's stream ended early.")
	if tail := d.frames.Tail(rest); tail != nil {
		var err *translate.Error
		if dst, err = d.frame(dst, tail); err != nil {
			if err.Code == translate.ProviderBadResponse { // half an event
				err = cut
			}
			return dst, err
		}
	}
	if !d.ended {
		return dst, cut
	}
	return dst, nil
}

// frame reads one frame.
func (d *decoder) frame(dst []neutral.Event, frame []byte) ([]neutral.Event, *translate.Error) {
	data, _ := sse.Data(frame, nil)
	data = bytes.TrimSpace(data)
	if len(data) == 0 || string(data) == "[DONE]" {
		return dst, nil
	}
	m, ok := scanMessage(data)
	if !ok {
		return dst, translate.Errorf(translate.ProviderBadResponse, "", "The provider's stream holds what is no event of its API.")
	}
	switch m.kind {
	case "error", "response.failed":
		return dst, d.dialect.ReadError(200, data)
	case "keepalive":
		return append(dst, neutral.Event{Kind: neutral.Ping}), nil
	case "":
		return dst, nil
	}
	return d.event(d.start(dst, &m), &m)
}

// scanMessage reads the data of an event. ok is false when it is not one JSON
// object.
func scanMessage(data []byte) (m message, ok bool) {
	failed := false
	o := translate.Members(data)
	for o.Next() {
		switch v := o.Value(); string(o.Key()) {
		case "type":
			m.kind = kindOf(text(v))
		case "response":
			m.response, m.responseAt = v, o.Span().Start
		case "item":
			m.item = v
		case "part":
			m.part = v
		case "delta":
			m.delta = v
		case "text":
			m.text = v
		case "annotation":
			m.annotation = v
		case "arguments":
			m.arguments = v
		case "input":
			m.input = v
		case "refusal":
			m.refusal = v
		case "logprobs":
			m.logprobs = v
		case "error":
			failed = given(v) != nil
		case "output_index":
			m.output = index(v)
		case "content_index":
			m.content = index(v)
		case "summary_index":
			m.summary = index(v)
		}
	}
	if failed && m.kind == "" {
		m.kind = "error"
	}
	return m, o.Complete()
}

// maxIndex bounds what a provider may count to.
const maxIndex = 1 << 20

func index(raw []byte) int {
	n, ok := translate.Int(raw)
	if !ok || n < 0 || n > maxIndex {
		return 0
	}
	return int(n)
}

// kinds are the events that are read; the others carry what no other dialect
// has, or what is said again later.
var kinds = func() map[string]string {
	m := make(map[string]string)
	for _, kind := range [...]string{
		"error", "keepalive",
		"response.created", "response.in_progress", "response.queued",
		"response.completed", "response.incomplete", "response.failed",
		"response.output_item.added", "response.output_item.done",
		"response.content_part.added", "response.content_part.done",
		"response.output_text.delta", "response.output_text.done", "response.output_text.annotation.added",
		"response.refusal.delta", "response.refusal.done",
		"response.function_call_arguments.delta", "response.function_call_arguments.done",
		"response.custom_tool_call_input.delta", "response.custom_tool_call_input.done",
		"response.reasoning_summary_text.delta", "response.reasoning_summary_text.done",
		"response.reasoning_text.delta", "response.reasoning_text.done",
	} {
		m[kind] = kind
	}
	return m
}()

// kindOf returns the kind of an event without making a string of it; "" for
// one that is not read.
func kindOf(raw []byte) string { return kinds[string(raw)] }

// start emits what a stream begins with, once.
func (d *decoder) start(dst []neutral.Event, m *message) []neutral.Event {
	if d.started {
		return dst
	}
	d.started = true
	r, _ := scanResponse(m.response)
	d.id = string(text(r.id))
	return append(dst, neutral.Event{
		Kind: neutral.Start, ID: d.id, Model: string(text(r.model)),
		Created: seconds(r.created), ServiceTier: string(text(r.tier)),
	})
}

func (d *decoder) event(dst []neutral.Event, m *message) ([]neutral.Event, *translate.Error) {
	switch m.kind {
	case "response.output_item.added":
		return d.itemAdded(dst, m), nil
	case "response.output_item.done":
		return d.itemDone(dst, m.output, m.item), nil
	case "response.content_part.added":
		return d.partAdded(dst, m), nil
	case "response.content_part.done":
		return d.partDone(dst, m), nil
	case "response.output_text.delta":
		dst = d.say(dst, m, neutral.Text, m.delta)
		return d.logprobs(dst, m.logprobs), nil
	case "response.refusal.delta":
		return d.say(dst, m, neutral.Refusal, m.delta), nil
	case "response.output_text.done":
		return d.sayWhole(dst, m, neutral.Text, m.text), nil
	case "response.refusal.done":
		return d.sayWhole(dst, m, neutral.Refusal, m.refusal), nil
	case "response.output_text.annotation.added":
		return d.annotate(dst, m), nil
	case "response.function_call_arguments.delta", "response.custom_tool_call_input.delta":
		return d.argue(dst, m.output, m.delta, false), nil
	case "response.function_call_arguments.done":
		return d.argue(dst, m.output, m.arguments, true), nil
	case "response.custom_tool_call_input.done":
		return d.argue(dst, m.output, m.input, true), nil
	case "response.reasoning_summary_text.delta":
		return d.think(dst, m.output, m.summary, m.delta, false), nil
	case "response.reasoning_text.delta":
		return d.think(dst, m.output, m.content, m.delta, true), nil
	case "response.completed", "response.incomplete":
		return d.end(dst, m)
	}
	return dst, nil
}

// end emits what has not been said of the response, and its end.
func (d *decoder) end(dst []neutral.Event, m *message) ([]neutral.Event, *translate.Error) {
	r, ok := scanResponse(m.response)
	if ok && r.failed() {
		return dst, d.dialect.ReadError(200, m.response)
	}
	announced := d.items
	list := translate.Elements(r.output)
	for k := 0; list.Next(); k++ {
		if k >= announced || d.isOpen(k) {
			dst = d.itemDone(dst, k, list.Value())
		}
	}
	for k := range d.slots {
		dst = d.slots[k].stop(dst)
	}
	if r.status == nil && m.kind == "response.incomplete" {
		r.status = []byte(`"incomplete"`)
	}
	finish, native := r.finish(d.calls)
	if usage := readUsage(r.usage); usage.Known {
		dst = append(dst, neutral.Event{Kind: neutral.UsageReport, Usage: usage})
	}
	d.ended = true
	return append(dst,
		neutral.Event{Kind: neutral.Finished, Finish: finish, Native: string(text(native))},
		neutral.Event{Kind: neutral.End},
	), nil
}

// isOpen reports whether an item has begun and is not done.
func (d *decoder) isOpen(item int) bool {
	for k := range d.slots {
		if d.slots[k].item == item {
			return true
		}
	}
	return false
}
