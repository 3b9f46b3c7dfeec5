package upstream

import (
	"errors"
	"fmt"
	"io"
	"net"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/ai-mcp-gateway/gateway/translate"
)

const (
	// maxRatio is how much longer than its encoded form a body may be, once
	// it is longer than ratioFrom: beyond lies a decompression bomb.
	maxRatio  = 200
	ratioFrom = 1 << 20
)

var errBomb = errors.New("body grows more than a compressed text does")

// decoder undoes a Content-Encoding. We ask for identity, so this is for
// providers that encode anyway.
type decoder struct {
	reader  io.Reader
	in, out int64
}

// encodedBody is the body as it came.
type encodedBody struct{ x *Exchange }

func (b encodedBody) Read(p []byte) (int, error) {
	if b.x.ended {
		return 0, io.EOF
	}
	n, err := b.x.readBody(p)
	b.x.decoder.in += int64(n)
	if n == 0 && err == nil && b.x.ended {
		err = io.EOF
	}
	return n, err
}

// readDecoded is readBody for an encoded body.
func (x *Exchange) readDecoded(p []byte) (int, error) {
	d := &x.decoder
	if d.reader == nil {
		if err := x.openDecoder(); err != nil {
			return 0, undecodable(err)
		}
	}
	n, err := d.reader.Read(p)
	if d.out += int64(n); d.out > ratioFrom && d.out > maxRatio*d.in {
		return 0, &Error{Code: translate.ProviderTooLarge, Cause: errBomb}
	}
	return n, undecodable(err)
}

// undecodable makes a decoder's complaint an Error. What the connection said
// stays as it is.
func undecodable(err error) error {
	if err == nil || err == io.EOF || ioFailed(err) {
		return err
	}
	return &Error{Code: translate.ProviderBadResponse, Cause: fmt.Errorf("cannot decode body: %w", err)}
}

func (x *Exchange) openDecoder() (err error) {
	d := &x.decoder
	switch {
	case equalFold(x.encoding, "gzip"), equalFold(x.encoding, "x-gzip"):
		d.reader, err = gzip.NewReader(encodedBody{x})
	case equalFold(x.encoding, "zstd"):
		d.reader, err = zstd.NewReader(encodedBody{x}, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(8<<20))
	default:
		return &Error{Code: translate.ProviderBadResponse, Cause: fmt.Errorf("unknown content encoding %.32q", x.encoding)}
	}
	return err
}

// ioFailed reports whether err is the connection's, not the encoding's.
func ioFailed(err error) bool {
	var known *Error
	var ne net.Error
	return errors.As(err, &known) || errors.As(err, &ne) || errors.Is(err, ErrCanceled) || errors.Is(err, io.ErrUnexpectedEOF)
}
