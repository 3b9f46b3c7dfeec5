package conversation

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestExtract(t *testing.T) {
	texts := talk(
		"user: Hello there! How are you?",
		"assistant: The release is planned for 14 May. Do you want anything else?",
		"user: No, thank you. That is very kind.",
		"assistant: Good. Let me know if anything changes.",
		"user: The audit found three problems in the payment module. It is quite annoying.",
	)
	f := func(query string, budget int, want ...string) {
		t.Helper()
		if diff := cmp.Diff(strings.Join(want, ""), Extract(texts, query, budget)); diff != "" {
			t.Errorf("Extract(%q, %d): %s", query, budget, diff)
		}
	}
	f("what did the audit find", 14, "user: The audit found three problems in the payment module.\n")
	f("when is the release", 14, "assistant: The release is planned for 14 May.\n")
	f("when is the release", 0)
	f("when is the release", -1)
	f("", 100,
		"user: Hello there! How are you?\n",
		"assistant: The release is planned for 14 May. Do you want anything else?\n",
		"user: No, thank you. That is very kind.\n",
		"assistant: Good. Let me know if anything changes.\n",
		"user: The audit found three problems in the payment module. It is quite annoying.\n")
}

// TestExtractOfLongText: a text longer than the budget gives a part.
func TestExtractOfLongText(t *testing.T) {
	texts := []Text{{Role: "tool", Text: strings.Repeat("All is well with this line. ", 400) + "ERROR disk 7 is full. " + strings.Repeat("So is this. ", 400)}}
	if got := Extract(texts, "why did the disk fail", 100); !strings.Contains(got, "disk 7 is full") {
		t.Errorf("what is asked for is missing in %q", got)
	}
	texts[0].Text = strings.Repeat("x9", 5000) // no sentence, no word
	if got := Extract(texts, "x", 100); got == "" || Count(got) > 100 {
		t.Errorf("%d tokens of one long word", Count(got))
	}
}

func TestExtractProperties(t *testing.T) {
	for seed := range uint64(100) {
		r := rand.New(rand.NewPCG(seed, 2))
		texts, query, budget := randomTalk(r, 1+r.IntN(60)), randomText(r, r.IntN(5)), r.IntN(900)
		got := Extract(texts, query, budget)
		if n := Count(got); n > budget {
			t.Errorf("%d tokens in %d", n, budget)
		}
		if got != Extract(texts, query, budget) {
			t.Error("another time, another summary")
		}
		at := 0
		for l := range strings.Lines(got) {
			_, said, _ := strings.Cut(l, ": ")
			first, _, _ := strings.Cut(strings.TrimSpace(said), ".")
			for at < len(texts) && !strings.Contains(texts[at].Text, first) {
				at++
			}
			if at == len(texts) {
				t.Fatalf("%q is out of order, or was never said", l)
			}
		}
	}
}

func TestSentences(t *testing.T) {
	f := func(s string, want ...string) {
		t.Helper()
		if diff := cmp.Diff(want, sentences(s)); diff != "" {
			t.Errorf("%q: %s", s, diff)
		}
	}
	f("")
	f("One. Two! \"Three?\" Four", "One. ", "Two! ", "\"Three?\" ", "Four")
	f("v1.26 of main.go\nnext", "v1.26 of main.go\n", "next")
	f("雨です。東京", "雨です。", "東京")
}

func BenchmarkExtract(b *testing.B) {
	texts := randomTalk(rand.New(rand.NewPCG(7, 7)), 120)
	b.ReportAllocs()
	for b.Loop() {
		Extract(texts, "when did w17 w230 with w31", 1000)
	}
}
