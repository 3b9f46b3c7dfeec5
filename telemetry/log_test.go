package telemetry

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ai-mcp-gateway/gateway/internal/secret"
)

// paper is a writer that can be read while it is written.
type paper struct {
	mu    sync.Mutex
	bytes bytes.Buffer
}

func (p *paper) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.bytes.Write(b)
}

func (p *paper) String() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.bytes.String()
}

// gate is a writer that blocks until it is opened.
type gate struct {
	paper
	entered chan struct{} // one signal for each Write
	open    chan struct{} // closed: Writes go on
}

func newGate() *gate {
	return &gate{entered: make(chan struct{}, 1000), open: make(chan struct{})}
}

func (g *gate) Write(b []byte) (int, error) {
	g.entered <- struct{}{}
	<-g.open
	return g.paper.Write(b)
}

// lines returns the parsed lines of a log, which must all be whole.
func lines(t *testing.T, text string) []map[string]any {
	t.Helper()
	var all []map[string]any
	for line := range strings.Lines(text) {
		var m map[string]any
		if err := json.Unmarshal([]byte(line), &m); err != nil || !strings.HasSuffix(line, "\n") {
			t.Fatalf("not a line of JSON: %q: %v", line, err)
		}
		all = append(all, m)
	}
	return all
}

func closeLog(t *testing.T, l *Log) {
	t.Helper()
	if err := l.Close(); err != nil {
		t.Error(err)
	}
}

func TestAccept_O8_JSONLogs(t *testing.T) {
	out := &paper{}
	l := NewLog(out, slog.LevelInfo)
	c := sample()
	l.Slog().Warn("provider is cooling", "request_id", c.RequestID, "key", secret.New("sk-canary"))
	l.Call(c)
	l.Slog().Debug("not at this level")
	closeLog(t, l)

	got := lines(t, out.String())
	if len(got) != 2 {
		t.Fatalf("%d lines, want 2:\n%s", len(got), out)
	}
	for i, want := range []string{"provider is cooling", "call"} {
		if got[i]["msg"] != want || got[i]["request_id"] != c.RequestID {
			t.Errorf("line %d: %v", i, got[i])
		}
		at, err := time.Parse(time.RFC3339Nano, fmt.Sprint(got[i]["time"]))
		if err != nil || at.Location() != time.UTC {
			t.Errorf("line %d: time %v is not UTC (%v)", i, got[i]["time"], err)
		}
	}
	if strings.Contains(out.String(), "canary") {
		t.Errorf("a secret was logged:\n%s", out)
	}
	if n := l.Dropped(); n != 0 {
		t.Errorf("%d lines dropped", n)
	}
}

func TestLevel(t *testing.T) {
	f := func(level slog.Level, status, want int) {
		t.Helper()
		out := &paper{}
		l := NewLog(out, level)
		l.Call(&Call{Status: status})
		closeLog(t, l)
		if got := len(lines(t, out.String())); got != want {
			t.Errorf("status %d at level %v: %d lines, want %d", status, level, got, want)
		}
	}
	f(slog.LevelDebug, 200, 1)
	f(slog.LevelInfo, 499, 1)
	f(slog.LevelWarn, 200, 0)
	f(slog.LevelWarn, 404, 0)
	f(slog.LevelError, 500, 1)
}

// Call lines wait for company; what else happens is written at once.
func TestFlush(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := &paper{}
		l := NewLog(out, slog.LevelInfo)
		defer closeLog(t, l)
		written := func() int {
			synctest.Wait()
			return strings.Count(out.String(), "\n")
		}
		for want := 0; want < 6; want += 2 {
			l.Call(sample())
			time.Sleep(flushEvery - 1)
			l.Call(sample())
			if got := written(); got != want {
				t.Fatalf("%d lines before the flush, want %d", got, want)
			}
			time.Sleep(time.Nanosecond)
			if got := written(); got != want+2 {
				t.Fatalf("%d lines after the flush, want %d", got, want+2)
			}
			time.Sleep(time.Hour)
		}
		l.Call(sample())
		l.Slog().Error("now")
		if got := written(); got != 8 {
			t.Fatalf("%d lines after an error, want 8", got)
		}
		l.sink.mu.Lock()
		resting := l.sink.resting
		l.sink.mu.Unlock()
		if resting {
			t.Error("resting just after a line")
		}
		time.Sleep(flushEvery)
		synctest.Wait()
		l.sink.mu.Lock()
		resting = l.sink.resting
		l.sink.mu.Unlock()
		if !resting {
			t.Error("not resting after an empty interval")
		}
	})
}

func TestFault091_BlockedSink(t *testing.T) {
	const calls = 10_000 // about 11 MB
	out := newGate()
	l := NewLog(out, slog.LevelInfo)
	for range calls {
		l.Call(sample())
	}
	if l.Dropped() == 0 {
		t.Error("nothing dropped: the buffer has no bound")
	}
	close(out.open)
	closeLog(t, l)
	got := len(lines(t, out.String()))
	if got+int(l.Dropped()) != calls {
		t.Errorf("%d lines written and %d dropped of %d", got, l.Dropped(), calls)
	}
	if most := 2*maxBuffered/len(appendCall(nil, sample())) + 2; got > most {
		t.Errorf("%d lines were kept, more than %d", got, most)
	}
}

