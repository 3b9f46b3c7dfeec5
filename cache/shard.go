package cache

import (
	"math/bits"
	"sync"
)

const (
	maxShards  = 1 << shardBits
	shardBits  = 4
	minBuckets = 32
	maxHits    = 3
)

// node is an entry's place in a shard, whose lock guards it.
type node struct {
	key  Key
	size int64 // what is counted for it

	next         *Entry // in its bucket
	newer, older *Entry // in its queue
	main         bool   // which queue that is
	hits         uint8  // since it came into the queue, less one a turn; up to maxHits
}

// queue is a list of entries by the time they came.
type queue struct {
	newest, oldest *Entry
	bytes          int64
}

func (q *queue) push(n *Entry) {
	n.older = q.newest
	if q.newest != nil {
		q.newest.newer = n
	} else {
		q.oldest = n
	}
	q.newest = n
	q.bytes += n.size
}

func (q *queue) remove(n *Entry) {
	if n.newer != nil {
		n.newer.older = n.older
	} else {
		q.newest = n.older
	}
	if n.older != nil {
		n.older.newer = n.newer
	} else {
		q.oldest = n.newer
	}
	n.newer, n.older = nil, nil
	q.bytes -= n.size
}

// shard holds a part of the keys. Its table is its own rather than a map,
// whose size nobody can tell and which never shrinks.
//
// What makes room is chosen by S3-FIFO (Yang and others, SOSP 2023): entries
// come into a small queue, move on to the main one when they were asked for
// again by the time they reach its end, and otherwise leave a print of their
// key; one that comes back while its print is there goes to the main queue at
// once. So the many prompts that come once pass through a tenth of the memory,
// and a hit counts, but moves nothing. In the traces of the tests it has 6 to 9
// hits in a hundred more than LRU, and 1 less when all that is popular changes
// at once, where SIEVE, which needs no prints, has 12 less.
//
// Methods are called with mu held, and with the hash of the key less the bits
// that chose the shard.
type shard struct {
	mu          sync.Mutex
	buckets     []*Entry // a power of two
	prints      []uint32 // as many, of keys that left the small queue
	count       int
	small, main queue

	hits, misses, evictions, expired uint64

	_ [64]byte // keeps the neighbours' locks off this cache line
}

func (s *shard) find(hash uint64, k *Key, stream bool) *Entry {
	n, _ := s.findBoth(hash, k, stream)
	return n
}

// findBoth returns the entry of the form that is asked for, and the other one.
func (s *shard) findBoth(hash uint64, k *Key, stream bool) (n, other *Entry) {
	if len(s.buckets) == 0 {
		return nil, nil
	}
	for at := s.buckets[s.bucket(hash)]; at != nil; at = at.next {
		switch {
		case at.key != *k:
		case at.Stream == stream:
			n = at
		default:
			other = at
		}
	}
	return n, other
}

func (s *shard) bucket(hash uint64) uint64 {
	return hash >> (64 - bits.TrailingZeros(uint(len(s.buckets))))
}

func (s *shard) insert(n *Entry, hash uint64) {
	b := s.bucket(hash)
	n.next, s.buckets[b] = s.buckets[b], n
	if s.prints[b] == keyPrint(hash) {
		s.prints[b] = 0
		n.main = true
	}
	s.queue(n).push(n)
	s.count++
}

// remove unlinks n. A caller may hold its entry for long, so n keeps nothing
// else alive.
func (s *shard) remove(n *Entry, hash uint64) {
	at := &s.buckets[s.bucket(hash)]
	for *at != n {
		at = &(*at).next
	}
	*at = n.next
	n.next = nil
	s.queue(n).remove(n)
	s.count--
}

func (s *shard) queue(n *Entry) *queue {
	if n.main {
		return &s.main
	}
	return &s.small
}

// victim returns the entry that makes room, or nil when there is none.
func (s *shard) victim() *Entry {
	for s.count > 0 {
		if s.main.oldest == nil || s.small.bytes > s.main.bytes/9 {
			n := s.small.oldest
			if n.hits == 0 {
				return n
			}
			s.small.remove(n)
			n.main, n.hits = true, 0
			s.main.push(n)
			continue
		}
		n := s.main.oldest
		if n.hits == 0 {
			return n
		}
		n.hits--
		s.main.remove(n)
		s.main.push(n)
	}
	return nil
}

// remember leaves the print of a key that was evicted.
func (s *shard) remember(hash uint64) { s.prints[s.bucket(hash)] = keyPrint(hash) }

// keyPrint is never zero. Its bits are not those that choose the bucket.
func keyPrint(hash uint64) uint32 { return uint32(hash>>shardBits) | 1 }

func (s *shard) rehash(buckets int, hash func(*Entry) uint64) {
	s.buckets = make([]*Entry, buckets)
	s.prints = make([]uint32, buckets)
	for _, oldest := range [...]*Entry{s.small.oldest, s.main.oldest} {
		for n := oldest; n != nil; n = n.newer {
			b := s.bucket(hash(n))
			n.next, s.buckets[b] = s.buckets[b], n
		}
	}
}
