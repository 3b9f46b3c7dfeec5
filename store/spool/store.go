package spool

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ai-mcp-gateway/gateway/store"
)

// Store is a cold store that takes writes while it is away. Messages,
// summaries, TODO lists and responses go to the cold store, and to the log
// when that does not answer in time; the call log always goes through the log.
// A goroutine applies what is in the log. Rules and claims are the cold
// store's alone.
//
// While a conversation has anything in the log its writes go there as well, so
// that they stay in order, and reads see them. Messages that go on from others
// which are in the log of another instance bring these along
// (store.Append.Before), so that a log is in order by itself and waits for no
// other. What was acknowledged is never refused later: messages go behind what
// others have written by then, under another version than the one that was
// answered, and of summaries, TODO lists and responses the last one that is
// applied wins.
//
// A write with an error that is store.ErrUnavailable may yet take place.
type Store struct {
	store.Store // the cold one
	log         *Log
	cfg         Config

	backlog *backlog
	away    atomic.Bool // the last write got no answer
	ids     idSource    // of rows that come without an id
	drains  atomic.Int64
	trying  sync.Mutex // held by who tries a store that is away

	patience atomic.Int64 // how long a write of the replay may take

	mu       sync.Mutex
	progress chan struct{} // closed when more was applied
	closed   bool

	now  chan struct{} // ends the goroutine's pause
	stop context.CancelFunc
	done chan struct{}
}

var _ store.Store = (*Store)(nil)

// New returns a store over a cold store and a log, and goes on with applying
// what is in the log. Close closes all three.
func New(cold store.Store, log *Log, cfg Config) (*Store, error) {
	if cfg.Wait <= 0 {
		cfg.Wait = 200 * time.Millisecond
	}
	if cfg.Messages == "" {
		cfg.Messages = Fsync
	}
	if cfg.Calls == "" {
		cfg.Calls = Mapped
	}
	s := &Store{
		Store: cold, log: log, cfg: cfg, backlog: newBacklog(),
		progress: make(chan struct{}), now: make(chan struct{}), done: make(chan struct{}),
	}
	s.patience.Store(int64(leastPatience))
	s.ids.init()
	s.away.Store(log.admitTurn() != nil) // it was away for long, and a turn would be lost that learns that it still is
	from, err := s.reload()
	if err != nil {
		return nil, fmt.Errorf("cannot read what is in the spool: %w", err)
	}
	ctx, stop := context.WithCancel(context.Background())
	s.stop = stop
	go s.replay(ctx, from)
	return s, nil
}

// reload fills the backlog with what the last process left.
func (s *Store) reload() (cursor, error) {
	s.log.mu.Lock()
	from := s.log.acked
	s.log.mu.Unlock()
	_, err := s.log.each(from, func(r record) bool {
		if r.kind == kindCalls || r.kind == kindNothing {
			return true
		}
		w, err := decodeWrite(r.kind, r.payload)
		if err != nil {
			return true // the replay refuses it
		}
		k := w.key()
		q := s.backlog.acquire(k)
		q.note(w)
		s.backlog.add(q, w.entry(r.ref))
		s.backlog.release(k, q)
		return true
	})
	return from, err
}

func (w *write) key() key {
	return key{tenant: w.tenant, id: w.id, response: w.kind == kindResponse || w.kind == kindResponseDeleted}
}

func (w *write) entry(r ref) entry {
	return entry{ref: r, kind: w.kind, name: w.append.Key, version: w.version, base: w.base}
}

// note learns versions from a write that is in the log.
func (q *queue) note(w *write) {
	switch w.kind {
	case kindAppend:
		q.version = w.version
	case kindSummary:
		q.summary = w.version
	}
}

// State returns how the log and the cold store are doing.
func (s *Store) State() State {
	state := s.log.State()
	state.Spooling = s.away.Load() || s.backlog.unapplied.Load() > 0
	return state
}

// Drain waits until everything that is in the log now was applied.
func (s *Store) Drain(ctx context.Context) error {
	_, last := s.log.waiting()
	now := s.now
	s.drains.Add(1)
	defer s.drains.Add(-1)
	for {
		s.mu.Lock()
		progress := s.progress
		s.mu.Unlock()
		if first, _ := s.log.waiting(); first > last {
			return nil
		}
		select {
		case <-progress:
		case now <- struct{}{}:
			now = nil // once: what failed is tried again when its pause is over
		case <-s.done:
			return ErrClosed
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Close stops applying, syncs the log and closes it and the cold store. What
// is in the log waits there; Drain first to have it applied.
func (s *Store) Close() error {
	s.mu.Lock()
	closed := s.closed
	s.closed = true
	s.mu.Unlock()
	s.stop()
	<-s.done
	if closed {
		return nil
	}
	return errors.Join(s.log.Close(), s.Store.Close())
}
