//go:build !race

package cache

import "testing"

func TestSumAllocations(t *testing.T) {
	for _, c := range keyBodies {
		for _, sum := range []func(*Scope, []byte) Key{Sum, SumLocal} {
			sum(&testScope, c.body) // grows the scratch
			if n := testing.AllocsPerRun(100, func() { sum(&testScope, c.body) }); n != 0 {
				t.Errorf("%s: %v allocations, want 0", c.name, n)
			}
		}
	}
}

func TestMemoryAllocations(t *testing.T) {
	m := NewMemory(Config{Memory: 1 << 20})
	stored, absent := key(1), key(2)
	m.Put(stored, entry(100))
	hit := func() { m.Get(stored, false, start) }
	if n := testing.AllocsPerRun(100, hit); n != 0 {
		t.Errorf("%v allocations a hit, want 0", n)
	}
	miss := func() { m.Get(absent, false, start) }
	if n := testing.AllocsPerRun(100, miss); n != 0 {
		t.Errorf("%v allocations a miss, want 0", n)
	}
	var entries []*Entry
	for range 101 { // AllocsPerRun warms up
		entries = append(entries, entry(100))
	}
	put := func() {
		m.Put(stored, entries[0])
		entries = entries[1:]
	}
	if n := testing.AllocsPerRun(100, put); n != 0 {
		t.Errorf("%v allocations a put, want 0", n)
	}
}
