package load

import (
	"context"
	"errors"
	"io"
	"sync"
	"sync/atomic"
	"time"
)

// dialers is how many connections Hold opens at the same time.
const dialers = 64

// Held is a set of open streams.
type Held struct {
	config   Config
	rec      *recorder
	conns    []*conn // nil where the stream could not be opened
	readers  sync.WaitGroup
	released atomic.Bool
}

// Hold opens config.Connections streams, waits for the first event of each,
// and goes on reading all of them. It returns when each has begun or failed;
// the caller ends them with Release. A cancelled context opens no more.
func Hold(ctx context.Context, config Config) *Held {
	h := &Held{config: config.ready(), rec: newRecorder(), conns: make([]*conn, config.Connections)}
	var next atomic.Int64
	var opening sync.WaitGroup
	for range dialers {
		opening.Go(func() {
			for i := int(next.Add(1)) - 1; i < len(h.conns) && ctx.Err() == nil; i = int(next.Add(1)) - 1 {
				h.open(ctx, i)
			}
		})
	}
	opening.Wait()
	h.rec.finish()
	return h
}

// Release closes all streams and waits for their readers. The result counts
// the streams that were opened (Requests), the time to their first event and
// what failed until now; its Elapsed is how long the opening took.
func (h *Held) Release() *Result {
	h.released.Store(true)
	for _, c := range h.conns {
		if c != nil {
			c.close()
		}
	}
	h.readers.Wait()
	return h.rec.r
}

// open starts stream i and leaves a goroutine that reads the rest of it.
func (h *Held) open(ctx context.Context, i int) {
	begin := time.Now()
	c, err := dial(ctx, h.config.Addr, h.config.Request, i, heldBuffer)
	if err != nil {
		h.rec.fail(err)
		return
	}
	c.deadline(begin.Add(h.config.Timeout))
	state, err := c.begin(h.config.Answer, int64(i+1))
	if err != nil {
		c.close()
		h.rec.fail(err)
		return
	}
	h.rec.done(begin, c)
	c.deadline(time.Time{})
	h.conns[i] = c
	h.readers.Go(func() { h.read(c, state) })
}

// begin sends the request with serial number n and reads up to the first
// event.
func (c *conn) begin(a *Answer, n int64) (head, error) {
	if err := c.send(n); err != nil {
		return head{}, err
	}
	h, err := c.accept(a)
	c.stream.reset(a)
	for err == nil && c.stream.next == 0 {
		err = c.step(&h)
	}
	if errors.Is(err, io.EOF) {
		err = c.stream.end()
	}
	c.firstChunk = time.Now()
	return h, err
}

// read follows a stream to its end, which has to be a whole one unless it
// comes by Release.
func (h *Held) read(c *conn, state head) {
	var err error
	for err == nil {
		err = c.step(&state)
	}
	if errors.Is(err, io.EOF) {
		err = c.stream.end()
	}
	if err != nil && !h.released.Load() {
		h.rec.fail(err)
	}
}
