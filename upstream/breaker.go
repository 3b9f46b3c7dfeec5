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
	probe    uint32    // the pass of the probe under way; zero without one
	probes   uint32    // how many there were
	relapsed bool      // a probe has failed since the breaker opened
}

// Pass is what Allow gives to a call that may go, and what the call's end is
// reported with: of all calls under way only the probe decides on an open
// breaker. It is given back once, by Success, Failure or Abandon, whatever
// becomes of the call: a probe that never ends keeps all others away.
type Pass struct{ probe uint32 }

// Allow reports whether a call may go to the target now.
func (b *Breaker) Allow(now time.Time) (Pass, bool) {
	if !b.dirty.Load() {
		return Pass{}, true
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.until.IsZero() {
		return Pass{}, true
	}
	if now.Before(b.until) || b.probe != 0 {
		return Pass{}, false
	}
	if b.probes++; b.probes == 0 { // zero is no probe
		b.probes++
	}
	b.probe = b.probes
	return Pass{b.probe}, true
}

// Success says that the target has answered. It closes the breaker when the
// call was the probe; a success among failures does not wash them away, and
// one of a call that began before the breaker opened says nothing new.
func (b *Breaker) Success(p Pass) {
	if p.probe == 0 {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.probe != p.probe {
		return
	}
	b.failures = [breakerFailures]time.Time{}
	b.until, b.probe, b.relapsed = time.Time{}, 0, false
	b.dirty.Store(false)
}

// Failure counts one failure and opens the breaker at the last one allowed,
// or again when the call was the probe.
func (b *Breaker) Failure(p Pass, now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.dirty.Store(true)
	switch {
	case p.probe != 0 && p.probe == b.probe:
		b.probe, b.relapsed = 0, true
		b.until = now.Add(breakerPause)
		return
	case !b.until.IsZero(): // it began before the breaker opened
		return
	}
	b.failures[b.next] = now
	b.next = (b.next + 1) % breakerFailures
	if oldest := b.failures[b.next]; !oldest.IsZero() && now.Sub(oldest) <= breakerWindow {
		b.until = now.Add(breakerPause)
	}
}

// Abandon says that the call ended without a verdict on the target: a probe
// that the client walked away from leaves room for the next.
func (b *Breaker) Abandon(p Pass) {
	if p.probe == 0 {
		return
	}
	b.mu.Lock()
	if b.probe == p.probe {
		b.probe = 0
	}
	b.mu.Unlock()
}

// Pause keeps calls away until a time that the provider has asked for. It is
// reported besides the call's end.
func (b *Breaker) Pause(until time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.dirty.Store(true)
	if until.After(b.until) {
		b.until = until
	}
}

// Open reports whether calls are refused at now, and until when. While a probe
// is under way, that is in the past.
func (b *Breaker) Open(now time.Time) (until time.Time, open bool) {
	if !b.dirty.Load() {
		return time.Time{}, false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.until, b.probe != 0 || now.Before(b.until)
}

// Closed reports whether nothing keeps calls away: neither a pause nor the
// want of a probe after it.
func (b *Breaker) Closed() bool {
	if !b.dirty.Load() {
		return true
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.until.IsZero()
}

// Relapsed reports whether the target has failed its probe, too, since the
// breaker opened.
func (b *Breaker) Relapsed() bool {
	if !b.dirty.Load() {
		return false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.relapsed
}
