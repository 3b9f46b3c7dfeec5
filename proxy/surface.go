package proxy

import (
	"io"

	"github.com/valyala/fasthttp"

	"github.com/ai-mcp-gateway/gateway/engine"
	"github.com/ai-mcp-gateway/gateway/store"
	"github.com/ai-mcp-gateway/gateway/translate"
)

// surfaceRoute is a route of OpenAI's API that passes to a provider as it is.
type surfaceRoute struct {
	method, path string
	op           string // in logs and metrics
	// form: it takes a multipart form besides JSON. modelless: the form has no
	// model, so that the client has to name the provider.
	form, modelless bool
	raw             bool // the answer is a file
}

var surfaceRoutes = []surfaceRoute{
	{method: "POST", path: "/v1/images/generations", op: "image"},
	{method: "POST", path: "/v1/images/edits", op: "image", form: true},
	{method: "POST", path: "/v1/images/variations", op: "image", form: true},
	{method: "POST", path: "/v1/audio/transcriptions", op: "transcription", form: true},
	{method: "POST", path: "/v1/audio/translations", op: "translation", form: true},
	{method: "POST", path: "/v1/audio/speech", op: "speech"},
	{method: "POST", path: "/v1/moderations", op: "moderation"},
	{method: "POST", path: "/v1/rerank", op: "rerank"},
	{method: "POST", path: "/v1/files", op: "file", form: true, modelless: true},
	{method: "GET", path: "/v1/files", op: "file"},
	{method: "GET", path: "/v1/files/{id}", op: "file"},
	{method: "DELETE", path: "/v1/files/{id}", op: "file"},
	{method: "GET", path: "/v1/files/{id}/content", op: "file", raw: true},
	{method: "POST", path: "/v1/batches", op: "batch"},
	{method: "GET", path: "/v1/batches", op: "batch"},
	{method: "GET", path: "/v1/batches/{id}", op: "batch"},
	{method: "POST", path: "/v1/batches/{id}/cancel", op: "batch"},
}

// surfaceCall is a call to such a route. Like call, it is the response's body
// stream.
type surfaceCall struct {
	*call
	surface engine.Surface
}

// serveSurface answers a request whose body has been read.
func (s *Server) serveSurface(ctx *fasthttp.RequestCtx, route *surfaceRoute) {
	c := s.acquireSurface(ctx, route)
	defer c.abandon()
	err := s.prepareSurface(ctx, c)
	var kept *store.Answer
	switch {
	case err != nil:
	case route.method == fasthttp.MethodPost:
		kept, err = s.begin(ctx, c.call, c.surface.Path)
	default:
		s.watcher.Add(&c.watch, descriptorOf(ctx), c.call)
	}
	if kept != nil {
		s.addCORS(ctx)
		s.replay(ctx, c.call, kept)
		return
	}
	if err == nil {
		err = s.options.Engine.Surface(&c.surface)
	}
	c.answer(ctx, err)
}

// acquireSurface starts a call and its record.
func (s *Server) acquireSurface(ctx *fasthttp.RequestCtx, route *surfaceRoute) *surfaceCall {
	c := &surfaceCall{call: s.acquire(ctx, modelRoute{path: route.path})}
	c.surface = engine.Surface{Call: c.call.Call, Method: route.method, Raw: route.raw}
	c.Record.Method, c.Record.Op = route.method, route.op
	return c
}

// abandon is call's, for what a surfaceCall holds besides.
func (c *surfaceCall) abandon() {
	p := recover()
	if p == nil {
		return
	}
	c.server.watcher.Remove(&c.watch)
	c.surface.Close()
	c.Call.Close()
	c.once.settle(c.server, false)
	c.server.options.Metrics.InFlight(-1)
	panic(p)
}

// prepareSurface reads everything that the engine needs from the request.
func (s *Server) prepareSurface(ctx *fasthttp.RequestCtx, c *surfaceCall) *translate.Error {
	if err := s.address(ctx, c); err != nil {
		return err
	}
	body := ctx.Request.Body()
	if c.surface.Method != fasthttp.MethodPost || len(body) == 0 {
		return nil
	}
	if err := checkMedia(&ctx.Request.Header); err != nil {
		return err
	}
	c.Record.BytesIn = int64(len(body))
	if err := c.Request.Scan(body); err != nil {
		return err
	}
	c.surface.ContentType = applicationJSON
	c.Record.Model, c.Record.Stream = string(c.Request.Model), c.Request.Stream
	return nil
}

