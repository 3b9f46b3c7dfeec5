package cache

import (
	"bytes"
	"container/list"
	"crypto/sha256"
	"encoding/binary"
	"math"
	"math/rand/v2"
	"reflect"
	"runtime"
	"sort"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

var start = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// key returns the i-th of a series of keys. They are digests, as real ones are:
// numbers that are only multiplied do not spread evenly over the shards.
func key(i int) Key {
	return sha256.Sum256(binary.LittleEndian.AppendUint64(nil, uint64(i)))
}

func entry(size int) *Entry {
	return &Entry{Body: make([]byte, size), Model: "openai/gpt-5", Provider: "openai", Stored: start, Expires: start.Add(time.Hour)}
}

// check verifies every link of m and that the bytes it counts are those of
// what it holds.
func check(t *testing.T, m *Memory) {
	t.Helper()
	var used int64
	entries := 0
	for i := range m.shards {
		s := &m.shards[i]
		used += m.tableSize(len(s.buckets))
		count := 0
		for _, q := range []*queue{&s.small, &s.main} {
			var last *Entry
			var bytes int64
			for n := q.oldest; n != nil; last, n = n, n.newer {
				if n.older != last || s.queue(n) != q {
					t.Fatal("BUG: queue broken")
				}
				if h := m.hash(&n.key); m.shard(h) != s || s.find(h<<shardBits, &n.key, n.Stream) != n {
					t.Fatal("BUG: an entry can't be found")
				}
				bytes += n.size
				count++
			}
			if q.newest != last || q.bytes != bytes {
				t.Fatalf("BUG: a queue counts %d bytes and has %d", q.bytes, bytes)
			}
			used += bytes
		}
		if s.count != count {
			t.Fatalf("BUG: a shard counts %d entries and has %d", s.count, count)
		}
		entries += count
	}
	got := m.Stats()
	if got.Bytes != used || got.Entries != entries || got.Bytes > got.Limit {
		t.Fatalf("Stats are %+v, held are %d entries of %d bytes", got, entries, used)
	}
}

func TestMemory(t *testing.T) {
	m := NewMemory(Config{Memory: 1 << 20})
	now := start.Add(time.Minute)
	if m.Get(key(1), false, now) != nil {
		t.Error("an empty cache has an entry")
	}
	want := &Entry{
		Body: []byte("data: 1\n\ndata: [DONE]\n\n"), Stream: true, UsageStart: 3, UsageEnd: 7, ContentType: "text/event-stream",
		Model: "openai/gpt-5", Provider: "openai", Tier: "L2", InputTokens: 1, CacheReadTokens: 2, CacheWriteTokens: 3,
		OutputTokens: 4, ReasoningTokens: 5, CostNano: 6, Stored: start, Expires: start.Add(time.Hour),
	}
	m.Put(key(1), want)
	got := m.Get(key(1), true, now)
	if got != want {
		t.Errorf("got %+v", got)
	}
	if m.Get(key(1), false, now) != want {
		t.Error("the stream does not stand in for the JSON form")
	}
	m.Put(key(1), entry(10))
	m.Put(key(1), entry(20))
	if got := m.Get(key(1), false, now); got == nil || len(got.Body) != 20 {
		t.Errorf("got %+v, want the entry put last", got)
	}
	m.Delete(key(1), false)
	m.Delete(key(2), false)
	if m.Get(key(1), false, now) != want {
		t.Error("Delete removed the wrong form")
	}
	check(t, m)
	s := m.Stats()
	if diff := cmp.Diff(Stats{Entries: 1, Bytes: s.Bytes, Limit: 1 << 20, Hits: 4, Misses: 1}, s); diff != "" {
		t.Error(diff)
	}
}

// TestConverted finds a field that Converted forgets.
func TestConverted(t *testing.T) {
	var e Entry
	v := reflect.ValueOf(&e).Elem()
	for i := range v.NumField() {
		switch f := v.Field(i); {
		case !v.Type().Field(i).IsExported():
		case f.Kind() == reflect.String:
			f.SetString("x")
		case f.CanInt():
			f.SetInt(1)
		case f.Kind() == reflect.Bool:
			f.SetBool(true)
		case f.Kind() == reflect.Slice:
			f.SetBytes([]byte("x"))
		case f.Type() == reflect.TypeFor[time.Time]():
			f.Set(reflect.ValueOf(start))
		default:
			t.Fatalf("%s: a %s", v.Type().Field(i).Name, f.Type())
		}
	}
	to := e.Converted([]byte("y"), 2, 3)
	want := e
	want.Body, want.Stream, want.UsageStart, want.UsageEnd = []byte("y"), false, 2, 3
	if diff := cmp.Diff(&want, to, cmpopts.IgnoreUnexported(Entry{})); diff != "" {
		t.Error(diff)
	}
}

func TestMemoryExpiry(t *testing.T) {
	m := NewMemory(Config{Memory: 1 << 20})
	end := start.Add(time.Hour)
	m.Put(key(1), entry(100))
	if m.Get(key(1), false, end.Add(-1)) == nil {
		t.Error("gone before its time")
	}
	if m.Get(key(1), false, end) != nil {
		t.Error("served past its time")
	}
	if s := m.Stats(); s.Entries != 0 || s.Expired != 1 {
		t.Errorf("%+v: want an expired entry to be freed", s)
	}
	// Entries that nobody asks for go as others come.
	for i := range 20 {
		m.Put(key(i), entry(100))
	}
	for i := range 5 {
		e := entry(100)
		e.Stored, e.Expires = end, end.Add(time.Hour)
		m.Put(key(100+i), e)
	}
	if s := m.Stats(); s.Entries != 5 || s.Expired != 21 {
		t.Errorf("%+v: want 5 entries and 21 expired", s)
	}
	e := entry(100)
	e.Expires = time.Time{}
	m.Put(key(1), e)
	if m.Get(key(1), false, start) != nil {
		t.Error("an entry without Expires was served")
	}
	check(t, m)
}

func TestMemoryRefusesLargeEntries(t *testing.T) {
	m := NewMemory(Config{Memory: 16 << 20})
	m.Put(key(1), entry(1000))
	m.Put(key(1), entry(2<<20))
	if got := m.Get(key(1), false, start); got == nil || len(got.Body) != 1000 {
		t.Error("a refused entry replaced another")
	}
	m.Put(key(2), entry(2<<20-1<<14)) // more than a shard's part of the bound
	if m.Get(key(2), false, start) == nil {
		t.Error("an entry of an eighth was refused")
	}
	// It is the array that stays in memory.
	m.Put(key(3), &Entry{Body: make([]byte, 10, 3<<20), Expires: start.Add(time.Hour)})
	if m.Get(key(3), false, start) != nil {
		t.Error("an entry with a large array was stored")
	}
	if s := m.Stats(); s.Refused != 2 {
		t.Errorf("%+v: want 2 refused", s)
	}
	check(t, m)
}

func TestMemorySmallBounds(t *testing.T) {
	for limit := int64(1); limit < 1<<15; limit = limit*3/2 + 1 {
		m := NewMemory(Config{Memory: limit})
		for i := range 100 {
			m.Put(key(i), entry(i))
			m.Get(key(i), false, start)
			check(t, m)
		}
	}
	if got := NewMemory(Config{}).Stats().Limit; got != 256<<20 {
		t.Errorf("the default bound is %d", got)
	}
}

// The keys of an attacker who can choose their first bytes still spread.
func TestMemorySpreadsKeys(t *testing.T) {
	m := NewMemory(Config{Memory: 1 << 20})
	for i := range 1000 {
		var k Key
		binary.BigEndian.PutUint64(k[:], uint64(i)<<32|0x12345678)
		m.Put(k, entry(0))
	}
	longest := 0
	for _, n := range m.shards[0].buckets {
		length := 0
		for ; n != nil; n = n.next {
			length++
		}
		longest = max(longest, length)
	}
	if longest > 100 {
		t.Errorf("a chain of %d entries", longest)
	}
	check(t, m)
}

func TestMemoryBoundUnderLoad(t *testing.T) {
	m := NewMemory(Config{Memory: 8 << 20})
	array := make([]byte, 2<<20) // shared, which the cache can't know
	var wg sync.WaitGroup
	var done atomic.Bool
	for w := range 4 {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(5, uint64(w)))
			for range 5000 {
				k := key(r.IntN(5000))
				switch r.IntN(4) {
				case 0:
					m.Get(k, r.IntN(2) == 0, start.Add(time.Duration(r.IntN(70))*time.Minute))
				case 1:
					m.Delete(k, r.IntN(2) == 0)
				default:
					size := int(math.Exp(r.Float64() * math.Log(2<<20)))
					e := entry(0)
					e.Body = array[:size:size]
					e.Stream = r.IntN(2) == 0
					m.Put(k, e)
				}
			}
		})
	}
	watched := make(chan int64)
	go func() {
		var most int64
		for !done.Load() {
			most = max(most, m.used.Load())
			runtime.Gosched()
		}
		watched <- most
	}()
	wg.Wait()
	done.Store(true)
	if most := <-watched; most > 8<<20 {
		t.Errorf("%d bytes in use, over the bound", most)
	}
	check(t, m)
	if s := m.Stats(); s.Evictions == 0 {
		t.Errorf("%+v: nothing was evicted", s)
	}
}

