package load

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"strconv"
	"time"
)

const (
	plainBuffer = 16 << 10 // bytes read at once; also the longest head
	heldBuffer  = 4 << 10  // for connections by the thousand
	perSource   = 4096     // connections from one loopback address
)

// conn is one keep-alive connection. It belongs to one goroutine at a time.
type conn struct {
	net    net.Conn
	wire   []byte // its own copy of the request
	serial []byte // the digits inside wire, or nil

	buf  []byte
	r, w int // buf[r:w] has been read and not used

	stream     stream
	firstChunk time.Time // when the first event of the last stream was there
	closing    bool      // the server said that it closes after this answer
}

// dial opens the i-th connection of a run. Past the first few thousand they
// come from further loopback addresses, so that local ports do not run short.
func dial(ctx context.Context, addr string, request *Request, i, buffer int) (*conn, error) {
	var d net.Dialer
	if i >= perSource {
		d.LocalAddr = &net.TCPAddr{IP: net.IPv4(127, 0, 0, byte(1+i/perSource))}
	}
	nc, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, failf(kindDial, "%v", err)
	}
	c := &conn{net: nc, wire: request.wire, buf: make([]byte, buffer)}
	if request.serial >= 0 {
		c.wire = bytes.Clone(request.wire)
		c.serial = c.wire[request.serial : request.serial+len(Serial)]
	}
	return c, nil
}

func (c *conn) close() { _ = c.net.Close() }

func (c *conn) deadline(t time.Time) { _ = c.net.SetDeadline(t) }

// send writes the request with serial number n.
func (c *conn) send(n int64) error {
	if c.serial != nil {
		writeSerial(c.serial, n)
	}
	if _, err := c.net.Write(c.wire); err != nil {
		return brokenConn(err, kindDropped)
	}
	return nil
}

// receive reads one response and compares it with the answer. After an error
// the connection is of no more use.
func (c *conn) receive(a *Answer) error {
	h, err := c.accept(a)
	if err != nil {
		return err
	}
	if len(a.Events) > 0 {
		err = c.receiveStream(h, a)
	} else {
		err = c.receivePlain(h, a.Body)
	}
	if err == nil && c.r != c.w {
		err = failf(kindLength, "%d bytes after the answer", c.w-c.r)
	}
	c.closing = h.closing
	return err
}

// accept reads the head of a response and judges it.
func (c *conn) accept(a *Answer) (head, error) {
	h, err := c.head(a.Header)
	switch {
	case err != nil:
		return h, err
	case h.status != 200:
		return h, failf(kindStatus, "%d %.200q", h.status, c.buf[c.r:c.w])
	case a.Header != "" && !h.found:
		return h, failf(kindHeader, "not there: %s", a.Header)
	}
	return h, nil
}

func (c *conn) receivePlain(h head, want []byte) error {
	if !h.chunked && h.remaining != int64(len(want)) {
		return failf(kindLength, "Content-Length %d, expected %d", h.remaining, len(want))
	}
	at := 0
	for {
		p, err := c.next(&h)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		if !bytes.HasPrefix(want[at:], p) {
			return failf(kindBody, "differs between byte %d and %d", at, at+len(p))
		}
		at += len(p)
	}
	if at != len(want) {
		return failf(kindCut, "%d of %d bytes", at, len(want))
	}
	return nil
}

func (c *conn) receiveStream(h head, a *Answer) error {
	c.stream.reset(a)
	c.firstChunk = time.Time{}
	for {
		if err := c.step(&h); errors.Is(err, io.EOF) {
			return c.stream.end()
		} else if err != nil {
			return err
		}
		if c.firstChunk.IsZero() && c.stream.next > 0 {
			c.firstChunk = time.Now()
		}
	}
}

// step reads and compares the next bytes of a stream; at its end io.EOF.
func (c *conn) step(h *head) error {
	p, err := c.next(h)
	if err != nil {
		return err
	}
	return c.stream.feed(p)
}

// readAll reads one response of status 200 whole.
func (c *conn) readAll() (streamed bool, body []byte, err error) {
	h, err := c.head("Content-Type: text/event-stream")
	if err != nil {
		return false, nil, err
	}
	for {
		p, err := c.next(&h)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return false, nil, err
		}
		body = append(body, p...)
	}
	if h.status != 200 {
		return false, nil, failf(kindStatus, "%d %.200q", h.status, body)
	}
	return h.found, body, nil
}

