//go:build !race

package anthropic

import (
	"testing"

	"github.com/ai-mcp-gateway/gateway/translate"
)

func TestAllocations(t *testing.T) {
	f := func(what string, want float64, work func()) {
		t.Helper()
		if got := testing.AllocsPerRun(100, work); got > want {
			t.Errorf("%s: %v allocations, want %v", what, got, want)
		}
	}
	step, frame := relay(openText), stream(blockDelta("0", `{"type":"text_delta","text":" word\n"}`))
	step(frame)
	f("event", 0, func() { step(frame) })
	d, e, data := New(), translate.StreamEvent{}, []byte(messageDelta("end_turn"))
	f("pass", 0, func() { d.ReadEvent(data, &e) })
	var head []byte
	v := &translate.Envelope{Key: "k", Host: "h", Base: "/v1"}
	f("head", 0, func() { head = d.AppendHead(head[:0], v) })
}
