package sqlite

import (
	"context"
	"time"

	"github.com/ai-mcp-gateway/gateway/store"
)

// PutSummary implements store.Store.
func (s *Store) PutSummary(ctx context.Context, tenant, id string, after int64, sum *store.Summary) (version int64, err error) {
	now := micros(time.Now())
	err = s.write.run(ctx, func(tx *tx) error {
		number, _, holds, err := versions(tx, tenant, id)
		if err != nil {
			return err
		}
		if after != store.AnyVersion && after != holds {
			return &store.VersionError{Version: holds}
		}
		if number == 0 {
			if number, err = create(tx, tenant, id, "", "", now); err != nil {
				return err
			}
		}
		version = holds + 1
		if _, err = tx.exec(sqlSummaryAdd, number, version, sum.Through, blob(sum.Fields), sum.Text, sum.Model, micros(sum.Created)); err != nil {
			return err
		}
		_, err = tx.exec(sqlSummaryVersion, version, now, number)
		return err
	})
	if err != nil {
		return 0, err
	}
	return version, nil
}

const (
	sqlSummaryAdd = `INSERT INTO summaries (conversation_id, version, through, fields, text, model, created_at)
VALUES (?, ?, ?, ?, ?, ?, ?)`
	sqlSummaryVersion = `UPDATE conversations SET summary_version = ?, updated_at = max(updated_at, ?) WHERE conversation_id = ?`
)

// Summary implements store.Store.
func (s *Store) Summary(ctx context.Context, tenant, id string, version int64) (sum *store.Summary, err error) {
	err = s.read.run(ctx, func(tx *tx) error {
		number, _, _, err := versions(tx, tenant, id)
		if err != nil {
			return err
		}
		sum, err = getSummary(tx, number, version)
		return err
	})
	return sum, err
}

func getSummary(tx *tx, number, version int64) (*store.Summary, error) {
	sum := &store.Summary{Version: version}
	var created int64
	err := tx.get(sqlSummary, []any{number, version}, &sum.Through, &sum.Fields, &sum.Text, &sum.Model, &created)
	if err != nil {
		return nil, err
	}
	sum.Created = fromMicros(created)
	return sum, nil
}

const sqlSummary = `SELECT through, fields, text, model, created_at FROM summaries WHERE conversation_id = ? AND version = ?`

// PutTodos implements store.Store.
func (s *Store) PutTodos(ctx context.Context, tenant, id string, todos []store.Todo) error {
	now := micros(time.Now())
	return s.write.run(ctx, func(tx *tx) error {
		number, _, _, err := versions(tx, tenant, id)
		if err != nil {
			return err
		}
		if number == 0 {
			if number, err = create(tx, tenant, id, "", "", now); err != nil {
				return err
			}
		}
		if _, err := tx.exec(sqlTodosClear, number); err != nil {
			return err
		}
		for i, t := range todos {
			if _, err := tx.exec(sqlTodoAdd, number, i, t.ID, t.Title, t.Description, t.Status); err != nil {
				return err
			}
		}
		_, err = tx.exec(sqlTodosTime, now, number)
		return err
	})
}

const (
	sqlTodosClear = `DELETE FROM todos WHERE conversation_id = ?`
	sqlTodoAdd    = `INSERT INTO todos (conversation_id, position, todo_id, title, description, status) VALUES (?, ?, ?, ?, ?, ?)`
	sqlTodosTime  = `UPDATE conversations SET updated_at = max(updated_at, ?) WHERE conversation_id = ?`
	sqlTodos      = `SELECT todo_id, title, description, status FROM todos WHERE conversation_id = ? ORDER BY position`
)

func listTodos(tx *tx, number int64) ([]store.Todo, error) {
	var all []store.Todo
	err := tx.each(sqlTodos, []any{number}, func(scan func(...any) error) error {
		var t store.Todo
		if err := scan(&t.ID, &t.Title, &t.Description, &t.Status); err != nil {
			return err
		}
		all = append(all, t)
		return nil
	})
	return all, err
}
