package conversation

import (
	"cmp"
	"slices"
)

// Select returns, ascending, the indexes of the texts to keep: all of role
// system and the last recent ones, with what they are grouped with, even when
// these alone are over budget; then those that matter most for query while
// they fit into budget, in tokens. Everything when it fits. The same arguments
// always give the same answer.
func Select(texts []Text, query string, budget, recent int) []int {
	s := selection{texts: texts, keep: make([]bool, len(texts)), left: budget}
	total := 0
	for i := range texts {
		total += texts[i].Tokens
	}
	if total <= budget {
		for i := range s.keep {
			s.keep[i] = true
		}
		return s.kept()
	}
	blocks := grouped(texts)
	optional := blocks[:0:0]
	for _, block := range blocks {
		fixed := func(i int) bool { return texts[i].Role == "system" || i >= len(texts)-recent }
		if slices.ContainsFunc(block, fixed) {
			s.take(block)
		} else {
			optional = append(optional, block)
		}
	}
	if s.left > 0 && len(optional) > 0 {
		s.fill(optional, relevance(texts, query))
	}
	return s.kept()
}

// selection is what is kept of texts, and the tokens that are left.
type selection struct {
	texts []Text
	keep  []bool
	left  int
}

// fill takes the blocks that fit, the best first.
func (s *selection) fill(blocks [][]int, scores []float64) {
	best := func(block []int) float64 {
		score := scores[block[0]]
		for _, i := range block[1:] {
			score = max(score, scores[i])
		}
		return score
	}
	slices.SortFunc(blocks, func(a, b []int) int {
		return cmp.Or(cmp.Compare(best(b), best(a)), cmp.Compare(b[0], a[0])) // of equals the later
	})
	for _, block := range blocks {
		if s.cost(block) <= s.left {
			s.take(block)
		}
	}
}

func (s *selection) cost(block []int) int {
	tokens := 0
	for _, i := range block {
		tokens += s.texts[i].Tokens
	}
	return tokens
}

func (s *selection) take(block []int) {
	s.left -= s.cost(block)
	for _, i := range block {
		s.keep[i] = true
	}
}

func (s *selection) kept() []int {
	var kept []int
	for i, keep := range s.keep {
		if keep {
			kept = append(kept, i)
		}
	}
	return kept
}

// grouped lists the texts that go together, each block by its first text.
func grouped(texts []Text) [][]int {
	blocks := make([][]int, 0, len(texts))
	of := map[int]int{}
	all := make([]int, len(texts))
	for i := range texts {
		all[i] = i
		if block, known := of[texts[i].Group]; known && texts[i].Group > 0 {
			blocks[block] = append(blocks[block], i)
			continue
		}
		of[texts[i].Group] = len(blocks)
		blocks = append(blocks, all[i:i+1:i+1])
	}
	return blocks
}
