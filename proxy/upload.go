package proxy

import (
	"bufio"
	"bytes"
	"context"
	"net"
	"net/http/httputil"
	"strconv"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/ai-mcp-gateway/gateway/store"
	"github.com/ai-mcp-gateway/gateway/translate"
)

// A multipart form is passed on while it is read, but fasthttp streams the
// bodies of all routes or of none, and streaming changes what a broken body
// looks like and leaves an unread one in front of the next request. So an
// upload is told apart as soon as its header is there: fasthttp is told that it
// has no body, and hands the connection over with what it has read ahead. The
// connection ends with the answer, so that no byte of the body can be taken for
// a request. All other routes stay as they are.

// uploadMethod is what the method of a diverted request becomes, with the
// body's length behind it. No client can send one with a blank in it.
const uploadMethod = "POST "

var multipartPrefix = []byte("multipart/")

// isUpload reports whether the request has a multipart form for a route that
// takes one. A path that is spelled in another way is not diverted, and then
// refused for its content type.
func isUpload(h *fasthttp.RequestHeader) bool {
	t := h.ContentType()
	return len(t) > len(multipartPrefix) && bytes.EqualFold(t[:len(multipartPrefix)], multipartPrefix) &&
		h.IsPost() && uploadRoute(h.RequestURI()) != nil
}

// uploadRoute returns the route that takes forms at uri, or nil.
func uploadRoute(uri []byte) *surfaceRoute {
	path, _, _ := bytes.Cut(uri, []byte("?"))
	for i := range surfaceRoutes {
		if r := &surfaceRoutes[i]; r.form && r.path == string(path) {
			return r
		}
	}
	return nil
}

// divert keeps fasthttp from reading the body.
func divert(h *fasthttp.RequestHeader) {
	h.SetMethod(uploadMethod + strconv.Itoa(h.ContentLength()))
	h.SetContentLength(0)
}

// diverted returns the length of a diverted body, which is chunked or less
// when it is not known.
func diverted(h *fasthttp.RequestHeader) (length int, ok bool) {
	m := h.Method()
	if len(m) <= len(uploadMethod) || string(m[:len(uploadMethod)]) != uploadMethod {
		return 0, false
	}
	length, err := strconv.Atoi(string(m[len(uploadMethod):]))
	return length, err == nil
}

// uploadCall is an upload from its header to the end of its connection.
type uploadCall struct {
	*surfaceCall
	conn   *conn
	source source
	form   form
}

// awaitUploads waits until all have ended, or ctx has.
func (s *Server) awaitUploads(ctx context.Context) {
	done := make(chan struct{})
	go func() {
		s.uploads.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-ctx.Done():
	}
}

// Gone implements netwatch.Goner.
func (u *uploadCall) Gone() {
	u.call.Gone()
	u.conn.wake()
}

// serveUpload takes over the connection of a diverted request; refusal is what
// is wrong with its header, if anything is.
func (s *Server) serveUpload(ctx *fasthttp.RequestCtx, length int, refusal *translate.Error) {
	own := ctx.Conn().(*conn)
	if refusal != nil {
		own.linger = true
		ctx.SetConnectionClose()
		s.refuse(ctx, refusal)
		return
	}
	// The handler of a connection that is taken over must not refer to ctx.
	inner, start := new(fasthttp.RequestCtx), ctx.Time()
	inner.Init2(own, quiet{s.options.Log}, false)
	ctx.Request.Header.CopyTo(&inner.Request.Header)
	inner.Request.Header.SetMethod(fasthttp.MethodPost)
	inner.Response.Header.SetNoDefaultContentType(true)
	s.uploads.Add(1)
	ctx.HijackSetNoResponse(true)
	ctx.Hijack(func(c net.Conn) {
		defer s.uploads.Done()
		s.takeUpload(inner, own, c, length, start)
	})
}

