package proxy

import (
	"strconv"

	"github.com/valyala/fasthttp"

	"github.com/ai-mcp-gateway/gateway/tenant"
	"github.com/ai-mcp-gateway/gateway/translate"
)

// maxItems is how many items of an input are listed at once.
const maxItems = 100

// owned wraps a small route whose answer depends on who asks.
func (s *Server) owned(pattern string, serve func(*fasthttp.RequestCtx, *tenant.Caller)) fasthttp.RequestHandler {
	return func(ctx *fasthttp.RequestCtx) {
		who, err := s.authenticate(&ctx.Request.Header)
		if err != nil {
			s.refuse(ctx, err)
			return
		}
		s.answerSmall(ctx, pattern, who, func(ctx *fasthttp.RequestCtx) { serve(ctx, who) })
	}
}

// serveResponse returns a kept answer of the Responses API.
func (s *Server) serveResponse(ctx *fasthttp.RequestCtx, who *tenant.Caller) {
	id := responseID(ctx)
	if r, ok := s.options.Engine.Response(who.Tenant, id); ok {
		writeJSON(ctx, r.Body)
		return
	}
	s.noResponse(ctx, id)
}

// deleteResponse forgets one.
func (s *Server) deleteResponse(ctx *fasthttp.RequestCtx, who *tenant.Caller) {
	id := responseID(ctx)
	if !s.options.Engine.DeleteResponse(who.Tenant, id) {
		s.noResponse(ctx, id)
		return
	}
	out := appendQuoted([]byte(`{"id":`), id)
	writeJSON(ctx, append(out, `,"object":"response","deleted":true}`...))
}

// cancelResponse refuses: only answers that are made in the background can be
// cancelled, and there are none here.
func (s *Server) cancelResponse(ctx *fasthttp.RequestCtx, who *tenant.Caller) {
	id := responseID(ctx)
	if _, ok := s.options.Engine.Response(who.Tenant, id); !ok {
		s.noResponse(ctx, id)
		return
	}
	s.writeError(ctx, translate.Errorf(translate.CallerInvalidField, "response_id", "Only a response with background: true can be cancelled."), answerID(ctx))
}

// serveInputItems lists what a kept answer answers, the newest item first
// unless order=asc, at most limit of them from behind the item named after.
func (s *Server) serveInputItems(ctx *fasthttp.RequestCtx, who *tenant.Caller) {
	id := responseID(ctx)
	r, ok := s.options.Engine.Response(who.Tenant, id)
	if !ok {
		s.noResponse(ctx, id)
		return
	}
	query := ctx.QueryArgs()
	limit := 20
	if raw := query.Peek("limit"); len(raw) > 0 {
		n, err := strconv.Atoi(string(raw))
		if err != nil || n < 1 || n > maxItems {
			s.writeError(ctx, translate.Errorf(translate.CallerInvalidField, "limit", "limit must be a number from 1 to %d.", maxItems), answerID(ctx))
			return
		}
		limit = n
	}
	list := readItems(r.Input)
	if string(query.Peek("order")) != "asc" {
		list.reverse()
	}
	list.from(string(query.Peek("after")))
	writeJSON(ctx, list.append(nil, limit))
}

// items are those of an input, with their ids.
type items struct {
	raw [][]byte
	ids []string
}

func readItems(input []byte) (list items) {
	all := translate.Elements(input)
	for all.Next() {
		id := ""
		o := all.Members()
		for o.Next() {
			if string(o.Key()) == "id" && o.Kind() == translate.KindString {
				id = string(translate.AppendText(nil, o.Value()))
			}
		}
		list.raw, list.ids = append(list.raw, all.Value()), append(list.ids, id)
	}
	return list
}

func (l *items) reverse() {
	for i, j := 0, len(l.raw)-1; i < j; i, j = i+1, j-1 {
		l.raw[i], l.raw[j] = l.raw[j], l.raw[i]
		l.ids[i], l.ids[j] = l.ids[j], l.ids[i]
	}
}

// from drops everything up to the item with this id.
func (l *items) from(after string) {
	for i, id := range l.ids {
		if after != "" && id == after {
			l.raw, l.ids = l.raw[i+1:], l.ids[i+1:]
			return
		}
	}
}

func (l *items) append(dst []byte, limit int) []byte {
	n := min(limit, len(l.raw))
	dst = append(dst, `{"object":"list","data":[`...)
	for i, raw := range l.raw[:n] {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, raw...)
	}
	first, last := "", ""
	if n > 0 {
		first, last = l.ids[0], l.ids[n-1]
	}
	dst = appendQuoted(append(dst, `],"first_id":`...), first)
	dst = appendQuoted(append(dst, `,"last_id":`...), last)
	dst = append(dst, `,"has_more":`...)
	return append(strconv.AppendBool(dst, n < len(l.raw)), '}')
}

func (s *Server) noResponse(ctx *fasthttp.RequestCtx, id string) {
	s.writeError(ctx, translate.Errorf(translate.CallerNotFound, "response_id", "There is no response %.64q.", id), answerID(ctx))
}

func responseID(ctx *fasthttp.RequestCtx) string {
	id, _ := ctx.UserValue("id").(string)
	return id
}

// answerID is the request id that the answer has already.
func answerID(ctx *fasthttp.RequestCtx) string {
	return string(ctx.Response.Header.Peek(headerRequestID))
}
