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
	OpResponses
	OpMessages
	OpCountTokens
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
	case OpResponses:
		return "responses"
	case OpMessages:
		return "messages"
	case OpCountTokens:
		return "count_tokens"
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

// Update takes over what a later report of the same attempt says; what it
// leaves out stays. Some providers report the input at the start of a stream
// and the output at its end.
func (u *Usage) Update(later *Usage) {
	pick := func(old, new int64) int64 {
		if new > 0 {
			return new
		}
		return old
	}
	plain := pick(u.In-u.CacheRead-u.CacheWrite, later.In-later.CacheRead-later.CacheWrite)
	u.CacheRead, u.CacheWrite = pick(u.CacheRead, later.CacheRead), pick(u.CacheWrite, later.CacheWrite)
	u.In = plain + u.CacheRead + u.CacheWrite
	u.Out, u.Reasoning = pick(u.Out, later.Out), pick(u.Reasoning, later.Reasoning)
	u.Known = u.Known || later.Known
}
