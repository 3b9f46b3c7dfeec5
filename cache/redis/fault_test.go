package redis

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ai-mcp-gateway/gateway/cache"
	"github.com/ai-mcp-gateway/gateway/internal/testservice"
	goredis "github.com/redis/go-redis/v9"
)

// slow is longer than any call may take, with much to spare for a busy
// machine.
const slow = 10 * operationTimeout

// checkDown expects that calls find nothing, at once.
func checkDown(t *testing.T, s *Store) {
	t.Helper()
	before := time.Now()
	for range 1000 {
		if e, err := s.Get(ctx, model, cache.Key{1}); e != nil || err == nil {
			t.Fatalf("got %v, %v from a store that is down", e, err)
		}
		s.Put(model, cache.Key{1}, entry("{}"))
	}
	if d := time.Since(before); d > slow {
		t.Errorf("2000 calls took %v", d)
	}
}

// checkUp expects that an entry can be put and got.
func checkUp(t *testing.T, s *Store) {
	t.Helper()
	put(t, s, cache.Key{7}, entry("{}"))
	if get(t, s, model, cache.Key{7}) == nil {
		t.Error("an entry is gone")
	}
}

func TestDownAtStart(t *testing.T) {
	server := testservice.Redis(t)
	server.Stop()
	s := open(t, server.URL())
	if s.State() != "down" {
		t.Error("connected to nothing")
	}
	checkDown(t, s)
	if got := s.Stats(); got.Dropped != 1000 || got.Errors["network"] == 0 {
		t.Errorf("%+v", got)
	}
	server.Start()
	eventually(t, "connected", connected(s))
	checkUp(t, s)
}

func TestDiesWhileRunning(t *testing.T) {
	server := testservice.Redis(t)
	s := openUp(t, server.URL())
	checkUp(t, s)
	for range 2 {
		server.Stop()
		for i := 0; s.State() == "connected"; i++ {
			before := time.Now()
			if e, _ := s.Get(ctx, model, cache.Key{7}); e != nil {
				t.Fatal("got an entry from a server that is gone")
			}
			if d := time.Since(before); d > slow {
				t.Errorf("a call took %v", d)
			}
			if i == 100 {
				t.Fatal("still not down")
			}
		}
		checkDown(t, s)
		server.Start()
		eventually(t, "connected", connected(s))
		checkUp(t, s)
	}
}

func TestSlow(t *testing.T) {
	server := testservice.Redis(t)
	s := openUp(t, server.URL())
	checkUp(t, s)
	server.Pause()
	before := time.Now()
	var wg sync.WaitGroup
	for range 200 {
		wg.Go(func() {
			if e, _ := s.Get(ctx, model, cache.Key{7}); e != nil {
				t.Error("got an entry from a server that is frozen")
			}
		})
	}
	wg.Wait()
	if d := time.Since(before); d > slow {
		t.Errorf("the calls took %v", d)
	}
	eventually(t, "down", down(s))
	checkDown(t, s)
	if s.Stats().Errors["timeout"] == 0 {
		t.Errorf("%+v", s.Stats())
	}
	server.Resume()
	eventually(t, "connected", connected(s))
	checkUp(t, s)
}

// A caller that has gone says nothing about Redis.
func TestCancelledCalls(t *testing.T) {
	s := openUp(t, testservice.Redis(t).URL())
	gone, cancel := context.WithCancel(ctx)
	cancel()
	for range 10 {
		if _, err := s.Get(gone, model, cache.Key{1}); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	}
	if s.State() != "connected" {
		t.Error("down")
	}
	checkUp(t, s)
}

func TestPutNeverBlocks(t *testing.T) {
	server := testservice.Redis(t)
	s := openUp(t, server.URL())
	checkUp(t, s)
	server.Pause()
	e := entry(strings.Repeat("a", 100_000))
	before := time.Now()
	for i := range 2000 {
		s.Put(model, cache.Key{byte(i), byte(i >> 8)}, e)
		if n := s.queuedBytes.Load(); n > maxQueuedBytes {
			t.Fatalf("%d bytes are queued", n)
		}
	}
	if d := time.Since(before); d > slow {
		t.Errorf("2000 puts took %v", d)
	}
	if s.Stats().Dropped == 0 {
		t.Error("nothing was dropped")
	}
	server.Resume()
	eventually(t, "the queue is empty", func() bool { return s.queuedBytes.Load() == 0 && len(s.queue) == 0 })
	eventually(t, "connected", connected(s))
	checkUp(t, s)
}

