package proxy

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/ai-mcp-gateway/gateway/engine"
	"github.com/ai-mcp-gateway/gateway/store"
	"github.com/ai-mcp-gateway/gateway/telemetry"
	"github.com/ai-mcp-gateway/gateway/translate"
)

// nativeAnswer is what the native routes say.
type nativeAnswer struct {
	Result      nativeResult   `json:"result"`
	Todos       []nativeTodo   `json:"todos,omitempty"`
	Routing     *nativeRouting `json:"routing,omitempty"`
	Context     nativeContext  `json:"context"`
	Performance nativeCost     `json:"performance"`
}

type nativeResult struct {
	Response string       `json:"response"`
	Model    string       `json:"model"`
	Provider string       `json:"provider"`
	Files    []nativeFile `json:"files,omitempty"`
}

type nativeRouting struct {
	Layer      string          `json:"layer"`
	Complexity string          `json:"complexity"`
	Quality    string          `json:"quality"`
	Summary    string          `json:"summary"`
	Reason     string          `json:"reason"`
	CrossCheck bool            `json:"crossCheck"`
	Escalated  bool            `json:"escalated"`
	Attempts   []nativeAttempt `json:"attempts"`
	FromCache  bool            `json:"fromCache"`
	// Check is what came of looking at the answer; empty when nobody has.
	Check   string          `json:"check,omitempty"`
	Handoff json.RawMessage `json:"handoff,omitempty"`
}

type nativeAttempt struct {
	Layer    string `json:"layer"`
	Model    string `json:"model"`
	Provider string `json:"provider"`
	Role     string `json:"role"`
	Status   int    `json:"status"`
	Error    string `json:"error,omitempty"`
}

type nativeContext struct {
	ConversationID string `json:"conversationId"`
	Source         string `json:"source"`
	SummaryVersion int64  `json:"summaryVersion"`
	MessageCount   int64  `json:"messageCount"`
	Persisted      bool   `json:"persisted"`
}

// nativeCost is what an answer took. Costs are in USD.
type nativeCost struct {
	DurationMS int64        `json:"durationMs"`
	Tokens     nativeTokens `json:"tokens"`
	Cost       json.Number  `json:"cost"`
	Calls      []nativeCall `json:"calls"`
}

type nativeTokens struct {
	Input  int64 `json:"input"`
	Output int64 `json:"output"`
}

type nativeCall struct {
	Layer         string      `json:"layer"`
	Model         string      `json:"model"`
	InputTokens   int64       `json:"inputTokens"`
	OutputTokens  int64       `json:"outputTokens"`
	EstimatedCost json.Number `json:"estimatedCost"`
	DurationMS    int64       `json:"durationMs"`
	Role          string      `json:"role"`
}

type nativeTodo struct {
	ID          int64  `json:"id"`
	Title       string `json:"title"`
	Description string `json:"description"`
	Status      string `json:"status"`
}

// serveNative answers /v1/route and /v1/chat.
func (s *Server) serveNative(ctx *fasthttp.RequestCtx, path string, fields []string, routed bool) {
	c := s.acquire(ctx, modelRoute{path, translate.OpChat})
	defer c.abandon()
	q, err := s.prepareNative(ctx, c, fields)
	var kept *store.Answer
	if err == nil {
		c.setPrompt(q)
		kept, err = s.begin(ctx, c, path)
	}
	if err == nil && kept == nil {
		err = s.options.Engine.Do(c.Call)
	}
	s.addCORS(ctx)
	switch {
	case err != nil:
		s.fail(ctx, c, err)
	case kept != nil:
		s.replay(ctx, c, kept)
	case q.Stream:
		c.native = &nativeStream{call: c}
		c.writeHeader(&ctx.Response.Header)
		c.once.noteHeader(&ctx.Response.Header)
		ctx.Response.SetBodyStream(c, -1)
	default:
		s.answerNative(ctx, c, q, routed)
	}
}

// prepareNative reads everything that a native route needs.
func (s *Server) prepareNative(ctx *fasthttp.RequestCtx, c *call, fields []string) (*nativeRequest, *translate.Error) {
	h := &ctx.Request.Header
	who, err := s.authenticate(h)
	if err != nil {
		return nil, err
	}
	if err := checkMedia(h); err != nil {
		return nil, err
	}
	body := ctx.Request.Body()
	c.Record.BytesIn, c.Op = int64(len(body)), translate.OpChat
	c.Control = cacheControl(h.Peek(fasthttp.HeaderCacheControl))
	c.TierHint = h.Peek("X-Gateway-Tier")
	c.Quality, c.MaxCost = h.Peek(headerQuality), h.Peek(headerMaxCost)
	if err := c.Request.Scan(body); err != nil {
		return nil, err
	}
	q, err := readNative(&c.Request, fields)
	if err != nil {
		return nil, err
	}
	if q.ProjectID != "" {
		h.Set("X-Gateway-Project", q.ProjectID)
	}
	if q.UserID != "" {
		h.Set("X-Gateway-User", q.UserID)
	}
	c.attribute(h, who)
	return q, nil
}

