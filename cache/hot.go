package cache

import (
	"bytes"
	"context"
	"strings"
	"sync"
	"time"
)

// How long the hot tier keeps what.
const (
	SummaryTTL  = 3600 * time.Second
	MessagesTTL = 1800 * time.Second
	TodosTTL    = 1800 * time.Second
	HintsTTL    = 3600 * time.Second
)

// MaxValue is the longest value that the hot tier keeps, in bytes.
const MaxValue = 4 << 20

// Item is a value of the hot tier, which the cold tier has as well. Nothing
// says that it is the newest: a write may have been lost.
type Item struct {
	Key string
	// Version orders the values of a key: an older one never replaces a newer
	// one while that is kept.
	Version int64
	// Value is nil when there is none. Set takes a nil Value, and one longer
	// than MaxValue, as none: it removes an older one, and keeps it away.
	Value []byte
	// TTL is how long Set keeps it, at least a millisecond. Get does not tell.
	TTL time.Duration
	// Checked has Set keep the value only where what is there is no newer than
	// After, the version that this one goes on from.
	Checked bool
	After   int64
	// Stale is set by Set: something newer is there, which stays.
	Stale bool
}

// Bound is the newest version that Set may replace by the item.
func (i *Item) Bound() int64 {
	if i.Checked {
		return i.After
	}
	return i.Version
}

// HotStats is the state of a hot tier and what it did since it was made.
type HotStats struct {
	// Items and the Bytes counted for them, within Limit, are of this process;
	// they are zero when Redis keeps them.
	Items        int
	Bytes, Limit int64
	// Hits and Misses count the keys that were asked for.
	Hits, Misses uint64
	// Stored are the items that Set put, Stale those older than what there was,
	// Dropped those that Redis did not take.
	Stored, Stale, Dropped uint64
	// Corrupt are the values that could not be read and were deleted; Evicted
	// made room.
	Corrupt, Evicted uint64
}

// Hot is the hot tier in this process. What was used least recently makes
// room. There is no goroutine: what has expired goes when it is asked for or
// when room is made. It is safe for concurrent use.
type Hot struct {
	limit int64

	mu    sync.Mutex
	items map[string]*hotItem
	ring  hotItem // its newer is the item used least recently, its older the last used
	stats HotStats
}

// hotItem is an item and its place in the ring.
type hotItem struct {
	key          string
	version      int64
	value        []byte
	expires      time.Time
	newer, older *hotItem
}

// defaultHotMemory is the bound when none is named.
const defaultHotMemory = 64 << 20

// NewHot returns an empty tier that takes about memory bytes at most; zero
// means 64 MiB. A value that takes more than an eighth of them is not kept.
func NewHot(memory int64) *Hot {
	if memory <= 0 {
		memory = defaultHotMemory
	}
	h := &Hot{limit: memory, items: map[string]*hotItem{}}
	h.ring.newer, h.ring.older = &h.ring, &h.ring
	return h
}

// Get appends an item for each key, in their order. Its value is shared and
// must not be changed. There is no error.
func (h *Hot) Get(_ context.Context, dst []Item, keys ...string) ([]Item, error) {
	now := time.Now()
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, key := range keys {
		item := Item{Key: key}
		if n := h.find(key, now); n != nil {
			item.Version, item.Value = n.version, n.value
			h.unlink(n)
			h.link(n)
		}
		if item.Value != nil {
			h.stats.Hits++
		} else {
			h.stats.Misses++
		}
		dst = append(dst, item)
	}
	return dst, nil
}

// Set stores each item unless a newer one is there, which then also keeps its
// time to live and is noted in Stale. It copies the values. There is no error.
func (h *Hot) Set(_ context.Context, items ...Item) error {
	now := time.Now()
	for i := range items {
		n := newHotItem(&items[i], now)
		if h.size(n) > h.limit/8 {
			n.value = nil
		}
		items[i].Stale = !h.put(n, items[i].Bound(), now)
	}
	return nil
}

// newHotItem copies an item. Its key may be a part of a longer text, and its
// value of a larger array.
func newHotItem(item *Item, now time.Time) *hotItem {
	if item.TTL < time.Millisecond {
		panic("BUG: an item of the hot tier without a time to live")
	}
	n := &hotItem{key: strings.Clone(item.Key), version: item.Version, expires: now.Add(item.TTL)}
	if len(item.Value) <= MaxValue {
		n.value = bytes.Clone(item.Value)
	}
	return n
}

// put reports whether what was there is no newer than bound.
func (h *Hot) put(n *hotItem, bound int64, now time.Time) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if old := h.find(n.key, now); old != nil {
		if old.version > bound {
			h.stats.Stale++
			return false
		}
		h.remove(old)
	}
	for h.stats.Bytes+h.size(n) > h.limit && len(h.items) > 0 {
		h.stats.Evicted++
		h.remove(h.ring.newer)
	}
	h.items[n.key] = n
	h.link(n)
	h.stats.Bytes += h.size(n)
	h.stats.Stored++
	return true
}

// Delete removes what is under the keys, and what was known of their versions.
// There is no error.
func (h *Hot) Delete(_ context.Context, keys ...string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, key := range keys {
		if n := h.items[key]; n != nil {
			h.remove(n)
		}
	}
	return nil
}

// Stats returns the state of the tier.
func (h *Hot) Stats() HotStats {
	h.mu.Lock()
	defer h.mu.Unlock()
	t := h.stats
	t.Items, t.Limit = len(h.items), h.limit
	return t
}

// find returns what is under a key and has not expired. mu is held, here and
// below.
func (h *Hot) find(key string, now time.Time) *hotItem {
	n := h.items[key]
	if n != nil && !now.Before(n.expires) {
		h.remove(n)
		return nil
	}
	return n
}

func (h *Hot) remove(n *hotItem) {
	delete(h.items, n.key)
	h.unlink(n)
	h.stats.Bytes -= h.size(n)
}

// link makes n the last used.
func (h *Hot) link(n *hotItem) {
	n.newer, n.older = &h.ring, h.ring.older
	n.older.newer, n.newer.older = n, n
}

func (h *Hot) unlink(n *hotItem) { n.newer.older, n.older.newer = n.older, n.newer }

// hotItemSize is what an item takes besides its texts: itself and its place in
// the map, which may be half empty.
const hotItemSize = 112 + 64

// size is what is counted for n. The allocator rounds up by an eighth at most.
func (h *Hot) size(n *hotItem) int64 {
	return hotItemSize + int64(len(n.key)+len(n.value))*9/8
}
