package storetest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/ai-mcp-gateway/gateway/store"
)

var ends = []promise{
	{"PingOfAnOpenStoreAnswers", pingOpen},
	{"CanceledContextEndsEveryMethod", endCanceled},
	{"DeadlineThatHasPassedIsUnavailable", endDeadline},
	{"EveryMethodOfAClosedStoreFails", endClosed},
}

// every calls each method once, with arguments that would do.
func every(s store.Store) map[string]func(ctx context.Context) error {
	r := rule("new", "")
	return map[string]func(ctx context.Context) error{
		"Load":     func(ctx context.Context) error { _, err := s.Load(ctx, "t", "c", 8); return err },
		"Messages": func(ctx context.Context) error { _, err := s.Messages(ctx, "t", "c", 0, 8); return err },
		"Append": func(ctx context.Context) error {
			_, err := s.Append(ctx, &store.Append{Tenant: "t", Conversation: "c", After: 1, Key: "new", Messages: lines(2, 2)})
			return err
		},
		"Admit":          func(ctx context.Context) error { _, err := s.Admit(ctx, "t", "c"); return err },
		"PutSummary":     func(ctx context.Context) error { _, err := s.PutSummary(ctx, "t", "c", 0, summary(1)); return err },
		"Summary":        func(ctx context.Context) error { _, err := s.Summary(ctx, "t", "c", 1); return err },
		"PutTodos":       func(ctx context.Context) error { return s.PutTodos(ctx, "t", "c", []store.Todo{{ID: 9}}) },
		"PutCalls":       func(ctx context.Context) error { return s.PutCalls(ctx, []store.Call{call(9)}) },
		"Sums":           func(ctx context.Context) error { _, err := s.Sums(ctx, &store.SumQuery{Tenant: "t"}); return err },
		"PutRule":        func(ctx context.Context) error { return s.PutRule(ctx, &r) },
		"Rules":          func(ctx context.Context) error { _, err := s.Rules(ctx, "t", ""); return err },
		"DeleteRule":     func(ctx context.Context) error { return s.DeleteRule(ctx, "t", "1") },
		"PutResponse":    func(ctx context.Context) error { return s.PutResponse(ctx, "t", "new", &store.Response{}, hour()) },
		"Response":       func(ctx context.Context) error { _, err := s.Response(ctx, "t", "r"); return err },
		"DeleteResponse": func(ctx context.Context) error { return s.DeleteResponse(ctx, "t", "r") },
		"Claim":          func(ctx context.Context) error { _, _, err := s.Claim(ctx, claim("new", "a")); return err },
		"Complete":       func(ctx context.Context) error { return s.Complete(ctx, "t", "k", "a", answer(""), hour()) },
		"Release":        func(ctx context.Context) error { return s.Release(ctx, "t", "k", "a") },
		"Sweep":          func(ctx context.Context) error { _, err := s.Sweep(ctx, 10); return err },
		"Ping":           s.Ping,
	}
}

// furnish puts in what the calls of every ask for.
func furnish(t *testing.T, s store.Store) {
	t.Helper()
	add(t, s, "t", "c", 0, "k", line(1))
	putRules(t, s, rule("1", ""))
	putResponse(t, s, "r", hour())
	claimed(t, s, claim("k", "a"), nil, false)
}

// untouched expects what furnish left.
func untouched(t *testing.T, s store.Store) {
	t.Helper()
	got := load(t, s, "t", "c", 8)
	equal(t, lines(1, 1), got.Recent)
	equal(t, int64(0), got.SummaryVersion)
	equal(t, 0, len(got.Todos))
	equal(t, int64(0), total(t, s, &store.SumQuery{Tenant: "t"}).Calls)
	wantRules(t, s, "", rule("1", ""))
	if _, err := s.Response(t.Context(), "t", "r"); err != nil {
		t.Error(err)
	}
	claimed(t, s, claim("k", "b"), nil, true)
	claimed(t, s, claim("new", "b"), nil, false)
}

func pingOpen(t *testing.T, s store.Store) {
	if err := s.Ping(t.Context()); err != nil {
		t.Error(err)
	}
}

func endCanceled(t *testing.T, s store.Store) {
	furnish(t, s)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for name, call := range every(s) {
		if err := call(ctx); !errors.Is(err, context.Canceled) || errors.Is(err, store.ErrNotFound) {
			t.Errorf("%s: error is %v", name, err)
		}
	}
	untouched(t, s)
}

func endDeadline(t *testing.T, s store.Store) {
	furnish(t, s)
	ctx, cancel := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	defer cancel()
	for name, call := range every(s) {
		if err := call(ctx); !errors.Is(err, store.ErrUnavailable) {
			t.Errorf("%s: error is %v", name, err)
		}
	}
	untouched(t, s)
}

func endClosed(t *testing.T, s store.Store) {
	furnish(t, s)
	calls := every(s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for name, call := range calls {
		if err := call(t.Context()); err == nil || errors.Is(err, store.ErrNotFound) {
			t.Errorf("%s: error is %v", name, err)
		}
	}
	_ = s.Close() // may say what it likes, and not panic
}
