package engine

import (
	"bytes"
	"errors"
	"net/http"
	"net/url"

	"github.com/ai-mcp-gateway/gateway/internal/bufpool"
	"github.com/ai-mcp-gateway/gateway/translate"
	"github.com/ai-mcp-gateway/gateway/upstream"
)

// plainStart is the buffer for an answer whose length is not announced.
const plainStart = 4 << 10

// The types of answers that come in events.
var (
	eventStream = []byte("text/event-stream")
	lineStream  = []byte("application/x-ndjson")
	frameStream = []byte("application/vnd.amazon.eventstream")
)

// streams reports whether an answer of this type is a stream of t's.
func (t *target) streams(contentType []byte) bool {
	return bytes.HasPrefix(contentType, eventStream) || t.provider.native == nil &&
		(bytes.HasPrefix(contentType, lineStream) || bytes.HasPrefix(contentType, frameStream))
}

// open reads a 200 up to where it is committed: a plain answer whole, a
// stream to its first event. A provider may stream where a plain answer was
// asked for, or the reverse; the caller gets what it asked for.
func (c *Call) open(t *target, x *upstream.Exchange) *translate.Error {
	streams := t.streams(x.ContentType)
	if streams && c.Request.Stream {
		return c.openStream(t, x)
	}
	err := c.readPlain(t, x, streams)
	if err == nil {
		x.Close()
	}
	return err
}

// openStream waits for the first event.
func (c *Call) openStream(t *target, x *upstream.Exchange) *translate.Error {
	var code *transcoder
	if c.bridge.wire != nil {
		code = c.newTranscoder(t)
	}
	s := newStream(t, x, c.dialect, code)
	s.keeper = c.keeper(t)
	if err := s.start(); err != nil {
		s.release()
		return err
	}
	c.direct = s
	return nil
}

// readPlain reads a whole body and checks that it is an answer.
func (c *Call) readPlain(t *target, x *upstream.Exchange, streams bool) *translate.Error {
	x.Flowing()
	limit := t.provider.endpoint.Config().MaxResponse
	if x.Length() > limit {
		return &translate.Error{Code: translate.ProviderTooLarge, Message: failureText(translate.ProviderTooLarge)}
	}
	body := c.plainBuffer(x.Length())
	err := readAll(x, body, limit)
	switch {
	case err != nil:
	case c.bridge.wire != nil:
		err = c.answerBody(t, body, streams)
	case streams:
		err = c.aggregate(body)
	}
	if err == nil {
		err = c.checkPlain(t, body.B)
	}
	if err == nil && c.Request.Stream {
		err = c.spread(t, body.B)
	}
	if k := c.keeper(t); k != nil && err == nil {
		k.keep(body.B)
	}
	if err != nil || c.Request.Stream {
		if body != &c.own {
			body.Release()
		}
		return err
	}
	c.settle(t, &c.read.Usage)
	if !c.keyed {
		c.body = body
		return nil
	}
	c.serve(c.newEntry(t, body.B, false, translate.Span{}))
	c.keyed = c.complete(c.read.Finish)
	return nil
}

// aggregate turns a stream that nobody asked for into the plain answer.
func (c *Call) aggregate(body *bufpool.Buffer) *translate.Error {
	answer, ok := c.dialect.AppendAnswer(nil, body.B, c.Op)
	if !ok {
		return &translate.Error{Code: translate.ProviderBadResponse, Message: failureText(translate.ProviderBadResponse)}
	}
	body.B = append(body.B[:0], answer...)
	return nil
}

// spread turns a plain answer into the stream that was asked for.
func (c *Call) spread(t *target, body []byte) *translate.Error {
	stream, usage, ok := c.dialect.AppendStream(nil, body, c.Op)
	if !ok {
		return &translate.Error{Code: translate.ProviderBadResponse, Message: failureText(translate.ProviderBadResponse)}
	}
	c.settle(t, &c.read.Usage)
	c.serve(c.newEntry(t, stream, true, usage))
	c.keyed = c.keyed && c.complete(c.read.Finish)
	return nil
}

// plainBuffer returns room for a body. One that may be stored is not pooled:
// the cache keeps it without a copy.
func (c *Call) plainBuffer(length int64) *bufpool.Buffer {
	size := plainStart
	if length >= 0 {
		size = int(length)
	}
	if c.keyed {
		c.own.B = make([]byte, 0, size)
		return &c.own
	}
	return bufpool.Get(size)
}

// checkPlain makes sure that a body is an answer and not an error page, half
// a document or an error under a status of success.
func (c *Call) checkPlain(t *target, body []byte) *translate.Error {
	c.dialect.ReadAnswer(c.Op, body, &c.read)
	if c.read.Valid {
		return nil
	}
	if c.read.Failed {
		e := c.dialect.ReadError(http.StatusOK, body)
		t.provider.redact(e)
		return e
	}
	c.engine.options.Log.Warn("answer is not the API's", "request_id", c.Record.RequestID,
		"target", t.id, "excerpt", excerpt(t, body))
	return &translate.Error{Code: translate.ProviderBadResponse, Message: failureText(translate.ProviderBadResponse)}
}

// readFailure is the caller's view of a body that could not be read.
func readFailure(err error) *translate.Error {
	if errors.Is(err, upstream.ErrCanceled) {
		return &translate.Error{Code: translate.CallerGone, Message: "the client closed the connection"}
	}
	var known *upstream.Error
	if !errors.As(err, &known) {
		panic("BUG: upstream error of an unknown type: " + err.Error())
	}
	return &translate.Error{Code: known.Code, Message: failureText(known.Code)}
}

// excerpt is the start of a body for the log: short, printable, without keys.
func excerpt(t *target, body []byte) string {
	const most = 512
	if t.provider.leaks(body) {
		return "[withheld]"
	}
	return string(bytes.ToValidUTF8(body[:min(len(body), most)], []byte("?")))
}

func hostOf(location string) string {
	u, err := url.Parse(location)
	if err != nil {
		return ""
	}
	return u.Host
}
