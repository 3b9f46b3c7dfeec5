package storetest

import (
	"strings"
	"testing"

	"github.com/ai-mcp-gateway/gateway/store"
)

var names = []promise{
	{"NamesOfAnyLettersAreKeptApart", namesApart},
	{"NamesOfAnyLettersWorkEverywhere", namesEverywhere},
}

// odd are names that differ in ways that a database may not see.
var odd = []string{
	"a", "A", "ä", "a\u0308", "a ", " a", "a\n", "a%", "%", "_", "a_", "*", "?", "$1", "?1",
	"'", "''", `"`, `\`, `\'`, "`", ";", "--", "a/b", "a/../b", "{a}", "NULL", "0", "00", "0.0", "-1",
	"'; DROP TABLE conversations; --", "日本語", "\U0001F469\u200d\U0001F680", "\u202eabc", "a\tb", "\x7f", "\x01",
	strings.Repeat("n", 200), strings.Repeat("n", 199) + "m", strings.Repeat("é", 100),
}

func namesApart(t *testing.T, s store.Store) {
	for i, id := range odd {
		equal(t, int64(1), add(t, s, "t", id, 0, "k", line(i)))
		equal(t, int64(1), add(t, s, id, "c", 0, "k", line(i)))
		equal(t, int64(i+1), add(t, s, "keys", "c", int64(i), id, line(i)))
	}
	for i, id := range odd {
		want := line(i)
		want.Seq = 1
		got := load(t, s, "t", id, 8)
		equal(t, id, got.ID)
		equal(t, []store.Message{want}, got.Recent)
		got = load(t, s, id, "c", 8)
		equal(t, id, got.Tenant)
		equal(t, []store.Message{want}, got.Recent)
	}
	equal(t, len(odd), len(all(t, s, "keys", "c")))
}

func namesEverywhere(t *testing.T, s store.Store) {
	rows := make([]store.Call, 0, len(odd))
	for i, id := range odd {
		putTodos(t, s, "todos", id, store.Todo{ID: 1, Title: id, Description: id, Status: store.TodoCompleted})
		putSummary(t, s, "summaries", id, 0, 1)
		putRules(t, s, rule(id, id))
		putResponse(t, s, id, hour())
		claimed(t, s, claim(id, id), nil, false)
		c := call(0)
		c.ID, c.Project, c.User, c.Model, c.Layer, c.Conversation = id, id, id, id, id, id
		c.CostNano = int64(i)
		rows = append(rows, c)
	}
	putCalls(t, s, rows...)
	for i, id := range odd {
		equal(t, id, load(t, s, "todos", id, 0).Todos[0].Title)
		if got, err := s.Summary(t.Context(), "summaries", id, 1); err != nil || got.Text != summary(1).Text {
			t.Errorf("summary of %q: %+v, %v", id, got, err)
		}
		wantRules(t, s, id, rule(id, id))
		if got, err := s.Response(t.Context(), "t", id); err != nil || string(got.Body) != `{"id":"`+id+`"}` {
			t.Errorf("response %q: %+v, %v", id, got, err)
		}
		complete(t, s, id, id, answer(id), hour())
		claimed(t, s, claim(id, "other"), answer(id), false)
		equal(t, int64(i), total(t, s, &store.SumQuery{Tenant: "t", Conversation: id}).CostNano)
	}
	for _, by := range []string{"model", "layer", "project", "user"} {
		equal(t, len(odd), len(sums(t, s, &store.SumQuery{Tenant: "t", By: by})))
	}
}
