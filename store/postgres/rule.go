package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/ai-mcp-gateway/gateway/store"
)

const sqlPutRule = `INSERT INTO routing_rules (tenant, id, project_id, body, enabled, created_at, updated_at)
	VALUES ($1, $2, $3, $4, $5, $6, $7)
	ON CONFLICT (tenant, id) DO UPDATE SET project_id = excluded.project_id, body = excluded.body, enabled = excluded.enabled,
		created_at = excluded.created_at, updated_at = excluded.updated_at`

// PutRule adds or replaces a rule, as store.Store says.
func (s *Store) PutRule(ctx context.Context, r *store.Rule) error {
	return s.exec(ctx, "put a rule", sqlPutRule, r.Tenant, r.ID, r.Project, r.Body, r.Enabled, r.Created, r.Updated)
}

const sqlRules = `SELECT id, project_id, body, enabled, created_at, updated_at FROM routing_rules
	WHERE tenant = $1 AND ($2 = '' OR project_id IN ('', $2)) ORDER BY id`

// Rules returns a tenant's rules, as store.Store says.
func (s *Store) Rules(ctx context.Context, tenant, project string) ([]store.Rule, error) {
	var rules []store.Rule
	err := s.do(ctx, "read rules", again, func(ctx context.Context, c *pgx.Conn) error {
		rows, err := c.Query(ctx, sqlRules, tenant, project)
		if err != nil {
			return err
		}
		rules, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (store.Rule, error) {
			r := store.Rule{Tenant: tenant}
			err := row.Scan(&r.ID, &r.Project, &r.Body, &r.Enabled, &r.Created, &r.Updated)
			r.Created, r.Updated = r.Created.UTC(), r.Updated.UTC()
			return r, err
		})
		return err
	})
	return rules, err
}

// DeleteRule removes a rule, as store.Store says.
func (s *Store) DeleteRule(ctx context.Context, tenant, id string) error {
	return s.changed(ctx, "delete a rule", once, `DELETE FROM routing_rules WHERE tenant = $1 AND id = $2`, tenant, id)
}
