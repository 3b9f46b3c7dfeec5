package main

import (
	"bufio"
	"bytes"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ai-mcp-gateway/gateway/bench/simulator"
)

// Clients that send a byte every now and then are cut off when their time is
// over, not when they fall silent; the others are served meanwhile.
func TestFault041_Slowloris(t *testing.T) {
	sim := startSimulator(t, simulator.Config{})
	g := startGateway(t, config(uncached+quick, sim.URL()+"/v1"))
	const header, body = time.Second, 1500 * time.Millisecond // in quick
	drips := []struct {
		name, start string
		limit       time.Duration
	}{
		{"nothing", "", header},
		{"request line", "PO", header},
		{"header", "POST /v1/chat/completions HTTP/1.1\r\nHost: gateway\r\nX-Slow: ", header},
		{"short body", rawChat("Content-Length: 1000\r\n", "{"), header},
		{"long body", rawChat("Content-Length: 100000\r\n", "{"), body},
		{"chunked body", rawChat("Transfer-Encoding: chunked\r\n", "186a0\r\n{"), body},
		{"chunk sizes", rawChat("Transfer-Encoding: chunked\r\n", "5;x="), body},
	}
	type result struct {
		reply
		err  error
		took time.Duration
	}
	results := make([]result, 10*len(drips))
	var all sync.WaitGroup
	for i := range results {
		w, start := g.dial(), drips[i%len(drips)].start
		all.Go(func() {
			opened := time.Now()
			stop := w.drip(start, start != "")
			results[i].reply, results[i].err = w.hear()
			_, _ = w.closed(patience)
			results[i].took = time.Since(opened)
			stop()
		})
	}
	for range 5 {
		if r := g.post(chatPath, chat("sim-l0", "hi", false)); r.status != http.StatusOK {
			t.Errorf("another client gets %d: %s", r.status, r.body)
		}
	}
	all.Wait()
	for i, r := range results {
		d := drips[i%len(drips)]
		if r.err != nil || r.status != http.StatusRequestTimeout || r.took < d.limit-100*time.Millisecond || r.took > d.limit+2*time.Second {
			t.Errorf("%s: status %d, %v, cut off after %v; want 408 after %v", d.name, r.status, r.err, r.took, d.limit)
		}
	}
	if n := sim.Requests(); n != 5 {
		t.Errorf("%d requests reached the provider, want 5", n)
	}
}

// drip sends start and then, if it goes on, a digit from time to time until
// stop is called.
func (w *wire) drip(start string, on bool) (stop func()) {
	w.say(start)
	if !on {
		return func() {}
	}
	done := make(chan struct{})
	var dripping sync.WaitGroup
	dripping.Go(func() {
		tick := time.NewTicker(100 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-done:
				return
			case <-tick.C:
				w.say("0")
			}
		}
	})
	return func() { close(done); dripping.Wait() }
}

func TestFault042_HeaderLimits(t *testing.T) {
	sim := startSimulator(t, simulator.Config{})
	g := startGateway(t, config(uncached+quick, sim.URL()+"/v1"))
	lines := func(n int) string { // on top of the three that are there anyway
		var b strings.Builder
		for i := range n - 3 {
			fmt.Fprintf(&b, "X-%d: y\r\n", i)
		}
		return b.String()
	}
	target := func(n int) string {
		return strings.Replace(rawChat("", honest), chatPath, chatPath+"?"+strings.Repeat("x", n-len(chatPath)-1), 1)
	}
	runRaw(t, g, []rawCase{
		{name: "15 KiB in a line", request: rawChat("X-Long: "+strings.Repeat("x", 15<<10)+"\r\n", honest), status: 200, open: true},
		{name: "17 KiB in a line", request: rawChat("X-Long: "+strings.Repeat("x", 17<<10)+"\r\n", honest), status: 431},
		{name: "1 MiB in a line", request: rawChat("X-Long: "+strings.Repeat("x", 1<<20)+"\r\n", honest), status: 431},
		{name: "17 KiB in lines", request: rawChat(strings.Repeat("X-Long: "+strings.Repeat("x", 1000)+"\r\n", 17), honest), status: 431},
		{name: "17 KiB in a name", request: rawChat(strings.Repeat("x", 17<<10)+": 1\r\n", honest), status: 431},
		{name: "8 KiB target", request: target(8 << 10), status: 200, open: true},
		{name: "8 KiB and 1 target", request: target(8<<10 + 1), status: 431},
		{name: "17 KiB target", request: target(17 << 10), status: 431},
		{name: "17 KiB method", request: strings.Repeat("X", 17<<10) + rawChat("", honest), status: 431},
		{name: "100 lines", request: rawChat(lines(100), honest), status: 200, open: true},
		{name: "101 lines", request: rawChat(lines(101), honest), status: 431},
		{name: "1000 lines", request: rawChat(lines(1000), honest), status: 431},
	})
	if n := sim.Requests(); n != 3 {
		t.Errorf("%d requests reached the provider, want 3", n)
	}
}

