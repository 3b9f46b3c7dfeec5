package conversation

import (
	"cmp"
	"container/heap"
	"math"
)

// coverage is how much each text adds to those with higher scores: texts are
// taken one by one, always the one with the most that was not said yet for its
// length. What is said once, such as a name, a number or a decision, is kept
// that way, and of a hundred texts that say the same only the first scores
// well. (To weigh terms by how often they come again keeps the hundred.)
func (x *index) coverage(texts []Text) []float64 {
	left := make([]float64, len(x.in)) // of what each term says
	for id := range left {
		left[id] = x.says(int32(id))
	}
	gain := func(text int) float64 {
		sum := 0.0
		for _, c := range x.docs[text] {
			sum += left[c.term]
		}
		if text < 10 {
			sum *= opening
		}
		return sum / math.Sqrt(float64(max(texts[text].Tokens, 1)+frameTokens))
	}
	var queue candidates
	for i := range texts {
		queue = append(queue, candidate{i, gain(i)})
	}
	heap.Init(&queue)
	scores := make([]float64, len(texts))
	for n := len(texts); len(queue) > 0; {
		best := &queue[0]
		// Gains only fall, so that one that is still ahead is the best.
		if now := gain(best.text); now < best.gain {
			best.gain = now
			heap.Fix(&queue, 0)
			continue
		}
		for _, c := range x.docs[best.text] {
			left[c.term] *= again
		}
		scores[best.text] = float64(n)
		n--
		heap.Pop(&queue)
	}
	return scores
}

// candidate is a text with its gain, or with more when others were taken since.
type candidate struct {
	text int
	gain float64
}

type candidates []candidate

// The methods of heap.Interface; of equals the earlier is the better.
func (c candidates) Len() int      { return len(c) }
func (c candidates) Swap(i, j int) { c[i], c[j] = c[j], c[i] }
func (c candidates) Less(i, j int) bool {
	return cmp.Or(cmp.Compare(c[j].gain, c[i].gain), cmp.Compare(c[i].text, c[j].text)) < 0
}
func (c *candidates) Push(v any) { *c = append(*c, v.(candidate)) } //nolint:forcetypeassert // nothing else is pushed
func (c *candidates) Pop() any {
	last := (*c)[len(*c)-1]
	*c = (*c)[:len(*c)-1]
	return last
}
