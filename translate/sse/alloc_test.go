//go:build !race

package sse

import "testing"

func TestAllocations(t *testing.T) {
	stream := []byte("event: e\ndata: a\ndata: b\n\ndata: c\r\n\r\n: ping\n\ndata: d\n\n")
	scratch := make([]byte, 0, 64)
	var r Reader
	allocs := testing.AllocsPerRun(100, func() {
		rest, events := stream, 0
		for event, n := r.Next(rest); n > 0; event, n = r.Next(rest) {
			Data(event, scratch)
			rest = rest[n:]
			events++
		}
		if events != 4 {
			t.Fatalf("%d events", events)
		}
	})
	if allocs != 0 {
		t.Errorf("%v allocations, want 0", allocs)
	}
}
