package proxy

import (
	"encoding/json"

	"github.com/valyala/fasthttp"

	"github.com/ai-mcp-gateway/gateway/engine"
	"github.com/ai-mcp-gateway/gateway/tenant"
	"github.com/ai-mcp-gateway/gateway/translate"
)

// previewPath shows what would be done with a request.
const previewPath = "/v1/route/preview"

// preview is what would be done.
type preview struct {
	Model      string   `json:"model"`
	Layer      string   `json:"layer"`
	Complexity string   `json:"complexity"`
	Quality    string   `json:"quality"`
	Task       string   `json:"task"`
	Risk       bool     `json:"risk"`
	Score      float32  `json:"score"`
	Known      bool     `json:"known"`
	CrossCheck bool     `json:"crossCheck"`
	Reason     string   `json:"reason"`
	Models     []string `json:"models"`
}

// servePreview takes the body of any model route, or of /v1/route.
func (s *Server) servePreview(ctx *fasthttp.RequestCtx, who *tenant.Caller) {
	c := &call{Call: engine.AcquireCall(ctx.Time()), server: s}
	defer c.Call.Release()
	p, err := s.preview(ctx, c, who)
	if err != nil {
		s.writeError(ctx, err, answerID(ctx))
		return
	}
	out, _ := json.Marshal(&preview{ // strings, numbers and lists always marshal
		Model: c.Record.Model, Layer: p.Tier, Complexity: p.Complexity, Quality: p.Quality, Task: p.Task, Risk: p.Risk,
		Score: p.Score, Known: p.Known, CrossCheck: p.Check, Reason: p.Reason, Models: p.Models,
	})
	writeJSON(ctx, out)
}

func (s *Server) preview(ctx *fasthttp.RequestCtx, c *call, who *tenant.Caller) (*engine.Preview, *translate.Error) {
	h := &ctx.Request.Header
	if err := checkMedia(h); err != nil {
		return nil, err
	}
	c.attribute(h, who)
	c.TierHint, c.Quality, c.MaxCost = h.Peek("X-Gateway-Tier"), h.Peek(headerQuality), h.Peek(headerMaxCost)
	if err := c.Request.Scan(ctx.Request.Body()); err != nil {
		return nil, err
	}
	r := &c.Request
	switch {
	case len(r.Model) == 0:
		q, err := readNative(r, routeFields)
		if err != nil {
			return nil, err
		}
		c.Op = translate.OpChat
		c.setPrompt(q)
		return s.options.Engine.Preview(c.Call)
	case r.Value(translate.FieldPrompt) != nil:
		c.Op = translate.OpCompletion
	case r.Value(translate.FieldInput) != nil:
		c.Op = translate.OpResponses
	case len(h.Peek("Anthropic-Version")) > 0:
		c.Op = translate.OpMessages
	default:
		c.Op = translate.OpChat
	}
	if err := r.Check(c.Op); err != nil {
		return nil, err
	}
	c.Record.Model = string(r.Model)
	return s.options.Engine.Preview(c.Call)
}
