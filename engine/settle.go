package engine

import (
	"slices"
	"time"

	"github.com/ai-mcp-gateway/gateway/telemetry"
	"github.com/ai-mcp-gateway/gateway/translate"
)

// cost is the price of u on the target, in nano-dollars. Reasoning tokens are
// part of the output and priced as such; cached input has its own price. Some
// models charge more for the whole of a call with a long input.
func (t *target) cost(u *translate.Usage) (nano int64, known bool) {
	m := &t.config
	if !m.Priced || !u.Known {
		return 0, false
	}
	in, read, write, out := m.InputPrice, m.CacheReadPrice, m.CacheWritePrice, m.OutputPrice
	if m.LongAbove > 0 && u.In > int64(m.LongAbove) {
		in, read, write, out = m.LongInputPrice, m.LongCacheReadPrice, m.LongCacheWritePrice, m.LongOutputPrice
	}
	plain := max(0, u.In-u.CacheRead-u.CacheWrite)
	return plain*in + u.CacheRead*read + u.CacheWrite*write + u.Out*out, true
}

// settle records what the answer's attempt used and cost. It may be called
// again with a later report, which replaces the earlier one.
func (c *Call) settle(t *target, u *translate.Usage) {
	r := &c.Record
	a := &r.Attempts[len(r.Attempts)-1]
	a.Tokens = telemetry.Tokens{In: u.In, CacheRead: u.CacheRead, CacheWrite: u.CacheWrite, Out: u.Out, Reasoning: u.Reasoning}
	a.CostNano, a.CostKnown = t.cost(u)
	if c.Op == translate.OpCountTokens { // which no provider takes money for
		a.CostNano, a.CostKnown = 0, true
	}
	c.total()
}

// total adds up what the attempts used and cost.
func (c *Call) total() {
	r := &c.Record
	r.Tokens, r.CostNano, r.CostKnown = telemetry.Tokens{}, 0, true
	for i := range r.Attempts {
		a := &r.Attempts[i]
		r.Tokens.In += a.Tokens.In
		r.Tokens.CacheRead += a.Tokens.CacheRead
		r.Tokens.CacheWrite += a.Tokens.CacheWrite
		r.Tokens.Out += a.Tokens.Out
		r.Tokens.Reasoning += a.Tokens.Reasoning
		r.CostNano += a.CostNano
		r.CostKnown = r.CostKnown && a.CostKnown
	}
}

// price settles a stream's usage, for the call that pays for it.
func (c *Call) price(u *translate.Usage) {
	if !c.follower {
		c.settle(c.target, u)
	}
}

// Close ends the call: what it holds is given back, its cost is settled, its
// answer is stored if it is whole. A stream that has not come to its end was
// cut. It may be called again.
func (c *Call) Close() {
	if c.turn != nil && len(c.turn.stream) > 0 {
		c.settleTurn(true)
	}
	switch {
	case c.flight != nil:
		c.closeFlight()
	case c.direct != nil:
		s := c.direct
		c.direct = nil
		c.settleStream(s.t, &s.metered)
		s.close()
	case c.body != nil:
		c.body.Release()
		c.body = nil
	}
	if !c.accounted {
		c.account(c.canceled())
	}
}

// closeFlight leaves a shared stream.
func (c *Call) closeFlight() {
	if pays := c.settleFlight(); !pays && !c.accounted && !c.follower {
		c.handOver()
	}
	f := c.flight
	c.flight = nil
	f.leave()
}

// settleFlight settles a shared stream for the call that pays for it, and
// stores it when it came in whole. It may be called again, and reports whether
// it is the call that pays.
func (c *Call) settleFlight() (pays bool) {
	f := c.flight
	m, pays := f.charge(c.follower)
	switch {
	case pays && c.follower:
		c.inherit(f.src.t)
		fallthrough
	case pays:
		c.settleStream(f.src.t, &m)
	}
	if log, mark, ok := f.whole(); ok && c.keyed && c.complete(m.finish) {
		c.store(c.newEntry(f.src.t, slices.Clip(log), true, mark.event))
	}
	return pays
}

// handOver leaves the attempt to one of those who read on, so that it is
// accounted for once, by who pays for it.
func (c *Call) handOver() {
	r := &c.Record
	r.Attempts = r.Attempts[:len(r.Attempts)-1]
	c.follower = true
	c.total()
}

// inherit takes over the attempt of a call that left before its end.
func (c *Call) inherit(t *target) {
	c.follower, c.target = false, t
	a := c.Record.AddAttempt()
	a.Time, a.Tier, a.Role = c.flight.leader.began, t.tier, c.Role
	a.Provider, a.Model, a.Status = t.provider.config.Name, t.id, 200
}

// settleStream settles a stream, which may have ended before its usage came.
func (c *Call) settleStream(t *target, m *meter) {
	u, estimated := m.usage(len(c.Request.Body))
	c.settle(t, &u)
	c.Record.Estimated = estimated
	c.lasted()
}

// lasted notes how long the attempt that answers has taken, until it is
// accounted for.
func (c *Call) lasted() {
	if n := len(c.Record.Attempts); n > 0 && !c.accounted {
		a := &c.Record.Attempts[n-1]
		a.Duration = time.Since(a.Time)
	}
}
