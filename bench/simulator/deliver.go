package simulator

import (
	"bytes"
	"compress/gzip"
	"crypto/tls"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// part is a piece of a body as it goes to the wire: an event of a stream, or a whole JSON body, or half of one.
// Bulk is not kept but repeated: lead, then fill as often as fills says, then tail.
type part struct {
	lead  []byte
	fill  []byte
	fills int
	tail  []byte
}

func (q part) size() int64 {
	return int64(len(q.lead) + len(q.fill)*q.fills + len(q.tail))
}

// fillMark stands in an answer's text where a huge answer has its filler.
const fillMark = "%FILL%"

var filler = bytes.Repeat([]byte{'a'}, 64<<10)

// send delivers the answer the way the plan says. It returns nil if the connection may carry another request.
func (c *conn) send(r *reply) error {
	p := &c.plan
	c.out = c.out[:0]
	if err := c.pause(p.latency); err != nil {
		return err
	}
	if p.instead != "" {
		return c.insteadOf(p.instead)
	}
	if p.interim > 0 {
		c.out = appendStatus(c.out, p.interim)
		c.out = append(c.out, "Link: </style.css>; rel=preload\r\n\r\n"...)
		if err := c.flush(); err != nil {
			return err
		}
	}
	parts := r.parts(p)
	c.out = r.appendHead(c.out, p, parts, c.req.Header.ConnectionClose())
	if p.byteDelay > 0 {
		if err := c.drip(c.out, 1, p.byteDelay); err != nil {
			return err
		}
		c.out = c.out[:0]
	}
	if err := c.sendParts(r, parts); err != nil {
		return err
	}
	return c.finish(r)
}

// framing returns how the body's end is marked: length, chunked, close, or none if there is no body.
func (r *reply) framing(p *plan) string {
	switch {
	case bodyless(r.status) && !p.bodyAnyway:
		return "none"
	case p.framing != "":
		return p.framing
	case r.events != nil:
		return "chunked"
	default:
		return "length"
	}
}

func bodyless(status int) bool {
	return status < 200 || status == http.StatusNoContent || status == http.StatusNotModified
}

// parts returns the body in the pieces that the plan's places refer to.
func (r *reply) parts(p *plan) []part {
	if r.framing(p) == "none" {
		return nil
	}
	var parts []part
	switch {
	case r.events != nil:
		parts = r.notation.parts(r.events, p)
	case p.cut != "":
		half := len(r.body) / 2
		parts = []part{{lead: r.body[:half]}, {lead: r.body[half:]}}
	default:
		parts = []part{{lead: r.body}}
	}
	if p.huge != 0 {
		size := p.huge
		if size < 0 {
			size = 100 << 20
			if r.events != nil {
				size = 20 << 20
			}
		}
		fillParts(parts, size)
	}
	if p.encoding == "gzip" || p.bomb > 0 {
		parts = gzipParts(parts)
	}
	if p.bomb > 0 {
		parts = append([]part{bombPart(p.bomb)}, parts...)
	}
	return parts
}

func fillParts(parts []part, size int64) {
	for i, q := range parts {
		if lead, tail, ok := bytes.Cut(q.lead, []byte(fillMark)); ok {
			parts[i] = part{lead: lead, fill: filler, fills: int((size + int64(len(filler)) - 1) / int64(len(filler))), tail: tail}
		}
	}
}

// gzipParts compresses the body; the end of each part is flushed, so that parts stay what they are.
func gzipParts(parts []part) []part {
	var buf bytes.Buffer
	gz := gzip.NewWriter(&buf)
	packed := make([]part, len(parts))
	for i, q := range parts {
		_, _ = gz.Write(q.lead)
		for range q.fills {
			_, _ = gz.Write(q.fill)
		}
		_, _ = gz.Write(q.tail)
		if i == len(parts)-1 {
			_ = gz.Close()
		} else {
			_ = gz.Flush()
		}
		packed[i].lead = bytes.Clone(buf.Bytes())
		buf.Reset()
	}
	return packed
}

const bombMember = 16 << 20

// bombPart is a run of gzip members, each 16 MiB of line ends in about 16 KB: white space to JSON, no event to SSE.
func bombPart(size int64) part {
	return part{fill: packedMember(), fills: int((size + bombMember - 1) / bombMember)}
}

var packedMember = sync.OnceValue(func() []byte {
	return gzipParts([]part{{fill: bytes.Repeat([]byte{'\n'}, 64<<10), fills: bombMember / (64 << 10)}})[0].lead
})

func (c *conn) sendParts(r *reply, parts []part) error {
	p := &c.plan
	chunked := r.framing(p) == "chunked"
	stop := -1
	if p.cut != "" {
		stop = p.cutAt.of(len(parts))
	}
	for i, q := range parts {
		if i == stop {
			return c.cut(q, chunked)
		}
		if i > 0 {
			if err := c.pause(p.chunkDelay); err != nil {
				return err
			}
		}
		if p.badChunk && i == len(parts)/2 {
			c.out = append(c.out, "zz\r\n"...)
		}
		if err := c.put(q, chunked); err != nil {
			return err
		}
		if r.events != nil || p.chunkDelay > 0 {
			if err := c.flush(); err != nil {
				return err
			}
		}
	}
	if stop == len(parts) {
		return c.cut(part{}, chunked)
	}
	return nil
}

// put appends a part, framed, to what is to be flushed; bulk is flushed as it goes.
func (c *conn) put(q part, chunked bool) error {
	put := func(b []byte) {
		if chunked && len(b) > 0 {
			c.out = strconv.AppendInt(c.out, int64(len(b)), 16)
			c.out = append(append(append(c.out, "\r\n"...), b...), "\r\n"...)
		} else {
			c.out = append(c.out, b...)
		}
	}
	put(q.lead)
	for range q.fills {
		put(q.fill)
		if len(c.out) >= 64<<10 {
			if err := c.flush(); err != nil {
				return err
			}
		}
	}
	put(q.tail)
	return nil
}

// cut ends the answer early, before q or in the middle of it.
func (c *conn) cut(q part, chunked bool) error {
	if c.plan.inEvent {
		if chunked {
			c.out = strconv.AppendInt(c.out, q.size(), 16)
			c.out = append(c.out, "\r\n"...)
		}
		c.out = append(c.out, q.lead[:len(q.lead)/2]...)
	}
	if err := c.flush(); err != nil {
		return err
	}
	switch c.plan.cut {
	case "stall":
		return c.stall()
	case "reset":
		if err := c.pause(resetPause); err != nil {
			return err
		}
		return c.reset()
	}
	return errEnd // under TLS without a close_notify, as a crash would
}

// finish ends the body and decides what becomes of the connection.
func (c *conn) finish(r *reply) error {
	p := &c.plan
	framing := r.framing(p)
	if framing == "chunked" && !p.noLastChunk {
		c.out = append(c.out, "0\r\n\r\n"...)
	}
	if p.smuggle {
		c.out = append(c.out, smuggled...)
	}
	if err := c.flush(); err != nil {
		return err
	}
	switch {
	case p.after == "half-close":
		if t, ok := c.rw.(*tls.Conn); ok {
			_ = t.CloseWrite()
		}
		_ = c.tcp.CloseWrite()
		_ = c.stall()
		return errEnd
	case p.after != "", framing == "close", p.noLastChunk, p.badChunk, p.lengthDelta > 0, c.req.Header.ConnectionClose():
		return errEnd
	}
	return nil
}

// smuggled is a second answer that nobody asked for.
const smuggled = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 17\r\n\r\n" + `{"smuggled":true}`

func appendStatus(dst []byte, status int) []byte {
	dst = append(dst, "HTTP/1.1 "...)
	dst = strconv.AppendInt(dst, int64(status), 10)
	dst = append(dst, ' ')
	text := http.StatusText(status)
	if text == "" {
		text = "Overloaded" // 529
	}
	return append(append(dst, text...), "\r\n"...)
}

func appendField(dst []byte, name, value string) []byte {
	dst = append(append(dst, name...), ": "...)
	return append(append(dst, value...), "\r\n"...)
}

func (r *reply) appendHead(dst []byte, p *plan, parts []part, closing bool) []byte {
	dst = appendStatus(dst, r.status)
	if t := r.contentType; t != "" {
		dst = appendField(dst, "Content-Type", t)
	}
	for _, f := range r.fields {
		dst = appendField(dst, f.name, f.value)
	}
	framing := r.framing(p)
	if framing == "length" || p.bothLengths {
		size := p.lengthDelta
		for _, q := range parts {
			size += q.size()
		}
		dst = appendField(dst, "Content-Length", strconv.FormatInt(max(size, 0), 10))
		if p.dupLength {
			dst = appendField(dst, "Content-Length", strconv.FormatInt(size+7, 10))
		}
	}
	if framing == "chunked" {
		dst = appendField(dst, "Transfer-Encoding", "chunked")
	}
	if closing || framing == "close" || p.after == "conn-close" {
		dst = appendField(dst, "Connection", "close")
	}
	return append(p.appendFields(dst), "\r\n"...)
}

// appendFields appends the header fields that only faults bring.
func (p *plan) appendFields(dst []byte) []byte {
	encoding := p.encoding
	if p.bomb > 0 {
		encoding = "gzip"
	}
	if encoding != "" {
		dst = appendField(dst, "Content-Encoding", encoding)
	}
	if p.dupEncoding {
		dst = appendField(dst, "Content-Encoding", encoding)
	}
	years := map[string]int{"past": -10, "future": 10}
	if p.date != "" {
		dst = appendField(dst, "Date", time.Now().UTC().AddDate(years[p.date], 0, 0).Format(http.TimeFormat))
	}
	if p.junkHeaders {
		dst = append(dst, junk...)
	}
	if p.hugeHeader > 0 {
		dst = append(dst, "X-Huge: "...)
		dst = append(dst, bytes.Repeat([]byte{'a'}, int(p.hugeHeader))...)
		dst = append(dst, "\r\n"...)
	}
	return dst
}

// junk are header fields that end at the first hop or that a client of a gateway must never see.
const junk = "Set-Cookie: session=upstream; Path=/\r\n" +
	"Connection: X-Hop\r\n" +
	"X-Hop: for this connection only\r\n" +
	"Keep-Alive: timeout=5\r\n" +
	"Proxy-Authenticate: Basic realm=\"upstream\"\r\n" +
	"Alt-Svc: h3=\":443\"\r\n" +
	"Server: simulator\r\n" +
	"Strict-Transport-Security: max-age=31536000\r\n" +
	"Access-Control-Allow-Origin: *\r\n"
