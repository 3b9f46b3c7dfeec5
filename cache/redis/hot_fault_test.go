package redis

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ai-mcp-gateway/gateway/internal/testservice"
)

// checkHotDown expects that calls fail at once.
func checkHotDown(t *testing.T, h *Hot) {
	t.Helper()
	dropped := h.Stats().Dropped
	before := time.Now()
	for range 1000 {
		if items, err := h.Get(ctx, nil, "{k}"); items != nil || err == nil {
			t.Fatalf("got %v, %v from a tier that is down", items, err)
		}
		if h.Set(ctx, item("{k}", 9, "x")) == nil || h.Delete(ctx, "{k}") == nil {
			t.Fatal("no error from a tier that is down")
		}
	}
	if d := time.Since(before); d > slow {
		t.Errorf("3000 calls took %v", d)
	}
	if n := h.Stats().Dropped - dropped; n != 1000 {
		t.Errorf("%d items are counted as dropped", n)
	}
}

func checkHotUp(t *testing.T, h *Hot, key string) {
	t.Helper()
	setHot(t, h, item(key, 1, "up"))
	checkHot(t, h, key, 1, "up")
}

func TestHotDies(t *testing.T) {
	server := testservice.Redis(t)
	server.Stop()
	s := open(t, server.URL())
	h := s.Hot()
	checkHotDown(t, h)
	for range 2 {
		server.Start()
		eventually(t, "connected", connected(s))
		checkHotUp(t, h, "{k}")
		server.Stop()
		for i := 0; s.State() == "connected"; i++ {
			before := time.Now()
			if items, err := h.Get(ctx, nil, "{k}"); items != nil || err == nil {
				t.Fatal("got an item from a server that is gone")
			}
			if d := time.Since(before); d > slow {
				t.Errorf("a call took %v", d)
			}
			if i == 100 {
				t.Fatal("still not down")
			}
		}
		checkHotDown(t, h)
	}
}

// Many calls that wait for a server do so at the same time.
func TestHotFrozen(t *testing.T) {
	server := testservice.Redis(t)
	s := openUp(t, server.URL())
	h := s.Hot()
	checkHotUp(t, h, "{k}")
	server.Pause()
	before := time.Now()
	var wg sync.WaitGroup
	for range 200 {
		wg.Go(func() {
			if h.Set(ctx, item("{k}", 2, "frozen")) == nil {
				t.Error("a server that is frozen took an item")
			}
		})
		wg.Go(func() {
			if items, err := h.Get(ctx, nil, "{k}"); items != nil || err == nil {
				t.Error("got an item from a server that is frozen")
			}
		})
	}
	wg.Wait()
	if d := time.Since(before); d > 2*slow { // one after the other, it is twice that
		t.Errorf("the calls took %v", d)
	}
	eventually(t, "down", down(s))
	checkHotDown(t, h)
	server.Resume()
	eventually(t, "connected", connected(s))
	checkHotUp(t, h, "{k2}")
}

// front is what clients connect to in the place of a server: it can be slow,
// or away.
type front struct {
	t       *testing.T
	addr    string
	backend string
	delay   time.Duration // of each answer
	dials   atomic.Int64

	mu    sync.Mutex
	away  bool
	conns map[net.Conn]bool
}

func newFront(t *testing.T, backend string, delay time.Duration) *front {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f := &front{t: t, addr: l.Addr().String(), backend: backend, delay: delay, conns: map[net.Conn]bool{}}
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			f.dials.Add(1)
			serving.Go(func() { f.serve(c) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		f.cut(true)
		serving.Wait()
	})
	return f
}

func (f *front) serve(client net.Conn) {
	defer client.Close()
	server, err := net.Dial("tcp", f.backend)
	if err != nil {
		return
	}
	defer server.Close()
	f.mu.Lock()
	if f.away {
		f.mu.Unlock()
		return
	}
	f.conns[client], f.conns[server] = true, true
	f.mu.Unlock()
	var up sync.WaitGroup
	up.Go(func() { _, _ = io.Copy(server, client); server.Close() })
	buffer := make([]byte, 64<<10)
	for {
		n, err := server.Read(buffer)
		if err != nil {
			break
		}
		if f.delay > 0 {
			<-time.After(f.delay)
		}
		if _, err := client.Write(buffer[:n]); err != nil {
			break
		}
	}
	client.Close()
	up.Wait()
}

