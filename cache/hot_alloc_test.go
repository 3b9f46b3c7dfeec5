//go:build !race

package cache

import (
	"context"
	"testing"
	"time"
)

func TestHotAllocations(t *testing.T) {
	h := NewHot(0)
	k := ConversationKeys("acme", "c")
	hotSet(h, k.Messages, 1, "[]", time.Hour)
	keys, dst, ctx := []string{k.Summary, k.Messages, k.Todos}, make([]Item, 0, 3), context.Background()
	if n := testing.AllocsPerRun(100, func() { _, _ = h.Get(ctx, dst, keys...) }); n != 0 {
		t.Errorf("%v allocations a Get, want 0", n)
	}
	if n := testing.AllocsPerRun(100, func() { k = ConversationKeys("acme", "c-1") }); n != 1 {
		t.Errorf("%v allocations for the keys, want 1", n)
	}
}
