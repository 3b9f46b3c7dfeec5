package database_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"go.uber.org/goleak"

	"github.com/ai-mcp-gateway/gateway/internal/testservice"
	"github.com/ai-mcp-gateway/gateway/mcp/database"
	"github.com/ai-mcp-gateway/gateway/mcp/tool/tooltest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// space is a database with a table of rows, and tools with a role that may
// read and write them.
type space struct {
	*tooltest.Set
	t     *testing.T
	admin *pgx.Conn
}

func newSpace(t *testing.T, role string) *space {
	t.Helper()
	server := testservice.Postgres(t)
	admin, err := pgx.Connect(t.Context(), server.URL("postgres"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = admin.Close(t.Context()) })
	s := &space{t: t, admin: admin}
	for _, sql := range []string{
		"CREATE ROLE mcp_ro LOGIN", "CREATE TABLE items (id int PRIMARY KEY, name text, price numeric, tags jsonb)",
		"INSERT INTO items SELECT i, 'item ' || i, i * 1.5, '{\"n\": 1}' FROM generate_series(1, 5000) i",
		"GRANT SELECT, INSERT, UPDATE, DELETE ON items TO mcp_ro", "CREATE TABLE secrets (s text)",
		"CREATE ROLE mcp_files LOGIN", "GRANT pg_read_server_files TO mcp_files", "CREATE ROLE mcp_owner LOGIN", "CREATE TABLE owned (x int)", "ALTER TABLE owned OWNER TO mcp_owner",
	} {
		if _, err := admin.Exec(t.Context(), sql); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
	tools, err := database.Tools(strings.Replace(server.URL("postgres"), "postgres://postgres@", "postgres://"+role+"@", 1), true)
	if err != nil {
		t.Fatal(err)
	}
	s.Set = tooltest.New(t, tools)
	return s
}

func (s *space) count(sql string) (n int) {
	s.t.Helper()
	if err := s.admin.QueryRow(s.t.Context(), sql).Scan(&n); err != nil {
		s.t.Fatal(err)
	}
	return n
}

func TestTools(t *testing.T) {
	s := newSpace(t, "mcp_ro")
	var got struct {
		Columns   []string
		Rows      [][]any
		RowCount  int `json:"row_count"`
		Truncated bool
	}
	s.OK("query", `{"sql":"SELECT id, name, price, tags, null, true FROM items WHERE id = $1 AND name LIKE $2","params":[7,"item%"]}`, &got)
	if fmt.Sprint(got.Columns[:2], got.Rows) != "[id name] [[7 item 7 10.5 map[n:1] <nil> true]]" {
		t.Errorf("%+v", got)
	}
	s.OK("query", `{"sql":"SELECT id FROM items"}`, &got)
	if got.RowCount != 1000 || !got.Truncated {
		t.Errorf("%d rows, %v", got.RowCount, got.Truncated)
	}
	s.OK("query", `{"sql":"SELECT repeat('x', 100000) FROM items","max_rows":10000}`, &got)
	if got.RowCount > 10 || !got.Truncated {
		t.Errorf("%d rows, %v", got.RowCount, got.Truncated)
	}
	var tables struct{ Tables []struct{ Name string } }
	s.OK("list_tables", `{}`, &tables)
	if fmt.Sprint(tables.Tables) != "[{items}]" {
		t.Errorf("%+v", tables)
	}
	var columns struct{ Columns []struct{ Name, Type string } }
	s.OK("describe_table", `{"table":"items"}`, &columns)
	if len(columns.Columns) != 4 || columns.Columns[2].Type != "numeric" {
		t.Errorf("%+v", columns)
	}
	s.Refused("describe_table", `{"table":"secrets"}`, "no table")
	var plan struct{ Plan []any }
	s.OK("explain_query", `{"sql":"SELECT * FROM items WHERE id = 1"}`, &plan)
	if len(plan.Plan) != 1 {
		t.Errorf("%+v", plan)
	}
	var done struct {
		Affected  int
		Committed bool
	}
	s.OK("execute_sql", `{"sql":"DELETE FROM items WHERE id > $1","params":[4990]}`, &done)
	if done.Affected != 10 || done.Committed || s.count("SELECT count(*) FROM items") != 5000 {
		t.Errorf("a dry run: %+v", done)
	}
	s.OK("execute_sql", `{"sql":"DELETE FROM items WHERE id > $1","params":[4990],"dry_run":false}`, &done)
	if !done.Committed || s.count("SELECT count(*) FROM items") != 4990 {
		t.Errorf("%+v", done)
	}
	s.Refused("query", `{"sql":"SELECT pg_sleep(20)","timeout_ms":50}`, "took too long")
	s.Refused("query", `{"sql":"SELEC 1"}`, "syntax error")
}

// TestEscapes holds that nothing is changed, read or run that a query may not.
func TestEscapes(t *testing.T) {
	s := newSpace(t, "mcp_ro")
	before := s.count("SELECT count(*) FROM pg_class")
	for _, sql := range []string{
		"COMMIT; CREATE TABLE pwned (x int)", "SELECT 1; DROP TABLE items", "ROLLBACK; DELETE FROM items",
		"SET TRANSACTION READ WRITE; DELETE FROM items", "COMMIT", "SET TRANSACTION READ WRITE", "SET default_transaction_read_only = off",
		"DELETE FROM items", "INSERT INTO items VALUES (0)", "UPDATE items SET id = 0", "TRUNCATE items", "DROP TABLE items",
		"CREATE TABLE pwned (x int)", "CREATE TEMP TABLE pwned (x int)", "SELECT 1 INTO pwned",
		"WITH gone AS (DELETE FROM items RETURNING *) SELECT * FROM gone", "EXPLAIN ANALYZE DELETE FROM items",
		"DO $$ BEGIN DELETE FROM items; END $$", "DO $$ BEGIN COMMIT; DELETE FROM items; END $$",
		"SELECT pg_read_file('/etc/passwd')", "SELECT pg_ls_dir('/')", "COPY items TO PROGRAM 'id'", "COPY items FROM '/etc/passwd'", "COPY items TO STDOUT",
		"SELECT lo_import('/etc/passwd')", "SELECT * FROM secrets", "SELECT pg_terminate_backend(1)", "SELECT pg_reload_conf()",
		"ALTER ROLE mcp_ro SUPERUSER", "SET ROLE postgres", "SET SESSION AUTHORIZATION postgres", "GRANT ALL ON secrets TO mcp_ro",
		"LISTEN x", "NOTIFY x", "SELECT pg_advisory_lock(1)", "LOCK TABLE items", "SELECT * FROM items FOR UPDATE", "SELECT nextval('x')",
		"PREPARE p AS DELETE FROM items", "DECLARE c CURSOR FOR SELECT 1", "VACUUM", "CREATE EXTENSION dblink", "LOAD '/tmp/x.so'", "CALL p()",
	} {
		s.Call("query", tooltest.JSON(t, map[string]string{"sql": sql}))
		s.Call("explain_query", tooltest.JSON(t, map[string]string{"sql": sql}))
		s.Call("explain_query", tooltest.JSON(t, map[string]string{"sql": "ANALYZE " + sql}))
	}
	for _, sql := range []string{"SELECT pg_read_file('/etc/passwd')", "SELECT * FROM secrets", "COPY items TO PROGRAM 'id'", "COMMIT; SELECT 1"} {
		if r := s.Call("query", tooltest.JSON(t, map[string]string{"sql": sql})); !r.Failed {
			t.Errorf("%s: %s", sql, tooltest.Text(r))
		}
	}
	if n := s.count("SELECT count(*) FROM items"); n != 5000 {
		t.Errorf("there are %d rows", n)
	}
	if n := s.count("SELECT count(*) FROM pg_class"); n != before {
		t.Errorf("there are %d relations, and were %d", n, before)
	}
	if n := s.count("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"); n != 0 {
		t.Errorf("%d advisory locks are left", n)
	}
	if n := s.count("SELECT count(*) FROM pg_roles WHERE rolname = 'mcp_ro' AND rolsuper"); n != 0 {
		t.Error("the role is a superuser")
	}
}

// TestRoles holds that a role that no transaction holds is not used.
func TestRoles(t *testing.T) {
	for _, role := range []string{"postgres", "mcp_files", "mcp_owner"} {
		s := newSpace(t, role)
		s.Refused("query", `{"sql":"SELECT 1"}`, "may do more")
	}
}