// head is what matters of a response head, and then the state of its body.
type head struct {
	status         int
	found          bool // the header line asked for
	closing        bool
	chunked, begun bool
	remaining      int64 // bytes of the body, or of the chunk under way
}

// head reads a response head and looks for one header line.
func (c *conn) head(wanted string) (head, error) {
	for c.r == c.w { // nothing of an answer yet
		if err := c.fill(kindDropped); err != nil {
			return head{}, err
		}
	}
	line, err := c.line()
	if err != nil {
		return head{}, err
	}
	h := head{remaining: -1}
	if len(line) < 12 || string(line[:9]) != "HTTP/1.1 " {
		return h, failf(kindFormat, "status line %.80q", line)
	}
	if h.status, err = strconv.Atoi(string(line[9:12])); err != nil {
		return h, failf(kindFormat, "status line %.80q", line)
	}
	for {
		if line, err = c.line(); err != nil {
			return h, err
		}
		if len(line) == 0 {
			break
		}
		if err := h.field(line, wanted); err != nil {
			return h, err
		}
	}
	if h.remaining < 0 && !h.chunked {
		return h, failf(kindFormat, "neither Content-Length nor chunked")
	}
	return h, nil
}

// field notes what one header line says.
func (h *head) field(line []byte, wanted string) (err error) {
	name, value, ok := bytes.Cut(line, []byte(":"))
	if !ok {
		return failf(kindFormat, "header line %.80q", line)
	}
	value = bytes.TrimSpace(value)
	switch {
	case bytes.EqualFold(name, []byte("Content-Length")):
		if h.remaining, err = strconv.ParseInt(string(value), 10, 64); err != nil || h.remaining < 0 {
			return failf(kindFormat, "Content-Length %q", value)
		}
	case bytes.EqualFold(name, []byte("Transfer-Encoding")):
		h.chunked, h.remaining = true, 0
	case bytes.EqualFold(name, []byte("Connection")):
		h.closing = bytes.EqualFold(value, []byte("close"))
	}
	if wanted != "" && carries(name, value, wanted) {
		h.found = true
	}
	return nil
}

// next returns the next bytes of the body, decoded, valid until the next
// read; at the end of the body io.EOF.
func (c *conn) next(h *head) ([]byte, error) {
	if h.chunked && h.remaining == 0 {
		if err := c.chunk(h); err != nil {
			return nil, err
		}
	}
	if h.remaining == 0 {
		return nil, io.EOF
	}
	if c.r == c.w {
		if err := c.fill(kindCut); err != nil {
			return nil, err
		}
	}
	n := int(min(h.remaining, int64(c.w-c.r)))
	p := c.buf[c.r : c.r+n]
	c.r += n
	h.remaining -= int64(n)
	return p, nil
}

// chunk reads the line between two chunks and the size of the next one; size
// zero is the end, after the trailer.
func (c *conn) chunk(h *head) error {
	if h.begun {
		if line, err := c.line(); err != nil || len(line) != 0 {
			return errors.Join(err, failf(kindFormat, "no line end after a chunk"))
		}
	}
	h.begun = true
	line, err := c.line()
	if err != nil {
		return err
	}
	size, _, _ := bytes.Cut(line, []byte(";"))
	if h.remaining, err = strconv.ParseInt(string(size), 16, 32); err != nil || h.remaining < 0 {
		return failf(kindFormat, "chunk size %.40q", line)
	}
	for h.remaining == 0 && len(line) > 0 {
		if line, err = c.line(); err != nil {
			return err
		}
	}
	return nil
}

// line returns the next line without its end, valid until the next read.
func (c *conn) line() ([]byte, error) {
	for {
		if i := bytes.IndexByte(c.buf[c.r:c.w], '\n'); i >= 0 {
			line := c.buf[c.r : c.r+i]
			c.r += i + 1
			return bytes.TrimSuffix(line, []byte("\r")), nil
		}
		if err := c.fill(kindCut); err != nil {
			return nil, err
		}
	}
}

// fill reads more bytes into the buffer; ended is the kind of failure when
// the connection is over.
func (c *conn) fill(ended string) error {
	if c.r > 0 {
		c.w = copy(c.buf, c.buf[c.r:c.w])
		c.r = 0
	}
	if c.w == len(c.buf) {
		return failf(kindFormat, "a line of more than %d bytes", len(c.buf))
	}
	n, err := c.net.Read(c.buf[c.w:])
	c.w += n
	if n == 0 && err != nil {
		return brokenConn(err, ended)
	}
	return nil
}
