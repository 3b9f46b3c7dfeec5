package neutral

import (
	"fmt"
	"strings"
	"testing"
)

func TestEdge042_CallIDs(t *testing.T) {
	same := func(id, rule string) {
		t.Helper()
		if got := CallID(id, rule); got != id {
			t.Errorf("%q by %q: got %q", id, rule, got)
		}
	}
	same("", "")
	same("any thing.é", "")
	same("call_a-B9", "word")
	same(strings.Repeat("x", 64), "word")
	same("abcDEF123", "nine")

	seen := map[string]string{}
	other := func(id, rule string) {
		t.Helper()
		got := CallID(id, rule)
		if got == id || got != CallID(id, rule) || got != CallID(got, rule) || rule == "word" && !isWord(got, 64) || rule == "nine" && !isNine(got) {
			t.Errorf("%q by %q: got %q", id, rule, got)
		}
		if was, found := seen[got]; found {
			t.Errorf("%q and %q are both %q", id, was, got)
		}
		seen[got] = id
	}
	for _, rule := range []string{"word", "nine"} {
		other("", rule)
		other("functions.get:0", rule)
		other("functions.get:1", rule)
		other("functions_get_0"+strings.Repeat("x", 64), rule)
		other("é🦊", rule)
		other("\xff\x80", rule)
	}
	other("call_1234", "nine")
	other("abcdefgh_", "nine")
}

func TestEdge039_MissingID(t *testing.T) {
	seen := map[string]bool{}
	for _, seed := range []string{"", "resp1", "resp"} {
		for choice := range 3 {
			for index := range 12 {
				id := MakeCallID(seed, choice, index)
				if id != MakeCallID(seed, choice, index) || seen[id] || !isWord(id, 64) || !strings.HasPrefix(id, "call_") {
					t.Errorf("%q %d %d: %q", seed, choice, index, id)
				}
				seen[id] = true
			}
		}
	}
}

func TestEdge051_ToolNames(t *testing.T) {
	long := strings.Repeat("n", 65)
	names := []string{"get_weather", "fs.read", "fs/read", long, long + "x", "é", ""}
	r := &Request{
		Tools:  []Tool{{Name: names[0]}, {Name: names[1]}, {Name: names[2]}, {Name: "a b", Server: true}},
		Choice: ToolChoice{Names: []string{names[3]}},
		Turns: []Turn{{Role: Assistant, Blocks: []Block{
			{Kind: ToolUse, Name: names[4]}, {Kind: ToolResult, Name: names[5]}, {Kind: ToolUse}, {Kind: ToolUse, Name: names[1]}, {Kind: Text, Name: "no name"},
		}}},
	}
	// A tool that has the very name of another one's alias keeps it.
	r.Tools = append(r.Tools, Tool{Name: clean("fs.read", "fs.read", 64)})
	n := NewNames(r, 64)
	aliases := map[string]bool{r.Tools[len(r.Tools)-1].Name: true}
	for _, name := range names {
		alias := n.Out(name)
		if n.In(alias) != name || aliases[alias] || name != "" && !isWord(alias, 64) {
			t.Errorf("%q is %q, and back %q", name, alias, n.In(alias))
		}
		aliases[alias] = true
	}
	if n.Out("get_weather") != "get_weather" || n.Out("a b") != "a b" || n.In("unknown") != "unknown" {
		t.Error("a name changes that should not")
	}
	if again := NewNames(r, 64); again.Out("fs.read") != n.Out("fs.read") {
		t.Error("aliases are not the same every time")
	}
}

func TestNames_Nil(t *testing.T) {
	n := NewNames(&Request{Tools: []Tool{{Name: "a"}}}, 64)
	if n != nil || n.Out("x.y") != "x.y" || n.In("x.y") != "x.y" {
		t.Errorf("got %v", n)
	}
}

func ExampleCallID() {
	fmt.Println(CallID("call_1", "word"))
	fmt.Println(CallID("functions.get:0", "word"))
	// Output:
	// call_1
	// functions_get_0_BeBuvebL
}
