package engine

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ai-mcp-gateway/gateway/telemetry"
	"github.com/ai-mcp-gateway/gateway/translate"
)

// The models of newPair, as the simulator knows them.
const (
	firstModel  = "sim-l0"
	secondModel = "sim-l1"
)

// pair is a tier L0 of two targets that are known to answer within late,
// although the first, or both, misbehave as told.
type pair struct {
	*rig
	first, second *target
}

const pairLate = 20 * time.Millisecond

func newPair(t *testing.T, first, second string) *pair {
	t.Helper()
	r := newRigWith(t, func(cfg *Config) {
		sim := cfg.Providers[0]
		cfg.Providers, cfg.Models = nil, nil
		tier := TierConfig{Name: "L0"}
		for _, p := range []struct{ name, faults, model string }{{"a", first, firstModel}, {"b", second, secondModel}} {
			one := sim
			one.Name = p.name
			if p.faults != "" {
				one.BaseURL = sim.BaseURL[:len(sim.BaseURL)-len("/v1")] + "/~" + p.faults + "/v1"
			}
			id := p.name + "/" + p.model
			cfg.Providers = append(cfg.Providers, one)
			cfg.Models = append(cfg.Models, ModelConfig{ID: id, Priced: true, InputPrice: 1000, OutputPrice: 2000})
			tier.Models = append(tier.Models, id)
		}
		cfg.Tiers = []TierConfig{tier}
		cfg.Routing.Hedge = HedgeConfig{Enabled: true, Extra: 100}
	})
	targets := r.state.Load().table.routes["L0"].targets
	p := &pair{r, targets[0], targets[1]}
	for _, target := range targets {
		for i := range target.paces {
			target.paces[i].late.Store(int64(pairLate))
		}
	}
	r.hedges.points.Store(maxHedgePoints)
	t.Cleanup(func() { p.calm(t) })
	return p
}

// calm checks that nothing is left of any attempt.
func (p *pair) calm(t *testing.T) {
	t.Helper()
	for _, target := range []*target{p.first, p.second} {
		if n := target.load.Load(); n != 0 {
			t.Errorf("%d calls are still under way with %s", n, target.id)
		}
	}
	p.quiet(t)
}

// codes are the error codes of the call's attempts, each with its provider.
func (m *member) codes() (codes []string) {
	for _, a := range m.attempts {
		codes = append(codes, a.Provider+" "+a.ErrorCode)
	}
	return codes
}

func (m *member) wantAttempts(want ...string) {
	m.t.Helper()
	if got := m.codes(); !slices.Equal(got, want) {
		m.t.Errorf("attempts %q, want %q", got, want)
	}
}

// eachWay runs f with and without a cache.
func eachWay(t *testing.T, f func(t *testing.T, stream bool, ready func(p *pair))) {
	for name, ready := range map[string]func(*pair){
		"cached": func(*pair) {},
		"uncached": func(p *pair) {
			s := *p.state.Load()
			s.memory = nil
			p.state.Store(&s)
		},
	} {
		eachForm(t, func(t *testing.T, stream bool) {
			t.Run(name, func(t *testing.T) { f(t, stream, ready) })
		})
	}
}

func TestHedgeSecondWins(t *testing.T) {
	eachWay(t, func(t *testing.T, stream bool, ready func(*pair)) {
		p := newPair(t, "silence", "")
		ready(p)
		start := time.Now()
		m := p.ask(t, "L0", stream, nil)
		m.wantWhole(nil)
		m.wantAttempts("a hedge_lost", "b ")
		if m.provider != "b" || m.cost == 0 || m.attempts[0].CostNano != 0 || !m.attempts[0].CostKnown {
			t.Errorf("answer by %q at %d, the loser at %d", m.provider, m.cost, m.attempts[0].CostNano)
		}
		if took := time.Since(start); took < pairLate {
			t.Errorf("hedged after %v, before it was late", took)
		}
		if seen, err := p.sim.WaitEnd(soon(t), 1); err != nil || !seen.Aborted {
			t.Errorf("the loser was not cancelled: %v", err)
		}
	})
}

// The first one answers late, and yet before the second.
func TestHedgeFirstWins(t *testing.T) {
	eachWay(t, func(t *testing.T, stream bool, ready func(*pair)) {
		p := newPair(t, "latency=100ms", "silence")
		ready(p)
		m := p.ask(t, "L0", stream, nil)
		m.wantWhole(nil)
		m.wantAttempts("b hedge_lost", "a ")
		if m.provider != "a" || m.cost == 0 {
			t.Errorf("answer by %q at %d", m.provider, m.cost)
		}
		if seen, err := p.sim.WaitEnd(soon(t), 2); err != nil || !seen.Aborted {
			t.Errorf("the loser was not cancelled: %v", err)
		}
	})
}

