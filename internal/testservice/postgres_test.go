package testservice

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

func TestPostgresKeepsWhatItCommittedAcrossACrash(t *testing.T) {
	s := Postgres(t, "-c", "work_mem=3MB")
	if got := s.Exec("SHOW work_mem"); got != "3MB" {
		t.Errorf("work_mem is %q", got)
	}
	s.Exec("CREATE TABLE kept AS SELECT 7 AS n")
	addr := s.Addr()

	s.Stop()
	if _, err := net.Dial("tcp4", addr); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("dialling a stopped server: %v, want a refusal", err)
	}
	s.Stop()

	s.Start()
	if s.Addr() != addr {
		t.Errorf("Addr() = %q after a restart, want %q", s.Addr(), addr)
	}
	if got := s.Exec("SELECT n FROM kept"); got != "7" {
		t.Errorf("after a restart the table holds %q", got)
	}
}

func TestPostgresPausesAndResumes(t *testing.T) {
	s := Postgres(t)
	c, err := net.Dial("tcp4", s.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	s.Pause()
	// An SSL request: a server that is awake answers with one byte.
	if _, err := c.Write([]byte{0, 0, 0, 8, 4, 210, 22, 47}); err != nil {
		t.Fatal(err)
	}
	_ = c.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
	if n, err := c.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("a paused server answered %d bytes, %v", n, err)
	}
	s.Resume()
	_ = c.SetReadDeadline(time.Now().Add(10 * time.Second))
	if _, err := c.Read(make([]byte, 1)); err != nil {
		t.Errorf("a resumed server: %v", err)
	}
}

func TestPostgresEndsWithItsTest(t *testing.T) {
	var addr, dir string
	t.Run("owner", func(t *testing.T) {
		s := Postgres(t)
		addr, dir = s.Addr(), filepath.Dir(s.data)
		s.Pause()
	})
	if _, err := net.Dial("tcp4", addr); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("dialling after the owner ended: %v, want a refusal", err)
	}
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("its directory is still there: %v", err)
	}
}