func TestCloseWhileFrozen(t *testing.T) {
	server := testservice.Redis(t)
	s, err := Open(Config{URL: server.URL()})
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "connected", connected(s))
	server.Pause()
	for i := range maxQueued {
		s.Put(model, cache.Key{byte(i)}, entry("{}"))
	}
	before := time.Now()
	s.Close()
	if d := time.Since(before); d > 4*writeTimeout {
		t.Errorf("Close took %v", d)
	}
}

func TestFlushAll(t *testing.T) {
	server := testservice.Redis(t)
	s, r := openUp(t, server.URL()), raw(t, server)
	checkUp(t, s)
	r.FlushAll(ctx)
	if e := get(t, s, model, cache.Key{7}); e != nil {
		t.Errorf("got %v", e)
	}
	checkUp(t, s)
}

func TestCorruptAndForeignValues(t *testing.T) {
	server := testservice.Redis(t)
	s, r := openUp(t, server.URL()), raw(t, server)
	put(t, s, cache.Key{1}, entry("{}"))
	value := r.Get(ctx, hexKey(cache.Key{1})).Val()
	k := cache.Key{2}
	found := func() uint64 { return s.Stats().Corrupt + s.Stats().Errors["wrongtype"] }
	f := func(what string, store func(key string) error) {
		t.Helper()
		if err := store(hexKey(k)); err != nil {
			t.Fatal(err)
		}
		before := found()
		eventually(t, what+" is found out", func() bool { // unless Redis is late, or down for that
			if e, _ := s.Get(ctx, model, k); e != nil {
				t.Errorf("%s: got %v", what, e)
			}
			return found() > before
		})
		eventually(t, what+" is deleted", func() bool {
			if r.Exists(ctx, hexKey(k)).Val() == 0 {
				return true
			}
			s.Get(ctx, model, k) // a deletion that fails is tried again by the next one who reads
			return false
		})
	}
	f("a value of another key", func(key string) error { return r.Set(ctx, key, value, 0).Err() })
	f("text", func(key string) error { return r.Set(ctx, key, "hello", 0).Err() })
	f("a huge value", func(key string) error { return r.Set(ctx, key, strings.Repeat("a", 2*maxValue), 0).Err() })
	f("a list", func(key string) error { return r.LPush(ctx, key, "a").Err() })
	f("a hash", func(key string) error { return r.HSet(ctx, key, "a", "b").Err() })
	if got := s.Stats(); got.Corrupt < 3 || got.Errors["wrongtype"] < 2 {
		t.Errorf("%+v", got)
	}
	checkUp(t, s)
}

// A server that refuses writes is still read.
func TestWritesRefused(t *testing.T) {
	f := func(class string, server *testservice.RedisServer, refuse func() error) {
		t.Helper()
		s := openUp(t, server.URL())
		checkUp(t, s)
		if err := refuse(); err != nil {
			t.Fatal(err)
		}
		for i := range 10 {
			s.Put(model, cache.Key{byte(i)}, entry("{}"))
		}
		eventually(t, "10 writes are dropped", func() bool { return s.Stats().Dropped == 10 })
		if got := s.Stats(); got.Errors[class] == 0 {
			t.Errorf("%s: %+v", class, got)
		}
		if get(t, s, model, cache.Key{7}) == nil {
			t.Errorf("%s: an entry is gone", class)
		}
		if s.State() != "connected" {
			t.Errorf("%s: down", class)
		}
	}
	server := testservice.Redis(t, "--maxmemory-policy", "noeviction")
	f("oom", server, func() error { return raw(t, server).ConfigSet(ctx, "maxmemory", "1").Err() })
	replica := testservice.Redis(t)
	f("readonly", replica, func() error { return raw(t, replica).ReplicaOf(ctx, "127.0.0.1", "1").Err() })
}

