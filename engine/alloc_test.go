//go:build !race

package engine

import (
	"testing"
	"time"

	"github.com/ai-mcp-gateway/gateway/translate"
)

// What is paid for choice, breakers, keys and hedging by every call.
func TestChoiceDoesNotAllocate(t *testing.T) {
	r, tier := spread(t, balanceLatency)
	single := r.state.Load().table.routes["sim/sim-l0"]
	c := AcquireCall(time.Now())
	defer c.Release()
	c.Op, c.engine, c.state = translate.OpChat, r.Engine, r.state.Load()
	f := func(name string, call func(now time.Time)) {
		t.Helper()
		now := time.Now()
		if n := testing.AllocsPerRun(1000, func() { call(now) }); n != 0 {
			t.Errorf("%s allocates %v times, want 0", name, n)
		}
	}
	f("one target", func(now time.Time) { choose(c, single, now) })
	f("a choice of three", func(now time.Time) { choose(c, tier, now) })
	f("pace", func(now time.Time) { tier.targets[0].pace(true).observe(time.Second, now) })
}

// What is paid for the ledger by every call, on this side of it.
func TestAccountDoesNotAllocate(t *testing.T) {
	c, add := accounted()
	defer c.Release()
	if n := testing.AllocsPerRun(1000, add); n != 0 {
		t.Errorf("a row allocates %v times, want 0", n)
	}
}

// choose does what a call does besides its exchange.
func choose(c *Call, r *route, now time.Time) {
	c.engine.retries.call()
	t := c.order(r, now)[0]
	if h := c.engine.arm(c, r, t, now); h != nil {
		panic("BUG: hedging is off")
	}
	key := t.key(now)
	pass, _ := t.breaker.Allow(now)
	t.enter()
	t.leave()
	t.judge(nil, key, pass, said{})
}

func BenchmarkChoice(b *testing.B) {
	for _, of := range []struct{ name, route, balance string }{
		{"one target", "sim/sim-l0", ""}, {"order", "L0", ""}, {"latency", "L0", balanceLatency}, {"weighted", "L0", balanceWeighted},
	} {
		b.Run(of.name, func(b *testing.B) {
			r := newRigWith(b, tierOfThree(of.balance))
			route := r.state.Load().table.routes[of.route]
			c := AcquireCall(time.Now())
			defer c.Release()
			c.Op, c.engine, c.state = translate.OpChat, r.Engine, r.state.Load()
			b.ReportAllocs()
			for b.Loop() {
				choose(c, route, c.Start)
			}
		})
	}
}
