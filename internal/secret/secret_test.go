package secret

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

const canary = "sk-canary-5f2e"

// Hex and the numbers of the bytes give a secret away as well as its text.
var traces = []string{"canary", "736b2d63616e617279", "736B2D63616E617279", "115 107 45 99"}

func leaks(t *testing.T, how, out string) {
	t.Helper()
	for _, trace := range traces {
		if strings.Contains(out, trace) {
			t.Errorf("%s shows the secret: %s", how, out)
		}
	}
}

func TestReveal(t *testing.T) {
	f := func(s String, want string) {
		t.Helper()
		if got := s.Reveal(); got != want {
			t.Errorf("Reveal() = %q, want %q", got, want)
		}
		if got := s.Empty(); got != (want == "") {
			t.Errorf("Empty() = %v for %q", got, want)
		}
	}
	f(String{}, "")
	f(New(""), "")
	f(New(canary), canary)
}

func TestComparable(t *testing.T) {
	f := func(a, b String, want bool) {
		t.Helper()
		if got := a == b; got != want {
			t.Errorf("%q == %q: %v, want %v", a.Reveal(), b.Reveal(), got, want)
		}
	}
	f(New("a"), New(string([]byte{'a'})), true)
	f(New("a"), New("b"), false)
	f(String{}, New(""), true)
	f(String{}, New("a"), false)
}

func TestFmtShowsNoSecret(t *testing.T) {
	type open struct {
		Key  String
		Keys []String
		Map  map[string]String
	}
	type closed struct {
		key  String
		keys []String
	}
	s := New(canary)
	values := []any{
		s, &s,
		[]String{s},
		[1]String{s},
		map[string]String{"a": s},
		open{s, []String{s}, map[string]String{"a": s}},
		&open{Key: s},
		closed{s, []String{s}},
		&closed{key: s},
		fmt.Errorf("key %v", s),
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "% x", "%d", "%t", "%c", "%U", "%e", "%T", "%z"} {
		for _, v := range values {
			leaks(t, fmt.Sprintf("%s of %T", verb, v), fmt.Sprintf(verb, v))
		}
	}
	if got := fmt.Sprint(s); got != placeholder {
		t.Errorf("Sprint = %q, want %q", got, placeholder)
	}
}

func TestEncodersShowNoSecret(t *testing.T) {
	s := New(canary)
	out, err := json.Marshal(map[string]any{"one": s, "pointer": &s, "list": []String{s}})
	if err != nil {
		t.Fatal(err)
	}
	leaks(t, "json", string(out))
	if want := `{"list":["[redacted]"],"one":"[redacted]","pointer":"[redacted]"}`; string(out) != want {
		t.Errorf("json = %s, want %s", out, want)
	}

	var log bytes.Buffer
	for _, h := range []slog.Handler{slog.NewJSONHandler(&log, nil), slog.NewTextHandler(&log, nil)} {
		slog.New(h).Info("m", "one", s, "pointer", &s, "list", []String{s}, "struct", struct{ Key String }{s}, "closed", struct{ key String }{s})
	}
	leaks(t, "slog", log.String())
}
