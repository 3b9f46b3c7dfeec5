//go:build !race

package sqlite

import (
	"strconv"
	"strings"
	"testing"
)

// fill makes 1,000 conversations of 100 messages of a length each, and 100,000
// calls, in one transaction.
func fill(t testing.TB, s *Store, length int) {
	t.Helper()
	err := s.write.run(t.Context(), func(tx *tx) error {
		for _, query := range []string{
			`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000)
INSERT INTO conversations (tenant, id, project_id, user_id, version, created_at, updated_at)
SELECT 't' || (i % 10), 'c' || i, 'p', 'u' || (i % 100), 100, i, i FROM n`,
			`WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 99999)
INSERT INTO messages (conversation_id, seq, role, dialect, raw, digest, tokens, model, incomplete, created_at)
SELECT 1 + i % 1000, 1 + i / 1000, 'user', 'openai', zeroblob(` + strconv.Itoa(length) + `), zeroblob(16), 9, '', 0, i FROM n`,
			`WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 99999)
INSERT INTO calls SELECT 't' || (i % 10), i * 1000000, 'call' || i, 'c' || (i % 1000), 'p', 'u' || (i % 100), 'L0', 'm' || (i % 7), 0,
10, 5, 1000, 'r', 'k', 'chat', 'primary', 'x', 200, '', 0, 0, 0, 1, 0, 1000, NULL, NULL, NULL FROM n`,
		} {
			if _, err := tx.exec(query); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestAcceptS6_QueriesUseIndexes(t *testing.T) {
	s := openUnsynced(t)
	fill(t, s, 20)
	f := func(query, want string) {
		t.Helper()
		err := s.read.run(t.Context(), func(tx *tx) error {
			var plan []string
			args := make([]any, strings.Count(query, "?"))
			err := tx.each("EXPLAIN QUERY PLAN "+query, args, func(scan func(...any) error) error {
				var id, parent, unused int
				var detail string
				err := scan(&id, &parent, &unused, &detail)
				plan = append(plan, detail)
				return err
			})
			text := strings.Join(plan, "; ")
			if err == nil && (!strings.Contains(text, want) || strings.Contains(text, "SCAN")) {
				t.Errorf("%.80s...\nis done by %q, want %q", query, text, want)
			}
			return err
		})
		if err != nil {
			t.Error(query, err)
		}
	}
	f(sqlLoad, "sqlite_autoindex_conversations_1 (tenant=? AND id=?)")
	f(sqlConversations, "sqlite_autoindex_conversations_1 (tenant=? AND id>?)")
	f(sqlVersions, "sqlite_autoindex_conversations_1 (tenant=? AND id=?)")
	f(sqlRecent, "sqlite_autoindex_messages_1 (conversation_id=?)")
	f(sqlMessages, "sqlite_autoindex_messages_1 (conversation_id=? AND seq>?)")
	f(sqlAppendSeen, "USING PRIMARY KEY (conversation_id=? AND key=?)")
	f(sqlSummary, "sqlite_autoindex_summaries_1 (conversation_id=? AND version=?)")
	f(sqlTodos, "USING PRIMARY KEY (conversation_id=?)")
	f(sqlRules, "USING PRIMARY KEY (tenant=?)")
	f(sqlResponse, "sqlite_autoindex_responses_1 (tenant=? AND id=?)")
	f(sqlClaim, "sqlite_autoindex_claims_1 (tenant=? AND key=?)")
	f(sqlSweepResponses, "responses_expires (expires_at<?)")
	f(sqlSweepClaims, "claims_expires (expires_at<?)")
	for _, q := range sqlSums {
		f(q.all, "USING PRIMARY KEY (tenant=? AND created_at>? AND created_at<?)")
		f(q.conversation, "calls_conversation (tenant=? AND conversation=? AND created_at>? AND created_at<?)")
	}
	f(`SELECT id FROM conversations WHERE tenant = ? AND user_id = ?`, "conversations_user")
	f(`SELECT id FROM conversations WHERE created_at < ? AND updated_at < ?`, "conversations_created")
	f(`SELECT seq FROM messages WHERE created_at >= ? AND created_at < ?`, "messages_created")
	f(`SELECT id FROM calls WHERE tenant = ? AND user_id = ? AND user_id <> '' ORDER BY created_at`, "calls_user")
}
