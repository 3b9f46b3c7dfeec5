package cache

import "time"

// Entry is a stored answer. It is immutable once it has been stored or got:
// its body is served without a copy, to any number of calls at once. It goes
// into one Memory, once.
type Entry struct {
	// Body is a JSON document, or an SSE stream as it came, [DONE] included.
	// It has its array to itself, which stays in memory with it.
	Body []byte
	// Stream says which of the two Body is.
	Stream bool
	// UsageStart and UsageEnd are the offsets of the usage event in the body
	// of a stream; both are zero when there is none.
	UsageStart, UsageEnd int
	// ContentType is the answer's; empty means what Stream implies.
	ContentType string

	// Model is the id of the target that answered, Provider its account's name
	// and Tier the tier it stood in.
	Model, Provider, Tier string

	// Tokens of the call that was paid for. Cache and reasoning tokens are
	// parts of the input and the output.
	InputTokens, CacheReadTokens, CacheWriteTokens int64
	OutputTokens, ReasoningTokens                  int64
	// CostNano is what that call cost, in nano-dollars.
	CostNano int64

	// Dropped lists the parameters that its provider was not told.
	Dropped string

	// Stored is when the answer was complete. From Expires on it is not served.
	Stored, Expires time.Time

	node
}

// Converted returns the same answer in the other form, with its body and where
// the usage event is in it. It is in no Memory yet.
func (e *Entry) Converted(body []byte, usageStart, usageEnd int) *Entry {
	return &Entry{
		Body: body, Stream: !e.Stream, UsageStart: usageStart, UsageEnd: usageEnd, ContentType: e.ContentType,
		Model: e.Model, Provider: e.Provider, Tier: e.Tier,
		InputTokens: e.InputTokens, CacheReadTokens: e.CacheReadTokens, CacheWriteTokens: e.CacheWriteTokens,
		OutputTokens: e.OutputTokens, ReasoningTokens: e.ReasoningTokens, CostNano: e.CostNano,
		Dropped: e.Dropped, Stored: e.Stored, Expires: e.Expires,
	}
}
