package engine

import (
	"fmt"
	"runtime/debug"
	"slices"
	"sync/atomic"
	"time"

	"github.com/ai-mcp-gateway/gateway/translate"
	"github.com/ai-mcp-gateway/gateway/upstream"
)

const (
	// leastLate keeps hedges away from answers that come too soon for the
	// timer to tell one from another.
	leastLate = 5 * time.Millisecond
	// lostCode and lostStatus are those of an attempt that another one was
	// quicker than. No caller sees them.
	lostCode   = "hedge_lost"
	lostStatus = 499
)

// hedge is a second attempt at a call whose first one is late. The first runs
// in the call's own goroutine, with the call itself; the second in the timer's,
// with a call of its own that nobody else sees. Whichever has its first event
// first wins and cancels the other. Both are over before the call goes on, so
// that what they have borrowed is not used behind its back.
type hedge struct {
	first, second *Call
	rank          *rank
	slow          *target // the first's
	again         time.Duration
	timer         *time.Timer
	phase         atomic.Uint32
	winner        atomic.Uint32
	over          bool // the second is, or never began

	// Written by the second; good when done is closed.
	done     chan struct{}
	target   *target
	tried    bool
	err      *translate.Error
	panicked any
}

// The phases of the second attempt.
const (
	hedgeWaiting = iota // for its time to come
	hedgeAsking
	hedgeOff // the first has ended before
)

// Who has won.
const (
	wonNobody = iota
	wonFirst
	wonSecond
)

// arm prepares a second attempt for when the one at t is late; nil when there
// can't be one. A Responses call gets none: it may leave something behind at
// its provider.
func (e *Engine) arm(c *Call, r *route, t *target, now time.Time) *hedge {
	if len(r.ranks) == 0 || c.hedged != nil || c.Op == translate.OpResponses || c.most != noLimit || !c.state.config.Routing.Hedge.Enabled {
		return nil
	}
	k := r.rankOf(t)
	late := t.pace(c.Request.Stream).lateAfter()
	if !k.alike || late == 0 {
		return nil
	}
	h := &hedge{first: c, second: AcquireCall(c.Start), rank: k, slow: t, done: make(chan struct{})}
	if !c.cancel.Join(&h.second.cancel) {
		h.second.Release()
		return nil
	}
	e.hedges.call()
	h.second.copies(c)
	late = max(late, leastLate)
	h.again = late / 2
	h.timer = time.AfterFunc(late-time.Since(now), h.run)
	return h
}

// rankOf returns the rank that t is in.
func (r *route) rankOf(t *target) *rank {
	i := slices.IndexFunc(r.ranks, func(k rank) bool { return slices.Contains(k.targets, t) })
	return &r.ranks[i]
}

// copies makes c ask for what other asks for.
func (c *Call) copies(other *Call) {
	c.Op, c.Request, c.Caller, c.Control, c.Traceparent = other.Op, other.Request, other.Caller, other.Control, other.Traceparent
	c.Version, c.Betas, c.Strict, c.Role = other.Version, other.Betas, other.Strict, other.Role
	c.Record.RequestID = other.Record.RequestID
	c.bridge.client = other.bridge.client
	c.engine, c.state, c.deadline = other.engine, other.state, other.deadline
	c.scope, c.key, c.keyed, c.pool = other.scope, other.key, other.keyed, other.pool
	c.routed, c.most = other.routed, other.most
}

// run is the second attempt. The fewer of them may be made the longer it waits:
// many calls are a little late and few are very late, and those that may be
// made should go to these.
func (h *hedge) run() {
	defer close(h.done)
	defer func() {
		if p := recover(); p != nil {
			h.panicked = fmt.Sprintf("%v, in a second attempt:\n%s", p, debug.Stack())
		}
	}()
	s := h.second
	for reserve := int64(maxHedgePoints / 2); !s.engine.hedges.take(reserve); reserve /= 2 {
		if !s.cancel.Sleep(h.again) {
			return
		}
	}
	now := time.Now()
	h.target = h.standIn(now)
	if h.target == nil || !h.phase.CompareAndSwap(hedgeWaiting, hedgeAsking) {
		s.engine.hedges.giveBack()
		return
	}
	h.tried, h.err = s.engine.tryKeys(s, h.target, now)
	if h.tried && h.err == nil && h.winner.CompareAndSwap(wonNobody, wonSecond) {
		h.first.cancel.Cancel(upstream.CauseLost)
	}
}

