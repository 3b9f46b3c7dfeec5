package simulator

import (
	"bufio"
	"bytes"
	"cmp"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/tidwall/gjson"
	"github.com/valyala/fasthttp"
)

const (
	maxHeader  = 8 << 10 // also what is read ahead of a body
	maxBody    = 64 << 20
	earlyGrace = time.Second // how long an early answer stays readable before the connection is cut
)

var (
	// errGone ends an exchange whose client closed the connection.
	errGone = errors.New("client is gone")
	// errEnd ends a connection on the server's own will.
	errEnd = errors.New("connection is to end")
)

// conn is one connection. Only its own goroutine touches it, save for dropped and tcp.Close.
type conn struct {
	server   *Server
	tcp      *net.TCPConn
	rw       net.Conn // tcp, or TLS on top of it
	br       *bufio.Reader
	req      fasthttp.Request // only its wire types are used
	out      []byte           // written, not yet flushed
	id       uint64
	requests int    // on this connection
	number   uint64 // of the current request, among all of the server's
	plan     plan   // of the current request
	recorded uint64
	dropped  atomic.Bool // closed by Down or Close, not by the client
}

func newConn(s *Server, tcp *net.TCPConn, id uint64) *conn {
	c := &conn{server: s, tcp: tcp, rw: tcp, id: id}
	if s.tls != nil {
		c.rw = tls.Server(tcp, s.tls)
	}
	c.br = bufio.NewReaderSize(c.rw, maxHeader)
	c.req.Header.SetNoDefaultContentType(true)
	return c
}

func (c *conn) serve() {
	defer c.server.forget(c)
	if c.server.config.TLS == "stall" {
		c.br.Reset(c.tcp)
		_ = c.stall()
		return
	}
	if c.welcome() != nil {
		return
	}
	var err error
	for err == nil {
		err = c.next()
	}
}

// welcome plays what is to happen before any request.
func (c *conn) welcome() error {
	c.plan = c.server.faults
	if err := c.plan.parse(c.server.script.take(true)); err != nil {
		return err
	}
	c.plan.happens(mix(c.server.config.Seed, c.id))
	if c.server.down(c.plan.flap) {
		return c.reset()
	}
	if c.plan.accept != "" {
		return c.insteadOf(c.plan.accept)
	}
	return nil
}

// next serves one request. An error means that the connection is done for.
func (c *conn) next() error {
	idle := c.plan.idleClose
	c.plan = newPlan()
	if idle > 0 {
		if err := c.rw.SetReadDeadline(time.Now().Add(idle)); err != nil {
			return err
		}
	}
	if _, err := c.br.Peek(1); err != nil {
		return err
	}
	if idle > 0 {
		if err := c.rw.SetReadDeadline(time.Time{}); err != nil {
			return err
		}
	}
	if err := c.req.Header.Read(c.br); err != nil {
		return c.refuse(err)
	}
	c.number = c.server.requests.Add(1)
	c.requests++
	c.recorded = 0
	err := c.exchange()
	if c.recorded > 0 {
		c.server.record.end(c.recorded, err != nil && !errors.Is(err, errEnd) && !c.dropped.Load())
	}
	c.req.ResetBody()
	return err
}

// exchange takes a request in and answers it.
func (c *conn) exchange() error {
	name := modelName(c.ahead())
	if b := c.benchmark(name); b != nil {
		if err := c.readBody(); err != nil {
			return c.refuse(err)
		}
		return c.replay(b)
	}
	path, err := c.gather(name)
	if err != nil {
		return c.refuseSpec(err)
	}
	if c.plan.early > 0 || c.plan.unread > 0 {
		if c.plan.happens(c.draw()); c.plan.early > 0 || c.plan.unread > 0 {
			return c.unreadAnswer(path)
		}
	}
	if err := c.readBody(); err != nil {
		return c.refuse(err)
	}
	body := c.req.Body()
	c.note(body)
	at := targetOf(path)
	model, spec, _ := strings.Cut(cmp.Or(at.model, gjson.GetBytes(body, "model").Str), "!")
	for _, spec := range []string{spec, promptSpec(body)} {
		if err := c.plan.parse(spec); err != nil {
			return c.refuseSpec(err)
		}
	}
	return c.respond(at, path, model)
}

