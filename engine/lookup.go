package engine

import (
	"context"
	"strings"
	"time"

	"github.com/ai-mcp-gateway/gateway/cache"
	"github.com/ai-mcp-gateway/gateway/translate"
)

// doCached answers c from the cache, from an identical call under way, or by
// an attempt whose answer it stores.
func (e *Engine) doCached(c *Call, r *route) *translate.Error {
	s := c.state
	if c.Control.NoStore {
		c.Record.Cache, c.Record.CacheReason = "bypass", "no-store"
		return e.solve(c, r)
	}
	c.identify(r)
	c.Record.Cache, c.Record.CacheReason = "miss", "no-cache"
	if !c.Control.NoCache {
		if e.served(c) {
			return nil
		}
		c.Record.CacheReason = "absent"
	}
	if c.Control.OnlyIfCached {
		return &translate.Error{Code: translate.PolicyOnlyIfCached, Message: "only-if-cached was asked for and no stored answer matches"}
	}
	if !s.config.Cache.Coalesce || c.Control.NoCache {
		return e.lead(c, r, e.flights.alone(flightKey{c.key, c.Request.Stream}), false)
	}
	return e.share(c, r)
}

// identify computes the key under which c's answer would be stored: that of
// the first target that would be tried now, or of all that might be. An answer
// that another target gives in the end is stored under that one's.
func (c *Call) identify(r *route) {
	c.scope = cache.Scope{Tenant: c.Caller.Tenant, Dialect: speaks(c.Op), Op: c.Op.String()}
	c.scope.Model, c.pool = r.identity(c.Op, c.Start)
	if c.reviewed() {
		c.scope.Model, c.pool = c.scope.Model+checkedMark, nil
	}
	switch c.state.config.Cache.Scope {
	case "project":
		c.scope.Tenant += "\x00" + c.Caller.Project
	case "user":
		c.scope.Tenant += "\x00" + c.Caller.Project + "\x00" + c.Caller.User
	}
	c.key, c.keyed = c.sum(), true
}

// checkedMark tells the answers that were looked at from those of the same model
// that were not: it may also be a higher tier's.
const checkedMark = "+checked"

// sum is the key for c's scope. Only one that the shared cache gets as well
// needs a hash that means the same everywhere.
func (c *Call) sum() cache.Key {
	if c.engine.options.Remote != nil {
		return cache.Sum(&c.scope, c.Request.Body)
	}
	return cache.SumLocal(&c.scope, c.Request.Body)
}

// lookup finds a stored answer that is fresh enough, in the form that c asks
// for: in memory, then in the shared cache. One in the other form is converted.
func (e *Engine) lookup(c *Call) *cache.Entry {
	stream, memory := c.Request.Stream, c.state.memory
	entry := memory.Get(c.key, stream, c.Start)
	if entry == nil && e.options.Remote != nil {
		found, err := e.options.Remote.Get(context.Background(), c.scope.Model, c.key)
		if err != nil || found == nil {
			return nil // an error is counted there, and is a miss here
		}
		entry = found
		memory.Put(c.key, entry)
	}
	if entry == nil || (c.Control.MaxAge >= 0 && c.Start.Sub(entry.Stored) > c.Control.MaxAge) {
		return nil
	}
	if entry.Stream != stream {
		if entry = convert(c, entry); entry != nil {
			memory.Put(c.key, entry)
		}
	}
	return entry
}

// convert turns a stored answer into the other form; nil when that can't be
// done faithfully.
func convert(c *Call, from *cache.Entry) *cache.Entry {
	d := c.bridge.client
	var body []byte
	var usage translate.Span
	var ok bool
	if from.Stream {
		body, ok = d.AppendAnswer(nil, from.Body, c.Op)
	} else {
		body, usage, ok = d.AppendStream(nil, from.Body, c.Op)
	}
	if !ok {
		return nil
	}
	return from.Converted(body, usage.Start, usage.End)
}