// TestMemoryCountsHonestly compares what is counted with what the heap grows
// by, for entries small and large.
func TestMemoryCountsHonestly(t *testing.T) {
	f := func(name string, limit int64, size func(r *rand.Rand) int) {
		r := rand.New(rand.NewPCG(6, 7))
		before := heap()
		m := NewMemory(Config{Memory: limit})
		for i := 0; m.Stats().Evictions < 1000; i++ {
			e := entry(size(r))
			e.Model, e.ContentType = strings.Repeat("m", 20), strings.Repeat("c", 30)
			m.Put(key(i), e)
		}
		held := heap() - before
		s := m.Stats()
		ratio := float64(held) / float64(s.Bytes)
		t.Logf("%s: %d entries, %d bytes counted, %d held (%.3f)", name, s.Entries, s.Bytes, held, ratio)
		if ratio > 1.005 || ratio < 0.9 {
			t.Errorf("%s: %d bytes are counted, %d are held", name, s.Bytes, held)
		}
		if float64(s.Bytes) < 0.95*float64(limit) {
			t.Errorf("%s: only %d of %d bytes are used", name, s.Bytes, limit)
		}
		runtime.KeepAlive(m)
	}
	f("empty", 8<<20, func(*rand.Rand) int { return 0 })
	f("4097", 32<<20, func(*rand.Rand) int { return 4097 })
	f("mixed", 64<<20, func(r *rand.Rand) int { return int(math.Exp(r.Float64() * math.Log(1<<20))) })
}

