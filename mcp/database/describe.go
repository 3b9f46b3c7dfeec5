package database

import (
	"context"
	"encoding/json"

	"github.com/jackc/pgx/v5"

	"github.com/ai-mcp-gateway/gateway/mcp/tool"
)

type tablesIn struct {
	Schema string `json:"schema,omitempty" max:"63"`
}

type tablesOut struct {
	Tables    []table `json:"tables"`
	Truncated bool    `json:"truncated"`
}

type table struct {
	Schema string `json:"schema"`
	Name   string `json:"name"`
	Type   string `json:"type"`
}

func (d *database) tables(ctx context.Context, _ *tool.Call, in *tablesIn) (*tablesOut, error) {
	out := &tablesOut{Tables: []table{}}
	err := d.read(ctx, 0, func(ctx context.Context, tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `
			SELECT table_schema, table_name, table_type FROM information_schema.tables
			WHERE ($1 = '' AND table_schema NOT IN ('pg_catalog', 'information_schema')) OR table_schema = $1
			ORDER BY 1, 2 LIMIT 1001`, in.Schema)
		if err != nil {
			return err
		}
		found, err := pgx.CollectRows(rows, pgx.RowToStructByPos[table])
		out.Truncated = len(found) > 1000
		out.Tables = append(out.Tables, found[:min(len(found), 1000)]...)
		return err
	})
	return out, err
}

type describeIn struct {
	Table  string `json:"table" min:"1" max:"63"`
	Schema string `json:"schema,omitempty" max:"63" default:"public"`
}

type describeOut struct {
	Columns []column `json:"columns"`
}

type column struct {
	Name     string  `json:"name"`
	Type     string  `json:"type"`
	Nullable bool    `json:"nullable"`
	Default  *string `json:"default"`
}

func (d *database) describe(ctx context.Context, _ *tool.Call, in *describeIn) (*describeOut, error) {
	if in.Schema == "" {
		in.Schema = "public"
	}
	out := &describeOut{Columns: []column{}}
	err := d.read(ctx, 0, func(ctx context.Context, tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `
			SELECT column_name, data_type, is_nullable = 'YES', column_default FROM information_schema.columns
			WHERE table_schema = $1 AND table_name = $2 ORDER BY ordinal_position`, in.Schema, in.Table)
		if err != nil {
			return err
		}
		found, err := pgx.CollectRows(rows, pgx.RowToStructByPos[column])
		out.Columns = append(out.Columns, found...)
		return err
	})
	if err == nil && len(out.Columns) == 0 {
		return nil, tool.Errorf("There is no table %q in the schema %q that this role may see.", in.Table, in.Schema)
	}
	return out, err
}

type explainIn struct {
	SQL    string            `json:"sql" min:"1" max:"100000"`
	Params []json.RawMessage `json:"params,omitempty" max:"1000"`
}

type explainOut struct {
	Plan json.RawMessage `json:"plan"`
}

func (d *database) explain(ctx context.Context, _ *tool.Call, in *explainIn) (*explainOut, error) {
	args, err := arguments(in.Params)
	if err != nil {
		return nil, err
	}
	out := &explainOut{}
	err = d.read(ctx, 0, func(ctx context.Context, tx pgx.Tx) error {
		plan, err := collect(ctx, tx, 1, "EXPLAIN (FORMAT JSON) "+in.SQL, args...)
		if err == nil && len(plan.Rows) == 1 {
			out.Plan = plan.Rows[0][0]
		}
		return err
	})
	return out, err
}

type executeIn struct {
	SQL    string            `json:"sql" min:"1" max:"100000"`
	Params []json.RawMessage `json:"params,omitempty" max:"1000" doc:"text, number, true, false or null"`
	DryRun *bool             `json:"dry_run,omitempty" default:"true"`
}

type executeOut struct {
	Affected  int64 `json:"affected"`
	Committed bool  `json:"committed"`
}

func (d *database) execute(ctx context.Context, _ *tool.Call, in *executeIn) (*executeOut, error) {
	args, err := arguments(in.Params)
	if err != nil {
		return nil, err
	}
	out := &executeOut{}
	err = d.do(ctx, 0, pgx.ReadWrite, func(ctx context.Context, tx pgx.Tx) (bool, error) {
		done, err := tx.Exec(ctx, in.SQL, args...)
		if err != nil {
			return false, err
		}
		out.Affected = done.RowsAffected()
		if conn := tx.Conn().PgConn(); conn.TxStatus() != 'T' {
			return false, tool.Errorf("The statement has ended its transaction; nothing else is done.")
		}
		out.Committed = in.DryRun != nil && !*in.DryRun
		return out.Committed, nil
	})
	return out, err
}
