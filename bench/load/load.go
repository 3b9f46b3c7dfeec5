// Package load drives an HTTP/1.1 server with one prebuilt request over raw
// keep-alive connections and compares every answer, byte for byte, with the
// right one. It costs little CPU, since it shares the machine with what it
// measures.
//
// Three ways: Saturate is a closed loop, in which each connection sends as
// soon as its last answer is there (throughput, CPU a request); Pace is an
// open loop, which sends on a fixed schedule and counts latency from the
// scheduled time, so that a server that stalls cannot hide the requests that
// would have come meanwhile (latency); Hold opens streams and keeps them
// (memory).
package load

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// hopeless is after how many failures in a row a connection is given up.
const hopeless = 20

// Config says where to send what.
type Config struct {
	// Addr is the server's host:port.
	Addr string
	// Connections is how many are kept open.
	Connections int
	Request     *Request
	// Answer is what every response is compared with.
	Answer *Answer
	// Timeout is how long past the end of a run an answer may take; zero
	// means ten seconds.
	Timeout time.Duration
}

// ready fills in what was left out and prepares the answer for comparing.
func (c Config) ready() Config {
	if c.Timeout == 0 {
		c.Timeout = 10 * time.Second
	}
	answer := *c.Answer
	answer.index()
	c.Answer = &answer
	return c
}

// Limit ends a run: no request is begun after Duration, nor more than
// Requests of them. Zero Requests means as many as the time allows.
type Limit struct {
	Duration time.Duration
	Requests int64
}

// Generator holds open connections to one server. Its methods are not to be
// called at the same time.
type Generator struct {
	config Config
	serial atomic.Int64

	mu    sync.Mutex
	conns []*conn   // an entry is nil when its connection broke; guarded by mu
	until time.Time // deadline of the run under way; guarded by mu
}

// Open dials all connections; the caller closes the generator.
func Open(ctx context.Context, config Config) (*Generator, error) {
	g := &Generator{config: config.ready(), conns: make([]*conn, config.Connections)}
	for i := range g.conns {
		if _, err := g.redial(ctx, i); err != nil {
			g.Close()
			return nil, err
		}
	}
	return g, nil
}

// Close closes all connections.
func (g *Generator) Close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for i, c := range g.conns {
		if c != nil {
			c.close()
			g.conns[i] = nil
		}
	}
}

// Expect changes what the answers of later runs are compared with.
func (g *Generator) Expect(a *Answer) {
	g.config.Answer = a
	g.config = g.config.ready()
}

// Saturate sends on every connection as soon as its last answer is there. It
// returns when every answer begun has come, so that the server is at rest
// before and after. A cancelled context ends it at once.
func (g *Generator) Saturate(ctx context.Context, limit Limit) *Result {
	rec := newRecorder()
	defer g.begin(ctx, limit)()
	end := rec.start.Add(limit.Duration)
	var begun atomic.Int64
	more := func() bool {
		return ctx.Err() == nil && time.Now().Before(end) &&
			(limit.Requests == 0 || begun.Add(1) <= limit.Requests)
	}
	var wg sync.WaitGroup
	for i := range g.conns {
		wg.Go(func() { g.loop(ctx, i, more, rec) })
	}
	wg.Wait()
	return rec.finish()
}

// loop is the closed loop of connection i.
func (g *Generator) loop(ctx context.Context, i int, more func() bool, rec *recorder) {
	c, failures := g.conns[i], 0
	for failures < hopeless && more() {
		err := g.exchange(ctx, i, &c, rec)
		if err == nil {
			failures = 0
			continue
		}
		if ctx.Err() != nil {
			return
		}
		failures++
		rec.fail(err)
	}
}

// exchange sends one request on *c and reads its answer. A connection that is
// of no more use is closed and nil afterwards, and dialled anew by the next
// exchange.
func (g *Generator) exchange(ctx context.Context, i int, c **conn, rec *recorder) (err error) {
	if *c == nil {
		if *c, err = g.redial(ctx, i); err != nil {
			return err
		}
	}
	start := time.Now()
	if err = (*c).send(g.serial.Add(1)); err == nil {
		err = (*c).receive(g.config.Answer)
	}
	if err == nil {
		rec.done(start, *c)
	}
	if err != nil || (*c).closing {
		g.drop(i, *c)
		*c = nil
	}
	return err
}

// begin gives all connections the deadline of a run and lets a cancelled
// context interrupt it. The returned function ends that.
func (g *Generator) begin(ctx context.Context, limit Limit) (end func()) {
	g.setDeadline(time.Now().Add(limit.Duration + g.config.Timeout))
	stop := context.AfterFunc(ctx, func() { g.setDeadline(time.Unix(1, 0)) })
	return func() { stop() }
}

func (g *Generator) setDeadline(t time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.until = t
	for _, c := range g.conns {
		if c != nil {
			c.deadline(t)
		}
	}
}

// redial opens connection i.
func (g *Generator) redial(ctx context.Context, i int) (*conn, error) {
	c, err := dial(ctx, g.config.Addr, g.config.Request, i, plainBuffer)
	if err != nil {
		return nil, err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.conns[i] = c
	c.deadline(g.until)
	return c, nil
}

// drop closes c, the connection i.
func (g *Generator) drop(i int, c *conn) {
	g.mu.Lock()
	defer g.mu.Unlock()
	c.close()
	if g.conns[i] == c {
		g.conns[i] = nil
	}
}
