package routing

import "math"

// Learner bends a Prior to the outcomes of one stream of requests. It learns a
// correction of the prior from the shape of the texts, as the mean of a
// Gaussian posterior, and follows it only as far as it has earned: before each
// outcome is learned from, it is predicted with and without the correction,
// and the correction counts when it has been the better guess so far. So a
// stream that the prior knows well is not made worse by a few odd outcomes.
//
// It is not safe for concurrent use.
type Learner struct {
	prior *Prior
	// covariance is of the weights, mean is what they are.
	covariance [inputs][inputs]float64
	mean       [inputs]float64
	// lead is by how much the squared errors without the correction were larger
	// than with it, in all, and spread the sum of the squares of that; older
	// ones fade.
	lead, spread float64
	outcomes     int
}

// inputs of a correction: a constant, the prior's guess, and the shape.
const inputs = 2 + int(shapes)

const (
	// doubt is the variance of a weight before anything was learned, noise
	// that of an outcome around what can be foreseen of it.
	doubt, noise = 0.0001, 0.25
	// fading is how much of the errors is remembered from one outcome to the
	// next.
	fading = 0.995
	// early is how many outcomes there must be before the correction counts.
	early = 10
	// proof is how many standard deviations the lead must be from none.
	proof = 1.7
)

// NewLearner returns one that has learned nothing.
func NewLearner(p *Prior) *Learner {
	l := &Learner{prior: p}
	for i := range l.covariance {
		l.covariance[i][i] = doubt
	}
	l.covariance[0][0] *= 4
	return l
}

// Score is the guess for text, the prior's until outcomes say better.
func (l *Learner) Score(text []byte) float32 {
	g := l.prior.guess(text)
	x := l.input(&g, len(text))
	return g.score + float32(l.trust()*l.correction(&x))
}

// Learn takes in what the premium model gained on text, -1 to 1.
func (l *Learner) Learn(text []byte, gain float64) {
	g := l.prior.guess(text)
	x := l.input(&g, len(text))
	plain := gain - float64(g.score)
	bent := plain - l.correction(&x)
	lead := plain*plain - bent*bent
	l.lead = fading*l.lead + lead
	l.spread = fading*l.spread + lead*lead
	l.outcomes++

	var spread [inputs]float64
	variance := noise
	for i := range spread {
		for j := range x {
			spread[i] += l.covariance[i][j] * x[j]
		}
		variance += spread[i] * x[i]
	}
	for i := range spread {
		l.mean[i] += spread[i] / variance * bent
		for j := range spread {
			l.covariance[i][j] -= spread[i] * spread[j] / variance
		}
	}
}

// trust is how much of the correction counts, 0 to 1.
func (l *Learner) trust() float64 {
	if l.outcomes < early || l.lead <= proof*math.Sqrt(l.spread) {
		return 0
	}
	return 1
}

func (l *Learner) correction(x *[inputs]float64) (sum float64) {
	for i := range x {
		sum += l.mean[i] * x[i]
	}
	return sum
}

func (l *Learner) input(g *guess, size int) (x [inputs]float64) {
	s := g.count.shape(size)
	x[0], x[1] = 1, float64(g.score)*5
	for i := range s {
		x[2+i] = float64(l.prior.standard(&s, i))
	}
	return x
}