// served serves a stored answer, if there is one. It costs nothing.
func (e *Engine) served(c *Call) bool {
	entry := e.lookup(c)
	if entry == nil {
		return false
	}
	c.Record.Cache, c.Record.CacheReason = "hit", ""
	c.dialect = c.bridge.client
	c.keyed = false
	c.Record.TargetModel, c.Record.Provider, c.Record.Tier = entry.Model, entry.Provider, entry.Tier
	c.Record.CostNano, c.Record.CostKnown = 0, true
	c.serve(entry)
	return true
}

// share makes the attempt, or waits for the identical call that is making it.
// When that call is cancelled before it has an answer, one of those who
// waited makes the next attempt.
func (e *Engine) share(c *Call, r *route) *translate.Error {
	for again := false; ; again = true {
		f, first := e.flights.join(flightKey{c.key, c.Request.Stream})
		if first {
			return e.lead(c, r, f, again)
		}
		if !f.wait(&c.cancel) {
			f.leave()
			return c.canceled()
		}
		if f.refused == nil || f.refused.Code != translate.CallerGone {
			return c.follow(f)
		}
		f.leave()
	}
}

// errAbandoned is what waiting calls get when the one they wait for panics.
var errAbandoned = &translate.Error{Code: translate.GatewayInternal, Message: "the shared attempt failed"}

// lead makes the attempt for everybody in f, and stores a plain answer. A
// stream is stored when it has ended. A call that has waited for another looks
// it up again: a third may have been quicker to start over, and be done.
func (e *Engine) lead(c *Call, r *route, f *flight, again bool) (err *translate.Error) {
	err = errAbandoned
	defer func() { // also in a panic: the others must not wait for ever
		f.settle(c, err)
		if err != nil || c.direct == nil {
			f.leave()
			return
		}
		c.flight, c.direct = f, nil
	}()
	if again && e.served(c) {
		return nil
	}
	if err = e.solve(c, r); err == nil && c.entry != nil && c.keyed {
		c.store(c.entry)
	}
	return err
}

// follow takes the outcome of another call's attempt.
func (c *Call) follow(f *flight) *translate.Error {
	c.Record.Cache, c.Record.CacheReason = "coalesced", ""
	if err := f.refused; err != nil {
		f.leave()
		return err
	}
	c.dialect, c.follower = c.bridge.client, true
	c.Record.TargetModel, c.Record.Provider, c.Record.Tier = f.leader.model, f.leader.provider, f.leader.tier
	c.Record.CostNano, c.Record.CostKnown = 0, true
	if entry := f.entry; entry != nil {
		f.leave()
		c.serve(entry)
		return nil
	}
	c.flight = f
	return nil
}

// store puts an answer into the cache, under the model that gave it.
func (c *Call) store(entry *cache.Entry) {
	e, s := c.engine, c.state
	c.keyed = false
	if !c.pooled(entry.Model) && !c.reviewed() {
		c.scope.Model = entry.Model
		c.key = c.sum()
	}
	entry.Expires = entry.Stored.Add(s.config.Cache.TTL)
	s.memory.Put(c.key, entry)
	if e.options.Remote != nil {
		e.options.Remote.Put(c.scope.Model, c.key, entry)
	}
}

// newEntry is what the cache keeps of an answer; it owns body. The usage span
// is that of a stream's usage event.
func (c *Call) newEntry(t *target, body []byte, stream bool, usage translate.Span) *cache.Entry {
	return &cache.Entry{
		Body: body, Stream: stream, UsageStart: usage.Start, UsageEnd: usage.End,
		Model: t.id, Provider: t.provider.config.Name, Tier: t.tier,
		CostNano: c.Record.CostNano, Stored: time.Now(), Dropped: strings.Join(c.bridge.drops, ", "),
	}
}

// complete reports whether an answer that finished so may be stored: nothing
// that was cut or filtered.
func (c *Call) complete(f translate.Finish) bool {
	return f == translate.FinishStop || f == translate.FinishTools || (f == translate.FinishNone && c.Op == translate.OpEmbedding)
}
