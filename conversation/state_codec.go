package conversation

import (
	"cmp"
	"encoding/binary"
	"encoding/json"
	"hash/crc32"
	"slices"
	"time"

	"github.com/ai-mcp-gateway/gateway/store"
)

// The hot tier's values. The messages are binary, as every turn reads all of
// them: a format byte, the numbers and texts of the state, and a checksum of
// what stands before it. Summary and todos are JSON. Whatever does not read is
// taken for absent.

// hotFormat changes with the layout.
const hotFormat = 2

// maxHotMessages is how long the messages may be, in bytes, to be kept there.
const maxHotMessages = 3 << 20

// hotTodo is the version of todos that come from the cold tier: it replaces no
// written one.
const hotTodo = 1

// held returns what the hot tier is to keep of s. The version of a summary is
// one more than its number, as it is kept as well that there is none.
func (s *state) held() *Held {
	return &Held{
		Summary:  Value{Version: s.summaryVersion() + 1, Data: encodeJSON(s.summary)},
		Messages: Value{Version: s.version, Data: s.encode()},
		Todos:    Value{Version: hotTodo, Data: encodeJSON(s.todos)},
	}
}

// next returns what the hot tier is to keep of s, where nobody has put anything
// since that which s has taken in.
func (s *state) next() *Held {
	held := s.held()
	held.Messages.Checked, held.Messages.After = true, s.seen
	return held
}

// stateOf reads what the hot tier keeps; nil when anything is missing.
func stateOf(h *Held) *state {
	if h.Summary.Data == nil || h.Messages.Data == nil || h.Todos.Data == nil {
		return nil
	}
	s := &state{source: SourceHot}
	if json.Unmarshal(h.Summary.Data, &s.summary) != nil || json.Unmarshal(h.Todos.Data, &s.todos) != nil {
		return nil
	}
	if !s.decode(h.Messages.Data) {
		return nil
	}
	return s
}

func encodeJSON(v any) []byte {
	data, err := json.Marshal(v)
	if err != nil {
		panic("BUG: " + err.Error()) // neither a summary nor todos can fail
	}
	return data
}

// encode returns the messages, or nil when they are too long to be kept.
func (s *state) encode() []byte {
	size := 256
	for i := range s.turns {
		size += len(s.turns[i].Raw) + 64
	}
	if size > maxHotMessages {
		return nil
	}
	b := append(make([]byte, 0, size), hotFormat)
	b = binary.AppendVarint(b, s.version)
	b = binary.AppendVarint(b, int64(s.count))
	b = appendMessages(b, s.instructions)
	b = appendMessages(b, s.turns)
	b = s.appendPending(b)
	b = appendBytes(b, encodeJSON(s.frozen))
	return binary.LittleEndian.AppendUint32(b, crc32.ChecksumIEEE(b))
}

func appendMessages(b []byte, messages []store.Message) []byte {
	b = binary.AppendVarint(b, int64(len(messages)))
	for i := range messages {
		b = appendMessage(b, &messages[i])
	}
	return b
}

func appendMessage(b []byte, m *store.Message) []byte {
	b = binary.AppendVarint(b, m.Seq)
	b = appendBytes(b, []byte(m.Role))
	b = appendBytes(b, []byte(m.Dialect))
	b = appendBytes(b, m.Raw)
	b = append(b, m.Digest[:]...)
	b = binary.AppendVarint(b, int64(m.Tokens))
	b = appendBytes(b, []byte(m.Model))
	incomplete := int64(0)
	if m.Incomplete {
		incomplete = 1
	}
	b = binary.AppendVarint(b, incomplete)
	return binary.AppendVarint(b, m.Created.UnixMicro())
}

// appendPending writes a message that is among the turns as its place there,
// from 1 on, and any other, an instruction mostly, behind a zero.
func (s *state) appendPending(b []byte) []byte {
	b = binary.AppendVarint(b, int64(len(s.pending)))
	for i := range s.pending {
		a := &s.pending[i]
		for _, text := range []string{a.Project, a.User, a.Key} {
			b = appendBytes(b, []byte(text))
		}
		b = binary.AppendVarint(b, int64(len(a.Messages)))
		for k := range a.Messages {
			m := &a.Messages[k]
			if at := s.turn(m.Seq); at >= 0 {
				b = binary.AppendVarint(b, int64(at)+1)
			} else {
				b = appendMessage(append(b, 0), m)
			}
		}
	}
	return b
}

// turn returns where the turn with a number is, or -1.
func (s *state) turn(seq int64) int {
	at, ok := slices.BinarySearchFunc(s.turns, seq, func(m store.Message, seq int64) int { return cmp.Compare(m.Seq, seq) })
	if !ok {
		return -1
	}
	return at
}

func appendBytes(b, data []byte) []byte {
	return append(binary.AppendVarint(b, int64(len(data))), data...)
}

// decode reads what encode wrote and reports whether it is that. The messages
// are borrowed from data.
func (s *state) decode(data []byte) bool {
	end := len(data) - 4
	if end < 1 || data[0] != hotFormat || binary.LittleEndian.Uint32(data[end:]) != crc32.ChecksumIEEE(data[:end]) {
		return false
	}
	r := reader{rest: data[1:end:end], ok: true}
	s.version = r.number()
	s.count = int(r.number())
	s.instructions = r.messages()
	s.turns = r.messages()
	s.pending = r.pending(s)
	return json.Unmarshal(r.bytes(), &s.frozen) == nil && r.ok && len(r.rest) == 0
}

// reader reads a value whose checksum holds; it still trusts no length.
type reader struct {
	rest []byte
	ok   bool
}

func (r *reader) number() int64 {
	v, n := binary.Varint(r.rest)
	if n <= 0 {
		r.ok, r.rest = false, nil
		return 0
	}
	r.rest = r.rest[n:]
	return v
}

func (r *reader) take(n int64) []byte {
	if n < 0 || n > int64(len(r.rest)) {
		r.ok, r.rest = false, nil
		return nil
	}
	b := r.rest[:n:n]
	r.rest = r.rest[n:]
	return b
}

func (r *reader) bytes() []byte { return r.take(r.number()) }

func (r *reader) messages() []store.Message {
	n := r.number()
	if n < 0 || n > int64(len(r.rest)) {
		r.ok = false
		return nil
	}
	list := make([]store.Message, 0, n)
	for range n {
		m := r.message()
		if !r.ok {
			return nil
		}
		list = append(list, m)
	}
	return list
}

func (r *reader) message() store.Message {
	m := store.Message{Seq: r.number(), Role: string(r.bytes()), Dialect: string(r.bytes()), Raw: r.bytes()}
	copy(m.Digest[:], r.take(int64(len(m.Digest))))
	m.Tokens, m.Model = int(r.number()), string(r.bytes())
	m.Incomplete = r.number() == 1
	m.Created = time.UnixMicro(r.number()).UTC()
	return m
}

// pending reads what appendPending wrote of s, whose turns are read already.
func (r *reader) pending(s *state) []store.Append {
	var list []store.Append
	for n := r.number(); n > 0 && r.ok; n-- {
		a := store.Append{Project: string(r.bytes()), User: string(r.bytes()), Key: string(r.bytes())}
		for n := r.number(); n > 0 && r.ok; n-- {
			switch at := r.number(); {
			case at == 0:
				a.Messages = append(a.Messages, r.message())
			case at < 0 || at > int64(len(s.turns)):
				r.ok = false
			default:
				a.Messages = append(a.Messages, s.turns[at-1])
			}
		}
		list = append(list, a)
	}
	return list
}
