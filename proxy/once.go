package proxy

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"strings"
	"sync/atomic"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/ai-mcp-gateway/gateway/store"
	"github.com/ai-mcp-gateway/gateway/tenant"
	"github.com/ai-mcp-gateway/gateway/translate"
)

const (
	headerIdempotencyKey = "Idempotency-Key"
	headerReplayed       = "Idempotency-Replayed"

	// maxIdempotencyKey is in bytes.
	maxIdempotencyKey = 255
	// keptFor is how long an answer is given again.
	keptFor = 24 * time.Hour
	// claimedFor is how long a claim of an instance that has died keeps others
	// from it. Who lives renews it every renewEvery.
	claimedFor, renewEvery = 30 * time.Second, 8 * time.Second
	// claimWait is how long a call waits for the one that holds its key, and
	// looks every claimLook.
	claimWait, claimLook = time.Minute, 50 * time.Millisecond
	// keepWithin bounds a write to the store at the end of a call.
	keepWithin = 5 * time.Second
	// mostKept is the longest answer that is kept, in bytes.
	mostKept = 8 << 20
)

// claims is where idempotency keys are kept, for all instances.
type claims interface {
	Claim(ctx context.Context, c *store.Claim) (answer *store.Answer, held bool, err error)
	Complete(ctx context.Context, tenant, key, owner string, a *store.Answer, expires time.Time) error
	Release(ctx context.Context, tenant, key, owner string) error
}

// once is a call that is made once for its idempotency key: it goes on when
// its client leaves, and its answer is kept for whoever comes again.
type once struct {
	tenant, key, owner string

	running atomic.Bool // the key is this call's
	lease   lease
	answer  store.Answer
	failed  error // the client could not be written to
	unkept  bool  // the answer is not to be given again
	w       io.Writer
}

// newOnce returns what a call needs to be made once for key, nil without one.
func (s *Server) newOnce(who *tenant.Caller, key []byte) (*once, *translate.Error) {
	switch {
	case len(key) == 0:
		return nil, nil
	case len(key) > maxIdempotencyKey:
		return nil, translate.Errorf(translate.CallerInvalidField, headerIdempotencyKey, "The header %s is longer than %d bytes.", headerIdempotencyKey, maxIdempotencyKey)
	}
	return &once{tenant: who.Tenant, key: who.KeyID + "\n" + string(key), owner: s.ids.new()}, nil
}

// ask is the claim of o for a request.
func (o *once) ask(path string, body []byte) store.Claim {
	digest := sha256.New()
	digest.Write(append([]byte(path), 0))
	digest.Write(body)
	return store.Claim{Tenant: o.tenant, Key: o.key, Owner: o.owner, Digest: [32]byte(digest.Sum(nil)), Expires: time.Now().Add(claimedFor)}
}

// claim takes the key of c, or returns what the call that had it before got.
func (s *Server) claim(c *call, path string, body []byte) (*store.Answer, *translate.Error) {
	o := c.once
	ask := o.ask(path, body)
	for end := time.Now().Add(claimWait); ; {
		ask.Expires = time.Now().Add(claimedFor)
		answer, held, err := s.options.Claims.Claim(context.Background(), &ask)
		switch {
		case err != nil:
			return nil, claimFailure(err)
		case answer != nil:
			return answer, nil
		case !held:
			o.running.Store(true)
			o.lease.start(s, ask)
			return nil, nil
		case time.Now().After(end):
			return nil, underWay()
		case !c.Sleep(claimLook):
			return nil, &translate.Error{Code: translate.CallerGone, Message: "the client closed the connection"}
		}
	}
}

func underWay() *translate.Error {
	return &translate.Error{Code: translate.CallerConflict, RetryAfter: 5, Message: "a call with this idempotency key is still under way"}
}

func claimFailure(err error) *translate.Error {
	if errors.Is(err, store.ErrKeyReused) {
		return translate.Errorf(translate.CallerKeyReused, headerIdempotencyKey, "The idempotency key was used for another request.")
	}
	return &translate.Error{Code: translate.GatewayNoState, RetryAfter: 1, Message: "idempotency keys cannot be kept at the moment; nothing was sent to a provider"}
}

