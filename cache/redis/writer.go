package redis

import (
	"context"
	"time"

	"github.com/ai-mcp-gateway/gateway/cache"
	goredis "github.com/redis/go-redis/v9"
)

const (
	maxQueued      = 1024
	maxQueuedBytes = 16 << 20
	// A batch ends with the write that makes it this many, or this many bytes
	// of bodies.
	maxBatch      = 64
	maxBatchBytes = 1 << 20

	probeInterval = time.Second
)

// write is one for the background: of an entry, or a deletion if that is nil.
type write struct {
	key   string
	hash  cache.Key
	entry *cache.Entry
}

func (w *write) bytes() int64 {
	if w.entry == nil {
		return 0
	}
	return int64(len(w.entry.Body))
}

func (s *Store) enqueue(w write) bool {
	if s.queuedBytes.Add(w.bytes()) <= maxQueuedBytes {
		select {
		case s.queue <- w:
			return true
		default:
		}
	}
	s.queuedBytes.Add(-w.bytes())
	return false
}

// discard deletes a key in the background. If that can't be, the next one who
// reads it tries again.
func (s *Store) discard(key string) { s.enqueue(write{key: key}) }

// run is the goroutine of a Store: it writes what is queued, and probes while
// Redis is down, until ctx ends. It closes probed after the first probe.
func (s *Store) run(ctx context.Context, probed chan<- struct{}) {
	defer close(s.stopped)
	s.probe(ctx)
	close(probed)
	tick := time.NewTicker(probeInterval)
	defer tick.Stop()
	for {
		select {
		case w := <-s.queue:
			s.writeBatch(w)
		case <-tick.C:
			s.refused.Store(false)
			s.findNodes(ctx)
			if s.breaker.open.Load() {
				s.probe(ctx)
			}
		case <-ctx.Done():
			s.flush()
			return
		}
	}
}

// findNodes asks a cluster that has failed calls who has which slots now: a
// node that is gone can't tell who took its place.
func (s *Store) findNodes(ctx context.Context) {
	if cluster, ok := s.client.(*goredis.ClusterClient); ok && s.failed.Swap(false) {
		cluster.ReloadState(ctx) // in the background
	}
}

// probe closes the breaker if Redis can be used. The first PING may take the
// time that a connection needs; the second has to be as fast as calls need it.
func (s *Store) probe(ctx context.Context) {
	for _, limit := range [...]time.Duration{dialTimeout, operationTimeout} {
		limited, cancel := context.WithTimeout(ctx, limit)
		err := s.client.Ping(limited).Err()
		cancel()
		if err != nil {
			s.report(err)
			return
		}
	}
	s.breaker.close()
}

// flush writes what is queued unless Redis is down.
func (s *Store) flush() {
	for deadline := time.Now().Add(writeTimeout); time.Now().Before(deadline); {
		select {
		case w := <-s.queue:
			s.writeBatch(w)
		default:
			return
		}
	}
}

// writeBatch sends a write and those queued behind it in one round trip.
func (s *Store) writeBatch(first write) {
	batch := append(make([]write, 0, maxBatch), first)
	bytes := first.bytes()
	for len(batch) < maxBatch && bytes < maxBatchBytes && len(s.queue) > 0 {
		w := <-s.queue // nobody else takes from it
		batch = append(batch, w)
		bytes += w.bytes()
	}
	defer s.queuedBytes.Add(-bytes)
	if !s.writable() {
		s.countDropped(batch)
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), writeTimeout)
	defer cancel()
	pipe := s.client.Pipeline()
	cmds := make([]goredis.Cmder, len(batch))
	for i := range batch {
		cmds[i] = s.command(ctx, pipe, &batch[i])
	}
	_, err := pipe.Exec(ctx)
	s.settle(batch, cmds, err)
}

// command adds w to the pipeline, or returns nil if it has expired in the
// queue.
func (s *Store) command(ctx context.Context, pipe goredis.Pipeliner, w *write) goredis.Cmder {
	if w.entry == nil {
		return pipe.Del(ctx, w.key)
	}
	left := time.Until(w.entry.Expires).Truncate(time.Millisecond)
	if left <= 0 {
		return nil
	}
	return pipe.Set(ctx, w.key, s.codec.appendValue(nil, w.entry, &w.hash), left)
}

// settle counts what became of a batch. A connection that fails does so for
// all of it, which is one failure.
func (s *Store) settle(batch []write, cmds []goredis.Cmder, err error) {
	if err != nil {
		s.report(err)
	} else {
		s.breaker.succeeded()
	}
	for i := range batch {
		switch {
		case cmds[i] == nil, batch[i].entry == nil:
		case cmds[i].Err() == nil:
			s.stored.Add(1)
		default:
			s.dropped.Add(1)
		}
	}
}

func (s *Store) countDropped(batch []write) {
	for i := range batch {
		if batch[i].entry != nil {
			s.dropped.Add(1)
		}
	}
}
