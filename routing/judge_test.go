package routing

import (
	"errors"
	"strings"
	"testing"
)

func TestParseVerdict(t *testing.T) {
	f := func(text string, agree bool, issues int, ok bool) {
		t.Helper()
		v, fine := ParseVerdict(text)
		if fine != ok || fine && (v.Agree != agree || len(v.Issues) != issues) {
			t.Errorf("%q: %+v %v", text, v, fine)
		}
	}
	f(`{"agree":true,"issues":[],"confidence":1}`, true, 0, true)
	f("Here is my verdict:\n```json\n{\"agree\": false, \"issues\": [\"The sum is off.\", \"No unit.\"]}\n```", false, 2, true)
	f(`{"agree":false,"issues":["Nothing wrong"]}`, true, 0, true)
	f(`{"agree":false,"issues":["none."]}`, true, 0, true)
	f(`{"agree":false,"issues":[]}`, false, 0, true)
	f(`{"agree":false,"issues":["No errors found.","The year is wrong"]}`, false, 1, true)
	f(`{"agree":true,"issues":["could be shorter"]}`, true, 0, true)
	f("Nothing wrong.", true, 0, true)
	f("There are no issues.", true, 0, true)
	f("No factual errors were found", true, 0, true)
	f("LGTM", true, 0, true)
	f("Nothing is right about it", false, 0, false)
	f("The answer is wrong.", false, 0, false)
	f("No, the year is wrong", false, 0, false)
	f(`{"verdict":"fine"}`, false, 0, false)
	f(`{"agree":"maybe"}`, false, 0, false)
	f(`{`, false, 0, false)
	if v, _ := ParseVerdict(`{"agree":false,"issues":["x"],"confidence":7}`); v.Confidence != 1 {
		t.Errorf("confidence %v", v.Confidence)
	}
	if v, _ := ParseVerdict(`{"agree":false,"issues":["` + strings.Repeat("é", 600) + `"]}`); len(v.Issues[0]) > longestIssue {
		t.Errorf("%d bytes", len(v.Issues[0]))
	}
}

func TestSame(t *testing.T) {
	f := func(a, b string, same, sure bool) {
		t.Helper()
		for range 2 {
			if s, u := Same(a, b); s != same || u != sure {
				t.Errorf("%q, %q: %v %v, want %v %v", a, b, s, u, same, sure)
			}
			a, b = b, a
		}
	}
	f("42", "42.", true, true)
	f("1,234,567", "1234567", true, true)
	f("**2.0**", "2", true, true)
	f("42", "43", false, true)
	f("-5", "5", false, true)
	f("3, 5, 7", "3, 7, 5", false, true)
	f("Paris", "The capital of France is Paris.", true, true)
	f("Paris", "It is not Paris.", false, false)
	f("Paris", "Rome", false, true)
	f("the attic", "Attic", true, true)
	f("B", "B)", true, true)
	f("A", "B", false, true)
	long := strings.Repeat("Let me think about it step by step. ", 10)
	f(long+`So \boxed{12}`, "12", true, true)
	f(long+"The answer is: 12", long+"and more. Final answer: 13", false, true)
	f(long, long, false, false)
	f("A sentence that says a good deal", "Another one which means the same", false, false)
	f("", "x", false, false)
}

func TestInspect(t *testing.T) {
	f := func(a *Answer, says string) {
		t.Helper()
		got := strings.Join(Inspect(a), " ")
		if says == "" && got != "" || !strings.Contains(got, says) {
			t.Errorf("%+v: %q, want %q", a, got, says)
		}
	}
	f(&Answer{Text: "Fine."}, "")
	f(&Answer{Text: "  \n"}, "empty")
	f(&Answer{Calls: true}, "")
	f(&Answer{Text: "Half an ans", Cut: true}, "cut")
	f(&Answer{Text: "Half", Filtered: true}, "filter")
	f(&Answer{Text: "I'm sorry, but I can't help with that."}, "refused")
	f(&Answer{Text: "As an AI language model, I cannot say."}, "refused")
	f(&Answer{Text: "I'm sorry to hear that. You can file a complaint at the desk."}, "")
	f(&Answer{Text: "I can't help falling in love with you is a song by Elvis Presley."}, "refused") // the price of not asking
	f(&Answer{Text: `{"a":1}`, JSON: true}, "")
	f(&Answer{Text: `{"a":1`, JSON: true}, "not valid JSON")
	f(&Answer{Text: `{"a":1}`, JSON: true, Schema: func([]byte) error { return errors.New("b is missing") }}, "b is missing")
	f(&Answer{Text: "```go\nfunc f() int { return 1 }\n```"}, "")
	f(&Answer{Text: "```go\nx := 1\nfmt.Println(x)\n```"}, "")
	f(&Answer{Text: "```go\nfunc f( { return }\n```"}, "does not parse")
	f(&Answer{Text: "```json\n{,}\n```"}, "JSON")
	f(&Answer{Text: "```python\nprint(1)\n"}, "no end")
}

