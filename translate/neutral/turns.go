package neutral

import "bytes"

// Rules are what a provider demands of a history.
type Rules struct {
	// Merge joins turns of one role in a row. ResultsFirst puts the results of
	// a turn's calls before its other blocks, in the order of the calls, all
	// of them in the one user turn after it.
	Merge, ResultsFirst bool
	// Pair makes every call have its result and the reverse: a missing result
	// becomes one that says so (Failed), an orphan becomes text.
	Pair bool
	// UserFirst puts a user turn before a leading assistant turn.
	UserFirst bool
	// MidSystem: system turns between others become a user's text, marked, in
	// their place. Leading ones join the system blocks.
	MidSystem bool
	// NoBlank drops text blocks that are empty or white space, and turns that
	// have nothing left. The breakpoint of such a block moves to the one
	// before it.
	NoBlank bool
	// FlattenTools turns calls and results into text (no tools are declared).
	FlattenTools bool
	// NeedUser: with only a system prompt, its last block becomes the user's.
	NeedUser bool
	// Origin: thinking and signatures of other dialects are left out, and
	// turns that have nothing left. Empty leaves all in.
	Origin string
}

// Arrange returns the system blocks and turns of r as the rules demand. r is
// not changed; what the rules leave alone is shared with it.
func Arrange(r *Request, rules Rules) (system []Block, turns []Turn) {
	system, turns = r.System, r.Turns
	if rules.FlattenTools {
		turns = flattenTools(turns)
	}
	if rules.Origin != "" {
		turns = dropForeign(turns, rules.Origin)
	}
	if rules.NoBlank {
		system, _ = rewriteBlocks(system, hasBlank, appendFilled)
		turns = dropEmpty(rewrite(turns, hasBlank, appendFilled))
	}
	if rules.MidSystem {
		system, turns = hoistSystem(system, turns)
		turns = markSystem(turns)
	}
	if rules.Merge {
		turns = mergeTurns(turns)
	}
	if rules.Pair || rules.ResultsFirst {
		turns = settleCalls(turns, &rules)
	}
	if rules.Merge {
		turns = mergeTurns(turns) // a turn between two others may have gone
	}
	if rules.UserFirst && len(turns) > 0 && turns[0].Role == Assistant {
		turns = append([]Turn{{Role: User, Blocks: []Block{textBlock("(The assistant speaks first.)")}}}, turns...)
	}
	if last := len(system) - 1; rules.NeedUser && len(turns) == 0 && last >= 0 {
		turns = []Turn{{Role: User, Blocks: system[last:]}}
		system = system[:last:last]
	}
	return system, turns
}

func textBlock(text string) Block { return Block{Kind: Text, Text: []byte(text)} }

// JoinText joins the texts of the Text blocks among blocks with sep. A single
// text is borrowed.
func JoinText(blocks []Block, sep string) []byte {
	var joined []byte
	n := 0
	for i := range blocks {
		if blocks[i].Kind != Text {
			continue
		}
		switch n++; n {
		case 1:
			joined = blocks[i].Text
			continue
		case 2:
			joined = append(make([]byte, 0, textSize(blocks, len(sep))), joined...)
		}
		joined = append(joined, sep...)
		joined = append(joined, blocks[i].Text...)
	}
	return joined
}

// textSize is at least what the texts of blocks need with their separators.
func textSize(blocks []Block, sep int) int {
	n := 0
	for i := range blocks {
		if blocks[i].Kind == Text {
			n += len(blocks[i].Text) + sep
		}
	}
	return n
}

// The functions below return what they are given where they have nothing to
// do, and a new slice otherwise.

// rewriteBlocks puts in the place of each block that touched reports what
// become appends for it, and reports whether there was one.
func rewriteBlocks(blocks []Block, touched func(*Block) bool, become func(dst []Block, b *Block) []Block) ([]Block, bool) {
	first := 0
	for first < len(blocks) && !touched(&blocks[first]) {
		first++
	}
	if first == len(blocks) {
		return blocks, false
	}
	out := append(make([]Block, 0, len(blocks)), blocks[:first]...)
	for i := first; i < len(blocks); i++ {
		if b := &blocks[i]; touched(b) {
			out = become(out, b)
		} else {
			out = append(out, *b)
		}
	}
	return out, true
}

// rewrite does so in turns, and leaves out those that lose all their blocks.
func rewrite(turns []Turn, touched func(*Block) bool, become func(dst []Block, b *Block) []Block) []Turn {
	var out []Turn
	for i := range turns {
		blocks, changed := rewriteBlocks(turns[i].Blocks, touched, become)
		if changed && out == nil {
			out = append(make([]Turn, 0, len(turns)), turns[:i]...)
		}
		if out != nil && (!changed || len(blocks) > 0) {
			turn := turns[i]
			turn.Blocks = blocks
			out = append(out, turn)
		}
	}
	if out == nil {
		return turns
	}
	return out
}

