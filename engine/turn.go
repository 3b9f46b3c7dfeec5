package engine

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/ai-mcp-gateway/gateway/conversation"
	"github.com/ai-mcp-gateway/gateway/store"
	"github.com/ai-mcp-gateway/gateway/translate"
)

const (
	// maxConversationID is in bytes.
	maxConversationID = 200
	// loadWithin and keepWithin bound what a turn waits for its state.
	loadWithin, keepWithin = 5 * time.Second, 10 * time.Second
	// mostGathered is the longest stream that is kept as a turn, in bytes.
	mostGathered = 16 << 20
)

// Context says what a call found of its conversation and left there.
type Context struct {
	ConversationID string
	// Source is "hot", "cold" or "new": where the state came from.
	Source                       string
	SummaryVersion, MessageCount int64
	// Persisted: the turn has been stored for good.
	Persisted bool
}

// turn is a call's part in a conversation.
type turn struct {
	*conversation.Turn
	id        string
	stream    []byte // what has been relayed of a stream
	settled   bool   // the end has been stored, or given up
	persisted bool
}

// Context is that of a call with a conversation; the zero value without one.
func (c *Call) Context() Context {
	if c.turn == nil {
		return Context{}
	}
	t := c.turn
	return Context{t.id, t.Source, t.SummaryVersion, t.MessageCount, t.persisted}
}

// attach puts the conversation that c names before its request, which will
// likely go to the first target of r.
func (c *Call) attach(r *route) *translate.Error {
	id := c.Conversation
	if id == "" {
		id = string(c.Request.ConversationID)
	}
	if id == "" || c.internal || c.engine.options.Conversations == nil || c.Request.Members[itemsField(c.Op)].Value.Empty() {
		return nil // there is nothing to attach, or nothing to attach it to
	}
	if err := CheckConversationID("conversation_id", id); err != nil {
		return err
	}
	c.Record.Conversation = id
	ctx, cancel := context.WithTimeout(context.Background(), loadWithin)
	defer cancel()
	dialect := speaks(c.Op)
	begun, err := c.engine.options.Conversations.Begin(ctx, &conversation.Call{
		Caller: conversation.Caller{Tenant: c.Caller.Tenant, Project: c.Caller.Project, User: c.Caller.User},
		ID:     id, Dialect: dialect, Incoming: incoming(c.Op, &c.Request), Instructed: c.instructed(), Key: c.Key, Prices: r.prices(),
	})
	if err != nil {
		return c.stateFailure(err)
	}
	c.turn = &turn{Turn: begun, id: id}
	if begun.Untouched {
		return nil
	}
	items, failed := c.engine.sendable(begun.Messages, dialect)
	if failed != nil {
		return failed
	}
	return c.replaceItems(items)
}

// prices are those of the first target; none where they are not known.
func (r *route) prices() conversation.Prices {
	if m := &r.targets[0].config; m.Priced {
		return conversation.Prices{Input: m.InputPrice, CachedRead: m.CacheReadPrice}
	}
	return conversation.Prices{}
}

// instructed reports whether the request has instructions besides its messages.
func (c *Call) instructed() bool {
	for o := translate.Members(c.Request.Body); o.Next(); {
		switch string(o.Key()) {
		case "system", "instructions":
			return o.Kind() != translate.KindNull
		}
	}
	return false
}

// sendable returns messages in one dialect, those of others translated.
func (e *Engine) sendable(messages []conversation.Message, dialect string) ([][]byte, *translate.Error) {
	items := make([][]byte, 0, len(messages))
	for from := 0; from < len(messages); {
		to := from
		var run [][]byte
		for ; to < len(messages) && messages[to].Dialect == messages[from].Dialect; to++ {
			run = append(run, messages[to].Raw)
		}
		if messages[from].Dialect != dialect {
			var err *translate.Error
			if run, err = e.inDialect(messages[from].Dialect, dialect, run); err != nil {
				return nil, err
			}
		}
		items, from = append(items, run...), to
	}
	return items, nil
}

