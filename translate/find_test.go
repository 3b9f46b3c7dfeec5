package translate

import (
	"bytes"
	"testing"
)

func TestHolds(t *testing.T) {
	needle := []byte(`"a_b"`)
	for _, body := range []string{
		"", "_", `"a_b"`, `"a_b`, `a_b"`, `x"a_b"`, `"a_c""a_b"y`, `__"a_b"`, `"a_"a_b"`, `_a_b"`, `"a_a_b"`,
	} {
		if have, want := Holds([]byte(body), needle, 2), bytes.Contains([]byte(body), needle); have != want {
			t.Errorf("%s: %v", body, have)
		}
	}
}