// promptSpec finds the faults that a prompt asks for, as in [sim refusal]: the last ones, for earlier turns have theirs.
// The signs that specs are made of look in JSON as they do in text.
func promptSpec(body []byte) string {
	i := bytes.LastIndex(body, []byte("[sim "))
	if i < 0 {
		return ""
	}
	spec, _, _ := bytes.Cut(body[i+len("[sim "):], []byte{']'})
	return string(spec)
}

// draw is the request's own random number.
func (c *conn) draw() uint64 { return mix(c.server.config.Seed, c.number) }

// respond answers a request whose plan is complete.
func (c *conn) respond(at target, path, model string) error {
	p := &c.plan
	if p.accept != c.server.faults.accept {
		return c.refuseSpec(errors.New("accept- faults are not for requests"))
	}
	p.happens(c.draw())
	switch {
	case p.early > 0, p.unread > 0:
		return c.refuseSpec(errors.New("early and no-read need the model at the start of the body"))
	case c.server.down(p.flap), c.requests > 1 && p.reuse == "reset":
		return c.reset()
	case c.requests > 1 && p.reuse == "close":
		return errEnd
	}
	if c.req.Header.IsHead() {
		p.after = "conn-close" // it gets a body all the same
	}
	return c.send(c.server.answer(c.request(at, path, model), p))
}

// ahead returns what is there of the body without reading it: at least a byte if there is a body at all.
func (c *conn) ahead() []byte {
	length := c.req.Header.ContentLength()
	if length == 0 || length == -2 || c.req.MayContinue() {
		return nil
	}
	if _, err := c.br.Peek(1); err != nil {
		return nil
	}
	n := c.br.Buffered()
	if length > 0 {
		n = min(n, length)
	}
	b, _ := c.br.Peek(n)
	return b
}

// modelName finds the model in the beginning of a body, without a parse: nil if it is not there in plain letters.
func modelName(body []byte) []byte {
	i := bytes.Index(body, []byte(`"model"`))
	if i < 0 {
		return nil
	}
	rest := bytes.TrimLeft(body[i+len(`"model"`):], " \t\r\n:")
	if len(rest) == 0 || rest[0] != '"' {
		return nil
	}
	name, _, whole := bytes.Cut(rest[1:], []byte{'"'})
	if !whole || bytes.IndexByte(name, '\\') >= 0 {
		return nil
	}
	return name
}

// gather sums up the faults that are known before the body, and returns the path without its fault prefix and query.
func (c *conn) gather(model []byte) (string, error) {
	head := &c.req.Header
	c.plan = c.server.faults
	path, _, _ := strings.Cut(string(head.RequestURI()), "?")
	prefix := ""
	if rest, ok := strings.CutPrefix(path, "/~"); ok {
		prefix, path, _ = strings.Cut(rest, "/")
		path = "/" + path
	}
	prefix, err := url.PathUnescape(prefix)
	if err != nil {
		return path, err
	}
	for _, spec := range []string{c.server.script.take(false), prefix, string(head.Peek("X-Sim"))} {
		if err := c.plan.parse(spec); err != nil {
			return path, err
		}
	}
	if _, spec, ok := bytes.Cut(model, []byte{'!'}); ok {
		p := newPlan()
		if p.parse(string(spec)) == nil && (p.early > 0 || p.unread > 0) {
			return path, c.plan.parse(string(spec))
		}
	}
	return path, nil
}