// cut ends all connections, and new ones at once while it is away.
func (f *front) cut(away bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.away = away
	for c := range f.conns {
		c.Close()
	}
	clear(f.conns)
}

// A Redis that takes half a second costs no more than one that is gone.
func TestHotSlow(t *testing.T) {
	f := newFront(t, testservice.Redis(t).Addr(), 500*time.Millisecond)
	s := open(t, "redis://"+f.addr)
	h := s.Hot()
	s.breaker.close() // as if it had been fast before
	before := time.Now()
	var calls sync.WaitGroup
	for range 100 {
		calls.Go(func() {
			for range 5 {
				if items, err := h.Get(ctx, nil, "{k}"); items != nil || err == nil {
					t.Error("a slow server answered")
				}
			}
		})
	}
	calls.Wait()
	if d := time.Since(before); d > 10*slow { // one after the other, it is five times that
		t.Errorf("the calls took %v", d)
	}
	eventually(t, "down", down(s))
	checkHotDown(t, h)
	if n := f.dials.Load(); n > 2*dialsPerSecond {
		t.Errorf("%d connections", n)
	}
}

// Redis comes and goes every half a second under load.
func TestHotFlapping(t *testing.T) {
	f := newFront(t, testservice.Redis(t).Addr(), 0)
	s := openUp(t, "redis://"+f.addr)
	h := s.Hot()
	checkHotUp(t, h, "{k}")
	begin := time.Now()
	var stop atomic.Bool
	var failed, worked atomic.Int64
	var calls sync.WaitGroup
	for range 8 {
		calls.Go(func() {
			pause := time.NewTicker(time.Millisecond)
			defer pause.Stop()
			for version := int64(2); !stop.Load(); version++ {
				before := time.Now()
				items, err := h.Get(ctx, nil, "{k}")
				if err == nil && items[0].Value == nil {
					t.Error("the item is gone")
				}
				if h.Set(ctx, item("{k}", version, "flapping")) != nil || err != nil {
					failed.Add(1)
				} else {
					worked.Add(1)
				}
				if d := time.Since(before); d > 2*slow {
					t.Errorf("calls took %v", d)
				}
				<-pause.C
			}
		})
	}
	tick := time.NewTicker(500 * time.Millisecond)
	defer tick.Stop()
	for i := range 6 {
		f.cut(i%2 == 1)
		<-tick.C
	}
	f.cut(false)
	// A probe a second may have met nothing but cuts until now.
	eventually(t, "a turn works again", func() bool { return worked.Load() > 0 })
	stop.Store(true)
	calls.Wait()
	if n, most := f.dials.Load(), int64(dialsPerSecond*(2+int(time.Since(begin).Seconds()))); n > most {
		t.Errorf("%d connections, want at most %d", n, most)
	}
	if failed.Load() == 0 {
		t.Error("no turn failed")
	}
	eventually(t, "connected", connected(s))
	checkHotUp(t, h, "{k2}")
}

// A caller that has gone says nothing about Redis.
func TestHotCancelled(t *testing.T) {
	s := openUp(t, testservice.Redis(t).URL())
	h := s.Hot()
	gone, cancel := context.WithCancel(ctx)
	cancel()
	for range 10 {
		if _, err := h.Get(gone, nil, "{k}"); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
		if err := h.Set(gone, item("{k}", 1, "a")); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	}
	if s.State() != "connected" {
		t.Error("down")
	}
	checkHotUp(t, h, "{k}")
}

func TestHotFlushAll(t *testing.T) {
	server := testservice.Redis(t)
	h, r := openUp(t, server.URL()).Hot(), raw(t, server)
	setHot(t, h, item("{k}", 5, "a"))
	r.FlushAll(ctx)
	r.ScriptFlush(ctx)
	if got := getHot(t, h, "{k}"); got[0].Value != nil || got[0].Version != 0 {
		t.Errorf("got %v", got)
	}
	setHot(t, h, item("{k}", 4, "refilled")) // whatever its version
	checkHot(t, h, "{k}", 4, "refilled")
}

