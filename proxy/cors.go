package proxy

import (
	"slices"

	"github.com/valyala/fasthttp"
)

// addCORS admits a browser's origin that the configuration lists; any other
// gets no header, which is a browser's no.
func (s *Server) addCORS(ctx *fasthttp.RequestCtx) {
	origins := s.settings.Load().config.Origins
	if len(origins) == 0 {
		return
	}
	h := &ctx.Response.Header
	h.Add("Vary", "Origin")
	origin := ctx.Request.Header.Peek("Origin")
	if len(origin) == 0 || (!slices.Contains(origins, string(origin)) && !slices.Contains(origins, "*")) {
		return
	}
	h.SetBytesV("Access-Control-Allow-Origin", origin)
	h.Set("Access-Control-Expose-Headers", "X-Request-Id, X-Gateway-Tier, X-Gateway-Model, X-Gateway-Provider, X-Gateway-Cache, X-Gateway-Cost, X-Gateway-Error, Retry-After")
}

// servePreflight answers a browser's question before the real request, and
// anybody else's after what a route takes: the router has said that in Allow.
func (s *Server) servePreflight(ctx *fasthttp.RequestCtx) {
	s.answerSmall(ctx, "preflight", nil, func(ctx *fasthttp.RequestCtx) {
		ctx.SetStatusCode(fasthttp.StatusNoContent)
		h := &ctx.Response.Header
		if len(h.Peek("Access-Control-Allow-Origin")) == 0 || len(ctx.Request.Header.Peek("Access-Control-Request-Method")) == 0 {
			return
		}
		h.Set("Access-Control-Allow-Methods", "GET, POST, DELETE, OPTIONS")
		if asked := ctx.Request.Header.Peek("Access-Control-Request-Headers"); len(asked) > 0 {
			h.SetBytesV("Access-Control-Allow-Headers", asked)
		}
		h.Set("Access-Control-Max-Age", "600")
	})
}
