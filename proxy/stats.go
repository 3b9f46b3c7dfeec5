package proxy

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/ai-mcp-gateway/gateway/internal/spell"
	"github.com/ai-mcp-gateway/gateway/store"
	"github.com/ai-mcp-gateway/gateway/tenant"
	"github.com/ai-mcp-gateway/gateway/translate"
)

// statsWithin bounds the wait for rows of the ledger that are on their way into
// the store, and for their sums.
const statsWithin = 10 * time.Second

// accounts is where calls are added up, and conversations known.
type accounts interface {
	Sums(ctx context.Context, q *store.SumQuery) ([]store.Sum, error)
	Load(ctx context.Context, tenant, id string, recent int) (*store.Loaded, error)
}

// statsTotal is what /v1/stats says of some calls. Costs are in USD.
type statsTotal struct {
	TotalCalls   int64        `json:"totalCalls"`
	TotalCost    json.Number  `json:"totalCost"`
	TotalTokens  nativeTokens `json:"totalTokens"`
	CacheHitRate float64      `json:"cacheHitRate"`
}

// statsAnswer has the totals of each group besides, by its name; of calls that
// have none, by the empty one.
type statsAnswer struct {
	statsTotal
	By map[string]statsTotal `json:"by"`
}

// conversationStats is what /v1/stats/conversation/:id says.
type conversationStats struct {
	ConversationID string       `json:"conversationId"`
	MessageCount   int64        `json:"messageCount"`
	LLMCalls       int64        `json:"llmCalls"`
	TotalCost      json.Number  `json:"totalCost"`
	TotalTokens    nativeTokens `json:"totalTokens"`
	CreatedAt      time.Time    `json:"createdAt"`
	UpdatedAt      time.Time    `json:"updatedAt"`
}

// The parameters of /v1/stats, and what calls are grouped by.
var (
	statsParameters = []string{"groupBy", "from", "to"}
	statsGroups     = []string{"model", "layer", "day", "project", "user"}
)

// serveStats adds up the caller's tenant's calls.
func (s *Server) serveStats(ctx *fasthttp.RequestCtx, who *tenant.Caller) {
	q, err := readStatsQuery(ctx.QueryArgs())
	var sums []store.Sum
	if err == nil {
		q.Tenant = who.Tenant
		sums, err = s.sums(q)
	}
	if err != nil {
		s.writeError(ctx, err, answerID(ctx))
		return
	}
	var all store.Sum
	a := statsAnswer{By: map[string]statsTotal{}}
	for i := range sums {
		all.Calls += sums[i].Calls
		all.Cached += sums[i].Cached
		all.InputTokens += sums[i].InputTokens
		all.OutputTokens += sums[i].OutputTokens
		all.CostNano += sums[i].CostNano
		if q.By != "" {
			a.By[sums[i].Value] = totalOf(&sums[i])
		}
	}
	a.statsTotal = totalOf(&all)
	out, _ := json.Marshal(&a) // strings and numbers always marshal
	writeJSON(ctx, out)
}

func totalOf(sum *store.Sum) statsTotal {
	t := statsTotal{
		TotalCalls: sum.Calls, TotalCost: usd(sum.CostNano),
		TotalTokens: nativeTokens{sum.InputTokens, sum.OutputTokens},
	}
	if sum.Calls > 0 {
		t.CacheHitRate = float64(sum.Cached) / float64(sum.Calls)
	}
	return t
}

// serveConversationStats adds up what was called for one conversation.
func (s *Server) serveConversationStats(ctx *fasthttp.RequestCtx, who *tenant.Caller) {
	id, err := contextID(ctx)
	var a *conversationStats
	if err == nil {
		a, err = s.conversationStats(who.Tenant, id)
	}
	if err != nil {
		s.writeError(ctx, err, answerID(ctx))
		return
	}
	out, _ := json.Marshal(a)
	writeJSON(ctx, out)
}

