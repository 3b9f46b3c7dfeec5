package engine

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"time"
	"unicode/utf8"

	"github.com/ai-mcp-gateway/gateway/internal/bufpool"
	"github.com/ai-mcp-gateway/gateway/translate"
	"github.com/ai-mcp-gateway/gateway/translate/sse"
	"github.com/ai-mcp-gateway/gateway/upstream"
)

const (
	// streamStart is the buffer of an open stream: most events are smaller, and
	// every open stream pays for it. A stream that fills it in one read grows it
	// up to streamBurst, so that what comes in together goes out together.
	streamStart = 1 << 10
	streamBurst = 8 << 10
	// streamJump is the size from which a buffer grows to its limit at once:
	// doubling would hold two large arrays at a time.
	streamJump = 256 << 10
	// drainTime bounds the wait for an answer's framing to end after its last
	// event.
	drainTime = 250 * time.Millisecond
)

// stream reads a provider's events and hands them on in batches of whole
// events, so that whatever happens, what the client has is never cut inside
// one. It meters in passing.
type stream struct {
	t        *target
	x        *upstream.Exchange
	dialect  passage     // what the frames are in
	code     *transcoder // makes them of the provider's; nil when they are its own
	maxEvent int
	keeper   *keeper // stores the answer at its end; nil when nobody wants it

	buf   *bufpool.Buffer
	from  int // buf[from:taken] is framed and not yet handed out
	taken int
	frame sse.Reader
	joint []byte // data of an event of several lines
	event translate.StreamEvent

	first  []byte // the data of the first event, for a failer
	events int    // handed on so far

	usage   usageMark // within buf[from:taken]
	started bool      // an event has parsed
	done    bool      // [DONE] has been seen
	eof     bool
	err     *translate.Error
	metered meter
}

// batch is a run of whole events, with the place of the event that reports
// usage, if it is among them.
type batch struct {
	bytes []byte
	usage usageMark
	meter meter // up to the end of the batch
}

// meter is what has been seen of a stream.
type meter struct {
	tokens  translate.Usage
	finish  translate.Finish
	content int64 // events that carried content
}

// usageMark is where an event that reports usage lies.
type usageMark struct {
	event translate.Span
	// object is the offset within the event behind the usage object's last
	// member; 0 when the object is not in one piece.
	object int
	// only: the event carries nothing else and may be left out.
	only bool
}

func newStream(t *target, x *upstream.Exchange, d passage, code *transcoder) *stream {
	return &stream{
		t: t, x: x, dialect: d, code: code,
		maxEvent: int(t.provider.endpoint.Config().MaxEvent),
		buf:      bufpool.Get(streamStart),
	}
}

// release gives the buffer back. The exchange is closed by its owner.
func (s *stream) release() {
	if s.buf != nil {
		s.buf.Release()
		s.buf = nil
	}
	if s.code != nil {
		s.code.release()
	}
}

// close ends the exchange as well. An answer that is complete but for the end
// of its framing gets a moment to end, so that its connection stays usable.
func (s *stream) close() {
	if s.done && s.err == nil {
		s.x.Drain(drainTime)
	}
	s.x.Close()
	s.t.leave()
	s.release()
}

// start waits for the first event. An error means that nothing has been
// relayed, so another target may be tried.
func (s *stream) start() *translate.Error {
	for !s.started && !s.eof && s.err == nil {
		s.more()
	}
	if s.err == nil && !s.started {
		s.err = &translate.Error{Code: translate.ProviderTruncated, Message: failureText(translate.ProviderTruncated)}
	}
	if !s.started {
		return s.err
	}
	s.x.Flowing()
	return nil // a failure that came in together with the first event is the stream's end
}

// next returns the next events; it blocks until there are some. The last
// batch may be empty, and ended then says that there is no other. The bytes
// are valid until the next call.
func (s *stream) next() (b batch, ended bool) {
	for s.from == s.taken && !s.over() {
		s.more()
	}
	b = batch{bytes: s.buf.B[s.from:s.taken], usage: s.usage, meter: s.metered}
	s.from, s.usage = s.taken, usageMark{}
	return b, s.over()
}

// over reports whether all that is left is in ready.
func (s *stream) over() bool { return s.done || s.eof || s.err != nil }

// more reads once and frames what is complete.
func (s *stream) more() {
	s.makeRoom()
	if s.err != nil {
		return
	}
	err := s.read()
	s.scan()
	var told *translate.Error
	switch {
	case s.over() || err == nil:
	case err == io.EOF:
		s.eof = true
		s.end()
	case errors.As(err, &told):
		s.err = s.t.provider.foreign(told)
	default:
		s.err = readFailure(err)
	}
	if s.err != nil {
		s.err.Frames = s.frames()
	}
}

// frames are what ends the stream with its error, where that takes knowing
// what came before it; else nil.
func (s *stream) frames() []byte {
	if s.code != nil {
		return s.code.encoder.Fail(nil, s.err)
	}
	if f, ok := s.dialect.(failer); ok && s.first != nil {
		return f.AppendFailure(nil, s.first, s.events, s.err)
	}
	return nil
}

