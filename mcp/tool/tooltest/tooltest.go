// Package tooltest calls tools in tests, as a server would.
package tooltest

import (
	"encoding/json"
	"log/slog"
	"strings"
	"testing"

	"github.com/ai-mcp-gateway/gateway/mcp/tool"
	"github.com/ai-mcp-gateway/gateway/tenant"
)

// Set is the tools under test.
type Set struct {
	*tool.Set
	t testing.TB
}

// New returns a set of tools for t.
func New(t testing.TB, tools []*tool.Tool) *Set {
	t.Helper()
	s := tool.NewSet(slog.New(slog.DiscardHandler))
	s.Add(tools...)
	return &Set{s, t}
}

// Call calls a tool and returns what it answers.
func (s *Set) Call(name, arguments string) *tool.Result {
	s.t.Helper()
	t, err := s.Find(name)
	if err != nil {
		s.t.Fatal(err)
	}
	return s.Run(s.t.Context(), t, &tool.Call{Caller: tenant.Anonymous(), RequestID: "test"}, []byte(arguments))
}

// OK calls a tool that has to succeed, and reads its output into out.
func (s *Set) OK(name, arguments string, out any) {
	s.t.Helper()
	r := s.Call(name, arguments)
	if r.Failed {
		s.t.Fatalf("%s %s: %s", name, arguments, Text(r))
	}
	if err := json.Unmarshal(r.Structured, out); err != nil {
		s.t.Fatalf("%s %s: %v", name, arguments, err)
	}
}

// Refused calls a tool that has to fail with a text that has the words in it.
func (s *Set) Refused(name, arguments, words string) {
	s.t.Helper()
	r := s.Call(name, arguments)
	if text := Text(r); !r.Failed || !strings.Contains(text, words) {
		s.t.Errorf("%s %s: failed %v, %.300q; want %q", name, arguments, r.Failed, text, words)
	}
}

// Text is all the text of a result.
func Text(r *tool.Result) string {
	var b strings.Builder
	for _, block := range r.Blocks {
		b.WriteString(block.Text)
	}
	return b.String()
}

// JSON is v as JSON, for arguments.
func JSON(t testing.TB, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
