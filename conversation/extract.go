package conversation

import (
	"cmp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	// essence is the share of what a text says that two of its sentences have
	// to hold to stand for it.
	essence = 0.65
	// largest is the part of a summary's budget that one text may have at
	// first, a quarter, but not less than a sentence or two.
	largest  = 4
	sentence = 64 // tokens
)

// Extract writes an extractive summary of texts in at most budget tokens, in
// their order, a line "name: sentences" (or "role: sentences") for each text
// that it is made of: what query asks for; with an empty query, what the texts
// are about. Texts that fit are there in full.
func Extract(texts []Text, query string, budget int) string {
	lines := make([]string, len(texts))
	size := 0
	for i := range texts {
		lines[i] = line(&texts[i], strings.TrimSpace(texts[i].Text))
		size += len(lines[i])
	}
	// A token has at least one byte, and hardly ever more than a hundred.
	if all := strings.Join(lines, ""); size <= budget || size/100 <= budget && Count(all) <= budget {
		return all
	}
	x := newIndex(texts)
	wanted := x.wanted(query)
	scores := x.scores(texts, wanted)
	order := make([]int, len(texts))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int {
		return cmp.Or(cmp.Compare(scores[b], scores[a]), cmp.Compare(b, a))
	})
	e := extraction{texts: texts, full: lines, lines: slices.Clone(lines), costs: make([]int, len(lines)), left: budget}
	e.fill(order, budget, func(text string, limit int) string { return x.excerpt(text, wanted, limit) })
	e.complete()
	return join(e.lines, e.taken, budget)
}

// extraction is a summary that is being put together.
type extraction struct {
	texts []Text
	full  []string // the line of each text in full
	lines []string // and as it is in the summary
	costs []int    // tokens of lines that were counted
	taken []int
	left  int // tokens
}

// fill takes the lines that fit in that order: in full while more than half of
// the budget is left, since excerpts lose something; then excerpts, which
// reach further.
func (e *extraction) fill(order []int, budget int, excerpt func(text string, limit int) string) {
	most := max(budget/largest, sentence)
	for _, i := range order {
		if e.left < 2 { // a label and the end of a line
			return
		}
		if e.left > budget/2 {
			if e.costs[i] = Count(e.full[i]); e.costs[i] <= min(most, e.left) {
				e.take(i)
				continue
			}
		}
		e.lines[i] = line(&e.texts[i], excerpt(e.texts[i].Text, min(e.left, most)))
		if e.costs[i] = Count(e.lines[i]); e.costs[i] <= e.left {
			e.take(i)
		}
	}
}

func (e *extraction) take(i int) {
	e.taken = append(e.taken, i)
	e.left -= e.costs[i]
}

// complete puts what is left into the best texts in full.
func (e *extraction) complete() {
	for _, i := range e.taken {
		missing := len(e.full[i]) - len(e.lines[i])
		if missing <= 0 || missing > 16*e.left { // too much to be worth counting
			continue
		}
		if more := Count(e.full[i]) - e.costs[i]; more <= e.left {
			e.lines[i], e.left = e.full[i], e.left-more
		}
	}
}

// join puts lines in their order; those taken last are left out while the
// whole, whose tokens may be others than its lines', is over budget.
func join(lines []string, taken []int, budget int) string {
	for ; len(taken) > 0; taken = taken[:len(taken)-1] {
		var b strings.Builder
		for _, i := range slices.Sorted(slices.Values(taken)) {
			b.WriteString(lines[i])
		}
		if Count(b.String()) <= budget {
			return b.String()
		}
	}
	return ""
}

// line is how a text stands in a summary.
func line(t *Text, said string) string {
	if said == "" {
		return ""
	}
	return cmp.Or(t.Name, t.Role, "-") + ": " + said + "\n"
}

// excerpt is what stands for a text: two of its sentences or fewer that hold
// its essence, else all of it. What is over limit, in tokens by estimate, is
// cut to the sentences that say the most.
func (x *index) excerpt(text string, wanted []float64, limit int) string {
	parts := sentences(text)
	says := make([]float64, len(parts))
	order := make([]int, len(parts))
	total, tokens := 0.0, 0
	for i, part := range parts {
		order[i] = i
		eachTerm(part, func(term []byte, _ bool) {
			if id, known := x.terms[string(term)]; known {
				says[i] += x.says(id)
				if wanted != nil {
					says[i] += wanted[id]
				}
			}
		})
		total += says[i]
		tokens += Estimate(part)
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(says[b], says[a]) })
	held := 0.0
	for n, i := range order[:min(2, len(order))] {
		if held += says[i]; held >= essence*total {
			return pick(parts, order[:n+1], limit)
		}
	}
	if tokens <= limit {
		return strings.TrimSpace(text)
	}
	return pick(parts, order, limit)
}

// pick puts together parts in their order: of those named, best first, those
// that fit.
func pick(parts []string, order []int, limit int) string {
	taken := make([]bool, len(parts))
	for n, i := range order {
		tokens := Estimate(parts[i])
		if tokens > limit && n == 0 {
			return clip(strings.TrimSpace(parts[i]), limit)
		}
		if tokens <= limit {
			taken[i] = true
			limit -= tokens
		}
	}
	var b strings.Builder
	for i, part := range parts {
		if taken[i] {
			b.WriteString(part)
			if last := part[len(part)-1]; last != ' ' && last != '\n' {
				b.WriteByte(' ')
			}
		}
	}
	return strings.TrimSpace(b.String())
}

// clip is the beginning of a sentence in about so many tokens, at a space where
// there is one.
func clip(s string, tokens int) string {
	end := len(s) * tokens / max(1, Estimate(s)+1)
	for end > 0 && !utf8.RuneStart(s[end]) {
		end--
	}
	if space := strings.LastIndexByte(s[:end], ' '); space > end/2 {
		end = space
	}
	return s[:end]
}

// sentences cuts s behind each full stop, question or exclamation mark before
// a space, behind its like in other scripts, and behind the end of a line. The
// parts together are s.
func sentences(s string) []string {
	var parts []string
	begin := 0
	stop := false
	for i, r := range s {
		switch {
		case stop && unicode.IsSpace(r), strings.ContainsRune("\n。！？।", r):
			end := i + utf8.RuneLen(r)
			parts = append(parts, s[begin:end])
			begin, stop = end, false
		case strings.ContainsRune(".!?", r):
			stop = true
		case !strings.ContainsRune(`"')]`, r):
			stop = false
		}
	}
	if begin < len(s) {
		parts = append(parts, s[begin:])
	}
	return parts
}