func TestFault043_LargeBody(t *testing.T) {
	sim := startSimulator(t, simulator.Config{})
	g := startGateway(t, keyed+config("limits: {body: 1MiB}\n"+uncached+quick, sim.URL()+"/v1"))
	const known = "Authorization: Bearer " + appKey + "\r\n"
	const expect = "Expect: 100-continue\r\n"
	large := "Content-Length: 1048577\r\n"
	// None of these sends its body: the answer has to come without it.
	for _, c := range []struct {
		name, lines string
		status      int
		code        string
	}{
		{"too large", known + large, 413, "caller_body_too_large"},
		{"too large, expecting", known + expect + large, 413, "caller_body_too_large"},
		{"far too large", known + "Content-Length: 9000000000000000000\r\n", 413, "caller_body_too_large"},
		{"stranger", large, 401, "caller_unauthenticated"},
		{"stranger, expecting", expect + "Content-Length: 10\r\n", 401, "caller_unauthenticated"},
		{"stranger, expecting, too large", expect + large, 401, "caller_unauthenticated"},
		{"wrong key, expecting", "Authorization: Bearer nobody\r\n" + expect + "Content-Length: 10\r\n", 401, "caller_unauthenticated"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := g.dial()
			w.say(rawChat(c.lines, ""))
			r := w.mustHear() // a "100 Continue" would be the first answer
			r.wantError(t, c.status, c.code)
			_ = w.CloseWrite()
			if said, ended := w.closed(patience); said != "" || !ended {
				t.Errorf("after the answer: closed %t, said %q", ended, said)
			}
		})
	}
	full := chat("sim/bench-1k", strings.Repeat("x", 1<<20), false)[:1<<20-len(`"}]}`)] + `"}]}`
	runRaw(t, g, []rawCase{
		{name: "as large as can be", request: rawChat(known, full), status: 200, open: true},
		{name: "a byte more", request: rawChat(known, full+" "), status: 413},
		{name: "a stranger's in chunks", request: rawChat("Transfer-Encoding: chunked\r\n", chunked(full)), status: 413},
		{name: "a byte more in chunks", request: rawChat(known+"Transfer-Encoding: chunked\r\n", chunked(full+" ")), status: 413},
		{name: "much more in chunks", request: rawChat(known+"Transfer-Encoding: chunked\r\n", strings.Repeat("10000\r\n"+strings.Repeat("x", 1<<16)+"\r\n", 64)), status: 413},
	})
	if n := sim.Requests(); n != 1 {
		t.Errorf("%d requests reached the provider, want 1", n)
	}
}

// A client that asks first is told to go on when its body is welcome.
func TestFault043_ExpectContinue(t *testing.T) {
	sim := startSimulator(t, simulator.Config{})
	g := startGateway(t, config(uncached+quick, sim.URL()+"/v1"))
	w := g.dial()
	w.say(rawChat("Expect: 100-continue\r\nContent-Length: "+itoa(len(honest))+"\r\n", ""))
	line, err := w.r.ReadString('\n')
	if err != nil || line != "HTTP/1.1 100 Continue\r\n" {
		t.Fatalf("%q, %v; want 100 Continue", line, err)
	}
	if _, err := w.r.ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	w.say(honest)
	if r := w.mustHear(); r.status != http.StatusOK || !w.alive() {
		t.Errorf("status %d, or the connection is dead: %s", r.status, r.body)
	}
}

func TestFault044_ShortBody(t *testing.T) {
	sim := startSimulator(t, simulator.Config{})
	g := startGateway(t, config(uncached+quick, sim.URL()+"/v1"))
	n := len(honest)
	long := chat("sim-l0", strings.Repeat("x", 100_000), false)
	runRaw(t, g, []rawCase{
		{name: "a byte short", request: rawChat("Content-Length: "+itoa(n+1)+"\r\n", honest), status: 400, half: true},
		{name: "half", request: rawChat("Content-Length: "+itoa(n)+"\r\n", honest[:n/2]), status: 400, half: true},
		{name: "nothing", request: rawChat("Content-Length: "+itoa(n)+"\r\n", ""), status: 400, half: true},
		{name: "half of a long one", request: rawChat("Content-Length: "+itoa(len(long))+"\r\n", long[:len(long)/2]), status: 400, half: true},
		{name: "within a chunk", request: rawChat("Transfer-Encoding: chunked\r\n", chunked(honest)[:n/2]), status: 400, half: true},
		{name: "between chunks", request: rawChat("Transfer-Encoding: chunked\r\n", fmt.Sprintf("%x\r\n%s\r\n", n, honest)), half: true},
		{name: "within the header", request: rawChat("", honest)[:60], status: 400, half: true},
	})
	if n := sim.Requests(); n != 0 {
		t.Errorf("%d requests reached the provider", n)
	}
}

