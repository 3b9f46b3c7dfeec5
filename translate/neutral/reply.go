package neutral

import "github.com/ai-mcp-gateway/gateway/translate"

// Finish is why the model stopped.
type Finish uint8

// The reasons.
const (
	FinishNone Finish = iota
	FinishStop
	FinishStopSequence
	FinishTools
	FinishLength
	// FinishContext: the context window is full.
	FinishContext
	FinishFilter
	// FinishPause: the provider wants to be called again to go on.
	FinishPause
	// FinishMalformed: the model produced what the provider could not use.
	FinishMalformed
	// FinishOther is a reason that nobody here knows.
	FinishOther
)

// Brief is f as the engine needs it.
func (f Finish) Brief() translate.Finish {
	switch f {
	case FinishNone:
		return translate.FinishNone
	case FinishStop, FinishStopSequence:
		return translate.FinishStop
	case FinishTools:
		return translate.FinishTools
	case FinishLength, FinishContext:
		return translate.FinishLength
	case FinishFilter:
		return translate.FinishFilter
	default:
		return translate.FinishOther
	}
}

// Reply is a whole answer.
type Reply struct {
	// ID is the provider's, empty when it has none. Created is in Unix
	// seconds, 0 when it is not said.
	ID      string
	Created int64
	// Model is what the provider says it is.
	Model   string
	Choices []Choice
	Usage   Usage

	ServiceTier, Fingerprint string
}

// Choice is one of the answers.
type Choice struct {
	Blocks []Block
	Finish Finish
	// Native is the provider's own word for Finish, StopSequence the one that
	// was met, where it is said.
	Native, StopSequence string
	// Logprobs is raw, in OpenAI's form; nil when there are none.
	Logprobs []byte
}

// Usage is what a provider counted. In includes what was read from and written
// to its cache, Out includes the reasoning.
type Usage struct {
	translate.Usage
	// CacheWriteHour is the part of CacheWrite that stays for an hour.
	CacheWriteHour int64
	AudioIn        int64
	AudioOut       int64
	// Total is the provider's own sum; 0 when it says none.
	Total int64
}

// Sum is the number of tokens in all.
func (u *Usage) Sum() int64 {
	if u.Total > 0 {
		return u.Total
	}
	return u.In + u.Out
}
