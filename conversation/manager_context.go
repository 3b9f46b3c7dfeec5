package conversation

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"github.com/ai-mcp-gateway/gateway/internal/spell"
	"github.com/ai-mcp-gateway/gateway/store"
	"github.com/ai-mcp-gateway/gateway/translate"
)

const (
	// maxShown is how many recent messages a Context has.
	maxShown = 10
	// maxField is how long a field of a summary may be as text, in bytes: it
	// stands in every prompt.
	maxField = 32 << 10
)

// Context is the state of a conversation as GET /v1/context shows it.
type Context struct {
	ConversationID string `json:"conversationId"`
	// Summary is a ContextSummary, null without one.
	Summary        json.RawMessage `json:"summary"`
	RecentMessages []Shown         `json:"recentMessages"`
	Todos          []ShownTodo     `json:"todos"`
	MessageCount   int64           `json:"messageCount"`
	SummaryVersion int64           `json:"summaryVersion"`
}

// Shown is a message as text.
type Shown struct {
	Role       string    `json:"role"`
	Content    string    `json:"content"`
	Incomplete bool      `json:"incomplete,omitempty"`
	CreatedAt  time.Time `json:"createdAt"`
}

// ShownTodo is a TodoItem.
type ShownTodo struct {
	ID          int64  `json:"id"`
	Title       string `json:"title"`
	Description string `json:"description"`
	Status      string `json:"status"`
}

// Context returns a conversation of a tenant. One that never was, and one of
// somebody else, is empty.
func (m *Manager) Context(ctx context.Context, tenant, id string) (*Context, error) {
	s, err := m.load(ctx, tenant, id, store.AnyVersion)
	if err != nil {
		return nil, err
	}
	c := &Context{
		ConversationID: id, Summary: json.RawMessage("null"), RecentMessages: []Shown{}, Todos: []ShownTodo{},
		MessageCount: s.version, SummaryVersion: s.summaryVersion(),
	}
	if s.summary != nil {
		c.Summary = contextFields(s.summary.Fields, id, "", s.summary.Created)
	}
	for _, message := range s.turns[max(len(s.turns)-maxShown, 0):] {
		it := readItem(message.Dialect, message.Raw)
		c.RecentMessages = append(c.RecentMessages, Shown{message.Role, it.plain(), message.Incomplete, message.Created})
	}
	for _, todo := range s.todos {
		c.Todos = append(c.Todos, ShownTodo(todo))
	}
	return c, nil
}

// PutSummary stores a ContextSummary that a caller wrote as the conversation's
// newest and returns its version. A *translate.Error names the field that is
// wrong, as a path below "summary".
func (m *Manager) PutSummary(ctx context.Context, tenant, id string, fields []byte) (int64, error) {
	text, fault := readSummary(id, fields)
	if fault != nil {
		return 0, fault
	}
	s := store.Summary{Text: text, Created: time.Now().UTC().Truncate(time.Microsecond)}
	s.Fields = contextFields(fields, id, "", s.Created)
	version, err := m.cold.PutSummary(ctx, tenant, id, store.AnyVersion, &s)
	if err != nil {
		return 0, err
	}
	s.Version = version
	m.put(ctx, tenant, id, &Held{Summary: Value{Version: version + 1, Data: encodeJSON(&s)}})
	return version, nil
}

// Todos returns a conversation's list, empty when there is none.
func (m *Manager) Todos(ctx context.Context, tenant, id string) ([]store.Todo, error) {
	s, err := m.load(ctx, tenant, id, store.AnyVersion)
	if err != nil {
		return nil, err
	}
	return s.todos, nil
}

// PutTodos replaces the list.
func (m *Manager) PutTodos(ctx context.Context, tenant, id string, todos []store.Todo) error {
	if todos == nil {
		todos = []store.Todo{}
	}
	if err := m.cold.PutTodos(ctx, tenant, id, todos); err != nil {
		return err
	}
	m.put(ctx, tenant, id, &Held{Todos: Value{Version: time.Now().UnixMicro(), Data: encodeJSON(todos)}})
	return nil
}

// field is a member of a ContextSummary.
type field struct {
	name, title string
	list        bool // it may be an array of texts, or of objects for todos
}

