// Package proxy is the HTTP face: the only place that serves HTTP. It reads a
// request, makes it an engine.Call, and writes what the engine answers, or an
// error in the caller's dialect.
//
// Lifetimes: bytes of a fasthttp.RequestCtx are borrowed by the call and live
// until the answer is written, which fasthttp does after the handler returns,
// in the same goroutine. The response body closes the call then.
package proxy

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/fasthttp/router"
	"github.com/valyala/fasthttp"

	"github.com/ai-mcp-gateway/gateway/engine"
	"github.com/ai-mcp-gateway/gateway/internal/netwatch"
	"github.com/ai-mcp-gateway/gateway/telemetry"
	"github.com/ai-mcp-gateway/gateway/tenant"
	"github.com/ai-mcp-gateway/gateway/translate"
)

const (
	// refusedBody is how much is read from a caller without a key: enough to
	// answer a usual request on a connection that stays open.
	refusedBody = 64 << 10
	// longBody is the length from which a body gets its own time to arrive.
	longBody = 16 << 10
	// lastWords is the time that calls have to tell their clients that they
	// are being ended.
	lastWords = 500 * time.Millisecond
	// idleWorker is how long the goroutine of a connection that has closed
	// waits for another.
	idleWorker = time.Second
)

// Options are the parts that the face works with.
type Options struct {
	Engine *engine.Engine
	// Dialect renders errors for most callers, Messages for those that speak
	// Anthropic's.
	Dialect, Messages errorDialect
	// MCP answers /mcp; nil leaves it out.
	MCP mcpServer

	Log     *telemetry.Log
	Metrics *telemetry.Metrics
	Version string
	// Claims is where idempotency keys are kept.
	Claims claims
	// Accounts is where calls are added up.
	Accounts accounts
	// Redis and Database say how the stores are doing, for /health.
	Redis, Database func() string
}

// Server serves HTTP.
type Server struct {
	options  Options
	settings atomic.Pointer[settings]
	http     fasthttp.Server
	watcher  *netwatch.Watcher
	listener *listener
	local    bool // the listener is on loopback
	started  time.Time
	stopping atomic.Bool // not ready any more
	cutting  atomic.Bool // calls under way are being ended
	ids      idSource
	router   *router.Router
	uploads  sync.WaitGroup // connections that fasthttp no longer looks after
}

// settings are what a reload swaps.
type settings struct {
	config    Config
	directory *tenant.Directory
	anonymous *tenant.Caller
	open      bool
}

// New returns a server that is not listening yet.
func New(cfg Config, directory *tenant.Directory, options Options) *Server {
	s := &Server{options: options, watcher: netwatch.New(netwatch.DefaultTick), started: time.Now()}
	s.ids.init()
	s.router = s.routes()
	s.Reload(cfg, directory)
	s.http = fasthttp.Server{
		Handler:               s.serve,
		ErrorHandler:          s.serveBroken,
		HeaderReceived:        s.bound,
		ExpectHandler:         s.expect,
		Logger:                quiet{options.Log},
		NoDefaultServerHeader: true,
		NoDefaultContentType:  true,
		ReadBufferSize:        int(cfg.MaxHeader),
		ReadTimeout:           cfg.HeaderTimeout,
		IdleTimeout:           cfg.IdleTimeout,
		MaxRequestBodySize:    int(cfg.MaxBody),
		MaxIdleWorkerDuration: idleWorker,
		CloseOnShutdown:       true,

		DisablePreParseMultipartForm: true,
		SecureErrorLogMessage:        true,
	}
	return s
}

// Reload makes cfg and directory those of every request that comes from now
// on. The address and the time limits of reading stay as they were.
func (s *Server) Reload(cfg Config, directory *tenant.Directory) {
	s.settings.Store(&settings{
		config: cfg, directory: directory, anonymous: tenant.Anonymous(),
		open: cfg.AuthOff || directory.Len() == 0,
	})
}

// Listen binds the configured address.
func (s *Server) Listen() (net.Addr, error) {
	cfg := s.settings.Load().config
	l, err := net.Listen("tcp", cfg.Listen)
	if err != nil {
		return nil, fmt.Errorf("cannot listen on %s: %w", cfg.Listen, err)
	}
	s.listener = &listener{Listener: l, writeTimeout: cfg.WriteTimeout, open: map[*conn]struct{}{}, full: s.noDescriptor, perIP: cfg.MaxConnsPerIP, byIP: map[netip.Addr]int{}}
	address, ok := l.Addr().(*net.TCPAddr)
	s.local = ok && address.IP.IsLoopback()
	return l.Addr(), nil
}

