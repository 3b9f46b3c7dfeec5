package spool

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/ai-mcp-gateway/gateway/store"
)

// Append adds messages. When the log takes them, with what comes before them
// and is not in it yet, the version is the one after what is known here, and
// After is held against that alone.
func (s *Store) Append(ctx context.Context, a *store.Append) (int64, error) {
	w := &write{kind: kindAppend, tenant: a.Tenant, id: a.Conversation, append: *a}
	version, err := s.write(ctx, w, a.After, func(ctx context.Context) (int64, error) {
		return s.Store.Append(ctx, a)
	})
	a.Waiting = w.waiting
	return version, err
}

// Admit is store.ErrUnavailable when an append would have to go to the log and
// that is about to be full, or takes nothing more.
func (s *Store) Admit(ctx context.Context, tenant, id string) (version int64, err error) {
	if err := ended(ctx); err != nil {
		return 0, err
	}
	if s.cfg.CallsOnly {
		return s.Store.Admit(ctx, tenant, id)
	}
	if !s.away.Load() {
		within, cancel := context.WithTimeout(ctx, s.cfg.Wait)
		version, err = s.Store.Admit(within, tenant, id)
		cancel()
		switch {
		case ctx.Err() != nil || err != nil && !missed(err):
			return 0, err
		case err != nil:
			s.away.Store(true)
		case !s.waits(key{tenant: tenant, id: id}):
			return version, nil
		}
	}
	if err := s.log.admitTurn(); err != nil {
		return 0, fmt.Errorf("%w: %w", store.ErrUnavailable, err)
	}
	return store.AnyVersion, nil
}

// waits reports whether a key has anything in the log.
func (s *Store) waits(k key) bool {
	q := s.backlog.find(k)
	if q == nil {
		return false
	}
	defer s.backlog.release(k, q)
	return q.waits()
}

// PutSummary adds a summary. When the log takes it, the version is the one
// after what is known here, and after is held against that alone.
func (s *Store) PutSummary(ctx context.Context, tenant, id string, after int64, sum *store.Summary) (int64, error) {
	w := &write{kind: kindSummary, tenant: tenant, id: id, summary: *sum}
	if w.summary.Created.IsZero() {
		// It is how a summary is recognised that was written already.
		w.summary.Created = time.Now().UTC().Truncate(time.Microsecond)
	}
	return s.write(ctx, w, after, func(ctx context.Context) (int64, error) {
		return s.Store.PutSummary(ctx, tenant, id, after, &w.summary)
	})
}

// PutTodos replaces a conversation's list.
func (s *Store) PutTodos(ctx context.Context, tenant, id string, todos []store.Todo) error {
	w := &write{kind: kindTodos, tenant: tenant, id: id, todos: todos}
	_, err := s.write(ctx, w, store.AnyVersion, func(ctx context.Context) (int64, error) {
		return 0, s.Store.PutTodos(ctx, tenant, id, todos)
	})
	return err
}

// PutResponse keeps an answer until expires.
func (s *Store) PutResponse(ctx context.Context, tenant, id string, r *store.Response, expires time.Time) error {
	w := &write{kind: kindResponse, tenant: tenant, id: id, response: *r, expires: expires}
	_, err := s.write(ctx, w, store.AnyVersion, func(ctx context.Context) (int64, error) {
		return 0, s.Store.PutResponse(ctx, tenant, id, r, expires)
	})
	return err
}

// DeleteResponse removes an answer. When the log takes it, only what is in the
// log is known not to be there.
func (s *Store) DeleteResponse(ctx context.Context, tenant, id string) error {
	w := &write{kind: kindResponseDeleted, tenant: tenant, id: id}
	_, err := s.write(ctx, w, store.AnyVersion, func(ctx context.Context) (int64, error) {
		return 0, s.Store.DeleteResponse(ctx, tenant, id)
	})
	return err
}

// write has the cold store do it, or the log.
func (s *Store) write(ctx context.Context, w *write, after int64, try func(context.Context) (int64, error)) (int64, error) {
	if err := ended(ctx); err != nil {
		return 0, err
	}
	if s.cfg.CallsOnly {
		return try(ctx)
	}
	k := w.key()
	q := s.backlog.acquire(k)
	defer s.backlog.release(k, q)
	if s.away.Load() || q.waits() {
		return s.spool(ctx, q, w, after)
	}
	// One at a time: another one must not overtake what may end in the log.
	if q.begin(ctx) != nil {
		return 0, ended(ctx)
	}
	defer q.end()
	if !s.away.Load() && !q.waits() {
		within, cancel := context.WithTimeout(ctx, s.cfg.Wait)
		version, err := try(within)
		cancel()
		switch {
		case !missed(err) || ctx.Err() != nil:
			return version, err
		default:
			s.away.Store(true)
		}
	}
	return s.spool(ctx, q, w, after)
}

// ended returns an error when the caller's time is over: nothing is written
// for who does not wait for it.
func ended(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("%w: %w", store.ErrUnavailable, err)
	}
	return nil
}

// missed reports whether the cold store may answer at another time.
func missed(err error) bool {
	return errors.Is(err, store.ErrUnavailable) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)
}

