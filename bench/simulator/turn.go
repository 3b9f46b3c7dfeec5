package simulator

import (
	"slices"
	"strings"
)

// turn is a message of a conversation, in no dialect.
type turn struct {
	role  string // system, user, assistant, tool
	path  string // in the request
	items []item
}

// item is a piece of a turn.
type item struct {
	kind itemKind
	text string // of a text, a result or a thought
	id   string // of a call, or of the call that a result is for
	name string // of a call, or of a result where the API wants it
	sign string // of a thought or a call: what proves that it is ours
	path string
	pics int // in a result
}

type itemKind int

const (
	itemText itemKind = iota
	itemImage
	itemFile
	itemCall
	itemResult
	itemThought
)

func (t turn) of(kind itemKind) []item {
	return slices.DeleteFunc(slices.Clone(t.items), func(i item) bool { return i.kind != kind })
}

func (t turn) text() string {
	var texts []string
	for _, i := range t.items {
		if (i.kind == itemText || i.kind == itemResult) && i.text != "" {
			texts = append(texts, i.text)
		}
	}
	return strings.Join(texts, "\n")
}

// follow reads from a conversation what the answer depends on.
func (a *ask) follow(turns []turn) {
	var results []string
	for _, t := range turns {
		a.texts = append(a.texts, t.text())
		if t.role == "assistant" {
			results = nil
		}
		if own := t.of(itemText); t.role == "user" && len(own) > 0 {
			a.user = turn{items: own}.text()
		}
		for _, i := range t.items {
			switch i.kind {
			case itemImage:
				a.images++
			case itemFile:
				a.files++
			case itemResult:
				results = append(results, i.text)
				a.images += i.pics
			}
		}
	}
	// A new question after a tool's result has to come in a turn of its own.
	last := turns[len(turns)-1]
	if len(last.of(itemResult)) > 0 {
		all := strings.Join(results, " | ")
		a.result = &all
	}
	a.count()
}

// alternating wants turns of the user and the assistant to take each other's place, the user first.
func alternating(turns []turn) *flaw {
	want := "user"
	for _, t := range turns {
		switch {
		case t.role == want:
		case t.path == turns[0].path:
			return wrong(t.path, "A conversation must start with a user message. Try again with a conversation that starts with a user message.")
		default:
			return wrong(t.path, "roles must alternate between \"user\" and \"assistant\", but found multiple %q roles in a row", t.role)
		}
		want = map[string]string{"user": "assistant", "assistant": "user"}[want]
	}
	return nil
}

// grouped wants all results of a turn's calls at the start of the turn behind it, and no others.
func grouped(turns []turn) *flaw {
	var open []item
	for _, t := range turns {
		for n, result := range t.of(itemResult) {
			i := slices.IndexFunc(open, func(c item) bool { return c.id == result.id })
			switch {
			case i < 0:
				return wrong(result.path, "unexpected `tool_use_id` found in `tool_result` blocks: %s. Each `tool_result` block must have a corresponding `tool_use` block in the previous message.", result.id)
			case t.items[n].kind != itemResult:
				return wrong(t.path, "`tool_result` blocks must come before other content")
			}
			open = slices.Delete(open, i, i+1)
		}
		if len(open) > 0 {
			return wrong(t.path, "`tool_use` ids were found without `tool_result` blocks immediately after: %s. Each `tool_use` block must have a corresponding `tool_result` block in the next message.", ids(open))
		}
		open = t.of(itemCall)
		if bad := distinct(open); bad != nil {
			return bad
		}
	}
	if len(open) > 0 {
		return wrong(turns[len(turns)-1].path, "`tool_use` ids were found without `tool_result` blocks immediately after: %s.", ids(open))
	}
	return nil
}

// paired wants a tool turn for each call right behind the turn with the calls.
func paired(turns []turn) *flaw {
	var open []item
	for _, t := range turns {
		results := t.of(itemResult)
		for _, result := range results {
			i := slices.IndexFunc(open, func(c item) bool { return c.id == result.id })
			if i < 0 {
				return wrong(t.path, "messages with role 'tool' must be a response to a preceding message with 'tool_calls': %s", result.id)
			}
			open = slices.Delete(open, i, i+1)
		}
		if len(results) > 0 {
			continue
		}
		if len(open) > 0 {
			return wrong(t.path, "An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'. The following tool_call_ids did not have response messages: %s", ids(open))
		}
		open = t.of(itemCall)
		if bad := distinct(open); bad != nil {
			return bad
		}
	}
	if len(open) > 0 {
		return wrong(turns[len(turns)-1].path, "An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'. The following tool_call_ids did not have response messages: %s", ids(open))
	}
	return nil
}

func ids(calls []item) string {
	var all []string
	for _, c := range calls {
		all = append(all, c.id)
	}
	return strings.Join(all, ", ")
}

func distinct(calls []item) *flaw {
	seen := map[string]bool{}
	for _, c := range calls {
		if seen[c.id] {
			return wrong(c.path, "tool call ids must be unique: %s is there twice", c.id)
		}
		seen[c.id] = true
	}
	return nil
}

// signed wants every thought to be as it was given out.
func signed(d dialect, turns []turn) *flaw {
	for _, t := range turns {
		for _, i := range t.of(itemThought) {
			if i.sign != signature(d, i.text) {
				return wrong(i.path, "Invalid `signature` in `thinking` block")
			}
		}
	}
	return nil
}

// knownTools wants names of tools to be unique and the chosen one to be among them.
func (a *ask) knownTools(path string) *flaw {
	seen := map[string]bool{}
	for _, t := range a.tools {
		if seen[t.name] {
			return wrong(path, "Tool names must be unique: %s", t.name)
		}
		seen[t.name] = true
	}
	if name, named := strings.CutPrefix(a.choose, namedTool); named && !seen[name] {
		return wrong(path, "Tool '%s' not found in provided tools", name)
	}
	if a.choose == "required" && len(a.tools) == 0 {
		return wrong(path, "a tool is required, but none is given")
	}
	return nil
}