// TestDecisions is the decision table.
func TestDecisions(t *testing.T) {
	all := &Ladder{Top: 2, Allowed: 7}
	f := func(c Complexity, q Quality, l *Ladder, tier int, check bool) {
		t.Helper()
		d := Decide(&Analysis{Complexity: c, Quality: q}, l)
		if d.Tier != tier || d.Check != check {
			t.Errorf("%v %v %+v: tier %d, check %v; want %d, %v", c, q, l, d.Tier, d.Check, tier, check)
		}
	}
	f(Low, Normal, all, 0, false)
	f(Low, High, all, 1, false)
	f(Low, Critical, all, 2, false)
	f(Medium, Normal, all, 0, true)
	f(Medium, High, all, 1, true)
	f(Medium, Critical, all, 2, true)
	f(Hard, Normal, all, 1, true)
	f(Hard, High, all, 2, false)
	f(Hard, Critical, all, 2, true)
	f(Hard, Critical, &Ladder{Top: 3, Allowed: 15}, 2, true) // a fourth tier is for escalation
	f(Low, Critical, &Ladder{Top: 1, Allowed: 3}, 1, false)  // never above the top
	f(Low, Critical, &Ladder{Top: 2, Allowed: 1}, 0, false)  // what it may cost
	f(Low, Normal, &Ladder{Top: 2, Allowed: 4}, 2, false)    // what it needs
	var bad Stream
	for range 50 {
		bad.Observe(0, false, false)
		bad.Observe(1, false, true)
	}
	f(Low, Normal, &Ladder{Top: 2, Allowed: 7, Stream: &bad}, 2, false)
	f(Hard, Normal, &Ladder{Top: 2, Allowed: 7, Stream: &bad}, 2, true) // also from where it would have started
	f(Low, Normal, &Ladder{Top: 2, Allowed: 1, Stream: &bad}, 0, false) // what it may cost comes first
	f(Low, Normal, &Ladder{Top: 3, Allowed: 15, Stream: &bad}, 2, true) // what is known to be hard is checked
	f(Low, Normal, &Ladder{Start: 1, Top: 2, Allowed: 7}, 1, false)     // default_tier
	f(Hard, Normal, &Ladder{Start: 1, Top: 2, Allowed: 7}, 2, true)
}

func TestAnalyse(t *testing.T) {
	p := DefaultPrior()
	f := func(text string, task Task, complexity Complexity, risk bool) {
		t.Helper()
		a := p.Analyse(&Request{Text: []byte(text), Size: len(text)})
		if a.Task != task || a.Complexity != complexity || a.Risk != risk {
			t.Errorf("%.60q: %v %v %v, want %v %v %v", text, a.Task, a.Complexity, a.Risk, task, complexity, risk)
		}
	}
	f("Hi", Chat, Low, false)
	f("What is the capital of France?", Chat, Low, false)
	f("Translate to German: the house is red", Extraction, Low, false)
	f("Write a Go function that reverses a linked list", Code, Hard, false)
	f("Compute 12 + 45.", Reasoning, Low, false)
	f("Prove that the square root of 2 is irrational, derive a bound and analyse its asymptotic behaviour.", Reasoning, Hard, false)
	f("Which dosage of this medication is safe?", Chat, Low, true)
	a := p.Analyse(&Request{Text: []byte("Hi"), Tools: true, Quality: Critical})
	if a.Task != ToolUse || a.Quality != Critical {
		t.Errorf("%+v", a)
	}
	if a := p.Analyse(&Request{Text: []byte("Is it legal?"), Quality: High}); a.Quality != Critical {
		t.Errorf("a risk does not raise the quality: %+v", a)
	}
	if a := p.Analyse(&Request{Text: []byte("Hi"), Size: 200 << 10}); a.Task != LongContext || a.Complexity != Medium {
		t.Errorf("%+v", a)
	}
	request := &Request{Text: []byte("Write a Go function that reverses a linked list")}
	if n := testing.AllocsPerRun(100, func() { p.Analyse(request) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestHandoff(t *testing.T) {
	h := NewHandoff("", "Fix pkg/a.go.\n--- FAIL: TestA (0.00s)\nWhy does it fail? Who has broken it?", []Given{
		{Tier: "L0", Model: "p/a", Answer: strings.Repeat("x", 5000), Issues: []string{"wrong", "slow"}},
		{Tier: "L1", Model: "p/b", Issues: []string{"wrong"}},
	})
	if len(h.AttemptsSoFar) != 2 || len(h.AttemptsSoFar[0]) > mostShown+100 || strings.Join(h.KnownIssues, ",") != "wrong,slow" ||
		len(h.OpenQuestions) != 2 || h.RelevantFiles[0] != "pkg/a.go" || h.TestResults[0] != "--- FAIL: TestA (0.00s)" {
		t.Errorf("%s", h.JSON())
	}
	if a, b := h.Text(), h.Text(); a != b || !strings.HasSuffix(a, h.CurrentTask+"\n") {
		t.Errorf("%s", a)
	}
}
