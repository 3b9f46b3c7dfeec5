package translate

import (
	"encoding/binary"
	"math/bits"
	"unicode/utf8"
)

// maxDepth is how deep objects and arrays may be nested. The walk is a loop
// with a bit for each open level, so a hostile body costs no stack.
const maxDepth = 256

// The skip functions validate one piece of JSON (RFC 8259) and return the
// index after it, or the complement ^i of the index at which it is wrong
// (len(b) when it ends too soon). With strict set, strings must be valid
// UTF-8; without it bytes of 0x80 and above pass unread, for answers whose
// text is the provider's affair.

// skipSpace returns the index of the first byte at or after i that is not
// white space.
func skipSpace(b []byte, i int) int {
	for i < len(b) && b[i] <= ' ' && isSpace(b[i]) {
		i++
	}
	return i
}

func isSpace(c byte) bool {
	return c == ' ' || c == '\n' || c == '\r' || c == '\t'
}

// skipValue skips the value that starts at b[i], depth levels down.
func skipValue(b []byte, i, depth int, strict bool) int {
	if i >= len(b) {
		return ^len(b)
	}
	switch b[i] {
	case '"':
		return skipString(b, i+1, strict)
	case '{', '[':
		return skipNested(b, i, depth, strict)
	default:
		return skipScalar(b, i)
	}
}

// skipNested skips the object or array that opens at b[i].
func skipNested(b []byte, i, depth int, strict bool) int {
	var objects [maxDepth/64 + 1]uint64 // bit d is set when level d is an object
	base := depth
	for i < len(b) {
		c := b[i]
		switch c {
		case '"':
			i = skipString(b, i+1, strict)
		case '{', '[':
			if depth >= maxDepth {
				return ^i
			}
			depth++
			objects[depth>>6] &^= 1 << (depth & 63)
			i = skipSpace(b, i+1)
			if i < len(b) && b[i] == c+2 { // '{'+2 is '}' and '['+2 is ']'
				depth--
				i++
				break
			}
			if c == '{' {
				objects[depth>>6] |= 1 << (depth & 63)
				i = skipKey(b, i, strict)
			}
			if i < 0 {
				return i
			}
			continue
		default:
			i = skipScalar(b, i)
		}
		if i >= 0 && depth > base {
			i, depth = skipSeparators(b, i, base, depth, &objects, strict)
		}
		if i < 0 || depth == base {
			return i
		}
	}
	return ^len(b)
}

// skipSeparators skips what may stand between the value that ends at i and
// the next one: closing brackets, then a comma and, in an object, a key.
func skipSeparators(b []byte, i, base, depth int, objects *[maxDepth/64 + 1]uint64, strict bool) (int, int) {
	for {
		i = skipSpace(b, i)
		if i >= len(b) {
			return ^len(b), depth
		}
		object := objects[depth>>6]>>(depth&63)&1 != 0
		switch c := b[i]; {
		case c == ',' && object:
			return skipKey(b, skipSpace(b, i+1), strict), depth
		case c == ',':
			return skipSpace(b, i+1), depth
		case c == '}' && object, c == ']' && !object:
			i++
			depth--
			if depth == base {
				return i, depth
			}
		default:
			return ^i, depth
		}
	}
}

// skipKey skips a key and its colon, to the start of the value.
func skipKey(b []byte, i int, strict bool) int {
	if i >= len(b) || b[i] != '"' {
		return ^i
	}
	if i = skipString(b, i+1, strict); i < 0 {
		return i
	}
	return skipColon(b, i)
}

// skipColon skips a colon and the white space around it.
func skipColon(b []byte, i int) int {
	if i+1 < len(b) && b[i] == ':' && b[i+1] > ' ' {
		return i + 1
	}
	return skipSpacedColon(b, i)
}

func skipSpacedColon(b []byte, i int) int {
	i = skipSpace(b, i)
	if i >= len(b) || b[i] != ':' {
		return ^i
	}
	return skipSpace(b, i+1)
}

const (
	lowBits  = 0x0101010101010101
	highBits = 0x8080808080808080
)

