package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/ai-mcp-gateway/gateway/store"
)

const sqlIdle = `SELECT conversation_id, tenant, id, project_id, user_id, version, summary_version, metadata, created_at, updated_at
	FROM conversations
	WHERE conversation_id > $1 AND version > 0 AND NOT archived AND created_at < $2 AND updated_at < $2
	ORDER BY conversation_id LIMIT $3`

// Idle returns up to limit conversations, of all tenants, that have messages, are
// not archived and were not updated since before. They follow a place in the
// store's own order, from 0; last is the place of the last one.
func (s *Store) Idle(ctx context.Context, before time.Time, after int64, limit int) (list []store.Conversation, last int64, err error) {
	err = s.do(ctx, "list conversations", again, func(ctx context.Context, c *pgx.Conn) error {
		list, last = nil, after
		rows, err := c.Query(ctx, sqlIdle, after, before, limit)
		if err != nil {
			return err
		}
		list, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (c store.Conversation, err error) {
			err = row.Scan(&last, &c.Tenant, &c.ID, &c.Project, &c.User, &c.Version, &c.SummaryVersion, &c.Metadata, &c.Created, &c.Updated)
			c.Created, c.Updated = c.Created.UTC(), c.Updated.UTC()
			return c, err
		})
		return err
	})
	return list, last, err
}

// held is a conversation whose row is locked.
type held struct {
	number, version int64
	archive         string
	updated         time.Time
}

// hold locks a conversation until the transaction ends.
func hold(ctx context.Context, tx pgx.Tx, tenant, id string) (h held, err error) {
	const sql = `SELECT conversation_id, version, archive, updated_at FROM conversations
		WHERE tenant = $1 AND id = $2 FOR NO KEY UPDATE`
	err = tx.QueryRow(ctx, sql, tenant, id).Scan(&h.number, &h.version, &h.archive, &h.updated)
	return h, err
}

// The times leave out the partitions that the conversation never was in.
const sqlArchiveRemove = `DELETE FROM messages m USING conversations c
	WHERE c.conversation_id = $1 AND m.conversation_id = $1 AND m.created_at BETWEEN c.oldest_at AND c.newest_at`

// Archive removes a conversation's messages and notes where they are. It is a
// VersionError, and changes nothing, when the conversation is no longer as c
// says, or is archived somewhere else.
func (s *Store) Archive(ctx context.Context, c *store.Conversation, where string) error {
	return s.do(ctx, "archive", again, func(ctx context.Context, conn *pgx.Conn) error {
		return pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
			h, err := hold(ctx, tx, c.Tenant, c.ID)
			switch {
			case err != nil:
				return err
			case h.archive == where:
				return nil // an earlier try got no answer
			case h.archive != "" || h.version != c.Version || !h.updated.Equal(c.Updated):
				return &store.VersionError{Version: h.version}
			}
			if _, err := tx.Exec(ctx, sqlArchiveRemove, h.number); err != nil {
				return err
			}
			const note = `UPDATE conversations SET archived = true, archive = $2, oldest_at = DEFAULT, newest_at = DEFAULT
				WHERE conversation_id = $1`
			_, err = tx.Exec(ctx, note, h.number, where)
			return err
		})
	})
}

// Where returns where a conversation's messages are: nothing when they are in
// their table or the conversation is not there.
func (s *Store) Where(ctx context.Context, tenant, id string) (where string, err error) {
	err = s.do(ctx, "find an archive", again, func(ctx context.Context, c *pgx.Conn) error {
		const sql = `SELECT coalesce((SELECT archive FROM conversations WHERE tenant = $1 AND id = $2), '')`
		return c.QueryRow(ctx, sql, tenant, id).Scan(&where)
	})
	return where, err
}

const sqlUnarchive = `INSERT INTO messages
	SELECT $1, m.* FROM unnest($2::bigint[], $3::text[], $4::text[], $5::bytea[], $6::bytea[], $7::bigint[], $8::text[], $9::boolean[], $10::timestamptz[]) m
	ON CONFLICT DO NOTHING`

const sqlUnarchived = `UPDATE conversations c SET archived = false, archive = '', oldest_at = m.oldest, newest_at = m.newest
	FROM (SELECT count(*) AS n, min(created_at) AS oldest, max(created_at) AS newest FROM messages WHERE conversation_id = $1) m
	WHERE c.conversation_id = $1 AND c.version = m.n`

// Restore puts a conversation's messages back that Archive has removed, before
// those that were added since. It does nothing when the conversation is not, or
// no longer, archived there; without all of the messages it is an error.
func (s *Store) Restore(ctx context.Context, tenant, id, where string, messages []store.Message) error {
	var m messageColumns
	for i := range messages {
		m.seqs = append(m.seqs, messages[i].Seq)
		m.add(&messages[i])
	}
	return s.do(ctx, "restore", again, func(ctx context.Context, conn *pgx.Conn) error {
		return pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
			h, err := hold(ctx, tx, tenant, id)
			if err != nil || h.archive != where {
				return err
			}
			if _, err := tx.Exec(ctx, sqlUnarchive, h.number,
				m.seqs, m.roles, m.dialects, m.raws, m.digests, m.tokens, m.models, m.incompletes, m.times); err != nil {
				return err
			}
			tag, err := tx.Exec(ctx, sqlUnarchived, h.number)
			if err == nil && tag.RowsAffected() == 0 {
				err = fmt.Errorf("%w: it does not hold all messages up to version %d", store.ErrArchive, h.version)
			}
			return err
		})
	})
}
