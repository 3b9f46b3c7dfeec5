package conversation

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSelect(t *testing.T) {
	texts := talk(
		"system: You are a patient assistant.",
		"user: Which city did we choose for the offsite?",
		"assistant: Lisbon, in the second week of March.",
		"user: Please write a haiku about rain.",
		"assistant: Grey drops on grey roofs.",
		"user: My sister adopted a puppy called Biscuit.",
		"assistant: What a lovely name!",
		"user: The printer jams whenever it is humid.",
		"assistant: Try drying the paper.",
		"user: Thanks.",
	)
	f := func(query string, budget, recent int, want ...int) {
		t.Helper()
		if diff := cmp.Diff(want, Select(texts, query, budget, recent)); diff != "" {
			t.Errorf("Select(%q, %d, %d): %s", query, budget, recent, diff)
		}
	}
	f("where is the offsite", 1000, 2, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9)
	f("where is the offsite", 42, 2, 0, 1, 2, 8, 9)
	f("what is the puppy called", 30, 2, 0, 5, 8, 9)
	f("what is the puppy called", 1, 2, 0, 8, 9) // what must be kept is, over budget
	f("what is the puppy called", -5, 100, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9)
	if got := Select(nil, "x", 10, 2); len(got) > 0 {
		t.Errorf("of no texts, %v are kept", got)
	}
}

func TestSelectKeepsGroups(t *testing.T) {
	texts := talk(
		"user: What is the weather in Lyon?",
		"assistant: call get_weather",
		"tool: 14 degrees, drizzle",
		"user: And write a poem about cats, a long one if you please.",
		"assistant: Cats are soft and cats are sly.",
		"assistant: call get_stock",
		"user: While that runs, one more thing.",
		"tool: 3500 posters",
	)
	texts[1].Group, texts[2].Group = 1, 1
	texts[5].Group, texts[7].Group = 2, 2
	// The result is recent, so its call stays; the text between them need not.
	want := []int{5, 7}
	if diff := cmp.Diff(want, Select(texts, "drizzle", 5, 1)); diff != "" {
		t.Error(diff)
	}
	want = []int{1, 2, 5, 7}
	budget := 0
	for _, i := range want {
		budget += texts[i].Tokens
	}
	if diff := cmp.Diff(want, Select(texts, "drizzle", budget, 1)); diff != "" {
		t.Error(diff)
	}
}

// TestSelectProperties holds what is promised for any conversation.
func TestSelectProperties(t *testing.T) {
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 1))
		checkSelect(t, randomTalk(r, 1+r.IntN(80)), randomText(r, 6), r.IntN(1500), r.IntN(12))
	}
}

func FuzzSelect(f *testing.F) {
	f.Add("what is called Biscuit?", "a dog called Biscuit\nIt rains.\n東京は雨です", 20, 1)
	f.Add("", "x\ny\nz", 1, 0)
	f.Fuzz(func(t *testing.T, query, lines string, budget, recent int) {
		if len(lines) > 4096 {
			return
		}
		texts := talk(strings.Split(lines, "\n")...)
		for i := range texts {
			texts[i].Group = len(texts[i].Text) % 5
		}
		checkSelect(t, texts, query, budget, recent)
		if got := Extract(texts, query, budget); got != "" && Count(got) > budget {
			t.Errorf("a summary of %d tokens in %d", Count(got), budget)
		}
	})
}

func checkSelect(t *testing.T, texts []Text, query string, budget, recent int) {
	t.Helper()
	got := Select(texts, query, budget, recent)
	if !slices.IsSorted(got) || len(slices.Compact(slices.Clone(got))) != len(got) {
		t.Fatalf("%v is not ascending", got)
	}
	if diff := cmp.Diff(got, Select(slices.Clone(texts), query, budget, recent)); diff != "" {
		t.Error("another time, others:", diff)
	}
	kept, groups, fixed := map[int]bool{}, map[int]bool{}, map[int]bool{}
	for _, i := range got {
		kept[i] = true
		groups[texts[i].Group] = true
	}
	must := func(i int) bool { return texts[i].Role == "system" || i >= len(texts)-recent }
	for i, text := range texts {
		if must(i) && text.Group > 0 {
			fixed[text.Group] = true
		}
	}
	total, used, least := 0, 0, 0
	for i, text := range texts {
		total += text.Tokens
		needed := must(i) || fixed[text.Group]
		if needed {
			least += text.Tokens
		}
		if kept[i] {
			used += text.Tokens
		} else if needed || text.Group > 0 && groups[text.Group] {
			t.Errorf("%d (%+v) is missing", i, text)
		}
	}
	if used > max(budget, least) {
		t.Errorf("%d tokens are kept, of %d that may be", used, max(budget, least))
	}
	if total <= budget && len(got) != len(texts) {
		t.Errorf("all fits, and %d of %d are kept", len(got), len(texts))
	}
}

func BenchmarkSelect(b *testing.B) {
	for _, n := range []int{120, 550} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			texts := randomTalk(rand.New(rand.NewPCG(7, 7)), n)
			total := 0
			for i := range texts {
				total += texts[i].Tokens
			}
			b.ReportAllocs()
			for b.Loop() {
				Select(texts, "when did w17 w230 with w31", total*3/10, 8)
			}
		})
	}
}

// talk makes texts of lines "role: text".
func talk(lines ...string) []Text {
	texts := make([]Text, len(lines))
	for i, l := range lines {
		role, text, _ := strings.Cut(l, ": ")
		texts[i] = Text{Role: role, Text: text, Tokens: Count(l)}
	}
	return texts
}

// randomTalk has words that come as often as in any language, texts of 5 to 60
// of them, some calls with their results, and a system prompt at times.
func randomTalk(r *rand.Rand, n int) []Text {
	texts := make([]Text, n)
	for i := range texts {
		text := randomText(r, 5+r.IntN(55))
		texts[i] = Text{Role: "user", Name: "Ada", Text: text, Tokens: Count(text) + 3}
		switch {
		case r.IntN(40) == 0:
			texts[i].Role = "system"
		case i > 0 && r.IntN(8) == 0:
			texts[i-1].Group, texts[i].Group = i/3+1, i/3+1
			texts[i].Role = "tool"
		case i%2 == 1:
			texts[i].Role = "assistant"
		}
	}
	return texts
}

func randomText(r *rand.Rand, words int) string {
	zipf := rand.NewZipf(r, 1.1, 4, 2000)
	var b strings.Builder
	for i := range words {
		fmt.Fprintf(&b, "w%d", zipf.Uint64())
		if i%9 == 8 {
			b.WriteByte('.')
		}
		b.WriteByte(' ')
	}
	return b.String()
}
