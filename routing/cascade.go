package routing

import (
	"cmp"
	"math"
	"slices"
)

// Cascade answers a stream of requests with cheap models where these can be
// trusted, and holds the loss of quality that it was given. Nobody tells it
// which answers are right: it compares. On the first requests of a stream, and
// on a few of all later ones, it asks every model and serves the dearest one's
// answer, the reference. From these it estimates, for every way of accepting a
// cheap answer, how often that answer would have been another one than the
// reference's, and takes the way that costs least among those that keep their
// promise. Where none does, it asks the reference alone.
//
// It is deterministic, and not safe for concurrent use.
type Cascade struct {
	loss    float64
	seen    int
	models  []string // cheapest first; the last is the reference
	samples []sample
	rules   []rule
	chosen  *rule // nil: the reference alone
}

// sample is a request on which every model was asked.
type sample struct {
	score   float32
	answers []string // by model
	costs   []float64
	// right is the chance that an answer is right, by model; see believe.
	right []float64
}

// rule is a way of accepting a cheap answer.
type rule struct {
	models []int // asked in this order
	votes  int   // how many of them must agree
	above  float32
	share  float64 // of the requests that have a score up to above

	cost, loss float64 // estimates, of the last choice
}

const (
	// warmup is how many requests of a stream are all sampled.
	warmup = 60
	// sampled is the share of later requests that are, and fresh how many more
	// there are in the beginning.
	sampled, fresh = 0.03, 20.0
	// caution is how many standard deviations an estimated loss must be below
	// the promised one, and pseudo the differing answers that are assumed
	// before any was seen.
	caution, pseudo = 0.5, 0.3
	// cheapSkill and referenceSkill are how often models are right, before
	// anything is known of them, as if that had been seen firmness times;
	// choices is how many wrong answers there are, and alike how much of a
	// further vote is lost.
	cheapSkill, referenceSkill = 0.7, 0.9
	firmness, choices, alike   = 20, 3, 0.5
	// leastNet and doubtNet keep the loss for each answer that differs from the
	// reference's from being thought too small.
	leastNet, doubtNet = 0.2, 0.1
	// mostCheap is how many of the cheap models are considered.
	mostCheap = 5
)

// NewCascade returns one for a stream that may lose this share of the
// reference's quality.
func NewCascade(loss float64) *Cascade { return &Cascade{loss: loss} }

// Offer is what a model would answer a request for.
type Offer struct {
	Model string
	Cost  float64 // USD
}

// Answer answers one request with the given prior score. ask returns a model's
// answer, in a form in which equal answers are equal; it is called once for
// each model that has to be asked, in that order. served is the model whose
// answer it is. draw, from 0 to 1, decides whether the request is sampled: it
// has to be independent of what the request is.
func (c *Cascade) Answer(score float32, draw float64, offers []Offer, ask func(model string) string) (served string) {
	offers = slices.SortedStableFunc(slices.Values(offers), func(a, b Offer) int {
		return cmp.Or(cmp.Compare(a.Cost, b.Cost), cmp.Compare(a.Model, b.Model))
	})
	reference := offers[len(offers)-1].Model
	c.order(offers)
	c.seen++
	if c.seen <= warmup || draw < max(sampled, fresh/float64(c.seen)) {
		c.sample(score, offers, ask)
		return reference
	}
	r := c.chosen
	if r == nil || score > r.above {
		ask(reference)
		return reference
	}
	return c.follow(r, reference, ask)
}

// order notes the models; new ones start the stream anew.
func (c *Cascade) order(offers []Offer) {
	same := len(offers) == len(c.models)
	for i := 0; same && i < len(offers); i++ {
		same = slices.Contains(c.models, offers[i].Model)
	}
	if same {
		return
	}
	c.models, c.samples, c.rules, c.chosen, c.seen = nil, nil, nil, nil, 0
	for _, o := range offers {
		c.models = append(c.models, o.Model)
	}
	c.rules = rulesOf(len(offers))
}

// sample asks everybody.
func (c *Cascade) sample(score float32, offers []Offer, ask func(model string) string) {
	s := sample{score, make([]string, len(c.models)), make([]float64, len(c.models)), make([]float64, len(c.models))}
	for _, o := range offers {
		i := slices.Index(c.models, o.Model)
		s.answers[i], s.costs[i] = ask(o.Model), o.Cost
	}
	c.samples = append(c.samples, s)
	if len(c.samples) >= warmup/2 {
		c.choose()
	}
}

// follow asks the models of a rule until enough of them agree, or no longer
// can.
func (c *Cascade) follow(r *rule, reference string, ask func(model string) string) (served string) {
	var answers [mostCheap]string
	for i, model := range r.models {
		answers[i] = ask(c.models[model])
		if at, done := r.verdict(answers[:i+1]); done {
			if at < 0 {
				break
			}
			return c.models[r.models[at]]
		}
	}
	ask(reference)
	return reference
}

