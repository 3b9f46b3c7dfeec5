package upstream

import (
	"errors"
	"io"
	"net"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/ai-mcp-gateway/gateway/translate"
)

// writevFrom is the body size from which header and body go out as vectors
// instead of being copied into one buffer.
const writevFrom = 8 << 10

// writeSlice is how much of a large body is written before looking whether
// the provider has answered already.
const writeSlice = 256 << 10

var errInterim = errors.New("too many interim answers")

// Request is what an exchange sends. All bytes are borrowed until Do returns.
type Request struct {
	// Head is the request line and the header lines, each with its CRLF, but
	// for Content-Length and the blank line, which Do adds.
	Head []byte
	// Body is the body in pieces; BodyLen is their total length.
	Body    [][]byte
	BodyLen int
	// Deadline, when set, is when the wait for the answer ends even if
	// Config.FirstByte would allow more.
	Deadline time.Time
}

// Exchange is one request and its answer. Acquire it, call Do, read the body
// to its end or not, Close it.
type Exchange struct {
	Head

	endpoint *Endpoint
	cancel   *Cancel
	conn     *conn
	headCopy []byte
	out      []byte
	vectors  net.Buffers
	pieces   [][]byte

	first   bool // a byte of the answer has arrived
	flowing bool // Idle bounds the reads, no longer FirstByte
	broken  bool // the request was not written whole
	left    int64
	state   chunkState
	ended   bool
	err     error

	decoder decoder // of a body that came encoded although we asked for none
}

var exchanges = sync.Pool{New: func() any { return new(Exchange) }}

// AcquireExchange returns an exchange that is ready for Do.
func AcquireExchange() *Exchange { return exchanges.Get().(*Exchange) }

// Do sends r to e and reads the header of the answer. A kept-alive connection
// that turns out to be closed before the first byte of an answer is replaced
// once, by a new one. Errors are *Error or ErrCanceled.
func (x *Exchange) Do(e *Endpoint, cancel *Cancel, r *Request) error {
	x.endpoint, x.cancel = e, cancel
	err := x.try(r, false)
	for errors.Is(err, errUnquiet) { // nothing has been sent
		x.drop()
		err = x.try(r, false)
	}
	if err != nil && x.conn != nil && x.conn.reused && !x.first && staleConn(err) {
		x.drop()
		err = x.try(r, true)
	}
	if err == nil {
		return nil
	}
	if cancel.Cause() != CauseNone {
		return ErrCanceled
	}
	return classify(err, translate.ProviderTimeout)
}

func (x *Exchange) try(r *Request, fresh bool) error {
	c, now, err := x.endpoint.acquire(x.cancel, fresh)
	if err != nil {
		return err
	}
	x.conn, x.first, x.broken = c, false, false
	if err := x.cancel.attach(c); err != nil {
		return err
	}
	c.deadline = now.Add(x.endpoint.cfg.FirstByte)
	if !r.Deadline.IsZero() && r.Deadline.Before(c.deadline) {
		c.deadline = r.Deadline
	}
	if err := x.send(r); err != nil {
		return err
	}
	if err := x.readHead(); err != nil {
		return err
	}
	x.begin()
	return nil
}

// read reads from the connection once, within its deadline.
func (x *Exchange) read(p []byte) (int, error) {
	c := x.conn
	for {
		if err := x.setTimer(); err != nil {
			return 0, err
		}
		n, err := c.Read(p)
		if n > 0 || err == nil || !errors.Is(err, os.ErrDeadlineExceeded) || !time.Now().Before(c.deadline) {
			return n, err
		}
		c.timer = time.Time{} // it was that of an earlier exchange
	}
}

// fill reads once into the connection's buffer.
func (x *Exchange) fill() error {
	n, err := x.read(x.conn.room())
	x.conn.w += n
	if n > 0 {
		return nil
	}
	return err
}

// setTimer makes sure that a timer is set that is not later than the deadline.
// A Cancel that fired in between must not be undone by it, so the cause is
// looked at afterwards.
func (x *Exchange) setTimer() error {
	c := x.conn
	if c.timer.IsZero() || c.timer.After(c.deadline) {
		c.timer = c.deadline
		if err := c.SetReadDeadline(c.timer); err != nil {
			return err
		}
	}
	if x.cancel != nil && x.cancel.Cause() != CauseNone {
		return ErrCanceled
	}
	return nil
}

// send writes the request: in one buffer when small, as vectors when large.
func (x *Exchange) send(r *Request) error {
	x.out = append(x.out[:0], r.Head...)
	x.out = append(x.out, "Content-Length: "...)
	x.out = strconv.AppendInt(x.out, int64(r.BodyLen), 10)
	x.out = append(x.out, "\r\n\r\n"...)
	if r.BodyLen < writevFrom {
		for _, piece := range r.Body {
			x.out = append(x.out, piece...)
		}
		return x.sendSmall()
	}
	if x.conn.reused && x.conn.readable() {
		return errUnquiet
	}
	x.pieces = append(x.pieces[:0], x.out)
	for _, piece := range r.Body {
		for len(piece) > writeSlice {
			x.pieces = append(x.pieces, piece[:writeSlice])
			piece = piece[writeSlice:]
		}
		x.pieces = append(x.pieces, piece)
	}
	err := x.sendPieces()
	clear(x.pieces)
	return x.wrote(err)
}

