package llm

import (
	"context"
	"encoding/json"
	"time"

	"github.com/ai-mcp-gateway/gateway/mcp/tool"
	"github.com/ai-mcp-gateway/gateway/store"
	"github.com/ai-mcp-gateway/gateway/translate"
)

// accounts is what the store tells of all that a tenant has: its calls, added
// up, and its conversations.
type accounts interface {
	Sums(ctx context.Context, q *store.SumQuery) ([]store.Sum, error)
	Conversations(ctx context.Context, tenant, after string, limit int) ([]store.Conversation, error)
}

type usageIn struct {
	Days    int    `json:"days,omitempty" min:"1" max:"3650" doc:"the last so many; all without it"`
	GroupBy string `json:"group_by,omitempty" enum:"model|layer|day|project|user"`
}

type usageOut struct {
	Totals []usageSum `json:"totals"`
}

type usageSum struct {
	Value   string      `json:"value" doc:"of group_by; empty without it"`
	Calls   int64       `json:"calls"`
	Cached  int64       `json:"cached"`
	Input   int64       `json:"input_tokens"`
	Output  int64       `json:"output_tokens"`
	CostUSD json.Number `json:"cost_usd"`
}

// usageOf adds up the calls of a caller's tenant.
func (l *llm) usageOf(ctx context.Context, c *tool.Call, in *usageIn) (*usageOut, error) {
	q := &store.SumQuery{Tenant: c.Caller.Tenant, By: in.GroupBy}
	if in.Days > 0 {
		q.From = time.Now().AddDate(0, 0, -in.Days)
	}
	sums, err := l.Accounts.Sums(ctx, q)
	if err != nil {
		return nil, err
	}
	out := &usageOut{Totals: []usageSum{}}
	for _, s := range sums {
		out.Totals = append(out.Totals, usageSum{
			s.Value, s.Calls, s.Cached, s.InputTokens, s.OutputTokens, json.Number(translate.AppendUSD(nil, s.CostNano)),
		})
	}
	return out, nil
}
