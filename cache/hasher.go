package cache

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"hash"
	"math"
	"math/bits"
	"slices"
	"sync"
)

// A member is one name-value pair of an object, at body[start:end].
type member struct {
	start, end int32
	// The name is body[nameOff:][:nameLen], or, decoded since it has escapes,
	// names[^nameOff:][:nameLen].
	nameOff, nameLen int32
}

// A moved object is one whose members are not in canonical order.
type moved struct {
	start, end int32
	// The object's sorted members are hasher.movedMembers[first:last].
	first, last int32
}

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

func (h *hasher) reset(body []byte) {
	h.sha.Reset()
	h.body = body
	h.buf = h.buf[:0]
	h.members = h.members[:0]
	h.moved = h.moved[:0]
	h.movedMembers = h.movedMembers[:0]
	h.names = h.names[:0]
	h.space = false
}

func (h *hasher) putScope(s *Scope) {
	h.buf = append(h.buf, domain...)
	for _, part := range [...]string{s.Tenant, s.Dialect, s.Op, s.Model} {
		h.buf = binary.AppendUvarint(h.buf, uint64(len(part)))
		h.buf = append(h.buf, part...)
	}
}

// index walks the body once and fills members and moved. It reports false when
// the body has no canonical form.
func (h *hasher) index() bool {
	if len(h.body) > math.MaxInt32 {
		return false
	}
	i := h.skip(0)
	if i == len(h.body) || h.body[i] != '{' {
		return false
	}
	h.space = false // what stands around the object is not hashed
	end, sorted := h.object(i, 1)
	if end < 0 {
		return false
	}
	h.topSorted = sorted
	space := h.space
	end = h.skip(end)
	h.space = space
	return end == len(h.body)
}

// value returns the offset behind the value at i, or -1. depth counts the
// objects and arrays around it.
func (h *hasher) value(i, depth int) int {
	if i == len(h.body) {
		return -1
	}
	switch h.body[i] {
	case '"':
		return stringEnd(h.body, i)
	case '[':
		return h.array(i, depth+1)
	case '{':
		first := len(h.members)
		end, sorted := h.object(i, depth+1)
		if end < 0 || !sorted && !h.keep(i, end, first) {
			return -1
		}
		h.members = h.members[:first]
		return end
	}
	return scalarEnd(h.body, i)
}

// object walks the object at i, leaves its members on h.members and reports
// whether they are in canonical order. The end is -1 for a broken object.
func (h *hasher) object(i, depth int) (end int, sorted bool) {
	b, first := h.body, len(h.members)
	if i = h.skip(i + 1); i < len(b) && b[i] == '}' {
		return i + 1, true
	}
	for sorted = true; i < len(b) && b[i] == '"' && depth <= maxDepth; {
		start := i
		nameEnd, nameOff, nameLen := h.memberName(i)
		if i = h.skip(nameEnd); i == len(b) || b[i] != ':' {
			break
		}
		if i = h.value(h.skip(i+1), depth); i < 0 {
			break
		}
		n := len(h.members)
		if n+len(h.movedMembers) >= maxMembers {
			break
		}
		h.members = append(h.members, member{})
		m := &h.members[n]
		m.start, m.end, m.nameOff, m.nameLen = int32(start), int32(i), nameOff, nameLen
		if n > first && h.compare(&h.members[n-1], m) > 0 {
			sorted = false
		}
		if i = h.skip(i); i == len(b) {
			break
		}
		if b[i] == '}' {
			return i + 1, sorted
		}
		if b[i] != ',' {
			break
		}
		i = h.skip(i + 1)
	}
	return -1, false
}

func (h *hasher) array(i, depth int) int {
	b := h.body
	if i = h.skip(i + 1); i < len(b) && b[i] == ']' {
		return i + 1
	}
	for depth <= maxDepth {
		if i = h.value(i, depth); i < 0 {
			break
		}
		if i = h.skip(i); i == len(b) {
			break
		}
		if b[i] == ']' {
			return i + 1
		}
		if b[i] != ',' {
			break
		}
		i = h.skip(i + 1)
	}
	return -1
}

// memberName reads the name at i. The end is that of the body when the name is
// broken, so that no colon follows it.
func (h *hasher) memberName(i int) (end int, nameOff, nameLen int32) {
	b := h.body
	for end = i + 1; end < len(b); end++ {
		if b[end] == '"' {
			return end + 1, int32(i + 1), int32(end - i - 1)
		}
		if b[end] == '\\' {
			return h.escapedName(i)
		}
	}
	return end, 0, 0
}

