package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// player is a provider that answers with one recorded exchange after the other.
type player struct {
	*httptest.Server
	t testing.TB

	mu   sync.Mutex
	tape *exchange
	cuts []int // where the answer's body is cut into writes
	wait bool  // for the gateway to have read a piece before the next is sent
	seen []heard
}

// heard is a request as the player got it.
type heard struct {
	path   string
	header http.Header
	body   []byte
}

type connKey struct{}

func startPlayer(t testing.TB) *player {
	t.Helper()
	p := &player{t: t}
	p.Server = httptest.NewUnstartedServer(p)
	p.Config.ConnContext = func(ctx context.Context, c net.Conn) context.Context {
		return context.WithValue(ctx, connKey{}, c)
	}
	p.Start()
	t.Cleanup(p.Close)
	return p
}

// play makes e the next answers, written in pieces that are cut at the offsets.
// With wait each is sent when the one before it has been read, so that they do
// not arrive as one.
func (p *player) play(e *exchange, wait bool, cuts ...int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.tape, p.wait, p.cuts = e, wait, cuts
}

// heard returns the requests since the last time it was asked.
func (p *player) heard() []heard {
	p.mu.Lock()
	defer p.mu.Unlock()
	seen := p.seen
	p.seen = nil
	return seen
}

// ServeHTTP implements http.Handler.
func (p *player) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		p.t.Errorf("the player can't read a request: %v", err)
	}
	p.mu.Lock()
	p.seen = append(p.seen, heard{r.URL.Path, r.Header, body})
	e, cuts, wait := p.tape, p.cuts, p.wait
	p.mu.Unlock()
	for name, values := range e.header {
		switch name {
		case "Content-Length", "Content-Encoding", "Transfer-Encoding", "Connection", "Date":
		default:
			w.Header()[name] = values
		}
	}
	if !e.streams() {
		w.Header().Set("Content-Length", strconv.Itoa(len(e.response)))
	}
	w.WriteHeader(e.status)
	conn, _ := r.Context().Value(connKey{}).(net.Conn)
	from := 0
	for _, to := range append(slices.Clone(cuts), len(e.response)) {
		_, _ = w.Write(e.response[from:to])
		_ = http.NewResponseController(w).Flush()
		from = to
		if wait && to < len(e.response) && !hasRead(conn) {
			p.t.Errorf("%s: the gateway does not read on at offset %d", e.name, to)
			return
		}
	}
}

// streams reports whether the answer is a stream of events.
func (e *exchange) streams() bool {
	return strings.HasPrefix(e.header.Get("Content-Type"), "text/event-stream")
}

// randomCuts returns at most n offsets at which to cut the answer.
func (e *exchange) randomCuts(random *rand.Rand, n int) (cuts []int) {
	for range min(n, len(e.response)-1) {
		cuts = append(cuts, 1+random.IntN(len(e.response)-1))
	}
	slices.Sort(cuts)
	return slices.Compact(cuts)
}

// hasRead waits until the other end of c, on this machine, has read all that
// was written, or is closed: its socket in /proc/net/tcp has an empty receive
// queue.
func hasRead(c net.Conn) bool {
	local, remote := c.LocalAddr().(*net.TCPAddr), c.RemoteAddr().(*net.TCPAddr)
	ends := fmt.Sprintf(":%04X 0100007F:%04X ", remote.Port, local.Port)
	for deadline := time.Now().Add(5 * time.Second); time.Now().Before(deadline); {
		if queue, open := receiveQueue(ends); !open || queue == "00000000" {
			return true
		}
	}
	return false
}

// receiveQueue returns the length of the receive queue, in hexadecimal, of the
// socket whose line in /proc/net/tcp has the given ports.
func receiveQueue(ends string) (string, bool) {
	f, err := os.Open("/proc/net/tcp")
	if err != nil {
		return err.Error(), true
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if _, rest, ok := strings.Cut(lines.Text(), ends); ok {
			_, queue, _ := strings.Cut(strings.Fields(rest)[1], ":")
			return queue, true
		}
	}
	return "", false
}
