package routing

// mostGrams bounds how many different words and pairs of a text count; setSize
// is a power of two above it.
const (
	mostGrams = 1100
	setSize   = 2048
)

// gramSet is the words and pairs of words that a text has, each once, by their
// slots.
type gramSet struct {
	size int
	held [setSize]uint32 // slot + 1
}

// read counts what text is made of, and calls visit for every word and pair of
// words that is new in it.
func (s *gramSet) read(text []byte, visit func(slot uint32)) (count counter) {
	count.first = true
	head, tail := span(text)
	for _, part := range [...][]byte{head, tail} {
		w := words{text: part}
		var before uint64
		for end := 0; w.next(); end = w.at {
			newline := count.breaks(part[end:w.at-w.length]) || end == 0
			count.add(&w, newline)
			if at := slot(w.hash, gramBits); s.add(at) {
				visit(at)
			}
			if before != 0 {
				if at := slot(pair(before, w.hash), gramBits); s.add(at) {
					visit(at)
				}
			}
			before = w.hash
		}
	}
	return count
}

// add reports whether the slot is new. A full set takes no more.
func (s *gramSet) add(slot uint32) bool {
	if s.size == mostGrams {
		return false
	}
	for i := slot % setSize; ; i = (i + 1) % setSize {
		switch s.held[i] {
		case 0:
			s.held[i] = slot + 1
			s.size++
			return true
		case slot + 1:
			return false
		}
	}
}
