package upstream

import (
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

// Cause says why a call was cancelled.
type Cause uint32

// The causes. CauseNone means that the call goes on.
const (
	CauseNone Cause = iota
	// CauseGone: the client closed its connection.
	CauseGone
	// CauseStopping: the process is shutting down and its grace is over.
	CauseStopping
	// CauseLost: another attempt of the same call has answered first. The call
	// goes on; the other causes come before this one.
	CauseLost
)

// ErrCanceled is returned by whatever was blocked when its Cancel fired.
var ErrCanceled = errors.New("call canceled")

// longAgo is a deadline that has always passed.
var longAgo = time.Unix(1, 0)

// interruptible is what a Cancel can wake: a connection or a dial.
type interruptible interface{ interrupt() }

// Cancel ends a call from another goroutine: whatever it is blocked in
// returns ErrCanceled at once. It stands in for a context on the hot path,
// where a context would cost an allocation and a timer for each call. The zero
// value is ready; Reset makes it fit for the next call.
type Cancel struct {
	cause atomic.Uint32

	mu     sync.Mutex
	target interruptible // what blocks now; nil between attempts
	twin   *Cancel       // of a second attempt of the same call
}

// Cancel sets the cause, if none is set, and wakes the call. Both attempts of
// a call are cancelled together, unless one has lost to the other.
func (c *Cancel) Cancel(cause Cause) {
	c.mu.Lock()
	defer c.mu.Unlock()
	set := c.cause.CompareAndSwap(uint32(CauseNone), uint32(cause))
	if !set && cause != CauseLost { // it comes before one that can be taken back
		c.cause.CompareAndSwap(uint32(CauseLost), uint32(cause))
	}
	if set && c.target != nil {
		c.target.interrupt()
	}
	if cause != CauseLost && c.twin != nil {
		c.twin.Cancel(cause)
	}
}

// Join makes twin end with c, for any cause but CauseLost, until Part. It
// returns false when c is cancelled already. A twin has no twin of its own.
func (c *Cancel) Join(twin *Cancel) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.Cause() != CauseNone {
		return false
	}
	c.twin = twin
	return true
}

// Part undoes Join; when it returns, the twin is no longer touched. A call that
// has lost goes on as if it had not been cancelled.
func (c *Cancel) Part() {
	c.mu.Lock()
	c.twin = nil
	c.cause.CompareAndSwap(uint32(CauseLost), uint32(CauseNone))
	c.mu.Unlock()
}

// Cause returns why the call was cancelled, or CauseNone.
func (c *Cancel) Cause() Cause { return Cause(c.cause.Load()) }

// Reset forgets the last call. Nobody may hold the Cancel any more.
func (c *Cancel) Reset() {
	c.cause.Store(uint32(CauseNone))
	c.target, c.twin = nil, nil
}

// attach makes t what Cancel wakes; it fails when the call is cancelled
// already.
func (c *Cancel) attach(t interruptible) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.Cause() != CauseNone {
		return ErrCanceled
	}
	c.target = t
	return nil
}

// detach returns when t can no longer be woken through c.
func (c *Cancel) detach() {
	c.mu.Lock()
	c.target = nil
	c.mu.Unlock()
}

// Wait blocks until ready is closed. It returns false when the call was
// cancelled before.
func (c *Cancel) Wait(ready <-chan struct{}) bool {
	w := waiting{make(chan struct{})}
	if c.attach(w) != nil {
		return false
	}
	defer c.detach()
	select {
	case <-ready:
		return true
	case <-w.woken:
		return false
	}
}

// Sleep blocks for d. It returns false when the call was cancelled before.
func (c *Cancel) Sleep(d time.Duration) bool {
	w := waiting{make(chan struct{})}
	if c.attach(w) != nil {
		return false
	}
	defer c.detach()
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-w.woken:
		return false
	}
}

// waiting is a call that waits for another goroutine.
type waiting struct{ woken chan struct{} }

func (w waiting) interrupt() { close(w.woken) }