// takeUpload answers an upload. c reads what fasthttp has read ahead, and then
// from own.
func (s *Server) takeUpload(ctx *fasthttp.RequestCtx, own *conn, c net.Conn, length int, start time.Time) {
	defer func() {
		if p := recover(); p != nil { // before the first byte: WriteTo has its own
			s.logPanic(p)
			s.refuse(ctx, &translate.Error{Code: translate.GatewayInternal, Message: "internal error"})
			respond(ctx, c)
		}
	}()
	own.begun, own.linger = true, true
	route := uploadRoute(ctx.Request.Header.RequestURI())
	u := &uploadCall{surfaceCall: s.acquireSurface(ctx, route), conn: own}
	u.Start, u.Record.Time = start, start
	defer u.abandon()
	defer u.form.Close()
	s.watcher.Add(&u.watch, own.fd, u)
	err := s.prepareUpload(ctx, u, c, length)
	var kept *store.Answer
	if err == nil {
		kept, err = s.beginUpload(u)
	}
	if err == nil && kept == nil {
		if err = s.options.Engine.Surface(&u.surface); err == nil {
			u.keepSum()
		}
	}
	u.Record.BytesIn = u.source.read
	own.linger = !u.source.ended
	if kept != nil {
		s.addCORS(ctx)
		s.replay(ctx, u.call, kept)
	} else {
		u.answer(ctx, err)
	}
	respond(ctx, c)
}

// respond writes the answer, after which the connection ends.
func respond(ctx *fasthttp.RequestCtx, c net.Conn) {
	ctx.SetConnectionClose()
	w := bufio.NewWriter(c)
	if ctx.Response.Write(w) == nil {
		_ = w.Flush()
	}
}

// prepareUpload reads everything that the engine needs from the request: of
// the body as much as it takes to find the model.
func (s *Server) prepareUpload(ctx *fasthttp.RequestCtx, u *uploadCall, c net.Conn, length int) *translate.Error {
	if err := s.address(ctx, u.surfaceCall); err != nil {
		return err
	}
	h, cfg := &ctx.Request.Header, &s.settings.Load().config
	if e := h.ContentEncoding(); len(e) > 0 && !bytes.EqualFold(e, identity) {
		return translate.Errorf(translate.CallerUnsupportedMedia, "", "the content encoding %.32q is not accepted", e)
	}
	boundary, err := boundaryOf(h.ContentType())
	if err != nil {
		return err
	}
	if int64(length) > cfg.MaxUpload {
		return uploadTooLarge(cfg.MaxUpload)
	}
	u.source = source{conn: u.conn, limit: cfg.MaxUpload, silence: cfg.BodyTimeout, start: time.Now(), left: int64(max(0, length)), r: c}
	if length == chunked {
		u.source.left, u.source.r = -1, httputil.NewChunkedReader(c)
	}
	u.form.source, u.form.length = &u.source, u.source.left
	u.form.scan.reset(boundary)
	if err := s.expectKey(ctx, u); err != nil {
		return err
	}
	u.surface.ContentType, u.surface.Upload = h.ContentType(), &u.form
	modelless := uploadRoute(h.RequestURI()).modelless
	if modelless && len(u.surface.Provider) > 0 {
		return nil
	}
	if err := u.form.seek(modelless); err != nil {
		return u.excuse(err)
	}
	u.Request.Model = u.form.scan.model
	u.Record.Model = string(u.Request.Model)
	return nil
}

// excuse makes the end of a read that the server itself has ended say so.
func (u *uploadCall) excuse(err *translate.Error) *translate.Error {
	if err.Code == translate.CallerGone && u.server.cutting.Load() {
		return &translate.Error{Code: translate.GatewayStopping, Message: "the gateway is shutting down"}
	}
	return err
}

func uploadTooLarge(limit int64) *translate.Error {
	return translate.Errorf(translate.CallerBodyTooLarge, "", "the form is larger than %d bytes", limit)
}
