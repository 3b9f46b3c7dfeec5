//go:build invariants

package bufpool

import "sync/atomic"

// poison is what released bytes read as.
const poison = 0xDB

// guard catches a loan that ended twice and bytes that were written after it.
type guard struct{ released atomic.Bool }

func (g *guard) acquire(b []byte) {
	for _, c := range b[:cap(b)] {
		if c != poison {
			panic("BUG: bufpool: a buffer was written after its release")
		}
	}
	g.released.Store(false)
}

func (g *guard) release(b []byte) {
	if g.released.Swap(true) {
		panic("BUG: bufpool: a buffer was released twice")
	}
	b = b[:cap(b)]
	for i := range b {
		b[i] = poison
	}
}
