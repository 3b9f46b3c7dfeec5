// Package database is the tools for a PostgreSQL database.
//
// A call has a connection of its own, so that nothing it leaves in a session
// outlives it, and one statement in the extended protocol, which takes no
// second one. It reads in a transaction that is READ ONLY and always rolled
// back. That alone does not hold a superuser, who may read files and start
// programs: a role that may, or that owns tables, is refused.
package database

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/ai-mcp-gateway/gateway/mcp/tool"
)

const (
	connectWithin = 5 * time.Second
	maxTimeout    = 30 * time.Second
	// maxBytes bounds the values of an answer, defaultRows their rows.
	maxBytes, defaultRows = 512 << 10, 1000
)

// Tools returns the tools that read the database at a URL and, with write, the
// one that changes it.
func Tools(url string, write bool) ([]*tool.Tool, error) {
	config, err := pgx.ParseConfig(url)
	if err != nil {
		return nil, errors.New("the URL of the MCP tools' database cannot be read") // the error has its password
	}
	config.ConnectTimeout = connectWithin
	config.DefaultQueryExecMode = pgx.QueryExecModeDescribeExec
	config.RuntimeParams["application_name"] = "ai-mcp-gateway tools"
	d := &database{config}
	list := []*tool.Tool{
		tool.New(tool.Tool{
			Name: "query", Title: "Query a database", Hints: tool.Reads, Aliases: []string{"db_query"}, Slow: true,
			Description: "Run one SQL statement (PostgreSQL) that reads, with $1, $2 ... for params.",
		}, d.query),
		tool.New(tool.Tool{
			Name: "list_tables", Title: "List tables", Hints: tool.Reads, Slow: true,
			Description: "The tables and views of a schema, or of all.",
		}, d.tables),
		tool.New(tool.Tool{
			Name: "describe_table", Title: "Describe a table", Hints: tool.Reads, Slow: true,
			Description: "The columns of a table.",
		}, d.describe),
		tool.New(tool.Tool{
			Name: "explain_query", Title: "Explain a query", Hints: tool.Reads, Slow: true,
			Description: "How the database would run a statement, without running it.",
		}, d.explain),
	}
	if write {
		list = append(list, tool.New(tool.Tool{
			Name: "execute_sql", Title: "Change a database", Hints: tool.Alters, Aliases: []string{"db_insert", "db_update"}, Slow: true,
			Description: "Run one SQL statement that changes rows. dry_run, the default, rolls it back.",
		}, d.execute))
	}
	return list, nil
}

type database struct{ config *pgx.ConnConfig }

type queryIn struct {
	SQL       string            `json:"sql" min:"1" max:"100000"`
	Params    []json.RawMessage `json:"params,omitempty" max:"1000" doc:"text, number, true, false or null"`
	MaxRows   int               `json:"max_rows,omitempty" min:"1" max:"10000" default:"1000"`
	TimeoutMS int64             `json:"timeout_ms,omitempty" min:"1" max:"30000" default:"30000"`
}

type queryOut struct {
	Columns   []string            `json:"columns"`
	Rows      [][]json.RawMessage `json:"rows"`
	RowCount  int                 `json:"row_count"`
	Truncated bool                `json:"truncated"`
}

func (d *database) query(ctx context.Context, _ *tool.Call, in *queryIn) (*queryOut, error) {
	args, err := arguments(in.Params)
	if err != nil {
		return nil, err
	}
	if in.MaxRows == 0 {
		in.MaxRows = defaultRows
	}
	var out *queryOut
	err = d.read(ctx, in.TimeoutMS, func(ctx context.Context, tx pgx.Tx) error {
		out, err = collect(ctx, tx, in.MaxRows, in.SQL, args...)
		return err
	})
	return out, err
}

