package anthropic

import (
	"strconv"

	"github.com/ai-mcp-gateway/gateway/translate"
)

// AppendStream appends the stream that a provider would have sent in place of
// answer, a complete message. Every block is one delta of each kind, strings
// keep their escapes; usage is the span of the message_delta event.
//
// ok is false, and dst as it was, when there is no such stream.
func (*Dialect) AppendStream(dst, answer []byte, op translate.Op) (_ []byte, usage translate.Span, ok bool) {
	m, ok := readMessage(answer)
	if op != translate.OpMessages || !ok || m.failed() || translate.KindOf(m.content) != translate.KindArray || m.stopReason == nil {
		return dst, usage, false
	}
	s := streamer{dst: dst}
	s.start(answer)
	list := translate.Elements(m.content)
	for ; list.Next(); s.index++ {
		if list.Kind() != translate.KindObject {
			return dst, usage, false
		}
		s.block(list.Value())
	}
	usage.Start = len(s.dst)
	s.finish(answer, m.usage)
	usage.End = len(s.dst)
	return append(s.dst, "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n"...), usage, true
}

// streamer writes the events of one message.
type streamer struct {
	dst   []byte
	index int // of the block
}

func (s *streamer) add(text string) { s.dst = append(s.dst, text...) }

// raw appends raw JSON in one line.
func (s *streamer) raw(raw []byte) {
	start := len(s.dst)
	s.dst = append(s.dst, raw...)
	oneLine(s.dst[start:])
}

// member appends a member after a separator and returns the next one.
func (s *streamer) member(separator string, key, raw []byte) string {
	s.add(separator + `"`)
	s.dst = append(s.dst, key...)
	s.add(`":`)
	s.raw(raw)
	return ","
}

// start writes message_start: the message without what is not known yet.
func (s *streamer) start(answer []byte) {
	s.add("event: message_start\ndata: {\"type\":\"message_start\",\"message\":{")
	separator := ""
	o := translate.Members(answer)
	for o.Next() {
		value := o.Value()
		switch string(o.Key()) {
		case "content":
			value = []byte("[]")
		case "stop_reason", "stop_sequence", "stop_details", "container":
			value = []byte("null")
		}
		separator = s.member(separator, o.Key(), value)
	}
	s.add("}}\n\n")
}

// finish writes message_delta.
func (s *streamer) finish(answer, usage []byte) {
	s.add("event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{")
	separator := ""
	o := translate.Members(answer)
	for o.Next() {
		switch string(o.Key()) {
		case "stop_reason", "stop_sequence", "stop_details", "container":
			separator = s.member(separator, o.Key(), o.Value())
		}
	}
	s.add("}")
	if usage != nil {
		s.member(",", []byte("usage"), usage)
	}
	s.add("}\n\n")
}

// frame starts a frame of the block, up to its index.
func (s *streamer) frame(kind string) {
	s.add("event: " + kind + "\ndata: {\"type\":\"" + kind + "\",\"index\":")
	s.dst = strconv.AppendInt(s.dst, int64(s.index), 10)
}

// piece writes a delta.
func (s *streamer) piece(head string, raw []byte) {
	s.frame("content_block_delta")
	s.add(`,"delta":{"type":` + head)
	s.raw(raw)
	s.add("}}\n\n")
}

// block writes the events of a block: it starts without what its deltas bring.
func (s *streamer) block(raw []byte) {
	s.frame("content_block_start")
	s.add(`,"content_block":{`)
	separator := ""
	f := readFields(translate.Members(raw))
	text, thinking := string(f.kind) == "text" && f.text != nil, string(f.kind) == "thinking" && f.thinking != nil
	input := translate.KindOf(f.input) == translate.KindObject
	o := translate.Members(raw)
	for o.Next() {
		value := o.Value()
		switch key := string(o.Key()); {
		case text && key == "text", thinking && (key == "thinking" || key == "signature"):
			value = []byte(`""`)
		case text && key == "citations" && o.Kind() == translate.KindArray:
			value = []byte("[]")
		case input && key == "input":
			value = []byte("{}")
		}
		separator = s.member(separator, o.Key(), value)
	}
	s.add("}}\n\n")
	switch {
	case text:
		citations := translate.Elements(f.citations)
		for citations.Next() {
			s.piece(`"citations_delta","citation":`, citations.Value())
		}
		s.piece(`"text_delta","text":`, f.text)
	case thinking:
		s.piece(`"thinking_delta","thinking":`, f.thinking)
		if f.signature != nil {
			s.piece(`"signature_delta","signature":`, f.signature)
		}
	case input:
		s.piece(`"input_json_delta","partial_json":`, translate.AppendString(nil, f.input))
	}
	s.frame("content_block_stop")
	s.add("}\n\n")
}
