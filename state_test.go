package main

import (
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ai-mcp-gateway/gateway/store"
	"github.com/ai-mcp-gateway/gateway/store/postgres"
	"github.com/ai-mcp-gateway/gateway/store/spool"
)

// TestLedgerFull fills the spool while the database is away: what finds no place
// is counted, said in the log, and told by /health.
func TestLedgerFull(t *testing.T) {
	cold, err := postgres.Open(t.Context(), postgres.Config{URL: "postgres://nobody@" + freeAddress(t) + "/none", Wait: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	settings := spool.Config{Limit: 64 << 10, Segment: 64 << 10, Wait: 10 * time.Millisecond}
	waiting, err := spool.Open(filepath.Join(t.TempDir(), "spool"), settings)
	if err != nil {
		t.Fatal(err)
	}
	logs := &logBuffer{}
	s := &state{log: slog.New(slog.NewTextHandler(logs, nil))}
	if s.spool, err = spool.New(cold, waiting, settings); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.spool.Close() })
	s.cold = s.spool
	if got := s.health(); got != "spooling" {
		t.Errorf("the database is %q before, want spooling", got)
	}
	const rows = 2000
	for range rows {
		s.Put([]store.Call{{Time: time.Now(), Tenant: "t", Provider: "p", Model: "m"}})
	}
	kept, lost := s.spool.State().Records, s.dropped.Load()
	if kept == 0 || lost == 0 || kept+lost != rows {
		t.Errorf("%d rows are kept and %d are lost, of %d", kept, lost, rows)
	}
	if got := s.health(); got != "down" {
		t.Errorf("the database is %q, want down", got)
	}
	if !strings.Contains(logs.String(), "rows of the call log are lost") {
		t.Errorf("the log: %s", logs)
	}
}