func heap() int64 {
	runtime.GC()
	runtime.GC()
	var s runtime.MemStats
	runtime.ReadMemStats(&s)
	return int64(s.HeapAlloc)
}

// TestMemoryHitRatio plays traces of prompts, whose popularity is Zipf's, to
// the cache and to an LRU of the same size.
func TestMemoryHitRatio(t *testing.T) {
	const size = 1000
	limit := int64(4 << 20)
	f := func(name string, atLeast float64, next func(r *rand.Rand, i int) int) {
		m := NewMemory(Config{Memory: limit})
		lru := newLRU(int(limit / (m.entrySize(entry(size)) + 12)))
		r := rand.New(rand.NewPCG(8, 9))
		var ours, theirs, all float64
		for i := range 200_000 {
			k := next(r, i)
			hit := m.Get(key(k), false, start) != nil
			if !hit {
				m.Put(key(k), entry(size))
			}
			lruHit := lru.touch(k)
			if i < 50_000 {
				continue // warm-up
			}
			all++
			if hit {
				ours++
			}
			if lruHit {
				theirs++
			}
		}
		t.Logf("%s: %.1f %%, LRU %.1f %%", name, 100*ours/all, 100*theirs/all)
		if ours/all < theirs/all+atLeast {
			t.Errorf("%s: hit ratio %.3f, LRU has %.3f", name, ours/all, theirs/all)
		}
		check(t, m)
	}
	zipf := func(s float64) func(*rand.Rand, int) int {
		next := newZipf(50_000, s)
		return func(r *rand.Rand, _ int) int { return next(r) }
	}
	f("Zipf 0.8", 0.07, zipf(0.8))
	f("Zipf 1.0", 0.04, zipf(1.0))
	popular := newZipf(20_000, 0.9)
	f("half of the prompts come once", 0.07, func(r *rand.Rand, i int) int {
		if i%2 == 0 {
			return 1_000_000 + i
		}
		return popular(r)
	})
	f("the popular ones change", -0.02, func(r *rand.Rand, i int) int { return popular(r) + i/50_000*20_000 })
}

func newZipf(n int, s float64) func(r *rand.Rand) int {
	sums := make([]float64, n)
	sum := 0.0
	for i := range sums {
		sum += math.Pow(float64(i+1), -s)
		sums[i] = sum
	}
	return func(r *rand.Rand) int { return sort.SearchFloat64s(sums, r.Float64()*sum) }
}

type lru struct {
	size  int
	queue *list.List
	at    map[int]*list.Element
}

func newLRU(size int) *lru { return &lru{size, list.New(), map[int]*list.Element{}} }

// touch reports whether k is there, and puts it there.
func (l *lru) touch(k int) bool {
	if e := l.at[k]; e != nil {
		l.queue.MoveToFront(e)
		return true
	}
	l.at[k] = l.queue.PushFront(k)
	if l.queue.Len() > l.size {
		delete(l.at, l.queue.Remove(l.queue.Back()).(int))
	}
	return false
}

func TestMemoryKeepsWhatCallersHold(t *testing.T) {
	m := NewMemory(Config{Memory: 1 << 20})
	e := entry(0)
	e.Body = bytes.Repeat([]byte("x"), 1000)
	m.Put(key(0), e)
	got := m.Get(key(0), false, start)
	for i := range 5000 {
		m.Put(key(i), entry(1000))
	}
	if got != e || !bytes.Equal(got.Body, bytes.Repeat([]byte("x"), 1000)) {
		t.Errorf("%+v", got)
	}
}
