package engine

import (
	"errors"
	"io"
	"net/http"
	"slices"
	"time"

	"github.com/ai-mcp-gateway/gateway/internal/bufpool"
	"github.com/ai-mcp-gateway/gateway/translate"
	"github.com/ai-mcp-gateway/gateway/upstream"
)

// Upload is a body that a face reads from its client while it is sent on.
type Upload interface {
	// Open returns the body with model, where that is not nil, in the place of
	// the one that the client named, and its length or -1. It may be called
	// again as long as nothing has been read. Errors of reading are
	// *translate.Error.
	Open(model []byte) (body io.Reader, length int64)
}

// Surface is a call to a route of OpenAI's API that is not translated: files,
// images, audio and the like. It goes to the provider that its model or its
// client names, and what the provider says comes back as it is. Nothing of it
// is cached.
//
// A face acquires a Call, fills the first group, calls Do, writes the answer
// with WriteTo and ends with Close. Call.Request has the model and, unless
// there is an Upload, the body.
type Surface struct {
	*Call
	Method string
	// Path is below the base URL, with the query.
	Path string
	// Provider is the configured name that the client gave; empty: none.
	Provider []byte
	// ContentType is the body's; empty: there is no body.
	ContentType []byte
	Upload      Upload
	// Raw says that the answer is a file, whatever its type looks like.
	Raw bool

	// What Do finds: the answer's status, type and disposition.
	Status                        int
	AnswerType, AnswerDisposition []byte

	read     bool               // something of the upload has been
	answer   *upstream.Exchange // its rest; nil when body is all of it
	body     *bufpool.Buffer    // what has been read of the answer
	ended    bool               // body is its end
	length   int64              // of the whole answer, or -1
	lastPart usageTail          // of a stream
}

// surface is a wire of providers that have the rest of OpenAI's API.
type surface interface {
	AppendSurfaceHead(dst []byte, v *translate.Envelope, method, path string, contentType []byte) []byte
}

// Surface answers s up to its first byte. An error is what the caller is told;
// with a Body it is the provider's own, of the type AnswerType.
func (e *Engine) Surface(s *Surface) *translate.Error {
	err := e.surface(s)
	if err != nil || s.ended {
		s.account(err)
	}
	return err
}

func (e *Engine) surface(s *Surface) *translate.Error {
	c := s.Call
	c.engine, c.state = e, e.state.Load()
	c.Record.Cache, c.Record.CacheReason = "bypass", "not a route that is cached"
	c.deadline = c.Start.Add(c.state.config.Upstream.Total)
	if err := c.limit(); err != nil {
		return err
	}
	if c.most != noLimit && s.Method == http.MethodPost {
		return &translate.Error{Code: translate.PolicyMaxCost, Message: "what this route costs is not known before, so that it cannot be called with a limit"}
	}
	targets, err := s.targets()
	if err != nil {
		return err
	}
	var last *translate.Error
	for _, t := range targets {
		tried, err := s.tryKeys(t)
		if !tried {
			continue
		}
		if err == nil {
			return nil
		}
		if last = err; s.read || !failsOver(err) {
			break
		}
	}
	if last == nil {
		last = setAside(targets)
	}
	last.Attempts = c.Attempts()
	return last
}

// tryKeys makes one attempt with each key of the target's provider that is not
// set aside, until one is accepted.
func (s *Surface) tryKeys(t *target) (tried bool, err *translate.Error) {
	for c := s.Call; c.Attempts() < maxAttempts && !s.read; {
		now := time.Now()
		key := t.key(now)
		if key < 0 || tried && now.After(c.deadline) {
			break
		}
		pass, ok := t.breaker.Allow(now)
		if !ok {
			break
		}
		tried = true
		if err = s.try(t, key, pass, now); err == nil || !turnedAway(err) {
			break
		}
	}
	return tried, err
}

// try makes one attempt, which starts now, and records it.
func (s *Surface) try(t *target, key int, pass upstream.Pass, now time.Time) *translate.Error {
	c := s.Call
	a := c.Record.AddAttempt()
	a.Time, a.Tier, a.Role = now, t.tier, c.Role
	a.Provider, a.Model, a.Status = t.provider.config.Name, t.id, http.StatusOK
	c.said = said{}
	x := upstream.AcquireExchange()
	kept, judged := false, false
	defer func() { // also in a panic
		if !kept {
			x.Close()
		}
		if !judged {
			t.breaker.Abandon(pass)
		}
	}()
	err := s.exchange(t, t.provider.keys[key], x)
	a.Duration = time.Since(now)
	c.waited += a.Duration
	kept, judged = s.answer == x, true
	t.judge(err, key, pass, c.said)
	if err != nil {
		a.Status, a.ErrorCode, a.CostKnown = err.HTTPStatus(), err.Code.String(), true
		return err
	}
	a.Status = s.Status
	c.took(t, c.Attempts()-1)
	if len(t.model) == 0 {
		a.Model, c.Record.TargetModel = "", ""
	}
	return nil
}

// exchange sends the call to t and reads the answer up to where it is
// committed. When it is still coming in, s owns x.
func (s *Surface) exchange(t *target, key *credential, x *upstream.Exchange) *translate.Error {
	c := s.Call
	var model []byte
	if len(c.Request.Model) > 0 && string(c.Request.Model) != string(t.model) {
		model = t.model
	}
	v := c.envelope(t, key, c.Op)
	c.head = t.provider.wire.(surface).AppendSurfaceHead(c.head[:0], &v, s.Method, s.Path, s.ContentType)
	if len(c.Traceparent) > 0 {
		c.head = append(append(append(c.head, "traceparent: "...), c.Traceparent...), "\r\n"...)
	}
	if err := s.send(t, x, model); err != nil {
		return err
	}
	c.pass(&x.Head)
	if x.Status < 200 || x.Status > 299 {
		return s.refused(t, x)
	}
	return s.open(t, x)
}

