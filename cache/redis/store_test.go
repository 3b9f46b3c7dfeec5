package redis

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/ai-mcp-gateway/gateway/cache"
	"github.com/ai-mcp-gateway/gateway/internal/testservice"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	goredis "github.com/redis/go-redis/v9"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	code := m.Run()
	err := goleak.Find()
	// go-redis dials in the background for up to a second after its end.
	for deadline := time.Now().Add(3 * time.Second); err != nil && time.Now().Before(deadline); {
		err = goleak.Find()
	}
	if code == 0 && err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

const model = "openai/gpt-5"

var ctx = context.Background()

func open(t testing.TB, url string) *Store {
	t.Helper()
	s, err := Open(Config{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// openUp opens a Store and waits until it is connected.
func openUp(t testing.TB, url string) *Store {
	t.Helper()
	s := open(t, url)
	eventually(t, "connected", connected(s))
	return s
}

// raw returns a client to look behind the Store's back.
func raw(t testing.TB, server *testservice.RedisServer) *goredis.Client {
	t.Helper()
	c := goredis.NewClient(&goredis.Options{Addr: server.Addr(), Protocol: 2})
	t.Cleanup(func() { c.Close() })
	return c
}

func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(10 * time.Second); !ok(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatalf("never: %s", what)
		}
	}
}

func connected(s *Store) func() bool { return func() bool { return s.State() == "connected" } }
func down(s *Store) func() bool      { return func() bool { return s.State() == "down" } }

// exported leaves out of comparisons what is not stored.
var exported = cmpopts.IgnoreUnexported(cache.Entry{})

// put stores an entry. It and get try again when the machine is too busy for
// the time that Redis has.
func put(t testing.TB, s *Store, k cache.Key, e *cache.Entry) {
	t.Helper()
	eventually(t, "the entry is stored", func() bool {
		before := s.Stats()
		s.Put(model, k, e)
		after := before
		eventually(t, "the entry is settled", func() bool {
			after = s.Stats()
			return after.Stored+after.Dropped > before.Stored+before.Dropped
		})
		return after.Stored > before.Stored
	})
}

func get(t testing.TB, s *Store, model string, k cache.Key) *cache.Entry {
	t.Helper()
	var e *cache.Entry
	eventually(t, "Redis answers", func() bool {
		var err error
		if e, err = s.Get(ctx, model, k); err != nil && err != errDown && classify(err) != timeout && classify(err) != busy {
			t.Fatal(err)
		}
		return err == nil
	})
	return e
}

func entry(body string) *cache.Entry {
	now := time.Unix(0, time.Now().UnixNano())
	return &cache.Entry{Body: []byte(body), Model: model, Provider: "openai", Stored: now, Expires: now.Add(time.Hour)}
}

func hexKey(k cache.Key) string { return fmt.Sprintf("llm:cache:%s:%x", model, k[:]) }

func noise(n int) string {
	r := rand.New(rand.NewPCG(1, 2))
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return string(b)
}

func TestRoundTrip(t *testing.T) {
	s := openUp(t, testservice.Redis(t).URL())
	stream := entry(strings.Repeat("data: {\"delta\":\"a\"}\n\n", 1000))
	stream.Stream, stream.UsageStart, stream.UsageEnd = true, 42, 63
	stream.ContentType, stream.Tier = "text/event-stream", "L2"
	stream.InputTokens, stream.CacheReadTokens, stream.CacheWriteTokens = 1, 2, 3
	stream.OutputTokens, stream.ReasoningTokens, stream.CostNano = 4, 5, 1<<60
	negative := entry("{}")
	negative.CostNano, negative.InputTokens = -1, -1<<63
	entries := []*cache.Entry{
		entry(`{"a":1}`), entry(""), stream, negative,
		entry(noise(2000)), entry(noise(200_000)), entry(strings.Repeat("a", maxBody)),
	}
	for i, want := range entries {
		k := cache.Key{byte(i)}
		put(t, s, k, want)
		if diff := cmp.Diff(want, get(t, s, model, k), cmp.Comparer(bytes.Equal), exported); diff != "" {
			t.Error(diff)
		}
		if got := get(t, s, "other", k); got != nil {
			t.Errorf("got %v for another model", got)
		}
	}
	if got := s.Stats(); got.Hits != 7 || got.Misses != 7 || got.Stored != 7 || got.Corrupt != 0 {
		t.Errorf("%+v", got)
	}
}

func TestKeysAndTTL(t *testing.T) {
	server := testservice.Redis(t)
	s, r := openUp(t, server.URL()), raw(t, server)
	k := cache.Key{1, 0xab, 31: 0xff}
	put(t, s, k, entry("{}"))
	keys := r.Keys(ctx, "*").Val()
	want := []string{"llm:cache:openai/gpt-5:01ab" + strings.Repeat("0", 58) + "ff"}
	if diff := cmp.Diff(want, keys); diff != "" {
		t.Fatal(diff)
	}
	if ttl := r.PTTL(ctx, keys[0]).Val(); ttl > time.Hour || ttl < time.Hour-10*time.Second {
		t.Errorf("TTL is %v", ttl)
	}
	// An entry that has been stored elsewhere for a while keeps its end.
	old := entry("{}")
	old.Stored, old.Expires = old.Stored.Add(-time.Hour), old.Stored.Add(time.Minute)
	put(t, s, k, old)
	if ttl := r.PTTL(ctx, keys[0]).Val(); ttl > time.Minute || ttl < 50*time.Second {
		t.Errorf("TTL is %v", ttl)
	}
	// One form replaces the other.
	stream := entry("data: 1\n\n")
	stream.Stream = true
	put(t, s, k, stream)
	if e := get(t, s, model, k); e == nil || !e.Stream {
		t.Errorf("got %v, want the stream", e)
	}
	// An entry that has expired is not stored.
	old.Expires = time.Now()
	s.Put(model, cache.Key{2}, old)
	put(t, s, k, entry("{}"))
	if n := r.DBSize(ctx).Val(); n != 1 {
		t.Errorf("%d keys", n)
	}
}

func TestCompression(t *testing.T) {
	server := testservice.Redis(t)
	s, r := openUp(t, server.URL()), raw(t, server)
	f := func(body string, compressed bool) {
		t.Helper()
		k := cache.Key{1}
		put(t, s, k, entry(body))
		n := int(r.StrLen(ctx, hexKey(k)).Val())
		if compressed != (n < len(body)) {
			t.Errorf("%d bytes are stored as %d", len(body), n)
		}
	}
	f(strings.Repeat("a", compressAbove), false)
	f(strings.Repeat("a", compressAbove+1), true)
	f(noise(5000), false)
	f(noise(5000)+strings.Repeat("a", 400), false) // saves less than a tenth
	f(noise(5000)+strings.Repeat("a", 1000), true)
}

func TestCloseWritesWhatIsQueued(t *testing.T) {
	server := testservice.Redis(t)
	s, err := Open(Config{URL: server.URL()})
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "connected", connected(s))
	for i := range 300 {
		s.Put(model, cache.Key{byte(i), byte(i >> 8)}, entry("{}"))
	}
	s.Close()
	s.Put(model, cache.Key{}, entry("{}"))
	if n := raw(t, server).DBSize(ctx).Val(); n != 300 {
		t.Errorf("%d of 300 entries were written", n)
	}
	if e, err := s.Get(ctx, model, cache.Key{}); e != nil || err == nil {
		t.Errorf("got %v, %v from a closed store", e, err)
	}
}

