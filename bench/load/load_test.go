package load

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// serve answers every request on every connection with what respond writes;
// the connection is closed when respond says false.
func serve(t *testing.T, respond func(w io.Writer, body []byte) bool) (addr string) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	open := map[net.Conn]bool{}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			open[c] = true
			mu.Unlock()
			wg.Go(func() {
				defer c.Close()
				r := bufio.NewReader(c)
				for {
					req, err := http.ReadRequest(r)
					if err != nil {
						return
					}
					body, err := io.ReadAll(req.Body)
					if err != nil || !respond(c, body) {
						return
					}
				}
			})
		}
	})
	t.Cleanup(func() {
		ln.Close()
		mu.Lock()
		for c := range open {
			c.Close()
		}
		mu.Unlock()
		wg.Wait()
	})
	return ln.Addr().String()
}

// raw is a server that sends the same bytes every time and then keeps the
// connection, or closes it.
func raw(t *testing.T, response string, keep bool) string {
	return serve(t, func(w io.Writer, _ []byte) bool {
		_, err := io.WriteString(w, response)
		return err == nil && keep
	})
}

func plain(body string) string {
	return fmt.Sprintf("HTTP/1.1 200 OK\r\nX-Kind: good; really\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
}

// chunked writes each string as one chunk, and the end unless it is cut.
func chunked(end bool, chunks ...string) string {
	var b strings.Builder
	b.WriteString("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nTransfer-Encoding: chunked\r\n\r\n")
	for _, c := range chunks {
		fmt.Fprintf(&b, "%x\r\n%s\r\n", len(c), c)
	}
	if end {
		b.WriteString("0\r\n\r\n")
	}
	return b.String()
}

var (
	question    = Post("bench", "/v1/chat/completions", []string{"Authorization: Bearer k"}, []byte(`{"n":"`+Serial+`"}`))
	plainAnswer = &Answer{Body: []byte("hello world"), Header: "x-kind: good"}
	eventAnswer = &Answer{Events: []string{"a", "b", "c", done}}
)

// saturate sends n requests one after another over one connection.
func saturate(t *testing.T, addr string, a *Answer, n int64) *Result {
	t.Helper()
	g, err := Open(t.Context(), Config{Addr: addr, Connections: 1, Request: question, Answer: a, Timeout: 100 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	return g.Saturate(t.Context(), Limit{Duration: time.Minute, Requests: n})
}

func TestEveryFaultIsNoticed(t *testing.T) {
	const a, b, c, end = "data: a\n\n", "data: b\n\n", "data: c\n\n", "data: [DONE]\n\n"
	f := func(name, response string, keep bool, answer *Answer, want map[string]int64) {
		t.Run(name, func(t *testing.T) {
			r := saturate(t, raw(t, response, keep), answer, 2)
			if d := cmp.Diff(want, r.Failures); d != "" {
				t.Errorf("failures (-want +got):\n%s%s", d, r.Example)
			}
			if r.Requests != 2-r.Failed() {
				t.Errorf("%d requests counted as right, %d failed, of 2", r.Requests, r.Failed())
			}
		})
	}
	none := map[string]int64{}
	both := func(kind string) map[string]int64 { return map[string]int64{kind: 2} }

	f("right", plain("hello world"), true, plainAnswer, none)
	f("right, chunked", strings.Replace(chunked(true, "hello ", "world"), "Content-Type:", "X-Kind: good\r\nContent-Type:", 1), true, plainAnswer, none)
	f("right, said close", strings.Replace(plain("hello world"), "\r\n", "\r\nConnection: close\r\n", 1), false, plainAnswer, none)
	f("other byte", plain("hello World"), true, plainAnswer, both(kindBody))
	f("shorter", plain("hello worl"), true, plainAnswer, both(kindLength))
	f("longer", plain("hello world!"), true, plainAnswer, both(kindLength))
	f("more than announced", plain("hello world")+"!", true, plainAnswer, both(kindLength))
	f("cut body", strings.TrimSuffix(plain("hello world"), "ld"), false, plainAnswer, both(kindCut))
	f("cut head", "HTTP/1.1 200 OK\r\nConte", false, plainAnswer, both(kindCut))
	f("dropped", "", false, plainAnswer, both(kindDropped))
	f("status", "HTTP/1.1 503 Service Unavailable\r\nX-Kind: good\r\nContent-Length: 11\r\n\r\nhello world", true, plainAnswer, both(kindStatus))
	f("header", strings.Replace(plain("hello world"), "good", "bad", 1), true, plainAnswer, both(kindHeader))
	f("no length", "HTTP/1.1 200 OK\r\nX-Kind: good\r\n\r\nhello world", false, plainAnswer, both(kindFormat))
	f("not HTTP", "hello world, this is not HTTP\r\n", true, plainAnswer, both(kindFormat))

	f("stream", chunked(true, a, b, c, end), true, eventAnswer, none)
	f("stream, joined and split", chunked(true, a+"da", "ta: b\n", "\n: comment\n\n"+c+end), true, eventAnswer, none)
	f("stream, reordered", chunked(true, a, c, b, end), true, eventAnswer, both(kindOrder))
	f("stream, doubled", chunked(true, a, b, b, c, end), true, eventAnswer, both(kindOrder))
	f("stream, one missing", chunked(true, a, c, end), true, eventAnswer, both(kindOrder))
	f("stream, other event", chunked(true, a, b, "data: {\"error\":{}}\n\n", end), true, eventAnswer, both(kindBody))
	f("stream, no [DONE]", chunked(true, a, b, c), true, eventAnswer, both(kindCut))
	f("stream, cut", chunked(false, a, b), false, eventAnswer, both(kindCut))
	f("stream, cut after [DONE]", chunked(false, a, b, c, end), false, eventAnswer, both(kindCut))
	f("stream, broken chunk", strings.Replace(chunked(true, a, b, c, end), "9\r\n", "8\r\n", 1), true, eventAnswer, both(kindFormat))
}

func TestSilentServerTimesOut(t *testing.T) {
	g, err := Open(t.Context(), Config{
		Addr: raw(t, "", true), Connections: 3, Request: question, Answer: plainAnswer, Timeout: 50 * time.Millisecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	r := g.Saturate(t.Context(), Limit{Duration: 50 * time.Millisecond})
	if d := cmp.Diff(map[string]int64{kindTimeout: 3}, r.Failures); d != "" {
		t.Errorf("failures (-want +got):\n%s", d)
	}
}

func TestUnreachableServer(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ln.Close()
	if _, err := Open(t.Context(), Config{Addr: ln.Addr().String(), Connections: 1, Request: question, Answer: plainAnswer}); err == nil || kindOf(err) != kindDial {
		t.Errorf("Open of a closed port: %v", err)
	}
}

func TestNoTwoRequestsAreAlike(t *testing.T) {
	var mu sync.Mutex
	seen := map[string]int{}
	addr := serve(t, func(w io.Writer, body []byte) bool {
		mu.Lock()
		seen[string(body)]++
		mu.Unlock()
		_, err := io.WriteString(w, plain("hello world"))
		return err == nil
	})
	g, err := Open(t.Context(), Config{Addr: addr, Connections: 8, Request: question, Answer: plainAnswer})
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	for _, run := range []func() *Result{
		func() *Result { return g.Saturate(t.Context(), Limit{Duration: time.Minute, Requests: 100}) },
		func() *Result { return g.Pace(t.Context(), 10_000, Limit{Duration: time.Minute, Requests: 100}) },
		func() *Result { return g.Saturate(t.Context(), Limit{Duration: time.Minute, Requests: 100}) },
	} {
		if r := run(); r.Requests != 100 || r.Failed() != 0 || r.Latency.TotalCount() != 100 {
			t.Errorf("%d requests, %d latencies, failures %v: %s", r.Requests, r.Latency.TotalCount(), r.Failures, r.Example)
		}
	}
	if len(seen) != 300 {
		t.Errorf("%d different bodies, expected 300", len(seen))
	}
}

// A server that stalls once must be seen by all the requests that were due
// meanwhile, not only by the one that it kept.
func TestPaceCountsFromTheScheduledTime(t *testing.T) {
	const stall = 200 * time.Millisecond
	var once sync.Once
	addr := serve(t, func(w io.Writer, _ []byte) bool {
		once.Do(func() { <-time.After(stall) })
		_, err := io.WriteString(w, plain("hello world"))
		return err == nil
	})
	g, err := Open(t.Context(), Config{Addr: addr, Connections: 1, Request: question, Answer: plainAnswer})
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	r := g.Pace(t.Context(), 100, Limit{Duration: time.Minute, Requests: 30})
	if r.Requests != 30 || r.Failed() != 0 {
		t.Fatalf("%d requests, failures %v: %s", r.Requests, r.Failures, r.Example)
	}
	// Those due at 0, 10 ... 90 ms had to wait until 200 ms at least.
	var waited int64
	for _, bar := range r.Latency.Distribution() {
		if bar.From >= int64(stall/2) {
			waited += bar.Count
		}
	}
	if waited < 10 {
		t.Errorf("%d requests waited for %v or more, expected at least 10", waited, stall/2)
	}
	if got := time.Duration(r.Late.Max()); got < stall/2 {
		t.Errorf("sent at most %v late; the queue for the connection is missing", got)
	}
}

func TestPaceNoticesFaultsAndGoesOn(t *testing.T) {
	var mu sync.Mutex
	n := 0
	addr := serve(t, func(w io.Writer, _ []byte) bool {
		mu.Lock()
		n++
		k := n
		mu.Unlock()
		switch k {
		case 3:
			return false // dropped
		case 5:
			_, _ = io.WriteString(w, plain("hello World"))
			return true
		}
		_, err := io.WriteString(w, plain("hello world"))
		return err == nil
	})
	g, err := Open(t.Context(), Config{Addr: addr, Connections: 2, Request: question, Answer: plainAnswer})
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	r := g.Pace(t.Context(), 1000, Limit{Duration: time.Minute, Requests: 20})
	if d := cmp.Diff(map[string]int64{kindDropped: 1, kindBody: 1}, r.Failures); d != "" || r.Requests != 18 {
		t.Errorf("%d right, failures (-want +got):\n%s", r.Requests, d)
	}
}

func TestHeldStreamsAreFollowedToTheirEnd(t *testing.T) {
	const streams = 20
	all := chunked(true, "data: a\n\n", "data: b\n\n", "data: c\n\n", "data: [DONE]\n\n")
	first := strings.Index(all, "data: b") + 3
	release := make(chan struct{})
	var cut sync.Once
	addr := serve(t, func(w io.Writer, _ []byte) bool {
		if _, err := io.WriteString(w, all[:first]); err != nil {
			return false
		}
		<-release
		whole := true
		cut.Do(func() { whole = false })
		if !whole {
			return false
		}
		_, err := io.WriteString(w, all[first:])
		return err == nil
	})
	h := Hold(t.Context(), Config{Addr: addr, Connections: streams, Request: question, Answer: eventAnswer})
	close(release)
	h.readers.Wait()
	r := h.Release()
	if d := cmp.Diff(map[string]int64{kindCut: 1}, r.Failures); d != "" || r.Requests != streams {
		t.Errorf("%d open, failures (-want +got):\n%s", r.Requests, d)
	}
}

func TestReleaseIsNoFailure(t *testing.T) {
	const streams = 20
	addr := raw(t, strings.TrimSuffix(chunked(false, "data: a\n\n", "data: b"), "\r\n"), true)
	h := Hold(t.Context(), Config{Addr: addr, Connections: streams, Request: question, Answer: eventAnswer})
	r := h.Release()
	if r.Requests != streams || r.Failed() != 0 || r.FirstChunk.TotalCount() != streams {
		t.Errorf("%d open, failures %v: %s", r.Requests, r.Failures, r.Example)
	}
}

func TestLearn(t *testing.T) {
	a, err := Learn(t.Context(), raw(t, plain("hello world"), true), question)
	if err != nil || string(a.Body) != "hello world" || a.Events != nil {
		t.Errorf("plain: %v, %v", a, err)
	}
	a, err = Learn(t.Context(), raw(t, chunked(true, "data: a\n\n", "data: [DONE]\n\n"), true), question)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"a", done}, a.Events); d != "" {
		t.Errorf("events (-want +got):\n%s", d)
	}
	if _, err = Learn(t.Context(), raw(t, chunked(true, "data: a\n\n"), true), question); kindOf(err) != kindCut {
		t.Errorf("a stream without [DONE] was learned: %v", err)
	}
	if _, err = Learn(t.Context(), raw(t, "HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\n\r\nno", true), question); kindOf(err) != kindStatus {
		t.Errorf("a 401 was learned: %v", err)
	}
}

// Any split of a stream gives the same verdict.
func TestStreamSplitAnywhere(t *testing.T) {
	const whole = ": hi\r\n\r\ndata: a\r\n\r\ndata:b\n\nevent: x\ndata: c\n\ndata: [DONE]\n\n"
	eventAnswer.index()
	for i := range whole {
		for j := i; j < len(whole); j++ {
			var s stream
			s.reset(eventAnswer)
			for _, part := range []string{whole[:i], whole[i:j], whole[j:]} {
				if err := s.feed([]byte(part)); err != nil {
					t.Fatalf("split at %d and %d: %v", i, j, err)
				}
			}
			if err := s.end(); err != nil || s.chunks() != 3 {
				t.Fatalf("split at %d and %d: %d chunks, %v", i, j, s.chunks(), err)
			}
		}
	}
}

func TestWriteSerial(t *testing.T) {
	digits := bytes.Repeat([]byte("x"), len(Serial))
	writeSerial(digits, 1234567)
	if string(digits) != "0000000001234567" {
		t.Errorf("%s", digits)
	}
}
