//go:build !race

package redis

import (
	"testing"

	"github.com/ai-mcp-gateway/gateway/cache"
)

func TestDownAllocations(t *testing.T) {
	s, e := open(t, "redis://127.0.0.1:1"), entry("{}")
	n := testing.AllocsPerRun(1000, func() {
		_, _ = s.Get(ctx, model, cache.Key{1})
		s.Put(model, cache.Key{1}, e)
	})
	if n != 0 {
		t.Errorf("%v allocations a call while Redis is down, want 0", n)
	}
}