// standIn chooses a target in place of the slow one: one that is well, not one
// that has to be probed.
func (h *hedge) standIn(now time.Time) *target {
	var able []*target
	for _, t := range h.rank.targets {
		if t != h.slow && t.serves(h.second.Op) && t.breaker.Closed() && t.key(now) >= 0 {
			able = append(able, t)
		}
	}
	if len(able) == 0 {
		return nil
	}
	if h.rank.balance != "" {
		h.rank.arrange(able, h.second.Request.Stream, now)
	}
	return able[0]
}

// finish takes the outcome of the first attempt and returns that of both.
func (h *hedge) finish(err *translate.Error) *translate.Error {
	c := h.first
	if err == nil || !failsOver(err) {
		if h.winner.CompareAndSwap(wonNobody, wonFirst) {
			h.end()
			h.account()
			return err
		}
	} else if h.phase.CompareAndSwap(hedgeWaiting, hedgeOff) {
		h.end()
		return err
	}
	waits := time.Now()
	<-h.done // the second one decides
	h.over = true
	c.waited += time.Since(waits)
	if h.winner.Load() == wonSecond {
		return c.adopt(h.second)
	}
	h.account()
	if h.tried && !failsOver(h.err) {
		return h.err
	}
	return err
}

// end cancels the second attempt and waits until it is over.
func (h *hedge) end() {
	if !h.over && !h.timer.Stop() {
		h.second.cancel.Cancel(upstream.CauseLost)
		<-h.done
	}
	h.over = true
}

// account enters the attempts of the second, which has not won, into the
// call's record: before the last of the first, which may be the one that
// answers.
func (h *hedge) account() {
	if !h.tried || h.panicked != nil {
		return
	}
	c, s := h.first, h.second
	c.hedged = h.target
	s.lose()
	last := len(c.Record.Attempts) - 1
	c.Record.Attempts = slices.Insert(c.Record.Attempts, last, s.Record.Attempts...)
	if c.answering == last {
		c.answering += len(s.Record.Attempts)
	}
	c.total()
}

// disarm ends the second attempt, whatever has become of the first, and gives
// back what it had. A panic of the second's goes on here.
func (h *hedge) disarm() {
	h.winner.CompareAndSwap(wonNobody, wonFirst) // the first has panicked
	h.end()
	h.first.cancel.Part()
	if h.panicked != nil {
		panic(h.panicked)
	}
	s := h.second
	s.lose()
	s.Request = translate.Request{} // it shares its memory with the first's
	s.Release()
}

// lose gives up the answer of an attempt that is not the one to be relayed. It
// is charged for what its provider has reported, if it has.
func (c *Call) lose() {
	if len(c.Record.Attempts) == 0 {
		return
	}
	a := &c.Record.Attempts[len(c.Record.Attempts)-1]
	if a.ErrorCode == "" {
		a.Status, a.ErrorCode = lostStatus, lostCode
	}
	switch {
	case c.direct != nil:
		s := c.direct
		c.direct = nil
		if a.CostKnown = true; s.metered.tokens.Known {
			c.settle(s.t, &s.metered.tokens)
		}
		s.close()
	case c.body != nil:
		c.body.Release()
		c.body = nil
	}
	c.entry, c.pieces = nil, [3][]byte{}
}

// adopt makes the answer of s, which has won, that of c.
func (c *Call) adopt(s *Call) *translate.Error {
	c.lose()
	c.cancel.Part()
	r := &c.Record
	r.Attempts = append(r.Attempts, s.Record.Attempts...)
	r.Estimated = s.Record.Estimated
	c.took(s.target, c.Attempts()-1)
	c.total()
	c.read = s.read
	c.dialect, c.scope, c.key, c.keyed = s.dialect, s.scope, s.key, s.keyed
	c.bridge.wire, c.bridge.drops = s.bridge.wire, s.bridge.drops
	c.head, s.head = s.head, c.head // pieces may lie in it
	c.passed, s.passed = s.passed, c.passed
	c.body, c.entry, c.pieces, c.direct = s.body, s.entry, s.pieces, s.direct
	s.body, s.entry, s.pieces, s.direct = nil, nil, [3][]byte{}, nil
	s.Record.Attempts = s.Record.Attempts[:0]
	if c.direct == nil {
		return nil
	}
	c.direct.x.Detach()
	if c.direct.x.Attach(&c.cancel) != nil {
		c.lose()
		return c.canceled()
	}
	return nil
}
