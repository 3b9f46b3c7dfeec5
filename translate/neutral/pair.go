package neutral

// settleCalls applies Pair and ResultsFirst. A stretch of the history is a run
// of assistant turns with the turns up to the next one: the results of its
// calls belong there.
func settleCalls(turns []Turn, rules *Rules) []Turn {
	var out []Turn
	for i := 0; i < len(turns); {
		answers := i
		for answers < len(turns) && turns[answers].Role == Assistant {
			answers++
		}
		next := answers
		for next < len(turns) && turns[next].Role != Assistant {
			next++
		}
		settled := isSettled(turns[i:answers], turns[answers:next])
		if !settled && out == nil {
			out = append(make([]Turn, 0, len(turns)+1), turns[:i]...)
		}
		switch {
		case !settled:
			out = append(out, turns[i:answers]...)
			out = appendSettled(out, turns[i:answers], turns[answers:next], rules)
		case out != nil:
			out = append(out, turns[i:next]...)
		}
		i = next
	}
	if out == nil {
		return turns
	}
	return out
}

// isSettled reports whether the turn after the calls begins with their
// results, one for each and in order, and no other result follows: then there
// is nothing to do by any rule.
func isSettled(calls, answers []Turn) bool {
	var first []Block
	if len(answers) > 0 && answers[0].Role == User {
		first = answers[0].Blocks
	}
	results := 0
	for i := range calls {
		for j := range calls[i].Blocks {
			call := &calls[i].Blocks[j]
			if call.Kind != ToolUse {
				continue
			}
			if results >= len(first) || first[results].Kind != ToolResult || first[results].ID != call.ID {
				return false
			}
			results++
		}
	}
	for i := range answers {
		for j := range answers[i].Blocks {
			if answers[i].Blocks[j].Kind == ToolResult && (i > 0 || j >= results) {
				return false
			}
		}
	}
	return true
}

// appendSettled appends answers with the results as the rules want them.
func appendSettled(dst, calls, answers []Turn, rules *Rules) []Turn {
	m := matchResults(calls, answers)
	front := m.front(rules)
	rest := make([]Turn, 0, len(answers)+1)
	user := -1 // the turn that takes what goes to the front
	n := 0
	for i := range answers {
		turn := answers[i]
		blocks := make([]Block, 0, len(turn.Blocks)+len(front))
		for j := range turn.Blocks {
			b := &turn.Blocks[j]
			if b.Kind != ToolResult {
				blocks = append(blocks, *b)
				continue
			}
			owned := m.owner[n] >= 0
			n++
			switch {
			case owned && rules.ResultsFirst: // it is in front
			case !owned && rules.Pair:
				blocks = appendResultText(blocks, b, b.Name)
			default:
				blocks = append(blocks, *b)
			}
		}
		if len(blocks) == 0 && len(turn.Blocks) > 0 && (i > 0 || turn.Role != User) {
			continue
		}
		turn.Blocks = blocks
		if user < 0 && turn.Role == User && (i == 0 || !rules.ResultsFirst) {
			user = len(rest)
		}
		rest = append(rest, turn)
	}
	return appendFront(dst, rest, front, user)
}

// appendFront appends turns with the results front in the turn of index user,
// after those that lead it, or in a new one before all if that is negative.
func appendFront(dst, turns []Turn, front []Block, user int) []Turn {
	switch {
	case len(front) == 0:
	case user < 0:
		dst = append(dst, Turn{Role: User, Blocks: front})
	default:
		blocks := turns[user].Blocks
		leading := 0
		for leading < len(blocks) && blocks[leading].Kind == ToolResult {
			leading++
		}
		all := append(make([]Block, 0, len(blocks)+len(front)), blocks[:leading]...)
		all = append(append(all, front...), blocks[leading:]...)
		turns[user].Blocks = all
	}
	return append(dst, turns...)
}

// match is which call each result of a stretch answers.
type match struct {
	calls   []*Block
	results []*Block
	owner   []int // of a result: the index of its call, or -1
	answer  []int // of a call: the index of its result, or -1
}

func matchResults(calls, answers []Turn) *match {
	m := &match{calls: blocksOf(calls, ToolUse), results: blocksOf(answers, ToolResult)}
	m.owner, m.answer = make([]int, len(m.results)), make([]int, len(m.calls))
	open := make(map[string][]int, len(m.calls)) // by ID, in order
	for i, call := range m.calls {
		m.answer[i] = -1
		open[call.ID] = append(open[call.ID], i)
	}
	for i, result := range m.results {
		m.owner[i] = -1
		if waiting := open[result.ID]; len(waiting) > 0 {
			m.owner[i], m.answer[waiting[0]] = waiting[0], i
			open[result.ID] = waiting[1:]
		}
	}
	return m
}

// blocksOf returns the blocks of a kind in turns.
func blocksOf(turns []Turn, kind BlockKind) []*Block {
	var all []*Block
	for i := range turns {
		for j := range turns[i].Blocks {
			if turns[i].Blocks[j].Kind == kind {
				all = append(all, &turns[i].Blocks[j])
			}
		}
	}
	return all
}

// front returns the results that the rules bring to the front, in the order of
// the calls: all that there are, or only those that had to be made up.
func (m *match) front(rules *Rules) []Block {
	var blocks []Block
	for i, call := range m.calls {
		switch answer := m.answer[i]; {
		case answer < 0 && rules.Pair:
			blocks = append(blocks, Block{
				Kind: ToolResult, ID: call.ID, Name: call.Name, Failed: true,
				Content: []Block{textBlock("This call has no result: it was interrupted.")},
			})
		case answer >= 0 && rules.ResultsFirst:
			blocks = append(blocks, *m.results[answer])
		}
	}
	return blocks
}

// flattenTools turns calls and results into text.
func flattenTools(turns []Turn) []Turn {
	var names map[string]string // by the ID of the call
	isTool := func(b *Block) bool {
		if b.Kind == ToolUse {
			if names == nil {
				names = make(map[string]string)
			}
			names[b.ID] = b.Name
		}
		return b.Kind == ToolUse || b.Kind == ToolResult
	}
	return rewrite(turns, isTool, func(dst []Block, b *Block) []Block {
		if b.Kind == ToolUse {
			return append(dst, callText(b))
		}
		name := b.Name
		if name == "" {
			name = names[b.ID]
		}
		return appendResultText(dst, b, name)
	})
}

// callText is a call as text.
func callText(b *Block) Block {
	text := append([]byte("[Tool call "), b.Name...)
	text = append(text, ": "...)
	text = append(text, b.Arguments...)
	return Block{Kind: Text, Text: append(text, ']'), Breakpoint: b.Breakpoint}
}

// appendResultText appends the result b of a call of name as text, followed by
// what in it is none.
func appendResultText(dst []Block, b *Block, name string) []Block {
	text := []byte("[Tool result")
	if b.Failed {
		text = []byte("[Tool error")
	}
	if name != "" {
		text = append(append(text, ' '), name...)
	}
	text = append(text, ": "...)
	text = append(text, JoinText(b.Content, "\n")...)
	dst = append(dst, Block{Kind: Text, Text: append(text, ']')})
	for i := range b.Content {
		if b.Content[i].Kind != Text {
			dst = append(dst, b.Content[i])
		}
	}
	dst[len(dst)-1].Breakpoint = b.Breakpoint
	return dst
}
