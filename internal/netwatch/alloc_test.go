//go:build !race

package netwatch

import "testing"

func TestAddRemoveDoesNotAllocate(t *testing.T) {
	c := connect(t, 1)[0]
	w := watch(t)
	n := testing.AllocsPerRun(1000, func() {
		w.Add(&c.Watch, c.fd, c)
		w.Remove(&c.Watch)
	})
	if n != 0 {
		t.Errorf("Add and Remove allocate %v times, want 0", n)
	}
}