func (c *conn) readBody() error {
	if c.req.MayContinue() {
		if _, err := c.rw.Write([]byte("HTTP/1.1 100 Continue\r\n\r\n")); err != nil {
			return err
		}
	}
	return c.req.ContinueReadBody(c.br, maxBody, false)
}

// refuse answers what is not HTTP or too big, and ends the connection.
func (c *conn) refuse(err error) error {
	var small *fasthttp.ErrSmallBuffer
	var dead net.Error
	status := http.StatusBadRequest
	switch {
	case errors.Is(err, io.EOF), errors.As(err, &dead):
		return err
	case errors.As(err, &small):
		status = http.StatusRequestHeaderFieldsTooLarge
	case errors.Is(err, fasthttp.ErrBodyTooLarge):
		status = http.StatusRequestEntityTooLarge
	}
	return c.last(errorReply(openAI, status, "the simulator cannot read this request", "", ""))
}

// refuseSpec answers a spec that is not understood.
func (c *conn) refuseSpec(err error) error {
	message := "the simulator does not understand its faults: " + err.Error()
	return c.last(errorReply(openAI, http.StatusBadRequest, message, "", "bad_fault"))
}

// last answers well, whatever the plan, and ends the connection.
func (c *conn) last(r *reply) error {
	c.plan = newPlan()
	c.plan.after = "conn-close"
	return c.send(r)
}

// note records the request, if the server records.
func (c *conn) note(body []byte) {
	if c.server.record == nil {
		return
	}
	head := &c.req.Header
	e := Seen{
		Conn: c.id, Method: string(head.Method()), Path: string(head.RequestURI()), Header: http.Header{},
		RawHeader: bytes.Clone(head.RawHeaders()), Body: bytes.Clone(body), Received: time.Now(),
	}
	for name, value := range head.All() {
		e.Header.Add(string(name), string(value))
	}
	c.recorded = c.server.record.add(e)
}

// request hands what answers need over to plain Go strings.
func (c *conn) request(at target, path, model string) *request {
	head := &c.req.Header
	q := &request{
		dialect: at.dialect, op: at.op, method: string(head.Method()), path: path, uri: string(head.RequestURI()), model: model,
		version: string(head.Peek("Anthropic-Version")), body: c.req.Body(),
		header: func(name string) string { return string(head.Peek(name)) },
	}
	_, query, _ := strings.Cut(q.uri, "?")
	q.query, _ = url.ParseQuery(query)
	bearer, _ := strings.CutPrefix(q.header("Authorization"), "Bearer ")
	q.key = cmp.Or(bearer, q.header("X-Api-Key"), q.header("Api-Key"))
	if at.dialect == gemini {
		q.key = cmp.Or(bearer, q.header("X-Goog-Api-Key"), q.query.Get("key"))
	}
	return q
}

// unreadAnswer answers, or says nothing, while the body stays in the socket.
func (c *conn) unreadAnswer(path string) error {
	c.note(nil)
	if c.plan.unread > 0 {
		c.server.sleep(c.plan.unread)
		return c.reset()
	}
	c.plan.after = "conn-close"
	r := errorReply(targetOf(path).dialect, c.plan.early, "answered before the request was read", "", "")
	if err := c.send(r); !errors.Is(err, errEnd) {
		return err
	}
	_ = c.tcp.CloseWrite()
	c.server.sleep(earlyGrace)
	return errEnd
}

// insteadOf plays silence, a close, a reset or garbage.
func (c *conn) insteadOf(what string) error {
	switch what {
	case "silence":
		return c.stall()
	case "reset":
		return c.reset()
	case "garbage":
		if _, err := c.rw.Write(garbage); err != nil {
			return err
		}
	}
	return errEnd
}

// garbage is no HTTP by any reading, with a line end so that line readers get something.
var garbage = []byte("\x16\x03\x01\x00\xa5SSH-2.0-nonsense\x00\xff\xfe{]\r\n\r\n\x00\x00")
