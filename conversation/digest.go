package conversation

import (
	"bytes"
	"crypto/sha256"
	"slices"
	"strconv"

	"github.com/ai-mcp-gateway/gateway/translate"
)

// A digest recognises a message that comes again. It covers who speaks, the
// text, the calls with their arguments, the results and the attachments, and
// nothing else: an answer and its echo differ in ids, annotations, logprobs,
// thoughts, cache marks, members that are null, text as a string or in parts,
// white space around an answer, and in how arguments are spelled as JSON. A
// message of text alone has the same digest in every dialect.

// silentDigest is the one of all items that are not compared.
var silentDigest = [16]byte{'s', 'i', 'l', 'e', 'n', 't'}

// digest returns the item's digest.
func (it *item) digest() [16]byte {
	if it.silent {
		return silentDigest
	}
	return it.sum(it.role)
}

// instructionDigest is the digest of instructions, which stand before all turns
// and are told by it from a system message between them.
func (it *item) instructionDigest() [16]byte { return it.sum("instructions") }

func (it *item) sum(role string) [16]byte {
	var room [1024]byte
	b := append(room[:0], role...)
	b = append(append(b, 0), it.name...)
	for i := 0; i < len(it.pieces); i++ {
		p := &it.pieces[i]
		b = append(b, 0, byte(p.kind))
		switch p.kind {
		case textPiece:
			start := len(b)
			for ; i < len(it.pieces) && it.pieces[i].kind == textPiece; i++ {
				b = append(b, it.pieces[i].text...)
			}
			i--
			if it.role == assistant {
				text := bytes.TrimSpace(b[start:])
				b = append(b[:start], text...)
			}
		case callPiece:
			b = append(append(b, p.id...), 0)
			b = append(append(b, p.name...), 0)
			if k := translate.KindOf(p.text); k == translate.KindObject || k == translate.KindArray {
				b = appendCanonical(b, p.text)
			} else {
				b = append(b, p.text...)
			}
		case mediaPiece:
			b = appendCanonical(b, p.text)
		default:
			b = append(b, p.id...)
		}
	}
	sum := sha256.Sum256(b)
	return [16]byte(sum[:16])
}

// appendCanonical appends JSON so that all spellings of a value are alike, and
// an object or an array that is broken as it is.
func appendCanonical(dst, raw []byte) []byte {
	start := len(dst)
	raw = bytes.TrimSpace(raw)
	switch translate.KindOf(raw) {
	case translate.KindObject:
		if dst, ok := appendObject(dst, raw); ok {
			return dst
		}
	case translate.KindArray:
		dst = append(dst, '[')
		a := translate.Elements(raw)
		for a.Next() {
			if v := a.Value(); v != nil {
				dst = append(appendCanonical(dst, v), ',')
			}
		}
		if a.Complete() {
			return append(dst, ']')
		}
	case translate.KindString:
		dst = append(dst, '"')
		return append(translate.AppendText(dst, raw), '"')
	case translate.KindNumber:
		return appendNumber(dst, raw)
	}
	return append(dst[:start], raw...)
}

// dropped are the members in which an attachment and its echo may differ.
var dropped = []string{"cache_control", "annotations", "logprobs", "status", "citations"}

// appendObject appends the members in the order of their keys, without those
// that are null or dropped.
func appendObject(dst, raw []byte) ([]byte, bool) {
	type pair struct{ key, value []byte }
	var room [16]pair
	pairs := room[:0]
	o := translate.Members(raw)
	for o.Next() {
		key, v := o.Key(), o.Value()
		if v == nil || translate.KindOf(v) == translate.KindNull || slices.Contains(dropped, string(key)) {
			continue
		}
		pairs = append(pairs, pair{key, v})
	}
	if !o.Complete() {
		return dst, false
	}
	slices.SortStableFunc(pairs, func(a, b pair) int { return bytes.Compare(a.key, b.key) })
	dst = append(dst, '{')
	for _, p := range pairs {
		dst = append(append(dst, p.key...), ':')
		dst = append(appendCanonical(dst, p.value), ',')
	}
	return append(dst, '}'), true
}

// appendNumber appends a number that may have lost its zero decimals or its
// exponent on the way. Whole numbers stay as they are: no float has the digits
// of a long one.
func appendNumber(dst, raw []byte) []byte {
	if !bytes.ContainsAny(raw, ".eE") {
		return append(dst, raw...)
	}
	f, err := strconv.ParseFloat(string(raw), 64)
	if err != nil {
		return append(dst, raw...)
	}
	return strconv.AppendFloat(dst, f, 'f', -1, 64)
}
