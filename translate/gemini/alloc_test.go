//go:build !race

package gemini

import (
	"testing"

	"github.com/ai-mcp-gateway/gateway/translate"
	"github.com/ai-mcp-gateway/gateway/translate/neutral"
)

// TestDecoder_Allocations holds an event with text to no allocation, once the
// buffers have grown.
func TestDecoder_Allocations(t *testing.T) {
	event, d := []byte(textChunk), New().NewDecoder(translate.OpChat)
	var events []neutral.Event
	allocs := testing.AllocsPerRun(100, func() {
		var err *translate.Error
		if events, _, err = d.Feed(events[:0], event); err != nil || len(events) == 0 {
			t.Fatal(err)
		}
	})
	if allocs != 0 {
		t.Errorf("%v allocations, want 0", allocs)
	}
}
