package mcp

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"

	"github.com/ai-mcp-gateway/gateway/mcp/tool"
)

// newLibrary tells the library what the server has. What it gets wrong (1.2.1)
// and what is done about it, each with a test in library_test.go:
//
//   - It reads names whatever their case: the guard lets one spelling in.
//   - It drops notifications that come faster than they are read: exchange.
//   - Ids and arguments go through float64, and ids 1 and "1" are the same to
//     it: it is given ids of ours, arguments are taken from the message.
//   - It answers calls that were cancelled: Server.finish.
//   - subscriptions/listen drops what its channel does not take: listen.go.
//   - HTTP is served by its own transport with all of the above: http.go.
func (s *Server) newLibrary() *server.MCPServer {
	hooks := &server.Hooks{}
	options := []server.ServerOption{
		server.WithTitle("AI MCP Gateway"),
		server.WithInstructions(instructions),
		server.WithHooks(hooks),
		server.WithToolCapabilities(false),
		server.WithCacheHints(0, mcp.CacheScopePrivate),
		server.WithResourceCapabilities(false, false),
		server.WithPromptCapabilities(false),
		server.WithCompletions(),
		server.WithPromptCompletionProvider(completer{s.options.Prompts}),
	}
	if s.options.Fixtures {
		options = append(options, fixtureOptions...)
	}
	library := server.NewMCPServer("ai-mcp-gateway", s.options.Version, options...)
	for _, t := range s.options.Tools.Tools() {
		for _, name := range append([]string{t.Name}, t.Aliases...) {
			described := describe(t)
			described.Name = name
			library.AddTool(described, s.callTool(t))
		}
	}
	s.offer(library)
	if s.options.Fixtures {
		addFixtures(library)
	}
	hooks.AddAfterListTools(func(_ context.Context, _ any, _ *mcp.ListToolsRequest, result *mcp.ListToolsResult) {
		result.Tools = s.listed(result.Tools)
	})
	return library
}

const instructions = "Routed language models, conversations that outlive the session, and tools for files, git, tests, databases and Redis. " +
	"tools/list has the most used ones; find_tools and describe_tool show the rest, call_tool calls them."

// describe is what the library has to know of a tool.
func describe(t *tool.Tool) mcp.Tool {
	raw := func(s *tool.Schema) json.RawMessage {
		if s == nil {
			return nil
		}
		b, err := s.MarshalJSON()
		if err != nil {
			panic("BUG: a schema does not marshal: " + err.Error())
		}
		return b
	}
	h := t.Hints
	return mcp.Tool{
		Name: t.Name, Title: t.Title, Description: t.Description,
		RawInputSchema: raw(t.Input), RawOutputSchema: raw(t.Output),
		Annotations: mcp.ToolAnnotation{
			ReadOnlyHint: &h.ReadOnly, DestructiveHint: &h.Destructive, IdempotentHint: &h.Idempotent, OpenWorldHint: &h.OpenWorld,
		},
	}
}

// listed puts the tools of the profile in their own order, and drops the rest.
func (s *Server) listed(known []mcp.Tool) []mcp.Tool {
	byName := make(map[string]mcp.Tool, len(known))
	for _, t := range known {
		byName[t.Name] = t
	}
	list := []mcp.Tool{}
	for _, t := range s.options.Tools.Tools() {
		if s.inProfile(t) {
			list = append(list, byName[t.Name])
		}
		delete(byName, t.Name)
		for _, alias := range t.Aliases {
			delete(byName, alias)
		}
	}
	for _, t := range known { // the fixtures
		if _, left := byName[t.Name]; left {
			list = append(list, t)
		}
	}
	return list
}

// callTool is the library's handler of a tool.
func (s *Server) callTool(t *tool.Tool) server.ToolHandlerFunc {
	return func(ctx context.Context, _ mcp.CallToolRequest) (*mcp.CallToolResult, error) {
		x := exchangeOf(ctx)
		c := &tool.Call{Caller: x.caller, RequestID: x.id}
		if x.token != nil {
			c.Progress = x.progress
		}
		return resultOf(s.options.Tools.Run(ctx, t, c, x.call.arguments)), nil
	}
}

