package neutral

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// strictRules are those of Anthropic and Bedrock.
var strictRules = Rules{
	Merge: true, ResultsFirst: true, Pair: true, UserFirst: true, MidSystem: true,
	NoBlank: true, NeedUser: true, Origin: "anthropic",
}

// history reads turns in short: one a line, "u:" "a:" or "s:" and blocks
// between bars. A block is text, +id a call, =id a result, ~origin a thought
// or *origin a call with a signature, and #mime an image.
func history(text string) []Turn {
	var turns []Turn
	for line := range strings.Lines(text) {
		role, rest, found := strings.Cut(strings.TrimSpace(line), ":")
		if !found {
			continue
		}
		turn := Turn{Role: map[string]Role{"u": User, "a": Assistant, "s": System}[role]}
		if rest != "" {
			for block := range strings.SplitSeq(rest, "|") {
				turn.Blocks = append(turn.Blocks, shortBlock(block))
			}
		}
		turns = append(turns, turn)
	}
	return turns
}

func shortBlock(text string) Block {
	if text != "" {
		rest := text[1:]
		switch text[0] {
		case '+':
			return Block{Kind: ToolUse, ID: rest, Name: "f" + rest, Arguments: []byte("{}")}
		case '=':
			return Block{Kind: ToolResult, ID: rest, Content: []Block{textBlock("r" + rest)}}
		case '~':
			return Block{Kind: Thinking, Text: []byte("hm"), Signature: []byte("sig"), Origin: rest}
		case '*':
			return Block{Kind: ToolUse, ID: "s", Signature: []byte("sig"), Origin: rest}
		case '#':
			return Block{Kind: Image, Media: Media{MIME: rest}}
		}
	}
	return textBlock(text)
}

// short writes turns as history reads them.
func short(turns []Turn) string {
	var out strings.Builder
	for _, turn := range turns {
		blocks := make([]string, 0, len(turn.Blocks))
		for _, b := range turn.Blocks {
			switch b.Kind {
			case ToolUse:
				if b.ID == "s" {
					b.ID = b.Origin + string(b.Signature)
				}
				blocks = append(blocks, "+"+b.ID)
			case ToolResult:
				mark := "="
				if b.Failed {
					mark = "!"
				}
				blocks = append(blocks, mark+b.ID)
			case Thinking:
				blocks = append(blocks, "~"+b.Origin)
			case Image:
				blocks = append(blocks, "#"+b.Media.MIME)
			default:
				blocks = append(blocks, string(b.Text))
			}
		}
		out.WriteString([]string{"", "u:", "a:", "s:"}[turn.Role] + strings.Join(blocks, "|") + "\n")
	}
	return out.String()
}

// testArrange checks the turns, that the request stays as it is and that
// nothing is left to do.
func testArrange(t *testing.T, rules Rules, in, want string) []Turn {
	t.Helper()
	r, same := Request{Turns: history(in)}, Request{Turns: history(in)}
	system, turns := Arrange(&r, rules)
	if diff := cmp.Diff(short(history(want)), strings.ReplaceAll(short(turns), "!", "=")); diff != "" {
		t.Errorf("%s\nbecomes %s", in, diff)
	}
	if diff := cmp.Diff(same, r); diff != "" {
		t.Errorf("%s\nis changed: %s", in, diff)
	}
	_, again := Arrange(&Request{System: system, Turns: turns}, rules)
	if diff := cmp.Diff(short(turns), short(again)); diff != "" {
		t.Errorf("%s\nis not settled: %s", in, diff)
	}
	return turns
}

func TestEdge001_LeadingSystem(t *testing.T) {
	r := Request{System: []Block{textBlock("one")}, Turns: history("s:two|three\ns:four\nu:hi")}
	system, turns := Arrange(&r, strictRules)
	if diff := cmp.Diff("s:one|two|three|four\nu:hi\n", short([]Turn{{Role: System, Blocks: system}})+short(turns)); diff != "" {
		t.Error(diff)
	}
}

func TestEdge002_MidSystem(t *testing.T) {
	r := Request{Turns: history("u:a\na:b\ns:be|#png\nu:c")}
	_, turns := Arrange(&r, Rules{MidSystem: true})
	if got := short(turns); got != "u:a\na:b\nu:<system>\nbe\n</system>|#png\nu:c\n" {
		t.Errorf("got %s", got)
	}
	testArrange(t, Rules{}, "u:a\ns:be\nu:c", "u:a\ns:be\nu:c")
	testArrange(t, Rules{Merge: true}, "u:a\ns:be\ns:so\nu:c", "u:a\ns:be|so\nu:c")
}