// skipString skips the rest of a string; b[i] is the byte after its opening
// quote.
//
// Eight bytes are looked at together. XOR with 2 swaps '"' (0x22) with 0x20
// and keeps control characters below 0x20, so one subtraction finds both. A
// borrow can only spoil lanes above a true hit, so the lowest hit is exact.
// The first byte of 0x80 and above stops the loop once; from there on the
// upper half is ignored and the text is checked as a whole at its end.
func skipString(b []byte, i int, strict bool) int {
	wide, stop := -1, uint64(highBits)
	if !strict {
		stop = 0
	}
	for {
		if i = skipPlain(b, i, stop); i >= len(b) {
			return ^len(b)
		}
		switch c := b[i]; {
		case c == '"':
			if wide >= 0 && !utf8.Valid(b[wide:i]) {
				return ^(wide + invalidUTF8(b[wide:i]))
			}
			return i + 1
		case c == '\\':
			if i = skipEscape(b, i); i < 0 {
				return i
			}
		case c < 0x20:
			return ^i
		default:
			if c >= utf8.RuneSelf && stop != 0 {
				wide, stop = i, 0
			}
			i++
		}
	}
}

// skipPlain skips plain text up to the first special byte, or to the last few
// bytes of b, whatever they are.
func skipPlain(b []byte, i int, stop uint64) int {
	for ; len(b)-i >= 16; i += 16 {
		near := special(binary.LittleEndian.Uint64(b[i:i+8]), stop)
		far := special(binary.LittleEndian.Uint64(b[i+8:i+16]), stop)
		if near != 0 {
			return i + bits.TrailingZeros64(near)>>3
		}
		if far != 0 {
			return i + 8 + bits.TrailingZeros64(far)>>3
		}
	}
	if len(b)-i >= 8 {
		if hit := special(binary.LittleEndian.Uint64(b[i:]), stop); hit != 0 {
			return i + bits.TrailingZeros64(hit)>>3
		}
		i += 8
	}
	return i
}

// special marks the bytes of w that end a run of plain text with their high
// bits: '"', '\\' and control characters, and those of stop that are set.
func special(w, stop uint64) uint64 {
	quoteOrControl := (w ^ 0x02*lowBits) - 0x21*lowBits
	backslash := (w ^ '\\'*lowBits) - lowBits
	return ((quoteOrControl|backslash)&^w | w&stop) & highBits
}

// invalidUTF8 returns the index of the first byte that is not UTF-8.
func invalidUTF8(b []byte) int {
	i := 0
	for i < len(b) {
		r, n := utf8.DecodeRune(b[i:])
		if r == utf8.RuneError && n == 1 {
			break
		}
		i += n
	}
	return i
}

// skipEscape skips the escape sequence at b[i]. Half a surrogate pair is
// well-formed JSON and passes.
func skipEscape(b []byte, i int) int {
	if i+1 >= len(b) {
		return ^len(b)
	}
	switch b[i+1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return i + 2
	case 'u':
		for j := i + 2; j < i+6; j++ {
			if j >= len(b) || hexValue(b[j]) < 0 {
				return ^j
			}
		}
		return i + 6
	default:
		return ^(i + 1)
	}
}

// hexValue returns the value of a hexadecimal digit, or -1.
func hexValue(c byte) int {
	switch {
	case c-'0' <= 9:
		return int(c - '0')
	case c|0x20-'a' <= 5:
		return int(c|0x20-'a') + 10
	default:
		return -1
	}
}

// skipScalar skips a literal or a number.
func skipScalar(b []byte, i int) int {
	switch b[i] {
	case 't':
		return skipLiteral(b, i, "true")
	case 'f':
		return skipLiteral(b, i, "false")
	case 'n':
		return skipLiteral(b, i, "null")
	default:
		return skipNumber(b, i)
	}
}

func skipLiteral(b []byte, i int, text string) int {
	if len(b)-i < len(text) || string(b[i:i+len(text)]) != text {
		return ^i
	}
	return i + len(text)
}

func skipNumber(b []byte, i int) int {
	if b[i] == '-' {
		i++
	}
	if i < len(b) && b[i] == '0' {
		i++
	} else if i = skipDigits(b, i); i < 0 {
		return i
	}
	if i < len(b) && b[i] == '.' {
		if i = skipDigits(b, i+1); i < 0 {
			return i
		}
	}
	if i < len(b) && b[i]|0x20 == 'e' {
		i++
		if i < len(b) && (b[i] == '+' || b[i] == '-') {
			i++
		}
		return skipDigits(b, i)
	}
	return i
}

// skipDigits skips one or more digits.
func skipDigits(b []byte, i int) int {
	start := i
	for i < len(b) && b[i]-'0' <= 9 {
		i++
	}
	if i == start {
		return ^i
	}
	return i
}
