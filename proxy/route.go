package proxy

import (
	"github.com/fasthttp/router"
	"github.com/valyala/fasthttp"

	"github.com/ai-mcp-gateway/gateway/tenant"
	"github.com/ai-mcp-gateway/gateway/translate"
)

// routes maps every path that is served. What needs a key says so here, on the
// route itself, so that no spelling of a path can slip past it.
func (s *Server) routes() *router.Router {
	r := router.New()
	r.RedirectTrailingSlash = false
	r.RedirectFixedPath = false
	r.SaveMatchedRoutePath = false
	r.GlobalOPTIONS = s.servePreflight
	r.NotFound = func(ctx *fasthttp.RequestCtx) {
		s.refuse(ctx, &translate.Error{Code: translate.CallerRouteNotFound, Message: "there is no such route"})
	}
	r.MethodNotAllowed = func(ctx *fasthttp.RequestCtx) {
		s.refuse(ctx, &translate.Error{Code: translate.CallerMethodNotAllowed, Message: "the route does not take this method"})
	}
	get := func(path string, serve fasthttp.RequestHandler) {
		r.GET(path, serve)
		r.HEAD(path, serve) // fasthttp leaves the body out
	}
	for _, m := range modelRoutes {
		r.POST(m.path, func(ctx *fasthttp.RequestCtx) { s.serveCall(ctx, m) })
	}
	r.POST("/v1/route", func(ctx *fasthttp.RequestCtx) { s.serveNative(ctx, "/v1/route", routeFields, true) })
	r.POST("/v1/chat", func(ctx *fasthttp.RequestCtx) { s.serveNative(ctx, "/v1/chat", chatFields, false) })
	r.POST(previewPath, s.owned(previewPath, s.servePreview))
	r.POST(agentPath, s.serveAgent)
	if s.options.MCP != nil {
		r.POST(mcpPath, s.serveMCP)
		r.GET(mcpPath, s.refuseMCPMethod)
		r.DELETE(mcpPath, s.refuseMCPMethod)
	}
	get("/v1/context/{id}", s.owned("/v1/context/{id}", s.serveContext))
	r.POST("/v1/context/{id}", s.owned("/v1/context/{id}", func(ctx *fasthttp.RequestCtx, who *tenant.Caller) { s.smallOnce(ctx, who, s.putContext) }))
	get("/v1/stats", s.owned("/v1/stats", s.serveStats))
	get("/v1/stats/conversation/{id}", s.owned("/v1/stats/conversation/{id}", s.serveConversationStats))
	for i := range surfaceRoutes {
		route := &surfaceRoutes[i]
		r.Handle(route.method, route.path, func(ctx *fasthttp.RequestCtx) { s.serveSurface(ctx, route) })
	}
	get("/v1/models", s.guarded("/v1/models", s.authenticate, s.serveModels))
	get("/v1/models/{id:*}", s.guarded("/v1/models/{id}", s.authenticate, s.serveModel))
	get("/v1/responses/{id}", s.owned("/v1/responses/{id}", s.serveResponse))
	get("/v1/responses/{id}/input_items", s.owned("/v1/responses/{id}/input_items", s.serveInputItems))
	r.DELETE("/v1/responses/{id}", s.owned("/v1/responses/{id}", s.deleteResponse))
	r.POST("/v1/responses/{id}/cancel", s.owned("/v1/responses/{id}/cancel", s.cancelResponse))
	get("/health", s.open("/health", s.serveHealth))
	get("/livez", s.open("/livez", s.serveLive))
	get("/readyz", s.open("/readyz", s.serveReady))
	get("/metrics", s.guarded("/metrics", s.authenticateReader, s.serveMetrics))
	return r
}

// modelRoute is a route that the engine answers.
type modelRoute struct {
	path string
	op   translate.Op
}

var modelRoutes = []modelRoute{
	{"/v1/chat/completions", translate.OpChat},
	{"/v1/completions", translate.OpCompletion},
	{"/v1/embeddings", translate.OpEmbedding},
	{"/v1/responses", translate.OpResponses},
	{"/v1/messages", translate.OpMessages},
	{"/v1/messages/count_tokens", translate.OpCountTokens},
}

// open wraps a small route that needs no key.
func (s *Server) open(pattern string, serve func(*fasthttp.RequestCtx)) fasthttp.RequestHandler {
	return func(ctx *fasthttp.RequestCtx) {
		s.answerSmall(ctx, pattern, nil, serve)
	}
}

// guarded wraps a small route that needs a key where keys are configured.
func (s *Server) guarded(pattern string, authenticate func(*fasthttp.RequestHeader) (*tenant.Caller, *translate.Error), serve func(*fasthttp.RequestCtx)) fasthttp.RequestHandler {
	return func(ctx *fasthttp.RequestCtx) {
		who, err := authenticate(&ctx.Request.Header)
		if err != nil {
			s.refuse(ctx, err)
			return
		}
		s.answerSmall(ctx, pattern, who, serve)
	}
}

// answerSmall serves a route that the engine has no part in.
func (s *Server) answerSmall(ctx *fasthttp.RequestCtx, pattern string, who *tenant.Caller, serve func(*fasthttp.RequestCtx)) {
	id := s.requestID(ctx)
	ctx.Response.Header.Set(headerRequestID, id)
	s.addCORS(ctx)
	serve(ctx)
	s.recordSmall(ctx, pattern, who, id)
}
