// Package engine is the life of one call: look it up, decide on targets,
// attempt them in order, relay the answer, settle its cost.
//
// A face (HTTP today) acquires a Call, and the engine answers it. Everything
// that an answer needs is decided before its first byte: from then on nothing
// is retried, and what fails ends in the dialect's error event.
package engine

import (
	"context"
	"crypto/x509"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/ai-mcp-gateway/gateway/cache"
	"github.com/ai-mcp-gateway/gateway/conversation"
	"github.com/ai-mcp-gateway/gateway/internal/fetch"
	"github.com/ai-mcp-gateway/gateway/telemetry"
	"github.com/ai-mcp-gateway/gateway/translate"
)

// remote is the response cache that instances share.
type remote interface {
	Get(ctx context.Context, model string, k cache.Key) (*cache.Entry, error)
	Put(model string, k cache.Key, e *cache.Entry)
}

// Options are the parts that the engine works with.
type Options struct {
	// Dialects that are known. A provider of another one is left out.
	Dialects Dialects
	// Remote is the shared response cache; nil without one.
	Remote remote
	// Responses keeps the answers that Responses clients go on from.
	Responses responseStore
	// Ledger takes the rows of the call log; nil keeps none.
	Ledger ledger
	// Conversations attaches calls to theirs; nil leaves them as they are.
	Conversations *conversation.Manager
	// Background hears of the calls that the engine makes of its own accord,
	// when they are over; nil hears nothing.
	Background func(r *telemetry.Call)
	// Roots verify providers' certificates; nil takes the system's.
	Roots *x509.CertPool
	Log   *slog.Logger
}

// Engine answers calls. It is safe for concurrent use.
type Engine struct {
	options Options
	state   atomic.Pointer[state]
	flights flights
	retries budget
	hedges  budget
	seen    experience
}

// state is what a reload swaps.
type state struct {
	config Config
	table  *table
	memory *cache.Memory // nil when the cache is disabled
	// fetcher gets media by URL; nil when that is off.
	fetcher *fetch.Fetcher
}

// New returns an engine for cfg.
func New(cfg Config, options Options) (*Engine, error) {
	e := &Engine{options: options}
	e.flights.init()
	e.retries.most, e.hedges.most = maxRetryPoints, maxHedgePoints
	e.retries.percent.Store(retryPercent)
	e.retries.points.Store(maxRetryPoints)
	return e, e.Reload(cfg)
}

// Reload makes cfg the configuration of all calls that start from now on.
// Calls under way end with the old one. On error nothing changes.
func (e *Engine) Reload(cfg Config) error {
	old := e.state.Load()
	next := &state{config: cfg}
	var before *table
	if old != nil {
		before = old.table
	}
	var err error
	if cfg.Fetch.Enabled {
		if next.fetcher, err = fetch.New(cfg.Fetch, e.options.Roots); err != nil {
			return err
		}
	}
	if next.table, err = compile(&cfg, &e.options.Dialects, e.options.Roots, before); err != nil {
		return err
	}
	if cfg.Cache.Enabled {
		if old != nil && old.memory != nil && old.config.Cache.Memory == cfg.Cache.Memory {
			next.memory = old.memory
		} else {
			next.memory = cache.NewMemory(cfg.Cache)
		}
	}
	e.hedges.percent.Store(int64(cfg.Routing.Hedge.Extra))
	e.state.Store(next)
	if before != nil {
		before.close(next.table)
	}
	return nil
}

// Close closes idle connections. Calls under way are the faces' to end.
func (e *Engine) Close() { e.state.Load().table.close(nil) }

// Models lists what a client may name, in order.
func (e *Engine) Models() []Model { return e.state.Load().table.catalogue }

// Memory is the in-process response cache, or nil when disabled.
func (e *Engine) Memory() *cache.Memory { return e.state.Load().memory }

// ProviderStates calls f for each provider, in configuration order, with "up",
// "cooling" (some of it is set aside for a while), "down" (no key is accepted,
// or everything that was tried goes on failing) or "unknown" (not called yet).
func (e *Engine) ProviderStates(f func(name, state string)) {
	s, now := e.state.Load(), time.Now()
	for _, pc := range s.config.Providers {
		if p := s.table.providers[pc.Name]; p != nil {
			f(pc.Name, p.state(s.table, now))
		}
	}
}

// Do finds the answer to c. On nil the answer is ready to be written: the
// first event of a stream has arrived and parsed. An error is what the caller
// is told; nothing has been written.
func (e *Engine) Do(c *Call) *translate.Error {
	err := e.answer(c)
	if err == nil && !c.Pending() {
		c.settleTurn(false)
	}
	if err != nil || !c.Pending() {
		c.account(err)
	}
	return err
}

// noModel is what the caller is told when nothing serves the model.
func noModel() *translate.Error {
	return &translate.Error{
		Code:    translate.CallerModelNotFound,
		Message: "the model does not exist or no configured provider serves it; GET /v1/models lists what does",
		Param:   "model",
	}
}

func (e *Engine) answer(c *Call) *translate.Error {
	s := e.state.Load()
	c.engine, c.state = e, s
	c.bridge.client = e.options.Dialects.clients[speaks(c.Op)]
	r := c.route
	if r == nil {
		r = s.table.resolve(c.Request.Model, c.TierHint)
	}
	if r == nil {
		return noModel()
	}
	c.Record.Reason = r.reason
	if err := c.limit(); err != nil {
		return err
	}
	if r.auto && itemsField(c.Op) != translate.FieldNone {
		var err *translate.Error
		if r, err = c.decide(r); err != nil {
			return err
		}
	}
	if err := c.attach(r); err != nil {
		return err
	}
	r = c.goesOn(r)
	if c.Op == translate.OpResponses {
		if err := c.recall(); err != nil {
			return err
		}
	}
	if c.Op == translate.OpCountTokens {
		return e.count(c, r)
	}
	if s.memory == nil {
		c.Record.Cache, c.Record.CacheReason = "bypass", "disabled"
		return e.solve(c, r)
	}
	return e.doCached(c, r)
}
