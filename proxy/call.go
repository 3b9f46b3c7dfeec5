package proxy

import (
	"bytes"
	"errors"
	"io"
	"strconv"
	"sync"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/ai-mcp-gateway/gateway/engine"
	"github.com/ai-mcp-gateway/gateway/internal/netwatch"
	"github.com/ai-mcp-gateway/gateway/store"
	"github.com/ai-mcp-gateway/gateway/tenant"
	"github.com/ai-mcp-gateway/gateway/translate"
)

// call is one request that the engine answers, from its handler to the last
// byte of its answer. It is the response's body stream: fasthttp writes it and
// closes it, in the connection's goroutine, after the handler has returned.
type call struct {
	*engine.Call
	server *Server
	watch  netwatch.Watch
	once   *once         // of a call with an idempotency key
	native *nativeStream // of /v1/chat with stream: true
	agent  *engine.Agent // of /v1/code-agent
	broken bool          // the client could not be written to
	bug    bool          // writing has panicked
}

var calls = sync.Pool{New: func() any { return new(call) }}

// Gone implements netwatch.Goner: the client has closed its connection, or
// the server is ending what is under way.
func (c *call) Gone() {
	switch {
	case c.agent != nil && (c.server.cutting.Load() || !c.once.holds()):
		c.agent.Gone(c.server.cutting.Load())
	case c.server.cutting.Load():
		c.Stopping()
	case !c.once.holds(): // its answer is for whoever comes again
		c.ClientGone()
	}
}

// serveCall answers a request for a model.
func (s *Server) serveCall(ctx *fasthttp.RequestCtx, route modelRoute) {
	c := s.acquire(ctx, route)
	defer c.abandon()
	err := s.prepare(ctx, c, route.op)
	var kept *store.Answer
	if err == nil {
		kept, err = s.begin(ctx, c, route.path)
	}
	if err == nil && kept == nil {
		err = s.options.Engine.Do(c.Call)
	}
	s.addCORS(ctx)
	switch {
	case err != nil:
		s.fail(ctx, c, err)
	case kept != nil:
		s.replay(ctx, c, kept)
	default:
		c.writeHeader(&ctx.Response.Header)
		c.once.noteHeader(&ctx.Response.Header)
		ctx.Response.SetBodyStream(c, c.Length())
	}
}

// begin makes c end with its client, and takes its idempotency key if it has
// one, or returns what the call that had it before got.
func (s *Server) begin(ctx *fasthttp.RequestCtx, c *call, path string) (kept *store.Answer, err *translate.Error) {
	if c.once, err = s.newOnce(c.Caller, ctx.Request.Header.Peek(headerIdempotencyKey)); err != nil {
		return nil, err
	}
	s.watcher.Add(&c.watch, descriptorOf(ctx), c)
	if c.once == nil {
		return nil, nil
	}
	c.Key = c.once.key
	return s.claim(c, path, ctx.Request.Body())
}

// abandon gives up what a call holds when its handler panics, and lets the
// panic go on. The call is not used again: nobody knows its state.
func (c *call) abandon() {
	p := recover()
	if p == nil {
		return
	}
	c.server.watcher.Remove(&c.watch)
	c.Call.Close()
	c.once.settle(c.server, false)
	c.server.options.Metrics.InFlight(-1)
	panic(p)
}

// acquire starts a call and its record.
func (s *Server) acquire(ctx *fasthttp.RequestCtx, route modelRoute) *call {
	c := calls.Get().(*call)
	c.Call, c.server = engine.AcquireCall(ctx.Time()), s
	s.options.Metrics.InFlight(1)
	r := &c.Record
	r.Time, r.Method, r.Route, r.Op = c.Start, "POST", route.path, route.op.String()
	r.RequestID = s.requestID(ctx)
	c.Traceparent, r.TraceID = traceparent(ctx)
	return c
}

// prepare reads everything that the engine needs from the request.
func (s *Server) prepare(ctx *fasthttp.RequestCtx, c *call, op translate.Op) *translate.Error {
	h := &ctx.Request.Header
	who, err := s.authenticate(h)
	if err != nil {
		return err
	}
	c.attribute(h, who)
	if err := checkMedia(h); err != nil {
		return err
	}
	body := ctx.Request.Body()
	c.Record.BytesIn = int64(len(body))
	c.Op = op
	c.TierHint = h.Peek("X-Gateway-Tier")
	c.Quality, c.MaxCost = h.Peek(headerQuality), h.Peek(headerMaxCost)
	c.Conversation = string(h.Peek(headerConversationID))
	c.Strict = bytes.Equal(h.Peek("X-Gateway-Strict"), valueTrue)
	if op == translate.OpMessages || op == translate.OpCountTokens {
		c.Version, c.Betas = h.Peek("Anthropic-Version"), h.Peek("Anthropic-Beta")
	}
	c.Control = cacheControl(h.Peek(fasthttp.HeaderCacheControl))
	if err := c.Request.Scan(body); err != nil {
		return err
	}
	if err := c.Request.Check(op); err != nil {
		return err
	}
	c.Record.Model, c.Record.Stream = string(c.Request.Model), c.Request.Stream
	return nil
}

// attribute notes who calls. A key without a project or a user may name them
// by header; one that has them can't be talked out of it.
func (c *call) attribute(h *fasthttp.RequestHeader, who *tenant.Caller) {
	c.Caller = who
	project, user := h.Peek("X-Gateway-Project"), h.Peek("X-Gateway-User")
	if (len(project) > 0 && who.Project == "") || (len(user) > 0 && who.User == "") {
		named := *who
		if named.Project == "" {
			named.Project = string(project)
		}
		if named.User == "" {
			named.User = string(user)
		}
		c.Caller = &named
	}
	r := &c.Record
	r.Tenant, r.Project, r.User, r.KeyID = c.Caller.Tenant, c.Caller.Project, c.Caller.User, c.Caller.KeyID
}

