package llm

import (
	"context"
	"encoding/json"

	"github.com/ai-mcp-gateway/gateway/conversation"
	"github.com/ai-mcp-gateway/gateway/engine"
	"github.com/ai-mcp-gateway/gateway/mcp/tool"
	"github.com/ai-mcp-gateway/gateway/store"
)

// conversations are what the tools read and write of them.
type conversations interface {
	Context(ctx context.Context, tenant, id string) (*conversation.Context, error)
	Todos(ctx context.Context, tenant, id string) ([]store.Todo, error)
	PutTodos(ctx context.Context, tenant, id string, todos []store.Todo) error
}

func (l *llm) conversationTools() []*tool.Tool {
	return []*tool.Tool{
		tool.New(tool.Tool{
			Name: "conversation_get", Title: "Show a conversation", Hints: tool.Reads, Aliases: []string{"context_get"},
			Description: "What is remembered of a conversation: summary, recent messages, things to do. One that never was is empty.",
		}, l.conversation),
		tool.New(tool.Tool{
			Name: "conversation_list", Title: "List conversations", Hints: tool.Reads,
			Description: "The conversations that are remembered, by id, a page at a time.",
		}, l.list),
		tool.New(tool.Tool{
			Name: "context_put", Title: "Write a summary", Hints: tool.Alters,
			Description: "Store a summary of a conversation, which goes before its next calls.",
		}, l.putContext),
		tool.New(tool.Tool{
			Name: "todo_list", Title: "List things to do", Hints: tool.Reads,
			Description: "The list of things to do of a conversation.",
		}, l.todos),
		tool.New(tool.Tool{
			Name: "todo_write", Title: "Write things to do", Hints: tool.Hints{Destructive: true, Idempotent: true},
			Description: "Replace the list of things to do of a conversation.",
		}, l.putTodos),
	}
}

type idIn struct {
	ID string `json:"id" min:"1" max:"200" doc:"the conversation's"`
}

type conversationOut struct {
	ID             string          `json:"id"`
	Summary        json.RawMessage `json:"summary" doc:"a ContextSummary, or null"`
	Messages       []messageOut    `json:"messages" doc:"the newest, at most 10"`
	Todos          []todo          `json:"todos"`
	MessageCount   int64           `json:"message_count"`
	SummaryVersion int64           `json:"summary_version"`
}

type messageOut struct {
	Role    string `json:"role"`
	Content string `json:"content"`
}

type todo struct {
	ID          int64  `json:"id" min:"1"`
	Title       string `json:"title" min:"1" max:"500"`
	Description string `json:"description"`
	Status      string `json:"status" enum:"not-started|in-progress|completed"`
}

func todosOf(list []store.Todo) []todo {
	out := []todo{}
	for _, t := range list {
		out = append(out, todo(t))
	}
	return out
}

func (l *llm) conversation(ctx context.Context, c *tool.Call, in *idIn) (*conversationOut, error) {
	if err := engine.CheckConversationID("id", in.ID); err != nil {
		return nil, told(err)
	}
	found, err := l.Conversations.Context(ctx, c.Caller.Tenant, in.ID)
	if err != nil {
		return nil, away(l, c, err)
	}
	out := &conversationOut{
		ID: in.ID, Summary: found.Summary, Messages: []messageOut{}, Todos: []todo{},
		MessageCount: found.MessageCount, SummaryVersion: found.SummaryVersion,
	}
	for _, m := range found.RecentMessages {
		out.Messages = append(out.Messages, messageOut{m.Role, m.Content})
	}
	for _, t := range found.Todos {
		out.Todos = append(out.Todos, todo(t))
	}
	return out, nil
}

type putContextIn struct {
	ID      string          `json:"id" min:"1" max:"200" doc:"the conversation's"`
	Summary json.RawMessage `json:"summary" doc:"object of stack, architecture, modules, mainFiles, decisions, todos, text"`
}

type versionOut struct {
	Version int64 `json:"version"`
}

func (l *llm) putContext(_ context.Context, c *tool.Call, in *putContextIn) (*versionOut, error) {
	if err := engine.CheckConversationID("id", in.ID); err != nil {
		return nil, told(err)
	}
	version, err := l.Engine.PutSummary(c.Caller.Tenant, in.ID, in.Summary)
	if err != nil {
		return nil, told(err)
	}
	return &versionOut{version}, nil
}

type todosOut struct {
	Todos []todo `json:"todos"`
}

func (l *llm) todos(ctx context.Context, c *tool.Call, in *idIn) (*todosOut, error) {
	if err := engine.CheckConversationID("id", in.ID); err != nil {
		return nil, told(err)
	}
	list, err := l.Conversations.Todos(ctx, c.Caller.Tenant, in.ID)
	if err != nil {
		return nil, away(l, c, err)
	}
	return &todosOut{todosOf(list)}, nil
}

type putTodosIn struct {
	ID    string `json:"id" min:"1" max:"200" doc:"the conversation's"`
	Todos []todo `json:"todos" max:"200"`
}

func (l *llm) putTodos(ctx context.Context, c *tool.Call, in *putTodosIn) (*todosOut, error) {
	if err := engine.CheckConversationID("id", in.ID); err != nil {
		return nil, told(err)
	}
	list := make([]store.Todo, len(in.Todos))
	for i, t := range in.Todos {
		list[i] = store.Todo(t)
	}
	if err := l.Conversations.PutTodos(ctx, c.Caller.Tenant, in.ID, list); err != nil {
		return nil, away(l, c, err)
	}
	return &todosOut{in.Todos}, nil
}

// away is what a client is told of a store that does not answer.
func away(l *llm, c *tool.Call, err error) error {
	l.Log.Slog().Warn("conversation", "request_id", c.RequestID, "error", err.Error())
	return tool.Errorf("The conversation cannot be read or stored at the moment: try again in a while.")
}
