package bedrock

import (
	"bytes"

	"github.com/ai-mcp-gateway/gateway/translate"
	"github.com/ai-mcp-gateway/gateway/translate/neutral"
)

// NewDecoder returns a decoder for the stream of ConverseStream.
func (*Dialect) NewDecoder(translate.Op) neutral.Decoder { return &decoder{native: -1} }

// decoder turns frames into events. Only the blocks of tools are announced;
// others start with their first delta, and some models close none of them.
//
// The usage comes behind the reason of the end, or before it, or not at all:
// the stream is whole when there are both, or at its end when there is the
// reason.
type decoder struct {
	text []byte // holds what had to be unescaped, until the next Feed

	started bool
	native  int64             // the provider's index of the open block, -1 for none
	kind    neutral.BlockKind // of the open block; 0 for one that has no events yet
	index   int               // ours of the open block, or of the next one
	answer  bool              // the open block is the call that stands for a text
	silent  bool              // the deltas of the open block are not for us
	empty   bool              // a call has had no arguments so far
	calls   bool

	finish                finish
	finished, used, ended bool
}

// Feed implements neutral.Decoder.
func (d *decoder) Feed(dst []neutral.Event, b []byte) (events []neutral.Event, taken int, err *translate.Error) {
	d.text = d.text[:0]
	if !d.started && len(b) > 0 && b[0] == '{' {
		return dst, 0, nil // an error in place of a stream: Close reads it
	}
	for {
		f, n, err := readFrame(b[taken:])
		if err != nil || n == 0 {
			return dst, taken, err
		}
		taken += n
		if dst, err = d.take(dst, &f); err != nil {
			return dst, taken, err
		}
	}
}

// Close implements neutral.Decoder.
func (d *decoder) Close(dst []neutral.Event, rest []byte) ([]neutral.Event, *translate.Error) {
	switch {
	case d.ended:
		return dst, nil
	case !d.started && len(rest) > 0 && rest[0] == '{':
		return dst, readFault(rest).toError(0)
	case !d.finished || len(rest) > 0:
		return dst, translate.Errorf(translate.ProviderTruncated, "", "The provider's stream ended before the answer did.")
	}
	return d.end(dst), nil
}

// take appends the events of one frame.
func (d *decoder) take(dst []neutral.Event, f *frame) ([]neutral.Event, *translate.Error) {
	switch string(f.message) {
	case "event":
	case "exception":
		fault := readFault(f.payload)
		fault.kind = kindOf(string(f.exception))
		return dst, fault.toError(0)
	case "error":
		return dst, fault{kind: kindOf(string(f.errorCode)), message: string(f.errorMessage)}.toError(0)
	default:
		return dst, nil
	}
	if d.ended {
		return dst, nil
	}
	if !isObject(f.payload) {
		return dst, badFrame("an event is not one JSON object")
	}
	switch string(f.event) {
	case "messageStart":
		dst = d.start(dst)
	case "contentBlockStart":
		dst = d.blockStart(d.start(dst), f.payload)
	case "contentBlockDelta":
		dst = d.delta(d.start(dst), f.payload)
	case "contentBlockStop":
		dst = d.close(dst)
	case "messageStop":
		dst = d.messageStop(d.start(dst), f.payload)
	case "metadata":
		dst = d.metadata(d.start(dst), f.payload)
	}
	if d.finished && d.used {
		dst = d.end(dst)
	}
	return dst, nil
}

func isObject(b []byte) bool {
	o := translate.Members(b)
	for o.Next() {
	}
	return o.Complete()
}

func (d *decoder) start(dst []neutral.Event) []neutral.Event {
	if d.started {
		return dst
	}
	d.started = true
	return append(dst, neutral.Event{Kind: neutral.Start})
}

func (d *decoder) end(dst []neutral.Event) []neutral.Event {
	d.ended = true
	return append(dst, neutral.Event{Kind: neutral.End})
}

// readBlock reads the index of an event's block and the raw object key of it.
func (d *decoder) readBlock(payload []byte, key string) (index int64, raw []byte) {
	index = d.native
	o := translate.Members(payload)
	for o.Next() {
		switch string(o.Key()) {
		case "contentBlockIndex":
			index, _ = translate.Int(o.Value())
		case key:
			raw = o.Value()
		}
	}
	return index, raw
}

// blockStart takes the announcement of a block. Its start may be empty.
func (d *decoder) blockStart(dst []neutral.Event, payload []byte) []neutral.Event {
	index, raw := d.readBlock(payload, "start")
	dst = d.close(dst)
	d.native = index
	e := readStart(raw)
	switch e.Block {
	case neutral.ToolUse:
		if d.answer = e.Name == answerTool; d.answer {
			return d.open(dst, neutral.Event{Block: neutral.Text})
		}
		d.calls, d.empty = true, true
	case neutral.Foreign:
		d.silent = true
	default:
		return dst
	}
	return d.open(dst, e)
}

// readStart reads what kind of block starts; none is said of a text.
func readStart(raw []byte) (e neutral.Event) {
	o := translate.Members(raw)
	for o.Next() {
		if string(o.Key()) != "toolUse" {
			e.Block, e.Raw, e.Dialect = neutral.Foreign, raw, name
			continue
		}
		e.Block = neutral.ToolUse
		use := o.Members()
		for use.Next() {
			switch string(use.Key()) {
			case "toolUseId":
				e.ToolID = stringOf(use.Value())
			case "name":
				e.Name = stringOf(use.Value())
			case "type":
				if string(use.Value()) == `"server_tool_use"` {
					e.Block, e.Raw, e.Dialect = neutral.Foreign, raw, name
				}
			}
		}
	}
	return e
}

