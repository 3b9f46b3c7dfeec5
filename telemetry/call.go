// Package telemetry tells the outside what the gateway does: a log line and
// metrics for every finished call. Both take a Call, keep nothing of it, and
// neither blocks nor allocates on the way.
//
// Neither ever holds a prompt, an answer or a credential, and what a client
// chose (a model's name, a user) is cut, escaped, and bounded in number where
// it becomes a label.
package telemetry

import "time"

// Call is the record of one finished call. Its strings are borrowed: they need
// to live as long as the call they are passed to, no longer. Empty strings and
// zero durations mean "there was none".
type Call struct {
	// Time is when the request's first byte was read.
	Time      time.Time
	RequestID string
	// TraceID is the hexadecimal id of the traceparent.
	TraceID string

	// Method and Route are the HTTP method and the route's pattern, never the
	// path that was asked for.
	Method, Route string
	// Op is the operation: "chat", "embedding" ...
	Op     string
	Status int

	Tenant, Project, User, KeyID string
	// Conversation is the id of the one that it belongs to.
	Conversation string

	// Model is the one that was asked for; TargetModel, Provider and Tier are
	// those that answered. Provider is a configured name.
	Model, TargetModel, Provider, Tier string
	Stream                             bool

	// Cache is "hit", "semantic", "coalesced", "miss" or "bypass", and
	// CacheReason why.
	Cache, CacheReason string
	// Reason is the routing decision's. Complexity, Quality and Task are what it
	// was made from: "low", "medium", "high"; "normal", "high", "critical"; and
	// the kind of work, such as "code". They are empty for a pinned model.
	Reason, Complexity, Quality, Task string
	// Check is what came of checking the answer: "agreed", "disputed" or
	// "unverified", "passed" where only the gateway itself has looked at it;
	// empty when nobody has.
	Check string
	// Escalated: an answer of a lower tier was given up for this one.
	Escalated bool
	// Handoff is what the higher tier was told in its place, as JSON.
	Handoff []byte
	// ErrorCode is one of the closed list of gateway codes.
	ErrorCode string

	// Attempts are in the order they were made. AddAttempt appends.
	Attempts []Attempt

	// Tokens and CostNano (nano-dollars) are the sums over Attempts. CostKnown
	// says that CostNano is the whole cost.
	Tokens    Tokens
	CostNano  int64
	CostKnown bool
	// Estimated is true when the provider did not say what it used, and
	// Tokens were counted here.
	Estimated bool

	// Duration runs from Time to the answer's last byte, FirstByte to its
	// first. Overhead is the part of Duration that no provider is to blame
	// for.
	Duration, FirstByte, Overhead time.Duration

	// BytesIn and BytesOut are of the bodies.
	BytesIn, BytesOut int64
}

// Attempt is one exchange with a provider.
type Attempt struct {
	// Time is when it began.
	Time            time.Time
	Provider, Model string
	// Tier is the target's. Role is what the attempt was for, empty for
	// "primary"; see Purpose.
	Tier, Role string
	Status     int
	// ErrorCode is empty for an attempt that answered.
	ErrorCode string
	Tokens    Tokens
	// CostNano is in nano-dollars. CostKnown says that it is the whole cost;
	// an attempt that surely cost nothing has a known cost of zero.
	CostNano  int64
	CostKnown bool
	// Duration runs to where its answer was committed and, once that has ended,
	// to its end.
	Duration time.Duration
}

// Purpose is what the attempt was for: "primary" unless Role says otherwise.
func (a *Attempt) Purpose() string {
	if a.Role == "" {
		return "primary"
	}
	return a.Role
}

// Stored reports whether the answer cost nothing, because it was stored or is
// that of another call.
func (c *Call) Stored() bool {
	return c.Cache == "hit" || c.Cache == "semantic" || c.Cache == "coalesced"
}

// Tokens counts what a provider reported. In includes CacheRead and
// CacheWrite, Out includes Reasoning.
type Tokens struct {
	In, CacheRead, CacheWrite, Out, Reasoning int64
}

// AddAttempt appends an empty attempt and returns it. The pointer is good
// until the next AddAttempt.
func (c *Call) AddAttempt() *Attempt {
	c.Attempts = append(c.Attempts, Attempt{})
	return &c.Attempts[len(c.Attempts)-1]
}

// Reset empties c for another call. It keeps the room for attempts, so that a
// pooled Call stops allocating.
func (c *Call) Reset() {
	clear(c.Attempts)
	*c = Call{Attempts: c.Attempts[:0]}
}