// verdict is which of the answers so far is accepted, -1 for none, and whether
// that is certain.
func (r *rule) verdict(answers []string) (at int, done bool) {
	most := 0
	for i, a := range answers {
		n := 0
		for _, b := range answers {
			if a == b && a != "" {
				n++
			}
		}
		if n >= r.votes {
			return i, true
		}
		most = max(most, n)
	}
	return -1, most+len(r.models)-len(answers) < r.votes
}

// rulesOf are all rules for so many models: one cheap model alone, two or three
// that agree, two of three, each for the requests with the lowest scores.
func rulesOf(models int) (rules []rule) {
	cheap := min(models-1, mostCheap)
	add := func(votes int, of ...int) {
		for _, share := range [...]float64{0.25, 0.5, 0.75, 1} {
			rules = append(rules, rule{models: of, votes: votes, share: share})
		}
	}
	for a := range cheap {
		add(1, a)
		for b := a + 1; b < cheap; b++ {
			add(2, a, b)
			for d := b + 1; d < cheap; d++ {
				add(2, a, b, d)
				add(3, a, b, d)
			}
		}
	}
	return rules
}

// choose takes the cheapest rule that keeps the promise.
func (c *Cascade) choose() {
	scores := make([]float32, len(c.samples))
	for i := range c.samples {
		scores[i] = c.samples[i].score
	}
	slices.Sort(scores)
	c.believe()
	c.chosen = nil
	least := c.referenceCost()
	for i := range c.rules {
		r := &c.rules[i]
		r.above = math.MaxFloat32
		if at := int(r.share * float64(len(scores))); at < len(scores) {
			r.above = scores[at]
		}
		c.estimate(r)
		if r.loss <= c.loss && r.cost < least {
			least, c.chosen = r.cost, r
		}
	}
}

func (c *Cascade) referenceCost() (mean float64) {
	for i := range c.samples {
		mean += c.samples[i].costs[len(c.models)-1]
	}
	return mean / float64(len(c.samples))
}

// estimate replays the samples as the rule would have had them.
func (c *Cascade) estimate(r *rule) {
	last := len(c.models) - 1
	var cost, differ, lost float64
	for i := range c.samples {
		s := &c.samples[i]
		accepted := -1
		if s.score <= r.above {
			var answers [mostCheap]string
			for j, model := range r.models {
				answers[j] = s.answers[model]
				cost += s.costs[model]
				at, done := r.verdict(answers[:j+1])
				if done {
					accepted = at
					break
				}
			}
		}
		if accepted < 0 {
			cost += s.costs[last]
			continue
		}
		if model := r.models[accepted]; s.answers[model] != s.answers[last] {
			differ++
			lost += s.right[last] - s.right[model]
		}
	}
	n := float64(len(c.samples))
	share := (differ + pseudo) / n
	net := min(1, max(leastNet, lost/(differ+pseudo)+doubtNet))
	r.cost = cost / n
	r.loss = net * (share + caution*math.Sqrt(share*(1-min(share, 1))/n))
}

// believe works out how often each model is right, from who agrees with whom,
// and from that how likely each answer is (Dawid and Skene's model with one
// figure a model). Cheap models err alike, so the votes of several count for
// less than theirs added up.
func (c *Cascade) believe() {
	models := len(c.models)
	skill := make([]float64, models)
	for m := range skill {
		skill[m] = cheapSkill
	}
	skill[models-1] = referenceSkill
	for range 8 {
		for i := range c.samples {
			c.samples[i].believe(skill)
		}
		for m := range skill {
			start := cheapSkill
			if m == models-1 {
				start = referenceSkill
			}
			sum := firmness * start
			for i := range c.samples {
				sum += c.samples[i].right[m]
			}
			skill[m] = min(0.99, sum/(firmness+float64(len(c.samples))))
		}
	}
}

// believe notes how likely each answer is, if models are right as often as
// skill says.
func (s *sample) believe(skill []float64) {
	last := len(skill) - 1
	var sum float64
	for m, answer := range s.answers {
		var cheap, voters float64
		for k := range last {
			weight := math.Log(max(skill[k], 0.05) * choices / (1 - skill[k]))
			if s.answers[k] == answer {
				cheap += weight
				voters++
			}
		}
		belief := cheap / (1 + alike*max(0, voters-1))
		if s.answers[last] == answer {
			belief += math.Log(skill[last] * choices / (1 - skill[last]))
		}
		s.right[m] = math.Exp(belief)
		if slices.Index(s.answers, answer) == m {
			sum += s.right[m]
		}
	}
	sum += 1 // another answer than all of these
	for m := range s.right {
		s.right[m] /= sum
	}
}
