package simulator

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"
)

// Seen is one request as it arrived, and how it ended.
type Seen struct {
	// ID counts recorded requests from 1; Conn tells connections apart.
	ID, Conn uint64
	// Method and Path are those of the request line, the path with query and fault prefix.
	Method, Path string
	// Header has canonical names; RawHeader is the header block byte for byte, without the request line.
	Header    http.Header
	RawHeader []byte
	// Body is the body byte for byte, without chunk framing; nil when the answer did not wait for it.
	Body []byte
	// Received is when the whole request was there. Ended is zero while the answer is under way.
	Received, Ended time.Time
	// Aborted says that at Ended the client closed the connection before its answer was complete.
	Aborted bool
}

// maxRecorded bounds the bytes of all remembered bodies; beyond it the oldest requests are forgotten.
const maxRecorded = 256 << 20

// Seen returns the latest requests, oldest first, at most Config.Record of them.
func (s *Server) Seen() []Seen {
	if s.record == nil {
		return nil
	}
	s.record.mu.Lock()
	defer s.record.mu.Unlock()
	return slices.Clone(s.record.seen)
}

// Wait returns request id (they count from 1) as soon as it has arrived. It fails when ctx ends, when the server
// does not record, or when the request has been forgotten.
func (s *Server) Wait(ctx context.Context, id uint64) (Seen, error) {
	return s.record.wait(ctx, id, func(Seen) bool { return true })
}

// WaitEnd returns request id as soon as its answer is complete or its client has gone: see Seen.Aborted and Seen.Ended.
// An abort is noticed at once while the server waits (latency, delays, stalls), else by the next write that fails.
func (s *Server) WaitEnd(ctx context.Context, id uint64) (Seen, error) {
	return s.record.wait(ctx, id, func(e Seen) bool { return !e.Ended.IsZero() })
}

type recorder struct {
	max int

	mu      sync.Mutex // guards what follows
	last    uint64
	bytes   int
	seen    []Seen
	changed chan struct{} // closed and replaced at every change
}

func newRecorder(n int) *recorder {
	return &recorder{max: n, changed: make(chan struct{})}
}

func (r *recorder) add(e Seen) uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.last++
	e.ID = r.last
	r.bytes += len(e.Body)
	r.seen = append(r.seen, e)
	for len(r.seen) > r.max || r.bytes > maxRecorded && len(r.seen) > 1 {
		r.bytes -= len(r.seen[0].Body)
		r.seen = slices.Delete(r.seen, 0, 1)
	}
	r.notify()
	return e.ID
}

func (r *recorder) end(id uint64, aborted bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if e := r.find(id); e != nil && e.Ended.IsZero() {
		e.Ended, e.Aborted = time.Now(), aborted
		r.notify()
	}
}

func (r *recorder) find(id uint64) *Seen {
	if len(r.seen) == 0 || id < r.seen[0].ID || id > r.last {
		return nil
	}
	return &r.seen[id-r.seen[0].ID]
}

func (r *recorder) notify() {
	close(r.changed)
	r.changed = make(chan struct{})
}

func (r *recorder) wait(ctx context.Context, id uint64, ready func(Seen) bool) (Seen, error) {
	if r == nil {
		return Seen{}, fmt.Errorf("cannot wait for request %d: the simulator does not record", id)
	}
	for {
		r.mu.Lock()
		found, last, changed := r.find(id), r.last, r.changed
		var e Seen
		if found != nil {
			e = *found
		}
		r.mu.Unlock()
		switch {
		case found != nil && ready(e):
			return e, nil
		case found == nil && id <= last:
			return Seen{}, fmt.Errorf("cannot wait for request %d: forgotten, the simulator is at %d", id, last)
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return Seen{}, fmt.Errorf("cannot wait for request %d: %w", id, ctx.Err())
		}
	}
}