// read reads once into the buffer.
func (s *stream) read() (err error) {
	if s.code != nil {
		s.buf.B, err = s.code.read(s.buf.B, s.x, s.maxEvent)
		return err
	}
	b := s.buf.B
	n, err := s.x.Read(b[len(b):cap(b)])
	s.buf.B = b[:len(b)+n]
	if len(s.buf.B) == cap(b) && cap(b) < streamBurst {
		s.buf.Grow(1)
	}
	return err
}

// makeRoom drops what has been handed out and grows the buffer when an event
// fills it.
func (s *stream) makeRoom() {
	b := s.buf.B
	if s.from > 0 {
		n := copy(b, b[s.from:])
		s.buf.B, s.taken, s.from = b[:n], s.taken-s.from, 0
		return
	}
	if len(b) < cap(b) {
		return
	}
	switch {
	case len(b) >= s.maxEvent:
		s.err = &translate.Error{Code: translate.ProviderTooLarge, Message: failureText(translate.ProviderTooLarge)}
	case len(b) >= streamJump:
		s.buf.Grow(s.maxEvent - len(b))
	default:
		s.buf.Grow(1)
	}
}

// scan frames the events that are complete.
func (s *stream) scan() {
	for !s.done && s.err == nil {
		event, n := s.frame.Next(s.buf.B[s.taken:])
		if n == 0 || !s.meter(event, s.taken-s.from) {
			return
		}
		s.taken += n
	}
}

// meter looks at one event, which will lie at offset at of the batch. It
// returns false when the event must not be relayed.
func (s *stream) meter(event []byte, at int) bool {
	data, _ := sse.Data(event, s.joint)
	if len(data) == 0 {
		if utf8.Valid(event) {
			return true // a comment
		}
		s.err = &translate.Error{Code: translate.ProviderBadResponse, Message: failureText(translate.ProviderBadResponse)}
		return false
	}
	e := &s.event
	s.dialect.ReadEvent(data, e)
	switch e.Kind {
	case translate.EventMalformed:
		s.err = &translate.Error{Code: translate.ProviderBadResponse, Message: failureText(translate.ProviderBadResponse)}
		return false
	case translate.EventError:
		s.err = s.failure(data)
		return false
	case translate.EventDone:
		s.done = true
		if s.keeper != nil {
			s.keeper.keep(data)
		}
	}
	s.started = true
	if s.events == 0 && s.code == nil {
		s.keepFirst(data)
	}
	s.events++
	if e.Content {
		s.metered.content++
	}
	if e.Finish != translate.FinishNone {
		s.metered.finish = e.Finish
	}
	if e.Usage.Known {
		s.metered.tokens.Update(&e.Usage)
		s.usage = usageMark{event: translate.Span{Start: at, End: at + len(event)}, only: e.Kind == translate.EventUsage}
		if at, ok := within(event, data); ok && !e.UsageSpan.Empty() {
			s.usage.object = at + e.UsageSpan.End
		} else if !ok {
			s.joint = data // keep what joining its lines has grown
		}
	}
	return true
}

// keepFirst keeps the data of the first event where it will be needed.
func (s *stream) keepFirst(data []byte) {
	if _, ok := s.dialect.(failer); ok {
		s.first = bytes.Clone(data)
	}
}

// failure is the caller's view of an error event.
func (s *stream) failure(data []byte) *translate.Error {
	e := s.dialect.ReadError(http.StatusOK, data)
	s.t.provider.redact(e)
	return e
}

// within returns where part lies in whole, if it is a slice of it.
func within(whole, part []byte) (at int, ok bool) {
	at = cap(whole) - cap(part)
	if at < 0 || len(part) == 0 || at+len(part) > len(whole) {
		return 0, false
	}
	return at, &whole[at] == &part[0]
}

// end looks at what the connection's end left behind: an event without its
// blank line, or the lack of a proper ending. What some providers leave out of
// a good end, the [DONE], is put in.
func (s *stream) end() {
	if data, _ := sse.Data(s.buf.B[s.taken:], nil); len(data) > 0 {
		s.buf.B = append(s.buf.B, "\n\n"...)
		s.scan()
	}
	cut := s.err != nil && s.err.Code == translate.ProviderBadResponse
	switch {
	case cut, s.err == nil && !s.done && s.metered.finish == translate.FinishNone:
		s.err = &translate.Error{Code: translate.ProviderTruncated, Message: failureText(translate.ProviderTruncated)}
	case s.err == nil && !s.done:
		if s.buf.B, s.done = s.dialect.AppendDone(s.buf.B[:s.taken]); s.done {
			s.taken = len(s.buf.B)
		} else {
			s.err = &translate.Error{Code: translate.ProviderTruncated, Message: failureText(translate.ProviderTruncated)}
		}
	}
}

// usage is what the provider reported or, as far as it did not, what was counted:
// an event with content is about a token, and four bytes of a request are.
func (m *meter) usage(request int) (u translate.Usage, estimated bool) {
	if m.tokens.Known && (m.finish != translate.FinishNone || m.content <= m.tokens.Out) {
		return m.tokens, false
	}
	if m.tokens.Known { // what was said at the beginning of a stream that was cut
		u = m.tokens
		u.Out = m.content
		return u, true
	}
	return translate.Usage{In: int64(request / 4), Out: m.content, Known: true}, true
}
