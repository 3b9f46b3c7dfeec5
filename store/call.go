package store

import "time"

// Call is one row of the call log: one attempt at one provider, or one answer
// from the cache.
type Call struct {
	// ID names the row; it is unique together with Time. The spool gives one to
	// a row that has none.
	ID string
	// Time is when it began.
	Time time.Time
	// RequestID is the call's that it was made for.
	RequestID string

	Tenant, Project, User, KeyID string
	// Conversation is empty when none was named.
	Conversation string
	// Op is the operation: "chat", "embedding" ...; Role what the call was for:
	// "primary", "escalation", "reviewer", "arbiter", "summary", and "plan" and "step" of the
	// code agent.
	Op, Role string
	// Layer is the tier, Model the target's id.
	Layer, Provider, Model string
	// Status is HTTP's, Error a code of the closed list or empty.
	Status int
	Error  string
	// Cached: it was answered from the cache, at no cost.
	Cached bool

	InputTokens, CacheReadTokens, CacheWriteTokens int64
	OutputTokens, ReasoningTokens                  int64
	// CostNano is in nano-dollars. CostKnown says that it is the whole cost,
	// Estimated that the tokens were counted here.
	CostNano             int64
	CostKnown, Estimated bool
	// Duration runs to the end of the attempt's answer.
	Duration time.Duration
	// Decision is the routing decision as JSON; nil without one.
	Decision []byte
	// Request and Answer are the bodies; nil unless they are to be logged.
	Request, Answer []byte
}

// SumQuery says which calls are added up.
type SumQuery struct {
	Tenant string
	// By is "model", "layer", "day", "project", "user", or empty for one row.
	By string
	// Conversation, where it is set, leaves only its calls.
	Conversation string
	// From and To bound Time, To exclusively. Zero means no bound.
	From, To time.Time
}

// Sum is what some calls add up to.
type Sum struct {
	// Value is the model, layer, day (2006-01-02, UTC) ... that they share.
	Value                     string
	Calls, Cached             int64
	InputTokens, OutputTokens int64
	CostNano                  int64
}

// Rule is a routing rule of a tenant.
type Rule struct {
	Tenant, ID string
	// Project is the one that it holds for; empty means every one.
	Project string
	// Body is the rule as a JSON object.
	Body             []byte
	Enabled          bool
	Created, Updated time.Time
}

// Claim is a request for an idempotency key.
type Claim struct {
	Tenant, Key string
	// Digest is the request's.
	Digest [32]byte
	// Owner names this attempt to hold the key.
	Owner string
	// Expires is when the claim is free again if nothing becomes of it.
	Expires time.Time
}

// Answer is what a request with an idempotency key got.
type Answer struct {
	Status int
	// Header are the lines that matter, each ending in CRLF.
	Header []byte
	Body   []byte
}
