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
// the scratch hardly grows with the body.
//
// The hash gets blocks of blockSize bytes, and a last one that may be shorter:
// what they are depends on the canonical form alone, not on the pieces in
// which it is put. A scope that is longer is a block of its own.
type hasher struct {
	local bool // by mac, not by sha
	sha   hash.Hash
	tags  []byte // of the blocks, when local
	buf   []byte // bytes not yet given to the hash
	out   [sha256.Size]byte
	body  []byte

	members      []member // of the objects that are open, outermost first
	moved        []moved
	movedMembers []member
	names        []byte
	topSorted    bool
	space        bool // white space occurs between tokens
}

var hashers = sync.Pool{New: func() any {
	return &hasher{sha: sha256.New(), buf: make([]byte, 0, blockSize)}
}}

func acquireHasher(body []byte, local bool) *hasher {
	h := hashers.Get().(*hasher)
	h.local = local
	h.sha.Reset()
	h.tags = h.tags[:0]
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
	if cap(h.tags) > maxNames {
		h.tags = nil
	}
	hashers.Put(h)
}

func (h *hasher) putScope(s *Scope) {
	h.buf = append(h.buf, domain...)
	for _, part := range [...]string{s.Tenant, s.Dialect, s.Op, s.Model} {
		h.buf = binary.AppendUvarint(h.buf, uint64(len(part)))
		h.buf = append(h.buf, part...)
	}
	if len(h.buf) > blockSize {
		h.flush()
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
	if len(h.buf) == blockSize {
		h.flush()
	}
	h.buf = append(h.buf, c)
}

func (h *hasher) put(p []byte) {
	for len(p) > blockSize-len(h.buf) {
		if len(h.buf) == 0 {
			h.hash(p[:blockSize])
			p = p[blockSize:]
			continue
		}
		n := copy(h.buf[len(h.buf):blockSize], p)
		h.buf, p = h.buf[:len(h.buf)+n], p[n:]
		h.flush()
	}
	h.buf = append(h.buf, p...)
}

func (h *hasher) flush() {
	h.hash(h.buf)
	h.buf = h.buf[:0]
}

// hash gives the hash the next block.
func (h *hasher) hash(block []byte) {
	if h.local {
		h.tags = local.appendBlock(h.tags, block)
	} else {
		h.sha.Write(block)
	}
}

func (h *hasher) sum() Key {
	h.flush()
	if !h.local {
		return Key(h.sha.Sum(h.out[:0]))
	}
	var k Key
	copy(k[:], local.appendSum(h.out[:0], h.tags))
	return k
}
