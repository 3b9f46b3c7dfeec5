package cache

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"slices"
	"sync"
)

// hasher works in two passes. The first finds the top-level members and the
// nested objects that are out of order, the second feeds the hash straight
// from the body. So a compact body in the usual order is hashed in place, and
// the scratch does not grow with the body.
type hasher struct {
	sha  hash.Hash
	buf  []byte // bytes not yet given to sha
	out  [sha256.Size]byte
	body []byte

	members      []member // of the objects that are open, outermost first
	moved        []moved
	movedMembers []member
	names        []byte
	topSorted    bool
	space        bool // white space occurs between tokens
}

var hashers = sync.Pool{New: func() any {
	return &hasher{sha: sha256.New(), buf: make([]byte, 0, 4<<10)}
}}

func acquireHasher(body []byte) *hasher {
	h := hashers.Get().(*hasher)
	h.sha.Reset()
	h.body = body
	h.buf = h.buf[:0]
	h.members = h.members[:0]
	h.moved = h.moved[:0]
	h.movedMembers = h.movedMembers[:0]
	h.names = h.names[:0]
	h.space = false
	return h
}

func (h *hasher) release() {
	h.body = nil
	if cap(h.names) > maxNames {
		h.names = nil
	}
	hashers.Put(h)
}

func (h *hasher) putScope(s *Scope) {
	h.buf = append(h.buf, domain...)
	for _, part := range [...]string{s.Tenant, s.Dialect, s.Op, s.Model} {
		h.buf = binary.AppendUvarint(h.buf, uint64(len(part)))
		h.buf = append(h.buf, part...)
	}
}

// putRequest feeds the indexed body to the hash.
func (h *hasher) putRequest() {
	top := slices.DeleteFunc(h.members, func(m member) bool { return ignored(h.name(&m)) })
	if !h.topSorted {
		h.sort(top)
	}
	if len(h.moved) > 1 {
		slices.SortFunc(h.moved, func(a, b moved) int { return int(a.start) - int(b.start) })
	}
	for i := range top {
		m := &top[i]
		if h.null(m) && !h.twin(top, i) {
			continue
		}
		h.putRange(int(m.start), int(m.end))
		h.putByte(',')
	}
}

// null reports whether the value of m is null: nothing else ends like this
// outside of quotes and brackets.
func (h *hasher) null(m *member) bool {
	return bytes.HasSuffix(h.body[m.start:m.end], []byte("null"))
}

// twin reports whether the sorted members have another one of the name of the
// i-th.
func (h *hasher) twin(members []member, i int) bool {
	return i > 0 && h.compare(&members[i-1], &members[i]) == 0 ||
		i+1 < len(members) && h.compare(&members[i], &members[i+1]) == 0
}

// putRange feeds body[from:to], which holds whole tokens.
func (h *hasher) putRange(from, to int) {
	for k := h.nextMoved(from); k < len(h.moved) && int(h.moved[k].start) < to; k = h.nextMoved(from) {
		o := h.moved[k]
		h.putTokens(from, int(o.start))
		h.putMoved(o)
		from = int(o.end)
	}
	h.putTokens(from, to)
}

// nextMoved returns the index of the first moved object that starts at or
// behind the offset.
func (h *hasher) nextMoved(offset int) int {
	low, high := 0, len(h.moved)
	for low < high {
		mid := int(uint(low+high) >> 1)
		if int(h.moved[mid].start) < offset {
			low = mid + 1
		} else {
			high = mid
		}
	}
	return low
}

func (h *hasher) putMoved(o moved) {
	sep := byte('{')
	for _, m := range h.movedMembers[o.first:o.last] {
		h.putByte(sep)
		h.putRange(int(m.start), int(m.end))
		sep = ','
	}
	h.putByte('}')
}

// putTokens feeds body[from:to] without the white space between its tokens.
func (h *hasher) putTokens(from, to int) {
	b := h.body[from:to]
	if !h.space {
		h.put(b)
		return
	}
	start := 0
	for i := 0; i < len(b); {
		switch {
		case b[i] == '"':
			i = stringEnd(b, i)
		case b[i] > ' ':
			i++
		default:
			h.put(b[start:i])
			i++
			start = i
		}
	}
	h.put(b[start:])
}

func (h *hasher) putByte(c byte) {
	if len(h.buf) == cap(h.buf) {
		h.flush()
	}
	h.buf = append(h.buf, c)
}

func (h *hasher) put(p []byte) {
	if len(p) > cap(h.buf)-len(h.buf) {
		h.flush()
		if len(p) >= cap(h.buf) {
			h.sha.Write(p)
			return
		}
	}
	h.buf = append(h.buf, p...)
}

func (h *hasher) flush() {
	h.sha.Write(h.buf)
	h.buf = h.buf[:0]
}

func (h *hasher) sum() Key {
	h.flush()
	return Key(h.sha.Sum(h.out[:0]))
}