var (
	applicationJSON = []byte("application/json")
	identity        = []byte("identity")
	charset         = []byte("charset=")
	utf8Name        = []byte("utf-8")
)

// checkMedia accepts JSON in UTF-8, said or unsaid, and nothing encoded.
func checkMedia(h *fasthttp.RequestHeader) *translate.Error {
	if e := h.ContentEncoding(); len(e) > 0 && !bytes.EqualFold(e, identity) {
		return translate.Errorf(translate.CallerUnsupportedMedia, "", "the content encoding %.32q is not accepted", e)
	}
	t := h.ContentType()
	if len(t) == 0 || bytes.Equal(t, applicationJSON) {
		return nil
	}
	media, parameters, _ := bytes.Cut(t, []byte(";"))
	media = bytes.TrimSpace(media)
	if !bytes.EqualFold(media, applicationJSON) && !bytes.HasSuffix(media, []byte("+json")) {
		return translate.Errorf(translate.CallerUnsupportedMedia, "", "the content type %.64q is not accepted: send application/json", media)
	}
	for len(parameters) > 0 {
		var p []byte
		p, parameters, _ = bytes.Cut(parameters, []byte(";"))
		p = bytes.ToLower(bytes.TrimSpace(p))
		if name, ok := bytes.CutPrefix(p, charset); ok && !bytes.Equal(bytes.Trim(name, `"`), utf8Name) {
			return translate.Errorf(translate.CallerUnsupportedMedia, "", "the charset %.32q is not accepted: send UTF-8", name)
		}
	}
	return nil
}

// cacheControl reads the directives of a request that a cache has to obey
// (RFC 9111 section 5.2.1).
func cacheControl(value []byte) engine.CacheControl {
	control := engine.CacheControl{MaxAge: -1}
	for len(value) > 0 {
		var d []byte
		d, value, _ = bytes.Cut(value, []byte(","))
		d = bytes.TrimSpace(d)
		switch {
		case bytes.EqualFold(d, []byte("no-cache")):
			control.NoCache = true
		case bytes.EqualFold(d, []byte("no-store")):
			control.NoStore = true
		case bytes.EqualFold(d, []byte("only-if-cached")):
			control.OnlyIfCached = true
		case len(d) > len("max-age=") && bytes.EqualFold(d[:len("max-age=")], []byte("max-age=")):
			if n, err := strconv.ParseInt(string(bytes.Trim(d[len("max-age="):], `"`)), 10, 32); err == nil && n >= 0 {
				control.MaxAge = time.Duration(n) * time.Second
			}
		}
	}
	return control
}

// Read implements io.Reader, which fasthttp asks of a body stream. It is not
// called: SupportsBodyWriteTo says so.
func (c *call) Read([]byte) (int, error) { panic("BUG: the answer is written, not read") }

// SupportsBodyWriteTo implements fasthttp.BodyWriterTo.
func (c *call) SupportsBodyWriteTo() bool { return true }

// WriteTo implements io.WriterTo. A panic ends the connection, and with it the
// answer: its status has been sent.
func (c *call) WriteTo(w io.Writer) (n int64, err error) {
	defer func() {
		if p := recover(); p != nil {
			c.server.logPanic(p)
			c.bug, err = true, errPanic
		}
	}()
	if c.once != nil {
		w = c.once.tee(w)
	}
	if c.native != nil {
		w = c.native.to(w)
	}
	n, err = c.Call.WriteTo(w)
	if c.native != nil && err == nil && c.Err() == nil {
		err = c.native.end()
	}
	if c.once != nil && err == nil {
		err = c.once.failed
	}
	c.broken = err != nil
	return n, err
}

var errPanic = errors.New("panic while the answer was written")

// Close implements io.Closer: the answer is written, or can't be.
func (c *call) Close() error {
	c.finish(fasthttp.StatusOK, c.Err())
	return nil
}

// fail answers with an error.
func (s *Server) fail(ctx *fasthttp.RequestCtx, c *call, err *translate.Error) {
	s.writeError(ctx, err, c.Record.RequestID)
	c.describe(&ctx.Response.Header)
	c.Passed(ctx.Response.Header.SetBytesKV)
	c.finish(err.HTTPStatus(), err)
}

// finish ends the call: nothing of it is used after.
func (c *call) finish(status int, err *translate.Error) {
	s := c.server
	s.watcher.Remove(&c.watch)
	c.Call.Close()
	c.once.settle(s, err == nil && !c.bug)
	r := &c.Record
	r.Status, r.Duration = status, time.Since(c.Start)
	switch {
	case err != nil:
		r.ErrorCode = err.Code.String()
	case c.bug:
		r.ErrorCode = translate.GatewayInternal.String()
	case c.broken:
		r.ErrorCode = translate.CallerGone.String()
	}
	s.options.Log.Call(r)
	s.options.Metrics.Call(r)
	s.options.Metrics.InFlight(-1)
	c.Call.Release()
	*c = call{}
	calls.Put(c)
}

// descriptorOf is the descriptor of the client's connection.
func descriptorOf(ctx *fasthttp.RequestCtx) int {
	if c, ok := ctx.Conn().(*conn); ok {
		return c.fd
	}
	return -1
}
