package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/ai-mcp-gateway/gateway/store"
)

// nullSummary is a summary that may not be there.
type nullSummary struct {
	version, through *int64
	fields, text     []byte
	model            *string
	created          *time.Time
}

func (n *nullSummary) summary() *store.Summary {
	if n.version == nil {
		return nil
	}
	return &store.Summary{
		Version: *n.version, Through: *n.through, Fields: n.fields, Text: string(n.text), Model: *n.model, Created: n.created.UTC(),
	}
}

const sqlPutSummary = `SELECT version, conflict FROM put_summary($1, $2, $3, $4, $5, $6, $7, $8)`

// PutSummary adds a summary, as store.Store says.
func (s *Store) PutSummary(ctx context.Context, tenant, id string, after int64, sum *store.Summary) (int64, error) {
	return s.versioned(ctx, "put a summary", once, sqlPutSummary,
		tenant, id, after, sum.Through, sum.Fields, []byte(sum.Text), sum.Model, sum.Created)
}

const sqlSummary = `SELECT s.version, s.through, s.fields, s.text, s.model, s.created_at
	FROM conversations c JOIN summaries s USING (conversation_id)
	WHERE c.tenant = $1 AND c.id = $2 AND s.version = $3`

// Summary returns one version, as store.Store says.
func (s *Store) Summary(ctx context.Context, tenant, id string, version int64) (*store.Summary, error) {
	var n nullSummary
	err := s.do(ctx, "read a summary", again, func(ctx context.Context, c *pgx.Conn) error {
		return c.QueryRow(ctx, sqlSummary, tenant, id, version).Scan(&n.version, &n.through, &n.fields, &n.text, &n.model, &n.created)
	})
	if err != nil {
		return nil, err
	}
	return n.summary(), nil
}

// todoColumns are todos, an array for each column.
type todoColumns struct {
	ids                  []int64
	titles, descriptions [][]byte
	statuses             []string
}

func (t *todoColumns) todos() []store.Todo {
	var all []store.Todo
	for i, id := range t.ids {
		all = append(all, store.Todo{
			ID: id, Title: string(t.titles[i]), Description: string(t.descriptions[i]), Status: t.statuses[i],
		})
	}
	return all
}

// PutTodos replaces a conversation's list, as store.Store says.
func (s *Store) PutTodos(ctx context.Context, tenant, id string, todos []store.Todo) error {
	var t todoColumns
	for i := range todos {
		t.ids = append(t.ids, todos[i].ID)
		t.titles = append(t.titles, []byte(todos[i].Title))
		t.descriptions = append(t.descriptions, []byte(todos[i].Description))
		t.statuses = append(t.statuses, todos[i].Status)
	}
	return s.exec(ctx, "put todos", `SELECT put_todos($1, $2, $3, $4, $5, $6)`, tenant, id, t.ids, t.titles, t.descriptions, t.statuses)
}

// exec runs a statement that may be run twice and returns no rows that matter.
func (s *Store) exec(ctx context.Context, what, sql string, args ...any) error {
	return s.do(ctx, what, again, func(ctx context.Context, c *pgx.Conn) error {
		_, err := c.Exec(ctx, sql, args...)
		return err
	})
}

// changed runs a statement, and is store.ErrNotFound when it changes nothing.
func (s *Store) changed(ctx context.Context, what string, r repeat, sql string, args ...any) error {
	return s.do(ctx, what, r, func(ctx context.Context, c *pgx.Conn) error {
		tag, err := c.Exec(ctx, sql, args...)
		if err == nil && tag.RowsAffected() == 0 {
			err = pgx.ErrNoRows
		}
		return err
	})
}
