//go:build !race

package tenant

import "testing"

func TestLookupDoesNotAllocate(t *testing.T) {
	d := directory(t)
	f := func(credential string) {
		t.Helper()
		b := []byte(credential)
		if n := testing.AllocsPerRun(100, func() { d.Lookup(b) }); n != 0 {
			t.Errorf("Lookup(%q) allocates %v times, want 0", credential, n)
		}
	}
	f(canary)
	f("nobody")
}
