package translate

import (
	"math"
	"testing"
)

func TestInt(t *testing.T) {
	f := func(raw string, want int64, ok bool) {
		t.Helper()
		got, gotOK := Int([]byte(raw))
		if gotOK != ok || ok && got != want {
			t.Errorf("%s: got %d %v, want %d %v", raw, got, gotOK, want, ok)
		}
	}
	f("0", 0, true)
	f("-0", 0, true)
	f("42", 42, true)
	f("-42", -42, true)
	f("100.0", 100, true) // edge case 78
	f("100.000", 100, true)
	f("999999999999999999", 999999999999999999, true)
	f("9999999999999999999", 0, false)
	f("100.5", 0, false)
	f("1e2", 0, false)
	f(`"100"`, 0, false)
	f("null", 0, false)
	f("", 0, false)
	f("-", 0, false)
}

func TestAppendUSD(t *testing.T) {
	f := func(nano int64, want string) {
		t.Helper()
		if got := string(AppendUSD([]byte("$"), nano)); got != "$"+want {
			t.Errorf("%d: got %s, want $%s", nano, got, want)
		}
	}
	f(0, "0")
	f(1, "0.000000001")
	f(12500, "0.0000125")
	f(100_000_000, "0.1")
	f(1_000_000_000, "1")
	f(1_050_000_000, "1.05")
	f(-12500, "-0.0000125")
	f(-2_000_000_000, "-2")
	f(math.MaxInt64, "9223372036.854775807")
	f(math.MinInt64, "-9223372036.854775808")
}

func TestParseUSD(t *testing.T) {
	f := func(text string, want int64, ok bool) {
		t.Helper()
		if got, fine := ParseUSD([]byte(text)); fine != ok || ok && got != want {
			t.Errorf("%q: %d %v, want %d %v", text, got, fine, want, ok)
		}
	}
	f("0", 0, true)
	f("0.0000125", 12500, true)
	f("1.5", 1_500_000_000, true)
	f("1000000000", 1_000_000_000_000_000_000, true)
	f("0.0000000019", 1, true)
	f("1000000000.1", 0, false)
	f("9999999999", 0, false)
	f("99999999999", 0, false)
	for _, bad := range []string{"", ".", "1.", ".5", "-1", "+1", "1e3", "1,5", "0x1", " 1", "NaN"} {
		f(bad, 0, false)
	}
}
