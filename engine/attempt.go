package engine

import (
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/ai-mcp-gateway/gateway/translate"
	"github.com/ai-mcp-gateway/gateway/upstream"
)

// attempt tries the targets of r until one answers. A failure before the first
// event goes on to the next target, at once; when all have failed, one whose
// failure may pass is tried again. All of it happens within Config.Total.
func (e *Engine) attempt(c *Call, r *route) *translate.Error {
	e.retries.call()
	c.deadline = c.Start.Add(c.state.config.Upstream.Total)
	if !c.until.IsZero() && c.until.Before(c.deadline) {
		c.deadline = c.until
	}
	c.before = c.Attempts()
	now := time.Now()
	var again failure
	var last *translate.Error
	for _, t := range c.order(r, now) {
		if c.tries() >= maxAttempts || now.After(c.deadline) {
			break
		}
		if t == c.hedged || !r.offers(t, c.Op) || !c.fits(t) {
			continue
		}
		tried, err := e.tryTarget(c, r, t, now)
		if !tried {
			continue
		}
		if err == nil || !failsOver(err) {
			return err
		}
		if last = err; again.target == nil && transient(err) {
			again = failure{t, c.said.wait}
		}
		now = time.Now()
	}
	if again.target != nil && !c.internal { // a review that fails is done without
		if err := e.retry(c, r, again); err == nil || !failsOver(err) {
			return err
		} else if err != errNotTried {
			last = err
		}
	}
	last = e.verdict(c, r, last)
	last.Attempts = c.Attempts()
	return last
}

// verdict is what the caller is told when no target has answered; last is what
// the last one said that was asked.
func (e *Engine) verdict(c *Call, r *route, last *translate.Error) *translate.Error {
	now := time.Now()
	if limited := r.rateLimited(c.Op, now); limited != nil {
		return limited
	}
	if last != nil {
		return last
	}
	if c.most != noLimit && !slices.ContainsFunc(r.targets, c.fits) {
		return tooDear()
	}
	for _, t := range r.targets {
		if r.offers(t, c.Op) && t.key(now) < 0 {
			return &translate.Error{Code: translate.ProviderAuth, Message: "the provider refuses the gateway's credentials"}
		}
	}
	return e.unreachable(r, c)
}

// tryTarget asks t for an answer and, when its first event is late, another
// target besides. It returns false when t may not be asked now.
func (e *Engine) tryTarget(c *Call, r *route, t *target, now time.Time) (tried bool, err *translate.Error) {
	h := e.arm(c, r, t, now)
	if h == nil {
		return e.tryKeys(c, t, now)
	}
	defer h.disarm() // also in a panic
	if tried, err = e.tryKeys(c, t, now); tried {
		err = h.finish(err)
	}
	return tried, err
}

// tryKeys makes one attempt with each key of the target's provider that is not
// set aside, until one is accepted.
func (e *Engine) tryKeys(c *Call, t *target, now time.Time) (tried bool, err *translate.Error) {
	for c.tries() < maxAttempts {
		key := t.key(now)
		if key < 0 {
			break
		}
		pass, ok := t.breaker.Allow(now)
		if !ok {
			break
		}
		tried = true
		if err = e.try(c, t, key, pass, now); err == nil || !turnedAway(err) {
			break
		}
		now = time.Now()
	}
	return tried, err
}

// try makes one attempt, which starts now, and records it.
func (e *Engine) try(c *Call, t *target, key int, pass upstream.Pass, now time.Time) *translate.Error {
	a := c.Record.AddAttempt()
	a.Time, a.Tier, a.Role = now, t.tier, c.Role
	a.Provider, a.Model, a.Status = t.provider.config.Name, t.id, http.StatusOK
	c.said = said{}
	x := upstream.AcquireExchange()
	t.enter()
	kept, judged := false, false
	defer func() { // also in a panic
		if !kept {
			x.Close()
		}
		if c.direct == nil { // else it is under way until the stream is closed
			t.leave()
		}
		if !judged {
			t.breaker.Abandon(pass)
		}
	}()
	err := e.exchange(c, t, t.provider.keys[key], x)
	a.Duration = time.Since(now)
	c.waited += a.Duration
	kept, judged = err == nil, true
	t.judge(err, key, pass, c.said)
	lost := err != nil && err.Code == translate.CallerGone && c.cancel.Cause() == upstream.CauseLost
	switch pace := t.pace(c.Request.Stream); {
	case t.watched && err == nil:
		pace.observe(a.Duration, now.Add(a.Duration))
	case t.watched && lost:
		pace.giveUp(a.Duration, now.Add(a.Duration))
	}
	if err != nil {
		a.Status, a.ErrorCode, a.CostKnown = err.HTTPStatus(), err.Code.String(), true
		if lost {
			a.ErrorCode = lostCode
		}
		return err
	}
	c.took(t, c.Attempts()-1)
	return nil
}

// tries is how many attempts were made at the answer that is under way.
func (c *Call) tries() int { return c.Attempts() - c.before }

// took notes whose answer it is, and which attempt gave it.
func (c *Call) took(t *target, attempt int) {
	c.target, c.answering = t, attempt
	c.Record.TargetModel, c.Record.Provider, c.Record.Tier = t.id, t.provider.config.Name, t.tier
}

