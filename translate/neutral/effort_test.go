package neutral

import "testing"

func TestEdge073_Efforts(t *testing.T) {
	claude := []string{"low", "medium", "high", "max"}
	f := func(thinking string, efforts []string, want ...string) {
		t.Helper()
		for i, word := range []string{"none", "off", "minimal", "low", "medium", "high", "xhigh", "max", ""} {
			r := Reasoning{Set: true, Effort: word}
			if got := r.EffortFor(&Traits{Thinking: thinking, Efforts: efforts}); got != want[i] {
				t.Errorf("%s to %q %q: got %q, want %q", word, thinking, efforts, got, want[i])
			}
		}
	}
	nothing := make([]string, 9)
	f("", nil, nothing...)
	f("budget", nil, nothing...)
	f("effort", nil, "low", "low", "low", "low", "medium", "high", "high", "high", "")
	f("effort", []string{"none", "minimal", "high"}, "none", "none", "minimal", "minimal", "high", "high", "high", "high", "")
	f("adaptive", claude, "", "", "low", "low", "medium", "high", "high", "max", "")
	f("adaptive", []string{"none", "high"}, "none", "none", "high", "high", "high", "high", "high", "high", "")
	f("level", []string{"LOW", "HIGH"}, "LOW", "LOW", "LOW", "LOW", "LOW", "HIGH", "HIGH", "HIGH", "")
	f("switch", nil, "off", "off", "on", "on", "on", "on", "on", "on", "")
}

func TestEffortFor_Budget(t *testing.T) {
	all := []string{"minimal", "low", "medium", "high", "xhigh", "max"}
	f := func(budget int64, want string) {
		t.Helper()
		r := Reasoning{Set: true, Budget: budget}
		if got := r.EffortFor(&Traits{Thinking: "effort", Efforts: all}); got != want {
			t.Errorf("%d: got %q, want %q", budget, got, want)
		}
	}
	f(0, "")
	f(1, "minimal")
	f(1024, "low")
	f(2047, "low")
	f(2048, "medium")
	f(4096, "high")
	f(8192, "xhigh")
	f(1<<20, "max")
	// A word counts more than a budget.
	r := Reasoning{Effort: "low", Budget: 1 << 20}
	if got := r.EffortFor(&Traits{Thinking: "effort"}); got != "low" {
		t.Errorf("got %q", got)
	}
	adaptive := Reasoning{Adaptive: true}
	if got := adaptive.EffortFor(&Traits{Thinking: "switch"}); got != "on" {
		t.Errorf("got %q", got)
	}
}

func TestEdge072_BudgetBelowLimit(t *testing.T) {
	f := func(r Reasoning, limit, want int64) {
		t.Helper()
		if got := r.BudgetFor(limit); got != want {
			t.Errorf("%+v under %d: got %d, want %d", r, limit, got, want)
		}
	}
	for word, budget := range map[string]int64{
		"none": 0, "off": 0, "minimal": 1024, "low": 1024, "medium": 2048, "high": 4096, "xhigh": 8192, "max": 16384, "": 0,
	} {
		f(Reasoning{Effort: word}, 0, budget)
	}
	f(Reasoning{Adaptive: true}, 0, 4096)
	f(Reasoning{Budget: 10000}, 0, 10000)
	f(Reasoning{Budget: 100}, 0, 1024)
	f(Reasoning{Effort: "none", Budget: 10000}, 0, 0)
	f(Reasoning{Budget: 3999}, 4000, 3999)
	f(Reasoning{Budget: 4000}, 4000, 2976)
	f(Reasoning{Effort: "high"}, 4096, 3072)
	f(Reasoning{Effort: "high"}, 1500, 1024)
	f(Reasoning{Effort: "high"}, 1024, 0)
	f(Reasoning{Effort: "low"}, 1, 0)
}
