package tool

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"slices"

	"github.com/ai-mcp-gateway/gateway/internal/spell"
)

const (
	// maxResult bounds the text of a result, in bytes: no tool gives as much, so
	// a result over it is a tool's mistake.
	maxResult = 8 << 20
	// atOnce is how many slow calls run at the same time.
	atOnce = 64
)

// ErrUnknown is what a name is that no tool has.
var ErrUnknown = errors.New("unknown tool")

// Set is the tools of a server. It is filled before it is used, and safe for
// concurrent use from then on.
type Set struct {
	log    *slog.Logger
	tools  []*Tool
	byName map[string]*Tool
	slots  chan struct{}
}

// NewSet returns an empty set. What its tools must not tell a client goes to
// log.
func NewSet(log *slog.Logger) *Set {
	return &Set{log: log, byName: map[string]*Tool{}, slots: make(chan struct{}, atOnce)}
}

// Add adds tools in order. Two tools of one name are a bug.
func (s *Set) Add(tools ...*Tool) {
	for _, t := range tools {
		s.tools = append(s.tools, t)
		for _, name := range append([]string{t.Name}, t.Aliases...) {
			if s.byName[name] != nil {
				panic("BUG: two tools are called " + name)
			}
			s.byName[name] = t
		}
	}
}

// Tools are all of them, in order.
func (s *Set) Tools() []*Tool { return s.tools }

// Find returns the tool of a name or alias, or an error that wraps ErrUnknown
// and has a suggestion. Names are compared byte by byte.
func (s *Set) Find(name string) (*Tool, error) {
	if t := s.byName[name]; t != nil {
		return t, nil
	}
	names := make([]string, 0, len(s.byName))
	for n := range s.byName {
		names = append(names, n)
	}
	slices.Sort(names)
	if meant := spell.Closest(name, names); meant != "" {
		return nil, fmt.Errorf("%w %q: did you mean %q?", ErrUnknown, cut(name), meant)
	}
	return nil, fmt.Errorf("%w %q: tools/list has the names", ErrUnknown, cut(name))
}

// Run calls t. Whatever goes wrong is in the result: arguments that do not fit,
// an Error in its own words, and a panic or any other error as no more than
// that something went wrong.
func (s *Set) Run(ctx context.Context, t *Tool, c *Call, arguments []byte) (r *Result) {
	defer func() {
		if p := recover(); p != nil {
			s.log.Error("tool: panic", "tool", t.Name, "request_id", c.RequestID, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			r = failed("The tool has failed by a mistake of its own.")
		}
	}()
	if len(arguments) == 0 {
		arguments = []byte("{}")
	}
	if err := t.Input.Check(arguments); err != nil {
		return failed(err.Text)
	}
	if t.Slow {
		select {
		case s.slots <- struct{}{}:
			defer func() { <-s.slots }()
		case <-ctx.Done():
			return failed("The call was cancelled.")
		}
	}
	r, err := t.run(ctx, c, arguments)
	if err != nil {
		return s.failure(ctx, t, c, err)
	}
	return r.bounded()
}

func (s *Set) failure(ctx context.Context, t *Tool, c *Call, err error) *Result {
	var told *Error
	switch {
	case errors.As(err, &told):
		return failed(told.Text)
	case ctx.Err() != nil:
		return failed("The call was cancelled.")
	}
	s.log.Error("tool", "tool", t.Name, "request_id", c.RequestID, "error", err.Error())
	return failed("The tool could not do it: a part that it needs is away or has failed. The server's log has more.")
}

func failed(text string) *Result {
	return &Result{Failed: true, Blocks: []Block{{Text: text}}}
}

// bounded gives r its text copy, and refuses one that is too long for anybody.
func (r *Result) bounded() *Result {
	if len(r.Blocks) == 0 && r.Structured != nil {
		r.Blocks = []Block{{Text: string(r.Structured)}}
	}
	n := len(r.Structured)
	for _, b := range r.Blocks {
		n += len(b.Text)
	}
	if n > 2*maxResult {
		return failed(fmt.Sprintf("The result is %d MiB, which is too much: ask for a part of it.", n>>20))
	}
	return r
}
