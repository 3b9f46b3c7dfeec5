package cache

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"reflect"
	"runtime/metrics"
	"slices"
	"sync/atomic"
	"time"
)

// defaultMemory is the bound when the configuration names none.
const defaultMemory = 256 << 20

// Memory is the in-process tier: a map from keys to entries that is bounded in
// bytes. Counted are the bodies, the entries and the tables that find them, by
// what the allocator takes for them; not counted are some kilobytes that a
// Memory has from the start, garbage that is not collected yet, and what
// callers still hold of entries that have left.
//
// Bytes are reserved before they are used, so the bound holds at every moment.
// It is one for all shards, so that an entry may be larger than a shard's part
// of it. There is no goroutine: an entry that has expired goes when it is asked
// for, when it is the oldest at a Put, or when room is made.
type Memory struct {
	limit   int64
	classes []int64 // the allocator's sizes, ascending
	mult    uint64  // random, so that nobody can choose keys that collide
	shift   int     // of a hash, to its shard
	shards  []shard

	used    atomic.Int64
	hand    atomic.Uint32 // the shard that gives way next
	refused atomic.Uint64
}

// Stats is the state of a Memory and what it did since it was made.
type Stats struct {
	Entries int
	// Bytes are those counted, Limit their bound.
	Bytes, Limit int64
	Hits, Misses uint64
	// Evictions made room; Expired were found past their time; Refused were
	// too large to be stored.
	Evictions, Expired, Refused uint64
}

// NewMemory returns an empty Memory that is bounded by c.Memory.
func NewMemory(c Config) *Memory {
	limit := c.Memory
	if limit <= 0 {
		limit = defaultMemory
	}
	m := &Memory{limit: limit, classes: sizeClasses(), mult: rand.Uint64() | 1, shift: 64}
	// A shard of less than a megabyte would evict what is still wanted while
	// others keep what is not.
	shards := 1
	for ; shards < maxShards && int64(shards)<<21 <= limit; shards *= 2 {
		m.shift--
	}
	m.shards = make([]shard, shards)
	return m
}

// Get returns the entry for k in the form that is asked for, else the one in
// the other form, else nil.
func (m *Memory) Get(k Key, stream bool, now time.Time) *Entry {
	h := m.hash(&k)
	s := m.shard(h)
	s.mu.Lock()
	defer s.mu.Unlock()
	asked, other := s.findBoth(h<<shardBits, &k, stream)
	for _, e := range [...]*Entry{asked, other} {
		switch {
		case e == nil:
		case now.Before(e.Expires):
			e.hits = min(e.hits+1, maxHits)
			s.hits++
			return e
		default:
			m.remove(s, e)
			s.expired++
		}
	}
	s.misses++
	return nil
}

// Put stores e, which is the cache's from then on, in place of one of the same
// key and form. An entry that takes more than an eighth of the bound is
// refused, since it would drive out too much else.
func (m *Memory) Put(k Key, e *Entry) {
	if e.size != 0 {
		panic("BUG: an entry is put twice")
	}
	e.node = node{key: k, size: m.entrySize(e)}
	if e.size > m.limit/8 || !m.makeRoom(e.size) {
		m.refused.Add(1)
		return
	}
	h := m.hash(&k)
	s := m.shard(h)
	s.mu.Lock()
	defer s.mu.Unlock()
	m.sweep(s, e.Stored)
	if old := s.find(h<<shardBits, &k, e.Stream); old != nil {
		m.remove(s, old)
	}
	if !m.grow(s) {
		m.used.Add(-e.size)
		m.refused.Add(1)
		return
	}
	s.insert(e, h<<shardBits)
}

// Delete removes one form of an answer.
func (m *Memory) Delete(k Key, stream bool) {
	h := m.hash(&k)
	s := m.shard(h)
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := s.find(h<<shardBits, &k, stream); n != nil {
		m.remove(s, n)
	}
}

// Stats adds up the shards, one after the other.
func (m *Memory) Stats() Stats {
	t := Stats{Bytes: m.used.Load(), Limit: m.limit, Refused: m.refused.Load()}
	for i := range m.shards {
		s := &m.shards[i]
		s.mu.Lock()
		t.Entries += s.count
		t.Hits += s.hits
		t.Misses += s.misses
		t.Evictions += s.evictions
		t.Expired += s.expired
		s.mu.Unlock()
	}
	return t
}

