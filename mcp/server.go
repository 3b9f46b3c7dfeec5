// Package mcp is the MCP face: the gateway as a server of the Model Context
// Protocol, on stdio and over streamable HTTP, in every revision from
// 2024-11-05 to 2026-07-28 at once.
//
// A message goes through three hands. The guard (guard.go) refuses what is no
// message, or could be read in two ways. The Server knows what is under way:
// it cancels, keeps progress in order and answers under the client's own id.
// The library (library.go), github.com/mark3labs/mcp-go, knows the revisions
// and their shapes. The tools are in packages below this one, and know none of
// the three.
//
// A Server keeps no session: a message is answered from itself alone, so that
// over HTTP any instance can take any of them. On stdio the process is the
// session.
package mcp

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"log/slog"
	"runtime/debug"
	"strings"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"

	"github.com/ai-mcp-gateway/gateway/mcp/tool"
	"github.com/ai-mcp-gateway/gateway/tenant"
)

// maxInFlight is how many requests of one connection may be under way.
const maxInFlight = 16_384

// Options are the parts that a Server works with.
type Options struct {
	Tools     *tool.Set
	Resources []tool.Resource
	Prompts   []tool.Prompt
	// Fixtures adds what the official conformance suite looks for.
	Fixtures bool
	// Profile is Core or Full: what tools/list has. All can be called in any.
	Profile string
	// Roots takes the directories that the client on stdio has open; nil leaves
	// those that the tools have.
	Roots   func(paths []string) error
	Version string
	Log     *slog.Logger
}

// Server answers MCP. It is safe for concurrent use.
type Server struct {
	options  Options
	library  *server.MCPServer
	requests requests
	asks     questions
}

// New returns a server of the tools.
func New(options Options) *Server {
	s := &Server{options: options}
	s.library = s.newLibrary()
	return s
}

// connection is where a message has come from.
type connection struct {
	caller  *tenant.Caller
	session string // what ids are unique in
	version string // that the client has agreed to, where it is known
	out     sink
}

// hear takes a message that is no request.
func (s *Server) hear(c *connection, m message) {
	switch {
	case m.answered:
		s.asks.answer(m)
	case m.method == "notifications/cancelled":
		s.requests.cancel(c.session, m.params)
	}
}

// begin notes a request, which can be cancelled from then on. The request is
// nil when another with its id is under way.
func (s *Server) begin(ctx context.Context, c *connection, m message) (context.Context, *request) {
	return s.requests.begin(ctx, c.session, m.id)
}

// finish answers a request that has begun; the answer is nil when its client
// has cancelled it, and expects none.
func (s *Server) finish(ctx context.Context, c *connection, m message, q *request) []byte {
	if q == nil {
		return failure(m.id, &fault{Code: codeInvalidRequest, Message: "a request with this id is under way"})
	}
	x := &exchange{caller: c.caller, id: rand.Text(), token: m.token, call: m, asks: &s.asks, out: c.out}
	answer := s.answer(ctx, c, x)
	x.end()
	if s.requests.end(c.session, m.id, q) {
		return nil
	}
	return answer
}

// answer answers a request. A bug ends it and nothing else.
func (s *Server) answer(ctx context.Context, c *connection, x *exchange) (answer []byte) {
	defer func() {
		if p := recover(); p != nil {
			s.options.Log.Error("panic", "method", x.call.method, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			answer = failure(x.call.id, &fault{Code: codeInternal, Message: "internal error"})
		}
	}()
	if x.call.method == "subscriptions/listen" && mcp.IsModernProtocol(x.call.version) {
		return x.listen()
	}
	if s.options.Fixtures && x.call.name == "test_missing_capability" && !strings.Contains(string(x.call.params), `"sampling"`) {
		return failure(x.call.id, &fault{
			Code: codeMissingCapability, Message: "this tool needs a client that can sample",
			Data: map[string]any{"requiredCapabilities": map[string]any{"sampling": struct{}{}}},
		})
	}
	if x.call.method == "tools/call" {
		if _, err := s.options.Tools.Find(x.call.name); err != nil && !s.isFixture(x.call.name) {
			return failure(x.call.id, &fault{Code: codeInvalidParams, Message: err.Error()})
		}
	}
	return s.ask(context.WithValue(ctx, exchangeKey{}, x), c, x)
}

// failure is the answer that a request has failed; id may be nil.
func failure(id json.RawMessage, f *fault) []byte {
	if id == nil {
		id = json.RawMessage("null")
	}
	b, err := tool.Marshal(struct {
		JSONRPC string          `json:"jsonrpc"`
		ID      json.RawMessage `json:"id"`
		Error   *fault          `json:"error"`
	}{"2.0", id, f})
	if err != nil {
		panic("BUG: a fault does not marshal: " + err.Error())
	}
	return b
}
