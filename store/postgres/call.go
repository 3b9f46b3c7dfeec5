package postgres

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/ai-mcp-gateway/gateway/store"
)

// The bounds of one statement of PutCalls.
const (
	callRows  = 1000
	callBytes = 8 << 20
)

// Rows are put in their order everywhere, so that two who put the same ones
// wait for each other and not both at once.
const sqlPutCalls = `INSERT INTO calls (
		tenant, id, request_id, project_id, user_id, key_id, conversation, op, role, layer, provider, model, error,
		created_at, status, duration_ns, input_tokens, cache_read_tokens, cache_write_tokens, output_tokens, reasoning_tokens, cost_nano,
		cached, cost_known, estimated, decision, request, answer)
	SELECT * FROM unnest(
		$1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[],
		$11::text[], $12::text[], $13::text[], $14::timestamptz[], $15::bigint[], $16::bigint[], $17::bigint[], $18::bigint[],
		$19::bigint[], $20::bigint[], $21::bigint[], $22::bigint[], $23::boolean[], $24::boolean[], $25::boolean[],
		$26::json[], $27::bytea[], $28::bytea[]) AS c (tenant, id, c3, c4, c5, c6, c7, c8, c9, c10, c11, c12, c13, created_at)
	ORDER BY c.tenant, c.created_at, c.id
	ON CONFLICT DO NOTHING`

// PutCalls adds rows to the call log, as store.Store says. Many rows take
// several statements: when it fails, some may be there.
func (s *Store) PutCalls(ctx context.Context, calls []store.Call) error {
	if err := ctx.Err(); err != nil {
		return explain("put calls", err)
	}
	for len(calls) > 0 {
		n := batch(calls)
		if err := s.exec(ctx, "put calls", sqlPutCalls, callColumns(calls[:n])...); err != nil {
			return err
		}
		calls = calls[n:]
	}
	return nil
}

// batch returns how many of the first calls one statement takes.
func batch(calls []store.Call) int {
	bytes := 0
	for i := range calls {
		bytes += len(calls[i].Decision) + len(calls[i].Request) + len(calls[i].Answer)
		if i > 0 && (i == callRows || bytes > callBytes) {
			return i
		}
	}
	return len(calls)
}

// callColumns returns an array for each column of sqlPutCalls.
func callColumns(calls []store.Call) []any {
	texts := func(of func(*store.Call) string) []string {
		return column(calls, func(c *store.Call) string { return text(of(c)) })
	}
	numbers := func(of func(*store.Call) int64) []int64 { return column(calls, of) }
	return []any{
		texts(func(c *store.Call) string { return c.Tenant }),
		texts(func(c *store.Call) string { return c.ID }),
		texts(func(c *store.Call) string { return c.RequestID }),
		texts(func(c *store.Call) string { return c.Project }),
		texts(func(c *store.Call) string { return c.User }),
		texts(func(c *store.Call) string { return c.KeyID }),
		texts(func(c *store.Call) string { return c.Conversation }),
		texts(func(c *store.Call) string { return c.Op }),
		texts(func(c *store.Call) string { return c.Role }),
		texts(func(c *store.Call) string { return c.Layer }),
		texts(func(c *store.Call) string { return c.Provider }),
		texts(func(c *store.Call) string { return c.Model }),
		texts(func(c *store.Call) string { return c.Error }),
		column(calls, func(c *store.Call) time.Time { return c.Time }),
		numbers(func(c *store.Call) int64 { return int64(c.Status) }),
		numbers(func(c *store.Call) int64 { return int64(c.Duration) }),
		numbers(func(c *store.Call) int64 { return c.InputTokens }),
		numbers(func(c *store.Call) int64 { return c.CacheReadTokens }),
		numbers(func(c *store.Call) int64 { return c.CacheWriteTokens }),
		numbers(func(c *store.Call) int64 { return c.OutputTokens }),
		numbers(func(c *store.Call) int64 { return c.ReasoningTokens }),
		numbers(func(c *store.Call) int64 { return c.CostNano }),
		column(calls, func(c *store.Call) bool { return c.Cached }),
		column(calls, func(c *store.Call) bool { return c.CostKnown }),
		column(calls, func(c *store.Call) bool { return c.Estimated }),
		column(calls, func(c *store.Call) []byte { return c.Decision }),
		column(calls, func(c *store.Call) []byte { return c.Request }),
		column(calls, func(c *store.Call) []byte { return c.Answer }),
	}
}

func column[T any](calls []store.Call, of func(*store.Call) T) []T {
	all := make([]T, len(calls))
	for i := range calls {
		all[i] = of(&calls[i])
	}
	return all
}

// text makes a string one that the server can hold. A row of the log is not to
// be lost, with all others of its statement, for a byte that a client sent.
func text(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\ufffd"), "\x00", "\ufffd")
}

// groups are the expressions of SumQuery.By.
var groups = map[string]string{
	"":        `''`,
	"model":   `model`,
	"layer":   `layer`,
	"day":     `to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD')`,
	"project": `project_id`,
	"user":    `user_id`,
}

// sumsOf builds the statement of a query, and its arguments.
func sumsOf(q *store.SumQuery) (sql string, args []any, err error) {
	group, ok := groups[q.By]
	if !ok {
		return "", nil, fmt.Errorf("postgres: cannot add up by %q", q.By)
	}
	args = []any{q.Tenant}
	where := `tenant = $1`
	bound := func(condition string, value any) {
		args = append(args, value)
		where += fmt.Sprintf(" AND %s $%d", condition, len(args))
	}
	if !q.From.IsZero() {
		bound(`created_at >=`, q.From)
	}
	if !q.To.IsZero() {
		bound(`created_at <`, q.To)
	}
	if q.Conversation != "" {
		where += ` AND conversation <> ''` // as the index has it
		bound(`conversation =`, q.Conversation)
	}
	sql = `SELECT ` + group + ` AS value, count(*), count(*) FILTER (WHERE cached), coalesce(sum(input_tokens), 0)::bigint,
		coalesce(sum(output_tokens), 0)::bigint, coalesce(sum(cost_nano), 0)::bigint FROM calls WHERE ` + where
	if q.By != "" {
		sql += ` GROUP BY value ORDER BY value`
	}
	return sql, args, nil
}

// Sums adds up a tenant's calls, as store.Store says.
func (s *Store) Sums(ctx context.Context, q *store.SumQuery) ([]store.Sum, error) {
	sql, args, err := sumsOf(q)
	if err != nil {
		return nil, err
	}
	var sums []store.Sum
	err = s.do(ctx, "add up calls", again, func(ctx context.Context, c *pgx.Conn) error {
		rows, err := c.Query(ctx, sql, args...)
		if err != nil {
			return err
		}
		sums, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (v store.Sum, err error) {
			return v, row.Scan(&v.Value, &v.Calls, &v.Cached, &v.InputTokens, &v.OutputTokens, &v.CostNano)
		})
		return err
	})
	return sums, err
}