// exchange sends the call to t and reads the answer up to where it is
// committed. On success it owns x through the call's answer.
func (e *Engine) exchange(c *Call, t *target, key *credential, x *upstream.Exchange) *translate.Error {
	size, err := c.prepare(t)
	if err != nil {
		return err
	}
	c.writeHead(t, key)
	c.wire = upstream.Request{Head: c.head, Body: c.segments, BodyLen: size, Deadline: c.deadline}
	if err := x.Do(t.provider.endpoint, &c.cancel, &c.wire); err != nil {
		return c.failed(t, err)
	}
	c.pass(&x.Head)
	if x.Status != 200 {
		return c.refused(t, x)
	}
	return c.open(t, x)
}

// prepare writes the request for t: the client's own with a few edits where
// it passes through, else one in the provider's dialect.
func (c *Call) prepare(t *target) (size int, err *translate.Error) {
	c.dialect = t.provider.passage(c.Op)
	r, err := c.asks(t)
	if err != nil {
		return 0, err
	}
	if c.dialect != nil && !c.mixed(r) && !c.adapted(t) {
		c.bridge.wire, c.bridge.drops = nil, nil
		c.plan.Reset()
		c.dialect.Prepare(&c.plan, r, c.Op, t.model, t.asksUsage())
		c.segments = c.plan.Segments(c.segments[:0], r.Body)
		return c.plan.Size(r.Body), nil
	}
	c.dialect = c.bridge.client
	if err := c.translated(t, r); err != nil {
		return 0, err
	}
	c.segments = append(c.segments[:0], c.bridge.body)
	return len(c.bridge.body), nil
}

// writeHead writes the request line and the header lines.
func (c *Call) writeHead(t *target, key *credential) {
	op := c.Op
	if c.bridge.wire != nil {
		op = asked(op)
	}
	if t.provider.fixed {
		c.head = append(c.head[:0], key.heads[op]...)
	} else {
		v := c.envelope(t, key, op)
		c.head = t.provider.wire.AppendHead(c.head[:0], &v)
	}
	if len(c.Traceparent) > 0 {
		c.head = append(append(append(c.head, "traceparent: "...), c.Traceparent...), "\r\n"...)
	}
}

// failed turns an exchange's error into what the caller is told, and logs its
// cause.
func (c *Call) failed(t *target, err error) *translate.Error {
	if errors.Is(err, upstream.ErrCanceled) {
		return c.canceled()
	}
	var known *upstream.Error
	if !errors.As(err, &known) {
		panic("BUG: upstream error of an unknown type: " + err.Error())
	}
	c.engine.options.Log.Warn("attempt failed", "request_id", c.Record.RequestID,
		"target", t.id, "code", known.Code.String(), "cause", known.Cause.Error())
	return &translate.Error{Code: known.Code, Message: failureText(known.Code)}
}

// canceled is the error of a call that its client or a shutdown ended.
func (c *Call) canceled() *translate.Error { return gone(&c.cancel) }

func failureText(code translate.Code) string {
	switch code {
	case translate.ProviderTimeout:
		return "the provider did not answer in time"
	case translate.ProviderTLS:
		return "no secure connection to the provider could be made"
	case translate.ProviderBadResponse:
		return "the provider's answer could not be understood"
	case translate.ProviderTooLarge:
		return "the provider's answer is too large"
	case translate.ProviderTruncated:
		return "the provider's answer ended early"
	case translate.ProviderReset:
		return "the provider broke the connection"
	case translate.ProviderStalled:
		return "the provider's answer stalled"
	case translate.GatewayOverloaded:
		return "the gateway is out of file descriptors"
	default:
		return "the provider could not be reached"
	}
}

// failsOver reports whether another target may do better than err.
func failsOver(err *translate.Error) bool {
	switch err.Code {
	case translate.ProviderRejected, translate.GatewayStopping, translate.GatewayOverloaded:
		return false
	case translate.CallerUnsupported: // by this provider
		return true
	}
	return !err.Code.CallersFault()
}

// unreachable is the error when no target may be tried now.
func (e *Engine) unreachable(r *route, c *Call) *translate.Error {
	now := time.Now()
	if until := r.cooling(now); !until.IsZero() {
		return &translate.Error{Code: translate.ProviderUnavailable, Status: 503, RetryAfter: secondsUntil(until, now), Message: "every provider of this model is set aside after failures"}
	}
	if time.Since(c.Start) > c.state.config.Upstream.Total {
		return &translate.Error{Code: translate.ProviderTimeout, Message: "no provider answered in time"}
	}
	return translate.Errorf(translate.CallerInvalidField, "model", "no model behind %.64q can do this operation", r.name)
}

// rateLimited is the error when rate limits keep every target of r away, with
// the time until the first may be tried again; else nil.
func (r *route) rateLimited(op translate.Op, now time.Time) *translate.Error {
	until := r.limited(op, now)
	if until.IsZero() {
		return nil
	}
	return &translate.Error{Code: translate.ProviderRateLimited, Message: "the provider's rate limit is reached", RetryAfter: secondsUntil(until, now)}
}

// turnedAway reports whether the provider wants no calls with this key, so that
// another one may do.
func turnedAway(err *translate.Error) bool {
	return err.Code == translate.ProviderAuth || err.Code == translate.ProviderRateLimited
}

// secondsUntil rounds up, and is never zero.
func secondsUntil(t, now time.Time) int { return max(0, int(t.Sub(now)/time.Second)) + 1 }
