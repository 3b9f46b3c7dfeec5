package mcp

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"io"
	"net/http"
	"regexp"
	"strings"

	"github.com/mark3labs/mcp-go/mcp"

	"github.com/ai-mcp-gateway/gateway/tenant"
)

// Answer is what a message that came by HTTP gets.
type Answer struct {
	Status int
	// Type is the media type of Body; empty without one.
	Type string
	// Session is the value of Mcp-Session-Id, or empty.
	Session string
	// Body is nil without one. It is written once; each event of a stream is
	// one Write.
	Body io.WriterTo
}

// sessionID is what ids of sessions look like. A session is a name and no more:
// nothing is kept of it, and any instance goes on with it. It keeps the ids of
// one client's requests apart from another's, for what cancels them.
var sessionID = regexp.MustCompile(`^gw-[A-Z2-7]{26}$`)

// Post answers a message. header returns a header's value. When it returns, the
// answer is there or, where the client takes one, the first event of a stream;
// ctx ends the call, until Body has been written.
func (s *Server) Post(ctx context.Context, caller *tenant.Caller, header func(name string) string, body []byte) *Answer {
	m, f := parse(body)
	if f != nil {
		return plain(http.StatusBadRequest, failure(m.id, f))
	}
	c := &connection{caller: caller, session: header("Mcp-Session-Id"), version: header("Mcp-Protocol-Version")}
	modern := mcp.IsModernProtocol(m.version) || mcp.IsModernProtocol(c.version)
	switch {
	case modern:
		if f := checkModern(m, header); f != nil {
			return plain(http.StatusBadRequest, failure(m.id, f))
		}
		c.session, c.version = "", m.version
	case c.version != "" && !mcp.IsValidProtocolVersion(c.version):
		return plain(http.StatusBadRequest, failure(m.id, &fault{Code: codeInvalidRequest, Message: "this version of the protocol is not known"}))
	case c.session != "" && !sessionID.MatchString(c.session):
		return plain(http.StatusNotFound, failure(m.id, &fault{Code: codeInvalidRequest, Message: "there is no such session: initialize anew"}))
	}
	opened := ""
	if m.method == "initialize" && !modern {
		opened = "gw-" + rand.Text()
	}
	if c.session == "" {
		c.session = "once-" + rand.Text()
	} else {
		c.session = caller.Tenant + "/" + caller.KeyID + "/" + c.session
	}
	if m.id == nil || m.answered {
		s.hear(c, m)
		return &Answer{Status: http.StatusAccepted}
	}
	a := s.run(ctx, c, m, modern, header("Accept"))
	a.Session = opened
	return a
}

// checkModern says what 2026-07-28 refuses in a request's header.
func checkModern(m message, header func(name string) string) *fault {
	said := header("Mcp-Protocol-Version")
	switch {
	case header("Last-Event-Id") != "":
		return &fault{Code: codeHeaderMismatch, Message: "streams are not resumed: send the request again, with a new id"}
	case m.answered:
		return &fault{Code: codeInvalidRequest, Message: "the server asks nothing in this version, and takes no answers"}
	case m.version == "":
		return &fault{Code: codeInvalidParams, Message: "_meta has no io.modelcontextprotocol/protocolVersion"}
	case said != m.version:
		return &fault{Code: codeHeaderMismatch, Message: "the header Mcp-Protocol-Version is not the version in _meta"}
	case !mcp.IsValidProtocolVersion(m.version):
		return nil // the library answers with those that are
	}
	if err := mcp.ValidateStandardHeaders(header, m.version, mcp.MCPMethod(m.method), m.params); err != nil {
		return &fault{Code: codeHeaderMismatch, Message: err.Error()}
	}
	return nil
}

// run answers a request, as a stream from its first notification on.
func (s *Server) run(ctx context.Context, c *connection, m message, modern bool, accept string) *Answer {
	ctx, cancel := context.WithCancel(ctx)
	t := &stream{ctx: ctx, cancel: cancel, messages: make(chan []byte), final: make(chan []byte, 1)}
	if accept == "" || strings.Contains(accept, "text/event-stream") || strings.Contains(accept, "*/*") {
		c.out = t
	} else {
		c.out = deaf{}
	}
	call, q := s.begin(ctx, c, m)
	go func() { t.final <- s.finish(call, c, m, q) }()
	select {
	case t.first = <-t.messages:
		return &Answer{Status: http.StatusOK, Type: "text/event-stream", Body: t}
	case answer := <-t.final:
		cancel()
		if answer == nil {
			return &Answer{Status: http.StatusAccepted} // it was cancelled
		}
		status := http.StatusOK
		if modern {
			status = statusOf(answer)
		}
		return plain(status, answer)
	}
}

// statusOf is the status that 2026-07-28 has for an answer.
func statusOf(answer []byte) int {
	var a struct {
		Error *struct {
			Code int `json:"code"`
		} `json:"error"`
	}
	if json.Unmarshal(answer, &a) != nil || a.Error == nil {
		return http.StatusOK
	}
	switch a.Error.Code {
	case codeMethodNotFound:
		return http.StatusNotFound
	case codeHeaderMismatch, codeMissingCapability, codeVersion, codeInvalidRequest, codeInvalidParams, codeParse:
		return http.StatusBadRequest
	}
	return http.StatusOK
}

// plain is an answer of one message.
func plain(status int, body []byte) *Answer {
	return &Answer{Status: status, Type: "application/json", Body: text(body)}
}

type text []byte

// WriteTo implements io.WriterTo.
func (t text) WriteTo(w io.Writer) (int64, error) {
	n, err := w.Write(t)
	return int64(n), err
}

// deaf is the way to a client that takes no streams: what is not the answer is
// left out.
type deaf struct{}

func (deaf) send([]byte) error { return nil }

// stream is an answer that has notifications before it. Its messages are handed
// over one by one: none is dropped, and none comes after the answer.
type stream struct {
	ctx      context.Context
	cancel   context.CancelFunc
	first    []byte
	messages chan []byte
	final    chan []byte
}

// send implements sink.
func (t *stream) send(message []byte) error {
	select {
	case t.messages <- message:
		return nil
	case <-t.ctx.Done():
		return t.ctx.Err()
	}
}

// WriteTo implements io.WriterTo. A client that cannot be written to ends the
// call.
func (t *stream) WriteTo(w io.Writer) (n int64, err error) {
	defer t.cancel()
	message := t.first
	for {
		written, err := w.Write(append(append([]byte("event: message\ndata: "), message...), "\n\n"...))
		if n += int64(written); err != nil {
			t.cancel()
			<-t.final // the call has ended
			return n, err
		}
		select {
		case message = <-t.messages:
			continue
		case message = <-t.final:
		}
		if message == nil {
			return n, nil // it was cancelled
		}
		written, err = w.Write(append(append([]byte("event: message\ndata: "), message...), "\n\n"...))
		return n + int64(written), err
	}
}
