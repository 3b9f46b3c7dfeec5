package sqlite

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/ai-mcp-gateway/gateway/store"
	"github.com/ai-mcp-gateway/gateway/store/storetest"
)

func TestStore(t *testing.T) {
	storetest.Run(t, func(t testing.TB) store.Store { return openUnsynced(t) })
	storetest.RunArchive(t, func(t testing.TB) storetest.Archivable { return openUnsynced(t) })
}

// openUnsynced opens a new store that does not wait for the disk, for tests
// that show nothing about it and write much.
func openUnsynced(t testing.TB) *Store {
	t.Helper()
	s, err := open(t.Context(), filepath.Join(t.TempDir(), "gateway.db"), testMigrations(t), busyTimeout, "synchronous(OFF)")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// openAt opens as the gateway does.
func openAt(t testing.TB, path string) *Store {
	t.Helper()
	s, err := Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// Every table of a conversation's has a foreign key that holds.
func TestAcceptS6_ChildrenNeedTheirConversation(t *testing.T) {
	s := openUnsynced(t)
	f := func(query string, args ...any) {
		t.Helper()
		err := s.write.run(t.Context(), func(tx *tx) error {
			_, err := tx.exec(query, args...)
			return err
		})
		if err == nil || !strings.Contains(err.Error(), "FOREIGN KEY") {
			t.Errorf("%.40s: error is %v", query, err)
		}
	}
	f(sqlAppendMessage, 99, 1, "user", "openai", []byte("{}"), make([]byte, 16), 1, "", false, 1)
	f(sqlAppendKey, 99, "k", 1)
	f(sqlSummaryAdd, 99, 1, 0, []byte("{}"), "", "", 1)
	f(sqlTodoAdd, 99, 0, 1, "", "", store.TodoCompleted)

	appendPair(t, s, 0)
	if err := s.PutTodos(t.Context(), "t", "c", []store.Todo{{ID: 1, Status: store.TodoCompleted}}); err != nil {
		t.Fatal(err)
	}
	var left int
	err := s.write.run(t.Context(), func(tx *tx) error {
		if _, err := tx.exec(`DELETE FROM conversations`); err != nil {
			return err
		}
		return tx.get(`SELECT (SELECT count(*) FROM messages) + (SELECT count(*) FROM appends) + (SELECT count(*) FROM todos)`, nil, &left)
	})
	if err != nil || left != 0 {
		t.Errorf("%d rows are left, error %v", left, err)
	}
}
