package proxy

import (
	"errors"
	"io"
	"net"
	"os"
	"time"

	"github.com/ai-mcp-gateway/gateway/translate"
)

// slowestUpload is what a client that is sending has to send, in bytes a
// second, beside the time that any body has: bodies of any size must have their
// time, and nobody a connection for ever.
const slowestUpload = 16 << 10

// source is a body that is read from its client piece by piece. Its errors are
// io.EOF at the end, and *translate.Error.
type source struct {
	conn    *conn
	r       io.Reader     // without framing, when left is negative
	left    int64         // of a body of known length; negative: r knows its end
	limit   int64         // the most that is read
	silence time.Duration // the longest between two reads
	start   time.Time
	read    int64
	ended   bool
}

// Read implements io.Reader.
func (s *source) Read(p []byte) (int, error) {
	if s.left == 0 {
		s.ended = true
	}
	if s.ended {
		return 0, io.EOF
	}
	if s.left > 0 {
		p = p[:min(int64(len(p)), s.left)]
	}
	silent := time.Now().Add(s.silence)
	slow := s.start.Add(s.silence + time.Duration(s.read)*(time.Second/slowestUpload))
	if slow.Before(silent) {
		silent = slow
	}
	_ = s.conn.SetReadDeadline(silent)
	n, err := s.r.Read(p)
	s.read += int64(n)
	if s.left > 0 {
		if s.left -= int64(n); s.left == 0 {
			s.ended = true
			return n, io.EOF
		}
	}
	switch {
	case s.read > s.limit:
		return n, uploadTooLarge(s.limit)
	case err == nil:
		return n, nil
	case err == io.EOF && s.left < 0:
		s.ended = true
		return n, io.EOF
	}
	return n, s.failure(err)
}

// failure is what the end of the body before its time says of the client.
func (s *source) failure(err error) *translate.Error {
	var network net.Error
	switch {
	case s.conn.late:
		return &translate.Error{Code: translate.CallerTimeout, Message: "the request did not arrive in time"}
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, os.ErrDeadlineExceeded), errors.As(err, &network):
		return &translate.Error{Code: translate.CallerGone, Message: "the client closed the connection"}
	}
	return badFraming("the body's chunks are malformed")
}
