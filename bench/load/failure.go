package load

import (
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"
)

// The kinds of failure that a Result counts by.
const (
	kindDial    = "dial"      // no connection
	kindDropped = "dropped"   // the connection ended before an answer began
	kindTimeout = "timeout"   // nothing more came in time
	kindFormat  = "format"    // not HTTP/1.1, or a broken chunked coding
	kindStatus  = "status"    // another status than expected
	kindHeader  = "header"    // the expected header is not there
	kindLength  = "length"    // another Content-Length than expected, or bytes too many
	kindBody    = "body"      // bytes or an event that no right answer has
	kindOrder   = "reordered" // a right event at the wrong place
	kindCut     = "cut"       // the answer ended early
)

// failure is one exchange gone wrong.
type failure struct {
	kind   string
	detail string
}

func (f *failure) Error() string { return f.kind + ": " + f.detail }

func failf(kind, format string, args ...any) error {
	return &failure{kind: kind, detail: fmt.Sprintf(format, args...)}
}

// brokenConn turns a transport error into a failure: a timeout as such, the
// end of the connection as ended says.
func brokenConn(err error, ended string) error {
	var timeout net.Error
	switch {
	case errors.As(err, &timeout) && timeout.Timeout():
		return failf(kindTimeout, "%v", err)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF),
		errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE), errors.Is(err, net.ErrClosed):
		return failf(ended, "%v", err)
	}
	return failf(kindFormat, "%v", err)
}

// kindOf returns the kind of an error of this package.
func kindOf(err error) string {
	var f *failure
	if errors.As(err, &f) {
		return f.kind
	}
	return kindDial
}