// stateFailure is what a caller is told of a conversation that could not be
// read or written.
func (c *Call) stateFailure(err error) *translate.Error {
	return c.engine.stateFailure(c.Record.RequestID, err)
}

func (e *Engine) stateFailure(requestID string, err error) *translate.Error {
	var conflict *store.VersionError
	var fault *translate.Error
	switch {
	case errors.As(err, &fault):
		return fault
	case errors.As(err, &conflict):
		return translate.Errorf(translate.CallerConflict, "conversation_id", "The conversation has changed in between; its version is %d.", conflict.Version)
	}
	message := "the conversation cannot be read or stored at the moment"
	if errors.Is(err, store.ErrArchive) {
		message = "the conversation is archived, and its archive cannot be read; the operator's log says which file is missing or damaged"
	}
	e.options.Log.Warn("conversation", slog.String("request_id", requestID), slog.String("error", err.Error()))
	return &translate.Error{Code: translate.GatewayNoState, RetryAfter: 1, Message: message}
}

// relayed notes a part of a stream that the client gets, and stores the turn
// when it is the last.
func (c *Call) relayed(part []byte, ended bool, failure *translate.Error) {
	t := c.turn
	if t == nil || t.settled {
		return
	}
	if len(t.stream) <= mostGathered {
		t.stream = append(t.stream, part...)
	}
	if ended {
		c.settleTurn(failure != nil)
	}
}

// settleTurn stores what the call adds to its conversation. It may be called
// again.
func (c *Call) settleTurn(cut bool) {
	t := c.turn
	if t == nil || t.settled {
		return
	}
	t.settled = true
	answer := conversation.Answer{Model: c.Record.TargetModel, Incomplete: cut}
	switch {
	case c.body != nil:
		answer.Messages = answered(c.Op, c.body.B)
	case c.entry != nil && !c.entry.Stream:
		answer.Messages = answered(c.Op, c.entry.Body)
	case c.entry != nil:
		answer.Messages = answered(c.Op, c.gathered(c.entry.Body))
	case len(t.stream) > 0 && len(t.stream) <= mostGathered:
		answer.Messages = answered(c.Op, c.gathered(t.stream))
	}
	ctx, cancel := context.WithTimeout(context.Background(), keepWithin)
	defer cancel()
	if err := t.Finish(ctx, &answer); err != nil {
		c.engine.options.Log.Error("conversation: the turn is not stored", slog.String("request_id", c.Record.RequestID), slog.String("error", err.Error()))
		return
	}
	t.persisted = true
}

// Conversation returns the state of a tenant's conversation, as JSON. One that
// never was, and one of somebody else, is empty.
func (e *Engine) Conversation(tenant, id string) ([]byte, *translate.Error) {
	ctx, cancel := context.WithTimeout(context.Background(), loadWithin)
	defer cancel()
	found, err := e.options.Conversations.Context(ctx, tenant, id)
	if err != nil {
		return nil, e.stateFailure("", err)
	}
	out, err := json.Marshal(found)
	if err != nil {
		return nil, e.stateFailure("", err)
	}
	return out, nil
}

// PutSummary stores a ContextSummary that a caller wrote, and returns its
// version.
func (e *Engine) PutSummary(tenant, id string, fields []byte) (int64, *translate.Error) {
	ctx, cancel := context.WithTimeout(context.Background(), keepWithin)
	defer cancel()
	version, err := e.options.Conversations.PutSummary(ctx, tenant, id, fields)
	if err != nil {
		return 0, e.stateFailure("", err)
	}
	return version, nil
}

// CheckConversationID says what is wrong with an id, or nil. field is where it
// stands.
func CheckConversationID(field, id string) *translate.Error {
	if id == "" || len(id) > maxConversationID || !utf8.ValidString(id) || strings.ContainsFunc(id, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return translate.Errorf(translate.CallerInvalidField, field, "A conversation's id is 1 to %d bytes of printable text.", maxConversationID)
	}
	return nil
}
