package main

import (
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/ai-mcp-gateway/gateway/bench/simulator"
)

func TestFault001_ConnectionRefused(t *testing.T) {
	refusing := "http://" + refusingAddress(t) + "/v1"
	f := startFaulty(t, unhurried, refusing, refusing)
	t.Run("failover", func(t *testing.T) {
		fastest := time.Hour
		for n := range 5 {
			prompt := "refused " + strconv.Itoa(n)
			start := time.Now()
			r := f.ask(t, backed(0), prompt, n%2 == 1)
			r.wantWhole(t, n%2 == 1)
			seen := f.seen("good", prompt)
			if len(seen) != 1 || r.header.Get("X-Gateway-Attempts") != "2" {
				t.Fatalf("%d calls of the next target, %s attempts; want 1 and 2", len(seen), r.header.Get("X-Gateway-Attempts"))
			}
			fastest = min(fastest, seen[0].Received.Sub(start))
		}
		if fastest > 50*time.Millisecond {
			t.Errorf("the next target was asked after %v, want 50ms or less", fastest)
		}
		r := f.ask(t, backed(0), "the breaker is open", false)
		if r.wantWhole(t, false); r.header.Get("X-Gateway-Attempts") != "1" {
			t.Errorf("%s attempts after five refusals, want 1: the breaker did not open", r.header.Get("X-Gateway-Attempts"))
		}
	})
	t.Run("alone", func(t *testing.T) {
		for n := range 5 {
			e := f.ask(t, alone(1), "nobody "+strconv.Itoa(n), n%2 == 1).wantError(t, http.StatusBadGateway, "provider_unavailable")
			if e.Code != "upstream_unavailable" {
				t.Errorf("code %q, want upstream_unavailable", e.Code)
			}
		}
		r := f.ask(t, alone(1), "the breaker is open", false)
		r.wantError(t, http.StatusServiceUnavailable, "provider_unavailable")
		if after, _ := strconv.Atoi(r.header.Get("Retry-After")); after < 1 || after > 6 {
			t.Errorf("Retry-After %q, want what is left of 5 seconds", r.header.Get("Retry-After"))
		}
	})
}

func TestFault002_NameNotFound(t *testing.T) {
	const missing = "http://does-not-exist.invalid/v1"
	f := startFaulty(t, unhurried, missing) // connecting may take 3 s
	for _, stream := range []bool{false, true} {
		r := f.ask(t, alone(0), "no such host", stream)
		e := r.wantError(t, http.StatusBadGateway, "provider_unavailable")
		if e.Code != "upstream_unavailable" || r.took > 2500*time.Millisecond {
			t.Errorf("code %q after %v, want upstream_unavailable within 2s", e.Code, r.took)
		}
	}
	r := f.ask(t, backed(0), "no such host", false)
	if r.wantWhole(t, false); len(f.seen("good", "no such host")) != 1 {
		t.Error("the next target was not asked")
	}
}

func TestFault003_ConnectBlackHole(t *testing.T) {
	hole := "http://" + blackHole(t) + "/v1"
	f := startFaulty(t, quick, hole, hole)
	for i, stream := range []bool{false, true} {
		t.Run(formName(stream), func(t *testing.T) {
			t.Parallel()
			r := f.ask(t, alone(i), "anybody there?", stream)
			r.wantError(t, http.StatusGatewayTimeout, "provider_timeout")
			wantAbout(t, r.took, 500*time.Millisecond)
			r = f.ask(t, backed(i), "anybody there?", stream)
			r.wantWhole(t, stream)
			wantAbout(t, r.took, 500*time.Millisecond)
		})
	}
}

func TestFault004_AcceptThenSilence(t *testing.T) {
	silent := startSimulator(t, simulator.Config{Faults: "accept-silence"}).URL() + "/v1"
	f := startFaulty(t, quick, "silence", "silence", silent, silent)
	f.wantSlow(t, 700*time.Millisecond, 0, 1, 2, 3)
}

func TestFault005_SlowHeader(t *testing.T) {
	f := startFaulty(t, quick, "slow-headers=50ms", "slow-headers=50ms")
	f.wantSlow(t, 700*time.Millisecond, 0, 1)
}

// wantSlow checks that provider i, asked for a stream where i is odd, is given
// up after limit, and that the next one takes over then.
func (f *faulty) wantSlow(t *testing.T, limit time.Duration, providers ...int) {
	for _, i := range providers {
		stream := i%2 == 1
		t.Run(strconv.Itoa(i)+" "+formName(stream), func(t *testing.T) {
			t.Parallel()
			r := f.ask(t, alone(i), "slow "+t.Name(), stream)
			if e := r.wantError(t, http.StatusGatewayTimeout, "provider_timeout"); e.Code != "upstream_timeout" {
				t.Errorf("code %q, want upstream_timeout", e.Code)
			}
			wantAbout(t, r.took, limit)
			start := time.Now()
			f.ask(t, backed(i), "slow "+t.Name(), stream).wantWhole(t, stream)
			seen := f.seen("good", "slow "+t.Name())
			if len(seen) != 1 {
				t.Fatalf("%d calls of the next target, want 1", len(seen))
			}
			wantAbout(t, seen[0].Received.Sub(start), limit)
		})
	}
}

