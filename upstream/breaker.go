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
		b.until = now.Add(breakerPause)
		return
	}
	b.failures[b.next] = now
	b.next = (b.next + 1) % breakerFailures
	oldest := b.failures[b.next]
	if !oldest.IsZero() && now.Sub(oldest) <= breakerWindow {
		b.until = now.Add(breakerPause)
	}
}

// Pause keeps calls away until t: a provider said when to come back.
func (b *Breaker) Pause(until time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.dirty.Store(true)
	b.probing = false
	if until.After(b.until) {
		b.until = until
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

// Open reports whether calls are refused at now, and until when.
func (b *Breaker) Open(now time.Time) (until time.Time, open bool) {
	if !b.dirty.Load() {
		return time.Time{}, false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.until, now.Before(b.until)
}

func (b *Breaker) reset() {
	b.failures = [breakerFailures]time.Time{}
	b.until, b.probing = time.Time{}, false
	b.dirty.Store(false)
}
