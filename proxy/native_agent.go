package proxy

import (
	"encoding/json"

	"github.com/valyala/fasthttp"

	"github.com/ai-mcp-gateway/gateway/engine"
	"github.com/ai-mcp-gateway/gateway/store"
	"github.com/ai-mcp-gateway/gateway/translate"
)

const agentPath = "/v1/code-agent"

// serveAgent answers /v1/code-agent.
func (s *Server) serveAgent(ctx *fasthttp.RequestCtx) {
	c := s.acquire(ctx, modelRoute{agentPath, translate.OpChat})
	defer c.abandon()
	q, err := s.prepareNative(ctx, c, agentFields)
	var kept *store.Answer
	if err == nil {
		c.Conversation, c.Record.Model = q.ConversationID, "auto"
		c.agent = &engine.Agent{Call: c.Call, Task: q.Text, Files: filesOf(q.Files)}
		kept, err = s.begin(ctx, c, agentPath)
	}
	if err == nil && kept == nil {
		err = s.options.Engine.Work(c.agent)
	}
	s.addCORS(ctx)
	switch {
	case err != nil:
		s.fail(ctx, c, err)
	case kept != nil:
		s.replay(ctx, c, kept)
	default:
		s.answerAgent(ctx, c, q)
	}
}

func (s *Server) answerAgent(ctx *fasthttp.RequestCtx, c *call, q *nativeRequest) {
	a := nativeAnswer{
		Result: c.result(c.agent.Answer), Todos: todosOf(c.agent.Todos), Routing: c.routing(q),
		Context: c.contextState(), Performance: c.performance(),
	}
	for _, f := range c.agent.Changed {
		a.Result.Files = append(a.Result.Files, nativeFile(f))
	}
	out, _ := json.Marshal(&a) // strings and numbers always marshal
	s.writeNative(ctx, c, out)
}

// writeNative ends a call with an answer of the native routes.
func (s *Server) writeNative(ctx *fasthttp.RequestCtx, c *call, out []byte) {
	h := &ctx.Response.Header
	c.writeHeader(h)
	c.once.keep(h, out)
	c.Record.BytesOut = int64(len(out))
	ctx.SetBody(out)
	c.finish(fasthttp.StatusOK, nil)
}

func filesOf(given []nativeFile) []engine.File {
	files := make([]engine.File, len(given))
	for i, f := range given {
		files[i] = engine.File(f)
	}
	return files
}

func todosOf(list []store.Todo) []nativeTodo {
	todos := []nativeTodo{}
	for _, t := range list {
		todos = append(todos, nativeTodo{t.ID, t.Title, t.Description, t.Status})
	}
	return todos
}
