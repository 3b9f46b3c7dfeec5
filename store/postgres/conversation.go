package postgres

import (
	"context"
	"errors"
	"math"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/ai-mcp-gateway/gateway/store"
)

// messageColumns are messages as the server takes and gives them: an array for
// each column, which makes one row, and one round trip, of any number.
type messageColumns struct {
	seqs            []int64
	roles, dialects []string
	raws, digests   [][]byte
	tokens          []int64
	models          []string
	incompletes     []bool
	times           []time.Time
}

// messageArrays are the columns in the order of pointers.
const messageArrays = `array_agg(m.seq), array_agg(m.role), array_agg(m.dialect), array_agg(m.raw), array_agg(m.digest),
	array_agg(m.tokens), array_agg(m.model), array_agg(m.incomplete), array_agg(m.created_at)`

func (m *messageColumns) pointers() []any {
	return []any{&m.seqs, &m.roles, &m.dialects, &m.raws, &m.digests, &m.tokens, &m.models, &m.incompletes, &m.times}
}

func (m *messageColumns) add(one *store.Message) {
	m.roles = append(m.roles, one.Role)
	m.dialects = append(m.dialects, one.Dialect)
	m.raws = append(m.raws, one.Raw)
	m.digests = append(m.digests, one.Digest[:])
	m.tokens = append(m.tokens, int64(one.Tokens))
	m.models = append(m.models, one.Model)
	m.incompletes = append(m.incompletes, one.Incomplete)
	m.times = append(m.times, one.Created)
}

func (m *messageColumns) messages() []store.Message {
	all := make([]store.Message, len(m.seqs))
	for i := range all {
		all[i] = store.Message{
			Seq: m.seqs[i], Role: m.roles[i], Dialect: m.dialects[i], Raw: m.raws[i], Digest: [16]byte(m.digests[i]),
			Tokens: int(m.tokens[i]), Model: m.models[i], Incomplete: m.incompletes[i], Created: m.times[i].UTC(),
		}
	}
	return all
}

// One statement sees one state of the database, so the messages are those of
// the version. Messages have no gaps, so their numbers are a range; the times
// leave out the partitions that the conversation never was in.
const sqlLoad = `SELECT c.project_id, c.user_id, c.version, c.summary_version, c.metadata, c.archived, c.created_at, c.updated_at,
		s.version, s.through, s.fields, s.text, s.model, s.created_at,
		t.ids, t.titles, t.descriptions, t.statuses, m.*
	FROM conversations c
	LEFT JOIN summaries s ON s.conversation_id = c.conversation_id AND s.version = c.summary_version
	CROSS JOIN LATERAL (
		SELECT array_agg(todo_id) AS ids, array_agg(title) AS titles, array_agg(description) AS descriptions, array_agg(status) AS statuses
		FROM (SELECT * FROM todos WHERE conversation_id = c.conversation_id ORDER BY position) t
	) t
	CROSS JOIN LATERAL (
		SELECT ` + messageArrays + `
		FROM (
			SELECT * FROM messages
			WHERE conversation_id = c.conversation_id AND seq > c.version - $3 AND created_at BETWEEN c.oldest_at AND c.newest_at
			ORDER BY seq
		) m
	) m
	WHERE c.tenant = $1 AND c.id = $2`

// Load returns a conversation, as store.Store says.
func (s *Store) Load(ctx context.Context, tenant, id string, recent int) (*store.Loaded, error) {
	var (
		out     *store.Loaded
		summary nullSummary
		todos   todoColumns
		columns messageColumns
	)
	err := s.do(ctx, "load", again, func(ctx context.Context, c *pgx.Conn) error {
		out = &store.Loaded{Conversation: store.Conversation{Tenant: tenant, ID: id}}
		to := []any{
			&out.Project, &out.User, &out.Version, &out.SummaryVersion, &out.Metadata, &out.Archived, &out.Created, &out.Updated,
			&summary.version, &summary.through, &summary.fields, &summary.text, &summary.model, &summary.created,
			&todos.ids, &todos.titles, &todos.descriptions, &todos.statuses,
		}
		return c.QueryRow(ctx, sqlLoad, tenant, id, max(recent, 0)).Scan(append(to, columns.pointers()...)...)
	})
	if err != nil {
		return nil, err
	}
	out.Created, out.Updated = out.Created.UTC(), out.Updated.UTC()
	out.Summary, out.Todos, out.Recent = summary.summary(), todos.todos(), columns.messages()
	return out, nil
}

const sqlMessages = `SELECT ` + messageArrays + `
	FROM (
		SELECT m.* FROM conversations c
		JOIN messages m ON m.conversation_id = c.conversation_id AND m.created_at BETWEEN c.oldest_at AND c.newest_at
		WHERE c.tenant = $1 AND c.id = $2 AND m.seq > $3 AND m.seq <= $3::bigint + $4::bigint ORDER BY m.seq
	) m`

// Messages returns a page of a conversation, as store.Store says.
func (s *Store) Messages(ctx context.Context, tenant, id string, after int64, limit int) ([]store.Message, error) {
	var columns messageColumns
	err := s.do(ctx, "read messages", again, func(ctx context.Context, c *pgx.Conn) error {
		return c.QueryRow(ctx, sqlMessages, tenant, id, after, min(max(limit, 0), math.MaxInt32)).Scan(columns.pointers()...)
	})
	if err != nil {
		return nil, err
	}
	return columns.messages(), nil
}

const sqlAppend = `SELECT version, conflict FROM append_messages($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)`

// Append adds messages, as store.Store says.
func (s *Store) Append(ctx context.Context, a *store.Append) (int64, error) {
	if len(a.Messages) == 0 || a.Key == "" {
		return 0, errors.New("postgres: cannot append without messages and a key")
	}
	for i := range a.Before {
		if _, err := s.Append(ctx, a.Earlier(i)); err != nil {
			return 0, err
		}
	}
	var m messageColumns
	for i := range a.Messages {
		m.add(&a.Messages[i])
	}
	return s.versioned(ctx, "append", again, sqlAppend, a.Tenant, a.Conversation, a.Project, a.User, a.After, a.Key,
		m.roles, m.dialects, m.raws, m.digests, m.tokens, m.models, m.incompletes, m.times)
}

const sqlVersion = `SELECT coalesce(max(version), 0) FROM conversations WHERE tenant = $1 AND id = $2`

// Admit implements store.Store.
func (s *Store) Admit(ctx context.Context, tenant, id string) (version int64, err error) {
	err = s.do(ctx, "admit", again, func(ctx context.Context, c *pgx.Conn) error {
		return c.QueryRow(ctx, sqlVersion, tenant, id).Scan(&version)
	})
	return version, err
}

// versioned runs a statement whose row is a version, and whether it is that of a
// conflict.
func (s *Store) versioned(ctx context.Context, what string, r repeat, sql string, args ...any) (version int64, err error) {
	conflict := false
	err = s.do(ctx, what, r, func(ctx context.Context, c *pgx.Conn) error {
		return c.QueryRow(ctx, sql, args...).Scan(&version, &conflict)
	})
	switch {
	case err != nil:
		return 0, err
	case conflict:
		return 0, &store.VersionError{Version: version}
	}
	return version, nil
}
