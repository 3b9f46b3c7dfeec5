package responses

import (
	"bytes"

	"github.com/ai-mcp-gateway/gateway/translate"
	"github.com/ai-mcp-gateway/gateway/translate/neutral"
)

// find returns the slot of a part, nil when it has not begun.
func (d *decoder) find(item, part int) *slot {
	for k := len(d.slots) - 1; k >= 0; k-- {
		if s := &d.slots[k]; s.item == item && s.part == part {
			return s
		}
	}
	return nil
}

// maxSlots is how many blocks may be open at a time; the oldest then ends.
const maxSlots = 256

// open starts a block.
func (d *decoder) open(dst []neutral.Event, item, part int, ev neutral.Event) ([]neutral.Event, *slot) {
	if len(d.slots) == maxSlots {
		dst = d.slots[0].stop(dst)
		d.slots = append(d.slots[:0], d.slots[1:]...)
	}
	ev.Kind, ev.Index = neutral.BlockStart, d.blocks
	d.slots = append(d.slots, slot{item: item, part: part, index: d.blocks, kind: ev.Block})
	d.blocks++
	d.items = max(d.items, item+1)
	return append(dst, ev), &d.slots[len(d.slots)-1]
}

// stop ends the block, once.
func (s *slot) stop(dst []neutral.Event) []neutral.Event {
	if s.stopped {
		return dst
	}
	s.stopped = true
	return append(dst, neutral.Event{Kind: neutral.BlockStop, Index: s.index})
}

// decoded returns the text of a JSON string until the next Feed; nil of
// another value.
func (d *decoder) decoded(raw []byte) []byte {
	switch {
	case translate.KindOf(raw) != translate.KindString:
		return nil
	case bytes.IndexByte(raw, '\\') < 0:
		return raw[1 : len(raw)-1]
	}
	start := len(d.text)
	d.text = translate.AppendText(d.text, raw)
	return d.text[start:len(d.text):len(d.text)]
}

func (d *decoder) itemAdded(dst []neutral.Event, m *message) []neutral.Event {
	d.items = max(d.items, m.output+1)
	it, _ := scanItem(m.item)
	switch string(it.kind) {
	case "function_call", "custom_tool_call":
		if d.find(m.output, whole) == nil && it.name != nil {
			dst, _ = d.openCall(dst, m.output, &it)
		}
	}
	return dst
}

func (d *decoder) openCall(dst []neutral.Event, item int, it *item) ([]neutral.Event, *slot) {
	d.calls = true
	ev := neutral.Event{
		Block: neutral.ToolUse, ToolID: string(it.callID), Name: string(it.name),
		Custom:    string(it.kind) == "custom_tool_call",
		Signature: d.next.signature, Origin: d.next.origin,
	}
	d.next = seal{}
	if ev.ToolID == "" {
		ev.ToolID = neutral.MakeCallID(d.id, 0, d.blocks)
	}
	return d.open(dst, item, whole, ev)
}

// openPart returns the slot of a text or a refusal, which may begin without
// having been announced.
func (d *decoder) openPart(dst []neutral.Event, item, part int, kind neutral.BlockKind) ([]neutral.Event, *slot) {
	if s := d.find(item, part); s != nil {
		return dst, s
	}
	ev := neutral.Event{Block: kind}
	if kind == neutral.Text {
		ev.Origin = name // of what may be noted about it
	}
	return d.open(dst, item, part, ev)
}

func (d *decoder) partAdded(dst []neutral.Event, m *message) []neutral.Event {
	switch string(member(m.part, "type")) {
	case `"output_text"`:
		dst, _ = d.openPart(dst, m.output, m.content, neutral.Text)
	case `"refusal"`:
		dst, _ = d.openPart(dst, m.output, m.content, neutral.Refusal)
	}
	return dst
}

func (d *decoder) say(dst []neutral.Event, m *message, kind neutral.BlockKind, raw []byte) []neutral.Event {
	piece := d.decoded(raw)
	if len(piece) == 0 {
		return dst
	}
	dst, s := d.openPart(dst, m.output, m.content, kind)
	return s.tell(dst, neutral.TextDelta, piece)
}

// tell emits a piece of the block.
func (s *slot) tell(dst []neutral.Event, kind neutral.EventKind, piece []byte) []neutral.Event {
	if len(piece) == 0 || s.stopped {
		return dst
	}
	s.said.add(piece)
	return append(dst, neutral.Event{Kind: kind, Index: s.index, Text: piece})
}

// sayWhole says what has not been said of a text.
func (d *decoder) sayWhole(dst []neutral.Event, m *message, kind neutral.BlockKind, raw []byte) []neutral.Event {
	s := d.find(m.output, m.content)
	if s == nil {
		return d.say(dst, m, kind, raw)
	}
	return s.tell(dst, neutral.TextDelta, s.said.rest(d.decoded(raw)))
}

func (d *decoder) logprobs(dst []neutral.Event, raw []byte) []neutral.Event {
	if list := appendLogprobs(nil, raw); list != nil {
		dst = append(dst, neutral.Event{Kind: neutral.LogprobsDelta, Text: list})
	}
	return dst
}

func (d *decoder) annotate(dst []neutral.Event, m *message) []neutral.Event {
	if translate.KindOf(m.annotation) != translate.KindObject {
		return dst
	}
	dst, s := d.openPart(dst, m.output, m.content, neutral.Text)
	s.noted = true
	return append(dst, neutral.Event{Kind: neutral.AnnotationDelta, Index: s.index, Text: m.annotation, Origin: name})
}

