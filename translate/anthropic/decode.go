package anthropic

import (
	"github.com/ai-mcp-gateway/gateway/translate"
	"github.com/ai-mcp-gateway/gateway/translate/neutral"
	"github.com/ai-mcp-gateway/gateway/translate/sse"
)

// NewDecoder returns the decoder of one provider's stream.
func (d *Dialect) NewDecoder(translate.Op) neutral.Decoder { return new(decoder) }

// decoder turns server-sent events into neutral ones.
type decoder struct {
	frames sse.Reader
	texts  arena // until the next Feed

	open    []openBlock
	next    int // the index of the next block
	started bool
	// calls and answered: a call has been seen, one of the answer tool has.
	calls, answered bool
	finished, ended bool
	usage           counts
}

// openBlock is a block that has started and not stopped.
type openBlock struct {
	from, index int // the provider's index and ours
	kind        neutral.BlockKind
	input       []byte // what a call started with; nil for all else
	filled      bool   // something of its arguments has been said
	// A Foreign block is put together here, as nobody else can: the raw block
	// that it started with, and the value of member that its deltas make.
	raw, held []byte
	member    string
}

// Feed implements neutral.Decoder.
func (d *decoder) Feed(dst []neutral.Event, b []byte) ([]neutral.Event, int, *translate.Error) {
	d.texts = d.texts[:0]
	taken := 0
	for {
		frame, n := d.frames.Next(b[taken:])
		if n == 0 {
			return dst, taken, nil
		}
		taken += n
		var err *translate.Error
		if dst, err = d.frame(dst, frame); err != nil {
			return dst, taken, err
		}
	}
}

// Close implements neutral.Decoder. A stream that has said why it stops lacks
// nothing but its last frame.
func (d *decoder) Close(dst []neutral.Event, rest []byte) ([]neutral.Event, *translate.Error) {
	d.texts = d.texts[:0]
	if tail := d.frames.Tail(rest); tail != nil {
		var err *translate.Error
		if dst, err = d.frame(dst, tail); err != nil && err.Code != translate.ProviderBadResponse {
			return dst, err
		}
	}
	switch {
	case d.ended:
		return dst, nil
	case d.finished:
		return d.end(dst), nil
	default:
		return dst, &translate.Error{Code: translate.ProviderTruncated, Message: "the provider's answer ended early"}
	}
}

// event are the raw members of one event; nil when absent or null.
type event struct {
	kind, index, message, block, delta, usage, fault []byte
}

func readEvent(data []byte) (e event, ok bool) {
	o := translate.Members(data)
	for o.Next() {
		if o.Kind() == translate.KindNull {
			continue
		}
		switch v := o.Value(); string(o.Key()) {
		case "type":
			e.kind = unquoted(v)
		case "index":
			e.index = v
		case "message":
			e.message = v
		case "content_block":
			e.block = v
		case "delta":
			e.delta = v
		case "usage":
			e.usage = v
		case "error":
			e.fault = v
		}
	}
	return e, o.Complete()
}

// frame decodes one frame.
func (d *decoder) frame(dst []neutral.Event, frame []byte) ([]neutral.Event, *translate.Error) {
	data, _ := sse.Data(frame, nil)                            // events borrow from it
	if len(data) == 0 || d.ended || string(data) == "[DONE]" { // some servers end with OpenAI's mark too
		return dst, nil
	}
	e, ok := readEvent(data)
	if !ok {
		return dst, badResponse()
	}
	switch string(e.kind) {
	case "message_start":
		return d.start(dst, e.message), nil
	case "content_block_start":
		return d.startBlock(dst, &e), nil
	case "content_block_delta":
		return d.delta(dst, &e), nil
	case "content_block_stop":
		return d.stopBlock(dst, int(neutral.Int(e.index))), nil
	case "message_delta":
		return d.finish(dst, &e), nil
	case "message_stop":
		return d.end(dst), nil
	case "ping":
		return append(dst, neutral.Event{Kind: neutral.Ping}), nil
	}
	if string(e.kind) == "error" || e.fault != nil {
		return dst, new(Dialect).ReadError(200, data)
	}
	return dst, nil
}

// start begins the answer. A second start comes from proxies that call their
// provider again: the blocks that are open go no further, the answer goes on.
func (d *decoder) start(dst []neutral.Event, raw []byte) []neutral.Event {
	m, _ := readMessage(raw)
	dst = d.stopAll(dst)
	known := d.usage.known
	d.usage.read(translate.Members(m.usage))
	if !d.started {
		d.started = true
		dst = append(dst, neutral.Event{
			Kind: neutral.Start, ID: textOf(m.id), Model: textOf(m.model), ServiceTier: d.usage.tier,
		})
	}
	if d.usage.known && (!known || m.usage != nil) {
		dst = append(dst, neutral.Event{Kind: neutral.UsageReport, Usage: d.usage.usage()})
	}
	return dst
}

func (d *decoder) startBlock(dst []neutral.Event, e *event) []neutral.Event {
	from := int(neutral.Int(e.index))
	dst = d.stopBlock(dst, from)
	if translate.KindOf(e.block) != translate.KindObject {
		return dst
	}
	f := readFields(translate.Members(e.block))
	b := d.texts.block(&f, e.block)
	o := openBlock{from: from, index: d.next, kind: b.Kind}
	start := neutral.Event{Kind: neutral.BlockStart, Index: d.next, Block: b.Kind, Origin: name}
	d.next++
	switch b.Kind {
	case neutral.ToolUse:
		d.calls = true
		start.ToolID, start.Name, o.input = b.ID, b.Name, append([]byte{}, b.Arguments...)
	case neutral.Foreign:
		o.raw = append([]byte(nil), e.block...)
		d.open = append(d.open, o)
		return dst // its start is held until it is whole
	case neutral.Thinking:
		start.Redacted = b.Redacted
	}
	dst = append(dst, start)
	switch {
	case string(f.kind) == "tool_use" && b.Kind == neutral.Text:
		d.answered = true
		o.input = append([]byte{}, b.Text...)
	case len(b.Text) > 0:
		dst = append(dst, neutral.Event{Kind: neutral.TextDelta, Index: o.index, Block: b.Kind, Text: b.Text})
	}
	if len(b.Signature) > 0 {
		dst = append(dst, neutral.Event{Kind: neutral.SignatureDelta, Index: o.index, Block: b.Kind, Text: b.Signature})
	}
	citations := translate.Elements(b.Annotations)
	for citations.Next() {
		dst = append(dst, neutral.Event{Kind: neutral.AnnotationDelta, Index: o.index, Block: b.Kind, Origin: name, Text: citations.Value()})
	}
	d.open = append(d.open, o)
	return dst
}

// find returns the open block of the provider's index from, or nil.
func (d *decoder) find(from int) *openBlock {
	for i := range d.open {
		if d.open[i].from == from {
			return &d.open[i]
		}
	}
	return nil
}
