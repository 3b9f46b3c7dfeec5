package routing

import "math/bits"

// Ladder is what a decision may choose from. Tiers are counted from 0, in
// ascending order of price and skill.
type Ladder struct {
	// Start is where an easy request of normal quality goes, Top the highest
	// tier that may be reached.
	Start, Top int
	// Stream is what experience says of such requests; nil is nothing.
	Stream *Stream
	// Allowed has a bit for each tier in which some model may be asked: one
	// that can do what the request needs, and whose price fits.
	Allowed uint64
}

// Decision is where a request goes first, and whether what comes back is
// checked by a second model.
type Decision struct {
	Analysis
	Tier int
	// Check: a second model has to look at the answer, if there is one to ask.
	Check bool
	// Raised and Lowered: experience, or what the request may cost or needs, has
	// moved it away from the table's tier.
	Raised, Lowered bool
}

// step is how far above the ladder's start a request goes, and whether its
// answer is checked.
type step struct {
	up    int
	check bool
}

// decisions is the decision table. A risk has raised the quality before it is
// looked up.
var decisions = [3][3]step{
	//        normal      high        critical
	Low:    {{0, false}, {1, false}, {2, false}},
	Medium: {{0, true}, {1, true}, {2, true}},
	Hard:   {{1, true}, {2, false}, {2, true}},
}

// Decide looks up the tier for an analysed request: the table's, else the next
// lower one that is allowed, else the next higher. At least one is allowed.
func Decide(a *Analysis, l *Ladder) Decision {
	s := decisions[a.Complexity][a.Quality]
	d := Decision{Analysis: *a, Tier: min(l.Start+s.up, l.Top), Check: s.check}
	if l.Stream != nil {
		start, probe := l.Stream.Start(d.Tier, l.Top)
		d.Raised = start > d.Tier
		d.Check = d.Check || probe || d.Raised && start < l.Top // what is known to be hard is not taken on trust
		d.Tier = start
	}
	for at := d.Tier; at >= 0; at-- {
		if l.Allowed>>at&1 == 1 {
			d.Lowered = at < d.Tier
			d.Tier = at
			return d
		}
	}
	d.Tier = bits.TrailingZeros64(l.Allowed) // what it needs is only to be had above
	return d
}