func TestHedgeNotWhenInTime(t *testing.T) {
	eachWay(t, func(t *testing.T, stream bool, ready func(*pair)) {
		p := newPair(t, "", "")
		ready(p)
		for i := range p.first.paces {
			p.first.paces[i].late.Store(int64(patience))
		}
		m := p.ask(t, "L0", stream, nil)
		m.wantWhole(nil)
		m.wantAttempts("a ")
		p.wantRequests(t, 1)
	})
}

// A first attempt that fails while the second is under way leaves the call to
// it, and one that fails before goes on to the next target as ever.
func TestHedgeFirstFails(t *testing.T) {
	eachWay(t, func(t *testing.T, stream bool, ready func(*pair)) {
		p := newPair(t, "latency=60ms,status=500", "latency=150ms")
		ready(p)
		m := p.ask(t, "L0", stream, nil)
		m.wantWhole(nil)
		m.wantAttempts("a provider_failed", "b ")
		p = newPair(t, "status=500", "")
		ready(p)
		m = p.ask(t, "L0", stream, nil)
		m.wantWhole(nil)
		m.wantAttempts("a provider_failed", "b ")
	})
}

func TestHedgeSecondFails(t *testing.T) {
	eachWay(t, func(t *testing.T, stream bool, ready func(*pair)) {
		p := newPair(t, "latency=100ms", "status=500")
		ready(p)
		m := p.ask(t, "L0", stream, nil)
		m.wantWhole(nil)
		m.wantAttempts("b provider_failed", "a ")
	})
}

// Both fail: neither is asked once more as the next target, but the first
// may be retried.
func TestHedgeBothFail(t *testing.T) {
	eachWay(t, func(t *testing.T, stream bool, ready func(*pair)) {
		p := newPair(t, "latency=60ms,status=500", "latency=100ms,status=504")
		ready(p)
		p.retries.points.Store(0)
		m := p.ask(t, "L0", stream, nil).wait()
		if m.refused == nil || m.refused.Code != translate.ProviderFailed {
			t.Errorf("got %v, want provider_failed", m.refused)
		}
		p.wantRequests(t, 2)
	})
}

// The provider's verdict on the request is the answer, whoever says so.
func TestHedgeRejected(t *testing.T) {
	eachWay(t, func(t *testing.T, stream bool, ready func(*pair)) {
		p := newPair(t, "latency=60ms,status=422", "silence")
		ready(p)
		m := p.ask(t, "L0", stream, nil).wait()
		if m.refused == nil || m.refused.HTTPStatus() != 422 {
			t.Errorf("got %v, want the provider's 422", m.refused)
		}
		m.wantAttempts("b hedge_lost", "a provider_rejected")
	})
}

func TestHedgeClientLeaves(t *testing.T) {
	eachWay(t, func(t *testing.T, stream bool, ready func(*pair)) {
		p := newPair(t, "silence", "silence")
		ready(p)
		m := p.ask(t, "L0", stream, nil)
		if _, err := p.sim.Wait(soon(t), 2); err != nil {
			t.Fatal(err)
		}
		m.leave()
		if m.wait(); m.refused == nil || m.refused.Code != translate.CallerGone {
			t.Errorf("got %v, want caller_gone", m.refused)
		}
		for id := range uint64(2) {
			if seen, err := p.sim.WaitEnd(soon(t), id+1); err != nil || !seen.Aborted {
				t.Errorf("attempt %d was not cancelled: %v", id, err)
			}
		}
	})
}

// A client that leaves after a second attempt has won ends that one.
func TestHedgeClientLeavesMidStream(t *testing.T) {
	eachWay(t, func(t *testing.T, _ bool, ready func(*pair)) {
		p := newPair(t, "silence", "stall-mid-stream=2")
		ready(p)
		m := p.ask(t, "L0", true, nil).started()
		m.leave()
		m.wait()
		if seen, err := p.sim.WaitEnd(soon(t), 2); err != nil || !seen.Aborted {
			t.Errorf("the provider saw no abort: %v", err)
		}
	})
}

func TestHedgeShared(t *testing.T) {
	eachForm(t, func(t *testing.T, stream bool) {
		const n = 10
		p := newPair(t, "silence", "latency=50ms")
		members := p.askMany(t, n, "L0", stream)
		whole := members[0].wantWhole(nil)
		attempts := 0
		for _, m := range members {
			m.wantWhole(whole)
			attempts += len(m.attempts)
		}
		if attempts != 2 {
			t.Errorf("%d attempts for all of them, want 2", attempts)
		}
		p.wantRequests(t, 2)
	})
}