// noteHeader keeps the lines of h that are given again.
func (o *once) noteHeader(h *fasthttp.ResponseHeader) {
	if o == nil {
		return
	}
	o.answer.Status = h.StatusCode()
	for name, value := range h.All() {
		switch text := string(name); {
		case text == headerRequestID:
		case strings.HasPrefix(text, "X-"), text == fasthttp.HeaderContentType, text == fasthttp.HeaderContentDisposition, text == fasthttp.HeaderCacheControl:
			o.answer.Header = append(append(append(append(o.answer.Header, name...), ": "...), value...), "\r\n"...)
		}
	}
}

// holds reports whether the key is this call's, which then goes on without its
// client.
func (o *once) holds() bool { return o != nil && o.running.Load() }

// keep notes a whole answer.
func (o *once) keep(h *fasthttp.ResponseHeader, body []byte) {
	if o != nil {
		o.noteHeader(h)
		o.answer.Body = body
	}
}

// tee returns a writer to w that keeps what it writes and takes all of it,
// even after w has failed.
func (o *once) tee(w io.Writer) io.Writer {
	o.w = w
	return o
}

// Write implements io.Writer.
func (o *once) Write(p []byte) (int, error) {
	if len(o.answer.Body) <= mostKept {
		o.answer.Body = append(o.answer.Body, p...)
	}
	if o.failed == nil {
		_, o.failed = o.w.Write(p)
	}
	return len(p), nil
}

// settle keeps the answer, or gives the key back when there is none to keep.
func (o *once) settle(s *Server, whole bool) {
	if !o.holds() {
		return
	}
	o.lease.end()
	ctx, cancel := context.WithTimeout(context.Background(), keepWithin)
	defer cancel()
	var err error
	if whole && !o.unkept && len(o.answer.Body) <= mostKept {
		err = s.options.Claims.Complete(ctx, o.tenant, o.key, o.owner, &o.answer, time.Now().Add(keptFor))
	} else {
		err = s.options.Claims.Release(ctx, o.tenant, o.key, o.owner)
	}
	if err != nil {
		s.options.Log.Slog().Warn("idempotency key not settled", "error", err.Error())
	}
}

// replay answers c with what the first call with its key got.
func (s *Server) replay(ctx *fasthttp.RequestCtx, c *call, kept *store.Answer) {
	giveAgain(ctx, kept)
	ctx.Response.Header.Set(headerRequestID, c.Record.RequestID)
	c.Record.CostKnown, c.Record.BytesOut = true, int64(len(kept.Body))
	c.Record.Cache, c.Record.CacheReason = "bypass", "idempotency"
	c.finish(kept.Status, nil)
}

// giveAgain makes a kept answer the response.
func giveAgain(ctx *fasthttp.RequestCtx, kept *store.Answer) {
	h := &ctx.Response.Header
	for line := range bytes.SplitSeq(kept.Header, []byte("\r\n")) {
		if name, value, ok := bytes.Cut(line, []byte(": ")); ok && string(name) != formSum {
			h.SetBytesKV(name, value)
		}
	}
	h.Set(headerReplayed, "true")
	ctx.SetStatusCode(kept.Status)
	ctx.SetBody(kept.Body)
}

// smallOnce serves a small route once for the request's idempotency key, if it
// has one.
func (s *Server) smallOnce(ctx *fasthttp.RequestCtx, who *tenant.Caller, serve func(*fasthttp.RequestCtx, *tenant.Caller)) {
	o, err := s.newOnce(who, ctx.Request.Header.Peek(headerIdempotencyKey))
	if o == nil && err == nil {
		serve(ctx, who)
		return
	}
	var kept *store.Answer
	if err == nil {
		kept, err = s.claimSmall(o, string(ctx.Path()), ctx.Request.Body())
	}
	switch {
	case err != nil:
		s.writeError(ctx, err, answerID(ctx))
	case kept != nil:
		giveAgain(ctx, kept)
	default:
		o.running.Store(true)
		whole := false // and stays so when serve panics
		defer func() { o.settle(s, whole) }()
		serve(ctx, who)
		whole = ctx.Response.StatusCode() == fasthttp.StatusOK
		o.keep(&ctx.Response.Header, bytes.Clone(ctx.Response.Body()))
	}
}

// claimSmall is claim for a call that is over in a moment: nobody waits for it.
func (s *Server) claimSmall(o *once, path string, body []byte) (*store.Answer, *translate.Error) {
	ctx, cancel := context.WithTimeout(context.Background(), keepWithin)
	defer cancel()
	ask := o.ask(path, body)
	kept, held, err := s.options.Claims.Claim(ctx, &ask)
	switch {
	case err != nil:
		return nil, claimFailure(err)
	case held:
		return nil, underWay()
	}
	return kept, nil
}