func TestTooLargeIsDropped(t *testing.T) {
	s := openUp(t, testservice.Redis(t).URL())
	s.Put(model, cache.Key{1}, entry(strings.Repeat("a", maxBody+1)))
	if got := s.Stats(); got.Dropped != 1 {
		t.Errorf("%+v", got)
	}
}

func TestURL(t *testing.T) {
	f := func(url, want string) {
		t.Helper()
		o, err := parseURL(url)
		if err != nil {
			t.Errorf("%s: %v", url, err)
			return
		}
		got := fmt.Sprint(o.Addrs, o.DB, " ", o.Username, ":", o.Password)
		if o.MasterName != "" {
			got += " master " + o.MasterName + " " + o.SentinelUsername + ":" + o.SentinelPassword
		}
		if o.IsClusterMode {
			got += " cluster"
		}
		if got != want {
			t.Errorf("%s: got %s, want %s", url, got, want)
		}
	}
	f("redis://", "[localhost:6379] 0 :")
	f("redis://h", "[h:6379] 0 :")
	f("redis://u:p%40@h:1/3", "[h:1] 3 u:p@")
	f("rediss://:p@h?db=2&skip_verify=true", "[h:6379] 2 :p")
	f("redis://[::1]:7", "[[::1]:7] 0 :")
	f("unix:///run/redis.sock?db=1", "[/run/redis.sock] 1 :")
	f("redis://h:1?addr=i:2&addr=j:3", "[h:1 i:2 j:3] 0 :")
	f("redis://h?cluster=true", "[h:6379] 0 : cluster")
	f("redis://h:1/2?master_name=m&addr=i:2&sentinel_username=s&sentinel_password=t", "[h:1 i:2] 2 : master m s:t")
}

func TestBadURL(t *testing.T) {
	for _, url := range []string{
		"", "localhost:6379", "http://h", "redis://h/x", "redis://h/-1", "redis://h/1/2", "redis://h:hunter2",
		"redis://u:hunter2@h:x", "redis://u:hunter2@h?pool=1", "redis://u:hunter2 @h", "redis://h?skip_verify=true",
		"unix://", "unix:///s?addr=h:1", "unix:///s?master_name=m", "redis://h?addr=hunter2", "redis://h/1?cluster=true",
		"redis://h?cluster=true&master_name=m", "redis://h?%zz=hunter2", "redis://h?a=b;hunter2",
	} {
		s, err := Open(Config{URL: url})
		if err == nil {
			s.Close()
			t.Errorf("%q was accepted", url)
		} else if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("a secret is in the error %q", err)
		}
	}
}

func BenchmarkStore(b *testing.B) {
	s := open(b, testservice.Redis(b).URL())
	e := entry(string(bytes.Repeat([]byte(`{"role":"assistant","content":"Some text."},`), 50)))
	put(b, s, cache.Key{1}, e)
	b.Run("hit", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_, _ = s.Get(ctx, model, cache.Key{1})
		}
	})
	b.Run("miss", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_, _ = s.Get(ctx, model, cache.Key{2})
		}
	})
	b.Run("miss_parallel", func(b *testing.B) {
		b.ReportAllocs()
		b.SetParallelism(16)
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				_, _ = s.Get(ctx, model, cache.Key{2})
			}
		})
	})
	b.Run("down", func(b *testing.B) {
		s := open(b, "redis://127.0.0.1:1")
		b.ReportAllocs()
		for b.Loop() {
			_, _ = s.Get(ctx, model, cache.Key{2})
		}
	})
}
