package engine

import (
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/ai-mcp-gateway/gateway/translate"
)

const (
	// maxRetries is how often a call may come back to a target.
	maxRetries = 2
	// A pause before a retry is retryPause and up to three times as much by
	// chance, and twice that before the second one.
	retryPause = 20 * time.Millisecond
	// retryPatience is the longest pause that a provider may ask for: beyond
	// it, the caller is told instead.
	retryPatience = 2 * time.Second
)

// errNotTried says that there was no retry.
var errNotTried = &translate.Error{Code: translate.ProviderUnavailable, Message: "there was no retry"}

// failure is a target that has failed in a way that may pass.
type failure struct {
	target *target
	wait   time.Duration // that its provider asks for
}

// retry tries a target again whose failure may have passed, as far as the
// budget, the target's breaker and the call's deadline allow it. It returns
// errNotTried when they do not.
func (e *Engine) retry(c *Call, r *route, again failure) *translate.Error {
	err := errNotTried
	for n := range maxRetries {
		pause := max(again.wait, (retryPause+rand.N(3*retryPause))<<n)
		until := time.Now().Add(pause)
		if pause > retryPatience || until.After(c.deadline) || c.tries() >= maxAttempts ||
			!again.target.ready(until) || !e.retries.take(0) {
			return err
		}
		if !c.cancel.Sleep(pause) {
			return c.canceled()
		}
		tried, failed := e.tryTarget(c, r, again.target, time.Now())
		if !tried {
			return err
		}
		if failed == nil || !failsOver(failed) || !transient(failed) {
			return failed
		}
		err, again.wait = failed, c.said.wait
	}
	return err
}

// transient reports whether the same target may do better at once.
func transient(err *translate.Error) bool {
	switch err.Code {
	case translate.ProviderReset, translate.ProviderTruncated, translate.ProviderFailed, translate.ProviderOverloaded:
		return true
	default:
		return false
	}
}

// budget lets a share of all calls do something that costs another upstream
// call. It is safe for concurrent use.
type budget struct {
	percent atomic.Int64 // what each call adds
	most    int64        // that is saved
	points  atomic.Int64 // 100 of them are spent at a time
}

const (
	// retryPercent of all calls may be retries. What is not spent is saved, up
	// to so many points.
	retryPercent   = 10
	maxRetryPoints = 1000
	maxHedgePoints = 3000
)

// call adds a call's share.
func (b *budget) call() {
	if b.points.Load() < b.most {
		b.points.Add(b.percent.Load())
	}
}

// take spends one, if there is one and reserve points are left.
func (b *budget) take(reserve int64) bool {
	if b.points.Add(-100) < reserve {
		b.points.Add(100)
		return false
	}
	return true
}

// giveBack takes a spending back that came to nothing.
func (b *budget) giveBack() { b.points.Add(100) }
