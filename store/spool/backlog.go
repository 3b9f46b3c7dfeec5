package spool

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
)

// key is what writes have to stay in order for: a conversation, or a response.
type key struct {
	tenant, id string
	response   bool
}

// backlog is what is in the log, without the call log, by its key.
type backlog struct {
	mu     sync.Mutex
	queues map[key]*queue

	unapplied atomic.Int64 // entries in all queues
}

// queue is what one key has in the log. Its entries stay until the log's
// position is behind them: what is applied but not noted is applied again after
// a crash, and must not undo what was written in between, which therefore goes
// through the log as well.
type queue struct {
	turn chan struct{} // held by whoever writes to the cold store
	refs int           // guarded by backlog.mu: who may be using it

	mu      sync.Mutex
	entries []entry
	applied int // how many entries at the front are in the cold store
	// The version and the newest summary's as far as they are known here.
	version, summary int64
}

// entry is a record in the log.
type entry struct {
	ref
	kind    byte
	name    string // an append's key
	version int64  // what was answered
	base    int64
}

func newBacklog() *backlog { return &backlog{queues: make(map[key]*queue)} }

// acquire returns the queue of a key, to be released.
func (b *backlog) acquire(k key) *queue {
	b.mu.Lock()
	defer b.mu.Unlock()
	q := b.queues[k]
	if q == nil {
		q = &queue{turn: make(chan struct{}, 1)}
		b.queues[k] = q
	}
	q.refs++
	return q
}

func (b *backlog) release(k key, q *queue) {
	b.mu.Lock()
	defer b.mu.Unlock()
	q.refs--
	if q.refs == 0 && !q.waits() {
		delete(b.queues, k)
	}
}

// find returns the queue of a key that has something in the log, to be
// released, or nil.
func (b *backlog) find(k key) *queue {
	b.mu.Lock()
	defer b.mu.Unlock()
	q := b.queues[k]
	if q != nil {
		q.refs++
	}
	return q
}

// begin waits for the turn to write to the cold store.
func (q *queue) begin(ctx context.Context) error {
	select {
	case q.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (q *queue) end() { <-q.turn }

// waits reports whether the next write has to go to the log.
func (q *queue) waits() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.entries) > 0
}

// add is called with q.mu held.
func (b *backlog) add(q *queue, e entry) {
	q.entries = append(q.entries, e)
	b.unapplied.Add(1)
}

// find returns the entry of an append, or nil. It is called with q.mu held.
func (q *queue) find(key string) *entry {
	for i := range q.entries {
		if e := &q.entries[i]; e.kind == kindAppend && e.name == key {
			return e
		}
	}
	return nil
}

// next returns the first entry that is not in the cold store.
func (q *queue) next() (e entry, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.applied == len(q.entries) {
		return entry{}, false
	}
	return q.entries[q.applied], true
}

// done notes that the entry that next returned is in the cold store. The turn
// is held.
func (b *backlog) done(q *queue) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.applied++
	b.unapplied.Add(-1)
}

// unapplied returns the entries that are not in the cold store, for all that
// is known, and all there are.
func (q *queue) unapplied() (open, all []entry) {
	q.mu.Lock()
	defer q.mu.Unlock()
	all = slices.Clone(q.entries)
	return all[q.applied:], all
}

// forget drops the entries before a sequence number, which the log's position
// is behind.
func (b *backlog) forget(k key, q *queue, seq uint64) {
	q.mu.Lock()
	n := 0
	for n < q.applied && q.entries[n].seq < seq {
		n++
	}
	q.entries = slices.Delete(q.entries, 0, n)
	q.applied -= n
	if len(q.entries) == 0 {
		q.version, q.summary = 0, 0
	}
	q.mu.Unlock()
	b.release(k, q)
}
