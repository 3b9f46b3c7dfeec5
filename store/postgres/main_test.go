package postgres

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"go.uber.org/goleak"

	"github.com/ai-mcp-gateway/gateway/internal/testservice"
	"github.com/ai-mcp-gateway/gateway/store"
	"github.com/ai-mcp-gateway/gateway/store/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestStoreKeepsItsPromises(t *testing.T) {
	s := testservice.Postgres(t)
	settled(t, open(t, s.URL("postgres"))).Close() // a template must have no connections
	query(t, s.URL("template1"), `ALTER DATABASE postgres IS_TEMPLATE true`)
	var databases atomic.Int64
	empty := func(t testing.TB) *Store {
		name := fmt.Sprint("test", databases.Add(1))
		query(t, s.URL("template1"), `CREATE DATABASE `+name+` TEMPLATE postgres`)
		return settled(t, open(t, s.URL(name)))
	}
	storetest.Run(t, func(t testing.TB) store.Store { return empty(t) })
	storetest.RunArchive(t, func(t testing.TB) storetest.Archivable { return empty(t) })
}

// open returns a store that may wait longer than usual: the tests' machine is
// busy.
func open(t testing.TB, url string) *Store {
	t.Helper()
	return openWith(t, Config{URL: url, Wait: 20 * time.Second, Timeout: 30 * time.Second})
}

func openWith(t testing.TB, cfg Config) *Store {
	t.Helper()
	s, err := Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// settled waits until a store is ready.
func settled(t testing.TB, s *Store) *Store {
	t.Helper()
	if err := s.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}

// fresh returns a ready store on a server of its own.
func fresh(t testing.TB, args ...string) (*Store, *testservice.PostgresServer) {
	t.Helper()
	server := testservice.Postgres(t, args...)
	return settled(t, open(t, server.URL("postgres"))), server
}

// query runs a statement on a connection of its own and returns the rows' first
// columns as text.
func query(t testing.TB, url, sql string, args ...any) []string {
	t.Helper()
	c, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(context.WithoutCancel(t.Context()))
	rows, err := c.Query(t.Context(), sql, args...)
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	all, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (string, error) {
		values, err := row.Values()
		return fmt.Sprint(values...), err
	})
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return all
}

func message(raw string) store.Message {
	return store.Message{Role: "user", Dialect: "openai", Raw: []byte(raw), Created: time.Now()}
}

func appending(conversation, key string) *store.Append {
	return &store.Append{
		Tenant: "t", Conversation: conversation, After: store.AnyVersion, Key: key, Messages: []store.Message{message(key)},
	}
}
