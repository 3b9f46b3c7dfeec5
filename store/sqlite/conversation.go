package sqlite

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/ai-mcp-gateway/gateway/store"
)

// Load implements store.Store.
func (s *Store) Load(ctx context.Context, tenant, id string, recent int) (*store.Loaded, error) {
	l := &store.Loaded{Conversation: store.Conversation{Tenant: tenant, ID: id}}
	err := s.read.run(ctx, func(tx *tx) error {
		var number, created, updated int64
		err := tx.get(sqlLoad, []any{tenant, id},
			&number, &l.Project, &l.User, &l.Version, &l.SummaryVersion, &l.Metadata, &l.Archived, &created, &updated)
		if err != nil {
			return err
		}
		l.Created, l.Updated = fromMicros(created), fromMicros(updated)
		if l.SummaryVersion > 0 {
			if l.Summary, err = getSummary(tx, number, l.SummaryVersion); err != nil {
				return err
			}
		}
		if l.Todos, err = listTodos(tx, number); err != nil {
			return err
		}
		l.Recent, err = listMessages(tx, sqlRecent, number, max(recent, 0))
		slices.Reverse(l.Recent)
		return err
	})
	if err != nil {
		return nil, err
	}
	return l, nil
}

const sqlLoad = `SELECT conversation_id, project_id, user_id, version, summary_version, metadata, archived, created_at, updated_at
FROM conversations WHERE tenant = ? AND id = ?`

// Messages implements store.Store.
func (s *Store) Messages(ctx context.Context, tenant, id string, after int64, limit int) ([]store.Message, error) {
	var all []store.Message
	err := s.read.run(ctx, func(tx *tx) (err error) {
		all, err = listMessages(tx, sqlMessages, tenant, id, after, max(limit, 0))
		return err
	})
	return all, err
}

const (
	messageColumns = `seq, role, dialect, raw, digest, tokens, model, incomplete, created_at`

	sqlRecent   = `SELECT ` + messageColumns + ` FROM messages WHERE conversation_id = ? ORDER BY seq DESC LIMIT ?`
	sqlMessages = `SELECT ` + messageColumns + ` FROM messages
WHERE conversation_id = (SELECT conversation_id FROM conversations WHERE tenant = ? AND id = ?) AND seq > ? ORDER BY seq LIMIT ?`
)

func listMessages(tx *tx, query string, args ...any) ([]store.Message, error) {
	var all []store.Message
	err := tx.each(query, args, func(scan func(...any) error) error {
		var m store.Message
		var digest []byte
		var created int64
		err := scan(&m.Seq, &m.Role, &m.Dialect, &m.Raw, &digest, &m.Tokens, &m.Model, &m.Incomplete, &created)
		if err != nil {
			return err
		}
		copy(m.Digest[:], digest)
		m.Created = fromMicros(created)
		all = append(all, m)
		return nil
	})
	return all, err
}

var errAppend = errors.New("sqlite: an append needs a key and a message")

// Append implements store.Store.
func (s *Store) Append(ctx context.Context, a *store.Append) (version int64, err error) {
	if a.Key == "" || len(a.Messages) == 0 {
		return 0, errAppend
	}
	for i := range a.Before {
		if _, err := s.Append(ctx, a.Earlier(i)); err != nil {
			return 0, err
		}
	}
	now := micros(time.Now())
	err = s.write.run(ctx, func(tx *tx) error {
		number, holds, _, err := versions(tx, a.Tenant, a.Conversation)
		if err != nil {
			return err
		}
		if err = tx.get(sqlAppendSeen, []any{number, a.Key}, &version); !errors.Is(err, store.ErrNotFound) {
			return err
		}
		if a.After != store.AnyVersion && a.After != holds {
			return &store.VersionError{Version: holds}
		}
		if number == 0 {
			if number, err = create(tx, a.Tenant, a.Conversation, a.Project, a.User, now); err != nil {
				return err
			}
		}
		version = holds + int64(len(a.Messages))
		for i := range a.Messages {
			m := &a.Messages[i]
			if _, err = tx.exec(sqlAppendMessage, number, holds+int64(i)+1, m.Role, m.Dialect, blob(m.Raw), m.Digest[:],
				m.Tokens, m.Model, m.Incomplete, micros(m.Created)); err != nil {
				return err
			}
		}
		if _, err = tx.exec(sqlAppendKey, number, a.Key, version); err != nil {
			return err
		}
		_, err = tx.exec(sqlAppendVersion, version, now, number)
		return err
	})
	s.ailing.Store(errors.Is(err, store.ErrUnavailable))
	if err != nil {
		return 0, err
	}
	return version, nil
}

const sqlVersion = `SELECT coalesce(max(version), 0) FROM conversations WHERE tenant = ? AND id = ?`

// Admit implements store.Store. A disk that took no append is tried first.
func (s *Store) Admit(ctx context.Context, tenant, id string) (version int64, err error) {
	if s.ailing.Load() || s.damage.Load() != nil {
		err := s.Ping(ctx)
		s.ailing.Store(err != nil)
		if err != nil {
			return 0, err
		}
	}
	err = s.read.run(ctx, func(tx *tx) error { return tx.get(sqlVersion, []any{tenant, id}, &version) })
	return version, err
}

const (
	sqlAppendSeen    = `SELECT version FROM appends WHERE conversation_id = ? AND key = ?`
	sqlAppendMessage = `INSERT INTO messages (conversation_id, ` + messageColumns + `) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
	sqlAppendKey     = `INSERT INTO appends (conversation_id, key, version) VALUES (?, ?, ?)`
	// A clock that was set back does not make it older.
	sqlAppendVersion = `UPDATE conversations SET version = ?, updated_at = max(updated_at, ?) WHERE conversation_id = ?`
)

// versions returns a conversation's number and its versions, all 0 when there
// is none.
func versions(tx *tx, tenant, id string) (number, messages, summaries int64, err error) {
	err = tx.get(sqlVersions, []any{tenant, id}, &number, &messages, &summaries)
	if errors.Is(err, store.ErrNotFound) {
		err = nil
	}
	return number, messages, summaries, err
}

const sqlVersions = `SELECT conversation_id, version, summary_version FROM conversations WHERE tenant = ? AND id = ?`

// create begins a conversation and returns its number.
func create(tx *tx, tenant, id, project, user string, now int64) (number int64, err error) {
	err = tx.get(sqlCreate, []any{tenant, id, project, user, now, now}, &number)
	return number, err
}

const sqlCreate = `INSERT INTO conversations (tenant, id, project_id, user_id, created_at, updated_at)
VALUES (?, ?, ?, ?, ?, ?) RETURNING conversation_id`
