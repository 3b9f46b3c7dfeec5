//go:build !race

package bedrock

import (
	"testing"

	"github.com/ai-mcp-gateway/gateway/translate"
	"github.com/ai-mcp-gateway/gateway/translate/neutral"
)

// TestAllocations holds a delta to no allocation once the buffers have grown.
func TestAllocations(t *testing.T) {
	d := New().NewDecoder(translate.OpChat)
	piece := frames(t, delta(0, `"text":"some \"text\""`))
	var events []neutral.Event
	feed := func() {
		var err *translate.Error
		if events, _, err = d.Feed(events[:0], piece); err != nil {
			t.Fatal(err)
		}
	}
	feed()
	if n := testing.AllocsPerRun(100, feed); n != 0 {
		t.Errorf("%v allocations, want 0", n)
	}
}
