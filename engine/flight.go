package engine

import (
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ai-mcp-gateway/gateway/cache"
	"github.com/ai-mcp-gateway/gateway/translate"
	"github.com/ai-mcp-gateway/gateway/upstream"
)

// logLimit is how much of a stream one lone reader keeps. Beyond it the
// answer is neither stored nor joined, and what has been relayed is dropped.
const logLimit = 1 << 20

// logTotal is how much all streams together keep before lone readers keep
// nothing: thousands of slow clients must not hold a log each.
const logTotal = 32 << 20

// logStart is the log of a stream that keeps nothing.
const logStart = 8 << 10

// flightKey names calls that may share an answer.
type flightKey struct {
	key    cache.Key
	stream bool
}

// flights are the calls under way that identical ones may join.
type flights struct {
	mu    sync.Mutex
	byKey map[flightKey]*flight
	held  atomic.Int64 // bytes of all logs
}

func (g *flights) init() { g.byKey = map[flightKey]*flight{} }

// flight is one upstream answer with everybody who waits for it.
//
// Nobody leads once the answer flows: whoever needs bytes that nobody has read
// yet reads them and publishes them for all. So a slow reader slows only
// itself, and when the one that is reading goes away, another reads on.
type flight struct {
	group *flights
	key   flightKey

	mu sync.Mutex
	// settled: the first member has an answer or has failed; the next four
	// say which and do not change any more.
	settled bool
	refused *translate.Error
	entry   *cache.Entry // a plain answer
	src     *stream      // a stream
	leader  origin

	log     []byte // the stream's events from offset base on
	base    int
	mark    usageMark // in absolute offsets
	meter   meter
	ended   bool
	failed  *translate.Error // what a stream ended with
	orphan  bool             // who started the attempt has left, unpaid
	paid    bool
	stored  bool
	reading bool // somebody is in src.next
	shut    bool // nobody joins any more
	members int
	changed chan struct{} // closed at the next change, when somebody waits
}

// origin is what a follower's record says of the attempt that it shares.
type origin struct {
	model, provider, tier string
	began                 time.Time
}

// join returns the flight for k, and whether the caller is its first member
// and so has to make the attempt.
func (g *flights) join(k flightKey) (f *flight, first bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if f = g.byKey[k]; f != nil {
		f.mu.Lock()
		f.members++
		f.mu.Unlock()
		return f, false
	}
	f = &flight{group: g, key: k, members: 1}
	g.byKey[k] = f
	return f, true
}

// alone returns a flight that nobody can join.
func (g *flights) alone(k flightKey) *flight {
	return &flight{group: g, key: k, members: 1}
}

// closeDoor keeps others from joining. f.mu is held before and after, not in
// between.
func (f *flight) closeDoor() {
	if f.shut {
		return
	}
	f.mu.Unlock()
	f.group.mu.Lock()
	if f.group.byKey[f.key] == f {
		delete(f.group.byKey, f.key)
	}
	f.group.mu.Unlock()
	f.mu.Lock()
	f.shut = true
}

// settle tells the members how the attempt of the first one came out.
func (f *flight) settle(c *Call, err *translate.Error) {
	f.mu.Lock()
	if err != nil || c.direct == nil {
		f.closeDoor()
	}
	f.settled, f.refused = true, err
	if err == nil {
		f.entry, f.src = c.entry, c.direct
	}
	if f.src != nil {
		f.src.x.Detach()
	}
	f.leader = origin{model: c.Record.TargetModel, provider: c.Record.Provider, tier: c.Record.Tier}
	if n := len(c.Record.Attempts); n > 0 {
		f.leader.began = c.Record.Attempts[n-1].Time
	}
	f.wake()
	f.mu.Unlock()
}

// wait blocks until the flight is settled. It returns false when the call was
// cancelled first.
func (f *flight) wait(cancel *upstream.Cancel) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	for !f.settled {
		if !f.await(cancel) {
			return false
		}
	}
	return true
}

// await blocks until something has changed. f.mu is held before and after.
func (f *flight) await(cancel *upstream.Cancel) bool {
	if f.changed == nil {
		f.changed = make(chan struct{})
	}
	changed := f.changed
	f.mu.Unlock()
	ok := cancel.Wait(changed)
	f.mu.Lock()
	return ok
}

// wake tells whoever awaits. f.mu is held.
func (f *flight) wake() {
	if f.changed != nil {
		close(f.changed)
		f.changed = nil
	}
}

// leave ends a membership. The last one out closes the source.
func (f *flight) leave() {
	f.mu.Lock()
	f.members--
	if f.members == 0 {
		f.closeDoor()
	}
	var src *stream
	if f.members == 0 { // still: one that joined before the door closed is the one that cleans up
		f.group.held.Add(-int64(len(f.log)))
		src, f.src, f.log = f.src, nil, nil
	}
	f.mu.Unlock()
	if src != nil {
		src.close()
	}
}