// sendSmall writes x.out and, on a kept-alive connection, waits for the first
// bytes of the answer in the same turn.
func (x *Exchange) sendSmall() error {
	c, rest := x.conn, x.out
	if c.reused && !c.secure {
		err := x.setTimer()
		if err == nil {
			rest, err = c.swapBytes(rest)
		}
		if x.first = c.r < c.w; err != nil || len(rest) == 0 {
			return err
		}
	}
	if c.reused && len(rest) == len(x.out) && c.readable() {
		return errUnquiet
	}
	_, err := c.Write(rest)
	return x.wrote(err)
}

// sendPieces writes x.pieces about a slice at a time. A provider that answers
// before it has read everything (413, 401 ...) is heard, not written to.
func (x *Exchange) sendPieces() error {
	c := x.conn
	if err := c.SetWriteDeadline(c.deadline); err != nil {
		return err
	}
	if x.cancel.Cause() != CauseNone {
		return ErrCanceled
	}
	defer func() {
		if x.cancel.Cause() == CauseNone {
			_ = c.SetWriteDeadline(time.Time{}) // small requests set none
		}
	}()
	for i := 0; i < len(x.pieces); {
		n, size := i, 0
		for n < len(x.pieces) && size < writeSlice {
			size += len(x.pieces[n])
			n++
		}
		if i > 0 && !c.secure && c.readable() {
			x.broken = true
			return nil
		}
		x.vectors = x.pieces[i:n]
		if _, err := x.vectors.WriteTo(c.Conn); err != nil {
			return err
		}
		i = n
	}
	return nil
}

// wrote turns a failed write into success when the provider has answered: its
// answer says more than the broken pipe does.
func (x *Exchange) wrote(err error) error {
	if err == nil || x.conn.reused || x.cancel.Cause() != CauseNone {
		return err
	}
	if x.conn.secure || !x.conn.readable() {
		return err
	}
	x.broken = true
	return nil
}

// readHead reads the header of the final answer, past any 1xx.
func (x *Exchange) readHead() error {
	for range maxInterim {
		block, err := x.readBlock()
		if err != nil {
			return err
		}
		// The block lives in the connection's buffer, which the body will
		// overwrite.
		x.headCopy = append(x.headCopy[:0], block...)
		if err := x.parse(x.headCopy); err != nil {
			return err
		}
		if x.Status >= 200 {
			return nil
		}
		if x.Status == 101 {
			break
		}
	}
	return &Error{Code: translate.ProviderBadResponse, Cause: errInterim}
}

// readBlock consumes one header block. The returned bytes are valid until the
// next read. The deadline that Do has set bounds all of its reads together.
func (x *Exchange) readBlock() ([]byte, error) {
	c := x.conn
	for {
		if !looksLikeHTTP(c.buf[c.r:c.w]) {
			return nil, bad("not HTTP")
		}
		if n := headEnd(c.buf[c.r:c.w]); n > 0 {
			block := c.buf[c.r : c.r+n]
			c.r += n
			return block, nil
		}
		if c.w-c.r == len(c.buf) {
			if len(c.buf) >= maxHead {
				return nil, bad("header too large")
			}
			c.buf = append(c.buf, make([]byte, len(c.buf))...)
		}
		if err := x.fill(); err != nil {
			return nil, err
		}
		x.first = true
	}
}

// looksLikeHTTP rejects garbage at its first bytes instead of waiting for a
// line end that may never come.
func looksLikeHTTP(b []byte) bool {
	const start = "HTTP/1."
	n := min(len(b), len(start))
	return string(b[:n]) == start[:n]
}

// Close gives the connection back when the answer was read to its end, and
// closes it otherwise. The exchange and its header must not be used after.
func (x *Exchange) Close() {
	if c := x.conn; c != nil {
		x.Detach()
		clean := x.ended && x.err == nil && x.keepAlive && !x.broken && c.r == c.w
		if clean && !c.interrupted {
			x.shrink()
			x.endpoint.release(c, time.Now())
		} else {
			c.close()
		}
	}
	head, out, pieces := x.headCopy, x.out, x.pieces
	*x = Exchange{headCopy: head[:0], out: out[:0], pieces: pieces[:0]}
	exchanges.Put(x)
}

// shrink gives up a buffer that an unusual header has grown.
func (x *Exchange) shrink() {
	if c := x.conn; len(c.buf) > readBufferSize {
		c.buf = make([]byte, readBufferSize)
	}
	if cap(x.out) > 2*writevFrom {
		x.out = nil
	}
}

// drop closes the connection of a failed try.
func (x *Exchange) drop() {
	x.cancel.detach()
	x.conn.close()
	x.conn = nil
}

// Detach lets go of the Cancel that can end the exchange. Whoever reads on
// attaches another first.
func (x *Exchange) Detach() {
	if x.cancel == nil {
		return
	}
	x.cancel.detach()
	if x.cancel.Cause() != CauseNone {
		x.conn.timer, x.conn.interrupted = time.Time{}, true
	}
	x.cancel = nil
}

// Attach makes cancel what ends the exchange from now on. An exchange whose
// reader was cancelled goes on where it stood: no byte has been lost.
func (x *Exchange) Attach(cancel *Cancel) error {
	if err := cancel.attach(x.conn); err != nil {
		return err
	}
	x.cancel = cancel
	if errors.Is(x.err, ErrCanceled) {
		x.err = nil
	}
	return nil
}

// unexpected makes an end of input an error.
func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
