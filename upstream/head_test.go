package upstream

import (
	"bufio"
	"bytes"
	"net/http"
	"strings"
	"testing"
)

func TestHeadParse(t *testing.T) {
	parse := func(block string) (Head, bool) {
		var h Head
		err := h.parse([]byte(block))
		return h, err == nil
	}
	ok := func(block string, status int, length int64, chunked, keepAlive bool) {
		t.Helper()
		h, good := parse(block)
		if !good {
			t.Fatalf("parse(%q) failed", block)
		}
		if h.Status != status || h.length != length || h.chunked != chunked || h.keepAlive != keepAlive {
			t.Errorf("parse(%q) = status %d, length %d, chunked %t, keep-alive %t", block, h.Status, h.length, h.chunked, h.keepAlive)
		}
	}
	ok("HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n", 200, 12, false, true)
	ok("HTTP/1.1 200\r\ncontent-length:0\r\n\r\n", 200, 0, false, true)
	ok("HTTP/1.0 200 OK\r\n\r\n", 200, -1, false, false)
	ok("HTTP/1.1 404 Not Found\r\nTransfer-Encoding: Chunked\r\n\r\n", 404, -1, true, true)
	ok("HTTP/1.1 200 OK\nContent-Length: 3\nConnection: close\n\n", 200, 3, false, false)
	ok("HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\n", 200, 3, false, true)

	bad := func(block string) {
		t.Helper()
		if h, good := parse(block); good {
			t.Errorf("parse(%q) = %+v, want an error", block, h)
		}
	}
	bad("HTTP/2 200 OK\r\n\r\n")
	bad("HTTP/1.2 200 OK\r\n\r\n")
	bad("HTTP/1.1 20 OK\r\n\r\n")
	bad("HTTP/1.1 2000 OK\r\n\r\n")
	bad("HTTP/1.1 099 OK\r\n\r\n")
	bad("SSH-2.0-OpenSSH\r\n\r\n")
	bad("HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\n")
	bad("HTTP/1.1 200 OK\r\nContent-Length: +3\r\n\r\n")
	bad("HTTP/1.1 200 OK\r\nContent-Length: 3, 3\r\n\r\n")
	bad("HTTP/1.1 200 OK\r\nContent-Length: 9999999999999999999\r\n\r\n")
	bad("HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n")
	bad("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n")
	bad("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n")
	bad("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Encoding: gzip\r\n\r\n")
	bad("HTTP/1.1 200 OK\r\nX: 1\r\n folded\r\n\r\n")
	bad("HTTP/1.1 200 OK\r\nno colon\r\n\r\n")
	bad("HTTP/1.1 200 OK\r\nSpace : 1\r\n\r\n")
}

func TestHeadValue(t *testing.T) {
	var h Head
	if err := h.parse([]byte("HTTP/1.1 429 Slow\r\nRetry-After:  7 \r\nX-Ratelimit-Limit: 5\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	if got := string(h.Value("retry-after")); got != "7" {
		t.Errorf("Retry-After = %q, want 7", got)
	}
	if got := h.Value("absent"); got != nil {
		t.Errorf("absent header = %q, want nil", got)
	}
	var names []string
	h.Each(func(name, _ []byte) { names = append(names, string(name)) })
	if got := strings.Join(names, " "); got != "Retry-After X-Ratelimit-Limit" {
		t.Errorf("names = %q", got)
	}
}

func TestHeadEnd(t *testing.T) {
	f := func(b string, want int) {
		t.Helper()
		if got := headEnd([]byte(b)); got != want {
			t.Errorf("headEnd(%q) = %d, want %d", b, got, want)
		}
	}
	f("", 0)
	f("HTTP/1.1 200 OK\r\n", 0)
	f("HTTP/1.1 200 OK\r\n\r", 0)
	f("HTTP/1.1 200 OK\r\n\r\nbody", 19)
	f("HTTP/1.1 200 OK\n\nbody", 17)
	f("HTTP/1.1 200 OK\r\nA: b\n\r\nbody", 24)
}

func TestParseChunkSize(t *testing.T) {
	f := func(line string, want int64, wantOK bool) {
		t.Helper()
		if got, ok := parseChunkSize([]byte(line)); ok != wantOK || (ok && got != want) {
			t.Errorf("parseChunkSize(%q) = %d, %t, want %d, %t", line, got, ok, want, wantOK)
		}
	}
	f("0", 0, true)
	f("1a", 26, true)
	f("FF;name=value", 255, true)
	f("10 ;x", 16, true)
	f("", 0, false)
	f("g", 0, false)
	f("-1", 0, false)
	f("0x10", 0, false)
	f("1 2", 0, false)
	f("fffffffffffffff", 0, false)
}

// FuzzHead: whatever comes, no panic; and what is accepted means the same to
// net/http, whose reading is the one that a client behind us would have.
func FuzzHead(f *testing.F) {
	f.Add([]byte("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n"))
	f.Add([]byte("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX-A: b\r\n\r\n"))
	f.Add([]byte("HTTP/1.0 204 x\nConnection: close\n\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		n := headEnd(b)
		if n == 0 {
			return
		}
		var h Head
		if h.parse(b[:n]) != nil {
			return
		}
		r, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(b[:n])), nil)
		if err != nil || h.bodyless() || h.Status < 200 {
			return // net/http is stricter about names; we only frame
		}
		if r.StatusCode != h.Status {
			t.Errorf("status %d, net/http %d", h.Status, r.StatusCode)
		}
		if h.length >= 0 && r.ContentLength != h.length {
			t.Errorf("length %d, net/http %d", h.length, r.ContentLength)
		}
		if chunked := len(r.TransferEncoding) == 1; chunked != h.chunked {
			t.Errorf("chunked %t, net/http %t", h.chunked, chunked)
		}
	})
}
