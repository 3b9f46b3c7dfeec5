package simulator

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/tidwall/gjson"
)

// output is one choice of an answer, in no dialect.
type output struct {
	thoughts []string // before all else
	pieces   []string
	calls    []call
	finish   finish
	stop     string // the stop sequence that ended it
	count    int    // tokens, if not as many as pieces
}

type call struct {
	id        string // without the dialect's prefix
	bare      bool   // the id goes without one
	name      string
	arguments string // a JSON object
}

type finish int

const (
	finishStop finish = iota
	finishSequence
	finishLength
	finishTools
	finishRefusal // the model would not: pieces say so
	finishFilter  // the provider would not: pieces are what came before it stepped in
)

// compose makes one choice.
func (s *Server) compose(a *ask, choice int, p *plan) output {
	out := output{}
	if a.think || p.thinking {
		out.thoughts = pieces("Let me think about it. " + sentence(mix(a.seed, uint64(choice))))
	}
	if p.refusal {
		out.pieces, out.finish = pieces("I cannot help with that, said the simulator."), finishRefusal
		return out
	}
	if out.calls = a.calls(choice); out.calls != nil {
		out.finish = finishTools
		for i := range out.calls {
			if c := &out.calls[i]; p.strict == "mistral" {
				c.id, c.bare = c.id[:9], true
			}
		}
		if p.preamble {
			out.pieces = pieces("I will look that up.")
		}
		return out
	}
	text := s.text(a, choice, p)
	for _, stop := range a.stop {
		if before, _, found := strings.Cut(text, stop); found && stop != "" {
			text, out.finish, out.stop = before, finishSequence, stop
		}
	}
	out.pieces = pieces(text)
	if p.tokens > 0 {
		for i := 0; len(out.pieces) < p.tokens; i++ {
			out.pieces = append(out.pieces, words[i%len(words)])
		}
		out.pieces = out.pieces[:p.tokens]
	}
	if p.huge != 0 {
		out.pieces = slices.Insert(out.pieces, len(out.pieces)/2, fillMark)
	}
	if a.maxTokens > 0 && len(out.pieces) > a.maxTokens {
		out.pieces, out.finish = out.pieces[:a.maxTokens], finishLength
	}
	if p.filter {
		out.pieces, out.finish, out.stop = out.pieces[:len(out.pieces)/2], finishFilter, ""
	}
	return out
}

// calls returns the tool calls to answer with: those that are forced, or those that the user asks for by name,
// or the first if the user speaks of a tool. An answer to a tool's result calls none.
func (a *ask) calls(choice int) []call {
	if len(a.tools) == 0 || a.choose == "none" || a.result != nil && a.choose == "auto" {
		return nil
	}
	var asked []tool
	name, named := strings.CutPrefix(a.choose, namedTool)
	user := strings.ToLower(a.user)
	for _, t := range a.tools {
		plain := strings.ToLower(t.name)
		mentioned := mentions(user, plain) || mentions(user, strings.ReplaceAll(plain, "_", " "))
		if named && t.name == name || !named && mentioned {
			asked = append(asked, t)
		}
	}
	if len(asked) == 0 && (a.choose == "required" || mentions(user, "tool")) {
		asked = a.tools[:1]
	}
	if !a.parallel && len(asked) > 1 {
		asked = asked[:1]
	}
	var calls []call
	for i, t := range asked {
		seed := mix(a.seed, uint64(choice), uint64(i))
		arguments := generate(t.schema, seed)
		if !strings.HasPrefix(arguments, "{") {
			arguments = "{}"
		}
		calls = append(calls, call{id: letters(seed, 24), name: t.name, arguments: arguments})
	}
	return calls
}

// mentions reports whether the word stands in the text by itself.
func mentions(text, word string) bool {
	isLetter := func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) || r == '_' }
	for word != "" {
		before, after, found := strings.Cut(text, word)
		if !found {
			return false
		}
		left, _ := utf8.DecodeLastRuneInString(before)
		right, _ := utf8.DecodeRuneInString(after)
		if !isLetter(left) && !isLetter(right) {
			return true
		}
		text = after
	}
	return false
}

