package storetest

import (
	"testing"
	"time"

	"github.com/ai-mcp-gateway/gateway/store"
)

var rules = []promise{
	{"RulesComeByID", rulesByID},
	{"RulesOfAProjectAreItsOwnAndEverybodys", rulesProject},
	{"RuleIsReplacedByItsID", ruleReplaced},
	{"RuleIsDeletedOnce", ruleDeleted},
}

var responses = []promise{
	{"ResponseComesBackToTheByte", responseBytes},
	{"ResponseIsReplacedByItsID", responseReplaced},
	{"ResponseThatExpiredIsNotFound", responseExpired},
	{"ResponseIsDeletedOnce", responseDeleted},
}

func rule(id, project string) store.Rule {
	return store.Rule{
		Tenant: "t", ID: id, Project: project, Body: []byte(`{"layer":"L1","share":0.25}`),
		Enabled: true, Created: at(1), Updated: at(2),
	}
}

// putRules adds rules, and ends the test when that fails.
func putRules(t *testing.T, s store.Store, all ...store.Rule) {
	t.Helper()
	for _, r := range all {
		if err := s.PutRule(t.Context(), &r); err != nil {
			t.Fatalf("rule %q: %v", r.ID, err)
		}
	}
}

// wantRules compares a project's rules.
func wantRules(t *testing.T, s store.Store, project string, want ...store.Rule) {
	t.Helper()
	got, err := s.Rules(t.Context(), "t", project)
	if err != nil {
		t.Fatal(err)
	}
	for i := range got {
		if i < len(want) {
			sameJSON(t, want[i].Body, got[i].Body)
			got[i].Body = want[i].Body
		}
	}
	equal(t, want, got)
}

func rulesByID(t *testing.T, s store.Store) {
	wantRules(t, s, "")
	off := rule("a", "")
	off.Enabled = false
	putRules(t, s, rule("ä", ""), rule("b", ""), off, rule("B", ""), rule("_", ""))
	wantRules(t, s, "", rule("B", ""), rule("_", ""), off, rule("b", ""), rule("ä", "")) // by bytes, in every locale
}

func rulesProject(t *testing.T, s store.Store) {
	putRules(t, s, rule("1", "shop"), rule("2", ""), rule("3", "office"), rule("4", "shop"))
	wantRules(t, s, "shop", rule("1", "shop"), rule("2", ""), rule("4", "shop"))
	wantRules(t, s, "new", rule("2", ""))
	wantRules(t, s, "", rule("1", "shop"), rule("2", ""), rule("3", "office"), rule("4", "shop"))
}

func ruleReplaced(t *testing.T, s store.Store) {
	putRules(t, s, rule("1", "shop"), rule("2", "shop"))
	other := rule("1", "office")
	other.Body, other.Enabled, other.Updated = []byte(`{}`), false, at(999999)
	putRules(t, s, other)
	wantRules(t, s, "", other, rule("2", "shop"))
}

func ruleDeleted(t *testing.T, s store.Store) {
	missing(t, "delete what is not there", s.DeleteRule(t.Context(), "t", "1"))
	putRules(t, s, rule("1", ""), rule("2", ""))
	if err := s.DeleteRule(t.Context(), "t", "1"); err != nil {
		t.Error(err)
	}
	missing(t, "delete again", s.DeleteRule(t.Context(), "t", "1"))
	wantRules(t, s, "", rule("2", ""))
}

// putResponse keeps a response that says its id, and ends the test when that
// fails.
func putResponse(t *testing.T, s store.Store, id string, expires time.Time) {
	t.Helper()
	r := &store.Response{Input: []byte("[]"), Body: []byte(`{"id":"` + id + `"}`)}
	if err := s.PutResponse(t.Context(), "t", id, r, expires); err != nil {
		t.Fatalf("response %q: %v", id, err)
	}
}

func responseBytes(t *testing.T, s store.Store) {
	for id, r := range map[string]*store.Response{
		"whole": {Input: []byte("[ {\"b\":1,\n\"a\":1e400} ]"), Body: []byte("{\"s\":\"\\u0000\\ud800\"} \t"), Provider: "openai"},
		"bare":  {Body: []byte("{}")},
		"large": {Input: []byte("[]"), Body: append(append([]byte(`"`), make40k()...), '"')},
	} {
		if err := s.PutResponse(t.Context(), "t", id, r, hour()); err != nil {
			t.Fatal(err)
		}
		got, err := s.Response(t.Context(), "t", id)
		if err != nil {
			t.Fatal(err)
		}
		equal(t, r, got)
	}
	_, err := s.Response(t.Context(), "t", "never")
	missing(t, "an unknown response", err)
}

func responseReplaced(t *testing.T, s store.Store) {
	putResponse(t, s, "r", gone())
	r := &store.Response{Input: []byte("[1]"), Body: []byte("{}"), Provider: "p"}
	if err := s.PutResponse(t.Context(), "t", "r", r, hour()); err != nil {
		t.Fatal(err)
	}
	got, err := s.Response(t.Context(), "t", "r")
	if err != nil {
		t.Fatal(err)
	}
	equal(t, r, got)
	// The new one's time holds as well.
	putResponse(t, s, "r", gone())
	_, err = s.Response(t.Context(), "t", "r")
	missing(t, "one that was replaced by an expired one", err)
}

func responseExpired(t *testing.T, s store.Store) {
	putResponse(t, s, "old", gone())
	putResponse(t, s, "live", hour())
	_, err := s.Response(t.Context(), "t", "old")
	missing(t, "response", err)
	missing(t, "delete", s.DeleteResponse(t.Context(), "t", "old"))
	if _, err := s.Response(t.Context(), "t", "live"); err != nil {
		t.Error(err)
	}
}

func responseDeleted(t *testing.T, s store.Store) {
	missing(t, "delete what is not there", s.DeleteResponse(t.Context(), "t", "r"))
	putResponse(t, s, "r", hour())
	if err := s.DeleteResponse(t.Context(), "t", "r"); err != nil {
		t.Error(err)
	}
	missing(t, "delete again", s.DeleteResponse(t.Context(), "t", "r"))
	_, err := s.Response(t.Context(), "t", "r")
	missing(t, "response", err)
}
