package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/ai-mcp-gateway/gateway/store"
)

const sqlPutResponse = `INSERT INTO responses (tenant, id, input, body, provider, expires_at) VALUES ($1, $2, $3, $4, $5, $6)
	ON CONFLICT (tenant, id) DO UPDATE SET input = excluded.input, body = excluded.body, provider = excluded.provider,
		expires_at = excluded.expires_at`

// PutResponse keeps an answer, as store.Store says.
func (s *Store) PutResponse(ctx context.Context, tenant, id string, r *store.Response, expires time.Time) error {
	return s.exec(ctx, "put a response", sqlPutResponse, tenant, id, r.Input, r.Body, r.Provider, expires)
}

const sqlResponse = `SELECT input, body, provider FROM responses WHERE tenant = $1 AND id = $2 AND expires_at > now()`

// Response returns an answer, as store.Store says.
func (s *Store) Response(ctx context.Context, tenant, id string) (*store.Response, error) {
	var r store.Response
	err := s.do(ctx, "read a response", again, func(ctx context.Context, c *pgx.Conn) error {
		return c.QueryRow(ctx, sqlResponse, tenant, id).Scan(&r.Input, &r.Body, &r.Provider)
	})
	if err != nil {
		return nil, err
	}
	return &r, nil
}

// DeleteResponse removes an answer, as store.Store says.
func (s *Store) DeleteResponse(ctx context.Context, tenant, id string) error {
	return s.changed(ctx, "delete a response", once,
		`DELETE FROM responses WHERE tenant = $1 AND id = $2 AND expires_at > now()`, tenant, id)
}

// Claim takes an idempotency key, as store.Store says. An owner that claims
// again what it has claimed has it still.
func (s *Store) Claim(ctx context.Context, c *store.Claim) (*store.Answer, bool, error) {
	var (
		taken, same bool
		status      *int
		a           store.Answer
	)
	err := s.do(ctx, "claim a key", again, func(ctx context.Context, conn *pgx.Conn) error {
		return conn.QueryRow(ctx, `SELECT taken, same, status, header, body FROM claim($1, $2, $3, $4, $5)`,
			c.Tenant, c.Key, c.Digest[:], c.Owner, c.Expires).Scan(&taken, &same, &status, &a.Header, &a.Body)
	})
	switch {
	case err != nil:
		return nil, false, err
	case taken:
		return nil, false, nil
	case !same:
		return nil, false, store.ErrKeyReused
	case status == nil:
		return nil, true, nil
	}
	a.Status = *status
	return &a, false, nil
}

const sqlComplete = `UPDATE claims SET status = $4, header = $5, body = $6, expires_at = $7
	WHERE tenant = $1 AND key = $2 AND owner = $3 AND expires_at > now()`

// Complete stores the answer of a claim, as store.Store says.
func (s *Store) Complete(ctx context.Context, tenant, key, owner string, a *store.Answer, expires time.Time) error {
	return s.changed(ctx, "complete a claim", again, sqlComplete, tenant, key, owner, a.Status, a.Header, a.Body, expires)
}

// Release gives up a claim, as store.Store says.
func (s *Store) Release(ctx context.Context, tenant, key, owner string) error {
	return s.exec(ctx, "release a claim",
		`DELETE FROM claims WHERE tenant = $1 AND key = $2 AND owner = $3 AND status IS NULL`, tenant, key, owner)
}

// What another instance is removing at the same time is its own.
const sqlSweep = `WITH
	r AS (DELETE FROM responses WHERE (tenant, id) IN (
		SELECT tenant, id FROM responses WHERE expires_at <= now() LIMIT $1 FOR UPDATE SKIP LOCKED) RETURNING 1),
	c AS (DELETE FROM claims WHERE (tenant, key) IN (
		SELECT tenant, key FROM claims WHERE expires_at <= now() LIMIT $1 FOR UPDATE SKIP LOCKED) RETURNING 1)
	SELECT (SELECT count(*) FROM r) + (SELECT count(*) FROM c)`

// Sweep removes what has expired, as store.Store says, and makes the partitions
// of the coming months.
func (s *Store) Sweep(ctx context.Context, limit int) (int, error) {
	var n int
	err := s.do(ctx, "sweep", again, func(ctx context.Context, c *pgx.Conn) error {
		return c.QueryRow(ctx, sqlSweep, limit).Scan(&n)
	})
	now := time.Now()
	if due := s.partitions.Load(); err == nil && now.Unix() >= due && s.partitions.CompareAndSwap(due, now.Add(partitionsEvery).Unix()) {
		if err = s.addPartitions(ctx, now); err != nil {
			s.partitions.Store(0)
		}
	}
	return n, err
}
