package testservice

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestRedisAnswersAndTakesArguments(t *testing.T) {
	s := Redis(t, "--maxmemory", "3mb")
	if want := "redis://" + s.Addr() + "/0"; s.URL() != want {
		t.Errorf("URL() = %q, want %q", s.URL(), want)
	}
	c := dial(t, s)
	if got := ask(t, c, "SET k v", 1); got != "+OK" {
		t.Errorf("SET answered %q", got)
	}
	if got := ask(t, c, "CONFIG GET maxmemory", 5); !strings.HasSuffix(got, "3145728") {
		t.Errorf("CONFIG GET maxmemory answered %q", got)
	}
}

func TestRedisStopsAndStartsOnTheSamePort(t *testing.T) {
	s := Redis(t)
	addr := s.Addr()
	ask(t, dial(t, s), "SET k v", 1)

	s.Stop()
	if _, err := net.Dial("tcp4", addr); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("dialling a stopped server: %v, want a refusal", err)
	}
	s.Stop()

	s.Start()
	if s.Addr() != addr {
		t.Errorf("Addr() = %q after a restart, want %q", s.Addr(), addr)
	}
	if got := ask(t, dial(t, s), "GET k", 1); got != "$-1" {
		t.Errorf("GET after a restart answered %q, want nothing", got)
	}
}

func TestRedisPausesAndResumes(t *testing.T) {
	s := Redis(t)
	c := dial(t, s)
	s.Pause()
	fmt.Fprintf(c, "PING\r\n")
	_ = c.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
	if n, err := c.Read(make([]byte, 8)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("a paused server answered %d bytes, %v", n, err)
	}
	s.Resume()
	if got := ask(t, c, "ECHO back", 2); !strings.HasPrefix(got, "+PONG") {
		t.Errorf("a resumed server answered %q", got)
	}
}

func TestRedisEndsWithItsTest(t *testing.T) {
	var addr string
	t.Run("owner", func(t *testing.T) {
		s := Redis(t)
		addr = s.Addr()
		s.Pause()
	})
	if _, err := net.Dial("tcp4", addr); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("dialling after the owner ended: %v, want a refusal", err)
	}
}

func TestStartProcessReportsAnEarlyEnd(t *testing.T) {
	_, err := startProcess("/bin/sh", []string{"-c", "echo on stdout; echo on stderr >&2; exit 3"}, "never")
	if err == nil {
		t.Fatal("a program that ended was called started")
	}
	for _, want := range []string{"exit status 3", "on stdout", "on stderr"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error %q does not say %q", err, want)
		}
	}
	if _, err := startProcess("/nonexistent", nil, "never"); err == nil {
		t.Error("a program that does not exist was called started")
	}
}

func dial(t *testing.T, s *RedisServer) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp4", s.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// ask sends an inline command and returns the given number of answer lines.
func ask(t *testing.T, c net.Conn, command string, lines int) string {
	t.Helper()
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	fmt.Fprintf(c, "%s\r\n", command)
	r := bufio.NewReader(c)
	var got []string
	for range lines {
		line, err := r.ReadString('\n')
		if err != nil {
			t.Fatalf("%s: %v", command, err)
		}
		got = append(got, strings.TrimSpace(line))
	}
	return strings.Join(got, "\n")
}
