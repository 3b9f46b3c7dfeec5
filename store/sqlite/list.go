package sqlite

import (
	"context"

	"github.com/ai-mcp-gateway/gateway/store"
)

const sqlConversations = `SELECT id, project_id, user_id, version, summary_version, metadata, archived, created_at, updated_at
FROM conversations WHERE tenant = ? AND id > ? ORDER BY id LIMIT ?`

// Conversations implements store.Store.
func (s *Store) Conversations(ctx context.Context, tenant, after string, limit int) ([]store.Conversation, error) {
	var all []store.Conversation
	err := s.read.run(ctx, func(tx *tx) error {
		return tx.each(sqlConversations, []any{tenant, after, max(limit, 0)}, func(scan func(...any) error) error {
			c := store.Conversation{Tenant: tenant}
			var created, updated int64
			err := scan(&c.ID, &c.Project, &c.User, &c.Version, &c.SummaryVersion, &c.Metadata, &c.Archived, &created, &updated)
			if err != nil {
				return err
			}
			c.Created, c.Updated = fromMicros(created), fromMicros(updated)
			all = append(all, c)
			return nil
		})
	})
	return all, err
}
