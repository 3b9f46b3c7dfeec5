package storetest

import (
	"slices"
	"testing"

	"github.com/ai-mcp-gateway/gateway/store"
)

var lists = []promise{
	{"ListsHaveEveryConversationOfATenantOnce", listsAll},
	{"ListsSayWhatLoadSays", listsState},
}

// listsAll turns the pages of a list and expects each id of the tenant's once,
// in the order of its bytes, and none of another tenant's.
func listsAll(t *testing.T, s store.Store) {
	for i, id := range odd {
		add(t, s, "t", id, 0, "k", line(i))
	}
	add(t, s, "u", "theirs", 0, "k", line(1))
	want := slices.Sorted(slices.Values(odd))
	for _, size := range []int{1, 7, len(odd), len(odd) + 1} {
		var got []string
		for after := ""; len(got) <= len(odd); after = got[len(got)-1] {
			page := list(t, s, "t", after, size)
			if len(page) == 0 {
				break
			}
			if len(page) > size {
				t.Fatalf("%d conversations, of at most %d", len(page), size)
			}
			for _, c := range page {
				got = append(got, c.ID)
			}
		}
		equal(t, want, got)
	}
	equal(t, 0, len(list(t, s, "t", "", 0)))
	equal(t, 0, len(list(t, s, "t", "", -1)))
	equal(t, 0, len(list(t, s, "v", "", 10)))
}

func listsState(t *testing.T, s store.Store) {
	add(t, s, "t", "c", 0, "k", lines(1, 3)...)
	putSummary(t, s, "t", "c", 0, 1)
	equal(t, []store.Conversation{load(t, s, "t", "c", 0).Conversation}, list(t, s, "t", "", 10))
}

func list(t *testing.T, s store.Store, tenant, after string, limit int) []store.Conversation {
	t.Helper()
	page, err := s.Conversations(t.Context(), tenant, after, limit)
	if err != nil {
		t.Fatal(err)
	}
	return page
}