// text returns what the model says.
func (s *Server) text(a *ask, choice int, p *plan) string {
	seed := mix(s.config.Seed, hash([]byte(strings.Join(a.texts, "\n"))), uint64(a.skill), uint64(choice))
	mark := "[simulated " + a.model + "]"
	if a.images+a.files > 0 {
		mark += fmt.Sprintf(" (images: %d, files: %d)", a.images, a.files)
	}
	switch {
	case a.schema != nil:
		return generate(a.schema, seed)
	case a.object:
		return `{"simulated":true,"model":` + string(quote(a.model)) + `,"answer":` + string(quote(sentence(seed))) + `}`
	case a.result != nil:
		return fmt.Sprintf("%s The tool returned: %s", mark, clip(*a.result, 200))
	}
	for i := len(a.texts) - 1; i >= 0; i-- {
		if task, ok := findTask(a.texts[i]); ok {
			own := task.answer(s.config.Seed, a.skill)
			if shown, reviews := reviewed(a.texts[i]); reviews {
				return verdict(own, shown)
			}
			return own
		}
	}
	text := fmt.Sprintf("%s You wrote: %q. No model was asked; this text stands for an answer. %s %s",
		mark, clip(a.user, 80), sentence(seed), sentence(seed+1))
	if p.utf8 {
		text += " Naïve café, Straße, 你好世界, emoji 🙂👩‍👩‍👧, math ∑√∞."
	}
	return text
}

// reviewed is the answer that a text asks to be reviewed: what stands behind the last line "Answer:" up to a line of
// dashes.
func reviewed(text string) (answer string, ok bool) {
	_, rest, ok := strings.Cut(text, "\nAnswer:\n")
	if !ok {
		return "", false
	}
	answer, _, _ = strings.Cut(rest, "\n-----")
	return strings.TrimSpace(answer), true
}

// verdict is that of a reviewer who has worked out an answer of its own.
func verdict(own, shown string) string {
	if own == shown {
		return `{"agree":true,"issues":[],"confidence":0.9}`
	}
	return `{"agree":false,"issues":["I get another result."],"confidence":0.9}`
}

func clip(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:n]) + "…"
	}
	return s
}

// words fill answers of a given length.
var words = []string{
	" and", " the", " gateway", " keeps", " the", " thread", " while", " a", " cheap", " model", " writes", " plain", " words",
	" that", " cost", " nothing", " at", " all",
}

var sentences = []string{
	"The cheapest tier that will do is the right one.",
	"A short answer is often enough.",
	"Nothing in this text was thought by anybody.",
	"Ask the same again and the same comes back.",
	"Another seed would say something else.",
	"Point the gateway at a real provider for a real answer.",
	"The words are chosen by a hash of the prompt.",
	"It costs nothing and it is always polite.",
}

func sentence(seed uint64) string { return sentences[seed%uint64(len(sentences))] }

// usage is what an answer is said to have cost, in tokens.
type usage struct{ prompt, cached, completion, reasoning int }

func (a *ask) usage(outs []output, p *plan) usage {
	u := usage{prompt: max(a.promptTokens, p.cached), cached: p.cached, completion: p.reasoning, reasoning: p.reasoning}
	for _, out := range outs {
		u.completion += out.tokens() + len(out.thoughts)
		u.reasoning += len(out.thoughts)
	}
	return u
}

func (out output) tokens() int {
	n := cmp.Or(out.count, len(out.pieces))
	for _, c := range out.calls {
		n += 8 + len(pieces(c.arguments))
	}
	return n
}

// compact returns the JSON without white space, for schemas and arguments that are copied into answers.
func compact(json string) string { return gjson.Get(json, "@ugly").Raw }
