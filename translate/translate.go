// Package translate knows the wire forms of language-model calls: which
// fields of a request steer the gateway, where they lie in the body, what a
// usage block means and which errors a caller can be told.
//
// Nothing here does I/O. Bodies are borrowed: a Span indexes the caller's
// bytes and is valid as long as they are.
package translate

// Op is the operation a call asks for, whatever its dialect.
type Op uint8

// The operations that the gateway routes by model.
const (
	OpNone Op = iota
	OpChat
	OpCompletion
	OpEmbedding
)

// String returns the operation's name in metrics, logs and cache keys.
func (op Op) String() string {
	switch op {
	case OpChat:
		return "chat"
	case OpCompletion:
		return "completion"
	case OpEmbedding:
		return "embedding"
	default:
		return "none"
	}
}

// Span is the half-open byte range [Start, End) of a body. The zero Span is
// empty and means "absent".
type Span struct{ Start, End int }

// Of returns the bytes of body that s covers.
func (s Span) Of(body []byte) []byte { return body[s.Start:s.End] }

// Empty reports whether s covers nothing.
func (s Span) Empty() bool { return s.End <= s.Start }

// Usage is what a provider reported for one attempt, in tokens. In includes
// the cached and cache-write tokens, Out includes the reasoning tokens.
type Usage struct {
	In, CacheRead, CacheWrite int64
	Out, Reasoning            int64
	// Known is false when the provider reported no usage at all.
	Known bool
}