// The first bits of a hash choose the shard, those behind shardBits the bucket.
func (m *Memory) hash(k *Key) uint64 { return binary.LittleEndian.Uint64(k[:]) * m.mult }

func (m *Memory) shard(h uint64) *shard { return &m.shards[h>>m.shift] }

// reserve takes n bytes if that keeps the bound.
func (m *Memory) reserve(n int64) bool {
	for {
		used := m.used.Load()
		if used+n > m.limit {
			return false
		}
		if m.used.CompareAndSwap(used, used+n) {
			return true
		}
	}
}

// makeRoom reserves n bytes, evicting as it must. The shards give way in turn
// rather than the one that is put into, which a large entry would empty.
func (m *Memory) makeRoom(n int64) bool {
	for !m.reserve(n) {
		evicted := false
		for range m.shards {
			s := &m.shards[m.hand.Add(1)%uint32(len(m.shards))]
			s.mu.Lock()
			evicted = m.evict(s)
			s.mu.Unlock()
			if evicted {
				break
			}
		}
		if !evicted {
			return false // others hold reservations for entries not yet in
		}
	}
	return true
}

// evict removes an entry of s, which is locked.
func (m *Memory) evict(s *shard) bool {
	n := s.victim()
	if n == nil {
		return false
	}
	if !n.main {
		s.remember(m.hash(&n.key) << shardBits)
	}
	m.remove(s, n)
	s.evictions++
	return true
}

// sweep removes some of the oldest entries of s, which is locked, if they have
// expired.
func (m *Memory) sweep(s *shard, now time.Time) {
	for _, q := range [...]*queue{&s.small, &s.main} {
		for range 4 {
			if q.oldest == nil || now.Before(q.oldest.Expires) {
				break
			}
			m.remove(s, q.oldest)
			s.expired++
		}
	}
}

func (m *Memory) remove(s *shard, n *Entry) {
	s.remove(n, m.hash(&n.key)<<shardBits)
	m.used.Add(-n.size)
}

// grow makes room in the table of s, which is locked, for one more entry, and
// reports whether there is a table at all. A table that may not grow has
// longer chains.
func (m *Memory) grow(s *shard) bool {
	if s.count < len(s.buckets) {
		return true
	}
	buckets := max(minBuckets, 2*len(s.buckets))
	size := m.tableSize(buckets)
	for !m.reserve(size) {
		if !m.evict(s) {
			return len(s.buckets) > 0
		}
	}
	old := m.tableSize(len(s.buckets))
	s.rehash(buckets, func(n *Entry) uint64 { return m.hash(&n.key) << shardBits })
	m.used.Add(-old)
	return true
}

func (m *Memory) tableSize(buckets int) int64 {
	return m.allocated(8*int64(buckets)) + m.allocated(4*int64(buckets))
}

// bareSize is what is counted for an entry besides its body and its texts, its
// place in a table excepted.
var bareSize = int64(reflect.TypeFor[Entry]().Size())

// entrySize is what e takes once it is stored. Its texts are counted although
// entries may share them.
func (m *Memory) entrySize(e *Entry) int64 {
	size := m.allocated(bareSize) + m.allocated(int64(cap(e.Body)))
	for _, text := range [...]string{e.ContentType, e.Model, e.Provider, e.Tier} {
		size += m.allocated(int64(len(text)))
	}
	return size
}

// allocated is what the allocator takes for n bytes.
func (m *Memory) allocated(n int64) int64 {
	const page = 8 << 10
	if n == 0 {
		return 0
	}
	if i, _ := slices.BinarySearch(m.classes, n); i < len(m.classes) {
		return m.classes[i]
	}
	return (n + page - 1) / page * page
}

// sizeClasses asks the runtime for the sizes in which it allocates; larger
// objects take whole pages.
func sizeClasses() []int64 {
	sample := []metrics.Sample{{Name: "/gc/heap/allocs-by-size:bytes"}}
	metrics.Read(sample)
	if sample[0].Value.Kind() != metrics.KindFloat64Histogram {
		return nil
	}
	var classes []int64
	for _, start := range sample[0].Value.Float64Histogram().Buckets {
		if start > 1 && !math.IsInf(start, 0) {
			classes = append(classes, int64(start)-1)
		}
	}
	return classes
}
