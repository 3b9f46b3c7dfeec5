package proxy

import (
	"strconv"
	"time"

	"github.com/valyala/fasthttp"
)

// serveHealth says how the gateway and what it depends on are doing. It calls
// no provider and its status is always 200: a probe wants /livez or /readyz.
func (s *Server) serveHealth(ctx *fasthttp.RequestCtx) {
	redis, database := s.options.Redis(), s.options.Database()
	status := "ok"
	providers := []byte("{")
	s.options.Engine.ProviderStates(func(name, state string) {
		if len(providers) > 1 {
			providers = append(providers, ',')
		}
		providers = appendQuoted(providers, name)
		providers = append(providers, ':')
		providers = appendQuoted(providers, state)
		if state == "cooling" || state == "down" {
			status = "degraded"
		}
	})
	if redis == "down" || database == "down" || database == "spooling" || s.stopping.Load() {
		status = "degraded"
	}
	out := appendQuoted([]byte(`{"status":`), status)
	out = appendQuoted(append(out, `,"version":`...), s.options.Version)
	out = append(out, `,"uptimeSeconds":`...)
	out = strconv.AppendInt(out, int64(time.Since(s.started)/time.Second), 10)
	out = appendQuoted(append(out, `,"redis":`...), redis)
	out = appendQuoted(append(out, `,"database":`...), database)
	out = append(out, `,"providers":`...)
	out = append(out, providers...)
	writeJSON(ctx, append(out, "}}"...))
}

// serveLive says that the process answers.
func (s *Server) serveLive(ctx *fasthttp.RequestCtx) {
	writeJSON(ctx, []byte(`{"status":"ok"}`))
}

// serveReady says whether new requests should come here.
func (s *Server) serveReady(ctx *fasthttp.RequestCtx) {
	if s.stopping.Load() {
		ctx.SetStatusCode(fasthttp.StatusServiceUnavailable)
		writeJSON(ctx, []byte(`{"status":"stopping"}`))
		return
	}
	writeJSON(ctx, []byte(`{"status":"ok"}`))
}

// serveMetrics is the Prometheus text format.
func (s *Server) serveMetrics(ctx *fasthttp.RequestCtx) {
	ctx.Response.Header.SetContentType("text/plain; version=0.0.4; charset=utf-8")
	ctx.SetBody(s.options.Metrics.AppendText(nil))
}
