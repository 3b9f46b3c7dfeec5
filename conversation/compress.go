package conversation

import "math"

// Text is a message as compression sees it.
type Text struct {
	// Role is "system", "user", "assistant" or "tool"; Name is who speaks,
	// where that is known, and counts as a word of the text.
	Role, Name, Text string
	// Tokens is how long the message is for a model, whatever is around the
	// text included.
	Tokens int
	// Group above 0: texts of one group (a tool call and its results) stay or
	// go together.
	Group int
}

// How texts are weighed. BM25's two constants are the usual ones for short
// documents. What stands next to a match is what it answers or is answered by,
// which is worth more than any refinement of the match itself: without the
// neighbours a third more of the evidence is lost (see docs/quality.md).
const (
	saturation = 1.2  // BM25's k1: how soon more of the same word stops counting
	lengthNorm = 0.5  // BM25's b: how much long texts are held back
	next       = 0.5  // of a match goes to each text beside it
	nextButOne = 0.25 // and to each text beside those
	saying     = 0.1  // of the best match goes to a text that says the most
	marking    = 1.5  // how much more than other words numbers and names say
	again      = 0.2  // of what a term says is left each time it has been said
	opening    = 2    // times as much say the first ten: what it is all about
)

// relevance is how much each of texts matters for query; for an empty query,
// or one with none of the texts' words, for what the texts say together.
func relevance(texts []Text, query string) []float64 {
	x := newIndex(texts)
	return x.scores(texts, x.wanted(query))
}

// scores are what relevance returns, for the weights of a query's terms; nil
// without any.
func (x *index) scores(texts []Text, wanted []float64) []float64 {
	if wanted == nil {
		return x.coverage(texts)
	}
	return x.relevance(wanted)
}

// index is the words of some texts, counted.
type index struct {
	terms    map[string]int32 // to the place in the two lists below
	in       []int32          // in how many texts a term is
	marked   []bool
	docs     [][]count // the terms of each text
	lengths  []float64 // in terms
	mean     float64   // of lengths
	mass     []float64 // how much each text says: the sum of its terms' weights
	lastSeen []int32   // while the index is built: the last text with a term, from 1
	lastAt   []int32   // and the term's place in its counts
}

type count struct {
	term int32
	n    float32
}

func newIndex(texts []Text) *index {
	x := &index{
		terms:   make(map[string]int32, 8*len(texts)),
		docs:    make([][]count, len(texts)),
		lengths: make([]float64, len(texts)),
		mass:    make([]float64, len(texts)),
	}
	var counts []count
	for i := range texts {
		begin := len(counts)
		add := func(term []byte, marked bool) {
			counts = x.add(counts, begin, int32(i)+1, term, marked)
			x.lengths[i]++
		}
		eachTerm(texts[i].Text, add)
		eachTerm(texts[i].Name, add)
		x.docs[i] = counts[begin:len(counts):len(counts)]
		x.mean += x.lengths[i] / float64(len(texts))
	}
	for i := range x.docs {
		for _, c := range x.docs[i] {
			x.mass[i] += x.says(c.term)
		}
	}
	return x
}

// add counts a term of the text with that number, whose counts begin at begin.
func (x *index) add(counts []count, begin int, text int32, term []byte, marked bool) []count {
	id, known := x.terms[string(term)]
	if !known {
		id = int32(len(x.in))
		x.terms[string(term)] = id
		x.in, x.marked = append(x.in, 0), append(x.marked, false)
		x.lastSeen, x.lastAt = append(x.lastSeen, 0), append(x.lastAt, 0)
	}
	x.marked[id] = x.marked[id] || marked
	if x.lastSeen[id] == text {
		counts[begin+int(x.lastAt[id])].n++
		return counts
	}
	x.lastSeen[id], x.lastAt[id] = text, int32(len(counts)-begin)
	x.in[id]++
	return append(counts, count{id, 1})
}

// weight is the inverse document frequency of a term: what it says of a text
// that it is in this one.
func (x *index) weight(term int32) float64 {
	n := float64(x.in[term])
	return math.Log1p((float64(len(x.docs)) - n + 0.5) / (n + 0.5))
}

// says is the weight of a term where nothing is asked for.
func (x *index) says(term int32) float64 {
	if x.marked[term] {
		return marking * x.weight(term)
	}
	return x.weight(term)
}

// relevance is how much each text matters for the wanted terms.
func (x *index) relevance(wanted []float64) []float64 {
	match := make([]float64, len(x.docs)+4) // two empty texts before and behind
	best, most := 0.0, 1e-9
	for i := range x.docs {
		match[i+2] = x.match(i, wanted)
		best, most = max(best, match[i+2]), max(most, x.mass[i])
	}
	scores := make([]float64, len(x.docs))
	for i := range scores {
		m := match[i : i+5]
		scores[i] = m[2] + next*(m[1]+m[3]) + nextButOne*(m[0]+m[4]) + saying*best*x.mass[i]/most
	}
	return scores
}

// wanted is the weight of each term in a query; nil when none of the query's
// terms is in the texts.
func (x *index) wanted(query string) []float64 {
	var weights []float64
	eachTerm(query, func(term []byte, _ bool) {
		if id, known := x.terms[string(term)]; known {
			if weights == nil {
				weights = make([]float64, len(x.in))
			}
			weights[id] = x.weight(id)
		}
	})
	return weights
}

// match is the BM25 of a text.
func (x *index) match(doc int, wanted []float64) float64 {
	score := 0.0
	norm := saturation * (1 - lengthNorm + lengthNorm*x.lengths[doc]/max(x.mean, 1))
	for _, c := range x.docs[doc] {
		n := float64(c.n)
		score += wanted[c.term] * n * (saturation + 1) / (n + norm)
	}
	return score
}
