package engine

import (
	"bytes"
	"errors"
	"io"

	"github.com/ai-mcp-gateway/gateway/internal/bufpool"
	"github.com/ai-mcp-gateway/gateway/translate"
	"github.com/ai-mcp-gateway/gateway/upstream"
)

// surfacePiece is how much of an answer that is relayed is in memory at a time.
const surfacePiece = 16 << 10

// refused classifies an answer whose status is not one of success.
func (s *Surface) refused(t *target, x *upstream.Exchange) *translate.Error {
	c := s.Call
	switch x.Status {
	case 401, 403, 408, 429:
	default:
		if x.Status >= 400 && x.Status < 500 {
			return s.rejected(t, x)
		}
	}
	return c.refused(t, x)
}

// rejected passes the provider's verdict on the request to the caller, as it
// is unless it holds a key or is longer than a verdict can be.
func (s *Surface) rejected(t *target, x *upstream.Exchange) *translate.Error {
	e := &translate.Error{Code: translate.ProviderRejected, Status: x.Status, Message: "the provider rejected the request"}
	x.Flowing()
	body := bufpool.Get(4 << 10)
	defer body.Release()
	err := readAll(x, body, maxErrorBody)
	switch {
	case err != nil && err.Code == translate.CallerGone:
		return s.canceled()
	case err == nil && !t.provider.leaks(body.B):
		s.AnswerType = bytes.Clone(x.ContentType)
		e.Body = append([]byte{}, body.B...) // empty, too, it is the provider's
	}
	return e
}

// open reads the answer up to where it is committed: JSON whole, so that its
// usage is known and a cut one can be asked for elsewhere, anything else up to
// its first bytes.
func (s *Surface) open(t *target, x *upstream.Exchange) *translate.Error {
	s.Status = x.Status
	s.AnswerType, s.AnswerDisposition = bytes.Clone(x.ContentType), bytes.Clone(x.Value("content-disposition"))
	s.Record.Stream = bytes.HasPrefix(x.ContentType, eventStream)
	s.length = x.Announced()
	if !s.Raw && isJSON(x.ContentType) {
		return s.openWhole(t, x)
	}
	s.body = bufpool.Get(surfacePiece)
	if err := s.more(x); err != nil && !s.ended {
		s.body.Release()
		s.body = nil
		return s.told(err)
	}
	if !s.ended {
		x.Flowing()
		s.answer = x
	}
	return nil
}

func isJSON(contentType []byte) bool {
	media, _, _ := bytes.Cut(contentType, []byte(";"))
	return bytes.EqualFold(bytes.TrimSpace(media), []byte("application/json"))
}

// openWhole reads all of the answer.
func (s *Surface) openWhole(t *target, x *upstream.Exchange) *translate.Error {
	x.Flowing()
	limit := t.provider.endpoint.Config().MaxResponse
	if s.length > limit {
		return &translate.Error{Code: translate.ProviderTooLarge, Message: failureText(translate.ProviderTooLarge)}
	}
	s.body = bufpool.Get(max(plainStart, int(s.length)+1))
	if err := readAll(x, s.body, limit); err != nil {
		s.body.Release()
		s.body = nil
		if err.Code == translate.CallerGone {
			err = s.canceled()
		}
		return err
	}
	s.ended, s.length = true, int64(len(s.body.B))
	if u := readSurfaceUsage(s.body.B); u.Known {
		s.settle(t, &u)
	}
	return nil
}

// more reads what comes next of the answer into the buffer.
func (s *Surface) more(x *upstream.Exchange) error {
	n, err := x.Read(s.body.B[:surfacePiece])
	s.body.B = s.body.B[:n]
	s.ended = err == io.EOF
	return err
}

// told is the caller's view of an answer that could not be read.
func (s *Surface) told(err error) *translate.Error {
	if errors.Is(err, upstream.ErrCanceled) {
		return s.canceled()
	}
	return readFailure(err)
}

// Length is the answer's length in bytes, or -1 when only its end will tell.
func (s *Surface) Length() int { return int(s.length) }

// WriteTo writes the answer to w as it comes in, one Write for each read. A
// stream of events that fails ends with an error event and without an error.
func (s *Surface) WriteTo(w io.Writer) (n int64, err error) {
	counted := countingWriter{w: w}
	err = s.relay(&counted)
	s.Record.BytesOut += counted.n
	return counted.n, err
}

func (s *Surface) relay(w io.Writer) error {
	for {
		if s.Record.Stream {
			s.lastPart.add(s.body.B)
		}
		if s.ended {
			s.over(nil)
		}
		if len(s.body.B) > 0 {
			if _, err := w.Write(s.body.B); err != nil {
				return err
			}
		}
		if s.ended {
			return nil
		}
		if err := s.more(s.answer); err != nil && !s.ended {
			return s.breakOff(w, s.told(err))
		}
	}
}

// breakOff ends an answer that cannot go on. What are events get an error
// event, apart from one that was cut; all else must look as cut as it is.
func (s *Surface) breakOff(w io.Writer, failure *translate.Error) error {
	s.failure = failure
	s.over(failure)
	if !s.Record.Stream || failure.Code == translate.CallerGone {
		return failure
	}
	s.head = append(s.head[:0], "\n\n"...)
	s.head = s.target.provider.native.AppendErrorEvent(s.head, failure)
	_, err := w.Write(s.head)
	return err
}

// over accounts for an answer that has come to its end.
func (s *Surface) over(failure *translate.Error) {
	s.settleStream()
	s.lasted()
	s.account(failure)
}

// settleStream settles what a stream has reported. It may be called again.
func (s *Surface) settleStream() {
	if u := s.lastPart.usage(); u.Known && s.target != nil {
		s.settle(s.target, &u)
	}
}

// Close ends the answer and settles what a stream has reported. The Call is
// closed and released by itself.
func (s *Surface) Close() {
	s.settleStream()
	if s.answer != nil {
		s.answer.Close()
		s.answer = nil
	}
	if s.body != nil {
		s.body.Release()
		s.body = nil
	}
}
