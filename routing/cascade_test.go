package routing

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// voices are models that are right as often as skill says, by how hard the
// question is, and otherwise often wrong in the same way.
type voices struct {
	random *rand.Rand
	skill  map[string]float64
	hard   float64 // the share of questions on which the cheap are half as good
}

// answers to the next question; "right" is right.
func (v *voices) answers(names []string) map[string]string {
	hard := v.random.Float64() < v.hard
	all := map[string]string{}
	for _, name := range names {
		skill := v.skill[name]
		if hard && skill < 0.9 {
			skill /= 2
		}
		switch {
		case v.random.Float64() < skill:
			all[name] = "right"
		case v.random.Float64() < 0.5:
			all[name] = "the usual mistake"
		default:
			all[name] = fmt.Sprint("mistake ", v.random.IntN(3))
		}
	}
	return all
}

// run plays a stream and returns what it cost and how often it was right from
// the 301st request on, as shares of what the dearest model alone had.
func run(c *Cascade, v *voices, offers []Offer, requests int) (cost, right float64) {
	var names []string
	for _, o := range offers {
		names = append(names, o.Model)
	}
	reference := offers[len(offers)-1]
	var paid, full, served, best float64
	for i := range requests {
		answers := v.answers(names)
		who := c.Answer(float32(v.random.Float64()), v.random.Float64(), offers, func(model string) string {
			if i >= 300 {
				paid += offers[slices.Index(names, model)].Cost
			}
			return answers[model]
		})
		if i < 300 {
			continue
		}
		full += reference.Cost
		if answers[who] == "right" {
			served++
		}
		if answers[reference.Model] == "right" {
			best++
		}
	}
	return paid / full, served / best
}

func TestCascade(t *testing.T) {
	offers := []Offer{{"a", 0.02}, {"b", 0.03}, {"c", 0.05}, {"top", 1}}
	f := func(name string, skill map[string]float64, loss, mostCost float64) {
		t.Helper()
		v := &voices{rand.New(rand.NewPCG(1, 1)), skill, 0.2}
		cost, right := run(NewCascade(loss), v, offers, 2000)
		if cost > mostCost || right < 1-loss {
			t.Errorf("%s: cost %.2f of the premium model's, at most %.2f; right %.3f, at least %.3f", name, cost, mostCost, right, 1-loss)
		}
	}
	f("good cheap models", map[string]float64{"a": 0.93, "b": 0.93, "c": 0.94, "top": 0.97}, 0.05, 0.5)
	f("useless ones", map[string]float64{"a": 0.2, "b": 0.25, "c": 0.3, "top": 0.97}, 0.05, 1.15)
}

// An answer that is not asked for is not looked at, and each is asked for once.
func TestCascadeAsksOnce(t *testing.T) {
	offers := []Offer{{"top", 1}, {"b", 0.03}, {"a", 0.02}}
	v := &voices{rand.New(rand.NewPCG(2, 2)), map[string]float64{"a": 0.9, "b": 0.9, "top": 0.95}, 0.2}
	c := NewCascade(0.05)
	alone := 0
	for i := range 600 {
		answers := v.answers([]string{"a", "b", "top"})
		var asked []string
		who := c.Answer(float32(v.random.Float64()), v.random.Float64(), offers, func(model string) string {
			asked = append(asked, model)
			return answers[model]
		})
		if !slices.Contains(asked, who) || len(slices.Compact(slices.Sorted(slices.Values(asked)))) != len(asked) {
			t.Fatalf("request %d: asked %q, served %q", i, asked, who)
		}
		if i < warmup && len(asked) != 3 {
			t.Fatalf("request %d: asked only %q", i, asked)
		}
		if !slices.Contains(asked, "top") {
			alone++
		}
	}
	if alone == 0 {
		t.Error("the dearest model is always asked")
	}
}

func TestVerdict(t *testing.T) {
	f := func(votes, models int, wantAt int, wantDone bool, answers ...string) {
		t.Helper()
		r := rule{models: make([]int, models), votes: votes}
		if at, done := r.verdict(answers); at != wantAt || done != wantDone {
			t.Errorf("%d of %d with %q: %d, %t", votes, models, answers, at, done)
		}
	}
	f(1, 1, 0, true, "x")
	f(1, 1, -1, true, "") // no answer
	f(2, 2, -1, false, "x")
	f(2, 2, 0, true, "x", "x")
	f(2, 2, -1, true, "x", "y")
	f(2, 3, -1, false, "x", "y")
	f(2, 3, 1, true, "x", "y", "y")
	f(3, 3, -1, true, "x", "y")
}
