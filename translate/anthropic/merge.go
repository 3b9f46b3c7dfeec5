package anthropic

import (
	"bytes"

	"github.com/ai-mcp-gateway/gateway/translate"
	"github.com/ai-mcp-gateway/gateway/translate/neutral"
	"github.com/ai-mcp-gateway/gateway/translate/sse"
)

// AppendAnswer appends the message that a provider would have sent in place of
// stream, the whole stream of a finished one. Strings keep their escapes: the
// pieces of a text are put together as they are spelled.
//
// ok is false, and dst as it was, when the stream failed, is not finished, or
// holds something whose pieces have no known way to go together.
func (*Dialect) AppendAnswer(dst, stream []byte, op translate.Op) (_ []byte, ok bool) {
	if op != translate.OpMessages {
		return dst, false
	}
	var m merger
	var r sse.Reader
	for len(stream) > 0 && !m.done {
		frame, n := r.Next(stream)
		if n == 0 {
			frame, n = r.Tail(stream), len(stream)
		}
		stream = stream[n:]
		data, _ := sse.Data(frame, nil) // parts of it are kept
		if len(data) > 0 && !m.event(data) {
			return dst, false
		}
	}
	if !m.done || m.message == nil {
		return dst, false
	}
	return m.append(dst)
}

// members are those of an object, in order.
type members []member

type member struct{ key, raw []byte }

func readMembers(raw []byte) (l members) {
	o := translate.Members(raw)
	for o.Next() {
		l = append(l, member{o.Key(), o.Value()})
	}
	return l
}

func (l members) get(key string) []byte {
	for i := range l {
		if string(l[i].key) == key {
			return l[i].raw
		}
	}
	return nil
}

func (l *members) set(key string, raw []byte) {
	for i := range *l {
		if string((*l)[i].key) == key {
			(*l)[i].raw = raw
			return
		}
	}
	*l = append(*l, member{[]byte(key), raw})
}

func (l members) append(dst []byte) []byte {
	dst = append(dst, '{')
	for i := range l {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(append(append(dst, '"'), l[i].key...), '"', ':')
		dst = append(dst, l[i].raw...)
	}
	return append(dst, '}')
}

// merger puts the events of one stream together.
type merger struct {
	message, usage members
	blocks         []merged
	done           bool
}

// merged is a block with the pieces of its members.
type merged struct {
	members
	input  []byte // pieces of raw JSON
	joined string // the member whose bytes are ours
}

// event takes the data of one event and reports whether it has a place.
func (m *merger) event(data []byte) bool {
	e, ok := readEvent(data)
	if !ok || e.fault != nil {
		return false
	}
	switch string(e.kind) {
	case "ping":
		return true
	case "message_start":
		if m.message != nil {
			return false
		}
		m.message = readMembers(e.message)
		m.usage = readMembers(m.message.get("usage"))
		return m.message != nil
	case "content_block_start":
		m.blocks = append(m.blocks, merged{members: readMembers(e.block)})
		return int(neutral.Int(e.index)) == len(m.blocks)-1
	case "content_block_delta":
		at := int(neutral.Int(e.index))
		return at >= 0 && at < len(m.blocks) && m.blocks[at].delta(e.delta)
	case "content_block_stop":
		return true
	case "message_delta":
		m.finish(data)
		return true
	case "message_stop":
		m.done = true
		return true
	default:
		return false
	}
}

// finish takes a message_delta: what it says of the message goes over what was
// said at the start.
func (m *merger) finish(data []byte) {
	for _, top := range readMembers(data) {
		switch string(top.key) {
		case "type":
		case "delta":
			for _, said := range readMembers(top.raw) {
				m.message.set(string(said.key), said.raw)
			}
		case "usage":
			for _, count := range readMembers(top.raw) {
				if translate.KindOf(count.raw) != translate.KindNull {
					m.usage.set(string(count.key), count.raw)
				}
			}
		default:
			m.message.set(string(top.key), top.raw)
		}
	}
}

// delta adds a delta to the block.
func (b *merged) delta(raw []byte) bool {
	p := readPiece(raw)
	switch string(p.kind) {
	case "text_delta":
		return b.join("text", p.text)
	case "thinking_delta":
		return b.join("thinking", p.thinking)
	case "signature_delta":
		return b.join("signature", p.signature)
	case "input_json_delta":
		var texts arena
		b.input = append(b.input, texts.text(p.partial)...)
		return true
	case "citations_delta":
		list := bytes.TrimRight(b.get("citations"), " \t\r\n]")
		grown := append(make([]byte, 0, len(list)+len(p.citation)+2), list...)
		switch {
		case len(list) == 0 || list[0] != '[':
			grown = append(grown[:0], '[')
		case len(list) > 1:
			grown = append(grown, ',')
		}
		grown = append(grown, p.citation...)
		b.set("citations", append(grown, ']'))
		return p.citation != nil
	case "compaction_delta":
		b.set("content", p.content)
		return p.content != nil
	default:
		return false
	}
}

// join adds a raw string to the member key, as it is spelled.
func (b *merged) join(key string, raw []byte) bool {
	if translate.KindOf(raw) != translate.KindString {
		return false
	}
	old := b.get(key)
	if translate.KindOf(old) != translate.KindString {
		b.set(key, bytes.Clone(raw))
		return true
	}
	if b.joined != key { // the member is still a part of the stream
		old, b.joined = bytes.Clone(old), key
	}
	b.set(key, append(old[:len(old)-1], raw[1:]...))
	return true
}

// append appends the message.
func (m *merger) append(dst []byte) ([]byte, bool) {
	stop := m.message.get("stop_reason")
	if translate.KindOf(stop) != translate.KindString {
		return dst, false
	}
	content := []byte{'['}
	for i := range m.blocks {
		b := &m.blocks[i]
		if len(b.input) > 0 {
			if !isObject(b.input) {
				return dst, false
			}
			b.set("input", b.input)
		}
		if i > 0 {
			content = append(content, ',')
		}
		content = b.append(content)
	}
	m.message.set("content", append(content, ']'))
	if m.usage != nil {
		m.message.set("usage", m.usage.append(nil))
	}
	return m.message.append(dst), true
}

// isObject reports whether raw is one well-formed object.
func isObject(raw []byte) bool {
	o := translate.Members(raw)
	for o.Next() {
	}
	return o.Complete()
}
