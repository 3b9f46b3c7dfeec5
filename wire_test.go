package main

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// patience is how long a test waits for what has to come.
const patience = 10 * time.Second

// wire is a client's connection, for what an http.Client would not send.
type wire struct {
	*net.TCPConn
	t testing.TB
	r *bufio.Reader
}

// dial opens a connection to the gateway that ends with the test.
func (g *instance) dial() *wire {
	g.t.Helper()
	c, err := net.Dial("tcp", g.Addr)
	if err != nil {
		g.t.Fatal(err)
	}
	g.t.Cleanup(func() { _ = c.Close() })
	return &wire{c.(*net.TCPConn), g.t, bufio.NewReader(c)}
}

// say writes text; a gateway that has hung up is no failure of the test.
func (w *wire) say(text string) {
	_ = w.SetWriteDeadline(time.Now().Add(patience))
	_, _ = io.WriteString(w, text)
}

// hear reads one answer to its end.
func (w *wire) hear() (reply, error) {
	_ = w.SetReadDeadline(time.Now().Add(patience))
	start := time.Now()
	a, err := http.ReadResponse(w.r, nil)
	if err != nil {
		return reply{}, err
	}
	defer a.Body.Close()
	b, err := io.ReadAll(a.Body)
	return reply{a.StatusCode, a.Header, string(b), err, time.Since(start)}, nil
}

// mustHear is hear for an answer that has to come.
func (w *wire) mustHear() reply {
	w.t.Helper()
	r, err := w.hear()
	if err != nil {
		w.t.Fatalf("no answer: %v", err)
	}
	return r
}

// closed reports whether the gateway ends the connection within d, and what
// it says before that.
func (w *wire) closed(d time.Duration) (said string, ended bool) {
	_ = w.SetReadDeadline(time.Now().Add(d))
	b, err := io.ReadAll(w.r)
	return string(b), !errors.Is(err, os.ErrDeadlineExceeded)
}

// alive reports whether the connection takes another request.
func (w *wire) alive() bool {
	w.say("GET /livez HTTP/1.1\r\nHost: gateway\r\n\r\n")
	r, err := w.hear()
	return err == nil && r.status == http.StatusOK
}

// reset closes the connection with RST.
func (w *wire) reset() {
	_ = w.SetLinger(0)
	_ = w.Close()
}

// rawCase is a request as bytes, and what has to come of it: a status, or 0
// for the end of the connection without an answer. It is closed after the
// answer unless it stays open.
type rawCase struct {
	name, request string
	status        int
	open          bool
	half          bool // the client ends its side after the request
}

// runRaw sends each request on a connection of its own and checks that exactly
// one answer comes back. A few go at the same time, for those that wait; no
// more, so that the gateway keeps few idle workers behind.
func runRaw(t *testing.T, g *instance, cases []rawCase) {
	t.Helper()
	outcomes := make([]outcome, len(cases))
	lanes := make(chan struct{}, 2)
	var all sync.WaitGroup
	for i := range cases {
		lanes <- struct{}{}
		w := g.dial()
		all.Go(func() {
			outcomes[i] = w.try(&cases[i])
			_ = w.Close()
			<-lanes
		})
	}
	all.Wait()
	for i := range cases {
		t.Run(cases[i].name, func(t *testing.T) { outcomes[i].check(t, &cases[i]) })
	}
}

// outcome is what came of a rawCase.
type outcome struct {
	reply
	err   error
	said  string // after the answer
	ended bool
	alive bool
}

func (w *wire) try(c *rawCase) (out outcome) {
	w.say(c.request)
	if c.half {
		_ = w.CloseWrite()
	}
	if out.reply, out.err = w.hear(); out.err != nil {
		return out
	}
	if c.open {
		out.alive = w.alive()
	} else {
		out.said, out.ended = w.closed(patience)
	}
	return out
}

func (out *outcome) check(t *testing.T, c *rawCase) {
	t.Helper()
	switch {
	case c.status == 0:
		if !errors.Is(out.err, io.ErrUnexpectedEOF) {
			t.Errorf("status %d, %v; want the connection closed without an answer", out.status, out.err)
		}
		return
	case out.err != nil:
		t.Fatalf("no answer: %v", out.err)
	case out.status != c.status:
		t.Errorf("status %d, want %d: %s", out.status, c.status, out.body)
	case c.open && !out.alive:
		t.Error("the connection does not take another request")
	case !c.open && (!out.ended || out.said != ""):
		t.Errorf("after the answer: closed %t, said %q; want the end and nothing else", out.ended, out.said)
	}
	if out.status >= 400 {
		out.wantError(t, c.status, out.header.Get("X-Gateway-Error"))
	}
}

func itoa(n int) string { return strconv.Itoa(n) }

// rawChat is a chat call in bytes. lines are header lines with their CRLF;
// without a Content-Length or Transfer-Encoding among them, the body gets its
// length.
func rawChat(lines, body string) string {
	if lower := strings.ToLower(lines); !strings.Contains(lower, "content-length") && !strings.Contains(lower, "transfer-encoding") {
		lines += "Content-Length: " + itoa(len(body)) + "\r\n"
	}
	return "POST /v1/chat/completions HTTP/1.1\r\nHost: gateway\r\nContent-Type: application/json\r\n" + lines + "\r\n" + body
}
