package engine

import (
	"errors"
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/ai-mcp-gateway/gateway/translate"
	"github.com/ai-mcp-gateway/gateway/upstream"
)

// maxPause bounds how long a provider may ask to be left alone.
const maxPause = time.Minute

// attempt tries the targets of r in order until one answers. A failure before
// the first event goes on to the next target, at once; when the last one has
// failed with an error that may pass, it is tried a second time after a short
// pause. All of it happens within Config.Total.
func (e *Engine) attempt(c *Call, r *route) *translate.Error {
	e.retries.call()
	deadline := c.Start.Add(c.state.config.Upstream.Total)
	var last *translate.Error
	var failed *target
	for _, t := range r.targets {
		now := time.Now()
		if c.Attempts() >= maxAttempts || now.After(deadline) {
			break
		}
		if !r.offers(t, c.Op) || !t.breaker.Allow(now) {
			continue
		}
		err := e.tryTarget(c, t, now)
		if err == nil {
			return nil
		}
		if !passes(err) {
			return err
		}
		last, failed = err, t
	}
	switch limited := r.rateLimited(c.Op, time.Now()); {
	case limited != nil:
		last = limited
	case last == nil:
		last = e.unreachable(r, c)
	case e.retries.take(last) && pauseBeforeRetry(c, deadline):
		if err := e.tryTarget(c, failed, time.Now()); err == nil || !passes(err) {
			return err
		}
	}
	last.Attempts = c.Attempts()
	return last
}

// tryTarget makes one attempt for each key of the target's provider that is
// not set aside, until one is accepted.
func (e *Engine) tryTarget(c *Call, t *target, now time.Time) *translate.Error {
	var err *translate.Error
	for range t.provider.keys {
		key := t.provider.credential(now)
		if key == nil {
			break
		}
		err = e.try(c, t, key, now)
		if err == nil || err.Code != translate.ProviderAuth || c.Attempts() >= maxAttempts {
			break
		}
		key.pause(now)
		now = time.Now()
	}
	if err == nil && c.target != t {
		err = &translate.Error{Code: translate.ProviderAuth, Message: "the provider refuses the gateway's credentials"}
	}
	t.judge(err)
	return err
}

// judge tells the breaker how an attempt ended.
func (t *target) judge(err *translate.Error) {
	switch {
	case err == nil, err.Code == translate.ProviderRejected:
		t.breaker.Success()
		if !t.provider.served.Load() {
			t.provider.served.Store(true)
		}
	case err.Code == translate.CallerGone, err.Code == translate.GatewayStopping, err.Code == translate.GatewayOverloaded, err.Code == translate.ProviderAuth:
		t.breaker.Abandon()
	case err.Code == translate.ProviderRateLimited:
		t.breaker.Pause(time.Now().Add(pauseFor(err.RetryAfter)))
	default:
		t.breaker.Failure(time.Now())
	}
}

// try makes one attempt, which starts now, and records it.
func (e *Engine) try(c *Call, t *target, key *credential, now time.Time) *translate.Error {
	a := c.Record.AddAttempt()
	a.Provider, a.Model, a.Status = t.provider.config.Name, t.id, http.StatusOK
	x := upstream.AcquireExchange()
	kept := false
	defer func() { // also in a panic
		if !kept {
			x.Close()
		}
	}()
	err := e.exchange(c, t, key, x)
	a.Duration = time.Since(now)
	c.waited += a.Duration
	kept = err == nil
	if err != nil {
		a.Status, a.ErrorCode, a.CostKnown = err.HTTPStatus(), err.Code.String(), true
		return err
	}
	c.took(t)
	return nil
}

// took notes whose answer it is.
func (c *Call) took(t *target) {
	c.target = t
	c.Record.TargetModel, c.Record.Provider, c.Record.Tier = t.id, t.provider.config.Name, t.tier
}

// exchange sends the call to t and reads the answer up to where it is
// committed. On success it owns x through the call's answer.
func (e *Engine) exchange(c *Call, t *target, key *credential, x *upstream.Exchange) *translate.Error {
	c.dialect = t.provider.dialect
	c.plan.Reset()
	c.dialect.Prepare(&c.plan, &c.Request, c.Op, t.model, t.provider.config.StreamUsage != "never")
	c.head = append(c.head[:0], key.heads[c.Op]...)
	if len(c.Traceparent) > 0 {
		c.head = append(append(append(c.head, "traceparent: "...), c.Traceparent...), "\r\n"...)
	}
	c.segments = c.plan.Segments(c.segments[:0], c.Request.Body)
	c.wire = upstream.Request{Head: c.head, Body: c.segments, BodyLen: c.plan.Size(c.Request.Body)}
	if err := x.Do(t.provider.endpoint, &c.cancel, &c.wire); err != nil {
		return c.failed(t, err)
	}
	c.pass(&x.Head)
	if x.Status != 200 {
		return c.refused(t, x)
	}
	return c.open(t, x)
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
func (c *Call) canceled() *translate.Error {
	if c.cancel.Cause() == upstream.CauseStopping {
		return &translate.Error{Code: translate.GatewayStopping, Message: "the gateway is shutting down"}
	}
	return &translate.Error{Code: translate.CallerGone, Message: "the client closed the connection"}
}

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

// passes reports whether another target may do better than err.
func passes(err *translate.Error) bool {
	switch err.Code {
	case translate.ProviderRejected, translate.CallerGone, translate.GatewayStopping, translate.GatewayOverloaded:
		return false
	}
	return true
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

// secondsUntil rounds up, and is never zero.
func secondsUntil(t, now time.Time) int { return max(0, int(t.Sub(now)/time.Second)) + 1 }

// pauseFor clamps what a provider asked for; without a word it is a second.
func pauseFor(seconds int) time.Duration {
	if seconds <= 0 {
		return time.Second
	}
	return min(time.Duration(seconds)*time.Second, maxPause)
}

// pauseBeforeRetry waits a random 20 to 80 ms; it returns false when the call
// was cancelled or has no time left.
func pauseBeforeRetry(c *Call, deadline time.Time) bool {
	pause := 20*time.Millisecond + rand.N(60*time.Millisecond)
	if time.Now().Add(pause).After(deadline) {
		return false
	}
	return c.cancel.Sleep(pause)
}

// retryBudget keeps retries of the same target to a tenth of the calls, so
// that a failing provider is not hit by more than its own traffic.
type retryBudget struct{ tenths atomic.Int64 }

const maxRetryTenths = 100

func (b *retryBudget) init() { b.tenths.Store(maxRetryTenths) }

func (b *retryBudget) call() {
	if b.tenths.Load() < maxRetryTenths {
		b.tenths.Add(1)
	}
}

// take spends one retry on an error that may pass by itself.
func (b *retryBudget) take(err *translate.Error) bool {
	switch err.Code {
	case translate.ProviderReset, translate.ProviderTruncated, translate.ProviderFailed, translate.ProviderOverloaded:
	default:
		return false
	}
	if b.tenths.Add(-10) < 0 {
		b.tenths.Add(10)
		return false
	}
	return true
}

// retryAfter reads a Retry-After in seconds or as an HTTP date; a past or
// unreadable one is zero.
func retryAfter(value []byte, now time.Time) int {
	if len(value) == 0 {
		return 0
	}
	if n, err := strconv.Atoi(string(value)); err == nil {
		return max(0, min(n, 24*3600))
	}
	at, err := time.Parse(time.RFC1123, string(value))
	if err != nil {
		return 0
	}
	return max(0, int(at.Sub(now)/time.Second))
}
