package proxy

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/url"
	"slices"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/ai-mcp-gateway/gateway/internal/netwatch"
	"github.com/ai-mcp-gateway/gateway/telemetry"
	"github.com/ai-mcp-gateway/gateway/tenant"
	"github.com/ai-mcp-gateway/gateway/translate"
)

const mcpPath = "/mcp"

// mcpServer answers MCP's messages. The body is nil when there is none, and is
// written once, one Write for each event of a stream; kind is its media type.
// ctx ends the call. Nothing of what is passed is kept but for message.
type mcpServer interface {
	Post(ctx context.Context, who *tenant.Caller, header func(name string) string, message []byte) (status int, kind, session string, body io.WriterTo)
}

// serveMCP answers a message of MCP's over streamable HTTP.
func (s *Server) serveMCP(ctx *fasthttp.RequestCtx) {
	h := &ctx.Request.Header
	err := s.checkOrigin(h)
	var who *tenant.Caller
	if err == nil {
		who, err = s.authenticate(h)
	}
	if err == nil {
		err = checkMedia(h)
	}
	if err != nil {
		s.refuse(ctx, err)
		return
	}
	r := &mcpReply{server: s, record: telemetry.Call{
		Time: ctx.Time(), RequestID: s.requestID(ctx), Method: "POST", Route: mcpPath,
		Tenant: who.Tenant, Project: who.Project, User: who.User, KeyID: who.KeyID,
	}}
	call, cancel := context.WithCancel(context.Background())
	r.cancel = cancel
	s.watcher.Add(&r.watch, descriptorOf(ctx), r)
	message := bytes.Clone(ctx.Request.Body()) // the call may outlive the handler
	header := func(name string) string { return string(h.Peek(name)) }
	var kind, session string
	r.record.BytesIn = int64(len(message))
	r.record.Status, kind, session, r.body = s.options.MCP.Post(call, who, header, message)
	s.addCORS(ctx)
	out := &ctx.Response.Header
	out.Set(headerRequestID, r.record.RequestID)
	out.SetStatusCode(r.record.Status)
	if session != "" {
		out.Set("Mcp-Session-Id", session)
	}
	if r.body == nil {
		_ = r.Close()
		return
	}
	out.SetContentType(kind)
	if kind == "text/event-stream" {
		out.Set(fasthttp.HeaderCacheControl, "no-cache")
		out.Set("X-Accel-Buffering", "no")
	}
	ctx.Response.SetBodyStream(r, -1)
}

// refuseMCPMethod answers GET and DELETE: there are no sessions to listen to,
// or to end.
func (s *Server) refuseMCPMethod(ctx *fasthttp.RequestCtx) {
	ctx.Response.Header.Set(fasthttp.HeaderAllow, "POST, OPTIONS")
	s.refuse(ctx, &translate.Error{Code: translate.CallerMethodNotAllowed, Message: "the route does not take this method"})
}

// checkOrigin keeps pages of a browser out that nobody has let in. On a
// loopback listener it also keeps out names that a page's own server has made
// point here.
func (s *Server) checkOrigin(h *fasthttp.RequestHeader) *translate.Error {
	foreign := &translate.Error{Code: translate.CallerForbidden, Message: "this host or origin is not let in; cors.origins lists those that are"}
	host := string(h.Host())
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	if s.local && !isLoopback(host) {
		return foreign
	}
	origin := string(h.Peek("Origin"))
	if origin == "" || slices.Contains(s.settings.Load().config.Origins, origin) {
		return nil
	}
	u, err := url.Parse(origin)
	if err != nil || !s.local || !isLoopback(u.Hostname()) {
		return foreign
	}
	return nil
}

func isLoopback(host string) bool {
	ip := net.ParseIP(string(bytes.Trim([]byte(host), "[]")))
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// mcpReply is an answer on its way to its client.
type mcpReply struct {
	server *Server
	watch  netwatch.Watch
	cancel context.CancelFunc
	body   io.WriterTo
	record telemetry.Call
}

// Gone implements netwatch.Goner.
func (r *mcpReply) Gone() { r.cancel() }

// Read implements io.Reader. It is not called: SupportsBodyWriteTo says so.
func (r *mcpReply) Read([]byte) (int, error) { panic("BUG: the answer is written, not read") }

// SupportsBodyWriteTo implements fasthttp.BodyWriterTo.
func (r *mcpReply) SupportsBodyWriteTo() bool { return true }

// WriteTo implements io.WriterTo.
func (r *mcpReply) WriteTo(w io.Writer) (n int64, err error) {
	defer func() {
		if p := recover(); p != nil {
			r.server.logPanic(p)
			err = errPanic
		}
	}()
	n, err = r.body.WriteTo(w)
	r.record.BytesOut = n
	return n, err
}

// Close implements io.Closer: the answer is written, or cannot be.
func (r *mcpReply) Close() error {
	r.cancel()
	r.server.watcher.Remove(&r.watch)
	r.record.Duration = time.Since(r.record.Time)
	r.server.record(&r.record)
	return nil
}
