package load

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// pace is one open-loop run. The schedule's goroutine takes an idle slot,
// marks it with the time at which its request was due and writes the request
// itself: handing it to another goroutine first would add that one's wake-up
// to what is measured. Each slot has a goroutine that reads.
type pace struct {
	g    *Generator
	rec  *recorder
	idle chan *slot // every slot that carries no request, broken ones too
	wg   sync.WaitGroup
}

// slot is a connection with its reader.
type slot struct {
	i int
	c *conn
	// due is when the request under way had to be sent, in nanoseconds after
	// the start, plus one; or one of the states below.
	due atomic.Int64
}

const (
	slotIdle   = 0
	slotBroken = -1 // no reader any more; has to be dialled anew
)

// Pace sends perSecond requests a second on a fixed schedule, whether the
// answers come or not; when all connections are taken, requests wait and
// their waiting counts. It returns when all answers are there, with the
// connections closed; a further run dials anew.
func (g *Generator) Pace(ctx context.Context, perSecond int, limit Limit) *Result {
	p := &pace{g: g, rec: newRecorder(), idle: make(chan *slot, len(g.conns))}
	defer g.begin(ctx, limit)()
	for i, c := range g.conns {
		s := &slot{i: i}
		if c != nil {
			p.use(s, c)
		}
		p.idle <- s
	}
	interval := time.Second / time.Duration(perSecond)
	n := int64(limit.Duration / interval)
	if limit.Requests > 0 {
		n = min(n, limit.Requests)
	}
	p.schedule(ctx, n, interval)
	for range g.conns { // every answer under way
		<-p.idle
	}
	result := p.rec.finish()
	g.Close() // ends the idle readers
	p.wg.Wait()
	return result
}

// schedule sends request k at start + k*interval.
func (p *pace) schedule(ctx context.Context, n int64, interval time.Duration) {
	// The thread's timer slack is shortened for precise sleep and put back
	// after: the thread goes on to serve other goroutines.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	_ = unix.Prctl(unix.PR_SET_TIMERSLACK, 1, 0, 0, 0)
	defer func() { _ = unix.Prctl(unix.PR_SET_TIMERSLACK, 0, 0, 0, 0) }()
	for k := int64(0); k < n && ctx.Err() == nil; k++ {
		due := p.rec.start.Add(time.Duration(k) * interval)
		sleepUntil(due)
		s := <-p.idle
		if err := p.send(ctx, s, due); err != nil {
			p.rec.fail(err)
		}
	}
}

// send writes a request on s. After an error s is back among the idle ones.
func (p *pace) send(ctx context.Context, s *slot, due time.Time) error {
	mark := int64(due.Sub(p.rec.start)) + 1
	if s.c == nil || !s.due.CompareAndSwap(slotIdle, mark) {
		c, err := p.g.redial(ctx, s.i)
		if err != nil {
			p.idle <- s
			return err
		}
		p.use(s, c)
		s.due.Store(mark)
	}
	p.rec.late(time.Since(due))
	if err := s.c.send(p.g.serial.Add(1)); err != nil {
		s.c.close() // the reader sees it, counts it and gives the slot back
	}
	return nil
}

// use gives s a connection and its reader.
func (p *pace) use(s *slot, c *conn) {
	s.c = c
	s.due.Store(slotIdle)
	p.wg.Go(func() { p.read(s, c) })
}

// read takes the answers of one connection until it breaks.
func (p *pace) read(s *slot, c *conn) {
	for {
		err := c.receive(p.g.config.Answer)
		broken := err != nil || c.closing
		if broken {
			p.g.drop(s.i, c)
		}
		if s.due.CompareAndSwap(slotIdle, slotBroken) {
			return // it broke, or the run ended, with no request under way
		}
		if err != nil {
			p.rec.fail(err)
		} else {
			p.rec.done(p.rec.start.Add(time.Duration(s.due.Load()-1)), c)
		}
		if broken {
			s.due.Store(slotBroken)
			p.idle <- s
			return
		}
		s.due.Store(slotIdle)
		p.idle <- s
	}
}

// sleepUntil sleeps in the kernel: the runtime's own timers are up to a
// millisecond late when the process is idle, the clock's about 50 µs.
func sleepUntil(t time.Time) {
	if d := time.Until(t); d > 0 {
		ts := unix.NsecToTimespec(int64(d))
		_ = unix.ClockNanosleep(unix.CLOCK_MONOTONIC, 0, &ts, nil)
	}
}