func TestFault045_Pipelining(t *testing.T) {
	sim := startSimulator(t, simulator.Config{})
	g := startGateway(t, config(uncached+quick, sim.URL()+"/v1"))
	var text strings.Builder
	const n = 30
	for i := range n {
		switch i % 5 {
		case 3:
			text.WriteString(rawChat(fmt.Sprintf("X-Request-Id: r%d\r\n", i), "{"))
		case 4:
			fmt.Fprintf(&text, "GET /v1/models HTTP/1.1\r\nHost: gateway\r\nX-Request-Id: r%d\r\n\r\n", i)
		default:
			text.WriteString(rawChat(fmt.Sprintf("X-Request-Id: r%d\r\n", i), chat("sim-l0", fmt.Sprintf("prompt-%d-", i), i%5 == 1)))
		}
	}
	text.WriteString("GET /livez HTTP/9.9\r\nHost: gateway\r\n\r\n" + smuggled)
	w := g.dial()
	w.say(text.String())
	for i := range n {
		r := w.mustHear()
		status, mark := http.StatusOK, fmt.Sprintf("prompt-%d-", i)
		switch i % 5 {
		case 1:
			mark = "[DONE]"
		case 3:
			status, mark = http.StatusBadRequest, "invalid_json"
		case 4:
			mark = `"object":"list"`
		}
		if id := r.header.Get("X-Request-Id"); r.status != status || id != fmt.Sprintf("r%d", i) || !strings.Contains(r.body, mark) {
			t.Fatalf("answer %d: status %d, id %s, want %d and %s in %s", i, r.status, id, status, mark, r.body)
		}
	}
	if r := w.mustHear(); r.status != http.StatusHTTPVersionNotSupported {
		t.Errorf("the last one: status %d", r.status)
	}
	if said, ended := w.closed(patience); said != "" || !ended {
		t.Errorf("after it: closed %t, said %q", ended, said)
	}
	for _, s := range sim.Seen() {
		if bytes.Contains(s.Body, []byte("smuggled")) {
			t.Error("what stands behind a refused request was run")
		}
	}
}

// An idle connection is closed when its time is over, without a word to the
// client or the log.
func TestFault046_IdleKeepAlive(t *testing.T) {
	g := startGateway(t, quick)
	const idle = 2 * time.Second // in quick
	base := g.descriptors()
	w := g.dial()
	if !w.alive() {
		t.Fatal("no answer")
	}
	before := len(g.calls())
	start := time.Now()
	said, ended := w.closed(patience)
	if took := time.Since(start); said != "" || !ended || took < idle-100*time.Millisecond {
		t.Errorf("closed %t after %v, said %q; want silence and the end after %v", ended, took, said, idle)
	}
	for _, depart := range departures { // a connection that was never used
		depart(g.dial())
	}
	eventually(t, patience, "all connections to end", func() bool { return g.descriptors() <= base })
	for _, line := range g.calls()[before:] {
		if line["status"] != 200.0 {
			t.Errorf("the log says %v", line)
		}
	}
}

func TestFault047_ResetDuringAnswer(t *testing.T) {
	sim := startSimulator(t, simulator.Config{Faults: "tokens=1000,chunk-delay=1ms"})
	g := startGateway(t, config(uncached+quick, sim.URL()+"/v1"))
	start := time.Now()
	const n = 100
	for i := range n {
		w := g.dial()
		w.say(rawChat("", chat("sim-l0", itoa(i), true)))
		if _, err := w.r.Peek(1); err != nil {
			t.Fatal(err)
		}
		w.reset()
	}
	eventually(t, patience, "all calls to end", func() bool { return len(g.callsTo(chatPath)) == n })
	noise := strings.Count(g.logs.String(), "\n") - len(g.calls())
	if most := 3 + int(time.Since(start)/time.Second); noise > most {
		t.Errorf("%d lines besides those of the calls, want at most %d\n%s", noise, most, g.logs.tail())
	}
}

// One address cannot take all connections, where it has a share.
func TestFault041_ConnectionsPerAddress(t *testing.T) {
	g := startGateway(t, "limits: {conns_per_ip: 10}\n"+quick)
	from := func(ip string) *wire {
		d := net.Dialer{Timeout: patience, LocalAddr: &net.TCPAddr{IP: net.ParseIP(ip)}}
		c, err := d.Dial("tcp", g.Addr)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		return &wire{c.(*net.TCPConn), t, bufio.NewReader(c)}
	}
	var crowd []*wire
	for range 10 {
		w := from("127.0.0.2")
		if !w.alive() {
			t.Fatal("a connection within the share is not served")
		}
		crowd = append(crowd, w)
	}
	if from("127.0.0.2").alive() {
		t.Error("a connection beyond the share is served")
	}
	if !from("127.0.0.3").alive() {
		t.Error("another address is not served")
	}
	_ = crowd[0].Close()
	eventually(t, patience, "the place to be free", func() bool { return from("127.0.0.2").alive() })
}
