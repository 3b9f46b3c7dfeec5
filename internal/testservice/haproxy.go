package testservice

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// HAProxy starts a load balancer without sticky sessions in front of servers
// (host:port each) that answer GET /readyz, and returns its host:port. Each
// request goes to the next server that is up; one that a server did not even
// accept goes to another.
func HAProxy(t testing.TB, servers ...string) (addr string) {
	t.Helper()
	path := "/usr/sbin/haproxy" // where Debian has it, out of some PATHs
	if _, err := os.Stat(path); err != nil {
		path = program(t, "haproxy", "haproxy")
	}
	for range portAttempts {
		addr = net.JoinHostPort("127.0.0.1", strconv.Itoa(freePort(t)))
		file := filepath.Join(t.TempDir(), "haproxy.cfg")
		if err := os.WriteFile(file, []byte(balance(addr, servers)), 0o600); err != nil {
			t.Fatal(err)
		}
		proc, err := startProcess(path, []string{"-db", "-f", file}, "")
		if err != nil {
			t.Fatalf("cannot start haproxy: %v", err)
		}
		if proc.accepts(addr) {
			t.Cleanup(proc.kill)
			return addr
		}
		proc.kill()
	}
	t.Fatal("haproxy does not listen")
	return ""
}

func balance(addr string, servers []string) string {
	var b strings.Builder
	fmt.Fprintf(&b, `global
  maxconn 2000
defaults
  mode http
  timeout connect 1s
  timeout client 60s
  timeout server 60s
  retries 3
  option redispatch
frontend in
  bind %s
  default_backend gateways
backend gateways
  balance roundrobin
  option httpchk GET /readyz
`, addr)
	for i, server := range servers {
		fmt.Fprintf(&b, "  server g%d %s check inter 200ms fall 1 rise 1\n", i, server)
	}
	return b.String()
}

// accepts waits until the process listens at addr; false when it ends or does
// not in time.
func (p *process) accepts(addr string) bool {
	for end := time.Now().Add(startTimeout); time.Now().Before(end); {
		if c, err := net.Dial("tcp", addr); err == nil {
			_ = c.Close()
			return true
		}
		select {
		case <-p.exited:
			return false
		case <-time.After(20 * time.Millisecond):
		}
	}
	return false
}
