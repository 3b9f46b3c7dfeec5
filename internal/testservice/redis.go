// Package testservice starts the real services that tests talk to: each on a
// private loopback port, in a temporary directory, gone when its test ends.
//
// A missing program fails the test with the command that installs it; it
// never skips.
package testservice

import (
	"net"
	"strconv"
	"syscall"
	"testing"
)

// RedisServer is a redis-server process owned by one test. It keeps nothing
// on disk, so Stop loses its data as a crash would. Methods fail the test
// that made it, and are called from one goroutine at a time.
type RedisServer struct {
	t    testing.TB
	path string
	dir  string
	args []string
	port int
	proc *process
}

// Redis starts a redis-server and returns when it answers. The args go to its
// command line as they are, such as "--maxmemory", "2mb".
func Redis(t testing.TB, args ...string) *RedisServer {
	t.Helper()
	s := &RedisServer{t: t, path: program(t, "redis-server", "redis-server"), dir: t.TempDir(), args: args}
	t.Cleanup(s.Stop)
	var err error
	for range portAttempts {
		s.port = freePort(t)
		if err = s.start(); err == nil {
			return s
		}
	}
	t.Fatalf("cannot start redis-server: %v", err)
	return nil
}

// Addr returns the server's host:port. It stays the same across Stop and Start.
func (s *RedisServer) Addr() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port)) }

// URL returns the server's address as redis://host:port/0.
func (s *RedisServer) URL() string { return "redis://" + s.Addr() + "/0" }

// Stop kills the server and waits until it is gone, paused or not. Its
// connections are reset and its data is lost. Stopping twice is allowed.
func (s *RedisServer) Stop() {
	if s.proc == nil {
		return
	}
	s.proc.kill()
	s.proc = nil
}

// Start starts a stopped server again, empty, on the same port.
func (s *RedisServer) Start() {
	s.t.Helper()
	if s.proc != nil {
		s.t.Fatal("redis-server is already running")
	}
	if err := s.start(); err != nil {
		s.t.Fatalf("cannot start redis-server again: %v", err)
	}
}

// Pause freezes the server: connections stay open and are still accepted by
// the kernel, and nothing is answered until Resume.
func (s *RedisServer) Pause() {
	s.t.Helper()
	s.signal(syscall.SIGSTOP)
}

// Resume lets a paused server go on where it was.
func (s *RedisServer) Resume() {
	s.t.Helper()
	s.signal(syscall.SIGCONT)
}

func (s *RedisServer) signal(sig syscall.Signal) {
	s.t.Helper()
	if s.proc == nil {
		s.t.Fatal("redis-server is not running")
	}
	if err := s.proc.signal(sig); err != nil {
		s.t.Fatalf("cannot signal redis-server: %v", err)
	}
}

func (s *RedisServer) start() error {
	args := []string{
		"--bind", "127.0.0.1", "--port", strconv.Itoa(s.port), "--dir", s.dir,
		"--daemonize", "no", "--save", "", "--appendonly", "no", "--logfile", "", "--loglevel", "notice",
	}
	proc, err := startProcess(s.path, append(args, s.args...), "Ready to accept connections")
	if err != nil {
		return err
	}
	s.proc = proc
	return nil
}
