package translate

import "testing"

func TestAppendString(t *testing.T) {
	f := func(text, want string) {
		t.Helper()
		if got := string(AppendString([]byte(">"), []byte(text))); got != ">"+want {
			t.Errorf("%q: got %s, want >%s", text, got, want)
		}
	}
	f("", `""`)
	f("plain", `"plain"`)
	f("a\"b\\c/d", `"a\"b\\c/d"`)
	f("\n\r\t\b\x00\x1f\x7f", `"\n\r\t\u0008\u0000\u001f`+"\x7f\"")
	f("<a href='x'>&</a>", `"<a href='x'>&</a>"`) // edge case 90
	f("é\u2028🦊", `"é`+"\u2028"+`🦊"`)
	f("a\xffb\xed\xa0\x80", "\"a\ufffdb\ufffd\ufffd\ufffd\"")
	f("\ufffd", "\"\ufffd\"")
}

func TestAppendText(t *testing.T) {
	f := func(raw, want string) {
		t.Helper()
		if got := string(AppendText([]byte(">"), []byte(raw))); got != ">"+want {
			t.Errorf("%s: got %q, want %q", raw, got, ">"+want)
		}
	}
	f(`""`, "")
	f(`"plain"`, "plain")
	f(`"\"\\\/\b\f\n\r\t"`, "\"\\/\b\f\n\r\t")
	f(`"a\u0000\u00E9\u20ac"`, "a\x00é€")
	f(`"\ud83e\udd8a!"`, "🦊!")
	f(`"\ud83e"`, "\ufffd") // edge case 87
	f(`"\ud83e\u0041"`, "\ufffdA")
	f(`"\udd8a\ud83e\udd8a"`, "\ufffd🦊")
	f(`"\ud83e\\udd8a"`, "\ufffd\\udd8a")
}
