package redis

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ai-mcp-gateway/gateway/cache"
	"github.com/ai-mcp-gateway/gateway/internal/testservice"
	"github.com/google/go-cmp/cmp"
)

// tier is what the hot tiers of the process and of Redis have in common.
type tier interface {
	Get(ctx context.Context, dst []cache.Item, keys ...string) ([]cache.Item, error)
	Set(ctx context.Context, items ...cache.Item) error
	Delete(ctx context.Context, keys ...string) error
	Stats() cache.HotStats
}

// setHot, getHot and deleteHot try again when the machine is too busy for the
// time that Redis has.
func setHot(t testing.TB, h tier, items ...cache.Item) {
	t.Helper()
	answered(t, func() error { return h.Set(ctx, items...) })
}

func getHot(t testing.TB, h tier, keys ...string) (items []cache.Item) {
	t.Helper()
	answered(t, func() (err error) {
		items, err = h.Get(ctx, nil, keys...)
		return err
	})
	return items
}

func deleteHot(t testing.TB, h tier, keys ...string) {
	t.Helper()
	answered(t, func() error { return h.Delete(ctx, keys...) })
}

func answered(t testing.TB, call func() error) {
	t.Helper()
	eventually(t, "Redis answers", func() bool {
		err := call()
		if err != nil && err != errDown && classify(err) != timeout && classify(err) != busy {
			t.Fatal(err)
		}
		return err == nil
	})
}

func item(key string, version int64, value string) cache.Item {
	return cache.Item{Key: key, Version: version, Value: []byte(value), TTL: time.Minute}
}

// checkHot expects that a tier keeps the newest value.
func checkHot(t testing.TB, h tier, key string, version int64, value string) {
	t.Helper()
	got := getHot(t, h, key)
	if len(got) != 1 || got[0].Key != key || got[0].Version != version || got[0].Value == nil || string(got[0].Value) != value {
		t.Errorf("got %.99v, want version %d of %s, %.99q", got, version, key, value)
	}
}