func (d *decoder) partDone(dst []neutral.Event, m *message) []neutral.Event {
	switch string(member(m.part, "type")) {
	case `"output_text"`, `"refusal"`:
		return d.finishPart(dst, m.output, m.content, m.part)
	}
	return dst
}

// finishPart says what has not been said of a part, and ends it.
func (d *decoder) finishPart(dst []neutral.Event, item, index int, raw []byte) []neutral.Event {
	p := scanPart(raw)
	kind, words := neutral.Text, p.text
	switch string(p.kind) {
	case "refusal":
		kind, words = neutral.Refusal, p.refusal
	case "output_text", "text":
	default:
		return dst
	}
	dst, s := d.openPart(dst, item, index, kind)
	if s.stopped {
		return dst
	}
	silent := s.said.bytes == 0
	if dst = s.tell(dst, neutral.TextDelta, s.said.rest(d.decoded(words))); silent {
		dst = d.logprobs(dst, member(raw, "logprobs"))
	}
	notes := translate.Elements(p.annotations)
	for !s.noted && notes.Next() {
		dst = append(dst, neutral.Event{Kind: neutral.AnnotationDelta, Index: s.index, Text: notes.Value(), Origin: name})
	}
	return s.stop(dst)
}

// argue goes on with the arguments of a call. Without one they are dropped:
// the item has them when it is done, with the name.
func (d *decoder) argue(dst []neutral.Event, item int, raw []byte, all bool) []neutral.Event {
	s := d.find(item, whole)
	if s == nil || s.kind != neutral.ToolUse {
		return dst
	}
	piece := d.decoded(raw)
	if all {
		piece = s.said.rest(piece)
	}
	return s.tell(dst, neutral.ArgumentsDelta, piece)
}

// think goes on with the thoughts of a reasoning item. Of those with both a
// summary and the reasoning itself, what comes first counts.
func (d *decoder) think(dst []neutral.Event, item, part int, raw []byte, itself bool) []neutral.Event {
	piece := d.decoded(raw)
	if len(piece) == 0 {
		return dst
	}
	s := d.find(item, whole)
	if s == nil {
		dst, s = d.open(dst, item, whole, neutral.Event{Block: neutral.Thinking, Origin: name})
		s.raw, s.paragraph = itself, part
	}
	if s.kind != neutral.Thinking || s.raw != itself || s.stopped {
		return dst
	}
	if part != s.paragraph {
		s.paragraph = part
		dst = s.tell(dst, neutral.TextDelta, []byte(paragraph))
	}
	return s.tell(dst, neutral.TextDelta, piece)
}

// itemDone says what has not been said of an item, and ends its blocks.
func (d *decoder) itemDone(dst []neutral.Event, item int, raw []byte) []neutral.Event {
	d.items = max(d.items, item+1)
	it, ok := scanItem(raw)
	if !ok {
		return dst
	}
	switch string(it.kind) {
	case "message", "":
		dst = d.messageDone(dst, item, &it)
	case "function_call", "custom_tool_call":
		dst = d.callDone(dst, item, &it)
	case "reasoning":
		dst = d.thoughtsDone(dst, item, &it)
	default:
		var s *slot
		dst, s = d.open(dst, item, whole, neutral.Event{Block: neutral.Foreign, Raw: raw, Dialect: name, Origin: name})
		dst = s.stop(dst)
	}
	kept := d.slots[:0]
	for k := range d.slots {
		if s := &d.slots[k]; s.item != item {
			kept = append(kept, *s)
		} else {
			dst = s.stop(dst)
		}
	}
	d.slots = kept
	return dst
}

func (d *decoder) messageDone(dst []neutral.Event, item int, it *item) []neutral.Event {
	if translate.KindOf(it.content) == translate.KindString {
		m := message{output: item}
		return d.sayWhole(dst, &m, neutral.Text, it.content)
	}
	parts := translate.Elements(it.content)
	for k := 0; parts.Next(); k++ {
		dst = d.finishPart(dst, item, k, parts.Value())
	}
	return dst
}

func (d *decoder) callDone(dst []neutral.Event, item int, it *item) []neutral.Event {
	s := d.find(item, whole)
	if s == nil && it.name == nil {
		return dst
	}
	if s == nil {
		dst, s = d.openCall(dst, item, it)
	}
	b, _ := it.call()
	dst = s.tell(dst, neutral.ArgumentsDelta, s.said.rest(b.Arguments))
	return s.stop(dst)
}

func (d *decoder) thoughtsDone(dst []neutral.Event, item int, it *item) []neutral.Event {
	b, sealed, ok := it.thinking()
	if sealed.kind == sealCall {
		d.next = sealed
		d.next.signature = bytes.Clone(sealed.signature) // it may wait for the next Feed
	}
	s := d.find(item, whole)
	if s == nil && !ok {
		return dst
	}
	if s == nil {
		dst, s = d.open(dst, item, whole, neutral.Event{Block: neutral.Thinking, Origin: b.Origin, Redacted: b.Redacted})
	}
	dst = s.tell(dst, neutral.TextDelta, s.said.rest(b.Text))
	if len(b.Signature) > 0 {
		dst = append(dst, neutral.Event{Kind: neutral.SignatureDelta, Index: s.index, Text: b.Signature})
	}
	return s.stop(dst)
}
