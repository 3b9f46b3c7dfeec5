package storetest

import (
	"cmp"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/ai-mcp-gateway/gateway/store"
)

var calls = []promise{
	{"CallsAreAddedOnce", callsOnce},
	{"CallsAreAddedByTheThousand", callsMany},
	{"SumsAddUpByEveryKind", sumsBy},
	{"SumsKeepToTheirBounds", sumsBounds},
	{"SumsOfNothingAreZero", sumsNothing},
	{"SumsByAnUnknownKindAreRefused", sumsUnknown},
	{"SumsOfMoneyAreExact", sumsExact},
}

// call is a row of the log that is the nth one.
func call(n int) store.Call {
	return store.Call{
		ID: fmt.Sprint("call-", n), Time: at(n), RequestID: "req", Tenant: "t", Project: "p", User: "u", KeyID: "k",
		Conversation: "c", Op: "chat", Role: "primary", Layer: "L0", Provider: "openai", Model: "openai/m", Status: 200,
		InputTokens: 10, OutputTokens: 5, CacheReadTokens: 3, CacheWriteTokens: 2, ReasoningTokens: 1,
		CostNano: 1000, CostKnown: true, Duration: 1500 * time.Microsecond,
		Decision: []byte(`{"layer":"L0"}`), Request: []byte("\xff\x00{"), Answer: []byte("}"),
	}
}

// putCalls adds rows, and ends the test when that fails.
func putCalls(t *testing.T, s store.Store, rows ...store.Call) {
	t.Helper()
	if err := s.PutCalls(t.Context(), rows); err != nil {
		t.Fatal(err)
	}
}

// sums are in the order of their values.
func sums(t *testing.T, s store.Store, q *store.SumQuery) []store.Sum {
	t.Helper()
	got, err := s.Sums(t.Context(), q)
	if err != nil {
		t.Fatalf("sums of %+v: %v", q, err)
	}
	slices.SortFunc(got, func(a, b store.Sum) int { return cmp.Compare(a.Value, b.Value) })
	return got
}

// total is the one row of a sum by nothing.
func total(t *testing.T, s store.Store, q *store.SumQuery) store.Sum {
	t.Helper()
	got := sums(t, s, q)
	if len(got) != 1 || got[0].Value != "" {
		t.Fatalf("sums of %+v: %+v, want one row", q, got)
	}
	return got[0]
}

func callsOnce(t *testing.T, s store.Store) {
	putCalls(t, s)
	putCalls(t, s, call(1), call(2), call(1))
	again := call(2)
	again.CostNano = 5 // is left as it is
	putCalls(t, s, again, call(3))
	later := call(3)
	later.Time = at(4) // the id alone is not the row
	putCalls(t, s, later)
	equal(t, store.Sum{Calls: 4, InputTokens: 40, OutputTokens: 20, CostNano: 4000}, total(t, s, &store.SumQuery{Tenant: "t"}))

	// The same instant on another clock is the same row, and bodies may be missing.
	elsewhere := call(1)
	elsewhere.Time = elsewhere.Time.In(time.FixedZone("elsewhere", -7*3600))
	elsewhere.Decision, elsewhere.Request, elsewhere.Answer, elsewhere.Conversation = nil, nil, nil, ""
	putCalls(t, s, elsewhere)
	equal(t, int64(4), total(t, s, &store.SumQuery{Tenant: "t"}).Calls)
}

func callsMany(t *testing.T, s store.Store) {
	rows := make([]store.Call, 3000)
	for i := range rows {
		rows[i] = call(i)
	}
	putCalls(t, s, rows...)
	putCalls(t, s, rows[:1500]...)
	equal(t, int64(3000), total(t, s, &store.SumQuery{Tenant: "t"}).Calls)
}

// mixed are calls of several models, layers, days, projects and users.
func mixed() []store.Call {
	var rows []store.Call
	for n := range 12 {
		c := call(n)
		c.Model = fmt.Sprint("m", n%3)
		c.Layer = fmt.Sprint("L", n%2)
		c.Project = []string{"", "shop", "it's %"}[n%3]
		c.User = fmt.Sprint("u", n%4)
		c.Conversation = []string{"", "c1", "c2", "c3"}[n%4]
		c.Time = time.Date(2026, 3, 28+n/4, 23, 59, 59, 999999000, time.UTC)
		if n%4 == 1 { // past midnight in UTC, whatever the day is where it is called
			c.Time = c.Time.Add(time.Microsecond).In(time.FixedZone("west", -8*3600))
		}
		c.InputTokens, c.OutputTokens, c.CostNano = int64(n), int64(2*n), int64(1000*n)
		if c.Cached = n%6 == 0; c.Cached {
			c.CostNano = 0
		}
		rows = append(rows, c)
	}
	return rows
}