func (h *hasher) escapedName(i int) (end int, nameOff, nameLen int32) {
	var name string
	if end = stringEnd(h.body, i); end < 0 || json.Unmarshal(h.body[i:end], &name) != nil {
		return len(h.body), 0, 0
	}
	nameOff = ^int32(len(h.names))
	h.names = append(h.names, name...)
	return end, nameOff, int32(len(name))
}

func (h *hasher) name(m *member) []byte {
	if m.nameOff < 0 {
		return h.names[^m.nameOff:][:m.nameLen]
	}
	return h.body[m.nameOff:][:m.nameLen]
}

// compare is the canonical order of two members: shorter names first, and
// among names of one length the alphabetically later first. In this order
// clients already write most objects of a request (role, content; type, text;
// id, type, function), so that hardly any has to be moved.
func (h *hasher) compare(a, b *member) int {
	if a.nameLen != b.nameLen {
		return int(a.nameLen) - int(b.nameLen)
	}
	return bytes.Compare(h.name(b), h.name(a))
}

// sort puts members in canonical order; those of one name keep theirs.
func (h *hasher) sort(members []member) {
	if len(members) > 32 {
		slices.SortStableFunc(members, func(a, b member) int { return h.compare(&a, &b) })
		return
	}
	for i := 1; i < len(members); i++ {
		for j := i; j > 0 && h.compare(&members[j-1], &members[j]) > 0; j-- {
			members[j-1], members[j] = members[j], members[j-1]
		}
	}
}

// keep notes an object that is out of order, whose members are
// h.members[first:].
func (h *hasher) keep(start, end, first int) bool {
	members := h.members[first:]
	if len(h.members)+len(h.movedMembers)+len(members) > maxMembers {
		return false
	}
	h.sort(members)
	from := len(h.movedMembers)
	h.movedMembers = append(h.movedMembers, members...)
	h.moved = append(h.moved, moved{
		start: int32(start), end: int32(end),
		first: int32(from), last: int32(len(h.movedMembers)),
	})
	return true
}

// skip returns the offset of the next byte from i on that is not white space.
func (h *hasher) skip(i int) int {
	if i < len(h.body) && h.body[i] > ' ' {
		return i
	}
	return h.skipSpace(i)
}

func (h *hasher) skipSpace(i int) int {
	for i < len(h.body) && isSpace(h.body[i]) {
		h.space = true
		i++
	}
	return i
}

func isSpace(c byte) bool { return c == ' ' || c == '\n' || c == '\r' || c == '\t' }

// stringEnd returns the offset behind the string that opens at i, or -1.
// Names, short values and the escaped quotes of code are found by words, a
// quote that is far by bytes.IndexByte.
func stringEnd(b []byte, i int) int {
	const ones, highs = 0x0101010101010101, 0x8080808080808080
	i++
	for near := i + 32; ; {
		if i+8 <= len(b) && i < near {
			x := binary.LittleEndian.Uint64(b[i:]) ^ '"'*ones
			zero := (x - ones) &^ x & highs // its lowest bit marks the first zero byte of x
			if zero == 0 {
				i += 8
				continue
			}
			i += bits.TrailingZeros64(zero) >> 3
		} else {
			n := bytes.IndexByte(b[i:], '"')
			if n < 0 {
				return -1
			}
			i += n
		}
		if b[i-1] != '\\' || !escaped(b, i) {
			return i + 1
		}
		i++
		near = i + 32
	}
}

// escaped reports whether an odd number of backslashes stands before the quote
// at i, which is inside a string.
func escaped(b []byte, i int) bool {
	k := i
	for b[k-1] == '\\' { // the opening quote ends this at the latest
		k--
	}
	return (i-k)&1 == 1
}

// scalarEnd returns the offset behind the number or literal at i, or -1.
func scalarEnd(b []byte, i int) int {
	from := i
	for i < len(b) && scalarByte[b[i]] {
		i++
	}
	if i == from {
		return -1
	}
	return i
}

var scalarByte = func() (set [256]bool) {
	for _, c := range []byte("+-.0123456789Eaeflnrstu") {
		set[c] = true
	}
	return set
}()

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
