//go:build !race

package ollama

import (
	"testing"

	"github.com/ai-mcp-gateway/gateway/translate"
	"github.com/ai-mcp-gateway/gateway/translate/neutral"
)

// TestAllocations holds a piece of text to no allocation once the buffers have
// grown.
func TestAllocations(t *testing.T) {
	d := New().NewDecoder(translate.OpChat)
	line := []byte(lines[0] + "\n")
	var events []neutral.Event
	feed := func() {
		var err *translate.Error
		if events, _, err = d.Feed(events[:0], line); err != nil {
			t.Fatal(err)
		}
	}
	feed()
	if n := testing.AllocsPerRun(100, feed); n != 0 {
		t.Errorf("%v allocations, want 0", n)
	}
}

func BenchmarkDecoder(b *testing.B) {
	d := New().NewDecoder(translate.OpChat)
	line := []byte(lines[0] + "\n")
	var events []neutral.Event
	b.ReportAllocs()
	b.SetBytes(int64(len(line)))
	for b.Loop() {
		var err *translate.Error
		if events, _, err = d.Feed(events[:0], line); err != nil {
			b.Fatal(err)
		}
	}
}
