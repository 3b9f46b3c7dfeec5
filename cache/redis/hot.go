package redis

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/ai-mcp-gateway/gateway/cache"
	goredis "github.com/redis/go-redis/v9"
)

// Hot is the hot tier of conversations in Redis, for all instances. It shares
// the connections and the breaker of its Store, and ends with it. Any error
// means that the cold tier has to be asked; it takes hotTimeout at most,
// and no time while Redis is down or, for writes, refuses them. The errors are counted in the Store's Stats.
//
// The keys of a call have one hash tag. Each call is one round trip, unless
// keys have moved in a Cluster or have corrupt values.
type Hot struct {
	store *Store

	hits, misses, stored, stale, dropped, corrupt atomic.Uint64
}

// hotTimeout is what a turn of a conversation may lose to Redis. It is longer
// than that of the response cache: without an answer the cold tier has to be
// asked, and what waits in the logs of other instances is not seen.
const hotTimeout = 4 * operationTimeout

// Hot returns the hot tier, which is one for the Store.
func (s *Store) Hot() *Hot { return &s.hot }

// hotSet stores ARGV[1] under KEYS[1] for ARGV[2] milliseconds, unless a version
// is there that is newer than ARGV[3]. A value that is not ours is replaced. It is sent as it is,
// rather than by its hash: a server that lost it would need a second trip.
const hotSet = `local old = redis.pcall('GETRANGE', KEYS[1], 0, 13)
if type(old) == 'string' and #old == 14 and old:byte() == 1 then
	local high, low = struct.unpack('>I4I4', old, 7)
	local newHigh, newLow = struct.unpack('>I4I4', ARGV[3])
	if high > newHigh or high == newHigh and low > newLow then return 0 end
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1`

// Get appends an item for each key, in their order. A value that cannot be
// read is deleted, and as good as none. An error appends nothing.
func (h *Hot) Get(ctx context.Context, dst []cache.Item, keys ...string) ([]cache.Item, error) {
	if h.store.breaker.open.Load() {
		return dst, errDown
	}
	pipe := h.store.client.Pipeline()
	for _, key := range keys {
		// GETRANGE bounds what a value that is not ours can cost.
		pipe.GetRange(ctx, key, 0, maxValue)
	}
	cmds, err := h.exec(ctx, pipe)
	if err != nil {
		return dst, err
	}
	var bad []string
	for i, cmd := range cmds {
		item := cache.Item{Key: keys[i]}
		stored, err := cmd.(*goredis.StringCmd).Bytes()
		if err != nil || len(stored) > 0 && h.store.codec.decodeHot(stored, &item) != nil {
			bad = append(bad, keys[i])
		}
		if item.Value != nil {
			h.hits.Add(1)
		} else {
			h.misses.Add(1)
		}
		dst = append(dst, item)
	}
	if len(bad) > 0 {
		h.corrupt.Add(uint64(len(bad)))
		_ = h.Delete(ctx, bad...) // the next one who reads them tries again
	}
	return dst, nil
}

// Set stores each item unless a newer one is there, which then also keeps its
// time to live and is noted in Stale. After an error, any of them may be stored or not.
func (h *Hot) Set(ctx context.Context, items ...cache.Item) error {
	if !h.store.writable() {
		h.dropped.Add(uint64(len(items)))
		return errDown
	}
	pipe := h.store.client.Pipeline()
	for i := range items {
		item := &items[i]
		if item.TTL < time.Millisecond {
			panic("BUG: an item of the hot tier without a time to live")
		}
		value := h.store.codec.appendHot(make([]byte, 0, hotHead+len(item.Value)), item)
		pipe.Eval(ctx, hotSet, []string{item.Key}, value, item.TTL.Milliseconds(), appendVersion(nil, item.Bound()))
	}
	cmds, err := h.exec(ctx, pipe)
	for i, cmd := range cmds {
		switch n, err := cmd.(*goredis.Cmd).Int(); {
		case err != nil:
			h.dropped.Add(1)
		case n == 0:
			items[i].Stale = true
			h.stale.Add(1)
		default:
			h.stored.Add(1)
		}
	}
	return err
}

// Delete removes what is under the keys, and what was known of their versions.
func (h *Hot) Delete(ctx context.Context, keys ...string) error {
	if !h.store.writable() {
		return errDown
	}
	pipe := h.store.client.Pipeline()
	for _, key := range keys {
		pipe.Del(ctx, key)
	}
	_, err := h.exec(ctx, pipe)
	return err
}

// exec sends a pipeline and returns what became of its commands, with the
// first error that is not about a value of another type.
func (h *Hot) exec(ctx context.Context, pipe goredis.Pipeliner) ([]goredis.Cmder, error) {
	s := h.store
	opCtx, cancel := context.WithTimeout(ctx, hotTimeout)
	defer cancel()
	cmds, _ := pipe.Exec(opCtx) // each has its own error
	for _, cmd := range cmds {
		err := cmd.Err()
		switch {
		case err == nil:
		case ctx.Err() != nil:
			return cmds, err // says nothing about Redis
		case s.report(err) != wrongtype:
			return cmds, err
		}
	}
	s.breaker.succeeded()
	return cmds, nil
}

// Stats adds up what happened so far.
func (h *Hot) Stats() cache.HotStats {
	return cache.HotStats{
		Hits: h.hits.Load(), Misses: h.misses.Load(),
		Stored: h.stored.Load(), Stale: h.stale.Load(), Dropped: h.dropped.Load(),
		Corrupt: h.corrupt.Load(),
	}
}
