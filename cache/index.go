package cache

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"math"
	"math/bits"
	"slices"
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
