package spool

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/ai-mcp-gateway/gateway/store"
)

const (
	// shipEvery is how long a row of the call log may wait before it goes to
	// the cold store with what came meanwhile. It is a timer and not a signal,
	// which would cost every call a wake-up.
	shipEvery = 100 * time.Millisecond
	// shortPause and longPause bound the time between two tries.
	shortPause, longPause = 50 * time.Millisecond, 5 * time.Second
	// leastPatience and mostPatience bound how long one write may take. It doubles
	// with each that takes longer: a slow store gets it at last, and one that
	// hung is soon found to be back.
	leastPatience, mostPatience = time.Second, 30 * time.Second
	// writers is how many conversations are written at a time, of the 20
	// connections that a process has.
	writers = 4
	// tries is how often a record may be found wrong before it is refused.
	tries = 5
	// A window is what is applied before the position moves on.
	windowRecords, windowBytes = 512, 4 << 20
	// While more than busyRows rows come in a second, the next window waits
	// busyRest times as long as the last one took, and longestRest at most: a
	// row costs as much to store as a call to answer, and the answers go first
	// while there is room.
	busyRows    = 2000
	busyRest    = 99
	longestRest = 2 * time.Second
)

// window is some records that follow each other.
type window struct {
	to      cursor
	bytes   int64
	records int
	rows    []ref // of the call log
	calls   []store.Call
	keys    map[key]*queue // acquired
	wrong   []ref          // cannot be decoded
}

// replayer applies the log. Only its goroutine uses it.
type replayer struct {
	*Store
	from  cursor
	pause time.Duration
	began time.Time // of the window before, when
	last  uint64    // this was the last record

	mu      sync.Mutex
	failed  map[uint64]int // how often a record was found wrong
	refused map[uint64]bool
}

// replay applies the log until it is stopped.
func (s *Store) replay(ctx context.Context, from cursor) {
	defer close(s.done)
	r := &replayer{Store: s, from: from, last: from.seq, failed: make(map[uint64]int), refused: make(map[uint64]bool)}
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		case <-s.now:
		}
		timer.Reset(r.run(ctx))
	}
}

// run applies what there is and returns when to come again.
func (r *replayer) run(ctx context.Context) time.Duration {
	for {
		rate := r.rate()
		n, err := r.step(ctx)
		switch {
		case err == nil && n == 0 && r.away.Load():
			err = r.ping(ctx)
			r.away.Store(err != nil)
		case err == nil && n > 0:
			r.away.Store(false)
			r.pause = 0
			r.patience.Store(int64(leastPatience))
		case missed(err) && ctx.Err() == nil:
			r.away.Store(true)
			r.patience.Store(min(2*r.patience.Load(), int64(mostPatience)))
		}
		switch {
		case err != nil:
			r.pause = min(max(2*r.pause, shortPause), longPause)
			return r.pause/2 + rand.N(r.pause/2)
		case n < windowRecords/2:
			return shipEvery
		case r.leisurely():
			took := time.Since(r.began)
			if rate > busyRows {
				took *= busyRest
			}
			return min(took, longestRest)
		}
	}
}

// rate is how many records have come in a second since the last window, which
// begins now.
func (r *replayer) rate() float64 {
	_, last := r.log.waiting()
	now := time.Now()
	rate := float64(last-r.last) / now.Sub(r.began).Seconds()
	r.began, r.last = now, last
	return rate
}

// leisurely reports whether what is in the log may wait: nothing but rows that
// nobody asks for, and less than half of what it takes.
func (r *replayer) leisurely() bool {
	if r.drains.Load() > 0 || r.backlog.unapplied.Load() > 0 {
		return false
	}
	r.log.mu.Lock()
	defer r.log.mu.Unlock()
	return r.log.bytes < r.log.cfg.Limit/2
}

func (r *replayer) ping(ctx context.Context) error {
	within, cancel := context.WithTimeout(ctx, r.cfg.Wait)
	defer cancel()
	return r.Store.Ping(within)
}

// step applies a window and returns how many records it had.
func (r *replayer) step(ctx context.Context) (int, error) {
	w, err := r.window()
	if err == nil && w.records > 0 {
		err = errors.Join(r.ship(ctx, w), r.applyKeys(ctx, w), r.refuseWrong(w))
	}
	if err == nil && w.records > 0 {
		r.log.ack(w.to, w.bytes)
		r.from = w.to
	}
	for k, q := range w.keys {
		r.backlog.forget(k, q, r.from.seq)
	}
	if err == nil && w.records > 0 {
		clear(r.failed)
		clear(r.refused)
		r.Store.mu.Lock()
		close(r.progress)
		r.progress = make(chan struct{})
		r.Store.mu.Unlock()
	}
	return w.records, err
}

// window reads what is applied next. A log that cannot be read takes nothing
// more: what is behind the record would never be applied.
func (r *replayer) window() (*window, error) {
	w := &window{keys: make(map[key]*queue)}
	to, err := r.log.each(r.from, func(rec record) bool {
		w.records++
		w.bytes += recordSize(len(rec.payload))
		if rec.kind == kindNothing {
			return true
		}
		if rec.kind == kindCalls {
			calls, err := decodeCalls(rec.payload)
			if err != nil {
				w.wrong = append(w.wrong, rec.ref)
			} else {
				w.rows, w.calls = append(w.rows, rec.ref), append(w.calls, calls...)
			}
		} else if k, err := decodeKey(rec.kind, rec.payload); err != nil {
			w.wrong = append(w.wrong, rec.ref)
		} else {
			w.keys[k] = nil
		}
		return w.records < windowRecords && w.bytes < windowBytes
	})
	w.to = to
	for k := range w.keys {
		w.keys[k] = r.backlog.acquire(k)
	}
	if err != nil {
		r.log.mu.Lock()
		r.log.fail(err)
		r.log.mu.Unlock()
		if w.records > 0 {
			err = nil // what is before it is applied
		}
	}
	return w, err
}

