package routing

import "math"

// gramBits is the size of the table of words and pairs of words.
const gramBits = 18

const (
	// codeGain is added for code and for the wish to have some. The public
	// outcomes that the prior is fitted on have no code in them, and in all
	// that is published small models fall behind there most, so it is set by
	// hand, above what any other text gets.
	codeGain = 0.3
	// knownShare is the share of the words and pairs of a text that the prior
	// must have met to have an opinion of them.
	knownShare = 0.35
	// clip bounds each figure of the shape, in standard deviations.
	clip = 3
)

// Prior guesses from a text what the premium model gains over the cheap one:
// the chance that only it is right, less the chance that only the other is.
type Prior struct {
	grams []int8  // by slot; 0 for those never met
	scale float32 // of grams
	bias  float32
	// mean and deviation are of the shape, rate what a standard deviation counts.
	mean, deviation, rate shape
}

// guess is what a Prior says of a text.
type guess struct {
	score float32
	known bool // it has met texts of this kind
	count counter
}

// guess reads text once. It does not allocate.
func (p *Prior) guess(text []byte) (g guess) {
	var grams gramSet
	var sum, met int
	g.count = grams.read(text, func(slot uint32) {
		if weight := p.grams[slot]; weight != 0 {
			sum, met = sum+int(weight), met+1
		}
	})
	s := g.count.shape(len(text))
	g.score = p.bias + p.shapeScore(&s) + codeGain*s[shapeCode]
	if met > 0 {
		share := float32(met) / float32(grams.size)
		g.known = share >= knownShare
		g.score += p.scale * float32(sum) / sqrt(met) * min(1, share/knownShare)
	}
	return g
}

// breaks counts the line ends in the space between two words.
func (c *counter) breaks(space []byte) bool {
	n := 0
	for _, b := range space {
		if b == '\n' {
			n++
		}
	}
	c.lines += n
	return n > 0
}

func (p *Prior) shapeScore(s *shape) (score float32) {
	for i := range s {
		score += p.rate[i] * p.standard(s, i)
	}
	return score
}

// standard is figure i of a shape in standard deviations from the mean.
func (p *Prior) standard(s *shape, i int) float32 {
	return max(-clip, min(clip, (s[i]-p.mean[i])/p.deviation[i]))
}

func sqrt(n int) float32 { return float32(math.Sqrt(float64(n))) }

// Score is the guess for text: higher means that the premium model is more
// likely needed. known says whether the prior has met texts of this kind; where
// it has not, the score is that of the text's shape. It does not allocate.
func (p *Prior) Score(text []byte) (score float32, known bool) {
	g := p.guess(text)
	return g.score, g.known
}
