package sqlite

import (
	"context"

	"github.com/ai-mcp-gateway/gateway/store"
)

// PutRule implements store.Store.
func (s *Store) PutRule(ctx context.Context, r *store.Rule) error {
	return s.write.run(ctx, func(tx *tx) error {
		_, err := tx.exec(sqlRulePut, r.Tenant, r.ID, r.Project, blob(r.Body), r.Enabled, micros(r.Created), micros(r.Updated))
		return err
	})
}

// Rules implements store.Store.
func (s *Store) Rules(ctx context.Context, tenant, project string) ([]store.Rule, error) {
	var all []store.Rule
	err := s.read.run(ctx, func(tx *tx) error {
		return tx.each(sqlRules, []any{tenant, project, project}, func(scan func(...any) error) error {
			r := store.Rule{Tenant: tenant}
			var created, updated int64
			if err := scan(&r.ID, &r.Project, &r.Body, &r.Enabled, &created, &updated); err != nil {
				return err
			}
			r.Created, r.Updated = fromMicros(created), fromMicros(updated)
			all = append(all, r)
			return nil
		})
	})
	if err != nil {
		return nil, err
	}
	return all, nil
}

// DeleteRule implements store.Store.
func (s *Store) DeleteRule(ctx context.Context, tenant, id string) error {
	return s.changeOne(ctx, sqlRuleDelete, tenant, id)
}

// changeOne runs a statement; it is ErrNotFound when that changes nothing.
func (s *Store) changeOne(ctx context.Context, query string, args ...any) error {
	return s.write.run(ctx, func(tx *tx) error {
		n, err := tx.exec(query, args...)
		if err == nil && n == 0 {
			err = store.ErrNotFound
		}
		return err
	})
}

const (
	sqlRulePut = `INSERT OR REPLACE INTO rules (tenant, id, project_id, body, enabled, created_at, updated_at)
VALUES (?, ?, ?, ?, ?, ?, ?)`
	sqlRules = `SELECT id, project_id, body, enabled, created_at, updated_at FROM rules
WHERE tenant = ? AND (? = '' OR project_id IN ('', ?)) ORDER BY id`
	sqlRuleDelete = `DELETE FROM rules WHERE tenant = ? AND id = ?`
)
