package engine

import (
	"bytes"

	"github.com/ai-mcp-gateway/gateway/store"
	"github.com/ai-mcp-gateway/gateway/translate"
)

// responseStore keeps the answers that Responses clients go on from.
type responseStore interface {
	PutResponse(tenant, id string, r store.Response)
	Response(tenant, id string) (store.Response, bool)
	DeleteResponse(tenant, id string) bool
}

// stateful is a client's dialect whose requests may go on from an answer.
type stateful interface {
	// ExpandInput appends body with the items of the stored response before
	// its own, and without the response's id.
	ExpandInput(dst, input, response, body []byte) []byte
	// ResolveItems appends body with the items that its input refers to in the
	// place of the references, and reports whether there is any. find returns
	// the Response object of an id.
	ResolveItems(dst, body []byte, find func(id string) []byte) ([]byte, bool)
	// AppendInput appends body's input as a raw array of items.
	AppendInput(dst, body []byte, id string) []byte
	// ReadResponse finds the Response object, and its id, in an answer or in
	// the data of a stream's last event.
	ReadResponse(data []byte) (response, id []byte)
}

// Response returns a kept answer of the Responses API to its tenant.
func (e *Engine) Response(tenant, id string) (store.Response, bool) {
	return e.options.Responses.Response(tenant, id)
}

// DeleteResponse forgets one and reports whether there was one.
func (e *Engine) DeleteResponse(tenant, id string) bool {
	return e.options.Responses.DeleteResponse(tenant, id)
}

// history is what a Responses call goes on from.
type history struct {
	id       string
	kept     store.Response
	known    bool
	expanded *translate.Request // with the history before its input
}

// recall finds what the call goes on from: the response that it names, and the
// items that it refers to, where only the gateway has them.
func (c *Call) recall() *translate.Error {
	body, resolved := c.bridge.client.(stateful).ResolveItems(nil, c.Request.Body, func(id string) []byte {
		kept, known := c.engine.options.Responses.Response(c.Caller.Tenant, id)
		if !known || kept.Provider != "" {
			return nil
		}
		return kept.Body
	})
	if resolved {
		if err := c.Request.Scan(body); err != nil {
			return err
		}
	}
	if raw := c.Request.Value(translate.FieldPreviousResponseID); translate.KindOf(raw) == translate.KindString {
		h := &c.bridge.history
		h.id = string(translate.AppendText(nil, raw))
		h.kept, h.known = c.engine.options.Responses.Response(c.Caller.Tenant, h.id)
	}
	return nil
}

// asks returns the request as it is for t: the client's own or, where t does
// not know what it goes on from, one that has it all.
func (c *Call) asks(t *target) (*translate.Request, *translate.Error) {
	h := &c.bridge.history
	if h.id == "" {
		return &c.Request, nil
	}
	native := t.provider.passage(c.Op) != nil
	if native && (!h.known || h.kept.Provider == t.provider.config.Name) {
		return &c.Request, nil
	}
	if !h.known {
		e := translate.Errorf(translate.CallerInvalidField, "previous_response_id", "There is no response %q to go on from.", h.id)
		e.Reason = "previous_response_not_found"
		return nil, e
	}
	if h.expanded == nil {
		body := c.bridge.client.(stateful).ExpandInput(nil, h.kept.Input, h.kept.Body, c.Request.Body)
		h.expanded = new(translate.Request)
		if err := h.expanded.Scan(body); err != nil {
			return nil, err
		}
	}
	return h.expanded, nil
}

// keeper stores a Responses answer once it is whole.
type keeper struct {
	store    responseStore
	dialect  stateful
	tenant   string
	provider string
	request  []byte
}

// keeper returns what stores the answer from t, or nil when the client does
// not want it stored, or the call has no such answers. It owns what it holds.
func (c *Call) keeper(t *target) *keeper {
	if c.Op != translate.OpResponses || c.internal || bytes.Equal(c.Request.Value(translate.FieldStore), []byte("false")) {
		return nil
	}
	k := &keeper{store: c.engine.options.Responses, dialect: c.bridge.client.(stateful), tenant: c.Caller.Tenant}
	if c.bridge.wire == nil {
		k.provider = t.provider.config.Name
	}
	switch h := &c.bridge.history; {
	case h.expanded != nil:
		k.request = h.expanded.Body
	case h.known:
		k.request = k.dialect.ExpandInput(nil, h.kept.Input, h.kept.Body, c.Request.Body)
	default:
		k.request = bytes.Clone(c.Request.Body)
	}
	return k
}

// keep stores the answer that data, a whole one or the last event of a
// stream, has in it.
func (k *keeper) keep(data []byte) {
	response, id := k.dialect.ReadResponse(data)
	if len(id) == 0 {
		return
	}
	k.store.PutResponse(k.tenant, string(id), store.Response{
		Input: k.dialect.AppendInput(nil, k.request, string(id)), Body: response, Provider: k.provider,
	})
}
