package cache

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestConversationKeys(t *testing.T) {
	f := func(tenant, id, tag string) {
		t.Helper()
		want := Keys{"conv:summary:{" + tag + "}", "conv:messages:{" + tag + "}", "todo:list:{" + tag + "}"}
		if diff := cmp.Diff(want, ConversationKeys(tenant, id)); diff != "" {
			t.Error(diff)
		}
		if got, want := HintsKey(tenant, id), "routing:hints:{"+tag+"}"; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	f("default", "c-1", "c-1")
	f("acme", "c-1", "acme/c-1")
	f("default", "acme/c-1", "acme%2fc-1")
	f("a/b", "c", "a%2fb/c")
	f("a", "b/c", "a/b%2fc")
	f("default", "a}b", "a%7db")
	f("default", "a%7db", "a%257db")
	f("default", "{a", "{a")
	f("default", "ü \x00\xff", "ü \x00\xff")
	f("default", "", "%")
	f("default", "%", "%25")
	f("", "a", "/a")
	f("acme", "", "acme/")
	f("default", strings.Repeat("a", maxName), strings.Repeat("a", maxName))
	long := strings.Repeat("a", maxName+1)
	f("default", long, fmt.Sprintf("%%sha256:%x", sha256.Sum256([]byte(long))))
	if n := len(ConversationKeys(strings.Repeat("/", maxName), strings.Repeat("}", maxName)).Messages); n > 6*maxName+50 {
		t.Errorf("a key has %d bytes", n)
	}
}

// readTag takes apart what stands between the braces, as appendTag means it.
func readTag(t *testing.T, key string) (tenant, name string) {
	t.Helper()
	_, tag, _ := strings.Cut(key, "{")
	tag, rest, closed := strings.Cut(tag, "}")
	if !closed || rest != "" || tag == "" {
		t.Fatalf("%q has no hash tag to its end", key)
	}
	tenant, name, found := strings.Cut(tag, "/")
	if !found {
		tenant, name = defaultTenant, tag
	}
	return unescape(t, tenant), unescape(t, name)
}

func unescape(t *testing.T, text string) string {
	t.Helper()
	if text == "%" || strings.HasPrefix(text, "%sha256:") {
		return text
	}
	var name []byte
	for i := 0; i < len(text); i++ {
		if text[i] != '%' {
			name = append(name, text[i])
			continue
		}
		b, err := hex.DecodeString(text[i+1 : i+3])
		if err != nil {
			t.Fatal(err)
		}
		name = append(name, b...)
		i += 2
	}
	return string(name)
}

// No two names share a key, since the key tells them both.
func FuzzConversationKeys(f *testing.F) {
	for _, name := range []string{"", "a", "a/b", "}", "%", "%2f", "{}", "default", "\x00", strings.Repeat("}", 600)} {
		f.Add("default", name)
		f.Add(name, "a")
	}
	f.Fuzz(func(t *testing.T, tenant, id string) {
		k := ConversationKeys(tenant, id)
		if len(tenant) > maxName {
			tenant = string(appendName(nil, tenant))
		}
		if len(id) > maxName || tenant == defaultTenant && id == "" {
			id, _ = strings.CutSuffix(string(appendTag(nil, defaultTenant, id)), "}")
		}
		for _, key := range []string{k.Summary, k.Messages, k.Todos} {
			if gotTenant, gotID := readTag(t, key); gotTenant != tenant || gotID != id {
				t.Errorf("%q, %q became %q, which is %q, %q", tenant, id, key, gotTenant, gotID)
			}
		}
	})
}

// checkRing verifies every link of h and that the bytes it counts are those of
// what it holds.
func checkRing(t *testing.T, h *Hot) {
	t.Helper()
	var bytes int64
	count := 0
	for n := h.ring.newer; n != &h.ring; n = n.newer {
		if n.newer.older != n || n.older.newer != n || h.items[n.key] != n {
			t.Fatal("BUG: ring broken")
		}
		bytes += h.size(n)
		count++
	}
	if s := h.Stats(); s.Bytes != bytes || s.Items != count || len(h.items) != count || s.Bytes > s.Limit {
		t.Fatalf("%+v, held are %d items of %d bytes", s, count, bytes)
	}
}

func hotGet(h *Hot, key string) Item {
	items, _ := h.Get(context.Background(), nil, key)
	return items[0]
}

func hotSet(h *Hot, key string, version int64, value string, ttl time.Duration) {
	_ = h.Set(context.Background(), Item{Key: key, Version: version, Value: []byte(value), TTL: ttl})
}

func TestHotExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := NewHot(0)
		hotSet(h, "a", 2, "a", 10*time.Second)
		time.Sleep(9 * time.Second)
		hotSet(h, "a", 1, "older", time.Hour) // does not take place
		if got := hotGet(h, "a"); string(got.Value) != "a" {
			t.Errorf("got %v", got)
		}
		time.Sleep(time.Second)
		if got := hotGet(h, "a"); got.Value != nil || got.Version != 0 {
			t.Errorf("got %v", got)
		}
		hotSet(h, "a", 1, "b", time.Second)
		hotSet(h, "a", 1, "c", time.Minute)
		time.Sleep(time.Second)
		if got := hotGet(h, "a"); string(got.Value) != "c" {
			t.Errorf("got %v", got)
		}
		time.Sleep(time.Minute)
		hotSet(h, "a", 0, "d", time.Second) // what has expired is no longer newer
		if got := hotGet(h, "a"); string(got.Value) != "d" {
			t.Errorf("got %v", got)
		}
		checkRing(t, h)
		want := HotStats{Items: 1, Bytes: h.size(h.items["a"]), Limit: defaultHotMemory, Hits: 3, Misses: 1, Stored: 4, Stale: 1}
		if diff := cmp.Diff(want, h.Stats()); diff != "" {
			t.Error(diff)
		}
	})
}

