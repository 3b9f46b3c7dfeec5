package responses

import (
	"bytes"

	"github.com/ai-mcp-gateway/gateway/translate"
)

// The API has one place for what a provider wants to get back unread: a
// reasoning item's encrypted_content, which clients keep and send again. The
// signatures of other dialects travel there too, with their origin before
// them, and so does that of a call, in a reasoning item of its own before the
// call: what else an item holds, clients may leave out.
const (
	sealMark     = "gw1."
	sealThinking = 't'
	sealRedacted = 'r'
	sealCall     = 'c' // of the next call
)

// seal is a signature with what it is of.
type seal struct {
	kind      byte
	origin    string
	signature []byte
}

// readSeal reads the text of an encrypted_content. What is not marked is
// this dialect's own.
func readSeal(content []byte) seal {
	own := seal{kind: sealThinking, origin: name, signature: content}
	rest, marked := bytes.CutPrefix(content, []byte(sealMark))
	if !marked || len(rest) < 2 || rest[1] != '.' {
		return own
	}
	origin, signature, ok := bytes.Cut(rest[2:], []byte{'.'})
	switch kind := rest[0]; {
	case !ok, kind != sealThinking && kind != sealRedacted && kind != sealCall:
		return own
	default:
		return seal{kind: kind, origin: string(origin), signature: signature}
	}
}

// Mixed reports whether a request's body may have what another dialect has
// sealed. It is then to be translated, not passed through, even where the
// provider speaks this dialect.
func (*Dialect) Mixed(body []byte) bool { return translate.Holds(body, sealInBody, len(`"gw`)) }

var sealInBody = []byte(`"` + sealMark)

// made reports whether there is anything to keep: a signature, or that the
// thoughts are another dialect's, where nothing seals them.
func (s *seal) made() bool {
	return len(s.signature) > 0 || s.origin != "" && s.origin != name
}

// append appends the seal as a JSON string.
func (s *seal) append(dst []byte) []byte {
	if s.origin == name && s.kind != sealCall {
		return translate.AppendString(dst, s.signature)
	}
	marked := make([]byte, 0, len(sealMark)+len(s.origin)+len(s.signature)+3)
	marked = append(append(marked, sealMark...), s.kind, '.')
	marked = append(append(marked, s.origin...), '.')
	return translate.AppendString(dst, append(marked, s.signature...))
}