// setPrompt makes the engine's request of a native one.
func (c *call) setPrompt(q *nativeRequest) {
	type message struct {
		Role    string `json:"role"`
		Content string `json:"content"`
	}
	body, _ := json.Marshal(struct {
		Model    string    `json:"model"`
		Stream   bool      `json:"stream,omitempty"`
		Messages []message `json:"messages"`
	}{"auto", q.Stream, []message{{"user", q.Text}}}) // strings always marshal
	if err := c.Request.Scan(body); err != nil {
		panic("BUG: a prompt of our own is not JSON: " + err.Message)
	}
	if q.Quality != "" {
		c.Quality = []byte(q.Quality)
	}
	c.Conversation = q.ConversationID
	c.Record.Model, c.Record.Stream = "auto", q.Stream
}

// answerNative writes what the engine has found.
func (s *Server) answerNative(ctx *fasthttp.RequestCtx, c *call, q *nativeRequest, routed bool) {
	var body bytes.Buffer
	if _, err := c.Call.WriteTo(&body); err != nil {
		s.fail(ctx, c, &translate.Error{Code: translate.GatewayInternal, Message: "the answer could not be read"})
		return
	}
	a := nativeAnswer{Result: c.result(engine.ChatText(body.Bytes())), Context: c.contextState(), Performance: c.performance()}
	if routed {
		a.Routing = c.routing(q)
	}
	out, _ := json.Marshal(&a) // strings and numbers always marshal
	s.writeNative(ctx, c, out)
}

func (c *call) result(text string) nativeResult {
	return nativeResult{Response: text, Model: c.Record.TargetModel, Provider: c.Record.Provider}
}

func (c *call) routing(q *nativeRequest) *nativeRouting {
	r := &c.Record
	n := &nativeRouting{
		Layer: r.Tier, Complexity: cmp.Or(r.Complexity, "unknown"), Quality: cmp.Or(r.Quality, q.Quality, "normal"), Reason: r.Reason,
		Attempts: []nativeAttempt{}, FromCache: r.Stored(), Check: r.Check, Escalated: r.Escalated, Handoff: r.Handoff,
	}
	n.Summary = summaryOf(n)
	for i := range r.Attempts {
		a := &r.Attempts[i]
		n.CrossCheck = n.CrossCheck || a.Role == "reviewer"
		n.Attempts = append(n.Attempts, nativeAttempt{a.Tier, a.Model, a.Provider, a.Purpose(), a.Status, a.ErrorCode})
	}
	return n
}

// summaryOf says in a sentence what the routing came to.
func summaryOf(n *nativeRouting) string {
	s := fmt.Sprintf("complexity %s, quality %s: answered at %s", n.Complexity, n.Quality, n.Layer)
	switch {
	case n.FromCache:
		return s + " from the cache"
	case n.Escalated:
		s += " after escalation"
	}
	if n.Check != "" {
		s += ", " + n.Check
	}
	return s
}

func (c *call) contextState() nativeContext {
	state := c.Context()
	return nativeContext{state.ConversationID, state.Source, state.SummaryVersion, state.MessageCount, state.Persisted}
}

func (c *call) performance() nativeCost {
	r := &c.Record
	cost := nativeCost{
		DurationMS: time.Since(c.Start).Milliseconds(),
		Tokens:     nativeTokens{r.Tokens.In, r.Tokens.Out}, Cost: usd(r.CostNano), Calls: []nativeCall{},
	}
	for i := range r.Attempts {
		cost.Calls = append(cost.Calls, nativeCallOf(&r.Attempts[i]))
	}
	return cost
}

// nativeCallOf is what the ledger has of an attempt.
func nativeCallOf(a *telemetry.Attempt) nativeCall {
	return nativeCall{
		Layer: a.Tier, Model: a.Model, InputTokens: a.Tokens.In, OutputTokens: a.Tokens.Out,
		EstimatedCost: usd(a.CostNano), DurationMS: a.Duration.Milliseconds(), Role: a.Purpose(),
	}
}

func usd(nano int64) json.Number { return json.Number(translate.AppendUSD(nil, nano)) }
