//go:build !race

package responses

import (
	"testing"

	"github.com/ai-mcp-gateway/gateway/translate"
)

// An event of a stream costs no allocation on the way through; what grows is
// the text that its last events repeat.
func TestEventAllocations(t *testing.T) {
	r, event := newRelay(t), frames(delta)
	for range 2000 {
		r.step(t, event)
	}
	if n := testing.AllocsPerRun(500, func() { r.step(t, event) }); n > 0 {
		t.Errorf("%v allocations for an event", n)
	}
}

func TestPassingAllocations(t *testing.T) {
	d := New()
	var e translate.StreamEvent
	var a translate.Answer
	last := []byte(`{"type":"response.completed","response":` + answer + `}`)
	n := testing.AllocsPerRun(100, func() {
		d.ReadEvent([]byte(delta), &e)
		d.ReadEvent(last, &e)
		d.ReadAnswer(translate.OpResponses, last, &a)
	})
	if n > 1 { // the conversion of delta
		t.Errorf("%v allocations in passing", n)
	}
}
