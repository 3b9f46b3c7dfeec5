package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/ai-mcp-gateway/gateway/store/spool"
)

// Processes that share a data directory have a log each, and what one of them
// has left is taken up by the next.
func TestOpenLog(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "spool")
	open := func() *spool.Log {
		t.Helper()
		l, err := openLog(dir, spool.Config{Segment: 64 << 10})
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	first, second := open(), open()
	if _, err := second.Append(1, []byte("left")); err != nil {
		t.Fatal(err)
	}
	if err := second.Close(); err != nil {
		t.Fatal(err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	next := open()
	defer next.Close()
	if n := next.State().Records; n != 1 {
		t.Errorf("the next process has %d records before it, want what was left, 1", n)
	}
	other := open()
	defer other.Close()
	if n := other.State().Records; n != 0 {
		t.Errorf("the one after it has %d, want 0", n)
	}
	if _, err := os.Stat(dir + "-3"); err == nil {
		t.Error("there are more logs than processes")
	}
}
