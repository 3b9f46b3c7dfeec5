//go:build !race

package openai

import (
	"testing"

	"github.com/ai-mcp-gateway/gateway/translate"
	"github.com/ai-mcp-gateway/gateway/translate/neutral"
)

// TestCodecAllocations holds a chunk of text to no allocation on its way
// through decoder and encoder, once the buffers have grown.
func TestCodecAllocations(t *testing.T) {
	frame := []byte("data: " + contentChunk + "\n\n")
	d, s := New().NewDecoder(translate.OpChat), New().NewEncoder(translate.OpChat, &neutral.Request{})
	var events []neutral.Event
	var out []byte
	allocs := testing.AllocsPerRun(100, func() {
		var err *translate.Error
		if events, _, err = d.Feed(events[:0], frame); err != nil || len(events) == 0 {
			t.Fatal(err)
		}
		out = out[:0]
		for i := range events {
			out = s.Append(out, &events[i])
		}
	})
	if allocs != 0 || len(out) == 0 {
		t.Errorf("%v allocations, want 0", allocs)
	}
}
