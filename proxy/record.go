package proxy

import (
	"time"

	"github.com/valyala/fasthttp"

	"github.com/ai-mcp-gateway/gateway/telemetry"
	"github.com/ai-mcp-gateway/gateway/tenant"
	"github.com/ai-mcp-gateway/gateway/translate"
)

// recordSmall records a request that the engine had no part in.
func (s *Server) recordSmall(ctx *fasthttp.RequestCtx, pattern string, who *tenant.Caller, id string) {
	r := telemetry.Call{
		Time: ctx.Time(), RequestID: id, Method: string(ctx.Method()), Route: pattern,
		Status: ctx.Response.StatusCode(), Duration: time.Since(ctx.Time()),
		BytesOut: int64(len(ctx.Response.Body())),
	}
	if who != nil {
		r.Tenant, r.Project, r.User, r.KeyID = who.Tenant, who.Project, who.User, who.KeyID
	}
	s.record(&r)
}

// recordRefusal records a request that no route has served. Its path and
// method are a stranger's text, so they are no labels.
func (s *Server) recordRefusal(ctx *fasthttp.RequestCtx, e *translate.Error, id string) {
	s.record(&telemetry.Call{
		Time: time.Now(), RequestID: id, Route: "none", Method: "none",
		Status: e.HTTPStatus(), ErrorCode: e.Code.String(), BytesOut: int64(len(ctx.Response.Body())),
	})
}

func (s *Server) record(r *telemetry.Call) {
	s.options.Log.Call(r)
	s.options.Metrics.Call(r)
}