// added is the sum of the rows that belong to each value.
func added(rows []store.Call, value func(c *store.Call) string) []store.Sum {
	byValue := map[string]*store.Sum{}
	for i := range rows {
		c := &rows[i]
		v := value(c)
		if byValue[v] == nil {
			byValue[v] = &store.Sum{Value: v}
		}
		sum := byValue[v]
		sum.Calls++
		if c.Cached {
			sum.Cached++
		}
		sum.InputTokens += c.InputTokens
		sum.OutputTokens += c.OutputTokens
		sum.CostNano += c.CostNano
	}
	var all []store.Sum
	for _, sum := range byValue {
		all = append(all, *sum)
	}
	slices.SortFunc(all, func(a, b store.Sum) int { return cmp.Compare(a.Value, b.Value) })
	return all
}

func sumsBy(t *testing.T, s store.Store) {
	rows := mixed()
	putCalls(t, s, rows...)
	for by, value := range map[string]func(*store.Call) string{
		"":        func(*store.Call) string { return "" },
		"model":   func(c *store.Call) string { return c.Model },
		"layer":   func(c *store.Call) string { return c.Layer },
		"day":     func(c *store.Call) string { return c.Time.UTC().Format(time.DateOnly) },
		"project": func(c *store.Call) string { return c.Project },
		"user":    func(c *store.Call) string { return c.User },
	} {
		t.Run("by "+by, func(t *testing.T) {
			equal(t, added(rows, value), sums(t, s, &store.SumQuery{Tenant: "t", By: by}))
		})
	}
}

func sumsBounds(t *testing.T, s store.Store) {
	rows := mixed()
	putCalls(t, s, rows...)
	from := time.Date(2026, 3, 29, 0, 0, 0, 0, time.UTC)
	to := time.Date(2026, 3, 30, 23, 59, 59, 999999000, time.UTC) // is the time of some, and is not in it
	for _, q := range []store.SumQuery{
		{From: from},
		{To: to},
		{From: from, To: to},
		{From: from.In(time.FixedZone("east", 9*3600)), To: to.In(time.FixedZone("west", -9*3600))},
		{Conversation: "c1"},
		{Conversation: "c2", From: from, To: to, By: "model"},
		{Conversation: "c", By: "user"}, // names are whole
		{From: to, To: from, By: "day"},
	} {
		var within []store.Call
		for _, c := range rows {
			if (q.From.IsZero() || !c.Time.Before(q.From)) && (q.To.IsZero() || c.Time.Before(q.To)) &&
				(q.Conversation == "" || c.Conversation == q.Conversation) {
				within = append(within, c)
			}
		}
		q.Tenant = "t"
		value := map[string]func(*store.Call) string{
			"":      func(*store.Call) string { return "" },
			"model": func(c *store.Call) string { return c.Model },
			"user":  func(c *store.Call) string { return c.User },
			"day":   func(c *store.Call) string { return c.Time.UTC().Format(time.DateOnly) },
		}[q.By]
		equal(t, added(within, value), sums(t, s, &q))
	}
}

func sumsNothing(t *testing.T, s store.Store) {
	equal(t, store.Sum{}, total(t, s, &store.SumQuery{Tenant: "t"}))
	equal(t, 0, len(sums(t, s, &store.SumQuery{Tenant: "t", By: "model"})))
}

func sumsUnknown(t *testing.T, s store.Store) {
	putCalls(t, s, call(1))
	for _, by := range []string{"tenant", "Model", "model; DROP TABLE calls", "1", "cost_nano"} {
		if got, err := s.Sums(t.Context(), &store.SumQuery{Tenant: "t", By: by}); err == nil {
			t.Errorf("sums by %q: %+v", by, got)
		}
	}
	equal(t, int64(1), total(t, s, &store.SumQuery{Tenant: "t"}).Calls)
}

func sumsExact(t *testing.T, s store.Store) {
	// Beyond 2^53 a floating-point sum would lose the nano-dollars.
	big, one := call(1), call(2)
	big.CostNano, one.CostNano = 1<<60, 1
	putCalls(t, s, big, one)
	equal(t, int64(1<<60+1), total(t, s, &store.SumQuery{Tenant: "t"}).CostNano)
}
