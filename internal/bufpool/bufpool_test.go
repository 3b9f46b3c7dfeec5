package bufpool

import (
	"bytes"
	"sync"
	"testing"
)

func TestGetCapacity(t *testing.T) {
	f := func(capacity, want int) {
		t.Helper()
		b := Get(capacity)
		defer b.Release()
		if len(b.B) != 0 || cap(b.B) < capacity {
			t.Fatalf("Get(%d): len %d, cap %d", capacity, len(b.B), cap(b.B))
		}
		if got := len(b.B[:cap(b.B)]); got < want || got >= 2*want {
			t.Errorf("Get(%d): cap %d, want class %d", capacity, got, want)
		}
	}
	f(-1, 1<<10)
	f(0, 1<<10)
	f(1, 1<<10)
	f(1<<10, 1<<10)
	f(1<<10+1, 1<<11)
	f(4000, 1<<12)
	f(1<<19+1, 1<<20)
	f(1<<20, 1<<20)
	f(1<<20+1, 1<<20+1)
	f(5<<20, 5<<20)
}

func TestGrowKeepsBytes(t *testing.T) {
	f := func(length, grow int) {
		t.Helper()
		b := Get(0)
		defer b.Release()
		want := bytes.Repeat([]byte("abc"), length)[:length]
		b.B = append(b.B, want...)
		b.Grow(grow)
		if cap(b.B)-len(b.B) < grow {
			t.Errorf("Grow(%d) at %d left room for %d", grow, length, cap(b.B)-len(b.B))
		}
		if !bytes.Equal(b.B, want) {
			t.Errorf("Grow(%d) at %d changed the bytes", grow, length)
		}
	}
	f(0, 0)
	f(10, 1000)
	f(1000, 25)
	f(1024, 1)
	f(3000, 100_000)
	f(1<<20, 1)
	f(3<<20, 1<<20)
}

// A released buffer may come back from any class up to its capacity, so the
// class must never promise more than the array holds.
func TestReleaseFitsItsClass(t *testing.T) {
	for _, capacity := range []int{0, 100, 1023, 1024, 1500, 2047, 2048, 5000, 1 << 20, 1<<20 + 1, 3 << 20} {
		(&Buffer{B: make([]byte, capacity/2, capacity)}).Release()
	}
	(&Buffer{}).Release()
	for class := range pools {
		for range 4 {
			b := Get(1 << (minShift + class))
			if len(b.B) != 0 || cap(b.B) < 1<<(minShift+class) || cap(b.B) > maxPooled {
				t.Errorf("class %d: len %d, cap %d", class, len(b.B), cap(b.B))
			}
		}
	}
}

func TestConcurrentLoansAreApart(t *testing.T) {
	var wg sync.WaitGroup
	for id := range 8 {
		wg.Go(func() {
			for i := range 500 {
				b := Get(i * 7)
				for range 40 {
					b.Grow(64)
					b.B = append(b.B, bytes.Repeat([]byte{byte(id)}, 64)...)
				}
				if bytes.Count(b.B, []byte{byte(id)}) != len(b.B) {
					t.Errorf("loan %d saw foreign bytes", id)
				}
				b.Release()
			}
		})
	}
	wg.Wait()
}

func BenchmarkBuffer(b *testing.B) {
	b.Run("get-release", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			Get(4000).Release()
		}
	})
	b.Run("grow", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			buf := Get(0)
			buf.Grow(4000)
			buf.Release()
		}
	})
}
