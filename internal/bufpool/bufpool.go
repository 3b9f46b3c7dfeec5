// Package bufpool lends byte buffers in power-of-two size classes, so that a
// small request never holds the array of a large one.
//
// A Buffer belongs to whoever got it until Release; its bytes, and every slice
// of them, die there. Built with the tag invariants, released bytes are
// overwritten, and a double release or a write after release panics.
package bufpool

import (
	"math/bits"
	"slices"
	"sync"
)

const (
	minShift = 10 // 1 KiB
	maxShift = 20 // 1 MiB

	// maxPooled is the largest array that is kept, in bytes.
	maxPooled = 1 << maxShift
)

// pools[i] holds buffers of at least 1<<(minShift+i) bytes.
var pools [maxShift - minShift + 1]sync.Pool

// Buffer is a borrowed array. B may be appended to, resliced from its start
// and replaced; Release takes whatever B is by then.
type Buffer struct {
	guard guard // first: a last field of size zero would be padded

	B []byte
}

// Get returns an empty buffer with room for at least capacity bytes. More than
// 1 MiB is allocated to size and not pooled.
func Get(capacity int) *Buffer {
	if capacity > maxPooled {
		return &Buffer{B: make([]byte, 0, capacity)}
	}
	class := classFor(capacity)
	if b, ok := pools[class].Get().(*Buffer); ok {
		b.guard.acquire(b.B)
		return b
	}
	return &Buffer{B: make([]byte, 0, 1<<(minShift+class))}
}

// Grow makes room for n more bytes after len(B). It may move the bytes, and
// then gives the old array back: slices taken from B before are dead.
func (b *Buffer) Grow(n int) {
	if cap(b.B)-len(b.B) >= n {
		return
	}
	need := len(b.B) + n
	if need > maxPooled {
		b.B = slices.Grow(b.B, n)
		return
	}
	bigger := Get(need)
	bigger.B = append(bigger.B, b.B...)
	b.B, bigger.B = bigger.B, b.B
	bigger.Release()
}

// Release ends the loan: neither b nor a slice of B may be used after it. A
// buffer that has grown goes to the class it now fills.
func (b *Buffer) Release() {
	b.guard.release(b.B)
	size := cap(b.B)
	if size < 1<<minShift || size > maxPooled {
		return
	}
	b.B = b.B[:0]
	pools[bits.Len(uint(size))-1-minShift].Put(b)
}

// classFor returns the smallest class whose buffers hold capacity bytes.
func classFor(capacity int) int {
	if capacity <= 1<<minShift {
		return 0
	}
	return bits.Len(uint(capacity-1)) - minShift
}
