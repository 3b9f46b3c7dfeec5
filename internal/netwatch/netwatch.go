// Package netwatch notices that a peer has closed its connection while nobody
// reads from it: the client of a call that is still waiting for its answer.
//
// A call adds a Watch when it starts and removes it when it ends. A call that
// is over within a tick costs two list operations and no system call; one that
// lasts is armed in the kernel once, and then costs nothing until its peer
// goes. A peer is found gone at most two ticks after the watch was added, or
// one tick after it went.
//
// On Linux a close, a reset and a half-close (FIN) count as gone, also behind
// bytes that nobody has read. Other Unix systems peek at every armed
// connection at each tick, and unread bytes hide what comes after them. On the
// rest nothing is ever found gone.
package netwatch

import (
	"net"
	"sync"
	"syscall"
	"time"
)

// DefaultTick is how often a Watcher looks when it is not told otherwise.
const DefaultTick = 20 * time.Millisecond

// batch bounds the system calls made in one hold of the lock.
const batch = 128

// Goner is told that the peer has gone.
type Goner interface {
	// Gone is called at most once for each Add, by the watcher's goroutine or
	// by GoneAll, with the watcher's lock held. It must be quick, must not
	// call the watcher, and must not take a lock that anybody holds while
	// calling the watcher.
	Gone()
}

// Watch is the place of one connection in a Watcher. It is embedded by value
// in what is watched, is ready to use when zero, and may be added again after
// it was removed. It must not be copied or moved while it is added.
type Watch struct {
	next, prev *Watch
	goner      Goner
	fd         int
	state      state
}

// state says which ring of the Watcher a Watch is in.
type state uint8

const (
	idle   state = iota // in no ring
	queued              // in fresh or ripe: the kernel knows nothing of it
	armed               // in armed: the poller looks after it
)

// Watcher watches connections from one goroutine. Its methods may be called
// from any goroutine, but not from Gone.
type Watcher struct {
	tick time.Duration
	wake chan struct{} // holds one signal to a resting goroutine
	stop chan struct{}
	done chan struct{}

	mu      sync.Mutex
	fresh   ring // added since the last tick
	ripe    ring // there at the last tick
	armed   ring
	poller  poller
	added   bool // something was added since the last tick
	resting bool // the goroutine waits for wake, with no timer
}

// New starts a Watcher that looks once a tick; zero means DefaultTick. Close
// ends it.
func New(tick time.Duration) *Watcher {
	if tick <= 0 {
		tick = DefaultTick
	}
	w := &Watcher{
		tick:    tick,
		wake:    make(chan struct{}, 1),
		stop:    make(chan struct{}),
		done:    make(chan struct{}),
		resting: true,
	}
	for _, r := range []*ring{&w.fresh, &w.ripe, &w.armed} {
		r.init()
	}
	w.poller.open()
	go w.run()
	return w
}

// Close stops the watcher and waits for its goroutine: nothing is found gone
// after it. The other methods stay harmless. It is called once.
func (w *Watcher) Close() {
	close(w.stop)
	<-w.done
	w.mu.Lock()
	defer w.mu.Unlock()
	w.poller.close()
}

// Add watches the socket fd, and calls g.Gone once if its peer goes before
// Remove. The caller owns fd and keeps it open until Remove has returned. An
// fd has one Watch at a time; a negative one stands for a connection that is
// no socket, which only GoneAll finds gone. Adding a Watch that is added
// already is a bug.
func (w *Watcher) Add(watch *Watch, fd int, g Goner) {
	w.mu.Lock()
	if watch.state != idle {
		w.mu.Unlock()
		panic("BUG: netwatch: a watch was added twice")
	}
	watch.fd, watch.goner, watch.state = fd, g, queued
	w.fresh.push(watch)
	w.added = true
	rested := w.resting
	w.resting = false
	w.mu.Unlock()
	if rested {
		select {
		case w.wake <- struct{}{}:
		default:
		}
	}
}

// Remove ends the watch. When it returns, Gone is not running and will not be
// called. A Watch that is not added, or whose peer has gone, is left alone.
func (w *Watcher) Remove(watch *Watch) {
	w.mu.Lock()
	w.drop(watch)
	w.mu.Unlock()
}

// GoneAll calls Gone for everything that is watched, as if every peer had
// gone: the way to cancel all calls under way when the process stops.
func (w *Watcher) GoneAll() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, r := range []*ring{&w.fresh, &w.ripe, &w.armed} {
		for watch := r.first(); watch != nil; watch = r.first() {
			w.fire(watch)
		}
	}
}

// run looks once a tick, and rests without a timer after a tick in which
// nothing was watched or added: neither an idle process nor each request of a
// busy one wakes it.
func (w *Watcher) run() {
	defer close(w.done)
	timer := time.NewTimer(w.tick)
	defer timer.Stop()
	for {
		select {
		case <-w.stop:
			return
		case <-w.wake:
		case <-timer.C:
			if rest := w.look(); rest {
				continue
			}
		}
		timer.Reset(w.tick)
	}
}

// look does the work of one tick and reports whether the goroutine may rest.
func (w *Watcher) look() (rest bool) {
	for more := true; more; {
		more = w.arm()
	}
	for more := true; more; {
		more = w.poll()
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ripe.take(&w.fresh)
	w.resting = !w.added && w.ripe.empty() && w.armed.empty()
	w.added = false
	return w.resting
}

// arm hands a batch of ripe watches to the poller and reports whether there
// are more. What the poller does not take now goes round once more.
func (w *Watcher) arm() (more bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for range batch {
		watch := w.ripe.first()
		if watch == nil {
			return false
		}
		watch.unlink()
		if watch.fd < 0 || !w.poller.arm(watch) {
			w.fresh.push(watch)
			continue
		}
		watch.state = armed
		w.armed.push(watch)
	}
	return true
}

// poll fires a batch of watches whose peers have gone and reports whether
// there may be more.
func (w *Watcher) poll() (more bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.armed.empty() {
		return false
	}
	gone, more := w.poller.poll(&w.armed)
	for _, watch := range gone {
		w.fire(watch)
	}
	return more
}

// fire ends a watch and tells its goner. The caller holds mu.
func (w *Watcher) fire(watch *Watch) {
	g := watch.goner
	w.drop(watch)
	g.Gone()
}

// drop takes a watch out of its ring and of the kernel. The caller holds mu.
func (w *Watcher) drop(watch *Watch) {
	if watch.state == idle {
		return
	}
	if watch.state == armed {
		w.poller.disarm(watch)
	}
	watch.unlink()
	watch.goner, watch.state = nil, idle
}

// FD returns the descriptor of the socket under c, through TLS if need be. It
// is valid as long as c is open. It allocates: ask once for a connection.
func FD(c net.Conn) (fd int, ok bool) {
	for {
		inner, wrapped := c.(interface{ NetConn() net.Conn })
		if !wrapped {
			break
		}
		c = inner.NetConn()
	}
	sc, ok := c.(syscall.Conn)
	if !ok {
		return -1, false
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return -1, false
	}
	err = raw.Control(func(s uintptr) { fd = int(s) })
	return fd, err == nil
}
