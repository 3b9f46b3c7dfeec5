package simulator

import (
	"errors"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"
)

var connectionTests = map[string]func(t *testing.T, s *Server){
	"ok": func(t *testing.T, s *Server) {
		c := dial(t, s)
		c.chat("sim-l0!status=500,ok", "")
		c.ok()
		c.works()
	},
	"p": func(t *testing.T, s *Server) {
		c := dial(t, s)
		failed := 0
		for range 100 {
			c.chat("sim-l0!status=500,p=0.5", "")
			if r, _, _ := c.response(); r.StatusCode == 500 {
				failed++
			}
		}
		if failed < 30 || failed > 70 {
			t.Errorf("%d of 100 failed, want about 50", failed)
		}
	},
	"accept-silence": func(t *testing.T, s *Server) {
		play(t, s, "accept-silence")
		c := dial(t, s)
		c.chat("sim-l0", "")
		c.quiet()
		dial(t, s).works() // the step was for one connection
	},
	"accept-close": func(t *testing.T, s *Server) {
		play(t, s, "accept-close")
		if got := dial(t, s).closed(); got != "" {
			t.Errorf("got %q", got)
		}
		dial(t, s).works()
	},
	"accept-reset": func(t *testing.T, s *Server) {
		play(t, s, "accept-reset")
		nc, err := net.Dial("tcp", s.addr)
		if err == nil {
			_, err = io.ReadAll(nc)
			_ = nc.Close()
		}
		if !errors.Is(err, syscall.ECONNRESET) { // by the dial or by the read
			t.Errorf("got %v", err)
		}
		dial(t, s).works()
	},
	"accept-garbage": func(t *testing.T, s *Server) {
		play(t, s, "accept-garbage")
		if got := dial(t, s).closed(); got != string(garbage) {
			t.Errorf("got %q", got)
		}
		dial(t, s).works()
	},
	"flap": func(t *testing.T, s *Server) {
		if err := s.Script(Step{Faults: "flap=30ms"}); err != nil {
			t.Fatal(err)
		}
		var up, down bool
		for deadline := time.Now().Add(patience); !(up && down); {
			if time.Now().After(deadline) {
				t.Fatalf("never both up (%v) and down (%v)", up, down)
			}
			c := dial(t, s)
			_, _ = io.WriteString(c, post("/v1/chat/completions", chatBody("sim-l0!conn-close", "")))
			got, err := c.rest()
			up = up || err == nil && strings.HasPrefix(got, "HTTP/1.1 200")
			down = down || got == "" && err != nil
		}
	},
	"silence": func(t *testing.T, s *Server) {
		c := dial(t, s)
		c.chat("sim-l0!silence", "")
		c.quiet()
	},
	"close": func(t *testing.T, s *Server) {
		c := dial(t, s)
		c.chat("sim-l0!close", "")
		if got := c.closed(); got != "" {
			t.Errorf("got %q", got)
		}
	},
	"reset": func(t *testing.T, s *Server) {
		c := dial(t, s)
		c.chat("sim-l0!reset", "")
		if got := c.broken(); got != "" {
			t.Errorf("got %q", got)
		}
	},
	"garbage": func(t *testing.T, s *Server) {
		c := dial(t, s)
		c.chat("sim-l0!garbage", "")
		if got := c.closed(); got != string(garbage) {
			t.Errorf("got %q", got)
		}
	},
	"close-on-reuse": func(t *testing.T, s *Server) {
		c := dial(t, s)
		c.chat("sim-l0!close-on-reuse", "")
		c.ok()
		c.chat("sim-l0!close-on-reuse", "")
		if got := c.closed(); got != "" {
			t.Errorf("got %q", got)
		}
	},
	"reset-on-reuse": func(t *testing.T, s *Server) {
		c := dial(t, s)
		c.chat("sim-l0!reset-on-reuse", "")
		c.ok()
		c.chat("sim-l0!reset-on-reuse", "")
		if got := c.broken(); got != "" {
			t.Errorf("got %q", got)
		}
	},
	"no-read": func(t *testing.T, s *Server) {
		c := dial(t, s)
		raw := []byte(post("/v1/chat/completions", chatBody("sim-l0!no-read=1s", `,"pad":"`+strings.Repeat("x", 32<<20)+`"`)))
		_ = c.SetWriteDeadline(time.Now().Add(300 * time.Millisecond))
		n, err := c.Write(raw)
		var timeout net.Error
		if !errors.As(err, &timeout) || !timeout.Timeout() {
			t.Fatalf("wrote %d bytes with %v, want a write that blocks", n, err)
		}
		if got := c.broken(); got != "" {
			t.Errorf("got %q", got)
		}
	},
	"early": func(t *testing.T, s *Server) {
		c := dial(t, s)
		// The answer comes although only a part of the body is sent.
		raw := post("/v1/chat/completions", chatBody("sim-l0!early", `,"pad":"`+strings.Repeat("x", 1<<20)+`"`))
		c.request(raw[:4096])
		r, body, err := c.response()
		if err != nil || r.StatusCode != 413 || !r.Close {
			t.Fatalf("got %d, close %v, %v: %s", r.StatusCode, r.Close, err, body)
		}
		if _, err := io.WriteString(c, raw[4096:]); err != nil && !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, syscall.EPIPE) {
			t.Fatal(err)
		}
	},
	"half-close": func(t *testing.T, s *Server) {
		c := dial(t, s)
		c.chat("sim-l0!half-close", "")
		c.ok()
		if got := c.closed(); got != "" {
			t.Errorf("got %q", got)
		}
		c.request("still read") // an RST would answer this if the other direction were closed
		c.request("still read")
		if s.OpenConns() != 1 {
			t.Error("connection is gone")
		}
	},
	"silent-close": func(t *testing.T, s *Server) {
		c := dial(t, s)
		c.chat("sim-l0!silent-close", "")
		if r, _ := c.ok(); r.Close {
			t.Error("the answer says that the connection will be closed")
		}
		if got := c.closed(); got != "" {
			t.Errorf("got %q", got)
		}
	},
	"conn-close": func(t *testing.T, s *Server) {
		c := dial(t, s)
		c.chat("sim-l0!conn-close", "")
		if r, _ := c.ok(); !r.Close {
			t.Error("the answer does not say that the connection will be closed")
		}
		if got := c.closed(); got != "" {
			t.Errorf("got %q", got)
		}
	},
	"idle-close": func(t *testing.T, s *Server) {
		c := dial(t, s)
		c.chat("sim-l0!idle-close=50ms", "")
		c.ok()
		began := time.Now()
		if got := c.closed(); got != "" {
			t.Errorf("got %q", got)
		}
		if d := time.Since(began); d > 5*time.Second {
			t.Errorf("closed after %v", d)
		}
	},
}

// play plays a fault for one connection or request.
func play(t *testing.T, s *Server, faults string) {
	t.Helper()
	if err := s.Script(Step{1, faults}); err != nil {
		t.Fatal(err)
	}
}

func TestServer_DownAndUp(t *testing.T) {
	s := start(t, Config{})
	c := dial(t, s)
	c.works()
	s.Down()
	if got, err := c.rest(); got != "" {
		t.Errorf("got %q, %v", got, err)
	}
	if _, err := net.Dial("tcp", s.addr); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Fatalf("got %v, want a refused connection", err)
	}
	if err := s.Up(); err != nil {
		t.Fatal(err)
	}
	dial(t, s).works()
}
