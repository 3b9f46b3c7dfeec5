package sqlite

import (
	"context"
	"time"

	"github.com/ai-mcp-gateway/gateway/store"
)

// PutResponse implements store.Store.
func (s *Store) PutResponse(ctx context.Context, tenant, id string, r *store.Response, expires time.Time) error {
	return s.write.run(ctx, func(tx *tx) error {
		_, err := tx.exec(sqlResponsePut, tenant, id, blob(r.Input), blob(r.Body), r.Provider, micros(expires))
		return err
	})
}

// Response implements store.Store.
func (s *Store) Response(ctx context.Context, tenant, id string) (*store.Response, error) {
	r := &store.Response{}
	err := s.read.run(ctx, func(tx *tx) error {
		return tx.get(sqlResponse, []any{tenant, id, micros(time.Now())}, &r.Input, &r.Body, &r.Provider)
	})
	if err != nil {
		return nil, err
	}
	return r, nil
}

// DeleteResponse implements store.Store.
func (s *Store) DeleteResponse(ctx context.Context, tenant, id string) error {
	return s.changeOne(ctx, sqlResponseDelete, tenant, id, micros(time.Now()))
}

const (
	sqlResponsePut = `INSERT OR REPLACE INTO responses (tenant, id, input, body, provider, expires_at)
VALUES (?, ?, ?, ?, ?, ?)`
	sqlResponse       = `SELECT input, body, provider FROM responses WHERE tenant = ? AND id = ? AND expires_at > ?`
	sqlResponseDelete = `DELETE FROM responses WHERE tenant = ? AND id = ? AND expires_at > ?`
)

// Sweep implements store.Store.
func (s *Store) Sweep(ctx context.Context, limit int) (int, error) {
	now := micros(time.Now())
	var removed int64
	err := s.write.run(ctx, func(tx *tx) error {
		removed = 0
		for _, query := range []string{sqlSweepResponses, sqlSweepClaims} {
			n, err := tx.exec(query, now, max(limit, 0))
			if err != nil {
				return err
			}
			removed += n
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	return int(removed), nil
}

const (
	sqlSweepResponses = `DELETE FROM responses WHERE rowid IN (SELECT rowid FROM responses WHERE expires_at <= ? LIMIT ?)`
	sqlSweepClaims    = `DELETE FROM claims WHERE rowid IN (SELECT rowid FROM claims WHERE expires_at <= ? LIMIT ?)`
)
