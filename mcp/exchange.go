package mcp

import (
	"context"
	"encoding/json"
	"sync"

	"github.com/ai-mcp-gateway/gateway/mcp/tool"
	"github.com/ai-mcp-gateway/gateway/tenant"
)

// sink takes the messages for a client, one at a time, each a JSON text
// without a line break. It returns when the message has been taken.
type sink interface {
	send(message []byte) error
}

// exchange is a request under way: who asked, and the way back to him. The
// library's own way for notifications drops what a full channel does not take,
// and over HTTP what its two readers race for; so ours goes straight to the
// client, in order, before the answer and never after it.
type exchange struct {
	caller *tenant.Caller
	id     string // in logs and in the ledger
	token  json.RawMessage
	call   message
	asks   *questions

	mu    sync.Mutex
	out   sink
	ended bool
	last  float64 // the last progress that was told
	told  bool
}

type exchangeKey struct{}

// exchangeOf is the exchange that a handler of the library works for.
func exchangeOf(ctx context.Context) *exchange { return ctx.Value(exchangeKey{}).(*exchange) }

// progress tells the client how far the call is, if it asked. Progress only
// grows: what does not is left out.
func (x *exchange) progress(done, total float64, text string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.token == nil || x.told && done <= x.last {
		return
	}
	x.last, x.told = done, true
	x.write("notifications/progress", struct {
		Token    json.RawMessage `json:"progressToken"`
		Progress float64         `json:"progress"`
		Total    float64         `json:"total,omitempty"`
		Message  string          `json:"message,omitempty"`
	}{x.token, done, total, text})
}

// notify tells the client something that belongs to its call.
func (x *exchange) notify(method string, params any) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.write(method, params)
}

// write needs mu. A client that cannot be written to has left, which its
// connection notices.
func (x *exchange) write(method string, params any) {
	if x.ended {
		return
	}
	b, err := tool.Marshal(struct {
		JSONRPC string `json:"jsonrpc"`
		Method  string `json:"method"`
		Params  any    `json:"params,omitempty"`
	}{"2.0", method, params})
	if err != nil {
		panic("BUG: a notification does not marshal: " + err.Error())
	}
	_ = x.out.send(b)
}

// end makes the exchange silent.
func (x *exchange) end() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.ended = true
}

// requests are those under way, by session and id, for what cancels them.
type requests struct {
	mu   sync.Mutex
	byID map[string]*request
}

type request struct {
	cancel    context.CancelFunc
	cancelled bool
}

// begin notes a request. It returns nil when another with the id is under way.
func (r *requests) begin(ctx context.Context, session string, id json.RawMessage) (context.Context, *request) {
	key := session + "\x00" + string(id)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.byID == nil {
		r.byID = map[string]*request{}
	}
	if r.byID[key] != nil {
		return nil, nil
	}
	q := &request{}
	ctx, q.cancel = context.WithCancel(ctx)
	r.byID[key] = q
	return ctx, q
}

// end forgets a request, and reports whether it was cancelled by its client,
// who then gets no answer.
func (r *requests) end(session string, id json.RawMessage, q *request) (cancelled bool) {
	q.cancel()
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.byID, session+"\x00"+string(id))
	return q.cancelled
}

// cancel ends a request at its client's wish.
func (r *requests) cancel(session string, params json.RawMessage) {
	var p map[string]json.RawMessage
	if json.Unmarshal(params, &p) != nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if q := r.byID[session+"\x00"+string(p["requestId"])]; q != nil {
		q.cancelled = true
		q.cancel()
	}
}
