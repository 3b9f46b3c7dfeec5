package upstream

import (
	"bytes"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/ai-mcp-gateway/gateway/translate"
)

// The benchmark's other client leaves goroutines that end by themselves.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.(*HostClient).connsCleaner"),
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.(*TCPDialer).tcpAddrsClean"))
}

// script serves connections one after the other: for each it reads a request
// and answers with the next text, then closes if the text ends in "<close>".
func script(t *testing.T, answers ...string) (base string, connections *int) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	connections = new(int)
	done := make(chan struct{})
	t.Cleanup(func() { _ = l.Close(); <-done })
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			*connections++
			for readRequest(c) && len(answers) > 0 {
				text, last := strings.CutSuffix(answers[0], "<close>")
				answers = answers[1:]
				_, _ = io.WriteString(c, text)
				if last {
					break
				}
			}
			_ = c.Close()
		}
	}()
	return "http://" + l.Addr().String() + "/v1", connections
}

// readRequest reads the one request shape that these tests send.
func readRequest(c net.Conn) bool {
	var got []byte
	b := make([]byte, 1024)
	for !bytes.HasSuffix(got, []byte("{}")) {
		n, err := c.Read(b)
		if err != nil {
			return false
		}
		got = append(got, b[:n]...)
	}
	return true
}

