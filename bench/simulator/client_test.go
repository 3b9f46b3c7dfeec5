package simulator

import (
	"bufio"
	"bytes"
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

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func start(t testing.TB, config Config) *Server {
	t.Helper()
	s, err := Start(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// client is a bare TCP connection: what it reads is what the simulator wrote.
type client struct {
	t testing.TB
	*net.TCPConn
	br *bufio.Reader
}

// patience bounds every exchange, so that a silent server fails a test.
const patience = 30 * time.Second

func dial(t testing.TB, s *Server) *client {
	t.Helper()
	nc, err := net.DialTimeout("tcp", s.addr, patience)
	if err != nil {
		t.Fatal(err)
	}
	_ = nc.SetDeadline(time.Now().Add(patience))
	t.Cleanup(func() { _ = nc.Close() })
	return &client{t, nc.(*net.TCPConn), bufio.NewReaderSize(nc, 1<<16)}
}

// request writes bytes as they are.
func (c *client) request(raw string) {
	c.t.Helper()
	_ = c.SetDeadline(time.Now().Add(patience))
	if _, err := io.WriteString(c, raw); err != nil {
		c.t.Fatal(err)
	}
}

// chat asks for a chat completion; more goes into the body.
func (c *client) chat(model, more string) {
	c.t.Helper()
	c.request(post("/v1/chat/completions", chatBody(model, more)))
}

func (c *client) stream(model string) {
	c.t.Helper()
	c.chat(model, `,"stream":true`)
}

func chatBody(model, more string) string {
	return fmt.Sprintf(`{"model":%q,"messages":[{"role":"user","content":"Good morning!"}]%s}`, model, more)
}

func post(path, body string) string {
	return fmt.Sprintf("POST %s HTTP/1.1\r\nHost: simulator\r\nAnthropic-Version: 2023-06-01\r\nContent-Length: %d\r\n\r\n%s",
		path, len(body), body)
}

// rest reads all bytes until the connection ends, by FIN (a nil error) or otherwise.
func (c *client) rest() (string, error) {
	var b bytes.Buffer
	_, err := io.Copy(&b, c.br)
	return b.String(), err
}

// closed reads everything and wants a FIN after it.
func (c *client) closed() string {
	c.t.Helper()
	b, err := c.rest()
	if err != nil {
		c.t.Fatalf("connection ended with %v, want FIN; before it came %q", err, brief(b))
	}
	return b
}

// broken reads everything and wants an RST after it.
func (c *client) broken() string {
	c.t.Helper()
	b, err := c.rest()
	if !errors.Is(err, syscall.ECONNRESET) {
		c.t.Fatalf("connection ended with %v, want RST; before it came %q", err, brief(b))
	}
	return b
}

// until reads until it has seen the text n times.
func (c *client) until(text string, n int) string {
	c.t.Helper()
	var b []byte
	for found := 0; found < n; {
		one, err := c.br.ReadByte()
		if err != nil {
			c.t.Fatalf("connection ended with %v before %q came; before that %q", err, text, brief(string(b)))
		}
		if b = append(b, one); bytes.HasSuffix(b, []byte(text)) {
			found++
		}
	}
	return string(b)
}

// quiet wants nothing to come for a while, and the connection to stay open.
func (c *client) quiet() {
	c.t.Helper()
	_ = c.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
	one, err := c.br.ReadByte()
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		c.t.Fatalf("got %q, %v, want silence", one, err)
	}
	_ = c.SetReadDeadline(time.Now().Add(patience))
}

// response reads one answer as HTTP has it. err is from reading the body.
func (c *client) response() (r *http.Response, body string, err error) {
	c.t.Helper()
	r, err = http.ReadResponse(c.br, nil)
	if err != nil {
		c.t.Fatalf("no answer: %v", err)
	}
	b, err := io.ReadAll(r.Body)
	return r, string(b), err
}

// ok reads one whole answer of status 200.
func (c *client) ok() (*http.Response, string) {
	c.t.Helper()
	r, body, err := c.response()
	if err != nil || r.StatusCode != http.StatusOK {
		c.t.Fatalf("status %d, error %v, want a whole answer: %s", r.StatusCode, err, brief(body))
	}
	return r, body
}

// works checks that the connection carries another request.
func (c *client) works() {
	c.t.Helper()
	c.chat("sim-l0", "")
	if _, body := c.ok(); !strings.Contains(body, "[simulated sim-l0]") {
		c.t.Fatalf("got %s", brief(body))
	}
}

func brief(s string) string {
	if len(s) > 600 {
		return s[:400] + " ... " + s[len(s)-200:]
	}
	return s
}

// has fails unless all texts are in s.
func has(t *testing.T, s string, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if !strings.Contains(s, text) {
			t.Errorf("%q is not in %q", text, brief(s))
		}
	}
}

func hasNot(t *testing.T, s string, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if strings.Contains(s, text) {
			t.Errorf("%q is in %q", text, brief(s))
		}
	}
}

// events counts the chunks of text in a stream.
func events(stream string) int { return strings.Count(stream, `"delta":{"content":"`) }

// joined is the text of all chunks in a stream that has nothing to escape.
func joined(stream string) string {
	var b strings.Builder
	for _, piece := range strings.Split(stream, `"delta":{"content":"`)[1:] {
		word, _, _ := strings.Cut(piece, `"}`)
		b.WriteString(word)
	}
	return b.String()
}

const (
	chunkEnd = "0\r\n\r\n"
	jsonEnd  = `"fp_simulated"}`
)
