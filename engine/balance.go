package engine

import (
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/ai-mcp-gateway/gateway/translate"
)

// The ways to choose among the targets of a rank. Anything else, nothing
// included, is the order of the configuration.
const (
	balanceWeighted    = "weighted"     // at random, by weight
	balanceLeastLoaded = "least_loaded" // the fewest calls under way for its weight
	balanceLatency     = "latency"      // of two at random the one that should answer first
)

// rank is a run of a route's targets that are as good as each other. Ranks are
// tried in order.
type rank struct {
	targets []*target
	balance string // one of the ways to choose; empty keeps the order
	// alike: one may answer in another's place, so that a slow one can be
	// hedged by another.
	alike bool
	// pool is the name under which answers of all of them are stored, where
	// any may be chosen; empty otherwise.
	pool string
}

// compileRanks gives the routes their targets, in order, and notes which of
// them have to be watched.
func (t *table) compileRanks(cfg *Config) {
	for _, r := range t.routes {
		if len(r.targets) > 1 { // a bare id of several providers
			r.ranks = []rank{{targets: r.targets, balance: cfg.Routing.Balance, alike: true}}
		}
		if len(r.ranks) == 0 {
			continue
		}
		r.targets = nil
		for i := range r.ranks {
			k := &r.ranks[i]
			k.compile(cfg.Routing.Hedge.Enabled)
			r.targets = append(r.targets, k.targets...)
			r.balanced = r.balanced || k.balance != ""
		}
	}
}

func (k *rank) compile(hedge bool) {
	var ids []string
	for _, t := range k.targets {
		ids = append(ids, t.id)
	}
	switch {
	case len(k.targets) < 2:
		k.balance, k.alike = "", false
	case k.balance == balanceWeighted, k.balance == balanceLeastLoaded, k.balance == balanceLatency:
		k.pool = "=" + strings.Join(ids, "|")
	default:
		k.balance = ""
	}
	for _, t := range k.targets {
		t.watched = t.watched || k.balance != "" || k.alike && hedge
	}
}

// order returns the targets of r as c is to try them now.
func (c *Call) order(r *route, now time.Time) []*target {
	if !r.balanced {
		return r.targets
	}
	all := c.chosen[:0]
	for i := range r.ranks {
		start := len(all)
		all = append(all, r.ranks[i].targets...)
		if k := &r.ranks[i]; k.balance != "" {
			ready := readyFirst(all[start:], c.Op, now)
			k.arrange(ready, c.Request.Stream, now)
		}
	}
	c.chosen = all
	return all
}

// readyFirst moves the targets that can be asked now to the front, in their
// order, and returns them.
func readyFirst(targets []*target, op translate.Op, now time.Time) []*target {
	n := 0
	for i, t := range targets {
		if t.serves(op) && t.ready(now) {
			copy(targets[n+1:i+1], targets[n:i])
			targets[n] = t
			n++
		}
	}
	return targets[:n]
}

// arrange puts the chosen target first. What follows is for when it fails.
func (k *rank) arrange(targets []*target, stream bool, now time.Time) {
	if len(targets) < 2 {
		return
	}
	if k.balance == balanceWeighted {
		drawByWeight(targets)
		return
	}
	rand.Shuffle(len(targets), func(i, j int) { targets[i], targets[j] = targets[j], targets[i] })
	if k.balance == balanceLatency {
		if targets[1].expected(stream, now) < targets[0].expected(stream, now) {
			targets[0], targets[1] = targets[1], targets[0]
		}
		return
	}
	least := 0
	for i, t := range targets {
		if t.share() < targets[least].share() {
			least = i
		}
	}
	targets[0], targets[least] = targets[least], targets[0]
}

// drawByWeight draws the targets one after the other, each with a chance that
// its weight gives it among those that are left.
func drawByWeight(targets []*target) {
	total := 0
	for _, t := range targets {
		total += t.weight()
	}
	for i := range targets {
		n := rand.IntN(total)
		j := i
		for ; n >= targets[j].weight(); j++ {
			n -= targets[j].weight()
		}
		targets[i], targets[j] = targets[j], targets[i]
		total -= targets[i].weight()
	}
}

// weight is the target's share of calls, relative to that of the others.
func (t *target) weight() int { return max(1, t.config.Weight) }

// share is how much the target has to do for its weight.
func (t *target) share() float64 { return float64(t.load.Load()+1) / float64(t.weight()) }

// expected is how long one more call would wait for the target: the moving
// peak of its latency, times the calls that share it.
func (t *target) expected(stream bool, now time.Time) float64 {
	return t.pace(stream).cost(now) * float64(t.load.Load()+1)
}

// enter and leave count the calls under way with a target, as long as somebody
// wants to know.
func (t *target) enter() {
	if t.watched {
		t.load.Add(1)
	}
}

func (t *target) leave() {
	if t.watched {
		t.load.Add(-1)
	}
}

// identity is the name under which the answer to a call that comes now would
// be stored: that of the first target that would be tried or, where the choice
// is among several, of all of them together.
func (r *route) identity(op translate.Op, now time.Time) (name string, pool []*target) {
	if !r.balanced {
		return first(r.targets, op, now, r.targets[0]).id, nil
	}
	for i := range r.ranks {
		k := &r.ranks[i]
		if t := first(k.targets, op, now, nil); t != nil && k.pool != "" {
			return k.pool, k.targets
		} else if t != nil {
			return t.id, nil
		}
	}
	return r.targets[0].id, nil
}

// first is the first target that could be sent op now, or none.
func first(targets []*target, op translate.Op, now time.Time, none *target) *target {
	for _, t := range targets {
		if t.serves(op) && t.ready(now) {
			return t
		}
	}
	return none
}

// pooled reports whether the answer of the target with an id is stored under
// the name that c was identified by.
func (c *Call) pooled(id string) bool {
	return c.scope.Model == id || slices.ContainsFunc(c.pool, func(t *target) bool { return t.id == id })
}
