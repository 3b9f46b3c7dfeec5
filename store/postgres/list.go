package postgres

import (
	"context"
	"math"

	"github.com/jackc/pgx/v5"

	"github.com/ai-mcp-gateway/gateway/store"
)

const sqlConversations = `SELECT id, project_id, user_id, version, summary_version, metadata, archived, created_at, updated_at
	FROM conversations WHERE tenant = $1 AND id > $2 ORDER BY id LIMIT $3`

// Conversations returns a page of a tenant's conversations, as store.Store says.
func (s *Store) Conversations(ctx context.Context, tenant, after string, limit int) ([]store.Conversation, error) {
	var all []store.Conversation
	err := s.do(ctx, "list conversations", again, func(ctx context.Context, c *pgx.Conn) error {
		rows, err := c.Query(ctx, sqlConversations, tenant, after, min(max(limit, 0), math.MaxInt32))
		if err != nil {
			return err
		}
		all, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (store.Conversation, error) {
			c := store.Conversation{Tenant: tenant}
			err := row.Scan(&c.ID, &c.Project, &c.User, &c.Version, &c.SummaryVersion, &c.Metadata, &c.Archived, &c.Created, &c.Updated)
			c.Created, c.Updated = c.Created.UTC(), c.Updated.UTC()
			return c, err
		})
		return err
	})
	return all, err
}