// dropForeign leaves out the thinking and the signatures that origin did not
// make.
func dropForeign(turns []Turn, origin string) []Turn {
	touched := func(b *Block) bool {
		return b.Origin != origin && (b.Kind == Thinking || len(b.Signature) > 0)
	}
	return rewrite(turns, touched, func(dst []Block, b *Block) []Block {
		if b.Kind != Thinking {
			dst = append(dst, *b)
			dst[len(dst)-1].Signature = nil
		}
		return dst
	})
}

func isBlank(b *Block) bool {
	return (b.Kind == Text || b.Kind == Refusal) && len(bytes.TrimSpace(b.Text)) == 0
}

// hasBlank reports whether b is blank text or a result with such in it.
func hasBlank(b *Block) bool {
	if b.Kind == ToolResult {
		for i := range b.Content {
			if isBlank(&b.Content[i]) {
				return true
			}
		}
	}
	return isBlank(b)
}

// appendFilled appends b, which hasBlank, without what is blank.
func appendFilled(dst []Block, b *Block) []Block {
	if b.Kind == ToolResult {
		dst = append(dst, *b)
		dst[len(dst)-1].Content, _ = rewriteBlocks(b.Content, isBlank, appendFilled)
		return dst
	}
	if last := len(dst) - 1; b.Breakpoint.Set && last >= 0 && !dst[last].Breakpoint.Set {
		dst[last].Breakpoint = b.Breakpoint
	}
	return dst
}

func dropEmpty(turns []Turn) []Turn {
	first := 0
	for first < len(turns) && len(turns[first].Blocks) > 0 {
		first++
	}
	if first == len(turns) {
		return turns
	}
	out := append(make([]Turn, 0, len(turns)-1), turns[:first]...)
	for i := first; i < len(turns); i++ {
		if len(turns[i].Blocks) > 0 {
			out = append(out, turns[i])
		}
	}
	return out
}

// hoistSystem moves leading system turns to the system blocks.
func hoistSystem(system []Block, turns []Turn) ([]Block, []Turn) {
	leading := 0
	for leading < len(turns) && turns[leading].Role == System {
		leading++
	}
	if leading == 0 {
		return system, turns
	}
	all := append(make([]Block, 0, len(system)+leading), system...)
	for i := range leading {
		all = append(all, turns[i].Blocks...)
	}
	return all, turns[leading:]
}

// markSystem makes user turns of system turns. The mark tells the model who
// speaks; a user can write it too, so it gives no more trust than that.
func markSystem(turns []Turn) []Turn {
	var out []Turn
	for i := range turns {
		if turns[i].Role != System {
			continue
		}
		if out == nil {
			out = append(make([]Turn, 0, len(turns)), turns...)
		}
		out[i].Role = User
		out[i].Blocks, _ = rewriteBlocks(turns[i].Blocks, isText, appendMarked)
	}
	if out == nil {
		return turns
	}
	return out
}

func isText(b *Block) bool { return b.Kind == Text }

func appendMarked(dst []Block, b *Block) []Block {
	const before, after = "<system>\n", "\n</system>"
	text := append(make([]byte, 0, len(before)+len(b.Text)+len(after)), before...)
	text = append(append(text, b.Text...), after...)
	dst = append(dst, *b)
	dst[len(dst)-1].Text = text
	return dst
}

// mergeTurns joins neighbours of one role; they keep a name that all of them
// have.
func mergeTurns(turns []Turn) []Turn {
	var out []Turn
	for i := 0; i < len(turns); {
		next, blocks := i+1, len(turns[i].Blocks)
		for next < len(turns) && turns[next].Role == turns[i].Role {
			blocks += len(turns[next].Blocks)
			next++
		}
		if out == nil && next > i+1 {
			out = append(make([]Turn, 0, len(turns)-1), turns[:i]...)
		}
		if out != nil {
			out = append(out, joinTurns(turns[i:next], blocks))
		}
		i = next
	}
	if out == nil {
		return turns
	}
	return out
}

// joinTurns joins turns, which have so many blocks.
func joinTurns(turns []Turn, blocks int) Turn {
	joined := turns[0]
	if len(turns) == 1 {
		return joined
	}
	joined.Blocks = make([]Block, 0, blocks)
	for i := range turns {
		joined.Blocks = append(joined.Blocks, turns[i].Blocks...)
		if turns[i].Name != joined.Name {
			joined.Name = ""
		}
	}
	return joined
}
