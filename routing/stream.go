package routing

import "math"

// Stream is what experience says of one kind of requests: how often two models
// of a tier have agreed on an answer, and how often one of a higher tier has
// agreed to it. Models that are seldom right seldom agree, so the rate tells what
// the tier is worth before anybody has said which answers were right. What was
// seen long ago fades. The zero value has seen nothing. It is not safe for
// concurrent use.
type Stream struct {
	// Loss is the share of answers of a tier that nobody else looks at which may
	// be worse than a higher tier's.
	Loss    float64
	tiers   [maxTiers]struct{ beside, above tally }
	started int
	asked   int
}

// maxTiers is how many tiers experience is kept of.
const maxTiers = 8

// tally counts the answers of a tier that another model has looked at.
type tally struct{ agreed, asked float64 }

const (
	// remembered is how much of a tally is left when the next answer is counted:
	// about the last hundred count.
	remembered = 0.99
	// enough is how many answers there must be before they say anything.
	enough = 12
	// plenty is how many it takes to go without a check.
	plenty = 50
	// weakSkill is how often a model has to be right for its tier to be used: at
	// 0.8, two that agree are wrong in one of fifty cases.
	weakSkill = 0.8
	// wrongAlike is the chance that two wrong answers are the same.
	wrongAlike = 0.25
	// tentative is how often a tier that was too weak gets another chance: once in
	// so many requests.
	tentative = 25
	// sampling is how often a higher tier is asked about a tier that has proved
	// itself: once in so many answers.
	sampling = 10
)

// Observe takes in whether another model has agreed to an answer of a tier: one
// of the same tier or, if above is set, of a higher one.
func (s *Stream) Observe(tier int, agreed, above bool) {
	if tier >= maxTiers {
		return
	}
	t := &s.tiers[tier].beside
	if above {
		t = &s.tiers[tier].above
	}
	t.agreed *= remembered
	t.asked *= remembered
	t.asked++
	if agreed {
		t.agreed++
	}
}

// Start is the tier that the next request should start at in place of tier: the
// first from there on whose models are right often enough, as far as is known.
// Once in a while it is the one below, to see whether that has become better:
// probe is true then, and the answer has to be checked.
func (s *Stream) Start(tier, top int) (start int, probe bool) {
	for start = tier; start < min(top, maxTiers) && s.weak(start); start++ {
	}
	if start == tier {
		return start, false
	}
	s.started++
	if s.started%tentative == 0 {
		return start - 1, true
	}
	return start, false
}

// weak reports whether a tier's models are known to be wrong too often.
func (s *Stream) weak(tier int) bool {
	if tier >= maxTiers {
		return false
	}
	t := &s.tiers[tier]
	return t.beside.asked >= enough && t.beside.skill(1) < weakSkill || t.above.asked >= enough && t.above.objected() > s.Loss
}

// Proven reports whether a tier's models are known to be right often enough.
func (s *Stream) Proven(tier int) bool {
	return tier < maxTiers && s.tiers[tier].beside.asked >= enough && !s.weak(tier)
}

// Trusts reports whether the next answer of a tier may go unchecked: its models
// are right so often that what a check would find is within Loss. Now and then
// one is checked all the same, to see that it stays so.
func (s *Stream) Trusts(tier int) bool {
	if tier >= maxTiers || s.tiers[tier].beside.asked < plenty || s.tiers[tier].beside.skill(-1) < 1-s.Loss {
		return false
	}
	s.asked++
	return s.asked%sampling != 0
}

// Curious reports whether a higher tier should be asked about an answer that
// nobody beside or below can judge: until enough is known, and then now and then.
func (s *Stream) Curious(tier int) bool {
	if tier >= maxTiers {
		return false
	}
	s.asked++
	return s.tiers[tier].above.asked < enough || s.asked%sampling == 0
}

// objected is how often the higher tier has objected, at least.
func (t *tally) objected() float64 {
	rate := 1 - t.agreed/t.asked
	return rate - 0.5*math.Sqrt(rate*(1-rate)/t.asked)
}

// skill is how often a model of the tier is right, if two are independent of
// each other: they agree with the chance p² + c(1-p)². As what was seen is not
// much, it is the figure for a rate that is half a standard deviation higher, or
// lower for a side of -1.
func (t *tally) skill(side float64) float64 {
	rate := t.agreed / t.asked
	rate += side * 0.5 * math.Sqrt((rate*(1-rate)+0.05)/t.asked)
	const c = wrongAlike
	// (1+c)p² - 2cp + c - rate = 0
	under := c*c - (1+c)*(c-rate)
	if under <= 0 {
		return c / (1 + c)
	}
	return min(1, (c+math.Sqrt(under))/(1+c))
}
