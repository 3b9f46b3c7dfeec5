package proxy

import (
	"strconv"

	"github.com/valyala/fasthttp"

	"github.com/ai-mcp-gateway/gateway/engine"
	"github.com/ai-mcp-gateway/gateway/tenant"
	"github.com/ai-mcp-gateway/gateway/translate"
)

// serveContext shows a conversation. One that never was is empty, and so is
// somebody else's.
func (s *Server) serveContext(ctx *fasthttp.RequestCtx, who *tenant.Caller) {
	id, err := contextID(ctx)
	var out []byte
	if err == nil {
		out, err = s.options.Engine.Conversation(who.Tenant, id)
	}
	if err != nil {
		s.writeError(ctx, err, answerID(ctx))
		return
	}
	writeJSON(ctx, out)
}

// putContext stores the summary that a caller wrote of a conversation.
func (s *Server) putContext(ctx *fasthttp.RequestCtx, who *tenant.Caller) {
	id, err := contextID(ctx)
	var version int64
	if err == nil {
		var summary []byte
		if summary, err = readContext(ctx); err == nil {
			version, err = s.options.Engine.PutSummary(who.Tenant, id, summary)
		}
	}
	if err != nil {
		s.writeError(ctx, err, answerID(ctx))
		return
	}
	out := appendQuoted([]byte(`{"success":true,"conversationId":`), id)
	out = strconv.AppendInt(append(out, `,"version":`...), version, 10)
	writeJSON(ctx, append(out, '}'))
}

func contextID(ctx *fasthttp.RequestCtx) (string, *translate.Error) {
	id, _ := ctx.UserValue("id").(string)
	return id, engine.CheckConversationID("conversationId", id)
}

// readContext returns the summary in a body that has nothing else.
func readContext(ctx *fasthttp.RequestCtx) ([]byte, *translate.Error) {
	if err := checkMedia(&ctx.Request.Header); err != nil {
		return nil, err
	}
	var r translate.Request
	if err := r.Scan(ctx.Request.Body()); err != nil {
		return nil, err
	}
	var summary []byte
	for o := translate.Members(r.Body); o.Next(); {
		name := string(o.Key())
		switch {
		case name != "summary":
			return nil, unknownField(name, []string{"summary"})
		case summary != nil:
			return nil, translate.Errorf(translate.CallerDuplicateField, name, "The field %q stands more than once.", name)
		}
		summary = o.Value()
	}
	if summary == nil {
		return nil, translate.Errorf(translate.CallerMissingField, "summary", "The field %q is required.", "summary")
	}
	return summary, nil
}
