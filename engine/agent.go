package engine

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/ai-mcp-gateway/gateway/conversation"
	"github.com/ai-mcp-gateway/gateway/routing"
	"github.com/ai-mcp-gateway/gateway/store"
	"github.com/ai-mcp-gateway/gateway/translate"
)

// mostTodos bounds how many steps a task is cut into.
const mostTodos = 8

// File is a file that an agent is given, or changes. One that is only named has
// no content.
type File struct{ Path, Content string }

// Agent works through a coding task: it asks for a list of things to do, does
// them one by one, and keeps the list with the conversation as it goes. Every
// call that it makes is accounted for in the record of the call that it belongs
// to.
type Agent struct {
	// Call is the one that it works for. Its Conversation is set.
	Call  *Call
	Task  string
	Files []File
	// Progress hears of every step that begins, counted from 0, and of the end;
	// nil hears nothing.
	Progress func(done, total int, title string)

	// Answer is what it says in the end, Changed the files that it changed and
	// Todos its list.
	Answer  string
	Changed []File
	Todos   []store.Todo

	turn    *conversation.Turn
	history []json.RawMessage

	mu      sync.Mutex
	current *Call // the one under way, for Gone
}

// chatMessageBody is a message of the agent's own.
type chatMessageBody struct {
	Role    string `json:"role"`
	Content string `json:"content"`
}

// step is what the model is to answer with while it works.
type step struct {
	Response string `json:"response"`
	Files    []struct {
		Path    string `json:"path"`
		Content string `json:"content"`
	} `json:"files"`
}

// Work does the task. When a step fails, what was done before it is stored with
// the conversation, as an answer that is incomplete, and the list says how far
// it got.
func (e *Engine) Work(a *Agent) *translate.Error {
	if err := a.begin(e); err != nil {
		return err
	}
	err := a.plan(e)
	for i := 0; i < len(a.Todos) && err == nil; i++ {
		a.report(i, a.Todos[i].Title)
		err = a.do(e, i)
	}
	if err != nil {
		a.giveUp(e)
		return err
	}
	a.report(len(a.Todos), "done")
	return a.end(false)
}

func (a *Agent) report(done int, title string) {
	if a.Progress != nil {
		a.Progress(done, len(a.Todos), title)
	}
}

// Gone ends the call under way, like Call.ClientGone.
func (a *Agent) Gone(stopping bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, c := range []*Call{a.Call, a.current} {
		switch {
		case c == nil:
		case stopping:
			c.Stopping()
		default:
			c.ClientGone()
		}
	}
}

// begin reads the conversation.
func (a *Agent) begin(e *Engine) *translate.Error {
	c := a.Call
	c.engine, c.state = e, e.state.Load()
	c.accounted = true // in the calls that it is made of
	if err := c.limit(); err != nil {
		return err
	}
	task, _ := json.Marshal(chatMessageBody{"user", a.Task}) // strings always marshal
	ctx, cancel := context.WithTimeout(context.Background(), loadWithin)
	defer cancel()
	begun, err := e.options.Conversations.Begin(ctx, &conversation.Call{
		Caller: conversation.Caller{Tenant: c.Caller.Tenant, Project: c.Caller.Project, User: c.Caller.User},
		ID:     c.Conversation, Dialect: conversation.OpenAI, Incoming: [][]byte{task}, Key: c.Key,
	})
	if err != nil {
		return c.stateFailure(err)
	}
	a.turn = begun
	c.turn = &turn{Turn: begun, id: c.Conversation, settled: true} // a.end settles it
	items, failed := e.sendable(begun.Messages, conversation.OpenAI)
	if failed != nil {
		return failed
	}
	for _, item := range items[:len(items)-1] { // the task is put in words of the agent's
		a.history = append(a.history, item)
	}
	return nil
}

