package routing

// The text is read up to these many bytes, at its beginning and at its end,
// where what is asked usually stands.
const (
	headBytes = 2 << 10
	tailBytes = 1 << 10
)

// span is the part of a text that is read, in two pieces.
func span(text []byte) (head, tail []byte) {
	if len(text) <= headBytes+tailBytes {
		return text, nil
	}
	return text[:headBytes], text[len(text)-tailBytes:]
}

// wordKind is what a word is made of.
type wordKind uint8

const (
	letters wordKind = iota
	digits
	mark // one byte that is neither
)

// maxWord is how many bytes of a word are told apart.
const maxWord = 24

// words takes a text apart: runs of letters, lower-cased, runs of digits, and
// single other bytes. Bytes above ASCII count as letters.
type words struct {
	text []byte
	at   int

	kind   wordKind
	capped bool // its first letter was a capital
	length int
	buf    [maxWord]byte
	hash   uint64
}

// next moves to the next word and reports whether there is one.
func (w *words) next() bool {
	for w.at < len(w.text) && classes[w.text[w.at]] == classSpace {
		w.at++
	}
	if w.at == len(w.text) {
		return false
	}
	start, kind := w.at, classes[w.text[w.at]]
	w.capped = w.text[w.at]-'A' < 26
	switch kind {
	case classLetter:
		w.kind = letters
	case classDigit:
		w.kind = digits
	default:
		w.kind = mark
	}
	h := uint64(hashStart)
	for w.at < len(w.text) && classes[w.text[w.at]] == kind {
		c := w.text[w.at]
		switch {
		case kind == classDigit:
			c = '0' // how long a number is says more than which it is
		case c-'A' < 26:
			c |= 0x20
		}
		if n := w.at - start; n < maxWord {
			w.buf[n] = c
		}
		h = (h ^ uint64(c)) * hashPrime
		w.at++
		if kind == classMark {
			break
		}
	}
	w.length, w.hash = w.at-start, h
	return true
}

// word is the current one, in lower case, cut after maxWord bytes.
func (w *words) word() []byte { return w.buf[:min(w.length, maxWord)] }

// FNV-1a's numbers.
const (
	hashStart = 0xcbf29ce484222325
	hashPrime = 0x100000001b3
)

// pair hashes two words that stand beside each other.
func pair(a, b uint64) uint64 { return (a*31 ^ b) * hashPrime }

// slot is a hash's place among n weights, a power of two.
func slot(h uint64, bits uint) uint32 {
	h ^= h >> 32
	h *= 0x9e3779b97f4a7c15
	return uint32(h >> (64 - bits))
}

type class uint8

const (
	classMark class = iota
	classSpace
	classLetter
	classDigit
)

var classes = func() (t [256]class) {
	for c := range t {
		switch {
		case c == ' ' || c >= '\t' && c <= '\r':
			t[c] = classSpace
		case c|0x20 >= 'a' && c|0x20 <= 'z' || c >= 0x80:
			t[c] = classLetter
		case c >= '0' && c <= '9':
			t[c] = classDigit
		}
	}
	return t
}()