func TestHotEvictsTheLeastRecentlyUsed(t *testing.T) {
	h := NewHot(64 << 10)
	value := strings.Repeat("a", 4<<10)
	for i := range 13 {
		hotSet(h, fmt.Sprint(i), 1, value, time.Minute)
	}
	hotGet(h, "0")
	hotSet(h, "1", 2, value, time.Minute)
	hotSet(h, "2", 0, "older", time.Minute) // is no use of it
	hotSet(h, "13", 1, value, time.Minute)
	hotSet(h, "14", 1, value, time.Minute)
	checkRing(t, h)
	var left []int
	for i := range 15 {
		if hotGet(h, fmt.Sprint(i)).Value != nil {
			left = append(left, i)
		}
	}
	if diff := cmp.Diff([]int{0, 1, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14}, left); diff != "" {
		t.Error(diff)
	}
	if got := h.Stats(); got.Evicted != 2 {
		t.Errorf("%+v", got)
	}
}

// A value that is too large removes an older one, and keeps it away.
func TestHotTooLarge(t *testing.T) {
	h := NewHot(64 << 10)
	hotSet(h, "a", 1, "a", time.Minute)
	hotSet(h, "a", 2, strings.Repeat("a", 8<<10), time.Minute)
	hotSet(h, "a", 1, "a", time.Minute)
	if got := hotGet(h, "a"); got.Value != nil || got.Version != 2 {
		t.Errorf("got %v", got)
	}
	checkRing(t, h)
}

func TestHotWithoutTTL(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("an item was taken for good")
		}
	}()
	hotSet(NewHot(0), "a", 1, "a", 0)
}

// The heap grows by what is counted, whatever is stored.
func TestHotMemoryIsBounded(t *testing.T) {
	const limit = 8 << 20
	heap := func() int64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.GC()
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	for _, size := range []int{0, 10, 100, 1000, 10_000, 100_000} {
		before := heap()
		h := NewHot(limit)
		for i := 0; h.stats.Evicted < 10; i++ {
			hotSet(h, ConversationKeys("acme", fmt.Sprint(i)).Messages, 1, strings.Repeat("a", size), time.Minute)
		}
		if grown := heap() - before; grown > limit*11/10 || grown < limit/2 {
			t.Errorf("%d items of %d bytes take %d, the limit is %d", len(h.items), size, grown, limit)
		}
		runtime.KeepAlive(h)
	}
}

func TestHotAtOnce(t *testing.T) {
	h := NewHot(256 << 10)
	var all sync.WaitGroup
	for w := range uint64(4) {
		r := rand.New(rand.NewPCG(1, w))
		all.Go(func() {
			for range 2000 {
				key := fmt.Sprint(r.IntN(100))
				switch r.IntN(8) {
				case 0, 1, 2:
					hotSet(h, key, r.Int64N(100), strings.Repeat(key, r.IntN(5000)), time.Minute)
				case 3:
					_ = h.Delete(context.Background(), key)
				default:
					if got := hotGet(h, key); strings.Trim(string(got.Value), key) != "" {
						t.Errorf("%s has another's value", key)
					}
				}
			}
		})
	}
	all.Wait()
	checkRing(t, h)
	if h.Stats().Evicted == 0 {
		t.Error("there was room for all")
	}
	for key := range h.items {
		_ = h.Delete(context.Background(), slices.Repeat([]string{key}, 2)...)
	}
	checkRing(t, h)
	if got := h.Stats(); got.Bytes != 0 {
		t.Errorf("%+v", got)
	}
}

func BenchmarkHot(b *testing.B) {
	h := NewHot(0)
	ctx := context.Background()
	conversations := make([][]string, 1000)
	value := []byte(strings.Repeat("a", 8<<10))
	for i := range conversations {
		k := ConversationKeys("default", fmt.Sprint(i))
		conversations[i] = []string{k.Summary, k.Messages, k.Todos}
		hotSet(h, k.Summary, 1, "summary", time.Hour)
		_ = h.Set(ctx, Item{Key: k.Messages, Value: value, TTL: time.Hour})
	}
	b.Run("get3", func(b *testing.B) {
		b.ReportAllocs()
		dst := make([]Item, 0, 3)
		for i := 0; b.Loop(); i++ {
			_, _ = h.Get(ctx, dst, conversations[i%1000]...)
		}
	})
	b.Run("set_8KiB", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			_ = h.Set(ctx, Item{Key: conversations[i%1000][1], Version: int64(i), Value: value, TTL: time.Hour})
		}
	})
	b.Run("keys", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			ConversationKeys("acme", "0199aab3-7a1c-7d2f-8f3b-2a1b3c4d5e6f")
		}
	})
}
