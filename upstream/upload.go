package upstream

import (
	"errors"
	"io"
	"strconv"
	"time"

	"github.com/ai-mcp-gateway/gateway/internal/bufpool"
	"github.com/ai-mcp-gateway/gateway/translate"
)

// uploadPiece is how much of an upload is in memory at a time.
const uploadPiece = 64 << 10

// Upload is a request whose body is read while it is sent.
type Upload struct {
	// Head is as in Request.
	Head []byte
	// Body is read to its end, from the goroutine that calls Send.
	Body io.Reader
	// Length is that of Body, or -1 when only its end will tell: it is then
	// sent in chunks.
	Length int64
}

// SourceError is the error of reading an upload's body.
type SourceError struct{ Err error }

// Error implements error.
func (e *SourceError) Error() string { return "cannot read the upload: " + e.Err.Error() }

// Unwrap implements errors.Unwrap.
func (e *SourceError) Unwrap() error { return e.Err }

// Send sends u to e and reads the header of the answer. It takes a connection
// of its own, which ends with the exchange: one that was kept alive may be
// closed by the provider just as the body is sent, which cannot be sent twice. A provider that refuses
// early is heard, and the rest of the body is left unread. Config.Idle bounds each
// write, Config.FirstByte the wait after the last. Errors are *Error,
// *SourceError or ErrCanceled.
func (x *Exchange) Send(e *Endpoint, cancel *Cancel, u *Upload) error {
	x.endpoint, x.cancel = e, cancel
	err := x.upload(u)
	var source *SourceError
	switch {
	case err == nil:
		return nil
	case cancel.Cause() != CauseNone:
		return ErrCanceled
	case errors.As(err, &source):
		return err
	}
	return classify(err, translate.ProviderTimeout)
}

func (x *Exchange) upload(u *Upload) error {
	c, _, err := x.endpoint.acquire(x.cancel, true)
	if err != nil {
		return err
	}
	x.conn, x.first, x.broken = c, false, false
	if err := x.cancel.attach(c); err != nil {
		return err
	}
	if err := x.pour(u); err != nil {
		return err
	}
	c.deadline = time.Now().Add(x.endpoint.cfg.FirstByte)
	if err := x.readHead(); err != nil {
		return err
	}
	x.keepAlive = false // else each upload would leave one more idle connection
	x.begin()
	return nil
}

// pour writes the request. It ends early, with x.broken set, when the provider
// refuses it before it has all.
func (x *Exchange) pour(u *Upload) error {
	defer func() {
		if x.cancel.Cause() == CauseNone {
			_ = x.conn.SetWriteDeadline(time.Time{}) // small requests set none
		}
	}()
	buf := bufpool.Get(uploadPiece)
	defer buf.Release()
	room := buf.B[:uploadPiece]
	if err := x.wrote(x.writeSome(u.appendHead(buf.B))); err != nil {
		return err
	}
	listen := !x.conn.secure
	for !x.broken {
		out, err := u.next(room)
		if err != nil && err != io.EOF {
			return &SourceError{err}
		}
		if listen && x.conn.readable() {
			if listen, x.broken = x.hear(); x.broken {
				break
			}
		}
		if failed := x.wrote(x.writeSome(out)); failed != nil {
			return failed
		}
		if err == io.EOF {
			break
		}
	}
	return nil
}

// hear takes in what the provider says while it is written to. A refusal ends
// the request; after an interim answer there is more to hear, after one of
// success there is not, as what follows is its body.
func (x *Exchange) hear() (more, over bool) {
	c := x.conn
	c.deadline = time.Now().Add(x.endpoint.cfg.Idle)
	if x.fill() != nil {
		return false, true // it has hung up, and readHead will find what it has said
	}
	x.first = true
	for b := c.buf[c.r:c.w]; ; {
		n := headEnd(b)
		if n == 0 {
			return c.w < len(c.buf), !looksLikeHTTP(b)
		}
		line, _ := cutLine(b[:n])
		_, status, ok := parseStatusLine(line)
		if !ok || status >= 200 {
			return false, !ok || status >= 300
		}
		b = b[n:]
	}
}

// appendHead appends the header with its end.
func (u *Upload) appendHead(dst []byte) []byte {
	dst = append(dst, u.Head...)
	if u.Length < 0 {
		return append(dst, "Transfer-Encoding: chunked\r\n\r\n"...)
	}
	dst = strconv.AppendInt(append(dst, "Content-Length: "...), u.Length, 10)
	return append(dst, "\r\n\r\n"...)
}

// sizeRoom is the room for a chunk's size line, lastChunk what ends a body.
const (
	sizeRoom  = 10
	lastChunk = "0\r\n\r\n"
)

// next reads a piece of the body into room and frames it where it stands. The
// error is io.EOF with the last piece.
func (u *Upload) next(room []byte) (out []byte, err error) {
	data := room[sizeRoom : len(room)-len("\r\n"+lastChunk)]
	n, err := u.Body.Read(data)
	if u.Length >= 0 {
		return data[:n], err
	}
	out = data[:0]
	if n > 0 {
		var scratch [sizeRoom]byte
		size := append(strconv.AppendInt(scratch[:0], int64(n), 16), "\r\n"...)
		out = room[sizeRoom-len(size) : sizeRoom+n]
		copy(out, size)
		out = append(out, "\r\n"...)
	}
	if err == io.EOF {
		out = append(out, lastChunk...)
	}
	return out, err
}

// writeSome writes p within Config.Idle.
func (x *Exchange) writeSome(p []byte) error {
	if len(p) == 0 {
		return nil
	}
	c := x.conn
	if err := c.SetWriteDeadline(time.Now().Add(x.endpoint.cfg.Idle)); err != nil {
		return err
	}
	if x.cancel.Cause() != CauseNone { // its deadline in the past must stand
		return ErrCanceled
	}
	_, err := c.Write(p)
	return err
}

// Announced is the length of the body that Read will return, or -1 when the
// provider has not said, or has encoded it.
func (x *Exchange) Announced() int64 {
	if x.encoding != nil {
		return -1
	}
	return x.left
}
