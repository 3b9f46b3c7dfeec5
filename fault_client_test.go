package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ai-mcp-gateway/gateway/bench/simulator"
)

// cancelWithin is how soon an upstream call has to end after its client went.
const cancelWithin = 100 * time.Millisecond

// departures are the ways in which a client leaves.
var departures = map[string]func(*wire){
	"FIN":        func(w *wire) { _ = w.Close() },
	"RST":        (*wire).reset,
	"half-close": func(w *wire) { _ = w.CloseWrite() },
}

// leave starts a call for each way of leaving, leaves when it has come as far
// as ready says, and checks that the provider is cancelled in time. A machine
// that is busy with something else gets several tries.
func leave(t *testing.T, g *instance, sim *simulator.Server, stream bool, ready func(*wire)) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for name, depart := range departures {
		var took time.Duration
		for range 10 {
			w := g.dial()
			id := sim.Requests() + 1
			w.say(rawChat("", chat("sim-l0", name, stream)))
			if _, err := sim.Wait(ctx, id); err != nil {
				t.Fatal(err)
			}
			ready(w)
			left := time.Now()
			depart(w)
			end, err := sim.WaitEnd(ctx, id)
			if err != nil {
				t.Fatal(err)
			}
			if !end.Aborted {
				t.Fatalf("%s: the provider's answer was read to its end", name)
			}
			_ = w.Close()
			if took = end.Ended.Sub(left); took <= cancelWithin {
				break
			}
		}
		if took > cancelWithin {
			t.Errorf("%s: the provider was cancelled after %v, want at most %v", name, took, cancelWithin)
		}
	}
}

// wantCancelled waits for the log lines of n cancelled calls.
func wantCancelled(t *testing.T, g *instance, sim *simulator.Server) (lines []map[string]any) {
	t.Helper()
	eventually(t, patience, "all log lines", func() bool { lines = g.callsTo(chatPath); return len(lines) == int(sim.Requests()) })
	for _, line := range lines {
		if line["error"] != "caller_gone" || line["attempts"] != 1.0 {
			t.Errorf("the log says %v, want one attempt and caller_gone", line)
		}
	}
	return lines
}

func TestFault037_DisconnectBeforeFirstByte(t *testing.T) {
	for name, extra := range map[string]string{"uncached": uncached, "cached": ""} {
		t.Run(name, func(t *testing.T) {
			sim := startSimulator(t, simulator.Config{Faults: "latency=1m"})
			g := startGateway(t, config(extra, sim.URL()+"/v1"))
			leave(t, g, sim, false, func(*wire) {})
			leave(t, g, sim, true, func(*wire) {})
			for _, line := range wantCancelled(t, g, sim) {
				if line["status"] != 499.0 || line["cost_nano"] != 0.0 {
					t.Errorf("the log says %v, want status 499 and no cost", line)
				}
			}
		})
	}
}

func TestFault038_DisconnectMidStream(t *testing.T) {
	for name, extra := range map[string]string{"uncached": uncached, "cached": ""} {
		t.Run(name, func(t *testing.T) {
			sim := startSimulator(t, simulator.Config{Faults: "tokens=100000,chunk-delay=2ms"})
			g := startGateway(t, config(extra, sim.URL()+"/v1"))
			leave(t, g, sim, true, func(w *wire) {
				_ = w.SetReadDeadline(time.Now().Add(patience))
				for events := 0; events < 5; {
					line, err := w.r.ReadString('\n')
					if err != nil {
						t.Fatal(err)
					}
					if strings.HasPrefix(line, "data: ") {
						events++
					}
				}
			})
			for _, line := range wantCancelled(t, g, sim) {
				// Input costs 1000 and output 2000 nano-dollars a token.
				in, _ := line["tokens_in"].(float64)
				out, _ := line["tokens_out"].(float64)
				if line["estimated"] != true || in < 10 || out < 3 || line["cost_nano"] != 1000*in+2000*out {
					t.Errorf("the log says %v, want what was received, estimated and priced", line)
				}
			}
		})
	}
}