// plan asks for the list of things to do. A model that gives none has the task
// itself as the only one.
func (a *Agent) plan(e *Engine) *translate.Error {
	text, err := a.ask(e, "plan", "Plan the task below. Answer with nothing but a JSON object of the form "+
		`{"todos":[{"title":"...","description":"..."}]}`+fmt.Sprintf(", of 1 to %d steps.\n\n", mostTodos)+a.brief())
	if err != nil {
		return err
	}
	var planned struct {
		Todos []struct{ Title, Description string }
	}
	if json.Unmarshal(routing.ObjectIn(text), &planned) == nil {
		for _, t := range planned.Todos[:min(len(planned.Todos), mostTodos)] {
			if t.Title = strings.TrimSpace(t.Title); t.Title != "" {
				a.Todos = append(a.Todos, store.Todo{Title: t.Title, Description: t.Description})
			}
		}
	}
	if len(a.Todos) == 0 {
		a.Todos = []store.Todo{{Title: firstLine(a.Task), Description: a.Task}}
	}
	for i := range a.Todos {
		a.Todos[i].ID, a.Todos[i].Status = int64(i+1), store.TodoNotStarted
	}
	return a.keepTodos(e)
}

// do works on one of the todos.
func (a *Agent) do(e *Engine, i int) *translate.Error {
	todo := &a.Todos[i]
	todo.Status = store.TodoInProgress
	if err := a.keepTodos(e); err != nil {
		return err
	}
	text, err := a.ask(e, "step", fmt.Sprintf("Do step %d of %d of the task below: %s\n%s\n\nAnswer with nothing but a JSON object of the form "+
		`{"response":"what you did","files":[{"path":"...","content":"the whole new content"}]}`+
		", with the files that this step changes.\n\n%s", i+1, len(a.Todos), todo.Title, todo.Description, a.brief()))
	if err == nil && strings.TrimSpace(text) == "" {
		err = &translate.Error{Code: translate.ProviderBadResponse, Message: "the model has nothing to say to a step of the task"}
	}
	if err != nil {
		todo.Status = store.TodoNotStarted
		return err
	}
	var done step
	if json.Unmarshal(routing.ObjectIn(text), &done) != nil || done.Response == "" {
		done = step{Response: strings.TrimSpace(text)}
	}
	for _, f := range done.Files {
		if ValidPath(f.Path) {
			a.change(File{f.Path, f.Content})
		} else {
			done.Response += fmt.Sprintf("\n(A change of %.100q was left out: that is no path below the project.)", f.Path)
		}
	}
	if a.Answer != "" {
		a.Answer += "\n\n"
	}
	a.Answer += done.Response
	todo.Status = store.TodoCompleted
	return a.keepTodos(e)
}

// change notes that a file is new now.
func (a *Agent) change(f File) {
	same := func(g File) bool { return g.Path == f.Path }
	for _, list := range []*[]File{&a.Changed, &a.Files} {
		if i := slices.IndexFunc(*list, same); i >= 0 {
			(*list)[i] = f
		} else {
			*list = append(*list, f)
		}
	}
}

// giveUp stores how far it got. That it fails on top is logged alone: the
// caller is told of what made it give up.
func (a *Agent) giveUp(e *Engine) {
	for _, f := range a.Changed {
		a.Answer += "\n\nFile " + f.Path + ":\n```\n" + f.Content + "\n```"
	}
	if len(a.Todos) > 0 {
		_ = a.keepTodos(e)
	}
	_ = a.end(true)
}

// ValidPath reports whether a path is one of a file below the project: relative,
// in at most 1,024 bytes, with no way up and nothing that some system reads in
// another way.
func ValidPath(path string) bool {
	return len(path) <= 1024 && filepath.IsLocal(path) && !strings.ContainsAny(path, `\:`) && utf8.ValidString(path) &&
		!strings.ContainsFunc(path, unicode.IsControl) && !slices.Contains(strings.Split(path, "/"), "..")
}

