package ollama

import (
	"slices"
	"testing"

	"github.com/ai-mcp-gateway/gateway/translate/neutral"
)

// Ollama has no breakpoints: wherever one stands, the client is told.
func TestBreakpointsDropped(t *testing.T) {
	mark := neutral.Breakpoint{Set: true}
	f := func(q *neutral.Request) {
		t.Helper()
		q.Turns = append(q.Turns, neutral.Turn{Role: neutral.User, Blocks: []neutral.Block{{Kind: neutral.Text, Text: []byte("Hello.")}}})
		_, drops, err := New().AppendRequest(nil, q, &neutral.Target{Model: "m"})
		if err != nil || !slices.Equal(drops, []string{"cache_control"}) {
			t.Errorf("dropped %q, %v", drops, err)
		}
	}
	f(&neutral.Request{Cache: neutral.Cache{Auto: mark}})
	f(&neutral.Request{System: []neutral.Block{{Kind: neutral.Text, Text: []byte("Be."), Breakpoint: mark}}})
	f(&neutral.Request{Tools: []neutral.Tool{{Name: "f", Breakpoint: mark}}})
	f(&neutral.Request{Turns: []neutral.Turn{{Role: neutral.User, Blocks: []neutral.Block{{Kind: neutral.Text, Text: []byte("A"), Breakpoint: mark}}}}})
}
