package conversation

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTerms(t *testing.T) {
	f := func(s string, want ...string) {
		t.Helper()
		var got []string
		eachTerm(s, func(term []byte, marked bool) {
			word := string(term)
			if marked {
				word += "*"
			}
			got = append(got, word)
		})
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q: %s", s, diff)
		}
	}
	f("")
	f("What did you do about it?")
	f("Painting the paints we painted", "paint", "paint", "paint")
	f("running and stopped", "run", "stop")
	f("The plan: Lisbon in 2026. Then home", "plan", "lisbon*", "2026*", "hom")
	f("Überprüfungen Änderung", "überp", "änder*")
	f("東京は雨", "東京", "京は", "は雨")
	f("main.go fails", "main", "go", "fail")
}

// TestRelevance: a match counts most, what stands beside it next, and with no
// match what the texts are about.
func TestRelevance(t *testing.T) {
	texts := talk("a: We fly on Monday", "a: Good", "a: Oranges are cheap", "a: Fine", "a: Lovely", "a: Monday suits Berlin", "a: Berlin it is")
	scores := relevance(texts, "oranges")
	order := []int{2, 3, 1}
	if !slices.IsSortedFunc(order[:2], func(a, b int) int { return compare(scores[b], scores[a]) }) || scores[1] <= scores[5] || scores[2] <= scores[1] {
		t.Errorf("scores %.2f", scores)
	}
	if scores = relevance(texts, ""); scores[5] != slices.Max(scores) {
		t.Errorf("without a query: %.2f", scores)
	}
}

func compare(a, b float64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}