// send sends the request; the body gets model for the one that it names,
// unless that is nil.
func (s *Surface) send(t *target, x *upstream.Exchange, model []byte) *translate.Error {
	c := s.Call
	if s.Upload == nil {
		c.plan.Reset()
		if model != nil {
			c.plan.Replace(c.Request.Members[translate.FieldModel].Value, c.plan.Quote(model))
		}
		c.segments = c.plan.Segments(c.segments[:0], c.Request.Body)
		c.wire = upstream.Request{Head: c.head, Body: c.segments, BodyLen: c.plan.Size(c.Request.Body), Deadline: c.deadline}
		if err := x.Do(t.provider.endpoint, &c.cancel, &c.wire); err != nil {
			return c.failed(t, err)
		}
		return nil
	}
	body, length := s.Upload.Open(model)
	noted := &notedReader{body, &s.read}
	err := x.Send(t.provider.endpoint, &c.cancel, &upstream.Upload{Head: c.head, Body: noted, Length: length})
	var told *translate.Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &told):
		return told
	}
	return c.failed(t, err)
}

// notedReader notes that something has been read.
type notedReader struct {
	io.Reader
	read *bool
}

// Read implements io.Reader.
func (r *notedReader) Read(p []byte) (int, error) {
	*r.read = true
	return r.Reader.Read(p)
}

// headerProvider is how a client names a provider where no model does.
const headerProvider = "X-Gateway-Provider"

// targets are those that may be asked, in order.
func (s *Surface) targets() ([]*target, *translate.Error) {
	model, table := s.Request.Model, s.state.table
	named := table.providers[string(s.Provider)]
	switch {
	case len(s.Provider) > 0 && named == nil:
		return nil, translate.Errorf(translate.CallerInvalidField, headerProvider, "no provider %.64q is configured", s.Provider)
	case len(model) == 0 && named == nil:
		return nil, translate.Errorf(translate.CallerMissingField, "model",
			"the request says neither by a field \"model\" nor by the header %s which provider it is for", headerProvider)
	}
	var all []*target
	reason := "named provider"
	switch {
	case len(model) == 0:
		all = []*target{{id: named.config.Name, provider: named, unlisted: true, health: named.unlisted}}
	case named != nil:
		if all = s.agreed(named); all == nil {
			return nil, translate.Errorf(translate.CallerInvalidField, headerProvider,
				"the model %.64q is not the provider %.64q's, which the header names", model, s.Provider)
		}
	default:
		r := table.resolve(model, nil)
		if r == nil {
			return nil, &translate.Error{
				Code: translate.CallerModelNotFound, Param: "model",
				Message: "no configured provider lists this model: name it as \"provider/model\", or its provider in the header " + headerProvider,
			}
		}
		if table.tiers[r.name] || r.name == autoModel {
			return nil, translate.Errorf(translate.CallerInvalidField, "model", "%.64q is a choice among chat models; this route needs a model's name", model)
		}
		all, reason = r.targets, r.reason
	}
	s.Record.Reason = reason
	return s.able(all)
}

// agreed are the targets of the provider p that the model can mean; nil when
// it means another's.
func (s *Surface) agreed(p *provider) []*target {
	table, model := s.state.table, string(s.Request.Model)
	if r := table.routes[model]; r != nil {
		if mine := slices.DeleteFunc(slices.Clone(r.targets), func(t *target) bool { return t.provider != p }); len(mine) > 0 {
			return mine
		}
	}
	if other, _ := table.split(model); other != nil && other != p {
		return nil
	} else if other == nil {
		model = p.config.Name + "/" + model
	}
	if r := table.resolve([]byte(model), nil); r != nil {
		return r.targets
	}
	return nil
}

// able leaves out the targets whose providers have no such routes.
func (s *Surface) able(all []*target) ([]*target, *translate.Error) {
	var some []*target
	for _, t := range all {
		if _, ok := t.provider.wire.(surface); ok {
			some = append(some, t)
		}
	}
	if len(some) > 0 {
		return some, nil
	}
	p := &all[0].provider.config
	return nil, translate.Errorf(translate.CallerUnsupported, "model",
		"the provider %s speaks the dialect %s, which has no such route: openai and azure have it", p.Name, p.Dialect)
}

// setAside is the error when none of the targets may be asked now.
func setAside(targets []*target) *translate.Error {
	now := time.Now()
	code, message := translate.ProviderUnavailable, "every provider of this model is set aside after failures"
	var soonest time.Time
	for _, t := range targets {
		until, limited := t.limited(now)
		if limited {
			code, message = translate.ProviderRateLimited, "the provider's rate limit is reached"
		} else if t.key(now) < 0 {
			return &translate.Error{Code: translate.ProviderAuth, Message: "the provider refuses the gateway's credentials"}
		} else {
			until, _ = t.breaker.Open(now)
		}
		if soonest.IsZero() || until.Before(soonest) {
			soonest = until
		}
	}
	e := &translate.Error{Code: code, Message: message, RetryAfter: secondsUntil(soonest, now)}
	if code == translate.ProviderUnavailable {
		e.Status = http.StatusServiceUnavailable
	}
	return e
}