func TestFault006_SilenceBeforeFirstEvent(t *testing.T) {
	f := startFaulty(t, quick, "headers-stall", "headers-stall")
	for i, stream := range []bool{false, true} {
		t.Run(formName(stream), func(t *testing.T) {
			t.Parallel()
			// A plain answer has begun with its header: it stalls.
			code := map[bool]string{false: "provider_stalled", true: "provider_timeout"}[stream]
			r := f.ask(t, alone(i), "stall", stream)
			r.wantError(t, http.StatusGatewayTimeout, code)
			wantAbout(t, r.took, 700*time.Millisecond)
			f.ask(t, backed(i), "stall", stream).wantWhole(t, stream)
		})
	}
}

func TestFault024_TLS(t *testing.T) {
	modes := []string{"expired", "wrong-host", "self-signed", "tls10", "stall"}
	var roots []byte
	var specs []string
	var sims []*simulator.Server
	for _, mode := range append(modes, "valid") {
		s := startSimulator(t, simulator.Config{TLS: mode})
		roots = append(roots, s.CA()...)
		specs = append(specs, s.URL()+"/v1")
		sims = append(sims, s)
	}
	trusted := filepath.Join(t.TempDir(), "roots.pem")
	if err := os.WriteFile(trusted, roots, 0o600); err != nil {
		t.Fatal(err)
	}
	sim := startSimulator(t, simulator.Config{})
	f := &faulty{sim: sim, extra: quick, instance: startGateway(t, faultyConfig(quick, sim.URL(), specs), "SSL_CERT_FILE="+trusted)}
	t.Cleanup(f.leaveProviders)
	for i, mode := range modes {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			r := f.ask(t, backed(i), "tls", i%2 == 1)
			if r.wantWhole(t, i%2 == 1); r.header.Get("X-Gateway-Attempts") != "2" {
				t.Errorf("%s attempts, want 2", r.header.Get("X-Gateway-Attempts"))
			}
			for n := range 4 {
				e := f.ask(t, alone(i), "tls "+strconv.Itoa(n), n%2 == 1).wantError(t, http.StatusBadGateway, "provider_tls")
				if e.Code != "upstream_tls" {
					t.Errorf("code %q, want upstream_tls", e.Code)
				}
			}
			f.ask(t, alone(i), "the breaker is open", false).wantError(t, http.StatusServiceUnavailable, "provider_unavailable")
			if n := sims[i].Requests(); n != 0 {
				t.Errorf("%d requests on a connection that is not trusted", n)
			}
		})
	}
	t.Run("valid", func(t *testing.T) {
		for n := range 4 {
			f.ask(t, alone(len(modes)), "tls "+strconv.Itoa(n), n%2 == 1).wantWhole(t, n%2 == 1)
		}
		if n := sims[len(modes)].Accepted(); n != 1 {
			t.Errorf("%d handshakes for 4 calls in a row, want 1", n)
		}
	})
}

func formName(stream bool) string {
	if stream {
		return "stream"
	}
	return "plain"
}

// wantAbout checks a time limit: never early, and late only by what a busy
// machine explains.
func wantAbout(t testing.TB, took, limit time.Duration) {
	t.Helper()
	if took < limit-10*time.Millisecond || took > limit+1500*time.Millisecond {
		t.Errorf("took %v, want about %v", took, limit)
	}
}

// refusingAddress is an address of this host that nobody else can take and
// where every connection is refused.
func refusingAddress(t testing.TB) string {
	t.Helper()
	address, _ := bind(t)
	return address
}

// blackHole is an address where connections are neither accepted nor refused:
// its backlog is full.
func blackHole(t testing.TB) string {
	t.Helper()
	address, fd := bind(t)
	if err := syscall.Listen(fd, 0); err != nil {
		t.Fatal(err)
	}
	for range 10 {
		c, err := net.DialTimeout("tcp", address, 200*time.Millisecond)
		if err != nil {
			return address
		}
		t.Cleanup(func() { _ = c.Close() })
	}
	t.Fatal("the backlog does not fill")
	return ""
}

func bind(t testing.TB) (address string, fd int) {
	t.Helper()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Close(fd) })
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	name, err := syscall.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(name.(*syscall.SockaddrInet4).Port)), fd
}
