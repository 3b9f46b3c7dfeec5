// Package llm is the tools that lead to the gateway's core: models, the code
// agent, and conversations. A call through them is one like those over HTTP: it
// takes the same way through the engine, and leaves the same records.
package llm

import (
	"bytes"
	"context"
	"encoding/json"
	"time"

	"github.com/ai-mcp-gateway/gateway/engine"
	"github.com/ai-mcp-gateway/gateway/mcp/tool"
	"github.com/ai-mcp-gateway/gateway/telemetry"
	"github.com/ai-mcp-gateway/gateway/translate"
)

// Options are the parts that the tools work with.
type Options struct {
	Engine        *engine.Engine
	Conversations conversations
	Accounts      accounts
	Log           *telemetry.Log
	Metrics       *telemetry.Metrics
}

// Tools returns the tools.
func Tools(options Options) []*tool.Tool {
	l := &llm{options}
	reaches := tool.Hints{ReadOnly: true, OpenWorld: true}
	return append([]*tool.Tool{
		tool.New(tool.Tool{
			Name: "llm_chat", Title: "Ask a model", Hints: reaches, Slow: true,
			Description: "Ask a language model. auto picks the cheapest that will do; conversation_id makes it remember.",
		}, l.chat),
		tool.New(tool.Tool{
			Name: "llm_models", Title: "List models", Hints: tool.Reads,
			Description: "The names that model may have in llm_chat: auto, tiers, and the providers' models.",
		}, l.models),
		tool.New(tool.Tool{
			Name: "llm_usage", Title: "Usage and cost", Hints: tool.Reads,
			Description: "Calls, tokens and cost so far, by model, tier, day, project or user where wanted.",
		}, l.usageOf),
		tool.New(tool.Tool{
			Name: "code_agent", Title: "Code agent", Hints: tool.Hints{OpenWorld: true}, Slow: true,
			Description: "Plan a coding task as a list of things to do, work through it, and return the changed files. It writes no file itself.",
		}, l.agent),
	}, l.conversationTools()...)
}

type llm struct{ Options }

type chatIn struct {
	Model          string        `json:"model" doc:"auto, L0, L1, L2, or one of llm_models"`
	Messages       []chatMessage `json:"messages" min:"1"`
	ConversationID string        `json:"conversation_id,omitempty"`
	MaxTokens      *int64        `json:"max_tokens,omitempty" min:"1"`
	Temperature    *float64      `json:"temperature,omitempty" min:"0" max:"2"`
}

type chatMessage struct {
	Role    string `json:"role" enum:"system|user|assistant"`
	Content string `json:"content"`
}

type chatOut struct {
	Content  string       `json:"content"`
	Model    string       `json:"model"`
	Provider string       `json:"provider"`
	Tier     string       `json:"tier"`
	Usage    usage        `json:"usage"`
	CostUSD  *json.Number `json:"cost_usd" doc:"null: unknown"`
	Cache    string       `json:"cache"`
}

// Blocks implements tool.Attached: the model reads the answer, and not JSON.
func (o *chatOut) Blocks() []tool.Block { return []tool.Block{{Text: o.Content}} }

type usage struct {
	Input  int64 `json:"input"`
	Output int64 `json:"output"`
}

// begin makes the engine's call of a tool's.
func (l *llm) begin(c *tool.Call, name string) *engine.Call {
	e := engine.AcquireCall(time.Now())
	e.Op, e.Caller = translate.OpChat, c.Caller
	r := &e.Record
	r.Time, r.Method, r.Route, r.Op, r.RequestID = e.Start, "MCP", name, e.Op.String(), c.RequestID
	r.Tenant, r.Project, r.User, r.KeyID = c.Caller.Tenant, c.Caller.Project, c.Caller.User, c.Caller.KeyID
	l.Metrics.InFlight(1)
	return e
}

// finish closes a call and tells of it.
func (l *llm) finish(e *engine.Call, err *translate.Error) {
	e.Close()
	r := &e.Record
	r.Status, r.Duration = 200, time.Since(e.Start)
	if err != nil {
		r.Status, r.ErrorCode = err.HTTPStatus(), err.Code.String()
	}
	l.Log.Call(r)
	l.Metrics.Call(r)
	l.Metrics.InFlight(-1)
	e.Release()
}

// until ends a call when ctx does, by gone; the func that it returns ends that,
// and returns when gone is not running any more.
func until(ctx context.Context, gone func()) func() {
	done := make(chan struct{})
	stop := context.AfterFunc(ctx, func() { defer close(done); gone() })
	return func() {
		if !stop() {
			<-done
		}
	}
}

func (l *llm) chat(ctx context.Context, c *tool.Call, in *chatIn) (*chatOut, error) {
	body, err := json.Marshal(struct {
		Model       string        `json:"model"`
		Messages    []chatMessage `json:"messages"`
		MaxTokens   *int64        `json:"max_tokens,omitempty"`
		Temperature *float64      `json:"temperature,omitempty"`
	}{in.Model, in.Messages, in.MaxTokens, in.Temperature})
	if err != nil {
		return nil, err
	}
	e := l.begin(c, "llm_chat")
	e.Conversation = in.ConversationID
	var out chatOut
	failed := func() *translate.Error {
		defer until(ctx, e.ClientGone)()
		if err := e.Request.Scan(body); err != nil {
			return err
		}
		if err := e.Request.Check(e.Op); err != nil {
			return err
		}
		e.Record.Model = in.Model
		if err := l.Engine.Do(e); err != nil {
			return err
		}
		var answer bytes.Buffer
		if _, err := e.WriteTo(&answer); err != nil {
			return &translate.Error{Code: translate.CallerGone, Message: "the call was cancelled"}
		}
		out = chatOut{Content: engine.ChatText(answer.Bytes())}
		return nil
	}()
	r := &e.Record
	out.Model, out.Provider, out.Tier, out.Cache = r.TargetModel, r.Provider, r.Tier, r.Cache
	out.Usage, out.CostUSD = usage{r.Tokens.In, r.Tokens.Out}, costOf(r)
	l.finish(e, failed)
	if failed != nil {
		return nil, told(failed)
	}
	return &out, nil
}

// costOf is a call's cost in USD, or nil when it is not known.
func costOf(r *telemetry.Call) *json.Number {
	if !r.CostKnown && len(r.Attempts) > 0 {
		return nil
	}
	n := json.Number(translate.AppendUSD(nil, r.CostNano))
	return &n
}

// told is what a tool's client is told of a failed call.
func told(err *translate.Error) error {
	text := err.Message
	if err.Param != "" {
		text += " (" + err.Param + ")"
	}
	return tool.Errorf("%s [%s]", text, err.Code)
}

type modelsOut struct {
	Models []modelOut `json:"models"`
}

type modelOut struct {
	Name  string `json:"name"`
	Owner string `json:"owner"`
}

func (l *llm) models(context.Context, *tool.Call, *struct{}) (*modelsOut, error) {
	out := &modelsOut{Models: []modelOut{}}
	for _, m := range l.Engine.Models() {
		out.Models = append(out.Models, modelOut{m.ID, m.OwnedBy})
	}
	return out, nil
}
