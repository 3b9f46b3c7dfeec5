package storetest

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ai-mcp-gateway/gateway/store"
)

var summaries = []promise{
	{"SummariesCountUpAndStay", summariesCount},
	{"SummaryCreatesTheConversation", summaryCreates},
	{"SummaryAfterAnotherVersionSaysWhichHolds", summaryConflict},
	{"SummaryComesBackWhole", summaryWhole},
}

var todos = []promise{
	{"TodosAreReplaced", todosReplaced},
	{"TodosCreateTheConversation", todosCreate},
	{"TodosOfAnotherConversationStay", todosElsewhere},
}

// summary is the one of a version.
func summary(version int64) *store.Summary {
	return &store.Summary{
		Version: version, Through: 10 * version, Fields: fmt.Appendf(nil, `{"stack":"go %d"}`, version),
		Text: fmt.Sprint("summary ", version), Model: "local/small", Created: at(int(version)),
	}
}

// putSummary adds the summary that is to get a version, and ends the test when
// that fails or it gets another.
func putSummary(t *testing.T, s store.Store, tenant, id string, after, version int64) {
	t.Helper()
	sum := summary(version)
	sum.Version = 77 // is not read
	got, err := s.PutSummary(t.Context(), tenant, id, after, sum)
	if err != nil || got != version {
		t.Fatalf("summary after %d of %q of %q: version %d, error %v, want version %d", after, id, tenant, got, err, version)
	}
}

func summariesCount(t *testing.T, s store.Store) {
	add(t, s, "t", "c", 0, "k", line(1))
	putSummary(t, s, "t", "c", 0, 1)
	putSummary(t, s, "t", "c", 1, 2)
	putSummary(t, s, "t", "c", store.AnyVersion, 3)
	putSummary(t, s, "t", "d", store.AnyVersion, 1)
	for v := int64(1); v <= 3; v++ {
		got, err := s.Summary(t.Context(), "t", "c", v)
		if err != nil {
			t.Fatal(err)
		}
		equal(t, summary(v), got)
	}
	for _, v := range []int64{-1, 0, 4} {
		_, err := s.Summary(t.Context(), "t", "c", v)
		missing(t, fmt.Sprint("summary ", v), err)
	}
	_, err := s.Summary(t.Context(), "t", "never", 1)
	missing(t, "a summary of an unknown conversation", err)
	// It has nothing to do with the messages' version.
	equal(t, int64(2), add(t, s, "t", "c", 1, "k2", line(2)))
}

func summaryCreates(t *testing.T, s store.Store) {
	putSummary(t, s, "t", "c", 0, 1)
	got := load(t, s, "t", "c", 8)
	equal(t, int64(0), got.Version)
	equal(t, int64(1), got.SummaryVersion)
	equal(t, "{}", string(got.Metadata))
	equal(t, int64(1), add(t, s, "t", "c", 0, "k", line(1)))
}

func summaryConflict(t *testing.T, s store.Store) {
	_, err := s.PutSummary(t.Context(), "t", "c", 1, summary(1))
	conflict(t, err, 0)
	_, err = s.Load(t.Context(), "t", "c", 1)
	missing(t, "a conversation whose first summary was refused", err)

	putSummary(t, s, "t", "c", 0, 1)
	putSummary(t, s, "t", "c", 1, 2)
	for _, after := range []int64{0, 1, 3} {
		_, err := s.PutSummary(t.Context(), "t", "c", after, summary(9))
		conflict(t, err, 2)
	}
	equal(t, summary(2), load(t, s, "t", "c", 0).Summary)
}

func summaryWhole(t *testing.T, s store.Store) {
	put := &store.Summary{
		Fields:  []byte(`{"decisions":["a","b"],"n":1,"text":"\"'%"}`),
		Text:    "it's \"quoted\" %s $1 \U0001F469\u200d\U0001F680\n",
		Created: at(7),
	}
	if _, err := s.PutSummary(t.Context(), "t", "c", 0, put); err != nil {
		t.Fatal(err)
	}
	got, err := s.Summary(t.Context(), "t", "c", 1)
	if err != nil {
		t.Fatal(err)
	}
	sameJSON(t, put.Fields, got.Fields)
	want := *put
	want.Version, want.Fields = 1, got.Fields
	equal(t, &want, got)
}

// sameJSON compares what a store may keep in a form of its own.
func sameJSON(t *testing.T, want, got []byte) {
	t.Helper()
	var w, g any
	if err := json.Unmarshal(want, &w); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(got, &g); err != nil {
		t.Fatalf("%q is no JSON: %v", got, err)
	}
	if diff := cmp.Diff(w, g); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

// putTodos replaces a list, and ends the test when that fails.
func putTodos(t *testing.T, s store.Store, tenant, id string, list ...store.Todo) {
	t.Helper()
	if err := s.PutTodos(t.Context(), tenant, id, list); err != nil {
		t.Fatalf("todos of %q of %q: %v", id, tenant, err)
	}
}

func todosReplaced(t *testing.T, s store.Store) {
	add(t, s, "t", "c", 0, "k", line(1))
	first := []store.Todo{
		{ID: 3, Title: "third is first", Description: "", Status: store.TodoNotStarted},
		{ID: 1, Title: "it's \"quoted\" %", Description: "two\nlines \U0001F680", Status: store.TodoInProgress},
		{ID: 1 << 40, Title: "big", Status: store.TodoCompleted},
	}
	putTodos(t, s, "t", "c", first...)
	equal(t, first, load(t, s, "t", "c", 0).Todos)

	second := []store.Todo{{ID: 1, Title: "other", Status: store.TodoCompleted}, {ID: 9, Title: "new", Status: store.TodoNotStarted}}
	putTodos(t, s, "t", "c", second...)
	putTodos(t, s, "t", "c", second...)
	equal(t, second, load(t, s, "t", "c", 0).Todos)

	putTodos(t, s, "t", "c")
	equal(t, 0, len(load(t, s, "t", "c", 0).Todos))
	equal(t, int64(1), load(t, s, "t", "c", 0).Version)
}

func todosCreate(t *testing.T, s store.Store) {
	putTodos(t, s, "t", "c", store.Todo{ID: 1, Title: "x", Status: store.TodoNotStarted})
	got := load(t, s, "t", "c", 8)
	equal(t, int64(0), got.Version)
	equal(t, 1, len(got.Todos))
	equal(t, "{}", string(got.Metadata))
}

func todosElsewhere(t *testing.T, s store.Store) {
	one := store.Todo{ID: 1, Title: "one", Status: store.TodoNotStarted}
	two := store.Todo{ID: 1, Title: "two", Status: store.TodoNotStarted}
	putTodos(t, s, "t", "c", one)
	putTodos(t, s, "t", "d", two)
	putTodos(t, s, "t", "d")
	equal(t, []store.Todo{one}, load(t, s, "t", "c", 0).Todos)
}
