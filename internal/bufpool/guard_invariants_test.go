//go:build invariants

package bufpool

import (
	"bytes"
	"testing"
)

func TestReleasePoisons(t *testing.T) {
	b := Get(16)
	b.B = append(b.B, "secret"...)
	kept := b.B
	b.Release()
	if !bytes.Equal(kept, bytes.Repeat([]byte{poison}, len(kept))) {
		t.Errorf("released bytes read %q", kept)
	}
}

func TestMisusePanics(t *testing.T) {
	f := func(name string, misuse func()) {
		t.Helper()
		defer func() {
			if recover() == nil {
				t.Errorf("%s did not panic", name)
			}
		}()
		misuse()
	}
	f("double release", func() {
		b := Get(5 << 20)
		b.Release()
		b.Release()
	})
	f("write after release", func() {
		var g guard
		array := make([]byte, 8)
		g.release(array)
		array[7] = 1
		g.acquire(array)
	})
}