// address finds out who calls and where the call is to go.
func (s *Server) address(ctx *fasthttp.RequestCtx, c *surfaceCall) *translate.Error {
	h := &ctx.Request.Header
	who, err := s.authenticate(h)
	if err != nil {
		return err
	}
	c.attribute(h, who)
	c.surface.Provider = h.PeekBytes(keyProvider)
	path, query := ctx.URI().PathOriginal(), ctx.URI().QueryString()
	for _, part := range [][]byte{path, query} {
		for _, b := range part {
			if b <= ' ' || b >= 0x7f {
				return badFraming("the target has a character that has to be escaped")
			}
		}
	}
	c.surface.Path = string(path[len("/v1"):])
	if len(query) > 0 {
		c.surface.Path += "?" + string(query)
	}
	return nil
}

// answer makes what the engine has found the response.
func (c *surfaceCall) answer(ctx *fasthttp.RequestCtx, err *translate.Error) {
	c.server.addCORS(ctx)
	h := &ctx.Response.Header
	if err != nil {
		c.server.writeError(ctx, err, c.Record.RequestID)
		if err.Body != nil {
			h.SetContentTypeBytes(c.surface.AnswerType)
		}
		c.describe(h)
		c.Passed(h.SetBytesKV)
		c.end(err.HTTPStatus(), err)
		return
	}
	ctx.SetStatusCode(c.surface.Status)
	c.writeHeader(h)
	c.once.noteHeader(h)
	ctx.Response.SetBodyStream(c, c.surface.Length())
}

// writeHeader writes the header of an answer.
func (c *surfaceCall) writeHeader(h *fasthttp.ResponseHeader) {
	h.SetContentTypeBytes(c.surface.AnswerType)
	if len(c.surface.AnswerDisposition) > 0 {
		h.SetBytesV("Content-Disposition", c.surface.AnswerDisposition)
	}
	if c.Record.Stream {
		h.SetCanonical(keyCacheStore, valueNoCache)
		h.SetCanonical(keyBuffering, valueNo)
	}
	h.Set(headerRequestID, c.Record.RequestID)
	c.describe(h)
	if !c.Record.CostKnown {
		h.SetCanonical(keyCost, valueUnknown)
	}
	c.Passed(h.SetBytesKV)
}

// Read implements io.Reader; see call.
func (c *surfaceCall) Read(p []byte) (int, error) { return c.call.Read(p) }

// SupportsBodyWriteTo implements fasthttp.BodyWriterTo.
func (c *surfaceCall) SupportsBodyWriteTo() bool { return true }

// WriteTo implements io.WriterTo. A panic ends the connection, and with it the
// answer: its status has been sent.
func (c *surfaceCall) WriteTo(w io.Writer) (n int64, err error) {
	defer func() {
		if p := recover(); p != nil {
			c.server.logPanic(p)
			c.bug, err = true, errPanic
		}
	}()
	if f, ok := w.(flusher); ok { // a body of known length, which fasthttp buffers
		w = eager{f}
	}
	if c.once != nil {
		w = c.once.tee(w)
	}
	n, err = c.surface.WriteTo(w)
	if c.once != nil && err == nil {
		err = c.once.failed
	}
	c.broken = err != nil
	return n, err
}

// flusher is a buffered writer, and eager flushes each write to it.
type flusher interface {
	io.Writer
	Flush() error
}

type eager struct{ flusher }

// Write implements io.Writer.
func (w eager) Write(p []byte) (n int, err error) {
	if n, err = w.flusher.Write(p); err == nil {
		err = w.Flush()
	}
	return n, err
}

// Close implements io.Closer: the answer is written, or can't be.
func (c *surfaceCall) Close() error {
	c.end(c.surface.Status, c.Err())
	return nil
}

// end ends the call: nothing of it is used after.
func (c *surfaceCall) end(status int, err *translate.Error) {
	c.surface.Close()
	c.call.finish(status, err)
}
