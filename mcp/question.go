package mcp

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"sync"

	"github.com/ai-mcp-gateway/gateway/mcp/tool"
)

// questions are the requests that the server has put to clients and that are
// not answered yet. Only revisions before 2026-07-28 have them.
type questions struct {
	mu   sync.Mutex
	open map[string]chan message
}

// ask puts a request to the client of out and waits for the answer.
func (q *questions) ask(ctx context.Context, out sink, method string, params any) (json.RawMessage, error) {
	id := "gateway-" + rand.Text() // nobody can answer in another client's place
	b, err := tool.Marshal(struct {
		JSONRPC string `json:"jsonrpc"`
		ID      string `json:"id"`
		Method  string `json:"method"`
		Params  any    `json:"params,omitempty"`
	}{"2.0", id, method, params})
	if err != nil {
		return nil, fmt.Errorf("cannot ask for %s: %w", method, err)
	}
	answer := make(chan message, 1)
	q.mu.Lock()
	if q.open == nil {
		q.open = map[string]chan message{}
	}
	q.open[id] = answer
	q.mu.Unlock()
	defer func() {
		q.mu.Lock()
		delete(q.open, id)
		q.mu.Unlock()
	}()
	if err := out.send(b); err != nil {
		return nil, err
	}
	select {
	case m := <-answer:
		if m.failure != nil {
			return nil, fmt.Errorf("the client refuses %s: %.200s", method, m.failure)
		}
		return m.result, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// answer takes a client's answer and reports whether anybody waits for it.
func (q *questions) answer(m message) bool {
	var id string
	if json.Unmarshal(m.id, &id) != nil {
		return false
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	waiting := q.open[id]
	if waiting == nil {
		return false
	}
	delete(q.open, id)
	waiting <- m
	return true
}

// question puts a request to the client whose call x is.
func (x *exchange) question(ctx context.Context, method string, params any) (json.RawMessage, error) {
	return x.asks.ask(ctx, x.out, method, params)
}