// testTier is what every hot tier does.
func testTier(t *testing.T, h tier) {
	t.Run("absent", func(t *testing.T) {
		k := cache.ConversationKeys("acme", "absent")
		before := []cache.Item{{Key: "x"}}
		var got []cache.Item
		answered(t, func() (err error) {
			got, err = h.Get(ctx, before, k.Summary, k.Messages, k.Todos)
			return err
		})
		want := []cache.Item{{Key: "x"}, {Key: k.Summary}, {Key: k.Messages}, {Key: k.Todos}}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("values", func(t *testing.T) { testTierValues(t, h) })
	t.Run("versions", func(t *testing.T) { testTierVersions(t, h) })
	t.Run("none", func(t *testing.T) { testTierNone(t, h) })
	t.Run("delete", func(t *testing.T) {
		k := cache.ConversationKeys("acme", "delete")
		setHot(t, h, item(k.Summary, 5, "a"), item(k.Messages, 5, "b"), item(k.Todos, 5, "c"))
		deleteHot(t, h, k.Summary, k.Todos)
		got := getHot(t, h, k.Summary, k.Messages, k.Todos)
		want := []cache.Item{{Key: k.Summary}, {Key: k.Messages, Version: 5, Value: []byte("b")}, {Key: k.Todos}}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		setHot(t, h, item(k.Summary, 1, "an older one may come back"))
		checkHot(t, h, k.Summary, 1, "an older one may come back")
	})
	t.Run("writers", func(t *testing.T) { testTierWriters(t, h) })
}

func testTierValues(t *testing.T, h tier) {
	for i, value := range []string{
		"", "{}", "\x00\xff", noise(compressHotAbove), noise(200_000),
		strings.Repeat("a", compressHotAbove), strings.Repeat("a", compressHotAbove+1), strings.Repeat("ab", cache.MaxValue/2),
	} {
		key := cache.ConversationKeys("default", fmt.Sprint("values ", i)).Messages
		buffer := []byte(value)
		setHot(t, h, cache.Item{Key: key, Version: int64(i), Value: buffer, TTL: time.Minute})
		for at := range buffer {
			buffer[at] = '!' // it is the caller's again
		}
		checkHot(t, h, key, int64(i), value)
	}
}

func testTierVersions(t *testing.T, h tier) {
	key := cache.ConversationKeys("default", "versions").Summary
	versions := []int64{math.MinInt64, -1 << 53, -1, 0, 1, 1<<32 - 1, 1 << 32, 1 << 53, 1<<53 + 1, math.MaxInt64}
	for i, version := range versions {
		value := strconv.Itoa(i)
		setHot(t, h, item(key, version, value))
		checkHot(t, h, key, version, value)
		for _, older := range versions[:i] {
			setHot(t, h, item(key, older, "older"))
		}
		checkHot(t, h, key, version, value)
		setHot(t, h, item(key, version, value+" again"))
		checkHot(t, h, key, version, value+" again")
	}
}

func testTierNone(t *testing.T, h tier) {
	key := cache.ConversationKeys("default", "none").Todos
	for i, none := range [][]byte{nil, make([]byte, cache.MaxValue+1)} {
		version := int64(10 * i)
		setHot(t, h, item(key, version+1, "a"))
		setHot(t, h, cache.Item{Key: key, Version: version + 2, Value: none, TTL: time.Minute})
		setHot(t, h, item(key, version+1, "older"))
		want := []cache.Item{{Key: key, Version: version + 2}}
		if diff := cmp.Diff(want, getHot(t, h, key)); diff != "" {
			t.Error(diff)
		}
		setHot(t, h, item(key, version+3, "b"))
		checkHot(t, h, key, version+3, "b")
	}
}

// testTierWriters has eight writers store the versions of a key in no order,
// while somebody reads.
func testTierWriters(t *testing.T, h tier) {
	const writers, versions = 8, 50
	key := cache.ConversationKeys("default", "writers").Messages
	before := h.Stats()
	done := make(chan struct{})
	var reader, all sync.WaitGroup
	reader.Go(func() {
		last := int64(-1)
		for {
			got, err := h.Get(ctx, nil, key)
			if err == nil && got[0].Value != nil {
				if got[0].Version < last || string(got[0].Value) != strconv.FormatInt(got[0].Version, 10) {
					t.Errorf("got version %d, %q after %d", got[0].Version, got[0].Value, last)
				}
				last = got[0].Version
			}
			select {
			case <-done:
				return
			default:
			}
		}
	})
	for w := range writers {
		order := rand.New(rand.NewPCG(1, uint64(w))).Perm(versions)
		all.Go(func() {
			for _, i := range order {
				version := int64(i*writers + w)
				for h.Set(ctx, item(key, version, strconv.FormatInt(version, 10))) == errDown {
				}
			}
			setHot(t, h, item(key, int64(versions*writers+w), strconv.Itoa(versions*writers+w)))
		})
	}
	all.Wait()
	close(done)
	reader.Wait()
	checkHot(t, h, key, (versions+1)*writers-1, strconv.Itoa((versions+1)*writers-1))
	if after := h.Stats(); after.Stored == before.Stored || after.Stale == before.Stale {
		t.Errorf("%+v, before: %+v", after, before)
	}
}

func TestHotTiers(t *testing.T) {
	t.Run("process", func(t *testing.T) { testTier(t, cache.NewHot(256<<20)) })
	t.Run("redis", func(t *testing.T) { testTier(t, openUp(t, testservice.Redis(t).URL()).Hot()) })
}

// The names of the keys and their lives are what operators see.
func TestHotKeysAndTTL(t *testing.T) {
	server := testservice.Redis(t)
	h, r := openUp(t, server.URL()).Hot(), raw(t, server)
	k := cache.ConversationKeys("default", "c-1")
	other := cache.ConversationKeys("acme", "c-1")
	hints := cache.HintsKey("default", "shop")
	ttls := map[string]time.Duration{
		k.Summary: cache.SummaryTTL, k.Messages: cache.MessagesTTL, k.Todos: cache.TodosTTL,
		other.Summary: cache.SummaryTTL, hints: cache.HintsTTL,
	}
	for key, ttl := range ttls {
		setHot(t, h, cache.Item{Key: key, Version: 2, Value: []byte("{}"), TTL: ttl})
	}
	keys := r.Keys(ctx, "*").Val()
	slices.Sort(keys)
	want := []string{
		"conv:messages:{c-1}", "conv:summary:{acme/c-1}", "conv:summary:{c-1}", "routing:hints:{shop}", "todo:list:{c-1}",
	}
	if diff := cmp.Diff(want, keys); diff != "" {
		t.Fatal(diff)
	}
	near := func(key string, want time.Duration) {
		t.Helper()
		if ttl := r.PTTL(ctx, key).Val(); ttl > want || ttl < want-20*time.Second {
			t.Errorf("TTL of %s is %v, want %v", key, ttl, want)
		}
	}
	for key, ttl := range ttls {
		near(key, ttl)
	}
	// Only a write that takes place sets it.
	setHot(t, h, cache.Item{Key: k.Todos, Version: 1, Value: []byte("{}"), TTL: time.Hour})
	near(k.Todos, cache.TodosTTL)
	setHot(t, h, cache.Item{Key: k.Todos, Version: 2, Value: []byte("{}"), TTL: time.Hour})
	near(k.Todos, time.Hour)
	setHot(t, h, cache.Item{Key: k.Todos, Version: 3, Value: []byte("{}"), TTL: time.Millisecond})
	eventually(t, "it expires", func() bool { return getHot(t, h, k.Todos)[0].Value == nil })
}

// A value is read in one trip and written in one.
func TestHotRoundTrips(t *testing.T) {
	server := testservice.Redis(t)
	h, r := openUp(t, server.URL()).Hot(), raw(t, server)
	k := cache.ConversationKeys("default", "c")
	r.ScriptFlush(ctx)
	setHot(t, h, item(k.Summary, 1, "a"), item(k.Messages, 1, "b"), item(k.Todos, 1, "c"))
	getHot(t, h, k.Summary, k.Messages, k.Todos)
	var calls []string
	for _, line := range strings.Split(r.Info(ctx, "commandstats").Val(), "\r\n") {
		name, rest, _ := strings.Cut(strings.TrimPrefix(line, "cmdstat_"), ":calls=")
		count, _, _ := strings.Cut(rest, ",")
		if name == "eval" || name == "evalsha" || name == "set" || name == "del" {
			calls = append(calls, name+" "+count)
		}
	}
	slices.Sort(calls)
	if diff := cmp.Diff([]string{"eval 3", "set 3"}, calls); diff != "" {
		t.Error(diff)
	}
}

func TestHotCompression(t *testing.T) {
	server := testservice.Redis(t)
	h, r := openUp(t, server.URL()).Hot(), raw(t, server)
	f := func(value string, compressed bool) {
		t.Helper()
		deleteHot(t, h, "{k}")
		setHot(t, h, item("{k}", 1, value))
		if n := int(r.StrLen(ctx, "{k}").Val()); compressed != (n < len(value)) {
			t.Errorf("%d bytes are stored as %d", len(value), n)
		}
	}
	f(strings.Repeat("a", compressHotAbove), false)
	f(strings.Repeat("a", compressHotAbove+1), true)
	f(noise(200_000), false)
	f(noise(200_000)+strings.Repeat("a", 16_000), false) // saves less than a tenth
	f(noise(200_000)+strings.Repeat("a", 32_000), true)
}

func TestHotCodec(t *testing.T) {
	c := newCodec()
	defer c.close()
	for _, want := range []cache.Item{
		{Key: "a", Version: 1, Value: []byte("{}")},
		{Key: "", Version: -1, Value: []byte{}},
		{Key: "b", Version: math.MaxInt64},
		{Key: "c", Value: []byte(strings.Repeat("ab", compressHotAbove))},
	} {
		stored := c.appendHot([]byte("before"), &want)[len("before"):]
		got := cache.Item{Key: want.Key}
		if err := c.decodeHot(stored, &got); err != nil {
			t.Error(err)
		}
		if !same(want, got) {
			t.Errorf("%.99v became %.99v", want, got)
		}
		for i := range min(len(stored), 200) {
			broken := slices.Clone(stored)
			broken[i] ^= 1
			checkCorrupt(t, c, broken, want.Key)
			checkCorrupt(t, c, stored[:i], want.Key)
		}
		checkCorrupt(t, c, append(slices.Clone(stored), 0), want.Key)
		checkCorrupt(t, c, stored, want.Key+"x")
	}
}

func same(a, b cache.Item) bool {
	return a.Version == b.Version && bytes.Equal(a.Value, b.Value) && (a.Value == nil) == (b.Value == nil)
}

func checkCorrupt(t *testing.T, c *codec, stored []byte, key string) {
	t.Helper()
	got := cache.Item{Key: key}
	if err := c.decodeHot(stored, &got); err != errCorrupt {
		t.Errorf("%.50q: %v", stored, err)
	}
	if diff := cmp.Diff(cache.Item{Key: key}, got); diff != "" {
		t.Error(diff)
	}
}

func FuzzDecodeHot(f *testing.F) {
	c := newCodec()
	for _, value := range []string{"", "{}", strings.Repeat("ab", compressHotAbove)} {
		f.Add(c.appendHot(nil, &cache.Item{Key: "k", Version: 1, Value: []byte(value)}))
	}
	f.Fuzz(func(t *testing.T, stored []byte) {
		if len(stored) >= hotHead { // as if by somebody who knows the checksum
			putHotChecksum(stored, "k")
		}
		item := cache.Item{Key: "k"}
		if c.decodeHot(stored, &item) != nil {
			return
		}
		if len(item.Value) > cache.MaxValue {
			t.Errorf("%d bytes", len(item.Value))
		}
		again := cache.Item{Key: "k"}
		if err := c.decodeHot(c.appendHot(nil, &item), &again); err != nil {
			t.Fatal(err)
		}
		if !same(item, again) {
			t.Errorf("%.99v became %.99v", item, again)
		}
	})
}
