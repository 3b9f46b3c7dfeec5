package storetest

import (
	"testing"

	"github.com/ai-mcp-gateway/gateway/store"
)

var tenants = []promise{
	{"TenantsHaveConversationsOfTheirOwn", tenantsConversations},
	{"TenantsHaveSummariesAndTodosOfTheirOwn", tenantsSummaries},
	{"TenantsHaveCallsOfTheirOwn", tenantsCalls},
	{"TenantsHaveRulesOfTheirOwn", tenantsRules},
	{"TenantsHaveResponsesOfTheirOwn", tenantsResponses},
	{"TenantsHaveClaimsOfTheirOwn", tenantsClaims},
	{"TenantsCannotTellWhatIsAnothersFromWhatNeverWas", tenantsTell},
}

func tenantsConversations(t *testing.T, s store.Store) {
	add(t, s, "t", "c", 0, "k", lines(1, 3)...)
	_, err := s.Load(t.Context(), "u", "c", 8)
	missing(t, "load", err)
	equal(t, 0, len(all(t, s, "u", "c")))
	// Neither id, version nor key is taken.
	equal(t, int64(1), add(t, s, "u", "c", 0, "k", line(1)))
	equal(t, lines(1, 1), all(t, s, "u", "c"))
	equal(t, lines(1, 3), all(t, s, "t", "c"))
	got := load(t, s, "u", "c", 8)
	equal(t, "u", got.Tenant)
	equal(t, int64(1), got.Version)
}

func tenantsSummaries(t *testing.T, s store.Store) {
	putSummary(t, s, "t", "c", 0, 1)
	putSummary(t, s, "t", "c", 1, 2)
	putTodos(t, s, "t", "c", store.Todo{ID: 1, Title: "t's", Status: store.TodoNotStarted})
	_, err := s.Load(t.Context(), "u", "c", 8)
	missing(t, "load", err)
	_, err = s.Summary(t.Context(), "u", "c", 1)
	missing(t, "summary", err)

	putSummary(t, s, "u", "c", 0, 1)
	putTodos(t, s, "u", "c", store.Todo{ID: 1, Title: "u's", Status: store.TodoNotStarted})
	_, err = s.Summary(t.Context(), "u", "c", 2)
	missing(t, "summary", err)
	equal(t, "u's", load(t, s, "u", "c", 8).Todos[0].Title)
	equal(t, "t's", load(t, s, "t", "c", 8).Todos[0].Title)
	equal(t, int64(2), load(t, s, "t", "c", 8).SummaryVersion)
}

func tenantsCalls(t *testing.T, s store.Store) {
	mine, theirs := call(1), call(1)
	theirs.Tenant, theirs.CostNano = "u", 7
	putCalls(t, s, mine, theirs) // the same time and id, and both are there
	equal(t, int64(1000), total(t, s, &store.SumQuery{Tenant: "t"}).CostNano)
	equal(t, int64(7), total(t, s, &store.SumQuery{Tenant: "u"}).CostNano)
	equal(t, store.Sum{}, total(t, s, &store.SumQuery{Tenant: "v"}))
	equal(t, store.Sum{}, total(t, s, &store.SumQuery{}))
	for _, by := range []string{"model", "layer", "day", "project", "user"} {
		equal(t, 0, len(sums(t, s, &store.SumQuery{Tenant: "v", By: by, Conversation: "c"})))
	}
}

func tenantsRules(t *testing.T, s store.Store) {
	putRules(t, s, rule("1", ""))
	theirs := rule("1", "")
	theirs.Tenant, theirs.Body = "u", []byte(`{"u":1}`)
	missing(t, "delete", s.DeleteRule(t.Context(), "u", "1"))
	putRules(t, s, theirs)
	wantRules(t, s, "", rule("1", ""))
	if err := s.DeleteRule(t.Context(), "u", "1"); err != nil {
		t.Error(err)
	}
	wantRules(t, s, "", rule("1", ""))
	got, err := s.Rules(t.Context(), "u", "")
	if err != nil || len(got) != 0 {
		t.Errorf("rules %+v, error %v", got, err)
	}
}

func tenantsResponses(t *testing.T, s store.Store) {
	putResponse(t, s, "r", hour())
	_, err := s.Response(t.Context(), "u", "r")
	missing(t, "response", err)
	missing(t, "delete", s.DeleteResponse(t.Context(), "u", "r"))
	if err := s.PutResponse(t.Context(), "u", "r", &store.Response{Body: []byte(`{"u":1}`)}, hour()); err != nil {
		t.Fatal(err)
	}
	if err := s.DeleteResponse(t.Context(), "u", "r"); err != nil {
		t.Error(err)
	}
	got, err := s.Response(t.Context(), "t", "r")
	if err != nil || string(got.Body) != `{"id":"r"}` {
		t.Errorf("response %+v, error %v", got, err)
	}
}

func tenantsClaims(t *testing.T, s store.Store) {
	claimed(t, s, claim("k", "a"), nil, false)
	theirs := claim("k", "a")
	theirs.Tenant, theirs.Digest = "u", [32]byte{}
	missing(t, "complete", s.Complete(t.Context(), "u", "k", "a", answer("{}"), hour()))
	if err := s.Release(t.Context(), "u", "k", "a"); err != nil {
		t.Error(err)
	}
	claimed(t, s, theirs, nil, false)
	complete(t, s, "k", "a", answer("{}"), hour())
	theirs.Owner = "b"
	claimed(t, s, theirs, nil, true)
}

// tenantsTell asks for what is another's and for what is nobody's, and expects
// the same words.
func tenantsTell(t *testing.T, s store.Store) {
	add(t, s, "t", "is", 0, "k", line(1))
	putSummary(t, s, "t", "is", 0, 1)
	putRules(t, s, rule("is", ""))
	putResponse(t, s, "is", hour())
	claimed(t, s, claim("is", "a"), nil, false)

	for name, ask := range map[string]func(id string) error{
		"load":           func(id string) error { _, err := s.Load(t.Context(), "u", id, 8); return err },
		"summary":        func(id string) error { _, err := s.Summary(t.Context(), "u", id, 1); return err },
		"rule":           func(id string) error { return s.DeleteRule(t.Context(), "u", id) },
		"response":       func(id string) error { _, err := s.Response(t.Context(), "u", id); return err },
		"deleteResponse": func(id string) error { return s.DeleteResponse(t.Context(), "u", id) },
		"complete":       func(id string) error { return s.Complete(t.Context(), "u", id, "a", answer(""), hour()) },
	} {
		is, never := ask("is"), ask("no")
		missing(t, name, is)
		missing(t, name, never)
		if is != nil && never != nil && is.Error() != never.Error() {
			t.Errorf("%s: another's is %q, nobody's is %q", name, is, never)
		}
	}
}
