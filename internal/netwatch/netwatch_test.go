package netwatch

import (
	"crypto/tls"
	"net"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is when a test gives up; nothing passes by waiting for it.
const patience = 10 * time.Second

// call is a request under way on the server's side of a TCP connection.
type call struct {
	Watch
	client, server *net.TCPConn
	fd             int
	gone           chan struct{} // closed by Gone: a second Gone panics
}

func (c *call) Gone() { close(c.gone) }

// connect makes n calls over loopback.
func connect(t testing.TB, n int) []*call {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	calls := make([]*call, n)
	for i := range calls {
		client, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		server, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { client.Close(); server.Close() })
		fd, ok := FD(server)
		if !ok {
			t.Fatal("a TCP connection has no descriptor")
		}
		calls[i] = &call{client: client.(*net.TCPConn), server: server.(*net.TCPConn), fd: fd, gone: make(chan struct{})}
	}
	return calls
}

// watch starts a watcher that ends before the connections do.
func watch(t testing.TB, calls ...*call) *Watcher {
	t.Helper()
	w := New(0)
	t.Cleanup(w.Close)
	for _, c := range calls {
		w.Add(&c.Watch, c.fd, c)
	}
	return w
}

func (c *call) wantGone(t *testing.T) {
	t.Helper()
	select {
	case <-c.gone:
	case <-time.After(patience):
		t.Fatal("the peer went unnoticed")
	}
}

func (c *call) wantHere(t *testing.T) {
	t.Helper()
	select {
	case <-c.gone:
		t.Fatal("a peer that is there was found gone")
	default:
	}
}

// settle returns when everything added before it has been armed and polled:
// once a call that came later has been found gone.
func settle(t *testing.T, w *Watcher) {
	t.Helper()
	last := connect(t, 1)[0]
	w.Add(&last.Watch, last.fd, last)
	last.client.Close()
	last.wantGone(t)
}

// testLeave lets the peer go before and after its watch is armed.
func testLeave(t *testing.T, leave func(*net.TCPConn) error) {
	for _, armed := range []bool{false, true} {
		c := connect(t, 1)[0]
		w := watch(t, c)
		if armed {
			settle(t, w)
		}
		c.wantHere(t)
		if err := leave(c.client); err != nil {
			t.Fatal(err)
		}
		c.wantGone(t)
		w.Remove(&c.Watch)
	}
}

func TestFault037_PeerGoes(t *testing.T) {
	f := func(name string, leave func(*net.TCPConn) error) {
		t.Run(name, func(t *testing.T) { testLeave(t, leave) })
	}
	f("close", (*net.TCPConn).Close)
	f("half-close", (*net.TCPConn).CloseWrite)
	f("reset", func(c *net.TCPConn) error {
		if err := c.SetLinger(0); err != nil {
			return err
		}
		return c.Close()
	})
}

// Detection must leave room in the 100 ms that a cancellation may take. The
// best of several tries, so that a busy machine does not fail it.
func TestFault037_PeerGoesWithin60ms(t *testing.T) {
	w := watch(t)
	took := make([]time.Duration, 0, 5)
	for _, c := range connect(t, cap(took)) {
		w.Add(&c.Watch, c.fd, c)
		left := time.Now()
		c.client.Close()
		c.wantGone(t)
		took = append(took, time.Since(left))
	}
	if best := slices.Min(took); best > 60*time.Millisecond {
		t.Errorf("noticed after %v at best: %v", best, took)
	}
}

func TestPipelinedBytesAreNoClose(t *testing.T) {
	c := connect(t, 1)[0]
	w := watch(t, c)
	for range 2 {
		if _, err := c.client.Write([]byte("GET /next HTTP/1.1\r\n\r\n")); err != nil {
			t.Fatal(err)
		}
		settle(t, w)
		c.wantHere(t)
	}
}

func TestRemoveEndsTheWatch(t *testing.T) {
	calls := connect(t, 2)
	w := watch(t, calls...)
	w.Remove(&calls[0].Watch) // queued
	settle(t, w)
	w.Remove(&calls[1].Watch) // armed
	for _, c := range calls {
		w.Remove(&c.Watch) // again: nothing
		c.client.Close()
	}
	settle(t, w)
	for _, c := range calls {
		c.wantHere(t)
		w.Add(&c.Watch, c.fd, c) // reusable
		c.wantGone(t)
	}
}

// orderly notes in which order Gone ends and Remove returns.
type orderly struct {
	Watch
	entered, leave chan struct{}
	order          chan string
}

func (o *orderly) Gone() {
	close(o.entered)
	<-o.leave
	o.order <- "gone"
}

func TestRemoveWaitsForGone(t *testing.T) {
	c := connect(t, 1)[0]
	w := watch(t)
	o := &orderly{entered: make(chan struct{}), leave: make(chan struct{}), order: make(chan string, 2)}
	w.Add(&o.Watch, c.fd, o)
	c.client.Close()
	<-o.entered
	removing := make(chan struct{})
	go func() {
		close(removing)
		w.Remove(&o.Watch)
		o.order <- "removed"
	}()
	<-removing
	close(o.leave)
	if first, second := <-o.order, <-o.order; first != "gone" || second != "removed" {
		t.Errorf("%s before %s", first, second)
	}
}

