package responses

import (
	"bytes"
	"strconv"

	"github.com/ai-mcp-gateway/gateway/translate/neutral"
)

// blockStart opens an item, or the next part of the message that is open.
func (e *encoder) blockStart(dst []byte, ev *neutral.Event) []byte {
	message := ev.Block == neutral.Text || ev.Block == neutral.Refusal
	if message && e.open.kind == neutral.Text {
		return e.openPart(dst, ev.Block)
	}
	dst = e.closeItem(dst, "completed")
	switch {
	case message:
		e.open.reset(neutral.Text, e.items, e.head.tail())
		return e.openPart(e.added(dst), ev.Block)
	case ev.Block == neutral.ToolUse:
		if len(ev.Signature) > 0 {
			e.open.reset(neutral.Thinking, e.items, e.head.tail())
			dst = e.added(dst)
			e.open.seal = seal{sealCall, ev.Origin, ev.Signature}
			dst = e.closeItem(dst, "completed")
		}
		e.open.reset(neutral.ToolUse, e.items, e.head.tail())
		e.open.setCall(e.kinds, ev.ToolID, ev.Name, ev.Custom)
		e.arguments = e.arguments[:0]
		return e.added(dst)
	case ev.Block == neutral.Thinking:
		e.open.reset(neutral.Thinking, e.items, e.head.tail())
		e.open.seal = thinkingSeal(ev.Origin, ev.Redacted, bytes.Clone(ev.Signature))
		return e.added(dst)
	case ev.Block == neutral.Image && ev.Media != nil && len(ev.Media.Data) > 0:
		e.open.reset(neutral.Image, e.items, e.head.tail())
		e.open.raw = bytes.Clone(ev.Media.Data)
		return e.added(dst)
	case ev.Block == neutral.Foreign && ev.Dialect == name:
		e.open.reset(neutral.Foreign, e.items, e.head.tail())
		e.open.raw = bytes.Clone(ev.Raw)
		return e.added(dst)
	}
	return dst
}

// added tells of the open item.
func (e *encoder) added(dst []byte) []byte {
	dst = e.beginOutput(dst, "response.output_item.added")
	return append(e.open.append(dst, "in_progress"), endEvent...)
}

func (e *encoder) beginOutput(dst []byte, kind string) []byte {
	dst = append(e.begin(dst, kind), `,"output_index":`...)
	dst = strconv.AppendInt(dst, int64(e.open.index), 10)
	return append(dst, `,"item":`...)
}

func (e *encoder) openPart(dst []byte, kind neutral.BlockKind) []byte {
	if e.open.part != 0 {
		dst = e.closePart(dst)
	}
	e.open.part = kind
	dst = append(e.beginPart(dst, "response.content_part.added"), `,"part":`...)
	return append(e.open.appendPart(dst, true), endEvent...)
}

// textDelta goes on with a text, a refusal or the thoughts.
func (e *encoder) textDelta(dst, piece []byte) []byte {
	if len(piece) == 0 {
		return dst
	}
	kind, end := "response.output_text.delta", `","logprobs":[]`+endEvent
	switch {
	case e.open.part == neutral.Refusal:
		kind, end = "response.refusal.delta", `"`+endEvent
		dst = e.beginPart(dst, kind)
	case e.open.part == neutral.Text:
		dst = e.beginPart(dst, kind)
	case e.open.kind == neutral.Thinking:
		if len(e.open.text) == 0 {
			dst = append(e.beginItem(dst, "response.reasoning_summary_part.added"),
				`,"summary_index":0,"part":{"type":"summary_text","text":""}`+endEvent...)
		}
		kind, end = "response.reasoning_summary_text.delta", `"`+endEvent
		dst = append(e.beginItem(dst, kind), `,"summary_index":0`...)
	default:
		return dst
	}
	return e.piece(dst, piece, end)
}

