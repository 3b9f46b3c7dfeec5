package sqlite

import (
	"context"
	"fmt"
	"math"

	"github.com/ai-mcp-gateway/gateway/store"
)

// PutCalls implements store.Store.
func (s *Store) PutCalls(ctx context.Context, calls []store.Call) error {
	if len(calls) == 0 {
		return ctx.Err()
	}
	return s.write.run(ctx, func(tx *tx) error {
		for i := range calls {
			c := &calls[i]
			if _, err := tx.exec(sqlCallAdd,
				c.Tenant, micros(c.Time), c.ID, c.Conversation, c.Project, c.User, c.Layer, c.Model, c.Cached,
				c.InputTokens, c.OutputTokens, c.CostNano, c.RequestID, c.KeyID, c.Op, c.Role, c.Provider, c.Status, c.Error,
				c.CacheReadTokens, c.CacheWriteTokens, c.ReasoningTokens, c.CostKnown, c.Estimated, int64(c.Duration),
				c.Decision, c.Request, c.Answer); err != nil {
				return err
			}
		}
		return nil
	})
}

const sqlCallAdd = `INSERT INTO calls (
    tenant, created_at, id, conversation, project_id, user_id, layer, model, cached,
    input_tokens, output_tokens, cost_nano, request_id, key_id, op, role, provider, status, error,
    cache_read_tokens, cache_write_tokens, reasoning_tokens, cost_known, estimated, duration_ns,
    decision, request, answer
) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (tenant, created_at, id) DO NOTHING`

// Sums implements store.Store.
func (s *Store) Sums(ctx context.Context, q *store.SumQuery) ([]store.Sum, error) {
	query, known := sqlSums[q.By]
	if !known {
		return nil, fmt.Errorf("sqlite: calls cannot be added up by %q", q.By)
	}
	from, to := int64(math.MinInt64), int64(math.MaxInt64)
	if !q.From.IsZero() {
		from = micros(q.From)
	}
	if !q.To.IsZero() {
		to = micros(q.To)
	}
	text, args := query.all, []any{q.Tenant, from, to}
	if q.Conversation != "" {
		text, args = query.conversation, append(args, q.Conversation)
	}
	var all []store.Sum
	err := s.read.run(ctx, func(tx *tx) error {
		return tx.each(text, args, func(scan func(...any) error) error {
			var sum store.Sum
			if err := scan(&sum.Value, &sum.Calls, &sum.Cached, &sum.InputTokens, &sum.OutputTokens, &sum.CostNano); err != nil {
				return err
			}
			all = append(all, sum)
			return nil
		})
	})
	if err != nil {
		return nil, err
	}
	return all, nil
}

// sumQuery is the query for all of a tenant's calls, and that for those of one
// conversation.
type sumQuery struct{ all, conversation string }

// sqlSums are the queries by what they add up.
var sqlSums = map[string]sumQuery{
	"":        newSumQuery(`''`, ``),
	"model":   newSumQuery(`model`, ` GROUP BY 1 ORDER BY 1`),
	"layer":   newSumQuery(`layer`, ` GROUP BY 1 ORDER BY 1`),
	"day":     newSumQuery(`date(created_at / 1000000, 'unixepoch')`, ` GROUP BY 1 ORDER BY 1`),
	"project": newSumQuery(`project_id`, ` GROUP BY 1 ORDER BY 1`),
	"user":    newSumQuery(`user_id`, ` GROUP BY 1 ORDER BY 1`),
}

func newSumQuery(value, group string) sumQuery {
	text := func(from, where string) string {
		return `SELECT ` + value + `, count(*), coalesce(sum(cached), 0),
    coalesce(sum(input_tokens), 0), coalesce(sum(output_tokens), 0), coalesce(sum(cost_nano), 0)
FROM ` + from + ` WHERE tenant = ? AND created_at >= ? AND created_at < ?` + where + group
	}
	// Left to itself, SQLite would go through all of the tenant's calls. That
	// the name is not empty is what the index is bound to.
	return sumQuery{
		all:          text(`calls`, ``),
		conversation: text(`calls INDEXED BY calls_conversation`, ` AND conversation = ? AND conversation <> ''`),
	}
}
