package engine

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/ai-mcp-gateway/gateway/translate"
)

// spread is a tier of three models with the weights 1, 2 and 5.
func spread(t *testing.T, balance string) (*rig, *route) {
	t.Helper()
	r := newRigWith(t, tierOfThree(balance))
	return r, r.state.Load().table.routes["L0"]
}

func tierOfThree(balance string) func(*Config) {
	return func(cfg *Config) {
		cfg.Models = nil
		var ids []string
		for i, weight := range []int{1, 2, 5} {
			id := fmt.Sprintf("sim/sim-l%d", i)
			cfg.Models, ids = append(cfg.Models, ModelConfig{ID: id, Weight: weight}), append(ids, id)
		}
		cfg.Models = append(cfg.Models, ModelConfig{ID: "sim/next"})
		cfg.Tiers = []TierConfig{{Name: "L0", Models: ids, Balance: balance}, {Name: "L1", Models: []string{"sim/next"}}}
	}
}

// chosen counts which target comes first in n calls.
func chosen(t *testing.T, r *route, n int) (counts [3]int) {
	t.Helper()
	var c Call
	c.Op = translate.OpChat
	for range n {
		order := c.order(r, time.Now())
		seen := map[*target]bool{}
		for _, target := range order {
			seen[target] = true
		}
		if len(order) != 4 || len(seen) != 4 || order[3].id != "sim/next" {
			t.Fatalf("%d targets, %d different ones, last %s; want all four, the next tier's last", len(order), len(seen), order[3].id)
		}
		for i := range counts {
			if order[0] == r.targets[i] {
				counts[i]++
			}
		}
	}
	return counts
}

func TestBalanceOrder(t *testing.T) {
	for _, balance := range []string{"", "order"} {
		_, r := spread(t, balance)
		if got := chosen(t, r, 50); got != [3]int{50, 0, 0} {
			t.Errorf("%q: chosen %v, want the first always", balance, got)
		}
	}
}

func TestBalanceWeighted(t *testing.T) {
	_, r := spread(t, balanceWeighted)
	const n = 8000
	for i, got := range chosen(t, r, n) {
		want := []float64{1, 2, 5}[i] / 8
		if share := float64(got) / n; math.Abs(share-want) > 6*math.Sqrt(want*(1-want)/n) {
			t.Errorf("target %d has %.3f of the calls, want %.3f", i, share, want)
		}
	}
}

func TestBalanceLeastLoaded(t *testing.T) {
	_, r := spread(t, balanceLeastLoaded)
	f := func(want int, loads ...int64) {
		t.Helper()
		for i, load := range loads {
			r.targets[i].load.Store(load)
		}
		if got := chosen(t, r, 20); got[want] != 20 {
			t.Errorf("loads %v: chosen %v, want %d", loads, got, want)
		}
	}
	f(2, 0, 0, 0) // 1/1, 1/2, 1/5
	f(0, 0, 3, 9) // 1/1, 4/2, 10/5
	f(1, 2, 2, 9) // 3/1, 3/2, 10/5
}

// The worst of all is never chosen, for it loses against any other; the best
// has every draw that it is in.
func TestBalanceLatency(t *testing.T) {
	_, r := spread(t, balanceLatency)
	now := time.Now()
	for i, target := range r.targets[:3] {
		target.pace(false).observe([]time.Duration{300 * time.Millisecond, 50 * time.Millisecond, 100 * time.Millisecond}[i], now)
	}
	const n = 3000
	got := chosen(t, r, n)
	if share := float64(got[1]) / n; got[0] != 0 || math.Abs(share-2.0/3) > 0.06 {
		t.Errorf("chosen %v of %d, want never the slowest and the fastest two times in three", got, n)
	}
	r.targets[1].load.Store(9) // ten would share it
	if got = chosen(t, r, n); got[1] != 0 {
		t.Errorf("chosen %v, want never the one that is busy", got)
	}
}

// What is set aside comes after what is well, whatever the weights say.
func TestBalanceAvoidsWhatIsSetAside(t *testing.T) {
	for _, balance := range []string{balanceWeighted, balanceLeastLoaded, balanceLatency} {
		_, r := spread(t, balance)
		r.targets[2].breaker.Pause(time.Now().Add(time.Hour))
		r.targets[1].limits[0].limit(time.Now(), 50*time.Second)
		if got := chosen(t, r, 50); got[0] != 50 {
			t.Errorf("%s: chosen %v, want the one that is well", balance, got)
		}
	}
}

// An answer of any of the pool is found for the next call, whichever target
// that would choose.
func TestBalanceSharesStoredAnswers(t *testing.T) {
	r, _ := spread(t, balanceWeighted)
	whole := r.ask(t, "L0", false, nil).wantWhole(nil)
	for range 20 {
		if m := r.ask(t, "L0", false, nil); string(m.wantWhole(whole)) == "" || m.cache != "hit" {
			t.Fatalf("cache %q, want hit", m.cache)
		}
	}
	r.wantRequests(t, 1)
}

// The load of a call is counted until its last byte.
func TestBalanceLoadIsGivenBack(t *testing.T) {
	r, route := spread(t, balanceLeastLoaded)
	gate := make(chan struct{})
	m := r.ask(t, "L0", true, gate).started()
	if n := loads(route); n != 1 {
		t.Errorf("%d calls under way, want 1", n)
	}
	close(gate)
	m.wantWhole(nil)
	r.ask(t, "L0", false, nil).wantWhole(nil)
	if n := loads(route); n != 0 {
		t.Errorf("%d calls under way at the end", n)
	}
}

func loads(r *route) (n int64) {
	for _, t := range r.targets {
		n += t.load.Load()
	}
	return n
}

// What is known of a target outlives a reload; a refused key does not.
func TestReloadKeepsHealth(t *testing.T) {
	r, route := spread(t, balanceLatency)
	now := time.Now()
	before := route.targets[0]
	before.pace(true).observe(time.Second, now)
	before.limits[0].limit(now, 50*time.Second)
	before.provider.keys[0].refused.refuse(now)
	cfg := r.state.Load().config
	if err := r.Reload(cfg); err != nil {
		t.Fatal(err)
	}
	after := r.state.Load().table.routes["L0"].targets[0]
	if after == before || after.vitals != before.vitals || after.limits[0] != before.limits[0] {
		t.Error("the reload forgets what was known")
	}
	if !after.provider.keys[0].refused.over(now) {
		t.Error("the reload keeps a refused key away")
	}
}

func TestProviderState(t *testing.T) {
	r, route := spread(t, "")
	state := func(want string) {
		t.Helper()
		r.ProviderStates(func(_, got string) {
			if got != want {
				t.Errorf("state %q, want %q", got, want)
			}
		})
	}
	state("unknown")
	r.askAlone(t, "sim/sim-l0", false)
	state("up")
	one := route.targets[1]
	one.limits[0].limit(time.Now(), 50*time.Second)
	state("cooling")
	one.limits[0].until.Store(0)
	state("up")
	one.provider.keys[0].refused.refuse(time.Now())
	state("down")
	one.provider.keys[0].refused.until.Store(0)
	breakDown(one)
	state("cooling") // others are well
	route.targets[0].answered.Store(false)
	state("down")
}

// breakDown opens the target's breaker and fails the probe.
func breakDown(t *target) {
	past := time.Now().Add(-6 * time.Second)
	for range 6 {
		pass, _ := t.breaker.Allow(past)
		t.breaker.Failure(pass, past)
	}
	now := time.Now()
	pass, _ := t.breaker.Allow(now)
	t.breaker.Failure(pass, now)
}
