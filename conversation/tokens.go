package conversation

import (
	"fmt"
	"hash/maphash"
	"sync"
	"sync/atomic"
	"unicode"
	"unicode/utf8"

	"github.com/tiktoken-go/tokenizer"
)

// o200k is the tokenizer of OpenAI's models since GPT-4o. Its vocabulary takes
// 25 ms and 12 MiB to build, which a process that never counts does not pay.
var o200k = sync.OnceValue(func() tokenizer.Codec {
	codec, err := tokenizer.Get(tokenizer.O200kBase)
	if err != nil {
		panic(fmt.Sprintf("BUG: the tokenizer has no o200k_base: %v", err))
	}
	return codec
})

// Count is the number of o200k tokens of s. The first call of a process loads
// the vocabulary. It may be called from several goroutines.
func Count(s string) int {
	n := 0
	for begin := 0; begin < len(s); {
		end := wordEnd(s, begin)
		n += counted.count(s[begin:end])
		begin = end
	}
	return n
}

// wordEnd is where the first piece of s[begin:] ends that has its own tokens
// whatever follows: before a space between a visible character of ASCII and a
// letter of ASCII, where the tokenizer's own first cut always is one.
func wordEnd(s string, begin int) int {
	for i := begin + 1; i+1 < len(s); i++ {
		if s[i] == ' ' && '!' <= s[i-1] && s[i-1] <= '~' && ('a' <= s[i+1]|0x20 && s[i+1]|0x20 <= 'z') {
			return i
		}
	}
	return len(s)
}

// counted remembers how many tokens words have: it knows most words of a text
// and spares them the tokenizer, which is twenty times slower.
var counted wordCounts

var wordSeed = maphash.MakeSeed()

// wordCounts is a table of 128 KiB that keeps the newest word of each place:
// 56 bits of its hash over 8 bits of its count. 0 is an empty place.
type wordCounts [16 << 10]atomic.Uint64

// longestWord, in bytes, has a count that fits.
const longestWord = 64

func (w *wordCounts) count(word string) int {
	if len(word) > longestWord {
		return tokenized(word)
	}
	hash := maphash.String(wordSeed, word)
	place := &w[hash%uint64(len(w))]
	if held := place.Load(); held>>8 == hash>>8 && held != 0 {
		return int(held & 0xff)
	}
	n := tokenized(word)
	place.Store(hash&^0xff | uint64(n))
	return n
}

func tokenized(s string) int {
	n, err := o200k().Count(s)
	if err != nil {
		panic(fmt.Sprintf("BUG: the tokenizer refuses a text of %d bytes: %v", len(s), err))
	}
	return n
}

// Estimate is Count(s) within a third, for prose in English within a tenth, without
// the vocabulary. Count is no slower once it is loaded.
func Estimate(s string) int {
	var e estimate
	for _, r := range s {
		e.add(r)
	}
	e.end()
	return int(e.tokens + 0.5)
}

// estimate goes through a text in runs of runes of one kind, which is how the
// tokenizer begins.
type estimate struct {
	tokens float64
	kind   kind
	run    int // runes of that kind in a row
}

type kind int

const (
	none kind = iota
	space
	newline
	lower // a letter of ASCII
	upper
	digit
	mark   // anything else in ASCII
	letter // beyond ASCII, or of a word with such
	wide   // of a script with thousands of letters
	symbol // beyond ASCII
)

func (e *estimate) add(r rune) {
	k := kindOf(r)
	switch {
	case k == e.kind, k == letter && (e.kind == lower || e.kind == upper):
	case k == lower && e.kind == upper:
	case k == lower && e.kind == letter:
		k = letter
	default:
		e.end()
		e.run = 0
	}
	e.kind = k
	e.run++
}

// end adds the tokens of the run. The figures were fitted by hand to prose,
// code and JSON.
func (e *estimate) end() {
	n := float64(e.run)
	switch e.kind {
	case none:
	case space:
		if e.run > 1 {
			e.tokens += 0.7 + n/40
		}
	case newline:
		e.tokens += 0.6
	case lower:
		e.tokens += max(1, 0.6+n/11)
	case upper:
		e.tokens += max(1, n/3)
	case digit:
		e.tokens += float64((e.run + 2) / 3)
	case mark:
		e.tokens += 0.55 + n/5
	case letter:
		e.tokens += max(1, 0.55+n/6.5)
	case wide:
		e.tokens += n * 0.65
	case symbol:
		e.tokens += n * 1.5
	}
}

func kindOf(r rune) kind {
	switch {
	case 'a' <= r && r <= 'z':
		return lower
	case r == ' ', r == '\t':
		return space
	case r == '\n', r == '\r':
		return newline
	case 'A' <= r && r <= 'Z':
		return upper
	case '0' <= r && r <= '9':
		return digit
	case r < utf8.RuneSelf:
		return mark
	case r >= 0x2e80 && unicode.IsLetter(r):
		return wide
	case unicode.IsLetter(r), unicode.IsMark(r):
		return letter
	}
	return symbol
}
