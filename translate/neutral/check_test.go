package neutral

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ai-mcp-gateway/gateway/translate"
)

var someTurns = []Turn{{Role: User, Blocks: []Block{textBlock("hi")}}}

func testCheck(t *testing.T, r Request, param string) *translate.Error {
	t.Helper()
	err := Check(&r)
	switch {
	case err == nil && param != "":
		t.Errorf("%+v: accepted", r)
	case err != nil && (err.Param != param || err.Code != translate.CallerInvalidField):
		t.Errorf("%+v: %v of %q", r, err, err.Param)
	}
	return err
}

func TestEdge005_NoMessages(t *testing.T) {
	if err := testCheck(t, Request{}, "messages"); err != nil && err.Reason != "empty_array" {
		t.Errorf("reason %q", err.Reason)
	}
	testCheck(t, Request{System: []Block{textBlock("be")}}, "")
	testCheck(t, Request{Turns: someTurns}, "")
}

func TestEdge062_DuplicateTools(t *testing.T) {
	testCheck(t, Request{Turns: someTurns, Tools: []Tool{{Name: "a"}, {Name: "b"}, {Name: "a"}}}, "tools")
	testCheck(t, Request{Turns: someTurns, Tools: []Tool{{Name: "mcp", Server: true}, {Name: "b"}, {Name: "mcp", Server: true}}}, "")
}

func TestEdge050_NoTools(t *testing.T) {
	r := Request{Turns: someTurns, Tools: []Tool{}, Choice: ToolChoice{Mode: ChoiceRequired, Names: []string{"a"}}, Parallel: Off}
	if err := Check(&r); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(Request{Turns: someTurns}, r); diff != "" {
		t.Error(diff)
	}
}

func TestCheck_Choice(t *testing.T) {
	tools := []Tool{{Name: "a"}, {Name: "web", Server: true}}
	f := func(param string, tools []Tool, choice ToolChoice) {
		t.Helper()
		testCheck(t, Request{Turns: someTurns, Tools: tools, Choice: choice}, param)
	}
	f("", tools, ToolChoice{Mode: ChoiceNamed, Names: []string{"a"}})
	f("", tools, ToolChoice{Mode: ChoiceAuto, Names: []string{"web", "a"}})
	f("", tools, ToolChoice{Mode: ChoiceRequired})
	f("tool_choice", tools, ToolChoice{Mode: ChoiceNamed, Names: []string{"b"}})
	f("tool_choice", tools, ToolChoice{Mode: ChoiceNamed})
	f("tool_choice", tools, ToolChoice{Mode: ChoiceAuto, Names: []string{"a", "b"}})
	f("tool_choice", nil, ToolChoice{Mode: ChoiceNamed, Names: []string{"a"}})
}
