package sqlite

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/ai-mcp-gateway/gateway/store"
)

// Claim implements store.Store.
func (s *Store) Claim(ctx context.Context, c *store.Claim) (answer *store.Answer, held bool, err error) {
	err = s.write.run(ctx, func(tx *tx) error {
		var digest []byte
		var status sql.NullInt64
		var owner string
		a := &store.Answer{}
		err := tx.get(sqlClaim, []any{c.Tenant, c.Key, micros(time.Now())}, &digest, &owner, &status, &a.Header, &a.Body)
		switch {
		case errors.Is(err, store.ErrNotFound):
			_, err = tx.exec(sqlClaimPut, c.Tenant, c.Key, c.Digest[:], c.Owner, micros(c.Expires))
			return err
		case err != nil:
			return err
		case !bytes.Equal(digest, c.Digest[:]):
			return store.ErrKeyReused
		case !status.Valid && owner == c.Owner:
			_, err = tx.exec(sqlClaimPut, c.Tenant, c.Key, c.Digest[:], c.Owner, micros(c.Expires))
			return err
		case !status.Valid:
			held = true
			return nil
		}
		a.Status = int(status.Int64)
		answer = a
		return nil
	})
	if err != nil {
		return nil, false, err
	}
	return answer, held, nil
}

// Complete implements store.Store.
func (s *Store) Complete(ctx context.Context, tenant, key, owner string, a *store.Answer, expires time.Time) error {
	return s.changeOne(ctx, sqlComplete, a.Status, blob(a.Header), blob(a.Body), micros(expires), tenant, key, owner, micros(time.Now()))
}

// Release implements store.Store.
func (s *Store) Release(ctx context.Context, tenant, key, owner string) error {
	return s.write.run(ctx, func(tx *tx) error {
		_, err := tx.exec(sqlRelease, tenant, key, owner)
		return err
	})
}

const (
	sqlClaim = `SELECT digest, owner, status, header, body FROM claims WHERE tenant = ? AND key = ? AND expires_at > ?`
	// What it replaces has expired, or is its own.
	sqlClaimPut = `INSERT OR REPLACE INTO claims (tenant, key, digest, owner, expires_at) VALUES (?, ?, ?, ?, ?)`
	// One who has completed it may do so again, as he may not know that he has.
	sqlComplete = `UPDATE claims SET status = ?, header = ?, body = ?, expires_at = ?
WHERE tenant = ? AND key = ? AND owner = ? AND expires_at > ?`
	sqlRelease = `DELETE FROM claims WHERE tenant = ? AND key = ? AND owner = ? AND status IS NULL`
)
