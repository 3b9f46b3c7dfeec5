package anthropic

import (
	"github.com/ai-mcp-gateway/gateway/translate"
	"github.com/ai-mcp-gateway/gateway/translate/neutral"
)

// piece are the raw members of a delta; nil when absent or null.
type piece struct {
	kind, text, thinking, partial, signature, citation, content []byte
	stopReason, stopSequence, stopDetails                       []byte
}

func readPiece(raw []byte) (p piece) {
	o := translate.Members(raw)
	for o.Next() {
		if o.Kind() == translate.KindNull {
			continue
		}
		switch v := o.Value(); string(o.Key()) {
		case "type":
			p.kind = unquoted(v)
		case "text":
			p.text = v
		case "thinking":
			p.thinking = v
		case "partial_json":
			p.partial = v
		case "signature":
			p.signature = v
		case "citation":
			p.citation = v
		case "content":
			p.content = v
		case "stop_reason":
			p.stopReason = v
		case "stop_sequence":
			p.stopSequence = v
		case "stop_details":
			p.stopDetails = v
		}
	}
	return p
}

// delta adds to an open block.
func (d *decoder) delta(dst []neutral.Event, e *event) []neutral.Event {
	p := readPiece(e.delta)
	o := d.find(int(neutral.Int(e.index)))
	if o == nil {
		return dst
	}
	out := neutral.Event{Index: o.index, Block: o.kind}
	switch string(p.kind) {
	case "text_delta":
		out.Kind, out.Text = neutral.TextDelta, d.texts.text(p.text)
	case "thinking_delta":
		out.Kind, out.Text = neutral.TextDelta, d.texts.text(p.thinking)
	case "signature_delta":
		out.Kind, out.Text = neutral.SignatureDelta, d.texts.text(p.signature)
	case "citations_delta":
		out.Kind, out.Text, out.Origin = neutral.AnnotationDelta, p.citation, name
	case "input_json_delta":
		return d.arguments(dst, o, d.texts.text(p.partial))
	case "compaction_delta":
		o.member, o.held = "content", append(o.held[:0], p.content...)
		return dst
	}
	if len(out.Text) == 0 || o.kind == neutral.Foreign {
		return dst
	}
	return append(dst, out)
}

// arguments adds to the arguments of a call. The {} that a call starts with is
// only a place for them, and an empty piece says nothing.
func (d *decoder) arguments(dst []neutral.Event, o *openBlock, text []byte) []neutral.Event {
	if len(text) == 0 {
		return dst
	}
	o.filled = true
	switch o.kind {
	case neutral.ToolUse:
		return append(dst, neutral.Event{Kind: neutral.ArgumentsDelta, Index: o.index, Block: o.kind, Text: text})
	case neutral.Text: // of the answer tool
		return append(dst, neutral.Event{Kind: neutral.TextDelta, Index: o.index, Block: o.kind, Text: text})
	case neutral.Foreign:
		o.member, o.held = "input", append(o.held, text...)
	}
	return dst
}

// stopBlock ends the open block of the provider's index from, if there is one.
func (d *decoder) stopBlock(dst []neutral.Event, from int) []neutral.Event {
	o := d.find(from)
	if o == nil {
		return dst
	}
	stop := neutral.Event{Kind: neutral.BlockStop, Index: o.index, Block: o.kind}
	switch {
	case o.kind == neutral.Foreign:
		dst = append(dst, neutral.Event{
			Kind: neutral.BlockStart, Index: o.index, Block: o.kind, Origin: name, Raw: o.whole(), Dialect: name,
		})
	case o.input != nil && !o.filled:
		whole := o.input
		if len(whole) == 0 {
			whole = []byte("{}")
		}
		kind := neutral.ArgumentsDelta
		if o.kind == neutral.Text {
			kind = neutral.TextDelta
		}
		dst = append(dst, neutral.Event{Kind: kind, Index: o.index, Block: o.kind, Text: whole})
	}
	for i := range d.open {
		if &d.open[i] == o {
			d.open = append(d.open[:i], d.open[i+1:]...)
			break
		}
	}
	return append(dst, stop)
}

func (d *decoder) stopAll(dst []neutral.Event) []neutral.Event {
	for len(d.open) > 0 {
		dst = d.stopBlock(dst, d.open[0].from)
	}
	return dst
}

// whole is the raw block with what its deltas have made of member.
func (o *openBlock) whole() []byte {
	value := o.held
	if len(value) == 0 || o.member == "input" && !isObject(value) {
		return o.raw
	}
	members := translate.Members(o.raw)
	for members.Next() {
		if string(members.Key()) == o.member {
			at := members.Span()
			whole := append([]byte(nil), o.raw[:at.Start]...)
			return append(append(whole, value...), o.raw[at.End:]...)
		}
	}
	return o.raw
}

// finish takes a message_delta: the usage so far and, in the last one, why the
// model stopped.
func (d *decoder) finish(dst []neutral.Event, e *event) []neutral.Event {
	p := readPiece(e.delta)
	if e.usage != nil {
		d.usage.read(translate.Members(e.usage))
		dst = append(dst, neutral.Event{Kind: neutral.UsageReport, Usage: d.usage.usage()})
	}
	if p.stopReason == nil || d.finished {
		return dst
	}
	dst = d.stopAll(dst)
	if refusal := explanation(p.stopDetails); len(refusal) > 0 {
		dst = append(dst,
			neutral.Event{Kind: neutral.BlockStart, Index: d.next, Block: neutral.Refusal},
			neutral.Event{Kind: neutral.TextDelta, Index: d.next, Block: neutral.Refusal, Text: refusal},
			neutral.Event{Kind: neutral.BlockStop, Index: d.next, Block: neutral.Refusal})
		d.next++
	}
	d.finished = true
	return append(dst, neutral.Event{
		Kind:   neutral.Finished,
		Finish: finishFor(p.stopReason, d.calls, d.answered),
		Native: textOf(p.stopReason), StopSequence: textOf(p.stopSequence),
	})
}

// end takes the message_stop. Without a reason to stop before it the answer
// is whole all the same, as far as the provider is concerned.
func (d *decoder) end(dst []neutral.Event) []neutral.Event {
	d.ended = true
	dst = d.stopAll(dst)
	if !d.finished {
		dst = append(dst, neutral.Event{Kind: neutral.Finished, Finish: neutral.Reason(neutral.FinishOther, d.calls)})
	}
	return append(dst, neutral.Event{Kind: neutral.End})
}
