package simulator

import (
	"compress/gzip"
	"errors"
	"io"
	"strconv"
	"strings"
	"testing"
	"time"
)

var framingTests = map[string]func(t *testing.T, s *Server){
	"framing": func(t *testing.T, s *Server) {
		c := dial(t, s)
		c.stream("sim-l0!framing=length")
		if r, body := c.ok(); r.ContentLength != int64(len(body)) || !strings.HasSuffix(body, "[DONE]\n\n") {
			t.Errorf("length %d of %d", r.ContentLength, len(body))
		}
		c.chat("sim-l0!framing=chunked", "")
		if r, body := c.ok(); r.ContentLength != -1 || !strings.HasSuffix(body, "}") {
			t.Errorf("length %d: %s", r.ContentLength, body)
		}
		c.chat("sim-l0!framing=close", "")
		got := c.closed()
		hasNot(t, got, "Content-Length", "Transfer-Encoding")
		has(t, got, "Connection: close\r\n", "\r\n\r\n{")
	},
	"long-length": func(t *testing.T, s *Server) {
		c := dial(t, s)
		c.chat("sim-l0!long-length=25", "")
		if missing := declared(t, c.closed()); missing != 25 {
			t.Errorf("%d bytes are missing", missing)
		}
	},
	"short-length": func(t *testing.T, s *Server) {
		c := dial(t, s)
		c.chat("sim-l0!short-length=25", "")
		if missing := declared(t, c.until(jsonEnd, 1)); missing != -25 {
			t.Errorf("%d bytes are missing", missing)
		}
	},
	"dup-length": func(t *testing.T, s *Server) {
		c := dial(t, s)
		c.chat("sim-l0!dup-length", "")
		if got := c.until(jsonEnd, 1); strings.Count(got, "Content-Length: ") != 2 {
			t.Errorf("got %q", got)
		}
	},
	"smuggle": func(t *testing.T, s *Server) {
		c := dial(t, s)
		c.chat("sim-l0!smuggle", "")
		if _, body := c.ok(); strings.Contains(body, "smuggled") {
			t.Errorf("got %s", body)
		}
		if _, body := c.ok(); body != `{"smuggled":true}` { // without a second request
			t.Errorf("got %s", body)
		}
		c.works()
		c.stream("sim-l0!smuggle")
		if _, body := c.ok(); !strings.HasSuffix(body, "[DONE]\n\n") {
			t.Errorf("got %s", body)
		}
		if _, body := c.ok(); body != `{"smuggled":true}` {
			t.Errorf("got %s", body)
		}
	},
	"cl-te": func(t *testing.T, s *Server) {
		c := dial(t, s)
		c.chat("sim-l0!cl-te", "")
		has(t, c.until(chunkEnd, 1), "Content-Length: ", "Transfer-Encoding: chunked\r\n")
	},
	"bad-chunk": func(t *testing.T, s *Server) {
		c := dial(t, s)
		c.stream("sim-l0!bad-chunk")
		if _, body, err := c.response(); err == nil || errors.Is(err, io.ErrUnexpectedEOF) || events(body) == 0 {
			t.Errorf("got error %v after %d events", err, events(body))
		}
		c = dial(t, s)
		c.chat("sim-l0!bad-chunk", "")
		has(t, c.closed(), "\r\n\r\nzz\r\n")
	},
	"no-last-chunk": func(t *testing.T, s *Server) {
		c := dial(t, s)
		c.stream("sim-l0!no-last-chunk")
		got := c.closed()
		has(t, got, "data: [DONE]\n\n\r\n")
		hasNot(t, got, chunkEnd)
	},
	"gzip": func(t *testing.T, s *Server) {
		c := dial(t, s)
		for _, more := range []string{"", `,"stream":true`} {
			c.chat("sim-l0!gzip", more)
			r, body := c.ok()
			if r.Header.Get("Content-Encoding") != "gzip" {
				t.Errorf("got %v", r.Header)
			}
			has(t, unpack(t, body), "[simulated")
		}
	},
	"gzip-bomb": func(t *testing.T, s *Server) {
		c := dial(t, s)
		c.chat("sim-l0!gzip-bomb=32MiB", "")
		r, body := c.ok()
		if plain := unpack(t, body); len(plain) < 32<<20 || len(body) > 64<<10 || !strings.HasSuffix(plain, `"fp_simulated"}`) {
			t.Errorf("%d bytes unpack to %d", len(body), len(plain))
		}
		if r.ContentLength != int64(len(body)) {
			t.Errorf("Content-Length %d of %d", r.ContentLength, len(body))
		}
		c.chat("sim-l0!gzip-bomb,framing=chunked", "") // 10 MB for 10 GiB
		if _, body := c.ok(); len(body) < 9<<20 || len(body) > 12<<20 {
			t.Errorf("the default has %d bytes", len(body))
		}
		c.stream("sim-l0!gzip-bomb=16MiB")
		_, body = c.ok()
		has(t, unpack(t, body), "data: [DONE]\n\n")
	},
	"encoding": func(t *testing.T, s *Server) {
		c := dial(t, s)
		c.chat("sim-l0!encoding=zzz", "")
		r, body := c.ok()
		if r.Header.Get("Content-Encoding") != "zzz" || !strings.HasPrefix(body, "{") {
			t.Errorf("got %v %s", r.Header, body)
		}
	},
	"dup-encoding": func(t *testing.T, s *Server) {
		c := dial(t, s)
		c.chat("sim-l0!dup-encoding", "")
		r, body := c.ok()
		if len(r.Header.Values("Content-Encoding")) != 2 {
			t.Errorf("got %v", r.Header)
		}
		has(t, unpack(t, body), "[simulated")
	},
	"junk-headers": func(t *testing.T, s *Server) {
		c := dial(t, s)
		c.chat("sim-l0!junk-headers", "")
		has(t, c.until(jsonEnd, 1), "Set-Cookie: ", "Connection: X-Hop\r\n", "X-Hop: ", "Alt-Svc: ", "Server: simulator")
	},
	"huge-header": func(t *testing.T, s *Server) {
		c := dial(t, s)
		c.chat("sim-l0!huge-header=40KiB", "")
		if r, _ := c.ok(); len(r.Header.Get("X-Huge")) != 40<<10 {
			t.Errorf("got %d", len(r.Header.Get("X-Huge")))
		}
	},
	"date": func(t *testing.T, s *Server) {
		c := dial(t, s)
		for word, years := range map[string]int{"past": -10, "now": 0, "future": 10} {
			c.chat("sim-l0!date="+word, "")
			r, _ := c.ok()
			date, err := time.Parse(time.RFC1123, r.Header.Get("Date"))
			if off := time.Since(date.AddDate(-years, 0, 0)); err != nil || off < -3*24*time.Hour || off > 3*24*time.Hour {
				t.Errorf("%s: got %v, %v", word, date, err)
			}
		}
	},
}

// declared returns how many bytes more the Content-Length says than there are.
func declared(t *testing.T, raw string) int {
	t.Helper()
	head, body, _ := strings.Cut(raw, "\r\n\r\n")
	_, length, _ := strings.Cut(head, "Content-Length: ")
	length, _, _ = strings.Cut(length, "\r\n")
	n, err := strconv.Atoi(length)
	if err != nil {
		t.Fatalf("no Content-Length in %q", raw)
	}
	return n - len(body)
}

func unpack(t *testing.T, packed string) string {
	t.Helper()
	gz, err := gzip.NewReader(strings.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	plain, err := io.ReadAll(gz)
	if err != nil {
		t.Fatal(err)
	}
	return string(plain)
}
