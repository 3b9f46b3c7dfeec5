package upstream

import (
	"errors"
	"io"
	"net"
	"syscall"

	"github.com/ai-mcp-gateway/gateway/translate"
)

// Error says how an exchange failed. Cause is for the log only: it may hold
// addresses.
type Error struct {
	Code  translate.Code
	Cause error
}

// Error implements error.
func (e *Error) Error() string { return e.Code.String() + ": " + e.Cause.Error() }

// Unwrap implements errors.Unwrap.
func (e *Error) Unwrap() error { return e.Cause }

// Retryable reports whether another target may succeed.
func (e *Error) Retryable() bool { return true }

func bad(format string) *Error {
	return &Error{Code: translate.ProviderBadResponse, Cause: errors.New(format)}
}

// classify turns an I/O error into an Error; timeout is the code of a passed
// deadline.
func classify(err error, timeout translate.Code) error {
	var known *Error
	if errors.As(err, &known) || errors.Is(err, ErrCanceled) {
		return err
	}
	code := translate.ProviderReset
	var ne net.Error
	switch {
	case errors.As(err, &ne) && ne.Timeout():
		code = timeout
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		code = translate.ProviderTruncated
	}
	return &Error{Code: code, Cause: err}
}

// staleConn reports whether err is what a kept-alive connection gives when
// the provider closed it just as we sent.
func staleConn(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}