// ship adds the window's rows to the call log, together or, when the store
// will not have them so, one by one.
func (r *replayer) ship(ctx context.Context, w *window) error {
	if len(w.calls) == 0 {
		return nil
	}
	err := r.putCalls(ctx, w.calls)
	if err == nil || missed(err) {
		return err
	}
	var failed error
	for _, row := range w.rows {
		var calls []store.Call
		err := r.log.at(row, func(rec record) (err error) {
			calls, err = decodeCalls(rec.payload)
			return err
		})
		if err == nil {
			err = r.putCalls(ctx, calls)
		}
		if err == nil {
			continue
		}
		if err = r.judge(ctx, row, err); missed(err) {
			return err
		}
		failed = errors.Join(failed, err)
	}
	return failed
}

func (r *replayer) putCalls(ctx context.Context, calls []store.Call) error {
	within, cancel := context.WithTimeout(ctx, time.Duration(r.patience.Load()))
	defer cancel()
	return r.Store.Store.PutCalls(within, calls)
}

// applyKeys applies what the window's keys have in the log, all of it, each
// key's in order.
func (r *replayer) applyKeys(ctx context.Context, w *window) error {
	queues := make(chan *queue)
	var (
		wait   sync.WaitGroup
		mu     sync.Mutex
		failed error
	)
	for range min(writers, len(w.keys)) {
		wait.Go(func() {
			for q := range queues {
				err := r.applyKey(ctx, q)
				mu.Lock()
				failed = errors.Join(failed, err)
				mu.Unlock()
			}
		})
	}
	for _, q := range w.keys {
		mu.Lock()
		gone := missed(failed)
		mu.Unlock()
		if gone {
			break
		}
		queues <- q
	}
	close(queues)
	wait.Wait()
	return failed
}

func (r *replayer) applyKey(ctx context.Context, q *queue) error {
	if err := q.begin(ctx); err != nil {
		return err
	}
	defer q.end()
	return r.flush(ctx, q, r.judge)
}

func (r *replayer) refuseWrong(w *window) error {
	for _, at := range w.wrong {
		if err := r.refuse(at); err != nil {
			return err
		}
	}
	return nil
}

// refuse puts a record out of the way, once: the window may come again.
func (r *replayer) refuse(at ref) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.refused[at.seq] {
		return nil
	}
	if err := r.log.refuse(at); err != nil {
		return err
	}
	r.refused[at.seq] = true
	return nil
}

// judge decides what becomes of a record that the cold store would not have:
// it is tried again, or out of the way once it has failed often while the
// store was well.
func (r *replayer) judge(ctx context.Context, at ref, err error) error {
	if missed(err) {
		return err
	}
	r.mu.Lock()
	r.failed[at.seq]++
	n := r.failed[at.seq]
	r.mu.Unlock()
	if n < tries || r.ping(ctx) != nil {
		return err
	}
	return r.refuse(at)
}

// flush applies what a queue has in the log, in order. Its turn is held.
func (s *Store) flush(ctx context.Context, q *queue, judge func(context.Context, ref, error) error) error {
	for {
		e, ok := q.next()
		if !ok {
			return nil
		}
		writes, err := s.read([]entry{e})
		if err == nil && len(writes) == 1 {
			err = s.apply(ctx, writes[0])
		}
		if err != nil && judge != nil {
			err = judge(ctx, e.ref, err)
		}
		if err != nil {
			return err
		}
		s.backlog.done(q)
	}
}

// apply does a write that may have been done before.
func (s *Store) apply(ctx context.Context, w *write) error {
	ctx, cancel := context.WithTimeout(ctx, time.Duration(s.patience.Load()))
	defer cancel()
	switch w.kind {
	case kindAppend:
		// What it goes on from is in the cold store, or before it in the log; what
		// others have written since stands before it.
		_, err := s.Store.Append(ctx, &w.append)
		return err
	case kindSummary:
		return s.applySummary(ctx, w)
	case kindTodos:
		return s.Store.PutTodos(ctx, w.tenant, w.id, w.todos)
	case kindResponse:
		return s.Store.PutResponse(ctx, w.tenant, w.id, &w.response, w.expires)
	case kindResponseDeleted:
		if err := s.Store.DeleteResponse(ctx, w.tenant, w.id); !errors.Is(err, store.ErrNotFound) {
			return err
		}
	}
	return nil
}

// applySummary looks whether the summary is there: it has no key.
func (s *Store) applySummary(ctx context.Context, w *write) error {
	loaded, err := s.Store.Load(ctx, w.tenant, w.id, 1)
	switch {
	case errors.Is(err, store.ErrNotFound):
		loaded = &store.Loaded{}
	case err != nil:
		return err
	}
	for v := loaded.SummaryVersion; v > max(w.base, 0); v-- {
		sum, err := s.Store.Summary(ctx, w.tenant, w.id, v)
		if err == nil && sameSummary(sum, &w.summary) {
			return nil
		}
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
	}
	_, err = s.Store.PutSummary(ctx, w.tenant, w.id, store.AnyVersion, &w.summary)
	return err
}