func TestDescriptorReuse(t *testing.T) {
	w := watch(t)
	old := connect(t, 1)[0]
	for range 20 {
		w.Add(&old.Watch, old.fd, old)
		settle(t, w)
		w.Remove(&old.Watch)
		old.server.Close()
		fresh := connect(t, 1)[0]
		w.Add(&fresh.Watch, fresh.fd, fresh)
		old.client.Close()
		settle(t, w)
		old.wantHere(t)
		fresh.wantHere(t)
		if fresh.fd == old.fd {
			fresh.client.Close()
			fresh.wantGone(t)
			return
		}
		w.Remove(&fresh.Watch)
		old = fresh
	}
	t.Fatal("the system never reused a descriptor")
}

func TestThousandPeers(t *testing.T) {
	calls := connect(t, 1000)
	w := watch(t, calls...)
	for i, c := range calls {
		if i%2 == 0 {
			go c.client.Close()
		}
	}
	for i, c := range calls {
		if i%2 == 0 {
			c.wantGone(t)
		}
	}
	settle(t, w)
	for i, c := range calls {
		if i%2 != 0 {
			c.wantHere(t)
		}
		w.Remove(&c.Watch)
	}
}

func TestConcurrentUse(t *testing.T) {
	w := New(time.Millisecond)
	defer w.Close()
	var wg sync.WaitGroup
	for _, c := range connect(t, 8) {
		wg.Go(func() {
			for range 2000 {
				w.Add(&c.Watch, c.fd, c)
				w.Remove(&c.Watch)
			}
			w.Add(&c.Watch, c.fd, c)
			c.client.Close()
			<-c.gone
			w.Remove(&c.Watch)
		})
	}
	wg.Wait()
}

func TestGoneAll(t *testing.T) {
	calls := connect(t, 3)
	w := watch(t, calls[0])
	pipe := &call{gone: make(chan struct{})}
	w.Add(&pipe.Watch, noSocket, pipe)
	settle(t, w) // armed
	pipe.wantHere(t)
	for _, c := range calls[1:] {
		w.Add(&c.Watch, c.fd, c)
	}
	w.GoneAll()
	pipe.wantGone(t)
	for _, c := range calls {
		select {
		case <-c.gone:
		default:
			t.Error("GoneAll left a call out")
		}
		c.client.Close()
		w.Remove(&c.Watch)
	}
	w.GoneAll()
	settle(t, w)
}

func TestAfterClose(t *testing.T) {
	calls := connect(t, 2)
	w := New(0)
	w.Add(&calls[0].Watch, calls[0].fd, calls[0])
	settle(t, w)
	w.Close()
	w.Add(&calls[1].Watch, calls[1].fd, calls[1])
	for _, c := range calls {
		c.client.Close()
		w.Remove(&c.Watch)
		c.wantHere(t)
	}
}

func TestAddTwicePanics(t *testing.T) {
	c := connect(t, 1)[0]
	w := watch(t, c)
	defer w.Remove(&c.Watch)
	defer func() {
		if recover() == nil {
			t.Error("a second Add did not panic")
		}
	}()
	w.Add(&c.Watch, c.fd, c)
}

// noSocket stands for a connection without a descriptor.
const noSocket = -1

// A watcher with nothing to watch has no timer running.
func TestRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := New(20 * time.Millisecond)
		defer w.Close()
		wantResting := func(want bool) {
			t.Helper()
			synctest.Wait()
			w.mu.Lock()
			defer w.mu.Unlock()
			if w.resting != want {
				t.Fatalf("resting: %v, want %v", w.resting, want)
			}
		}
		wantResting(true)
		c := &call{gone: make(chan struct{})}
		for range 3 {
			w.Add(&c.Watch, noSocket, c)
			time.Sleep(time.Second)
			wantResting(false)
			w.Remove(&c.Watch)
			w.Add(&c.Watch, noSocket, c)
			w.Remove(&c.Watch)
			time.Sleep(21 * time.Millisecond)
			wantResting(false) // something was added since the last tick
			time.Sleep(20 * time.Millisecond)
			wantResting(true)
			time.Sleep(time.Hour)
			wantResting(true)
		}
	})
}

func TestFD(t *testing.T) {
	c := connect(t, 1)[0]
	if fd, ok := FD(tls.Server(c.server, nil)); !ok || fd != c.fd {
		t.Errorf("FD under TLS = %d, %v; want %d", fd, ok, c.fd)
	}
	one, two := net.Pipe()
	defer one.Close()
	defer two.Close()
	if _, ok := FD(one); ok {
		t.Error("a pipe has a descriptor")
	}
	c.server.Close()
	if _, ok := FD(c.server); ok {
		t.Error("a closed connection has a descriptor")
	}
}

func BenchmarkWatch(b *testing.B) {
	c := connect(b, 1)[0]
	b.Run("add-remove", func(b *testing.B) {
		w := watch(b)
		b.ReportAllocs()
		for b.Loop() {
			w.Add(&c.Watch, c.fd, c)
			w.Remove(&c.Watch)
		}
	})
	b.Run("add-arm-remove", func(b *testing.B) {
		w := watch(b)
		b.ReportAllocs()
		for b.Loop() {
			w.Add(&c.Watch, c.fd, c)
			w.mu.Lock()
			w.ripe.take(&w.fresh)
			w.mu.Unlock()
			w.arm()
			w.Remove(&c.Watch)
		}
	})
}
