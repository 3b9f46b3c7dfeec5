package translate

// Finish is why a model stopped. The reasons are ordered by how much they
// spoil an answer: of several choices the greatest one counts.
type Finish uint8

// The reasons.
const (
	FinishNone   Finish = iota // not said, or not yet
	FinishStop                 // the natural end or a stop sequence
	FinishTools                // the model calls tools
	FinishOther                // a reason that is not known here, or none at the end
	FinishLength               // cut at the token limit
	FinishFilter               // cut by a content filter
)

// String returns the reason's name in metrics and logs.
func (f Finish) String() string {
	return [...]string{"none", "stop", "tools", "other", "length", "filter"}[f]
}

// Answer is what a dialect reads from a complete answer. The span indexes the
// body that was read.
type Answer struct {
	// Valid is false for bytes that are not an answer of the operation: not
	// one JSON object, or one without what the operation returns.
	Valid bool
	// Failed is true for an error object sent with a status of success. It
	// is never Valid.
	Failed bool
	Usage  Usage
	// UsageSpan is the usage object where one stands.
	UsageSpan Span
	Finish    Finish
}

// EventKind is what an event of a stream means.
type EventKind uint8

// The kinds of events.
const (
	EventNone      EventKind = iota // no data: a comment or a heartbeat
	EventData                       // part of the answer
	EventUsage                      // nothing but usage: extra for clients that did not ask
	EventDone                       // the end of the stream
	EventError                      // the provider reports a failure
	EventMalformed                  // bytes that are not the API's
)

// StreamEvent is what a dialect reads from one event of a stream. The span
// indexes the event's data.
type StreamEvent struct {
	Kind EventKind
	// Content is true when the event carries output of the model: text,
	// reasoning, a refusal or a piece of a tool call.
	Content bool
	Finish  Finish
	Usage   Usage
	// UsageSpan is the usage object where one stands.
	UsageSpan Span
}