func TestAuthentication(t *testing.T) {
	server := testservice.Redis(t, "--requirepass", "hunter2")
	for _, user := range []string{"", ":wrong@", "nobody:hunter2@"} {
		s := open(t, "redis://"+user+server.Addr())
		eventually(t, "it is refused", func() bool { return s.Stats().Errors["auth"] > 0 })
		if s.State() != "down" {
			t.Errorf("%q: %s", user, s.State())
		}
	}
	s := openUp(t, "redis://:hunter2@"+server.Addr()+"/5")
	checkUp(t, s)
	openUp(t, "redis://default:hunter2@"+server.Addr())
	// The password changes, and connections have to be made again.
	admin := goredis.NewClient(&goredis.Options{Addr: server.Addr(), Password: "hunter2"})
	defer admin.Close()
	if err := admin.ConfigSet(ctx, "requirepass", "hunter3").Err(); err != nil {
		t.Fatal(err)
	}
	if err := admin.ClientKillByFilter(ctx, "TYPE", "normal", "SKIPME", "yes").Err(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "down", func() bool {
		_, _ = s.Get(ctx, model, cache.Key{7})
		return s.State() == "down"
	})
	if got := s.Stats(); got.Errors["auth"] == 0 {
		t.Errorf("%+v", got)
	}
}

// script is a server that gives one answer to everything.
func script(t *testing.T, answer string) (addr string, accepted *atomic.Int64) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	accepted = new(atomic.Int64)
	var conns sync.WaitGroup
	conns.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			accepted.Add(1)
			conns.Go(func() {
				defer c.Close()
				for r := bufio.NewReader(c); answer != ""; {
					if err := readCommand(r); err != nil {
						return
					}
					if _, err := fmt.Fprintf(c, "%s\r\n", answer); err != nil {
						return
					}
				}
			})
		}
	})
	t.Cleanup(func() { l.Close(); conns.Wait() })
	return l.Addr().String(), accepted
}

// readCommand reads an array of bulk strings.
func readCommand(r *bufio.Reader) error {
	head, err := r.ReadString('\n')
	if err != nil {
		return err
	}
	n, err := strconv.Atoi(strings.Trim(head, "*\r\n"))
	for ; n > 0 && err == nil; n-- {
		if head, err = r.ReadString('\n'); err == nil {
			var size int
			size, err = strconv.Atoi(strings.Trim(head, "$\r\n"))
			_, _ = r.Discard(size + len("\r\n"))
		}
	}
	return err
}

func TestErrorReplies(t *testing.T) {
	f := func(reply, class string, isDown bool) {
		t.Helper()
		addr, _ := script(t, "-"+reply)
		s := open(t, "redis://"+addr)
		eventually(t, "it is refused", func() bool { return s.Stats().Errors[class] > 0 })
		if s.State() != "down" {
			t.Errorf("%s: connected", reply)
		}
		s.breaker.close() // as if it had been up before
		for range tripAfter {
			if e, err := s.Get(ctx, model, cache.Key{1}); e != nil || err == nil {
				t.Errorf("%s: got %v, %v", reply, e, err)
			}
		}
		if got := s.Stats().Errors[class]; got < tripAfter {
			t.Errorf("%s: %+v", reply, s.Stats().Errors)
		}
		if got := s.State() == "down"; got != isDown {
			t.Errorf("%s: down is %v", reply, got)
		}
	}
	f("LOADING Redis is loading the dataset in memory", "loading", true)
	f("MASTERDOWN Link with MASTER is down", "loading", true)
	f("NOAUTH Authentication required.", "auth", true)
	f("NOPERM No permissions", "auth", true)
	f("MOVED 3999 127.0.0.1:1", "moved", false)
	f("CLUSTERDOWN The cluster is down", "moved", false)
	f("ERR unknown", "other", false)
}

// TestConnectionStorm has many calls want connections from a server that
// accepts and closes them. The breaker is held closed: it must not be what
// keeps them back.
func TestConnectionStorm(t *testing.T) {
	addr, accepted := script(t, "")
	s := open(t, "redis://"+addr)
	begin := time.Now()
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			for time.Since(begin) < 1500*time.Millisecond {
				s.breaker.close()
				_, _ = s.Get(ctx, model, cache.Key{1})
			}
		})
	}
	wg.Wait()
	if n, most := accepted.Load(), int64(dialsPerSecond*(2+int(time.Since(begin).Seconds()))); n > most {
		t.Errorf("%d connections, want at most %d", n, most)
	}
}

func TestDialLimit(t *testing.T) {
	var d dialer
	now := time.Unix(1000, 0)
	for i := range 5000 { // 5 s
		at := now.Add(time.Duration(i) * time.Millisecond)
		for _, addr := range []string{"a", "b"} {
			if d.allow(addr, at) != (i%1000 < dialsPerSecond) {
				t.Fatalf("%s after %v", addr, at.Sub(now))
			}
		}
	}
	d.allow("c", now.Add(time.Minute))
	if len(d.dials) != 1 {
		t.Errorf("%d addresses are remembered", len(d.dials))
	}
}
