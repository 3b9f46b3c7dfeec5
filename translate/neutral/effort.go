package neutral

import "strings"

// The rungs of the ladder of efforts, in ascending order, with the budget that
// each means to a provider that counts in tokens.
var rungs = [...]struct {
	word   string
	budget int64
}{
	{"none", 0},
	{"minimal", 1024},
	{"low", 1024},
	{"medium", 2048},
	{"high", 4096},
	{"xhigh", 8192},
	{"max", 16384},
}

const (
	rungNone    = 0
	rungMinimal = 1
	rungLow     = 2
	rungHigh    = 4
)

// minBudget is the least that providers take for a budget.
const minBudget = 1024

// rungOf returns the place of a word on the ladder, or -1.
func rungOf(word string) int {
	for i := range rungs {
		if strings.EqualFold(rungs[i].word, word) {
			return i
		}
	}
	if strings.EqualFold(word, "off") {
		return rungNone
	}
	return -1
}

// rung returns the place on the ladder of what r asks for, or -1 when it asks
// for nothing in particular.
func (r *Reasoning) rung() int {
	if rung := rungOf(r.Effort); rung >= 0 || r.Budget <= 0 {
		return rung
	}
	rung := rungMinimal
	for i := rungLow; i < len(rungs) && rungs[i].budget <= r.Budget; i++ {
		rung = i
	}
	return rung
}

// EffortFor returns r's effort in the words of the target: of Efforts the
// nearest, of two that are as near the lesser; "on" or "off" for a switch. It
// is "" when nothing is to be sent: r asks for nothing, the target does not
// think or counts in tokens (see BudgetFor), or it is not to think and can be
// left alone. A budget counts as the word for as much.
func (r *Reasoning) EffortFor(t *Traits) string {
	want := r.rung()
	switch t.Thinking {
	case "switch":
		switch {
		case want == rungNone:
			return "off"
		case want > rungNone || r.Adaptive:
			return "on"
		}
		return ""
	case "effort", "level", "adaptive":
	default:
		return ""
	}
	words := t.Efforts
	if words == nil {
		words = []string{"low", "medium", "high"}
	}
	if want == rungNone && t.Thinking == "adaptive" && rungOf(words[0]) != rungNone {
		return ""
	}
	return nearest(words, want)
}

// nearest returns of words, which ascend, the one nearest to the rung want.
func nearest(words []string, want int) string {
	best, least := "", len(rungs)
	for _, word := range words {
		rung := rungOf(word)
		if want < 0 || rung < 0 || rung == rungNone && want > rungNone {
			continue // a little thinking is not none
		}
		if distance := max(rung-want, want-rung); distance < least {
			best, least = word, distance
		}
	}
	return best
}

// BudgetFor returns the budget in tokens for Thinking "budget", by the ladder
// for Claude; 0 is no thinking. maxTokens is the limit of the answer, which
// includes the thinking, and 0 when it is unknown. The budget stays below it,
// leaves 1024 tokens of it where it can, and is 0 where nothing worth it is
// left. A client that leaves the budget to the model is taken to mean high.
func (r *Reasoning) BudgetFor(maxTokens int64) int64 {
	rung := r.rung()
	if rung < 0 && r.Adaptive {
		rung = rungHigh
	}
	if rung <= rungNone {
		return 0
	}
	budget := r.Budget
	if budget <= 0 {
		budget = rungs[rung].budget
	}
	budget = max(budget, minBudget)
	if maxTokens <= 0 || budget < maxTokens {
		return budget
	}
	if budget = max(maxTokens-minBudget, minBudget); budget < maxTokens {
		return budget
	}
	return 0
}
