//go:build !race

package spool

import (
	"testing"

	"github.com/ai-mcp-gateway/gateway/store"
)

func TestAppendAllocates(t *testing.T) {
	l := openLog(t, t.TempDir(), Config{})
	s := &Store{log: l}
	row, rows := make([]byte, 300), []store.Call{fullCall()}
	f := func(name string, do func() error) {
		t.Helper()
		n := testing.AllocsPerRun(1000, func() {
			if err := do(); err != nil {
				t.Fatal(err)
			}
		})
		if n != 0 {
			t.Errorf("%s allocates %v times", name, n)
		}
	}
	f("a mapped append", func() error { _, err := l.Append(1, row); return err })
	f("a row of the call log", func() error { return s.PutCalls(t.Context(), rows) })
}
