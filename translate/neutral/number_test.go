package neutral

import "testing"

func TestEdge065_Clamp(t *testing.T) {
	f := func(raw string, low, high float64, want string) {
		t.Helper()
		if got := Clamp([]byte(raw), low, high); string(got) != want {
			t.Errorf("%s in [%v, %v]: got %s, want %s", raw, low, high, got, want)
		}
	}
	f("1.7", 0, 1, "1")
	f("-0.1", 0, 1, "0")
	f("0.70", 0, 1, "0.70")
	f("1.0", 0, 1, "1.0")
	f("1e400", 0, 0.95, "0.95")
	f("-1e400", -2, 2, "-2")
	f("3000000000", -2147483648, 2147483647, "2147483647")
	f("", 0, 1, "")
	f("x", 0, 1, "x")
	if Clamp(nil, 1, 2) != nil {
		t.Error("nil is not nil")
	}
}

func TestEdge078_Int(t *testing.T) {
	f := func(raw string, want int64) {
		t.Helper()
		if got := Int([]byte(raw)); got != want {
			t.Errorf("%q: got %d, want %d", raw, got, want)
		}
	}
	f("100.0", 100)
	f("-3", -3)
	f("", 0)
	f("1.5", 0)
	f(`"100"`, 0)
	f("99999999999999999999", 0)
}
