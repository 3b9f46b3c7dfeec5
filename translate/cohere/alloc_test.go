//go:build !race

package cohere

import (
	"testing"

	"github.com/ai-mcp-gateway/gateway/translate"
)

// TestDecoder_Allocations holds an event with text to no allocation, once the
// buffers have grown.
func TestDecoder_Allocations(t *testing.T) {
	d := New().NewDecoder(translate.OpChat)
	events, _, _ := d.Feed(nil, []byte(stream(messageStart)))
	event := []byte(stream(content("text", ` word\n`)))
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