// A bug in the dialect ends the call as any bug does, wherever it shows.
func TestHedgePanic(t *testing.T) {
	for _, trips := range []string{firstModel, secondModel} {
		eachWay(t, func(t *testing.T, stream bool, ready func(*pair)) {
			p := newPair(t, "latency=60ms", "silence")
			ready(p)
			seconds := make(chan struct{})
			p.asked = func(model string) {
				switch {
				case model == trips && trips == firstModel:
					<-seconds // until the second one is under way
					panic("a bug in a dialect")
				case model == trips:
					panic("a bug in a dialect")
				case model == secondModel:
					close(seconds)
				}
			}
			m := p.ask(t, "L0", stream, nil)
			if m.wait(); m.panicked == nil {
				t.Errorf("no panic: %v %s", m.refused, m.body)
			}
			eventually(t, "the connections to close", func() bool { return p.sim.OpenConns() <= 1 })
			p.asked = nil
			for _, target := range []*target{p.first, p.second} {
				if !target.breaker.Closed() {
					t.Errorf("the breaker of %s is not closed", target.id)
				}
			}
		})
	}
}

// Without a budget the second attempt waits for one, and a share of the calls
// is all that it gets.
func TestHedgeBudget(t *testing.T) {
	p := newPair(t, "latency=60ms", "latency=60ms")
	s := *p.state.Load()
	s.memory = nil
	p.state.Store(&s)
	p.hedges.points.Store(0)
	p.hedges.percent.Store(3)
	const n = 200
	hedged := 0
	for _, m := range p.askMany(t, n, "L0", true) {
		m.wantWhole(nil)
		hedged += len(m.attempts) - 1
	}
	if hedged > n*3/100 || hedged == 0 {
		t.Errorf("%d second attempts for %d calls, want at most 3 %%, and some", hedged, n)
	}
}

// A target that is not well is no help, and costs no budget.
func TestHedgeNeedsAStandIn(t *testing.T) {
	p := newPair(t, "latency=60ms", "")
	p.second.breaker.Pause(time.Now().Add(time.Hour))
	m := p.ask(t, "L0", true, nil)
	m.wantWhole(nil)
	m.wantAttempts("a ")
	if n := p.hedges.points.Load(); n < maxHedgePoints {
		t.Errorf("%d points of %d are left", n, maxHedgePoints)
	}
}

// An answer that came too late is charged for what it has reported.
func TestHedgeLoserIsCharged(t *testing.T) {
	c := AcquireCall(time.Now())
	defer c.Release()
	p := newPair(t, "", "")
	for _, id := range []string{"a", "b"} {
		*c.Record.AddAttempt() = telemetry.Attempt{Provider: id, Status: 200}
		c.settle(p.first, &translate.Usage{In: 10, Out: 5, Known: true})
	}
	c.lose()
	if a := c.Record.Attempts[1]; a.ErrorCode != lostCode || a.CostNano != 20_000 || !a.CostKnown {
		t.Errorf("the loser is %+v", a)
	}
	if r := &c.Record; r.CostNano != 40_000 || r.Tokens.In != 20 || r.Tokens.Out != 10 || !r.CostKnown {
		t.Errorf("in all %d nano-dollars, %+v", r.CostNano, r.Tokens)
	}
}

// Attempts end in any order, clients leave at any time, and nothing is left.
func TestHedgeAnyInterleaving(t *testing.T) {
	p := newPair(t, "p=0.9,latency=21ms", "p=0.5,latency=3ms")
	var whole, gone, hedged atomic.Int64
	var wg sync.WaitGroup
	for worker := range 8 {
		wg.Go(func() {
			rng := rand.New(rand.NewPCG(uint64(worker), 7))
			for i := range 40 {
				p.hedges.points.Store(maxHedgePoints)
				m := p.askFor(t, "L0", fmt.Sprint(rng.IntN(60), i%20), rng.IntN(2) == 0, nil)
				if rng.IntN(3) == 0 {
					leaves := time.AfterFunc(time.Duration(rng.IntN(40))*time.Millisecond, m.leave)
					defer leaves.Stop()
				}
				<-m.done
				switch {
				case m.panicked != nil:
					t.Errorf("panic: %v", m.panicked)
				case m.refused == nil && m.wrote == nil && m.failed == nil:
					whole.Add(1)
				case m.refused != nil && m.refused.Code != translate.CallerGone:
					t.Errorf("refused: %v", m.refused)
				default:
					gone.Add(1)
				}
				if n := len(m.attempts); n == 2 {
					hedged.Add(1)
				} else if n > 2 {
					t.Errorf("%d attempts: %q", n, m.codes())
				}
			}
		})
	}
	wg.Wait()
	if whole.Load() == 0 || gone.Load() == 0 || hedged.Load() == 0 {
		t.Errorf("%d whole answers, %d clients gone, %d calls hedged; want some of each", whole.Load(), gone.Load(), hedged.Load())
	}
	t.Logf("%d whole answers, %d clients gone, %d calls hedged", whole.Load(), gone.Load(), hedged.Load())
}
