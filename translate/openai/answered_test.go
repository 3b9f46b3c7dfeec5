package openai

import (
	"strings"
	"testing"

	"github.com/ai-mcp-gateway/gateway/translate/neutral"
)

// Some servers refuse a user's message right after the result of a tool: the
// assistant says a word between them, and only there.
func TestAnswered(t *testing.T) {
	text := func(s string) neutral.Block { return neutral.Block{Kind: neutral.Text, Text: []byte(s)} }
	call := neutral.Turn{Role: neutral.Assistant, Blocks: []neutral.Block{{Kind: neutral.ToolUse, ID: "a", Name: "f", Arguments: []byte("{}")}}}
	result := neutral.Block{Kind: neutral.ToolResult, ID: "a", Content: []neutral.Block{text("done")}}
	f := func(want string, turns ...neutral.Turn) {
		t.Helper()
		for _, answered := range []bool{true, false} {
			body, _, err := New().AppendRequest(nil, &neutral.Request{Turns: turns}, &neutral.Target{Model: "m", Traits: neutral.Traits{Answered: answered}})
			if err != nil {
				t.Fatal(err)
			}
			var roles []string
			for _, part := range strings.Split(string(body), `"role":"`)[1:] {
				role, _, _ := strings.Cut(part, `"`)
				roles = append(roles, role)
			}
			wanted := want
			if !answered {
				wanted = strings.ReplaceAll(want, "tool assistant user", "tool user")
			}
			if got := strings.Join(roles, " "); got != wanted {
				t.Errorf("answered %t: %s, want %s", answered, got, wanted)
			}
		}
	}
	ask := neutral.Turn{Role: neutral.User, Blocks: []neutral.Block{text("go")}}
	f("user assistant tool", ask, call, neutral.Turn{Role: neutral.User, Blocks: []neutral.Block{result}})
	f("user assistant tool assistant user", ask, call, neutral.Turn{Role: neutral.User, Blocks: []neutral.Block{result, text("more")}})
	f("user assistant tool assistant user", ask, call, neutral.Turn{Role: neutral.User, Blocks: []neutral.Block{result}}, ask)
	f("user assistant tool assistant user assistant user", ask, call, neutral.Turn{Role: neutral.User, Blocks: []neutral.Block{result}}, ask,
		neutral.Turn{Role: neutral.Assistant, Blocks: []neutral.Block{text("ok")}}, ask)
}
