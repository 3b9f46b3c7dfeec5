//go:build !race

package bufpool

import "testing"

func TestLoanDoesNotAllocate(t *testing.T) {
	loan := func() {
		b := Get(100)
		b.B = append(b.B, "hello"...)
		b.Grow(60_000)
		b.Release()
	}
	if n := testing.AllocsPerRun(200, loan); n != 0 {
		t.Errorf("a loan allocates %v times, want 0", n)
	}
}