// next returns the events from offset on, reading them if nobody else does.
// ended says that there will be no more. The bytes stay valid and unchanged.
func (f *flight) next(offset int, cancel *upstream.Cancel) (b batch, ended bool, err *translate.Error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for offset == f.base+len(f.log) && !f.ended {
		switch {
		case cancel.Cause() != upstream.CauseNone:
			return batch{}, true, gone(cancel)
		case f.reading:
			f.await(cancel)
		default:
			f.read(offset, cancel)
		}
	}
	b.bytes = f.log[offset-f.base:]
	if f.mark.event.Start >= offset && !f.mark.event.Empty() {
		b.usage, b.meter = f.mark, f.meter
		b.usage.event.Start -= offset
		b.usage.event.End -= offset
	}
	return b, f.ended, f.failed
}

// read takes the next batch from the source and publishes it. f.mu is held
// before and after, not while reading.
func (f *flight) read(offset int, cancel *upstream.Cancel) {
	f.reading = true
	defer func() { // also in a panic: the others must not wait for ever
		f.reading = false
		f.wake()
	}()
	src := f.src
	b, ended, err := f.pull(src, cancel)
	if err != nil || (src.err != nil && src.err.Code == translate.CallerGone) {
		src.err, ended = nil, false // this reader goes; another reads on
	}
	if f.members == 1 && (len(f.log) > logLimit || f.group.held.Load() > logTotal) {
		f.forget(offset)
	}
	if !b.usage.event.Empty() {
		f.mark = b.usage
		f.mark.event.Start += f.base + len(f.log)
		f.mark.event.End += f.base + len(f.log)
	}
	f.log = append(f.log, b.bytes...)
	f.group.held.Add(int64(len(b.bytes)))
	f.meter, f.ended = b.meter, ended
	if ended {
		f.failed = src.err
	}
	if f.failed != nil { // who comes now gets an attempt of its own
		f.closeDoor()
	}
}

// pull reads from src. f.mu is held before and after, not while reading.
func (f *flight) pull(src *stream, cancel *upstream.Cancel) (b batch, ended bool, err error) {
	f.mu.Unlock()
	defer f.mu.Lock()
	if err = src.x.Attach(cancel); err != nil {
		return batch{}, false, err
	}
	defer src.x.Detach()
	b, ended = src.next()
	return b, ended, nil
}

// forget drops what the only member has had already, and with it the chance
// to store the answer. A call that is just joining keeps everything.
func (f *flight) forget(offset int) {
	f.closeDoor()
	if f.members == 1 {
		f.group.held.Add(int64(f.base - offset))
		kept := f.log[:0]
		if cap(kept) > logStart {
			kept = make([]byte, 0, streamStart)
		}
		f.log = append(kept, f.log[offset-f.base:]...)
		f.base = offset
	}
}

// whole returns the stream when it ended well and is all there, to the first
// that asks: the one that stores it.
func (f *flight) whole() (log []byte, mark usageMark, ok bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	ok = f.ended && f.failed == nil && f.base == 0 && !f.stored
	f.stored = f.stored || ok
	return f.log, f.mark, ok
}

// charge returns what was metered so far, and whether a member that leaves
// now pays for it: the one whose attempt it is or, when that one left while
// others read on, the first to leave after the end.
func (f *flight) charge(follower bool) (m meter, pays bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	over := f.ended || f.members == 1
	if !follower && !over {
		f.orphan = true
		return f.meter, false
	}
	pays = over && !f.paid && (!follower || f.orphan)
	f.paid = f.paid || pays
	return f.meter, pays
}

// gone is the error of a cancelled call.
func gone(cancel *upstream.Cancel) *translate.Error {
	if cancel.Cause() == upstream.CauseStopping {
		return &translate.Error{Code: translate.GatewayStopping, Message: "the gateway is shutting down"}
	}
	return &translate.Error{Code: translate.CallerGone, Message: "the client closed the connection"}
}

// leaves reports whether a call ends with err because its client or the process
// ends it, while its stream may go on.
func leaves(err *translate.Error) bool {
	return err.Code == translate.CallerGone || err.Code == translate.GatewayStopping
}

// writeFlight relays a shared stream from its beginning.
func (c *Call) writeFlight(w io.Writer) error {
	for offset := 0; ; {
		b, ended, failed := c.flight.next(offset, &c.cancel)
		over := ended && (failed == nil || !leaves(failed))
		if over {
			c.settleFlight() // a client that has seen the end finds the answer stored
		}
		c.relayed(b.bytes, ended, failed)
		if over {
			c.account(failed)
		}
		if err := c.emit(w, &b); err != nil {
			return err
		}
		offset += len(b.bytes)
		if ended {
			return c.finish(w, failed)
		}
	}
}