func TestEdge004_OnlySystem(t *testing.T) {
	r := Request{System: []Block{textBlock("one"), textBlock("two")}}
	system, turns := Arrange(&r, Rules{NeedUser: true})
	if got := short([]Turn{{Role: System, Blocks: system}}) + short(turns); got != "s:one\nu:two\n" {
		t.Errorf("got %s", got)
	}
	if system, turns = Arrange(&r, Rules{}); len(system) != 2 || turns != nil {
		t.Errorf("without the rule: %v %v", system, turns)
	}
	if system, turns = Arrange(&Request{}, strictRules); system != nil || turns != nil {
		t.Errorf("of nothing: %v %v", system, turns)
	}
}

func TestEdge006_ConsecutiveUsers(t *testing.T) {
	testArrange(t, Rules{Merge: true}, "u:a\nu:b|c\na:d\na:e\nu:f", "u:a|b|c\na:d|e\nu:f")
	testArrange(t, Rules{}, "u:a\nu:b", "u:a\nu:b")
	r := Request{Turns: []Turn{{Role: User, Name: "x"}, {Role: User, Name: "x"}, {Role: Assistant}, {Role: User, Name: "x"}, {Role: User}}}
	if _, turns := Arrange(&r, Rules{Merge: true}); turns[0].Name != "x" || turns[2].Name != "" {
		t.Errorf("names: %+v", turns)
	}
}

func TestEdge007_AssistantFirst(t *testing.T) {
	turns := testArrange(t, Rules{UserFirst: true}, "a:hi\nu:b", "u:(The assistant speaks first.)\na:hi\nu:b")
	if strings.TrimSpace(string(turns[0].Blocks[0].Text)) == "" {
		t.Error("it is blank")
	}
	testArrange(t, Rules{}, "a:hi\nu:b", "a:hi\nu:b")
}

func TestEdge009_EmptyTextWithCalls(t *testing.T) {
	testArrange(t, strictRules, "u:a\na:|+1\nu:=1", "u:a\na:+1\nu:=1")
}

func TestEdge010_EmptyAssistant(t *testing.T) {
	testArrange(t, strictRules, "u:a\na:\nu:b", "u:a|b")
	testArrange(t, Rules{}, "u:a\na:\nu:b", "u:a\na:\nu:b")
}

func TestEdge012_BlankText(t *testing.T) {
	testArrange(t, Rules{NoBlank: true}, "u: |a|\t\nu:  \na:b| ", "u:a\na:b")
	r := Request{
		System: []Block{textBlock("one"), {Kind: Text, Text: []byte(" "), Breakpoint: Breakpoint{Set: true, TTL: "1h"}}},
		Turns: []Turn{{Role: User, Blocks: []Block{
			{Kind: ToolResult, ID: "1", Content: []Block{textBlock(""), textBlock("x"), {Kind: Refusal}}},
			{Kind: Thinking},
		}}},
	}
	system, turns := Arrange(&r, Rules{NoBlank: true})
	if diff := cmp.Diff([]Block{{Kind: Text, Text: []byte("one"), Breakpoint: Breakpoint{Set: true, TTL: "1h"}}}, system); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]Block{{Kind: ToolResult, ID: "1", Content: []Block{textBlock("x")}}, {Kind: Thinking}}, turns[0].Blocks); diff != "" {
		t.Error(diff)
	}
	if r.System[0].Breakpoint.Set || len(r.Turns[0].Blocks[0].Content) != 3 {
		t.Error("the request is changed")
	}
}

func TestEdge014_OrderOfParts(t *testing.T) {
	testArrange(t, strictRules, "u:a|#png|b", "u:a|#png|b")
}

func TestEdge017_OneTurnOfResults(t *testing.T) {
	testArrange(t, strictRules, "u:a\na:b|+1|+2|+3\nu:=1\nu:=2\nu:=3\nu:c", "u:a\na:b|+1|+2|+3\nu:=1|=2|=3|c")
	testArrange(t, Rules{ResultsFirst: true}, "a:+1|+2\nu:=1\nu:=2\nu:c", "a:+1|+2\nu:=1|=2\nu:c")
}