// piece writes the delta of an event and keeps it.
func (e *encoder) piece(dst, piece []byte, end string) []byte {
	e.delta = appendEscaped(e.delta[:0], piece)
	e.open.text = append(e.open.text, e.delta...)
	dst = append(append(dst, `,"delta":"`...), e.delta...)
	return append(dst, end...)
}

func (e *encoder) argumentsDelta(dst, piece []byte) []byte {
	switch {
	case len(piece) == 0 || e.open.kind != neutral.ToolUse:
		return dst
	case e.open.wrapped:
		e.arguments = append(e.arguments, piece...)
		return dst
	case e.open.custom:
		dst = e.beginItem(dst, "response.custom_tool_call_input.delta")
	default:
		dst = e.beginItem(dst, "response.function_call_arguments.delta")
	}
	return e.piece(dst, piece, `"`+endEvent)
}

func (e *encoder) annotation(dst, raw []byte) []byte {
	from := len(e.open.notes)
	if e.open.part != neutral.Text || !e.open.note(raw) {
		return dst
	}
	dst = append(e.beginPart(dst, "response.output_text.annotation.added"), `,"annotation_index":`...)
	dst = strconv.AppendInt(dst, int64(e.open.noted-1), 10)
	dst = append(dst, `,"annotation":`...)
	return append(append(dst, bytes.TrimPrefix(e.open.notes[from:], []byte{','})...), endEvent...)
}

// closePart ends the open part of a message.
func (e *encoder) closePart(dst []byte) []byte {
	o := &e.open
	if o.part == neutral.Refusal {
		dst = append(e.beginPart(dst, "response.refusal.done"), `,"refusal":"`...)
		dst = append(append(dst, o.text...), `"`+endEvent...)
	} else {
		dst = append(e.beginPart(dst, "response.output_text.done"), `,"text":"`...)
		dst = append(append(dst, o.text...), `","logprobs":[`...)
		dst = append(append(dst, o.logprobs...), "]"+endEvent...)
	}
	dst = append(e.beginPart(dst, "response.content_part.done"), `,"part":`...)
	dst = append(o.appendPart(dst, false), endEvent...)
	o.closePart()
	return dst
}

// closeItem ends the open item, if there is one.
func (e *encoder) closeItem(dst []byte, status string) []byte {
	o := &e.open
	switch {
	case o.kind == 0:
		return dst
	case o.part != 0:
		dst = e.closePart(dst)
	case o.kind == neutral.ToolUse:
		dst = e.closeCall(dst)
	case o.kind == neutral.Thinking && len(o.text) > 0:
		dst = append(e.beginItem(dst, "response.reasoning_summary_text.done"), `,"summary_index":0,"text":"`...)
		dst = append(append(dst, o.text...), `"`+endEvent...)
		dst = append(e.beginItem(dst, "response.reasoning_summary_part.done"),
			`,"summary_index":0,"part":{"type":"summary_text","text":"`...)
		dst = append(append(dst, o.text...), `"}`+endEvent...)
	}
	e.item = o.append(e.item[:0], status)
	dst = append(append(e.beginOutput(dst, "response.output_item.done"), e.item...), endEvent...)
	if e.items > 0 {
		e.output = append(e.output, ',')
	}
	e.output = append(e.output, e.item...)
	e.items++
	o.kind = 0
	return dst
}

func (e *encoder) closeCall(dst []byte) []byte {
	o := &e.open
	switch {
	case o.wrapped:
		o.wrapped = false
		dst = e.argumentsDelta(dst, o.unwrap(e.arguments))
	case !o.custom && len(bytes.TrimSpace(o.text)) == 0:
		dst = e.argumentsDelta(dst, []byte("{}"))
	}
	if o.custom {
		dst = append(e.beginItem(dst, "response.custom_tool_call_input.done"), `,"input":"`...)
		return append(append(dst, o.text...), `"`+endEvent...)
	}
	dst = append(e.beginItem(dst, "response.function_call_arguments.done"), `,"name":`...)
	dst = appendWord(dst, "", o.name)
	dst = append(dst, `,"arguments":"`...)
	return append(append(dst, o.text...), `"`+endEvent...)
}
