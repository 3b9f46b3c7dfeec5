package routing

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// examples are easy look-ups, on which nothing is gained, and proofs, on which
// much is.
func examples() (all []Example) {
	for _, who := range []string{"painted", "wrote", "founded", "built", "discovered", "won"} {
		for _, what := range []string{"the tower", "the novel", "the company", "the bridge", "the comet", "the race"} {
			all = append(all,
				Example{[]byte("who " + who + " " + what), 0},
				Example{[]byte("Prove that for every integer n the sequence of " + what + " is bounded by 2^n, and derive the remainder of what they " + who + "."), 1})
		}
	}
	return all
}

func TestFit(t *testing.T) {
	p := Fit(examples())
	easy, known := p.Score([]byte("who painted the bridge"))
	if !known {
		t.Error("a text like the examples is not known")
	}
	hard, _ := p.Score([]byte("Prove that for every integer n the sequence is bounded, and derive the remainder."))
	if hard-easy < 0.15 {
		t.Errorf("a proof scores %g and a look-up %g", hard, easy)
	}
	if _, known := p.Score([]byte("Ein Text, dessen Worte niemand kennt, und der trotzdem lang ist.")); known {
		t.Error("a text of unknown words is known")
	}
	if !bytes.Equal(Fit(examples()).Append(nil), p.Append(nil)) {
		t.Error("the same examples give other weights")
	}
}

func TestPriorFile(t *testing.T) {
	p := Fit(examples())
	data := p.Append(nil)
	if len(data) > 512<<10 {
		t.Errorf("the weights are %d bytes, at most 512 KiB may be", len(data))
	}
	again, err := ReadPrior(data)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(data, again.Append(nil)); diff != "" {
		t.Error(diff)
	}
	for _, bad := range [][]byte{nil, data[:len(data)-1], append([]byte("other"), data[5:]...)} {
		if _, err := ReadPrior(bad); err == nil {
			t.Errorf("%d bytes were read", len(bad))
		}
	}
}

// What the built-in prior must know, whatever it was fitted to.
func TestDefaultPrior(t *testing.T) {
	f := func(easy, hard string) {
		t.Helper()
		e, _ := DefaultPrior().Score([]byte(easy))
		h, _ := DefaultPrior().Score([]byte(hard))
		if e >= h {
			t.Errorf("%q scores %g, %q %g", easy, e, hard, h)
		}
	}
	f("who is the president of france", "Write a function that merges two sorted linked lists in place.")
	f("where do penguins live", "def area(r):\n    return 3.14 * r ** 2\n\n>>> area(2)\n")
	f("when did the first world war end", "Find all real $x$ with $x^4 - 5x^2 + 4 = 0$ and prove that there are no others.")
}

func TestScoreDoesNotAllocate(t *testing.T) {
	p := DefaultPrior()
	for _, text := range [][]byte{nil, []byte("who is it"), bytes.Repeat([]byte("some words of a long text, 12 at a time; "), 4000)} {
		if n := testing.AllocsPerRun(100, func() { p.Score(text) }); n != 0 {
			t.Errorf("%d bytes: %v allocations, want 0", len(text), n)
		}
	}
}

func FuzzScore(f *testing.F) {
	f.Add("Which of these is NOT a prime?\nA. 2\nB. 9\n")
	f.Add("write a \x00 function() {};;; \xff\xfe")
	f.Add(strings.Repeat("a ", 5000))
	p := DefaultPrior()
	f.Fuzz(func(t *testing.T, text string) {
		score, _ := p.Score([]byte(text))
		again, _ := p.Score([]byte(text))
		if score != again || !(score > -5 && score < 5) {
			t.Errorf("%g and %g", score, again)
		}
	})
}

func TestLearner(t *testing.T) {
	p := Fit(examples())
	long := []byte(strings.Repeat("many other words are in this much longer text. ", 12))
	short := []byte("a few other words")
	untouched := func(l *Learner) bool {
		want, _ := p.Score(long)
		return l.Score(long) == want
	}
	l := NewLearner(p)
	if !untouched(l) {
		t.Error("a score is not the prior's before anything was learned")
	}
	for i := range 600 { // the gain has nothing to do with the text
		l.Learn(long, float64(i%2))
		l.Learn(short, float64((i+1)%2))
	}
	before := l.Score(long) - l.Score(short)
	for range 600 {
		l.Learn(long, 1)
		l.Learn(short, 0)
	}
	if after := l.Score(long) - l.Score(short); after <= before {
		t.Errorf("what was learned moved the scores from %g to %g apart", before, after)
	}
}

func BenchmarkScore(b *testing.B) {
	p := DefaultPrior()
	for _, c := range []struct{ name, text string }{
		{"100B", strings.Repeat("who wrote it, ", 7)},
		{"1KB", strings.Repeat("a usual prompt of 7 words. ", 38)},
		{"1MB", strings.Repeat("a usual prompt of 7 words. ", 38000)},
	} {
		b.Run(c.name, func(b *testing.B) {
			text := []byte(c.text)
			b.ReportAllocs()
			for b.Loop() {
				p.Score(text)
			}
		})
	}
}
