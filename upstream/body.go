package upstream

import (
	"errors"
	"io"
	"time"

	"github.com/ai-mcp-gateway/gateway/translate"
)

// chunkState says where in a chunked body the reader stands.
type chunkState uint8

const (
	chunkNone chunkState = iota // the body is not chunked
	chunkSize                   // before a size line
	chunkData                   // inside a chunk
	chunkEnd                    // before the line end that closes a chunk
)

// maxChunkLine bounds a chunk's size line with its extensions, and a trailer.
const maxChunkLine = 1 << 10

var (
	errChunk    = errors.New("malformed chunk")
	errLongLine = errors.New("chunk line too long")
	// errDecoder: an earlier reader was interrupted, which a decoder remembers.
	errDecoder = errors.New("decoder was interrupted")
)

// begin prepares to read the body that the header announced.
func (x *Exchange) begin() {
	x.left, x.state = -1, chunkNone
	switch {
	case x.bodyless():
		x.left = 0
	case x.chunked:
		x.state = chunkSize
	case x.length >= 0:
		x.left = x.length
	default:
		x.keepAlive = false // the body ends with the connection
	}
	x.ended = x.left == 0
}

// Length is the body's length when the provider announced one, or -1.
func (x *Exchange) Length() int64 { return x.left }

// Ended reports whether the whole body has been read.
func (x *Exchange) Ended() bool { return x.ended && x.encoding == nil } // a decoder holds back more than it has read

// Read implements io.Reader over the body, without its chunk framing. It
// returns what has arrived, as soon as something has. Silence longer than
// Config.Idle is ProviderStalled.
func (x *Exchange) Read(p []byte) (int, error) {
	if x.err != nil {
		return 0, x.err
	}
	if x.Ended() {
		return 0, io.EOF
	}
	var n int
	var err error
	if x.encoding == nil {
		n, err = x.readBody(p)
	} else {
		n, err = x.readDecoded(p)
	}
	if err != nil && err != io.EOF {
		x.err = x.classifyBody(err)
		err = x.err
	}
	if x.ended && n == 0 && err == nil && x.encoding == nil {
		err = io.EOF
	}
	return n, err
}

func (x *Exchange) classifyBody(err error) error {
	switch {
	case x.cancel != nil && x.cancel.Cause() != CauseNone:
		return ErrCanceled
	case errors.Is(err, ErrCanceled):
		return &Error{Code: translate.ProviderReset, Cause: errDecoder}
	case x.flowing:
		return classify(err, translate.ProviderStalled)
	default:
		return classify(err, translate.ProviderTimeout)
	}
}

// Flowing ends the time in which Config.FirstByte bounds the reads; from now
// on Config.Idle bounds each silence. A caller that waits for the first event
// of a stream calls it when it has that event.
func (x *Exchange) Flowing() { x.flowing = true }

func (x *Exchange) readBody(p []byte) (int, error) {
	if x.state != chunkNone {
		return x.readChunked(p)
	}
	if x.left > 0 && int64(len(p)) > x.left {
		p = p[:x.left]
	}
	n, err := x.readRaw(p)
	if x.left < 0 { // until the connection ends
		x.ended = err == io.EOF
		return n, err
	}
	x.left -= int64(n)
	x.ended = x.left == 0
	if n == 0 && err != nil {
		return 0, unexpected(err)
	}
	return n, nil
}

// readRaw takes what is buffered, or reads straight into p.
func (x *Exchange) readRaw(p []byte) (int, error) {
	c := x.conn
	if c.r < c.w {
		n := copy(p, c.buf[c.r:c.w])
		c.r += n
		return n, nil
	}
	x.extend()
	return x.read(p)
}

// more reads more of the body into the connection's buffer.
func (x *Exchange) more() error {
	x.extend()
	return unexpected(x.fill())
}

// extend moves the deadline of the silence.
func (x *Exchange) extend() {
	if x.flowing {
		x.conn.deadline = time.Now().Add(x.endpoint.cfg.Idle)
	}
}

