package conversation

import (
	"bytes"
	"slices"
	"sort"

	"github.com/ai-mcp-gateway/gateway/store"
)

// alignment is how incoming messages stand to the stored ones.
type alignment struct {
	// before is how many stored messages go before the incoming ones, counted
	// from the oldest known.
	before int
	// fresh is the index of the first incoming message that is new.
	fresh int
	// common says that there is a message in common, or that there need be
	// none.
	common bool
}

// sent is an incoming message and its digest.
type sent struct {
	raw    []byte
	item   item
	digest [16]byte
}

// align compares the incoming turns with the stored ones; the package comment
// has the rules.
func align(stored []store.Message, incoming []sent) alignment {
	s, in := comparableStored(stored), comparableSent(incoming)
	a := alignTurns(s.of(stored), in, incoming)
	return alignment{before: s.place(a.before, len(stored)), fresh: placeFresh(in, a.fresh, incoming), common: a.common}
}

// indices are the places of the messages that are compared.
type indices []int

func comparableStored(stored []store.Message) indices {
	list := make(indices, 0, len(stored))
	for i := range stored {
		if !isSilent(&stored[i]) {
			list = append(list, i)
		}
	}
	return list
}

// isSilent is what item.silent was when the message was stored.
func isSilent(m *store.Message) bool { return m.Digest == silentDigest }

func comparableSent(incoming []sent) indices {
	list := make(indices, 0, len(incoming))
	for i := range incoming {
		if !incoming[i].item.silent {
			list = append(list, i)
		}
	}
	return list
}

func (x indices) of(stored []store.Message) []*store.Message {
	list := make([]*store.Message, len(x))
	for i, at := range x {
		list[i] = &stored[at]
	}
	return list
}

// place returns where the message of number i stands, or the end.
func (x indices) place(i, end int) int {
	if i >= len(x) {
		return end
	}
	if i == 0 {
		return 0
	}
	return x[i-1] + 1
}

// placeFresh is where the new incoming messages begin: behind the last one that
// is known, together with silent ones that lead to the next.
func placeFresh(in indices, fresh int, incoming []sent) int {
	switch {
	case fresh == 0:
		return 0
	case fresh == len(in):
		return len(incoming)
	default:
		return in[fresh-1] + 1
	}
}

// alignTurns is align for the messages that are compared.
func alignTurns(stored []*store.Message, in indices, incoming []sent) alignment {
	claim := claimed(in, incoming)
	turn := func(i int) *sent { return &incoming[in[i]] }
	// How the stored messages end, wholly or from somewhere on.
	for m := len(in); m >= max(claim, 1); m-- {
		k := 1
		for ; k <= min(m, len(stored)) && same(stored[len(stored)-k], turn(m-k)); k++ {
		}
		if k > min(m, len(stored)) && len(stored) > 0 {
			return alignment{before: max(len(stored)-m, 0), fresh: m, common: true}
		}
	}
	if claim == 0 || len(stored) == 0 {
		return alignment{before: len(stored), common: true}
	}
	pairs := commonTurns(stored, claim, turn)
	if len(pairs) == 0 {
		return alignment{}
	}
	a := alignment{common: true}
	last := pairs[len(pairs)-1]
	a.fresh = last.in + 1
	if a.fresh == claim {
		for p := last.stored + 1; a.fresh < len(in) && p < len(stored) && same(stored[p], turn(a.fresh)); p++ {
			a.fresh++
		}
	}
	if first := pairs[0]; first.in == 0 && !same(stored[0], turn(0)) {
		a.before = first.stored // a window of the history
	}
	return a
}

// claimed is how many of the incoming turns claim to be history: all up to the
// last answer, unless that is the beginning of the next one (a prefill).
func claimed(in indices, incoming []sent) int {
	n := len(in)
	for n > 0 && incoming[in[n-1]].item.role == assistant {
		n--
	}
	for n > 0 && incoming[in[n-1]].item.role != assistant {
		n--
	}
	return n
}

// same reports whether an incoming message is the stored one. A client may have
// got less of an answer that was cut, or more.
func same(m *store.Message, s *sent) bool {
	if m.Digest == s.digest {
		return true
	}
	if !m.Incomplete || s.item.role != assistant {
		return false
	}
	it := readItem(m.Dialect, m.Raw)
	kept, came := bytes.TrimSpace([]byte(it.plain())), bytes.TrimSpace([]byte(s.item.plain()))
	return bytes.HasPrefix(kept, came) || bytes.HasPrefix(came, kept)
}

// pair is a stored message and the incoming one that it is.
type pair struct{ stored, in int }

// commonTurns returns the longest common subsequence of the stored messages and
// the first claim incoming ones (Hunt and Szymanski): the claim may leave out,
// change and add messages.
func commonTurns(stored []*store.Message, claim int, turn func(i int) *sent) []pair {
	places := make(map[[16]byte][]int, len(stored))
	var cut []int
	for i, m := range stored {
		places[m.Digest] = append(places[m.Digest], i)
		if m.Incomplete {
			cut = append(cut, i)
		}
	}
	type link struct {
		pair
		prev int
	}
	var links []link
	var ends []int // of ends[k]: the link that ends the best chain of length k+1
	for i := range claim {
		s := turn(i)
		at := places[s.digest]
		if at == nil {
			for _, p := range cut {
				if same(stored[p], s) {
					at = append(at, p)
				}
			}
		}
		for _, p := range slices.Backward(at[max(len(at)-maxPlaces, 0):]) {
			k := sort.Search(len(ends), func(k int) bool { return links[ends[k]].stored >= p })
			l := link{pair{p, i}, -1}
			if k > 0 {
				l.prev = ends[k-1]
			}
			links = append(links, l)
			if k == len(ends) {
				ends = append(ends, len(links)-1)
			} else {
				ends[k] = len(links) - 1
			}
		}
	}
	if len(ends) == 0 {
		return nil
	}
	pairs := make([]pair, len(ends))
	for k, at := len(ends)-1, ends[len(ends)-1]; k >= 0; k, at = k-1, links[at].prev {
		pairs[k] = links[at].pair
	}
	return pairs
}

// maxPlaces bounds the stored places of one message that are looked at: the
// work is their number times that of the incoming messages.
const maxPlaces = 64
