package engine

import (
	"io"
	"net/http"
	"time"

	"github.com/ai-mcp-gateway/gateway/internal/bufpool"
	"github.com/ai-mcp-gateway/gateway/translate"
	"github.com/ai-mcp-gateway/gateway/upstream"
)

// maxErrorBody is how much of a provider's error is read.
const maxErrorBody = 64 << 10

// refused classifies an answer whose status is not 200.
func (c *Call) refused(t *target, x *upstream.Exchange) *translate.Error {
	c.said = said{wait: askedWait(&x.Head, time.Now()), denied: x.Status == http.StatusForbidden}
	var e *translate.Error
	switch s := x.Status; {
	case s == 401 || s == 403:
		// The body is not read: it may echo the key.
		e = &translate.Error{Code: translate.ProviderAuth, Message: "the provider refuses the gateway's credentials"}
	case s == 429:
		e = &translate.Error{Code: translate.ProviderRateLimited, Message: "the provider's rate limit is reached"}
	case s == 503 || s == 529:
		e = &translate.Error{Code: translate.ProviderOverloaded, Message: "the provider is overloaded"}
	case s == 408 || s >= 500:
		e = &translate.Error{Code: translate.ProviderFailed, Message: "the provider failed"}
	case s >= 300 && s < 400 && s != http.StatusNotModified:
		e = &translate.Error{Code: translate.ProviderRedirect, Message: "the provider answered with a redirect, which is not followed"}
		c.logRedirect(t, x)
	case s >= 400:
		return c.rejected(t, x)
	default:
		e = &translate.Error{Code: translate.ProviderBadResponse, Message: failureText(translate.ProviderBadResponse)}
	}
	c.engine.options.Log.Warn("attempt refused", "request_id", c.Record.RequestID,
		"target", t.id, "status", x.Status, "code", e.Code.String())
	if e.Code == translate.ProviderRateLimited && c.said.wait == 0 && c.bridge.wire != nil {
		told := c.rejected(t, x) // some say in the body how long to wait
		c.said.wait = time.Duration(told.RetryAfter) * time.Second
		return e
	}
	c.drain(x)
	return e
}

// rejected passes the provider's verdict on the request to the caller.
func (c *Call) rejected(t *target, x *upstream.Exchange) *translate.Error {
	status := x.Status
	x.Flowing()
	body := bufpool.Get(4 << 10)
	defer body.Release()
	if err := readAll(x, body, maxErrorBody); err != nil && err.Code == translate.CallerGone {
		return err
	}
	if c.bridge.wire == nil {
		return t.provider.redacted(c.dialect.ReadError(status, body.B))
	}
	return t.provider.foreign(c.bridge.wire.ReadError(status, body.B))
}

// drain reads a short rest of an answer that nobody wants, so that its
// connection can be used again. A longer one costs the connection.
func (c *Call) drain(x *upstream.Exchange) {
	if x.Length() < 0 || x.Length() > maxErrorBody || x.Status == 401 || x.Status == 403 {
		return
	}
	x.Flowing()
	body := bufpool.Get(4 << 10)
	defer body.Release()
	_ = readAll(x, body, maxErrorBody)
}

func (c *Call) logRedirect(t *target, x *upstream.Exchange) {
	c.engine.options.Log.Warn("provider redirects", "request_id", c.Record.RequestID,
		"target", t.id, "location_host", hostOf(string(x.Value("location"))))
}

// readAll appends the rest of the body to dst.
func readAll(x *upstream.Exchange, dst *bufpool.Buffer, limit int64) *translate.Error {
	for {
		if len(dst.B) == cap(dst.B) {
			// Doubling what is large as well: appending's smaller steps would
			// leave several times the body as garbage.
			dst.Grow(max(1, min(len(dst.B), int(limit)+1-len(dst.B))))
		}
		n, err := x.Read(dst.B[len(dst.B):cap(dst.B)])
		dst.B = dst.B[:len(dst.B)+n]
		if int64(len(dst.B)) > limit {
			return &translate.Error{Code: translate.ProviderTooLarge, Message: failureText(translate.ProviderTooLarge)}
		}
		if err == io.EOF || err == nil && x.Ended() {
			return nil
		}
		if err != nil {
			return readFailure(err)
		}
	}
}
