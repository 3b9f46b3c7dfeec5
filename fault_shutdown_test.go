package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/ai-mcp-gateway/gateway/bench/simulator"
)

// finish collects the answers of calls that are under way.
type finish struct {
	all     sync.WaitGroup
	mu      sync.Mutex
	replies []reply
}

// open sends n calls and waits for the first byte of each stream.
func (f *finish) open(g *instance, n int, body func(i int) string, stream bool) {
	g.t.Helper()
	for i := range n {
		w := g.dial()
		w.say(rawChat("", body(i)))
		if stream {
			if _, err := w.r.Peek(1); err != nil {
				g.t.Fatal(err)
			}
		}
		f.all.Go(func() {
			r, err := w.hear()
			if err != nil {
				r.err = err
			}
			_ = w.Close()
			f.mu.Lock()
			f.replies = append(f.replies, r)
			f.mu.Unlock()
		})
	}
}

// wait returns the answers, all of them read to their end.
func (f *finish) wait() []reply {
	f.all.Wait()
	return f.replies
}

// status asks path on a connection of its own; 0 is no answer.
func (g *instance) status(path string) int {
	c, err := net.DialTimeout("tcp", g.Addr, time.Second)
	if err != nil {
		return 0
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(time.Second))
	if _, err := fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: gateway\r\nConnection: close\r\n\r\n", path); err != nil {
		return 0
	}
	text, _ := io.ReadAll(c)
	var status int
	_, _ = fmt.Sscanf(string(text), "HTTP/1.1 %d", &status)
	return status
}

func TestFault085_SIGTERMWithOpenStreams(t *testing.T) {
	sim := startSimulator(t, simulator.Config{})
	g := launch(t, config(uncached+"shutdown: {drain: 1s, grace: 1s}\n", sim.URL()+"/v1"))
	var short, long, waiting finish
	// The short ones last through the pause and end within the grace.
	short.open(g, 50, func(i int) string { return chat("sim/sim-l0!tokens=75,chunk-delay=20ms", itoa(i), true) }, true)
	long.open(g, 50, func(i int) string { return chat("sim/sim-l0!tokens=10000,chunk-delay=20ms", itoa(i), true) }, true)
	waiting.open(g, 10, func(i int) string { return chat("sim/sim-l0!latency=1m", itoa(i), false) }, false)
	idle := g.dial()
	if !idle.alive() {
		t.Fatal("no answer")
	}
	eventually(t, patience, "all calls to be upstream", func() bool { return sim.Requests() == 110 })

	start := time.Now()
	_ = g.cmd.Process.Signal(syscall.SIGTERM)
	eventually(t, 500*time.Millisecond, "/readyz to fail", func() bool { return g.status("/readyz") == http.StatusServiceUnavailable })
	if r := g.post(chatPath, chat("sim-l0", "late", false)); r.status != http.StatusOK {
		t.Errorf("a request in the pause before closing gets %d", r.status)
	}
	http.DefaultClient.CloseIdleConnections()
	eventually(t, 3*time.Second, "the listener to close", func() bool { return g.status("/livez") == 0 })
	if took := time.Since(start); took < time.Second {
		t.Errorf("the listener closed after %v, within the pause", took)
	}
	if said, ended := idle.closed(time.Second); said != "" || !ended {
		t.Errorf("idle connection: closed %t, said %q", ended, said)
	}
	for _, r := range short.wait() {
		if r.err != nil || !strings.HasSuffix(r.body, "data: [DONE]\n\n") {
			t.Errorf("a stream that ends within the grace: %v, ...%s", r.err, r.body[max(0, len(r.body)-200):])
		}
	}
	for _, r := range long.wait() {
		r.wantStreamError(t, "gateway_stopping")
	}
	for _, r := range waiting.wait() {
		r.wantError(t, http.StatusServiceUnavailable, "gateway_stopping")
	}
	g.wantExit(0, 2*time.Second)
	if took := time.Since(start); took > 4*time.Second {
		t.Errorf("the shutdown took %v with a pause and a grace of 1s each", took)
	}
	stopped := 0
	for _, line := range g.callsTo(chatPath) {
		if line["error"] == "gateway_stopping" {
			stopped++
		}
	}
	if stopped != 60 {
		t.Errorf("%d log lines of calls that were cut off, want 60", stopped)
	}
}

// wantExit waits for the end of the process.
func (g *instance) wantExit(code int, d time.Duration) {
	g.t.Helper()
	select {
	case err := <-g.done:
		g.done <- err
		if got := g.cmd.ProcessState.ExitCode(); got != code {
			g.t.Errorf("exit code %d, want %d\n%s", got, code, g.logs.tail())
		}
	case <-time.After(d):
		g.t.Errorf("the gateway did not end within %v\n%s", d, g.logs.tail())
	}
}

func TestFault086_SecondSignal(t *testing.T) {
	for _, second := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		t.Run(second.String(), func(t *testing.T) {
			sim := startSimulator(t, simulator.Config{})
			g := launch(t, config(uncached+"shutdown: {drain: 20s, grace: 20s}\n", sim.URL()+"/v1"))
			var long finish
			long.open(g, 10, func(i int) string { return chat("sim/sim-l0!tokens=10000,chunk-delay=20ms", itoa(i), true) }, true)
			_ = g.cmd.Process.Signal(syscall.SIGTERM)
			eventually(t, time.Second, "/readyz to fail", func() bool { return g.status("/readyz") == http.StatusServiceUnavailable })
			_ = g.cmd.Process.Signal(second)
			g.wantExit(0, time.Second)
			for _, r := range long.wait() {
				r.wantStreamError(t, "gateway_stopping")
			}
			if n := strings.Count(g.logs.String(), "gateway_stopping"); n != 10 {
				t.Errorf("%d calls are logged as cut off, want 10", n)
			}
		})
	}
}

func TestFault098_PortInUse(t *testing.T) {
	g := startGateway(t, quick)
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	code, said := runCommand(t, []string{"GATEWAY_LISTEN=" + g.Addr}, path, "serve")
	if code == 0 || !strings.Contains(said, "address already in use") || !strings.Contains(said, g.Addr) {
		t.Errorf("exit code %d: %s", code, said)
	}
	if g.status("/livez") != http.StatusOK {
		t.Error("the one that has the port is dead")
	}
}