// spool writes to the log.
func (s *Store) spool(ctx context.Context, q *queue, w *write, after int64) (int64, error) {
	version, seq, err := s.enter(q, w, after)
	w.waiting = err == nil
	if err == nil && s.cfg.Messages == Fsync {
		err = s.log.Sync(ctx, seq)
	}
	var conflict *store.VersionError
	if err == nil || errors.As(err, &conflict) || errors.Is(err, store.ErrNotFound) || errors.Is(err, errAppend) {
		return version, err
	}
	return 0, fmt.Errorf("%w: %w", store.ErrUnavailable, err)
}

var errAppend = errors.New("spool: an append needs a key and a message")

// enter adds a record, and its entry, in the same order for all.
func (s *Store) enter(q *queue, w *write, after int64) (version int64, seq uint64, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	switch w.kind {
	case kindAppend:
		return s.enterAppend(q, w, after)
	case kindSummary:
		err = w.follow(after, q.summary, 1)
	case kindResponseDeleted:
		if n := len(q.entries); n > 0 && q.entries[n-1].kind == kindResponseDeleted {
			err = store.ErrNotFound
		}
	}
	if err != nil {
		return 0, 0, err
	}
	return s.record(q, w)
}

// enterAppend adds those of its Before that the log does not hold, and the
// append. q.mu is held, here and below.
func (s *Store) enterAppend(q *queue, w *write, after int64) (version int64, seq uint64, err error) {
	a := &w.append
	if len(a.Messages) == 0 || a.Key == "" {
		return 0, 0, errAppend
	}
	if e := q.find(a.Key); e != nil {
		return e.version, e.seq, nil
	}
	if after != store.AnyVersion && after < q.version {
		return 0, 0, &store.VersionError{Version: q.version}
	}
	for i := range a.Before {
		earlier := &write{kind: kindAppend, tenant: w.tenant, id: w.id, append: *a.Earlier(i)}
		if _, _, err := s.enterAppend(q, earlier, store.AnyVersion); err != nil {
			return 0, 0, err
		}
	}
	if after != store.AnyVersion {
		after = max(after, q.version)
	}
	if err := w.follow(after, q.version, int64(len(a.Messages))); err != nil {
		return 0, 0, err
	}
	return s.record(q, w)
}

func (s *Store) record(q *queue, w *write) (version int64, seq uint64, err error) {
	b := acquireBuffer()
	defer releaseBuffer(b)
	*b = appendWrite((*b)[:0], w)
	at, err := s.log.append(w.kind, *b)
	if err != nil {
		return 0, 0, err
	}
	q.note(w)
	s.backlog.add(q, w.entry(at))
	return w.version, at.seq, nil
}

// follow sets the versions of a write that wants to go on from after, where
// known is the version here, 0 when it is not known.
func (w *write) follow(after, known, n int64) error {
	if after != store.AnyVersion && after < known {
		return &store.VersionError{Version: known}
	}
	w.base = max(after, known)
	if w.base == 0 && after == store.AnyVersion {
		w.base = unknown
	}
	w.version = max(w.base, 0) + n
	return nil
}

// PutCalls adds rows to the log, under an id where they have none; they get to
// the cold store in batches. When the log takes none, they go there at once;
// while that is away, one caller at a time tries and the others are told at
// once. Nothing is kept of what the rows refer to.
func (s *Store) PutCalls(ctx context.Context, calls []store.Call) error {
	if err := ended(ctx); err != nil {
		return err
	}
	b := acquireBuffer()
	*b = appendCalls((*b)[:0], calls, &s.ids)
	seq, err := s.log.Append(kindCalls, *b)
	releaseBuffer(b)
	if err == nil && s.cfg.Calls == Fsync {
		err = s.log.Sync(ctx, seq)
	}
	if err == nil {
		return nil
	}
	if s.away.Load() {
		if !s.trying.TryLock() {
			return fmt.Errorf("%w: %w", store.ErrUnavailable, err)
		}
		defer s.trying.Unlock()
	}
	return s.putAtOnce(ctx, calls, err)
}

// putAtOnce adds rows to the cold store because the log does not take them.
func (s *Store) putAtOnce(ctx context.Context, calls []store.Call, full error) error {
	named := slices.Clone(calls)
	for i := range named {
		if named[i].ID == "" {
			named[i].ID = string(s.ids.append(nil))
		}
	}
	within, cancel := context.WithTimeout(ctx, s.cfg.Wait)
	defer cancel()
	if err := s.Store.PutCalls(within, named); err != nil {
		return fmt.Errorf("%w: %w; %w", store.ErrUnavailable, full, err)
	}
	return nil
}

var buffers = sync.Pool{New: func() any { return new([]byte) }}

func acquireBuffer() *[]byte {
	b, ok := buffers.Get().(*[]byte)
	if !ok {
		panic("BUG: the pool has something else")
	}
	return b
}

// releaseBuffer leaves large ones to the collector.
func releaseBuffer(b *[]byte) {
	if cap(*b) <= 64<<10 {
		buffers.Put(b)
	}
}
