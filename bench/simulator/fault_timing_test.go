package simulator

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

var timingTests = map[string]func(t *testing.T, s *Server){
	"latency": func(t *testing.T, s *Server) {
		c := dial(t, s)
		began := time.Now()
		c.chat("sim-l0!latency=120ms", "")
		c.ok()
		if d := time.Since(began); d < 120*time.Millisecond {
			t.Errorf("answered after %v", d)
		}
		c.works()
	},
	"interim": func(t *testing.T, s *Server) {
		c := dial(t, s)
		c.chat("sim-l0!interim", "")
		got := c.until(jsonEnd, 1)
		has(t, got, "HTTP/1.1 103 Early Hints\r\n", "\r\n\r\nHTTP/1.1 200 OK\r\n")
		c.chat("sim-l0!interim=100", "")
		has(t, c.until(jsonEnd, 1), "HTTP/1.1 100 Continue\r\n")
	},
	"slow-headers": func(t *testing.T, s *Server) {
		c := dial(t, s)
		began := time.Now()
		c.chat("sim-l0!slow-headers=1ms", "")
		r, _ := c.ok()
		if d := time.Since(began); d < 100*time.Millisecond {
			t.Errorf("a head of more than 100 bytes (%v) took %v", r.Header, d)
		}
		c.chat("sim-l0!slow-headers", "") // a second for each byte
		if got := c.until("H", 1); got != "H" {
			t.Errorf("got %q", got)
		}
		c.quiet()
	},
	"chunk-delay": func(t *testing.T, s *Server) {
		c := dial(t, s)
		began := time.Now()
		c.stream("sim-l0!tokens=10,chunk-delay=20ms")
		_, body := c.ok()
		if d := time.Since(began); d < 200*time.Millisecond || events(body) != 10 {
			t.Errorf("%d events took %v", events(body), d)
		}
	},
	"split": func(t *testing.T, s *Server) {
		// The kernel may join some writes, hence not one segment for each byte.
		c := dial(t, s)
		c.chat("sim-l0!tokens=5,split", "")
		c.ok()
		if n := segments(t, c); n < 100 {
			t.Errorf("%d segments", n)
		}
	},
	"split-delay": func(t *testing.T, s *Server) {
		c := dial(t, s)
		c.chat("sim-l0!split=10,split-delay=2ms", "")
		buf := make([]byte, 4096)
		reads := 0
		for got := 0; got < 300; reads++ {
			n, err := c.Read(buf)
			if err != nil {
				t.Fatal(err)
			}
			got += n
		}
		if reads < 10 { // 30, with a reader that is always there
			t.Errorf("300 bytes took %d reads", reads)
		}
	},
	"headers-stall": func(t *testing.T, s *Server) {
		c := dial(t, s)
		c.stream("sim-l0!headers-stall")
		c.until("\r\n\r\n", 1)
		c.quiet()
		c = dial(t, s)
		c.chat("sim-l0!headers-stall", "")
		c.until("\r\n\r\n", 1)
		c.quiet()
	},
	"stall-mid-stream": func(t *testing.T, s *Server) {
		c := dial(t, s)
		c.stream("sim-l0!stall-mid-stream=3,tokens=9") // the first event has the role
		if got := c.until("\n\n\r\n", 3); events(got) != 2 {
			t.Errorf("got %d events in %q", events(got), brief(got))
		}
		c.quiet()
		c = dial(t, s)
		c.chat("sim-l0!stall-mid-stream", "")
		r, err := http.ReadResponse(c.br, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.CopyN(io.Discard, r.Body, r.ContentLength/2); err != nil {
			t.Fatal(err)
		}
		c.quiet()
	},
	"reset-mid-stream": func(t *testing.T, s *Server) {
		c := dial(t, s)
		c.stream("sim-l0!reset-mid-stream=4,tokens=9")
		if got := c.broken(); events(got) != 3 {
			t.Errorf("got %d events in %q", events(got), brief(got))
		}
	},
	"fin-mid-stream": func(t *testing.T, s *Server) {
		c := dial(t, s)
		c.stream("sim-l0!fin-mid-stream,tokens=9")
		got := c.closed()
		if events(got) < 3 || events(got) > 8 {
			t.Errorf("got %d events in %q", events(got), brief(got))
		}
		hasNot(t, got, "[DONE]", chunkEnd)
		c = dial(t, s)
		c.stream("sim-l0!fin-mid-stream,framing=close,tokens=9") // looks complete to HTTP
		if _, body := c.ok(); events(body) < 3 || strings.Contains(body, "[DONE]") {
			t.Errorf("got %q", brief(body))
		}
		c = dial(t, s)
		c.chat("sim-l0!fin-mid-stream", "")
		has(t, c.closed(), "Content-Length: ", `{"id":"chatcmpl-`)
	},
	"in-event": func(t *testing.T, s *Server) {
		c := dial(t, s)
		c.stream("sim-l0!fin-mid-stream=3,in-event,tokens=9")
		got := c.closed()
		if strings.HasSuffix(got, "\n\n\r\n") || strings.Count(got, "data: ") != 4 || events(got) != 2 && events(got) != 3 {
			t.Errorf("got %q", brief(got))
		}
	},
}

// segments returns how many TCP segments with data the client has received.
func segments(t *testing.T, c *client) int {
	t.Helper()
	raw, err := c.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var info *unix.TCPInfo
	if ctlErr := raw.Control(func(fd uintptr) { info, err = unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO) }); ctlErr != nil {
		t.Fatal(ctlErr)
	}
	if err != nil {
		t.Fatal(err)
	}
	return int(info.Data_segs_in)
}