func TestFault091_CloseDoesNotHang(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := newGate()
		l := NewLog(out, slog.LevelInfo)
		l.Slog().Info("stuck")
		<-out.entered
		start := time.Now()
		if err := l.Close(); err == nil {
			t.Error("Close of a blocked sink says nothing")
		}
		if took := time.Since(start); took != closeWait {
			t.Errorf("Close took %v, want %v", took, closeWait)
		}
		l.Call(sample())
		if l.Dropped() != 1 {
			t.Errorf("%d lines dropped after Close, want 1", l.Dropped())
		}
		close(out.open)
	})
}

// faulty writes at most room bytes, then fails until it is repaired.
type faulty struct {
	paper
	room int
}

func (f *faulty) Write(b []byte) (int, error) {
	n := min(len(b), f.room)
	f.room -= n
	_, _ = f.paper.Write(b[:n])
	if n < len(b) {
		return n, syscall.ENOSPC
	}
	return n, nil
}

func TestFault091_DiskFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		line := appendCall(nil, &Call{})
		out := &faulty{room: len(line) + 10}
		l := NewLog(out, slog.LevelInfo)
		write := func(n int) {
			for range n {
				l.Call(&Call{})
			}
			time.Sleep(2 * flushEvery)
			synctest.Wait()
		}
		write(3) // one whole line and ten bytes go through
		write(2)
		if got := l.Dropped(); got != 4 {
			t.Errorf("%d lines dropped, want 4", got)
		}
		out.room = 1 << 20
		write(2)
		closeLog(t, l)
		if got, want := out.String(), string(line)+string(line[:10])+"\n"+string(line)+string(line); got != want {
			t.Errorf("written:\n%q\nwant:\n%q", got, want)
		}
		if got := l.Dropped(); got != 4 {
			t.Errorf("%d lines dropped after the repair, want 4", got)
		}
	})
}

func TestFault091_BrokenPipe(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	l := NewLog(w, slog.LevelInfo)
	l.Slog().Info("heard")
	if _, err := io.ReadFull(r, make([]byte, 10)); err != nil {
		t.Fatal(err)
	}
	r.Close()
	for range 10 {
		l.Call(sample())
	}
	closeLog(t, l)
	if _, err := w.Write([]byte("x")); !errors.Is(err, syscall.EPIPE) {
		t.Fatalf("the pipe is not broken: %v", err)
	}
	if got := l.Dropped(); got != 10 {
		t.Errorf("%d lines dropped, want 10", got)
	}
}

func TestConcurrentLinesAreWhole(t *testing.T) {
	const writers, each = 8, 300
	out := &paper{}
	l := NewLog(out, slog.LevelInfo)
	var wg sync.WaitGroup
	for range writers {
		wg.Go(func() {
			for range each {
				l.Call(sample())
				l.Slog().Info("m")
			}
		})
	}
	wg.Wait()
	closeLog(t, l)
	if got := len(lines(t, out.String())) + int(l.Dropped()); got != 2*writers*each {
		t.Errorf("%d lines, want %d", got, 2*writers*each)
	}
}

func TestFault047_NoLogSpam(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := NewLog(io.Discard, slog.LevelInfo)
		defer closeLog(t, l)
		f := func(class string, wantOK bool, want int64) {
			t.Helper()
			if got, ok := l.Limited(class); ok != wantOK || got != want {
				t.Errorf("%s: %d, %v; want %d, %v", class, got, ok, want, wantOK)
			}
		}
		f("reset", true, 0)
		f("reset", false, 0)
		f("reset", false, 0)
		f("accept", true, 0)
		time.Sleep(time.Second - 1)
		f("reset", false, 0)
		time.Sleep(time.Nanosecond)
		f("reset", true, 3)
		f("reset", false, 0)
		time.Sleep(time.Hour)
		f("reset", true, 1)

		for i := range 2 * maxClasses {
			l.Limited(fmt.Sprint(i))
		}
		if n := len(l.classes); n > maxClasses+1 {
			t.Errorf("%d classes are remembered, want at most %d", n, maxClasses+1)
		}
	})
}

func BenchmarkLog(b *testing.B) {
	for name, c := range map[string]*Call{"call": single(), "call-fallback": sample()} {
		b.Run(name, func(b *testing.B) {
			l := NewLog(io.Discard, slog.LevelInfo)
			defer l.Close()
			b.ReportAllocs()
			for b.Loop() {
				l.Call(c)
			}
			b.ReportMetric(float64(l.Dropped())/float64(b.N), "dropped/op")
		})
	}
}

// single is an ordinary call: one attempt, every name set.
func single() *Call {
	c := sample()
	c.Attempts = c.Attempts[1:]
	return c
}