// Readers that take nothing hold back their providers, cost little memory and
// are cut off after the write timeout.
func TestFault039_SlowReader(t *testing.T) {
	for extra, logs := range map[string]int64{uncached: 4 << 20, "": 64 << 20} {
		t.Run("logs "+itoa(int(logs>>20))+" MiB", func(t *testing.T) {
			t.Parallel()
			sim := startSimulator(t, simulator.Config{})
			g := startGateway(t, config(extra+"timeouts: {write: 1s}\n", sim.URL()+"/v1"))
			const readers = 32
			grown := g.grown(func() {
				for i := range readers {
					g.mustStall(chat("sim/bench-stream-8000x1000", fmt.Sprint(i), true))
				}
				g.waitBlocked()
			})
			if most := int64(readers*64<<10) + logs; grown > most {
				t.Errorf("%d slow readers take %d KiB, want at most %d", readers, grown>>10, most>>10)
			}
			for _, line := range wantCancelled(t, g, sim) {
				if d := duration(line); d < time.Second {
					t.Errorf("a reader was cut off after %v, before the write timeout", d)
				}
			}
			for _, s := range sim.Seen() {
				if s.Ended.IsZero() || !s.Aborted {
					t.Errorf("request %d: ended %v, aborted %t", s.ID, s.Ended, s.Aborted)
				}
			}
		})
	}
}

// A reader that falls behind for a while gets the whole stream in the end.
func TestFault039_SlowReaderCatchesUp(t *testing.T) {
	sim := startSimulator(t, simulator.Config{})
	g := startGateway(t, config("", sim.URL()+"/v1"))
	const events = 6000
	w := g.mustStall(chat(fmt.Sprintf("sim/bench-stream-%dx1000", events), "hi", true))
	g.waitBlocked()
	if s := sim.Seen()[0]; !s.Ended.IsZero() {
		t.Error("the provider was not held back")
	}
	r := w.mustHear()
	if n := strings.Count(r.body, "data: {"); n != events+2 || !strings.HasSuffix(r.body, "data: [DONE]\n\n") {
		t.Errorf("%d events, want %d and [DONE]: ...%.100s", n, events+2, r.body[max(0, len(r.body)-100):])
	}
}

// The catalogue's ten thousand readers are two thousand here, each of which
// costs two descriptors and some kernel memory on either side.
func TestFault040_2000StalledReaders(t *testing.T) {
	sim := startSimulator(t, simulator.Config{Record: 1})
	// What a reader holds is meant, not how long the collector waits.
	g := startGateway(t, config("timeouts: {write: 10s}\n", sim.URL()+"/v1"), "GOGC=25")
	const readers = 2000
	grown := g.grown(func() {
		for i := range readers {
			g.mustStall(chat("sim/bench-stream-200x1000", fmt.Sprint(i), true))
		}
		g.waitBlocked()
	})
	t.Logf("%d readers take %d KiB each", readers, grown/readers>>10)
	if most := int64(readers*64<<10) + 64<<20; grown > most {
		t.Errorf("%d stalled readers take %d MiB, want at most %d", readers, grown>>20, most>>20)
	}
	if r := g.post(chatPath, chat("sim-l0", "hi", false)); r.status != http.StatusOK {
		t.Errorf("a new request gets %d: %s", r.status, r.body)
	}
}

// grown returns how many resident bytes the gateway has more after f.
func (g *instance) grown(f func()) int64 {
	g.t.Helper()
	before, _ := g.memory()
	f()
	after, _ := g.memory()
	return after - before
}

// mustStall opens a stream and reads nothing of it but the status. The client
// announces small segments and has a small receive buffer, so that the kernel
// takes no more than some ten kilobytes off the gateway's hands.
func (g *instance) mustStall(body string) *wire {
	g.t.Helper()
	small := net.Dialer{Timeout: patience, Control: func(_, _ string, c syscall.RawConn) (err error) {
		if e := c.Control(func(fd uintptr) {
			err = errors.Join(
				syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, 4<<10),
				syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, syscall.TCP_MAXSEG, 536),
			)
		}); e != nil {
			return e
		}
		return err
	}}
	c, err := small.Dial("tcp", g.Addr)
	if err != nil {
		g.t.Fatal(err)
	}
	g.t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(time.Minute))
	if _, err := io.WriteString(c, rawChat("", body)); err != nil {
		g.t.Fatal(err)
	}
	w := &wire{c.(*net.TCPConn), g.t, bufio.NewReader(c)}
	status, err := w.r.Peek(len("HTTP/1.1 200"))
	if err != nil || string(status) != "HTTP/1.1 200" {
		g.t.Fatalf("answer %q, %v", status, err)
	}
	return w
}

// waitBlocked waits until the gateway reads no more from anybody.
func (g *instance) waitBlocked() {
	g.t.Helper()
	before, quiet := int64(-1), 0
	eventually(g.t, 20*time.Second, "the streams to stand still", func() bool {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/io", g.cmd.Process.Pid))
		if err != nil {
			g.t.Fatal(err)
		}
		var now int64
		if _, err := fmt.Sscanf(string(text), "rchar: %d", &now); err != nil {
			g.t.Fatal(err)
		}
		if now-before > 1<<10 { // less is the runtime's own wake-ups
			quiet = 0
		}
		before, quiet = now, quiet+1
		return quiet == 40
	})
}