// summaryFields are in the order in which models read them.
var summaryFields = []field{
	{"stack", "Stack", true},
	{"architecture", "Architecture", true},
	{"modules", "Modules", true},
	{"mainFiles", "Main files", true},
	{"decisions", "Decisions", true},
	{"todos", "To do", true},
	{"conversationId", "", false},
	{"lastUpdated", "", false},
	{"text", "", false},
}

// readSummary checks a ContextSummary and returns it as prose. The id and the
// time may be left out: the gateway knows them.
func readSummary(id string, raw []byte) (string, *translate.Error) {
	if translate.KindOf(raw) != translate.KindObject {
		return "", translate.Errorf(translate.CallerInvalidField, "summary", "The field %q has to be an object.", "summary")
	}
	lines := make([]string, len(summaryFields))
	for o := translate.Members(raw); o.Next(); {
		name := string(o.Key())
		at := fieldOf(name)
		if at < 0 {
			return "", unknownField(name)
		}
		f := &summaryFields[at]
		if o.Kind() == translate.KindNull {
			continue
		}
		text, ok := f.text(o.Value())
		if !ok || name == "conversationId" && text != id {
			return "", translate.Errorf(translate.CallerInvalidField, "summary."+name, "The field %q is not valid in a summary of this conversation.", name)
		}
		if len(text) > maxField {
			return "", translate.Errorf(translate.CallerInvalidField, "summary."+name, "The field %q is longer than %d bytes.", name, maxField)
		}
		switch {
		case f.title != "" && text != "":
			lines[at] = f.title + ": " + text
		case name == "text":
			lines[at] = text
		}
	}
	lines = append(lines[len(lines)-1:], lines[:len(lines)-1]...) // the text first
	var b strings.Builder
	for _, line := range lines {
		if line != "" {
			b.WriteString(line + "\n")
		}
	}
	return strings.TrimSpace(b.String()), nil
}

func fieldOf(name string) int {
	for i := range summaryFields {
		if summaryFields[i].name == name {
			return i
		}
	}
	return -1
}

func unknownField(name string) *translate.Error {
	names := make([]string, len(summaryFields))
	for i := range summaryFields {
		names[i] = summaryFields[i].name
	}
	hint := ""
	if meant := spell.Closest(name, names); meant != "" {
		hint = " Did you mean \"" + meant + "\"?"
	}
	return translate.Errorf(translate.CallerInvalidField, "summary."+name, "A summary has no field %q.%s", name, hint)
}

// text returns the field's value as text.
func (f *field) text(raw []byte) (string, bool) {
	if translate.KindOf(raw) == translate.KindString {
		return string(textOf(raw)), true
	}
	if !f.list || translate.KindOf(raw) != translate.KindArray {
		return "", false
	}
	var words []string
	for a := translate.Elements(raw); a.Next(); {
		switch v := a.Value(); {
		case translate.KindOf(v) == translate.KindString:
			words = append(words, string(textOf(v)))
		case translate.KindOf(v) == translate.KindObject && f.name == "todos":
			words = append(words, string(textOf(member(v, "title"))))
		default:
			return "", false
		}
	}
	return strings.Join(words, "; "), true
}

// contextFields returns fields, an object or nothing, as a ContextSummary: with
// the id, the time unless it has one, and text in the place of its own unless
// that is empty.
func contextFields(fields []byte, id, text string, updated time.Time) []byte {
	dst := []byte(`{"conversationId":`)
	dst = translate.AppendString(dst, []byte(id))
	stamp := []byte(updated.Format(`"` + time.RFC3339Nano + `"`))
	for o := translate.Members(fields); o.Next(); {
		key, v := string(o.Key()), o.Value()
		switch {
		case key == "conversationId" || key == "text" && text != "" || translate.KindOf(v) == translate.KindNull:
		case key == "lastUpdated":
			if text == "" {
				stamp = v
			}
		default:
			dst = append(append(append(dst, `,"`...), key...), `":`...)
			dst = append(dst, v...)
		}
	}
	if text != "" {
		dst = translate.AppendString(append(dst, `,"text":`...), []byte(text))
	}
	return append(append(append(dst, `,"lastUpdated":`...), stamp...), '}')
}
