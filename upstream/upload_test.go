package upstream

import (
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/ai-mcp-gateway/gateway/translate"
)

// upload sends a body of which length is announced, and returns the answer.
func upload(t *testing.T, base string, body io.Reader, length int64) (answer string, err error) {
	t.Helper()
	x := AcquireExchange()
	defer x.Close()
	head := "POST /v1/files HTTP/1.1\r\nHost: h\r\n"
	if err := x.Send(newEndpoint(t, base, nil), new(Cancel), &Upload{Head: []byte(head), Body: body, Length: length}); err != nil {
		return "", err
	}
	b, err := io.ReadAll(x)
	return string(b), err
}

func TestSend(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		_, _ = w.Write(b)
	}))
	defer s.Close()
	f := func(text string, wrap func(io.Reader) io.Reader) {
		t.Helper()
		for _, length := range []int64{int64(len(text)), -1} {
			got, err := upload(t, s.URL, wrap(strings.NewReader(text)), length)
			if err != nil || got != text {
				t.Errorf("%d bytes of %d (length %d), %v", len(got), len(text), length, err)
			}
		}
	}
	plain := func(r io.Reader) io.Reader { return r }
	f("", plain)
	f("x", plain)
	f("x", iotest.DataErrReader)
	f(strings.Repeat("0123456789", 20), iotest.OneByteReader)
	f(strings.Repeat("a", uploadPiece-17), plain)
	f(strings.Repeat("b", 3*uploadPiece+1), iotest.DataErrReader)
}

func TestSend_Source(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if _, err := io.Copy(io.Discard, r.Body); err == nil {
			t.Error("half a body came in whole")
		}
	}))
	defer s.Close()
	told := &translate.Error{Code: translate.CallerTimeout}
	for _, length := range []int64{100, -1} {
		_, err := upload(t, s.URL, io.MultiReader(strings.NewReader("half"), iotest.ErrReader(told)), length)
		var source *SourceError
		if !errors.As(err, &source) || !errors.Is(err, told) {
			t.Errorf("%v, want the body's own error", err)
		}
	}
}

// TestSend_Early hears a provider that speaks before it has all: a refusal ends
// the upload, and nothing else does.
func TestSend_Early(t *testing.T) {
	const most = 32 << 20
	f := func(said, want string, whole bool) {
		t.Helper()
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		got := make(chan int64, 1)
		go func() {
			c, err := l.Accept()
			if err != nil {
				return
			}
			defer c.Close()
			_, _ = io.ReadFull(c, make([]byte, 100))
			early, late, _ := strings.Cut(said, "|")
			_, _ = io.WriteString(c, early)
			n, _ := io.Copy(io.Discard, io.LimitReader(c, most)) // the head and the 100 bytes are less than that
			_, _ = io.WriteString(c, late)
			got <- n
		}()
		body := &counter{r: io.LimitReader(zeros{}, most+100)}
		answer, err := upload(t, "http://"+l.Addr().String(), body, most+100)
		_ = l.Close()
		if answer != want || err != nil || (body.n == most+100) != whole {
			t.Errorf("%q: answer %q, %v, %d bytes sent", said, answer, err, body.n)
		}
		<-got
	}
	f("HTTP/1.1 413 Large\r\nContent-Length: 3\r\n\r\nbig|", "big", false)
	f("HTTP/1.1 102 Wait\r\n\r\nHTTP/1.1 413 Large\r\nContent-Length: 3\r\n\r\nbig|", "big", false)
	f("HTTP/1.1 100 Continue\r\n\r\n|HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", "ok", true)
	f("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n|ok", "ok", true)
	f("HTTP/1.1 1|00 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", "ok", true)
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

type counter struct {
	r io.Reader
	n int
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += n
	return n, err
}
