package proxy

import (
	"net/url"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/ai-mcp-gateway/gateway/engine"
	"github.com/ai-mcp-gateway/gateway/translate"
)

// serveModels lists what a client may name as a model.
func (s *Server) serveModels(ctx *fasthttp.RequestCtx) {
	models := s.options.Engine.Models()
	messages := len(ctx.Request.Header.Peek("Anthropic-Version")) > 0
	out := []byte(`{"object":"list","data":[`)
	if messages {
		out = []byte(`{"data":[`)
	}
	for i, m := range models {
		if i > 0 {
			out = append(out, ',')
		}
		out = s.appendModel(out, m, messages)
	}
	out = append(out, ']')
	if messages && len(models) > 0 {
		out = append(out, `,"has_more":false,"first_id":`...)
		out = appendQuoted(out, models[0].ID)
		out = append(out, `,"last_id":`...)
		out = appendQuoted(out, models[len(models)-1].ID)
	}
	writeJSON(ctx, append(out, '}'))
}

// serveModel describes one model. An encoded slash is part of its id: that is
// how SDKs send it.
func (s *Server) serveModel(ctx *fasthttp.RequestCtx) {
	raw, _ := ctx.UserValue("id").(string)
	id, err := url.PathUnescape(raw)
	if err == nil {
		for _, m := range s.options.Engine.Models() {
			if m.ID == id {
				writeJSON(ctx, s.appendModel(nil, m, len(ctx.Request.Header.Peek("Anthropic-Version")) > 0))
				return
			}
		}
	}
	s.writeError(ctx, &translate.Error{
		Code: translate.CallerModelNotFound, Param: "model", Message: "no configured provider serves this model",
	}, answerID(ctx))
}

// appendModel describes m in OpenAI's form, or with messages in Anthropic's.
func (s *Server) appendModel(dst []byte, m engine.Model, messages bool) []byte {
	if messages {
		dst = appendQuoted(append(dst, `{"type":"model","id":`...), m.ID)
		dst = appendQuoted(append(dst, `,"display_name":`...), m.ID)
		dst = append(dst, `,"created_at":`...)
		return append(appendQuoted(dst, s.started.UTC().Format(time.RFC3339)), '}')
	}
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
