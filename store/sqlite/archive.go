package sqlite

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ai-mcp-gateway/gateway/store"
)

const sqlIdle = `SELECT conversation_id, tenant, id, project_id, user_id, version, summary_version, metadata, created_at, updated_at
FROM conversations WHERE conversation_id > ? AND version > 0 AND archived = 0 AND created_at < ? AND updated_at < ?
ORDER BY conversation_id LIMIT ?`

// Idle returns up to limit conversations, of all tenants, that have messages, are
// not archived and were not updated since before. They follow a place in the
// store's own order, from 0; last is the place of the last one.
func (s *Store) Idle(ctx context.Context, before time.Time, after int64, limit int) (list []store.Conversation, last int64, err error) {
	err = s.read.run(ctx, func(tx *tx) error {
		list, last = nil, after
		args := []any{after, micros(before), micros(before), limit}
		return tx.each(sqlIdle, args, func(scan func(...any) error) error {
			var c store.Conversation
			var created, updated int64
			err := scan(&last, &c.Tenant, &c.ID, &c.Project, &c.User, &c.Version, &c.SummaryVersion, &c.Metadata, &created, &updated)
			c.Created, c.Updated = fromMicros(created), fromMicros(updated)
			list = append(list, c)
			return err
		})
	})
	return list, last, err
}

// Archive removes a conversation's messages and notes where they are. It is a
// VersionError, and changes nothing, when the conversation is no longer as c
// says, or is archived somewhere else.
func (s *Store) Archive(ctx context.Context, c *store.Conversation, where string) error {
	return s.write.run(ctx, func(tx *tx) error {
		var number, version, updated int64
		var archive string
		err := tx.get(sqlArchived, []any{c.Tenant, c.ID}, &number, &version, &archive, &updated)
		switch {
		case err != nil:
			return err
		case archive == where:
			return nil // an earlier try got no answer
		case archive != "" || version != c.Version || updated != micros(c.Updated):
			return &store.VersionError{Version: version}
		}
		if _, err = tx.exec(sqlArchiveRemove, number); err != nil {
			return err
		}
		_, err = tx.exec(sqlArchiveNote, where, number)
		return err
	})
}

// Where returns where a conversation's messages are: nothing when they are in
// their table or the conversation is not there.
func (s *Store) Where(ctx context.Context, tenant, id string) (where string, err error) {
	err = s.read.run(ctx, func(tx *tx) error {
		var number, version, updated int64
		return tx.get(sqlArchived, []any{tenant, id}, &number, &version, &where, &updated)
	})
	if errors.Is(err, store.ErrNotFound) {
		err = nil
	}
	return where, err
}

// Restore puts a conversation's messages back that Archive has removed, before
// those that were added since. It does nothing when the conversation is not, or
// no longer, archived there; without all of the messages it is an error.
func (s *Store) Restore(ctx context.Context, tenant, id, where string, messages []store.Message) error {
	return s.write.run(ctx, func(tx *tx) error {
		var number, version, updated int64
		var archive string
		err := tx.get(sqlArchived, []any{tenant, id}, &number, &version, &archive, &updated)
		if err != nil || archive != where {
			return err
		}
		for i := range messages {
			m := &messages[i]
			if _, err := tx.exec(sqlUnarchive, number, m.Seq, m.Role, m.Dialect, blob(m.Raw), m.Digest[:],
				m.Tokens, m.Model, m.Incomplete, micros(m.Created)); err != nil {
				return err
			}
		}
		n, err := tx.exec(sqlUnarchived, number, number)
		if err == nil && n == 0 {
			err = fmt.Errorf("%w: it does not hold all messages up to version %d", store.ErrArchive, version)
		}
		return err
	})
}

const (
	sqlArchived      = `SELECT conversation_id, version, archive, updated_at FROM conversations WHERE tenant = ? AND id = ?`
	sqlArchiveRemove = `DELETE FROM messages WHERE conversation_id = ?`
	sqlArchiveNote   = `UPDATE conversations SET archived = 1, archive = ? WHERE conversation_id = ?`
	sqlUnarchive     = `INSERT OR IGNORE INTO messages (conversation_id, ` + messageColumns + `) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
	sqlUnarchived    = `UPDATE conversations SET archived = 0, archive = ''
WHERE conversation_id = ? AND version = (SELECT count(*) FROM messages WHERE conversation_id = ?)`
)