// readChunked fills p with the data of as many chunks as are at hand.
func (x *Exchange) readChunked(p []byte) (n int, err error) {
	for n < len(p) && !x.ended {
		switch x.state {
		case chunkSize:
			if n > 0 && !x.lineBuffered() {
				return n, nil
			}
			err = x.readChunkSize()
		case chunkEnd:
			if n > 0 && !x.lineBuffered() {
				return n, nil
			}
			err = x.readChunkEnd()
		case chunkData:
			if n > 0 && x.conn.r == x.conn.w {
				return n, nil
			}
			var m int
			m, err = x.readRaw(p[n:min(int64(len(p)), int64(n)+x.left)])
			n += m
			if x.left -= int64(m); x.left == 0 {
				x.state = chunkEnd
			}
			if m > 0 {
				err = nil
			}
			err = unexpected(err)
		}
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

// lineBuffered reports whether a whole line has arrived.
func (x *Exchange) lineBuffered() bool {
	c := x.conn
	return indexLineEnd(c.buf[c.r:c.w]) >= 0
}

// readLine consumes one CRLF-ended line; it is valid until the next read.
func (x *Exchange) readLine() ([]byte, error) {
	c := x.conn
	for {
		b := c.buf[c.r:c.w]
		if i := indexLineEnd(b); i >= 0 {
			c.r += i + 2
			return b[:i], nil
		}
		if len(b) > maxChunkLine {
			return nil, &Error{Code: translate.ProviderBadResponse, Cause: errLongLine}
		}
		if err := x.more(); err != nil {
			return nil, err
		}
	}
}

// readChunkSize reads a size line. Size zero is followed by the trailer, which
// is read and dropped.
func (x *Exchange) readChunkSize() error {
	line, err := x.readLine()
	if err != nil {
		return err
	}
	size, ok := parseChunkSize(line)
	if !ok {
		return &Error{Code: translate.ProviderBadResponse, Cause: errChunk}
	}
	if size > 0 {
		x.left, x.state = size, chunkData
		return nil
	}
	for total := 0; ; {
		line, err := x.readLine()
		if err != nil {
			return err
		}
		if len(line) == 0 {
			x.ended = true
			return nil
		}
		if total += len(line); total > maxHead {
			return &Error{Code: translate.ProviderBadResponse, Cause: errLongLine}
		}
	}
}

func (x *Exchange) readChunkEnd() error {
	line, err := x.readLine()
	if err != nil {
		return err
	}
	if len(line) != 0 {
		return &Error{Code: translate.ProviderBadResponse, Cause: errChunk}
	}
	x.state = chunkSize
	return nil
}

// parseChunkSize reads the hexadecimal size before any extension.
func parseChunkSize(line []byte) (size int64, ok bool) {
	i := 0
	for ; i < len(line) && i < 15; i++ {
		d := hexDigit(line[i])
		if d < 0 {
			break
		}
		size = size<<4 | int64(d)
	}
	if i == 0 || i == 15 {
		return 0, false
	}
	for i < len(line) && (line[i] == ' ' || line[i] == '\t') {
		i++
	}
	return size, i == len(line) || line[i] == ';'
}

func hexDigit(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c && c <= 'f':
		return int(c-'a') + 10
	case 'A' <= c && c <= 'F':
		return int(c-'A') + 10
	default:
		return -1
	}
}

func indexLineEnd(b []byte) int {
	for i := 1; i < len(b); i++ {
		if b[i] == '\n' && b[i-1] == '\r' {
			return i - 1
		}
	}
	return -1
}

// Drain reads what is left of the body for at most d.
func (x *Exchange) Drain(d time.Duration) {
	if x.ended || x.err != nil {
		return
	}
	x.conn.deadline = time.Now().Add(d)
	x.flowing = false // the deadline stands
	var scratch [512]byte
	for {
		if _, err := x.Read(scratch[:]); err != nil {
			return
		}
	}
}