func TestEdge018_ResultsOutOfOrder(t *testing.T) {
	testArrange(t, strictRules, "u:a\na:+1|+2\nu:b|=2\nu:c|=1|d", "u:a\na:+1|+2\nu:=1|=2|b|c|d")
	testArrange(t, Rules{ResultsFirst: true}, "a:+1|+2\nu:=2|=1|b", "a:+1|+2\nu:=1|=2|b")
	testArrange(t, Rules{Pair: true}, "a:+1|+2\nu:=2|=1|b", "a:+1|+2\nu:=2|=1|b")
	testArrange(t, Rules{ResultsFirst: true}, "a:+1|+2\nu:b|=2\nu:=1|d", "a:+1|+2\nu:=1|=2|b\nu:d")
	testArrange(t, Rules{ResultsFirst: true}, "a:+1\ns:now\nu:=1\nu:b", "a:+1\nu:=1\ns:now\nu:b")
	testArrange(t, Rules{Merge: true, ResultsFirst: true}, "a:+1\ns:now\nu:=1\ns:then\nu:b", "a:+1\nu:=1\ns:now|then\nu:b")
	// Two calls of one ID keep their results in order.
	testArrange(t, strictRules, "u:a\na:+1|+1\nu:b|=1|=1", "u:a\na:+1|+1\nu:=1|=1|b")
}

func TestEdge019_MissingResult(t *testing.T) {
	turns := testArrange(t, strictRules, "u:a\na:+1|+2\nu:=2|b\na:+3", "u:a\na:+1|+2\nu:=1|=2|b\na:+3\nu:=3")
	made := turns[2].Blocks[0]
	if !made.Failed || made.Name != "f1" || len(JoinText(made.Content, "")) == 0 || turns[2].Blocks[1].Failed || !turns[4].Blocks[0].Failed {
		t.Errorf("got %+v", made)
	}
	testArrange(t, Rules{Pair: true}, "a:+1|+2\nu:=2|b", "a:+1|+2\nu:=2|=1|b")
	testArrange(t, Rules{Pair: true}, "a:+1\ns:now\nu:b", "a:+1\ns:now\nu:=1|b")
	testArrange(t, Rules{Pair: true}, "a:+1\ns:now\na:b", "a:+1\nu:=1\ns:now\na:b")
	testArrange(t, Rules{ResultsFirst: true}, "a:+1\nu:b", "a:+1\nu:b")
}

func TestEdge020_OrphanResult(t *testing.T) {
	testArrange(t, strictRules, "u:=1|a\na:b\nu:=2", "u:[Tool result: r1]|a\na:b\nu:[Tool result: r2]")
	testArrange(t, strictRules, "u:a\na:+1\nu:=1|=1|b", "u:a\na:+1\nu:=1|[Tool result: r1]|b")
	// One that comes too late is an orphan, and its call has none.
	testArrange(t, strictRules, "u:a\na:+1\nu:b\na:c\nu:=1", "u:a\na:+1\nu:=1|b\na:c\nu:[Tool result: r1]")
	testArrange(t, Rules{Merge: true}, "u:=1", "u:=1")
	r := Request{Turns: []Turn{{Role: User, Blocks: []Block{
		{Kind: ToolResult, ID: "1", Name: "f", Failed: true, Content: history("u:no|#png|way")[0].Blocks, Breakpoint: Breakpoint{Set: true}},
	}}}}
	_, turns := Arrange(&r, Rules{Pair: true})
	if got := short(turns); got != "u:[Tool error f: no\nway]|#png\n" || !turns[0].Blocks[1].Breakpoint.Set {
		t.Errorf("got %s", got)
	}
}

func TestEdge021_FlattenTools(t *testing.T) {
	rules := strictRules
	rules.FlattenTools = true
	testArrange(t, rules, "u:a\na:b|+1\nu:=1|c", "u:a\na:b|[Tool call f1: {}]\nu:[Tool result f1: r1]|c")
	testArrange(t, rules, "u:a\na:b", "u:a\na:b")
}

func TestEdge159_ForeignThinking(t *testing.T) {
	in := "u:a\na:~anthropic|~gemini|~|*gemini|*anthropic"
	testArrange(t, Rules{Origin: "anthropic"}, in, "u:a\na:~anthropic|+gemini|+anthropicsig")
	testArrange(t, Rules{}, in, "u:a\na:~anthropic|~gemini|~|+geminisig|+anthropicsig")
	testArrange(t, Rules{Origin: "anthropic", Merge: true}, "u:a\na:~gemini\nu:b", "u:a|b")
}

func TestJoinText(t *testing.T) {
	blocks := history("u:a|#png|b||c")[0].Blocks
	if got := string(JoinText(blocks, "--")); got != "a--b----c" {
		t.Errorf("got %q", got)
	}
	if got := JoinText(blocks[:2], "--"); &got[0] != &blocks[0].Text[0] {
		t.Error("a single text is copied")
	}
	if got := JoinText(nil, "--"); got != nil {
		t.Errorf("of nothing: %q", got)
	}
	if string(blocks[0].Text) != "a" {
		t.Error("a text is changed")
	}
}