// noDescriptor notes that connections are waiting to be accepted.
func (s *Server) noDescriptor(err error) {
	if suppressed, ok := s.options.Log.Limited("accept"); ok {
		s.options.Log.Slog().Warn("connections have to wait", "error", err.Error(), "suppressed", suppressed)
	}
}

// Serve answers requests until Shutdown.
func (s *Server) Serve() error { return s.http.Serve(s.listener) }

// Shutdown stops in three steps: /readyz fails at once; after Config.Drain the
// listener closes; calls under way have Config.Grace to end, and the rest are
// told that the gateway stops. When ctx ends, that comes at once.
func (s *Server) Shutdown(ctx context.Context) error {
	cfg := s.settings.Load().config
	s.stopping.Store(true)
	wait(ctx, cfg.Drain)
	patience, give := context.WithTimeout(context.Background(), cfg.Grace+lastWords)
	defer give()
	done := make(chan error, 1)
	go func() {
		err := s.http.ShutdownWithContext(patience)
		s.awaitUploads(patience)
		done <- err
	}()
	grace, cancel := context.WithTimeout(ctx, cfg.Grace)
	defer cancel()
	select {
	case err := <-done:
		s.watcher.Close()
		return err
	case <-grace.Done():
	}
	s.cutting.Store(true)
	s.watcher.GoneAll()
	last := time.AfterFunc(lastWords, give)
	defer last.Stop()
	err := <-done
	s.watcher.Close()
	return err
}

func wait(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// bound limits what is read of a body before anything of it is read.
func (s *Server) bound(h *fasthttp.RequestHeader) fasthttp.RequestConfig {
	if isUpload(h) {
		divert(h)
		return fasthttp.RequestConfig{}
	}
	cfg := &s.settings.Load().config
	limits := fasthttp.RequestConfig{MaxRequestBodySize: int(cfg.MaxBody)}
	if n := h.ContentLength(); n < 0 || n > longBody {
		limits.ReadTimeout = cfg.BodyTimeout
		if _, err := s.authenticate(h); err != nil {
			limits.MaxRequestBodySize = refusedBody
		}
	}
	return limits
}

// expect answers Expect: 100-continue before the body is sent.
func (s *Server) expect(ctx *fasthttp.RequestCtx) int {
	h := &ctx.Request.Header
	_, err := s.authenticate(h)
	length, upload := diverted(h)
	switch cfg := &s.settings.Load().config; {
	case err != nil:
	case upload && int64(length) > cfg.MaxUpload:
		err = uploadTooLarge(cfg.MaxUpload)
	case int64(h.ContentLength()) > cfg.MaxBody:
		err = s.tooLarge(ctx)
	}
	if err == nil {
		return fasthttp.StatusContinue
	}
	id := s.requestID(ctx)
	s.writeError(ctx, err, id)
	s.recordRefusal(ctx, err, id)
	return err.HTTPStatus()
}

// serve is the handler of all requests.
func (s *Server) serve(ctx *fasthttp.RequestCtx) {
	defer s.recoverPanic(ctx)
	h := &ctx.Request.Header
	length, upload := diverted(h)
	if !upload {
		length = h.ContentLength()
	}
	err := checkFraming(h, length)
	if err == nil {
		err = checkPath(ctx.Request.URI().PathOriginal())
	}
	if upload {
		s.serveUpload(ctx, length, err)
		return
	}
	if err != nil {
		s.refuse(ctx, err)
		return
	}
	s.router.Handler(ctx)
}

// refuse answers with an error and records it.
func (s *Server) refuse(ctx *fasthttp.RequestCtx, e *translate.Error) {
	id := s.requestID(ctx)
	s.addCORS(ctx)
	s.writeError(ctx, e, id)
	s.recordRefusal(ctx, e, id)
}

// recoverPanic makes a bug the end of one request only.
func (s *Server) recoverPanic(ctx *fasthttp.RequestCtx) {
	p := recover()
	if p == nil {
		return
	}
	s.logPanic(p)
	s.refuse(ctx, &translate.Error{Code: translate.GatewayInternal, Message: "internal error"})
}

func (s *Server) logPanic(p any) {
	s.options.Log.Slog().Error("panic", "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
}

// quiet is fasthttp's logger: connection errors are the clients' affair, and
// one line a second of them is enough.
type quiet struct{ log *telemetry.Log }

// Printf implements fasthttp.Logger.
func (q quiet) Printf(format string, args ...any) {
	if suppressed, ok := q.log.Limited("connection"); ok {
		q.log.Slog().LogAttrs(context.Background(), slog.LevelInfo, "connection error",
			slog.String("error", fmt.Sprintf(format, args...)), slog.Int64("suppressed", suppressed))
	}
}
