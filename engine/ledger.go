package engine

import (
	"time"

	"github.com/ai-mcp-gateway/gateway/store"
	"github.com/ai-mcp-gateway/gateway/telemetry"
	"github.com/ai-mcp-gateway/gateway/translate"
)

// ledger is where the rows of the call log go. What they refer to is the
// engine's again when Put returns, which must not take long: it is called
// before the end of an answer is released.
type ledger interface {
	Put(rows []store.Call)
}

// account enters the call into the ledger, once: a row for each attempt and,
// for an answer that none of them gave (it was stored, or is another call's),
// one that cost nothing. failure is what the answer ended with, nil when it
// ended well. It comes before the end of the answer is released: of a stream,
// before its last event.
func (c *Call) account(failure *translate.Error) {
	if c.accounted || c.engine == nil {
		return
	}
	c.accounted = true
	l, r := c.engine.options.Ledger, &c.Record
	if l == nil {
		return
	}
	end := ""
	if failure != nil && failure.Code == translate.CallerGone {
		failure = c.canceled()
	}
	if failure != nil {
		end = failure.Code.String()
	}
	c.explain()
	for i := range r.Attempts {
		row := c.row(&r.Attempts[i])
		if i == c.answering && row.Error == "" {
			row.Estimated, row.Error = r.Estimated, end
		}
	}
	if c.follower || c.entry != nil && r.Stored() {
		row := c.row(&telemetry.Attempt{
			Time: c.Start, Provider: r.Provider, Model: r.TargetModel, Tier: r.Tier, Role: c.Role,
			Status: 200, CostKnown: true, Duration: time.Since(c.Start),
		})
		row.Cached, row.Error = true, end
	}
	if len(c.rows) > 0 {
		l.Put(c.rows)
		clear(c.rows)
		c.rows = c.rows[:0]
	}
}

// row adds the row of an attempt.
func (c *Call) row(a *telemetry.Attempt) *store.Call {
	r, who := &c.Record, c.Caller
	c.rows = append(c.rows, store.Call{
		Time: a.Time, RequestID: r.RequestID,
		Tenant: who.Tenant, Project: who.Project, User: who.User, KeyID: who.KeyID,
		Conversation: r.Conversation, Op: r.Op, Role: a.Purpose(), Layer: a.Tier, Provider: a.Provider, Model: a.Model,
		Status: a.Status, Error: a.ErrorCode,
		InputTokens: a.Tokens.In, CacheReadTokens: a.Tokens.CacheRead, CacheWriteTokens: a.Tokens.CacheWrite,
		OutputTokens: a.Tokens.Out, ReasoningTokens: a.Tokens.Reasoning,
		CostNano: a.CostNano, CostKnown: a.CostKnown, Duration: a.Duration, Decision: c.decision,
	})
	return &c.rows[len(c.rows)-1]
}

// explain writes the routing decision and what the cache did as JSON.
func (c *Call) explain() {
	r := &c.Record
	c.decision = append(c.decision[:0], '{')
	for _, f := range [...]struct{ name, value string }{
		{`"model":`, r.Model},
		{`"reason":`, r.Reason},
		{`"complexity":`, r.Complexity},
		{`"quality":`, r.Quality},
		{`"task":`, r.Task},
		{`"check":`, r.Check},
		{`"cache":`, r.Cache},
		{`"cacheReason":`, r.CacheReason},
	} {
		if f.value == "" {
			continue
		}
		if len(c.decision) > 1 {
			c.decision = append(c.decision, ',')
		}
		c.text = append(c.text[:0], f.value...)
		c.decision = translate.AppendString(append(c.decision, f.name...), c.text)
	}
	if r.Escalated {
		c.decision = append(append(c.decision, `,"escalated":true,"handoff":`...), r.Handoff...)
	}
	c.decision = append(c.decision, '}')
}