// open appends the start of the open block.
func (d *decoder) open(dst []neutral.Event, e neutral.Event) []neutral.Event {
	d.kind = e.Block
	e.Kind, e.Index, e.Origin = neutral.BlockStart, d.index, name
	return append(dst, e)
}

// close ends the open block. A call without arguments has an empty object.
func (d *decoder) close(dst []neutral.Event) []neutral.Event {
	if d.kind != 0 {
		if d.kind == neutral.ToolUse && d.empty {
			dst = append(dst, neutral.Event{Kind: neutral.ArgumentsDelta, Index: d.index, Text: emptyObject})
		}
		dst = append(dst, neutral.Event{Kind: neutral.BlockStop, Index: d.index})
		d.index++
	}
	d.native, d.kind = -1, 0
	d.answer, d.silent, d.empty = false, false, false
	return dst
}

// delta takes a piece of a block.
func (d *decoder) delta(dst []neutral.Event, payload []byte) []neutral.Event {
	index, raw := d.readBlock(payload, "delta")
	if index != d.native {
		dst = d.close(dst)
		d.native = index
	}
	return d.piece(dst, raw)
}

// piece takes the raw object of a delta. Raw, as a walk that is handed on is
// one that is allocated.
func (d *decoder) piece(dst []neutral.Event, raw []byte) []neutral.Event {
	o := translate.Members(raw)
	for o.Next() && !d.silent {
		switch string(o.Key()) {
		case "text":
			dst = d.say(dst, neutral.Text, neutral.TextDelta, d.textOf(o.Value()))
		case "toolUse":
			dst = d.arguments(dst, o.Value())
		case "reasoningContent":
			dst = d.reasoning(dst, o.Value())
		case "citation":
			if d.kind == neutral.Text {
				dst = append(dst, neutral.Event{Kind: neutral.AnnotationDelta, Index: d.index, Text: o.Value()})
			}
		}
	}
	return dst
}

// say appends a delta of the open block, and its start where it had none. A
// block that goes on as another kind is two.
func (d *decoder) say(dst []neutral.Event, block neutral.BlockKind, kind neutral.EventKind, text []byte) []neutral.Event {
	if len(text) == 0 {
		return dst
	}
	if d.kind != block {
		native := d.native
		dst = d.close(dst)
		d.native = native
		dst = d.open(dst, neutral.Event{Block: block})
	}
	return append(dst, neutral.Event{Kind: kind, Index: d.index, Text: text})
}

// arguments takes a piece of a call. Nobody can use one that was not
// announced, as it has no name.
func (d *decoder) arguments(dst []neutral.Event, raw []byte) []neutral.Event {
	o := translate.Members(raw)
	for o.Next() {
		if string(o.Key()) != "input" {
			continue
		}
		text := d.textOf(o.Value())
		if translate.KindOf(o.Value()) == translate.KindObject {
			text = o.Value()
		}
		switch {
		case len(text) == 0:
		case d.answer:
			dst = append(dst, neutral.Event{Kind: neutral.TextDelta, Index: d.index, Text: text})
		case d.kind == neutral.ToolUse:
			d.empty = d.empty && len(bytes.TrimSpace(text)) == 0
			dst = append(dst, neutral.Event{Kind: neutral.ArgumentsDelta, Index: d.index, Text: text})
		}
	}
	return dst
}

func (d *decoder) reasoning(dst []neutral.Event, raw []byte) []neutral.Event {
	o := translate.Members(raw)
	for o.Next() {
		text := d.textOf(o.Value())
		switch string(o.Key()) {
		case "text":
			dst = d.say(dst, neutral.Thinking, neutral.TextDelta, text)
		case "signature":
			dst = d.say(dst, neutral.Thinking, neutral.SignatureDelta, text)
		case "redactedContent":
			if d.kind == 0 && len(text) > 0 {
				dst = d.open(dst, neutral.Event{Block: neutral.Thinking, Redacted: true})
			}
			dst = d.say(dst, neutral.Thinking, neutral.SignatureDelta, text)
		}
	}
	return dst
}

func (d *decoder) messageStop(dst []neutral.Event, payload []byte) []neutral.Event {
	o := translate.Members(payload)
	for o.Next() {
		switch string(o.Key()) {
		case "stopReason":
			d.finish.read(o.Value())
		case "additionalModelResponseFields":
			d.finish.readExtra(o.Members())
		}
	}
	dst = d.close(dst)
	if d.finished {
		return dst
	}
	d.finished = true
	return append(dst, neutral.Event{
		Kind: neutral.Finished, Finish: d.finish.reason(d.calls),
		Native: d.finish.native, StopSequence: d.finish.sequence,
	})
}

func (d *decoder) metadata(dst []neutral.Event, payload []byte) []neutral.Event {
	o := translate.Members(payload)
	for o.Next() {
		if string(o.Key()) != "usage" {
			continue
		}
		d.used = true
		dst = append(dst, neutral.Event{Kind: neutral.UsageReport, Usage: readUsage(o.Members())})
	}
	return dst
}

// textOf is textOf with what is unescaped in the decoder's own memory. When
// that grows, texts that were handed out stay in the old one.
func (d *decoder) textOf(raw []byte) []byte {
	if translate.KindOf(raw) != translate.KindString {
		return nil
	}
	if bytes.IndexByte(raw, '\\') < 0 {
		return raw[1 : len(raw)-1]
	}
	start := len(d.text)
	d.text = translate.AppendText(d.text, raw)
	return d.text[start:]
}
