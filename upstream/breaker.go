package upstream

import (
	"sync"
	"sync/atomic"
	"time"
)

const (
	// breakerFailures within breakerWindow open the breaker for breakerPause.
	breakerFailures = 5
	breakerWindow   = 10 * time.Second
	breakerPause    = 5 * time.Second
)

// Breaker keeps calls away from a target that fails. Closed, it counts
// failures; open, it refuses; after a pause it lets one probe through, whose
// outcome closes or opens it again. It is safe for concurrent use; its zero
// value is closed.
type Breaker struct {
	// dirty is false while there is nothing to forgive, so that a healthy
	// target costs one atomic load a call.
	dirty atomic.Bool

	mu       sync.Mutex
	failures [breakerFailures]time.Time // ring of the last failures
	next     int
	until    time.Time // refused before this; zero when closed
	limited  bool      // until is what a provider asked for
	probing  bool
}

// Allow reports whether a call may go to the target now.
func (b *Breaker) Allow(now time.Time) bool {
	if !b.dirty.Load() {
		return true
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.until.IsZero() {
		return true
	}
	if now.Before(b.until) || b.probing {
		return false
	}
	b.probing = true
	return true
}

// Success closes the breaker.
func (b *Breaker) Success() {
	if !b.dirty.Load() {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.until.IsZero() && !b.probing {
		return // a success among failures does not wash them away
	}
	b.reset()
}

// Failure counts one failure and opens the breaker at the last one allowed.
func (b *Breaker) Failure(now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.dirty.Store(true)
	if b.probing {
		b.probing = false
		b.open(now)
		return
	}
	b.failures[b.next] = now
	b.next = (b.next + 1) % breakerFailures
	oldest := b.failures[b.next]
	if !oldest.IsZero() && now.Sub(oldest) <= breakerWindow {
		b.open(now)
	}
}

// open requires b.mu.
func (b *Breaker) open(now time.Time) { b.until, b.limited = now.Add(breakerPause), false }

// Pause keeps calls away until t: a provider said when to come back.
func (b *Breaker) Pause(until time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.dirty.Store(true)
	b.probing = false
	if until.After(b.until) {
		b.until, b.limited = until, true
	}
}

// Abandon says that an allowed call ended without a verdict on the target:
// a probe that the client walked away from leaves room for the next.
func (b *Breaker) Abandon() {
	if !b.dirty.Load() {
		return
	}
	b.mu.Lock()
	b.probing = false
	b.mu.Unlock()
}

// Open reports whether calls are refused at now, and until when. While a probe
// is under way, that is in the past.
func (b *Breaker) Open(now time.Time) (until time.Time, open bool) {
	if !b.dirty.Load() {
		return time.Time{}, false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.until, b.probing || now.Before(b.until)
}

// Limited is Open for a target that is kept away by its provider's rate limit,
// not by failures.
func (b *Breaker) Limited(now time.Time) (until time.Time, limited bool) {
	until, open := b.Open(now)
	if !open {
		return until, false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return until, b.limited
}

func (b *Breaker) reset() {
	b.failures = [breakerFailures]time.Time{}
	b.until, b.limited, b.probing = time.Time{}, false, false
	b.dirty.Store(false)
}
