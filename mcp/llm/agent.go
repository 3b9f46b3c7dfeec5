package llm

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"strings"

	"github.com/ai-mcp-gateway/gateway/engine"
	"github.com/ai-mcp-gateway/gateway/mcp/tool"
)

type agentIn struct {
	Task           string       `json:"task" min:"1"`
	ConversationID string       `json:"conversation_id,omitempty" doc:"goes on from there; a new one without it"`
	Files          []file       `json:"files,omitempty" max:"100" doc:"files that it works on"`
	Context        agentContext `json:"context,omitempty"`
}

type file struct {
	Path    string `json:"path"`
	Content string `json:"content"`
}

// agentContext is what the seed's code_agent took.
type agentContext struct {
	Language     string   `json:"language,omitempty"`
	Framework    string   `json:"framework,omitempty"`
	ExistingCode string   `json:"existingCode,omitempty"`
	Requirements []string `json:"requirements,omitempty"`
}

type agentOut struct {
	Result         string       `json:"result"`
	ConversationID string       `json:"conversation_id"`
	Files          []file       `json:"files"`
	Steps          []todo       `json:"steps"`
	Model          string       `json:"model"`
	Usage          usage        `json:"usage"`
	CostUSD        *json.Number `json:"cost_usd" doc:"null: unknown"`
}

func (l *llm) agent(ctx context.Context, c *tool.Call, in *agentIn) (*agentOut, error) {
	id := in.ConversationID
	if id == "" {
		id = "mcp-" + rand.Text()
	}
	if err := engine.CheckConversationID("conversation_id", id); err != nil {
		return nil, told(err)
	}
	e := l.begin(c, "code_agent")
	e.Conversation, e.Record.Model = id, "auto"
	a := &engine.Agent{Call: e, Task: in.task(), Progress: func(done, total int, title string) {
		c.Report(float64(done), float64(total), title)
	}}
	for _, f := range in.Files {
		a.Files = append(a.Files, engine.File(f))
	}
	stop := until(ctx, func() { a.Gone(false) })
	failed := l.Engine.Work(a)
	stop()
	r := &e.Record
	out := &agentOut{
		Result: a.Answer, ConversationID: id, Files: []file{}, Steps: todosOf(a.Todos),
		Model: r.TargetModel, Usage: usage{r.Tokens.In, r.Tokens.Out}, CostUSD: costOf(r),
	}
	for _, f := range a.Changed {
		out.Files = append(out.Files, file(f))
	}
	l.finish(e, failed)
	if failed != nil {
		return nil, told(failed)
	}
	return out, nil
}

// task is the task with what is known around it.
func (in *agentIn) task() string {
	var b strings.Builder
	b.WriteString(in.Task)
	add := func(title, text string) {
		if text != "" {
			b.WriteString("\n" + title + ": " + text)
		}
	}
	add("Language", in.Context.Language)
	add("Framework", in.Context.Framework)
	add("Requirements", strings.Join(in.Context.Requirements, "; "))
	add("Existing code", in.Context.ExistingCode)
	return b.String()
}