func resultOf(r *tool.Result) *mcp.CallToolResult {
	out := &mcp.CallToolResult{IsError: r.Failed, RawStructuredContent: r.Structured, Content: []mcp.Content{}}
	for _, b := range r.Blocks {
		out.Content = append(out.Content, contentOf(b))
	}
	return out
}

func contentOf(b tool.Block) mcp.Content {
	data := base64.StdEncoding.EncodeToString(b.Data)
	switch kind, _, _ := strings.Cut(b.Type, "/"); {
	case b.Data == nil:
		return mcp.NewTextContent(b.Text)
	case kind == "image":
		return mcp.NewImageContent(data, b.Type)
	case kind == "audio":
		return mcp.NewAudioContent(data, b.Type)
	default:
		return mcp.NewEmbeddedResource(mcp.BlobResourceContents{URI: b.Text, MIMEType: b.Type, Blob: data})
	}
}

// ask has the library answer a request. It sees an id of ours.
func (s *Server) ask(ctx context.Context, c *connection, x *exchange) []byte {
	request, err := tool.Marshal(struct {
		JSONRPC string          `json:"jsonrpc"`
		ID      int             `json:"id"`
		Method  string          `json:"method"`
		Params  json.RawMessage `json:"params,omitempty"`
	}{"2.0", 1, x.call.method, x.call.params})
	if err != nil {
		return failure(x.call.id, &fault{Code: codeInvalidRequest, Message: "the request cannot be read"})
	}
	ctx = s.library.WithContext(ctx, &session{exchange: x, version: c.version})
	switch r := s.library.HandleMessage(ctx, request).(type) {
	case mcp.JSONRPCResponse:
		return success(x.call.id, r.Result)
	case mcp.JSONRPCError:
		return failure(x.call.id, &fault{Code: r.Error.Code, Message: r.Error.Message, Data: r.Error.Data})
	default:
		panic(fmt.Sprintf("BUG: the library answers with %T", r))
	}
}

// success is the answer to a request.
func success(id json.RawMessage, result any) []byte {
	b, err := tool.Marshal(struct {
		JSONRPC string          `json:"jsonrpc"`
		ID      json.RawMessage `json:"id"`
		Result  any             `json:"result"`
	}{"2.0", id, result})
	if err != nil {
		return failure(id, &fault{Code: codeInternal, Message: "the result cannot be written"})
	}
	return b
}

// session is what the library takes for a client: one exchange.
type session struct {
	exchange *exchange
	version  string
}

// Initialize implements server.ClientSession.
func (s *session) Initialize() {}

// Initialized implements server.ClientSession.
func (s *session) Initialized() bool { return true }

// NotificationChannel implements server.ClientSession. Nobody reads it: ours
// go through the exchange, and the library has none to send.
func (s *session) NotificationChannel() chan<- mcp.JSONRPCNotification { return nil }

// SessionID implements server.ClientSession.
func (s *session) SessionID() string { return s.exchange.id }

// ProtocolVersion implements server.SessionWithProtocolVersion.
func (s *session) ProtocolVersion() string { return s.version }

// SetLogLevel implements server.SessionWithLogging. There is no session to keep
// it in: a call's messages all go to its client.
func (s *session) SetLogLevel(mcp.LoggingLevel) {}

// GetLogLevel implements server.SessionWithLogging.
func (s *session) GetLogLevel() mcp.LoggingLevel { return mcp.LoggingLevelDebug }

// SubscribeToResource implements server.SessionWithResourceSubscriptions. No
// resource of ours changes.
func (s *session) SubscribeToResource(string) {}

// UnsubscribeFromResource implements server.SessionWithResourceSubscriptions.
func (s *session) UnsubscribeFromResource(string) {}

// SubscribedResources implements server.SessionWithResourceSubscriptions.
func (s *session) SubscribedResources() []string { return nil }

// IsSubscribedToResource implements server.SessionWithResourceSubscriptions.
func (s *session) IsSubscribedToResource(string) bool { return false }