func (s *Server) conversationStats(tenant, id string) (*conversationStats, *translate.Error) {
	ctx, cancel := context.WithTimeout(context.Background(), statsWithin)
	defer cancel()
	found, err := s.options.Accounts.Load(ctx, tenant, id, 1)
	if errors.Is(err, store.ErrNotFound) {
		return nil, translate.Errorf(translate.CallerNotFound, "conversationId", "There is no conversation %.64q.", id)
	}
	if err != nil {
		return nil, s.noStats(err)
	}
	sums, failed := s.sums(&store.SumQuery{Tenant: tenant, Conversation: id})
	if failed != nil {
		return nil, failed
	}
	a := &conversationStats{ConversationID: id, MessageCount: found.Version, TotalCost: "0", CreatedAt: found.Created, UpdatedAt: found.Updated}
	for _, sum := range sums {
		a.LLMCalls, a.TotalCost = sum.Calls-sum.Cached, usd(sum.CostNano)
		a.TotalTokens = nativeTokens{sum.InputTokens, sum.OutputTokens}
	}
	return a, nil
}

func (s *Server) sums(q *store.SumQuery) ([]store.Sum, *translate.Error) {
	ctx, cancel := context.WithTimeout(context.Background(), statsWithin)
	defer cancel()
	sums, err := s.options.Accounts.Sums(ctx, q)
	if err != nil {
		return nil, s.noStats(err)
	}
	return sums, nil
}

func (s *Server) noStats(err error) *translate.Error {
	s.options.Log.Slog().Warn("calls are not added up", "error", err.Error())
	return &translate.Error{Code: translate.GatewayNoState, RetryAfter: 1, Message: "the calls cannot be added up at the moment"}
}

// readStatsQuery reads the parameters of /v1/stats.
func readStatsQuery(args *fasthttp.Args) (q *store.SumQuery, err *translate.Error) {
	q = &store.SumQuery{}
	seen := map[string]bool{}
	args.All()(func(key, value []byte) bool {
		name := string(key)
		if seen[name] {
			err = translate.Errorf(translate.CallerDuplicateField, cutName(name), "The parameter %q stands more than once.", cutName(name))
			return false
		}
		seen[name] = true
		switch name {
		case "groupBy":
			q.By, err = readGroup(string(value))
		case "from":
			q.From, err = readMoment(name, string(value))
		case "to":
			q.To, err = readMoment(name, string(value))
		default:
			err = translate.Errorf(translate.CallerInvalidField, cutName(name), "The parameter %q is not known%s", cutName(name), meant(name, statsParameters))
		}
		return err == nil
	})
	if err == nil && !q.To.IsZero() && q.To.Before(q.From) {
		err = translate.Errorf(translate.CallerInvalidField, "to", "The parameter %q is before %q; did you mean them the other way round?", "to", "from")
	}
	return q, err
}

func readGroup(value string) (string, *translate.Error) {
	if slices.Contains(statsGroups, value) {
		return value, nil
	}
	return "", translate.Errorf(translate.CallerInvalidField, "groupBy", "The parameter %q must be one of %s%s",
		"groupBy", strings.Join(statsGroups, ", "), meant(value, statsGroups))
}

// meant suggests the word that a caller may have meant.
func meant(word string, known []string) string {
	if word := spell.Closest(word, known); word != "" {
		return fmt.Sprintf("; did you mean %q?", word)
	}
	return ""
}

// readMoment reads a date, which begins at midnight UTC, or a time.
func readMoment(name, value string) (time.Time, *translate.Error) {
	for _, layout := range []string{time.DateOnly, time.RFC3339Nano} {
		if t, err := time.Parse(layout, value); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, translate.Errorf(translate.CallerInvalidField, name,
		"The parameter %q must be a date such as 2026-01-31, or a time such as 2026-01-31T12:00:00Z (a + in it is sent as %%2B).", name)
}
