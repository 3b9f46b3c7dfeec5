package main

import (
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ai-mcp-gateway/gateway/bench/simulator"
)

// runCommand runs a program to its end and returns its exit code and what it
// has written.
func runCommand(t testing.TB, env []string, path string, args ...string) (code int, said string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir()}, env...)
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil || ctx.Err() != nil {
		t.Fatalf("%s %v: %v\n%s", path, args, err, out)
	}
	return cmd.ProcessState.ExitCode(), string(out)
}

// spam makes the gateway write about n log lines, and fails when it waits for
// its log.
func (g *instance) spam(n int) {
	g.t.Helper()
	const batch = 500
	w := g.dial()
	_ = w.SetDeadline(time.Now().Add(patience))
	for range n / batch {
		if _, err := io.WriteString(w, strings.Repeat("GET /livez HTTP/1.1\r\nHost: gateway\r\n\r\n", batch)); err != nil {
			g.t.Fatal(err)
		}
		for range batch {
			r, err := http.ReadResponse(w.r, nil)
			if err != nil {
				g.t.Fatal(err)
			}
			_, _ = io.Copy(io.Discard, r.Body)
		}
	}
	_ = w.Close()
}

func TestFault091_LogSink(t *testing.T) {
	sinks := map[string]func(t *testing.T) *os.File{
		"full disk": func(t *testing.T) *os.File {
			f, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
			if err != nil {
				t.Fatal(err)
			}
			return f
		},
		"nobody reads": func(t *testing.T) *os.File {
			r, w, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = r.Close() })
			return w
		},
		"reader gone": func(t *testing.T) *os.File {
			r, w, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			_ = r.Close()
			return w
		},
	}
	for name, open := range sinks {
		t.Run(name, func(t *testing.T) {
			sim := startSimulator(t, simulator.Config{})
			g := prepare(t, config(uncached+quick, sim.URL()+"/v1"))
			sink := open(t)
			g.cmd.Stderr = sink
			g.at(freeAddress(t))
			g.start()
			_ = sink.Close()
			g.spam(12_000) // more than a pipe and the log's buffer hold
			if r := g.post(chatPath, chat("sim-l0", "hi", true)); r.status != http.StatusOK || !strings.Contains(r.body, "[DONE]") {
				t.Errorf("status %d: %s", r.status, r.body)
			}
			eventually(t, patience, "dropped lines to be counted", func() bool { return metric(t, g.metrics(), "gateway_log_dropped_total") > 1000 })
			_ = g.cmd.Process.Signal(syscall.SIGTERM)
			g.wantExit(0, 5*time.Second)
		})
	}
}

// A process that is out of descriptors goes on with what it has, refuses what
// needs one more, and recovers by itself.
func TestFault093_DescriptorsExhausted(t *testing.T) {
	sim := startSimulator(t, simulator.Config{})
	g := startGateway(t, config(uncached+"shutdown: {drain: 100ms, grace: 3s}\n", sim.URL()+"/v1"))
	stream := g.dial()
	stream.say(rawChat("", chat("sim/sim-l0!tokens=2000,chunk-delay=5ms", "hi", true)))
	if _, err := stream.r.Peek(1); err != nil {
		t.Fatal(err)
	}
	others := []*wire{g.dial(), g.dial()}
	for _, w := range others {
		if !w.alive() {
			t.Fatal("no answer")
		}
	}
	limit := unix.Rlimit{Cur: 64, Max: 64}
	if err := unix.Prlimit(g.cmd.Process.Pid, unix.RLIMIT_NOFILE, &limit, nil); err != nil {
		t.Fatal(err)
	}
	var crowd []net.Conn
	for range 200 {
		c, err := net.DialTimeout("tcp", g.Addr, patience)
		if err != nil {
			t.Fatal(err)
		}
		crowd = append(crowd, c)
	}
	eventually(t, patience, "all descriptors to be taken", func() bool { return g.descriptors() >= 64 })
	for _, w := range others {
		w.say(rawChat("", chat("sim-l0", "hi", false)))
		w.mustHear().wantError(t, http.StatusServiceUnavailable, "gateway_overloaded")
		if !w.alive() {
			t.Error("a connection from before is dead")
		}
	}
	buffered := make([]byte, 4<<10)
	for range 5 {
		_ = stream.SetReadDeadline(time.Now().Add(patience))
		if _, err := stream.r.Read(buffered); err != nil {
			t.Fatalf("the stream from before: %v", err)
		}
	}
	for _, c := range crowd {
		_ = c.Close()
	}
	// Those who waited to be let in are let in, and found gone, before anybody new.
	eventually(t, 3*time.Second, "an answer after the crowd has gone", func() bool {
		return g.post(chatPath, chat("sim-l0", "hi", false)).status == http.StatusOK
	})
	_ = stream.Close()
	if n := strings.Count(g.logs.String(), "connections have to wait"); n == 0 || n > 10 {
		t.Errorf("%d log lines of waiting connections", n)
	}
}