// end stores the task and its answer, if there is one, as a turn.
func (a *Agent) end(incomplete bool) *translate.Error {
	answer, _ := json.Marshal(chatMessageBody{"assistant", a.Answer})
	ctx, cancel := context.WithTimeout(context.Background(), keepWithin)
	defer cancel()
	said := &conversation.Answer{Messages: [][]byte{answer}, Model: a.Call.Record.TargetModel, Incomplete: incomplete}
	if a.Answer == "" {
		said.Messages = nil
	}
	if err := a.turn.Finish(ctx, said); err != nil {
		return a.Call.stateFailure(err)
	}
	a.Call.turn.persisted = true
	return nil
}

func (a *Agent) keepTodos(e *Engine) *translate.Error {
	ctx, cancel := context.WithTimeout(context.Background(), keepWithin)
	defer cancel()
	if err := e.options.Conversations.PutTodos(ctx, a.Call.Caller.Tenant, a.Call.Conversation, a.Todos); err != nil {
		return a.Call.stateFailure(err)
	}
	return nil
}

// brief is the task with its files as they are by now.
func (a *Agent) brief() string {
	var b strings.Builder
	b.WriteString("Task:\n" + a.Task + "\n")
	for _, f := range a.Files {
		fmt.Fprintf(&b, "\nFile %s:\n", f.Path)
		if f.Content != "" {
			b.WriteString("```\n" + f.Content + "\n```\n")
		}
	}
	return b.String()
}

// ask makes one call for the agent and returns the text of its answer.
func (a *Agent) ask(e *Engine, role, prompt string) (string, *translate.Error) {
	parent := a.Call
	message, _ := json.Marshal(chatMessageBody{"user", prompt})
	body, _ := json.Marshal(struct {
		Model    string            `json:"model"`
		Messages []json.RawMessage `json:"messages"`
	}{autoModel, append(slices.Clip(a.history), message)})
	c := AcquireCall(time.Now())
	defer c.Release()
	c.Op, c.Caller, c.TierHint, c.Control = translate.OpChat, parent.Caller, parent.TierHint, parent.Control
	c.Role, c.Quality = role, parent.Quality
	c.lend(parent)
	c.Record.RequestID, c.Record.Op, c.Record.Model = parent.Record.RequestID, parent.Record.Op, parent.Record.Model
	c.Record.Conversation = parent.Conversation
	if err := c.Request.Scan(body); err != nil {
		return "", err
	}
	if !a.take(c) {
		return "", gone(&parent.cancel)
	}
	defer a.take(nil)
	err := e.Do(c)
	defer func() {
		c.Close()
		parent.absorb(c)
	}()
	if err != nil {
		return "", err
	}
	var answer bytes.Buffer
	if _, err := c.WriteTo(&answer); err != nil {
		return "", gone(&c.cancel)
	}
	return ChatText(answer.Bytes()), nil
}

// take makes c the call under way, unless the agent's own has been ended.
func (a *Agent) take(c *Call) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.current = c
	return a.Call.cancel.Cause() == 0
}

// absorb adds what a call made for this one has used and cost.
func (c *Call) absorb(part *Call) {
	r, p := &c.Record, &part.Record
	r.TargetModel, r.Provider, r.Tier = p.TargetModel, p.Provider, p.Tier
	r.Cache, r.CacheReason, r.Reason = p.Cache, p.CacheReason, p.Reason
	r.Complexity, r.Quality, r.Task, r.Check = p.Complexity, p.Quality, p.Task, p.Check
	if p.Escalated {
		r.Escalated, r.Handoff = true, p.Handoff
	}
	c.charge(part)
}

// ChatText is the text of an answer in OpenAI's chat dialect, or its refusal;
// empty when the body has neither.
func ChatText(body []byte) string {
	var answer struct {
		Choices []struct {
			Message struct{ Content, Refusal string }
		}
	}
	if json.Unmarshal(body, &answer) != nil || len(answer.Choices) == 0 {
		return ""
	}
	m := &answer.Choices[0].Message
	if m.Content == "" {
		return m.Refusal
	}
	return m.Content
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	return string([]rune(line)[:min(len([]rune(line)), 80)])
}
