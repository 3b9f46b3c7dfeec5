package proxy

import (
	"net/url"

	"github.com/valyala/fasthttp"

	"github.com/ai-mcp-gateway/gateway/engine"
	"github.com/ai-mcp-gateway/gateway/translate"
)

// serveModels lists what a client may name as a model.
func (s *Server) serveModels(ctx *fasthttp.RequestCtx) {
	out := []byte(`{"object":"list","data":[`)
	for i, m := range s.options.Engine.Models() {
		if i > 0 {
			out = append(out, ',')
		}
		out = s.appendModel(out, m)
	}
	writeJSON(ctx, append(out, "]}"...))
}

// serveModel describes one model. An encoded slash is part of its id: that is
// how SDKs send it.
func (s *Server) serveModel(ctx *fasthttp.RequestCtx) {
	raw, _ := ctx.UserValue("id").(string)
	id, err := url.PathUnescape(raw)
	if err == nil {
		for _, m := range s.options.Engine.Models() {
			if m.ID == id {
				writeJSON(ctx, s.appendModel(nil, m))
				return
			}
		}
	}
	s.writeError(ctx, &translate.Error{
		Code: translate.CallerModelNotFound, Param: "model", Message: "no configured provider serves this model",
	}, string(ctx.Response.Header.Peek(headerRequestID)))
}

func (s *Server) appendModel(dst []byte, m engine.Model) []byte {
	dst = append(dst, `{"id":`...)
	dst = appendQuoted(dst, m.ID)
	dst = append(dst, `,"object":"model","created":`...)
	dst = fasthttp.AppendUint(dst, int(s.started.Unix()))
	dst = append(dst, `,"owned_by":`...)
	dst = appendQuoted(dst, m.OwnedBy)
	return append(dst, '}')
}

func appendQuoted(dst []byte, text string) []byte {
	return translate.AppendString(dst, []byte(text))
}

func writeJSON(ctx *fasthttp.RequestCtx, body []byte) {
	ctx.Response.Header.SetContentType("application/json")
	ctx.SetBody(body)
}
