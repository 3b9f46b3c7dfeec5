package engine

import (
	"sync"
	"sync/atomic"
	"time"
)

const (
	// A key that a provider does not accept is left alone for refusedFirst,
	// and each time it is refused again for twice as long, up to refusedMost.
	refusedFirst = time.Minute
	refusedMost  = time.Hour
	// A key that is over its limit is left alone for as long as the provider
	// says, at most limitedMost. Where it says nothing, it is limitedFirst and
	// twice as long each time, up to limitedGuess.
	limitedFirst = time.Second
	limitedGuess = 4 * time.Second
	limitedMost  = time.Minute
)

// rest is the time in which a key is left alone after it was turned away. The
// zero value is none. It is safe for concurrent use.
type rest struct {
	until atomic.Int64 // unix nanoseconds; 0: nothing to forgive

	mu  sync.Mutex
	row int // how often in a row, since the last success
}

// over reports whether the key may be used.
func (r *rest) over(now time.Time) bool {
	at := r.until.Load()
	return at == 0 || at <= now.UnixNano()
}

// end is when the key may be used again; it may be in the past.
func (r *rest) end() time.Time { return time.Unix(0, r.until.Load()) }

// refuse begins a rest after a refusal.
func (r *rest) refuse(now time.Time) { r.grow(now, refusedFirst, refusedMost) }

// limit begins a rest of wait, or of a guess when that is not positive.
func (r *rest) limit(now time.Time, wait time.Duration) {
	if wait <= 0 {
		r.grow(now, limitedFirst, limitedGuess)
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.extend(now.Add(min(wait, limitedMost)))
}

// grow begins a rest that is twice as long as the last one. Calls that are
// turned away together count as one.
func (r *rest) grow(now time.Time, first, most time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.over(now) {
		return
	}
	wait := first
	for i := 0; i < r.row && wait < most; i++ {
		wait *= 2
	}
	r.row++
	r.extend(now.Add(min(wait, most)))
}

// extend requires r.mu.
func (r *rest) extend(until time.Time) {
	if at := until.UnixNano(); at > r.until.Load() {
		r.until.Store(at)
	}
}

// forgive ends it all after a success. One of a call that began before the
// rest says nothing.
func (r *rest) forgive() {
	if r.until.Load() == 0 {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.over(time.Now()) {
		r.until.Store(0)
		r.row = 0
	}
}
