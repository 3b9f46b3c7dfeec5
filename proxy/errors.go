package proxy

import (
	"bytes"
	"errors"
	"strconv"

	"github.com/valyala/fasthttp"

	"github.com/ai-mcp-gateway/gateway/translate"
)

// errorDialect renders an error as a client of the dialect expects it.
type errorDialect interface {
	AppendError(dst []byte, e *translate.Error, requestID string) []byte
}

// statusDialect is one whose clients expect other statuses for some errors.
type statusDialect interface {
	HTTPStatus(e *translate.Error) int
}

// messagesPath is where the clients of Anthropic's dialect call; modelsPath is
// everybody's.
var (
	messagesPath = []byte("/v1/messages")
	modelsPath   = []byte("/v1/models")
)

// dialect is the one that the caller speaks, by its path or, where both
// dialects have the path, by the header that only one sends.
func (s *Server) dialect(ctx *fasthttp.RequestCtx) errorDialect {
	path := ctx.Path()
	if bytes.HasPrefix(path, messagesPath) || bytes.HasPrefix(path, modelsPath) && len(ctx.Request.Header.Peek("Anthropic-Version")) > 0 {
		return s.options.Messages
	}
	return s.options.Dialect
}

// writeError is the one place where an error becomes an HTTP answer.
func (s *Server) writeError(ctx *fasthttp.RequestCtx, e *translate.Error, requestID string) {
	status, dialect := e.HTTPStatus(), s.dialect(ctx)
	if d, ok := dialect.(statusDialect); ok {
		status = d.HTTPStatus(e)
	}
	ctx.Response.ResetBody()
	ctx.SetStatusCode(status)
	h := &ctx.Response.Header
	h.SetContentType("application/json")
	h.Set("X-Gateway-Error", e.Code.String())
	h.Set(headerRequestID, requestID)
	if dialect == s.options.Messages {
		h.Set(headerMessageID, requestID)
	}
	if e.Attempts > 0 {
		h.Set("X-Gateway-Attempts", strconv.Itoa(e.Attempts))
	}
	if e.RetryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(e.RetryAfter))
	}
	if status == fasthttp.StatusUnauthorized {
		h.Set("WWW-Authenticate", "Bearer")
	}
	ctx.SetBody(dialect.AppendError(nil, e, requestID))
	switch e.Code {
	case translate.CallerBadRequest, translate.CallerVersion, translate.CallerHeaderTooLarge, translate.CallerBodyTooLarge, translate.CallerTimeout:
		ctx.SetConnectionClose() // where the next request starts is not certain
	}
}

// serveBroken answers what fasthttp could not read.
func (s *Server) serveBroken(ctx *fasthttp.RequestCtx, err error) {
	e := &translate.Error{Code: translate.CallerBadRequest, Message: "the request is not well-formed HTTP"}
	var small *fasthttp.ErrSmallBuffer
	c, _ := ctx.Conn().(*conn)
	switch {
	case errors.As(err, &small):
		e = &translate.Error{Code: translate.CallerHeaderTooLarge, Message: "the header is too large"}
	case errors.Is(err, fasthttp.ErrBodyTooLarge):
		e = s.tooLarge(ctx)
	case c != nil && c.late: // fasthttp's error does not always say so
		e = &translate.Error{Code: translate.CallerTimeout, Message: "the request did not arrive in time"}
	}
	if c != nil {
		c.linger = true
	}
	id := s.requestID(ctx)
	s.addCORS(ctx)
	s.writeError(ctx, e, id)
	ctx.SetConnectionClose()
	s.recordRefusal(ctx, e, id)
}

// tooLarge is the error for a body that was not read: it is too large, or its
// sender is nobody we know. Of a body in chunks that turned out to be too
// large, fasthttp has forgotten the header, so nobody can say which.
func (s *Server) tooLarge(ctx *fasthttp.RequestCtx) *translate.Error {
	if len(ctx.Request.Header.RawHeaders()) == 0 {
		return &translate.Error{Code: translate.CallerBodyTooLarge, Message: "the body is too large"}
	}
	if _, err := s.authenticate(&ctx.Request.Header); err != nil && !public(ctx.Path()) {
		return err
	}
	return translate.Errorf(translate.CallerBodyTooLarge, "", "the body is larger than %d bytes", s.settings.Load().config.MaxBody)
}