func newEndpoint(t *testing.T, base string, change func(*Config)) *Endpoint {
	t.Helper()
	cfg := Defaults()
	cfg.FirstByte, cfg.Idle = 2*time.Second, 2*time.Second
	if change != nil {
		change(&cfg)
	}
	e, err := NewEndpoint(base, cfg, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	return e
}

// get makes one exchange and reads its body.
func get(e *Endpoint) (status int, body string, err error) {
	x := AcquireExchange()
	defer x.Close()
	var cancel Cancel
	r := Request{Head: []byte("POST /v1/x HTTP/1.1\r\nHost: test\r\n"), Body: [][]byte{[]byte("{}")}, BodyLen: 2}
	if err := x.Do(e, &cancel, &r); err != nil {
		return 0, "", err
	}
	x.Flowing()
	b, err := io.ReadAll(x)
	return x.Status, string(b), err
}

func codeOf(err error) translate.Code {
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return translate.CodeNone
}

func TestExchangeBodies(t *testing.T) {
	f := func(answer, want string, wantCode translate.Code) {
		t.Helper()
		base, _ := script(t, answer)
		_, body, err := get(newEndpoint(t, base, nil))
		if body != want || codeOf(err) != wantCode {
			t.Errorf("answer %q: body %q, error %v; want %q, %v", answer, body, err, want, wantCode)
		}
	}
	const head = "HTTP/1.1 200 OK\r\n"
	f(head+"Content-Length: 5\r\n\r\nhello", "hello", 0)
	f(head+"Content-Length: 0\r\n\r\n", "", 0)
	f(head+"\r\nto the end<close>", "to the end", 0)
	f(head+"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6;x=y\r\n world\r\n0\r\nTrailer: 1\r\n\r\n", "hello world", 0)
	f("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"+head+"Content-Length: 2\r\n\r\nok", "ok", 0)
	f(head+"Content-Length: 9\r\n\r\nhello<close>", "hello", translate.ProviderTruncated)
	f(head+"Transfer-Encoding: chunked\r\n\r\n5\r\nhel<close>", "hel", translate.ProviderTruncated)
	f(head+"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n<close>", "hello", translate.ProviderTruncated)
	f(head+"Transfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n", "", translate.ProviderBadResponse)
	f(head+"Transfer-Encoding: chunked\r\n\r\n5\r\nhelloX\r\n0\r\n\r\n", "hello", translate.ProviderBadResponse)
	f("garbage", "", translate.ProviderBadResponse)
	f("HTTP/1.1 101 Switching\r\n\r\n", "", translate.ProviderBadResponse)
	f("<close>", "", translate.ProviderTruncated)
	f(head+"Content-Length: 5\r\nContent-Encoding: br\r\n\r\nhello", "", translate.ProviderBadResponse)
}

// A chunked body read through any buffer size is the same.
func TestExchangeAnyReadSize(t *testing.T) {
	var wire, want strings.Builder
	wire.WriteString("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
	for i := range 300 {
		chunk := strings.Repeat(string(rune('a'+i%26)), i%37+1)
		wire.WriteString(strings.ToUpper(hex(len(chunk))) + "\r\n" + chunk + "\r\n")
		want.WriteString(chunk)
	}
	wire.WriteString("0\r\n\r\n")
	for _, size := range []int{1, 2, 3, 7, 64, 4096, 1 << 16} {
		base, _ := script(t, wire.String())
		e := newEndpoint(t, base, nil)
		x := AcquireExchange()
		var cancel Cancel
		r := Request{Head: []byte("POST /v1/x HTTP/1.1\r\n"), Body: [][]byte{[]byte("{}")}, BodyLen: 2}
		if err := x.Do(e, &cancel, &r); err != nil {
			t.Fatal(err)
		}
		x.Flowing()
		var got strings.Builder
		b := make([]byte, size)
		for {
			n, err := x.Read(b)
			got.Write(b[:n])
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		x.Close()
		if got.String() != want.String() {
			t.Errorf("read size %d: body differs", size)
		}
	}
}

func hex(n int) string {
	const digits = "0123456789abcdef"
	if n < 16 {
		return digits[n : n+1]
	}
	return hex(n/16) + digits[n%16:n%16+1]
}

func TestExchangeKeepsConnection(t *testing.T) {
	const ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
	f := func(wantConnections int, answers ...string) {
		t.Helper()
		base, connections := script(t, answers...)
		e := newEndpoint(t, base, nil)
		for range answers {
			if _, body, err := get(e); err != nil || body != "ok" {
				t.Fatalf("body %q, error %v", body, err)
			}
		}
		if *connections != wantConnections {
			t.Errorf("answers %q: %d connections, want %d", answers, *connections, wantConnections)
		}
	}
	f(1, ok, ok, ok)
	f(2, strings.Replace(ok, "Content", "Connection: close\r\nContent", 1), ok)
	f(2, ok+"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nsmuggle", ok) // more than was announced
	f(2, ok+"<close>", ok)                                             // closed while idle
}

func TestExchangeTimeouts(t *testing.T) {
	short := func(c *Config) { c.FirstByte, c.Idle = 50*time.Millisecond, 60*time.Millisecond }
	f := func(answer string, want translate.Code) {
		t.Helper()
		base, _ := script(t, answer)
		if _, _, err := get(newEndpoint(t, base, short)); codeOf(err) != want {
			t.Errorf("answer %q: %v, want %v", answer, err, want)
		}
	}
	f("HTTP/1.1 200", translate.ProviderTimeout)
	f("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel", translate.ProviderStalled)
}

func TestExchangeCancel(t *testing.T) {
	base, _ := script(t, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel")
	e := newEndpoint(t, base, nil)
	x := AcquireExchange()
	var cancel Cancel
	r := Request{Head: []byte("POST /v1/x HTTP/1.1\r\n"), Body: [][]byte{[]byte("{}")}, BodyLen: 2}
	if err := x.Do(e, &cancel, &r); err != nil {
		t.Fatal(err)
	}
	x.Flowing()
	b := make([]byte, 8)
	if n, err := io.ReadAtLeast(x, b, 3); n != 3 || err != nil {
		t.Fatal(n, err)
	}
	failed := make(chan error, 1)
	go func() {
		_, err := x.Read(b)
		failed <- err
	}()
	cancel.Cancel(CauseGone)
	if err := <-failed; !errors.Is(err, ErrCanceled) {
		t.Errorf("read after cancel: %v, want ErrCanceled", err)
	}
	x.Close()
	if err := AcquireExchange().Do(e, &cancel, &r); !errors.Is(err, ErrCanceled) {
		t.Errorf("Do of a cancelled call: %v, want ErrCanceled", err)
	}
}

// A reader that is cancelled loses nothing: the next one reads on.
func TestExchangeChangesHands(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	more := make(chan string)
	go func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		readRequest(c)
		for text := range more {
			_, _ = io.WriteString(c, text)
		}
	}()
	e := newEndpoint(t, "http://"+l.Addr().String(), nil)
	x := AcquireExchange()
	defer x.Close()
	first, second := new(Cancel), new(Cancel)
	r := Request{Head: []byte("POST /v1/x HTTP/1.1\r\n"), Body: [][]byte{[]byte("{}")}, BodyLen: 2}
	go func() { more <- "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nabc" }()
	if err := x.Do(e, first, &r); err != nil {
		t.Fatal(err)
	}
	x.Flowing()
	b := make([]byte, 8)
	if _, err := io.ReadAtLeast(x, b, 3); err != nil {
		t.Fatal(err)
	}
	first.Cancel(CauseGone)
	if _, err := x.Read(b); !errors.Is(err, ErrCanceled) {
		t.Fatalf("read by the cancelled: %v", err)
	}
	x.Detach()
	if err := x.Attach(second); err != nil {
		t.Fatal(err)
	}
	go func() { more <- "def"; close(more) }()
	if n, err := io.ReadAtLeast(x, b, 3); err != nil || string(b[:n]) != "def" {
		t.Errorf("second reader got %q, %v; want def", b[:n], err)
	}
}

func TestEndpointRefused(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	base := "http://" + l.Addr().String()
	_ = l.Close()
	if _, _, err := get(newEndpoint(t, base, nil)); codeOf(err) != translate.ProviderUnavailable {
		t.Errorf("connection refused: %v, want provider_unavailable", err)
	}
}
