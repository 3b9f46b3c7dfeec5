package neutral

import (
	"crypto/sha256"
	"strconv"
)

// CallID returns id as rule (Traits.ToolIDs) wants it: itself where it
// conforms, else cleaned with a short hash of the original, the same every
// time. An empty id conforms to no rule but "".
func CallID(id, rule string) string {
	const most = 64
	switch {
	case rule == "word" && !isWord(id, most):
		return clean(id, id, most)
	case rule == "nine" && !isNine(id):
		return string(appendHash(nil, id, 9))
	}
	return id
}

// MakeCallID returns an id for a call that came without one: the same for the
// same place in the same answer. The seed tells answers apart; the answer's id
// will do.
func MakeCallID(seed string, choice, index int) string {
	place := make([]byte, 0, 64)
	place = append(place, seed...)
	place = append(place, 0)
	place = strconv.AppendInt(place, int64(choice), 10)
	place = append(place, 0)
	place = strconv.AppendInt(place, int64(index), 10)
	return string(appendHash([]byte("call_"), string(place), 24))
}

const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

// appendHash appends n letters and digits, at most 32, that s decides.
func appendHash(dst []byte, s string, n int) []byte {
	sum := sha256.Sum256([]byte(s))
	for _, b := range sum[:n] {
		dst = append(dst, letters[int(b)%len(letters)])
	}
	return dst
}

// clean returns name without the characters that no word has, and with a hash
// of seed at its end; at most limit characters.
func clean(name, seed string, limit int) string {
	const hash = 8
	dst := make([]byte, 0, limit)
	for i := 0; i < len(name) && len(dst) < limit-hash-1; i++ {
		switch c := name[i]; {
		case isWordByte(c):
			dst = append(dst, c)
		case c < 0x80 || c >= 0xc0: // one for each character
			dst = append(dst, '_')
		}
	}
	return string(appendHash(append(dst, '_'), seed, hash))
}

func isWordByte(c byte) bool {
	return c|0x20-'a' <= 'z'-'a' || c-'0' <= 9 || c == '_' || c == '-'
}

// isWord reports whether s is 1 to limit letters, digits, _ and -.
func isWord(s string, limit int) bool {
	for i := range len(s) {
		if !isWordByte(s[i]) {
			return false
		}
	}
	return s != "" && len(s) <= limit
}

// isNine reports whether s is nine letters and digits.
func isNine(s string) bool {
	for i := range len(s) {
		if !isWordByte(s[i]) || s[i] == '_' || s[i] == '-' {
			return false
		}
	}
	return len(s) == 9
}

// Names maps tools' names that a provider would refuse to aliases and back. A
// nil Names leaves every name as it is. It does not change once it is made.
type Names struct {
	out, in map[string]string
}

// NewNames makes the aliases that r's tools, choice and history need; limit is
// the most characters a name may have, of letters, digits, _ and -. It is nil
// when all names conform.
func NewNames(r *Request, limit int) *Names {
	var odd []string
	everyName(r, func(name string) {
		if !isWord(name, limit) && name != "" {
			odd = append(odd, name)
		}
	})
	if odd == nil {
		return nil
	}
	n := &Names{out: make(map[string]string), in: make(map[string]string)}
	everyName(r, func(name string) {
		if isWord(name, limit) {
			n.in[name] = name
		}
	})
	for _, name := range odd {
		n.add(name, limit)
	}
	return n
}

// add gives name an alias that nothing else has.
func (n *Names) add(name string, limit int) {
	if n.out[name] != "" {
		return
	}
	for seed := name; ; seed += "'" {
		alias := clean(name, seed, limit)
		if n.in[alias] == "" {
			n.out[name], n.in[alias] = alias, name
			return
		}
	}
}

// everyName calls f with the names of r's tools, of its choice and of the
// calls and results in its history.
func everyName(r *Request, f func(name string)) {
	for i := range r.Tools {
		if !r.Tools[i].Server {
			f(r.Tools[i].Name)
		}
	}
	for _, name := range r.Choice.Names {
		f(name)
	}
	for i := range r.Turns {
		for j := range r.Turns[i].Blocks {
			if b := &r.Turns[i].Blocks[j]; b.Kind == ToolUse || b.Kind == ToolResult {
				f(b.Name)
			}
		}
	}
}

// Out is the name for the provider.
func (n *Names) Out(name string) string {
	if n != nil {
		if alias := n.out[name]; alias != "" {
			return alias
		}
	}
	return name
}

// In is the client's name for what the provider calls alias.
func (n *Names) In(alias string) string {
	if n != nil {
		if name := n.in[alias]; name != "" {
			return name
		}
	}
	return alias
}
