package anthropic

import (
	"bytes"

	"github.com/ai-mcp-gateway/gateway/translate"
)

// A signature of another provider goes to a client as <tag><origin>:<signature>
// and comes back so. Clients keep signatures as they are; whoever sends one to
// a provider that did not make it gets an error, and with the tag nobody does.
// A seal of a call, which this dialect has no place for, travels as redacted
// thinking before it.
const (
	tagPrefix = "gw1"
	thinkTag  = tagPrefix + "t:"
	callTag   = tagPrefix + "c:"
)

// appendTagged appends signature with the tag that names its origin.
func appendTagged(dst []byte, tag, origin string, signature []byte) []byte {
	dst = append(dst, tag...)
	dst = append(dst, origin...)
	dst = append(dst, ':')
	return append(dst, signature...)
}

// untag returns the origin and the signature in one that may carry tag; ok is
// false when it does not.
func untag(signature []byte, tag string) (origin string, rest []byte, ok bool) {
	signature, ok = bytes.CutPrefix(signature, []byte(tag))
	if !ok {
		return "", nil, false
	}
	maker, rest, ok := bytes.Cut(signature, []byte{':'})
	return string(maker), rest, ok
}

var tagInBody = []byte(`"` + tagPrefix)

// Mixed reports whether a request's body may have signatures that another
// provider made. It is then to be translated, not passed through, even where
// the provider speaks this dialect.
func (*Dialect) Mixed(body []byte) bool { return translate.Holds(body, tagInBody, len(`"gw`)) }