// collect runs a statement and keeps its rows, as far as they fit.
func collect(ctx context.Context, tx pgx.Tx, most int, sql string, args ...any) (*queryOut, error) {
	rows, err := tx.Query(ctx, sql, append([]any{pgx.QueryResultFormats{pgx.TextFormatCode}}, args...)...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := &queryOut{Columns: []string{}, Rows: [][]json.RawMessage{}}
	size := 0
	for rows.Next() {
		if out.Truncated = len(out.Rows) == most || size > maxBytes; out.Truncated {
			break
		}
		row := []json.RawMessage{}
		for i, raw := range rows.RawValues() {
			v := valueOf(rows.FieldDescriptions()[i].DataTypeOID, raw)
			size += len(v)
			row = append(row, v)
		}
		out.Rows = append(out.Rows, row)
	}
	for _, f := range rows.FieldDescriptions() {
		out.Columns = append(out.Columns, f.Name)
	}
	rows.Close()
	out.RowCount = len(out.Rows)
	if out.Truncated {
		return out, nil
	}
	return out, rows.Err()
}

// valueOf is a value as JSON: numbers keep their digits, what JSON has no word
// for is text. A long one is cut.
func valueOf(oid uint32, raw []byte) json.RawMessage {
	switch {
	case raw == nil:
		return json.RawMessage("null")
	case oid == pgtype.BoolOID:
		return json.RawMessage(strconv.FormatBool(string(raw) == "t"))
	case oid == pgtype.Int2OID, oid == pgtype.Int4OID, oid == pgtype.Int8OID, oid == pgtype.Float4OID, oid == pgtype.Float8OID, oid == pgtype.NumericOID:
		if json.Valid(raw) {
			return append(json.RawMessage{}, raw...)
		}
	case oid == pgtype.JSONOID, oid == pgtype.JSONBOID:
		if len(raw) <= maxBytes && json.Valid(raw) {
			return append(json.RawMessage{}, raw...)
		}
	}
	text := string(raw[:min(len(raw), maxBytes)])
	b, err := json.Marshal(strings.ToValidUTF8(text, "\uFFFD"))
	if err != nil {
		panic("BUG: a text does not marshal: " + err.Error())
	}
	return b
}

// arguments are parameters as the protocol wants them: text, or nothing. The
// database knows their types.
func arguments(params []json.RawMessage) ([]any, error) {
	args := make([]any, len(params))
	for i, raw := range params {
		switch raw[0] {
		case '"':
			var s string
			if err := json.Unmarshal(raw, &s); err != nil {
				return nil, err
			}
			args[i] = s
		case 'n':
			args[i] = nil
		default: // a number or a word as it stands; an object or array as JSON
			args[i] = string(raw)
		}
	}
	return args, nil
}

// read does f in a transaction that reads.
func (d *database) read(ctx context.Context, timeoutMS int64, f func(ctx context.Context, tx pgx.Tx) error) error {
	return d.do(ctx, timeoutMS, pgx.ReadOnly, func(ctx context.Context, tx pgx.Tx) (bool, error) { return false, f(ctx, tx) })
}

// do does f in a transaction on a connection of its own, and commits it when f
// says so.
func (d *database) do(ctx context.Context, timeoutMS int64, mode pgx.TxAccessMode, f func(ctx context.Context, tx pgx.Tx) (commit bool, err error)) error {
	timeout := maxTimeout
	if timeoutMS > 0 {
		timeout = min(timeout, time.Duration(timeoutMS)*time.Millisecond)
	}
	limited, cancel := context.WithTimeout(ctx, timeout+connectWithin)
	defer cancel()
	config := d.config.Copy()
	config.RuntimeParams["statement_timeout"] = strconv.FormatInt(timeout.Milliseconds(), 10)
	config.RuntimeParams["idle_in_transaction_session_timeout"] = "60000"
	if mode == pgx.ReadOnly {
		config.RuntimeParams["default_transaction_read_only"] = "on"
	}
	conn, err := pgx.ConnectConfig(limited, config)
	if err != nil {
		return fmt.Errorf("cannot connect to the tools' database: %w", err)
	}
	defer func() {
		last, end := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer end()
		_ = conn.Close(last)
	}()
	if err := admit(limited, conn); err != nil {
		return err
	}
	tx, err := conn.BeginTx(limited, pgx.TxOptions{AccessMode: mode})
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback(limited) }()
	commit, err := f(limited, tx)
	if err == nil && commit {
		err = tx.Commit(limited)
	}
	return explainFailure(ctx, limited, err)
}

// explainFailure tells a client what the database says of its statement.
func explainFailure(ctx, limited context.Context, err error) error {
	var pg *pgconn.PgError
	switch {
	case err == nil || ctx.Err() != nil:
		return err
	case errors.As(err, &pg) && pg.Code == "57014", limited.Err() != nil:
		return tool.Errorf("The statement took too long and was ended.")
	case errors.As(err, &pg) && pg.Code == "25006":
		return tool.Errorf("The statement changes something, and this tool only reads: %s", pg.Message)
	case errors.As(err, &pg):
		text := fmt.Sprintf("%s (SQLSTATE %s)", pg.Message, pg.Code)
		if pg.Hint != "" {
			text += " Hint: " + pg.Hint
		}
		return tool.Errorf("%s", text)
	}
	return err
}

// admit refuses a role that a transaction does not hold.
func admit(ctx context.Context, conn *pgx.Conn) error {
	var superuser, member, owner bool
	err := conn.QueryRow(ctx, `
		SELECT r.rolsuper OR r.rolreplication OR r.rolbypassrls OR r.rolcreaterole OR r.rolcreatedb,
			EXISTS (SELECT FROM pg_roles g WHERE g.rolname IN ('pg_execute_server_program', 'pg_read_server_files', 'pg_write_server_files')
				AND pg_has_role(r.oid, g.oid, 'MEMBER')),
			EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
				WHERE pg_has_role(r.oid, c.relowner, 'MEMBER') AND n.nspname NOT LIKE 'pg\_%' AND n.nspname <> 'information_schema')
		FROM pg_roles r WHERE r.rolname = session_user`).Scan(&superuser, &member, &owner)
	switch {
	case err != nil:
		return fmt.Errorf("cannot tell what the role may: %w", err)
	case superuser || member || owner:
		return tool.Errorf("The role of the tools' database may do more than read and write rows (it is a superuser, may reach files or programs, or owns tables): give mcp.database one that does not.")
	}
	return nil
}