func TestHotCorruptAndForeignValues(t *testing.T) {
	server := testservice.Redis(t)
	h, r := openUp(t, server.URL()).Hot(), raw(t, server)
	setHot(t, h, item("{k}good", 7, "good"), item("{k}other", 7, "other"))
	value := r.Get(ctx, "{k}other").Val()
	const key = "{k}"
	f := func(what string, store func() error) {
		t.Helper()
		if err := store(); err != nil {
			t.Fatal(err)
		}
		before := h.Stats().Corrupt
		got := getHot(t, h, key, "{k}good")
		if got[0].Value != nil || got[0].Version != 0 || string(got[1].Value) != "good" {
			t.Errorf("%s: got %v", what, got)
		}
		if n := h.Stats().Corrupt - before; n != 1 {
			t.Errorf("%s: %d are counted", what, n)
		}
		eventually(t, what+" is deleted", func() bool { // a deletion that fails is tried again by the next one who reads
			return r.Exists(ctx, key).Val() == 0 || getHot(t, h, key)[0].Value != nil
		})
		if err := store(); err != nil {
			t.Fatal(err)
		}
		setHot(t, h, item(key, 1<<62, what))
		checkHot(t, h, key, 1<<62, what)
		deleteHot(t, h, key)
	}
	set := func(value string) func() error {
		return func() error { return r.Set(ctx, key, value, 0).Err() }
	}
	f("a value of another key", set(value))
	f("text", set("hello"))
	f("half of a value", set(value[:hotHead/2]))
	f("a value of a later format", set("\x02"+value[1:]))
	f("a broken value", set(value[:len(value)-1]+"x"))
	f("a long text", set(strings.Repeat("a", 300_000)))
	f("a list", func() error { r.Del(ctx, key); return r.LPush(ctx, key, "a").Err() })
	f("a hash", func() error { r.Del(ctx, key); return r.HSet(ctx, key, "a", "b").Err() })
}

// A server that refuses writes is still read.
func TestHotWritesRefused(t *testing.T) {
	f := func(class string, server *testservice.RedisServer, refuse, allow func() error) {
		t.Helper()
		s := openUp(t, server.URL())
		h := s.Hot()
		setHot(t, h, item("{k}", 1, "before"))
		if err := refuse(); err != nil {
			t.Fatal(err)
		}
		for range 10 {
			if h.Set(ctx, item("{k}", 2, "after")) == nil {
				t.Errorf("%s: an item was taken", class)
			}
		}
		if n := s.Stats().Errors[class]; n == 0 {
			t.Errorf("%s: %+v", class, s.Stats())
		}
		checkHot(t, h, "{k}", 1, "before")
		if s.State() != "connected" {
			t.Errorf("%s: down", class)
		}
		if err := allow(); err != nil {
			t.Fatal(err)
		}
		setHot(t, h, item("{k}", 3, "again"))
		checkHot(t, h, "{k}", 3, "again")
	}
	server := testservice.Redis(t, "--maxmemory-policy", "noeviction")
	memory := func(bytes string) func() error {
		return func() error { return raw(t, server).ConfigSet(ctx, "maxmemory", bytes).Err() }
	}
	f("oom", server, memory("1"), memory("0"))
	replica := testservice.Redis(t, "--replica-serve-stale-data", "yes")
	of := func(host, port string) func() error {
		return func() error { return raw(t, replica).ReplicaOf(ctx, host, port).Err() }
	}
	f("readonly", replica, of("127.0.0.1", "1"), of("NO", "ONE"))
}

func TestHotErrorReplies(t *testing.T) {
	f := func(reply, class string, isDown bool) {
		t.Helper()
		addr, _ := script(t, "-"+reply)
		s := open(t, "redis://"+addr)
		eventually(t, "it is refused", func() bool { return s.Stats().Errors[class] > 0 })
		s.breaker.close() // as if it had been up before
		before := s.Stats().Errors[class]
		for i := range tripAfter {
			var err error
			if i == 0 {
				err = s.Hot().Set(ctx, item("{k}", 1, "a"), item("{k}2", 1, "a"))
			} else {
				_, err = s.Hot().Get(ctx, nil, "{k}", "{k}2")
			}
			if err == nil {
				t.Errorf("%s: no error", reply)
			}
		}
		if n := s.Stats().Errors[class] - before; n < tripAfter {
			t.Errorf("%s: %+v", reply, s.Stats().Errors)
		}
		if got := s.State() == "down"; got != isDown {
			t.Errorf("%s: down is %v", reply, got)
		}
	}
	f("LOADING Redis is loading the dataset in memory", "loading", true)
	f("NOAUTH Authentication required.", "auth", true)
	f("MOVED 3999 127.0.0.1:1", "moved", false)
	f("ERR unknown", "other", false)
}
