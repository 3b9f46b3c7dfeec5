package simulator

import (
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// faultTests shows every fault to a bare TCP client: each function is called with a fresh server that behaves well.
var faultTests = []map[string]func(t *testing.T, s *Server){connectionTests, timingTests, framingTests, statusTests, bodyTests, streamTests, answerTests}

func TestFault(t *testing.T) {
	for _, group := range faultTests {
		for name, test := range group {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				test(t, start(t, Config{Seed: 1}))
			})
		}
	}
}

func TestFault_AllShownAndDocumented(t *testing.T) {
	var shown []string
	for _, group := range faultTests {
		shown = append(shown, slices.Collect(maps.Keys(group))...)
	}
	slices.Sort(shown)
	all := slices.Sorted(maps.Keys(faults))
	if diff := cmp.Diff(all, shown); diff != "" {
		t.Errorf("faults without a test (-) and tests without a fault (+):\n%s", diff)
	}
	doc, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	var listed []string
	for line := range strings.Lines(string(doc)) {
		if entry, ok := strings.CutPrefix(line, "//\t"); ok && entry[0] != ' ' {
			name := strings.FieldsFunc(entry, func(r rune) bool { return strings.ContainsRune(" =[\n", r) })[0]
			if !strings.HasPrefix(name, "sim-") && !strings.HasPrefix(name, "bench-") && name[0] != '/' {
				listed = append(listed, name)
			}
		}
	}
	slices.Sort(listed)
	if diff := cmp.Diff(all, listed); diff != "" {
		t.Errorf("faults not in the package comment (-) and not there (+):\n%s", diff)
	}
}

func TestPlan_parse(t *testing.T) {
	f := func(spec, want string) {
		t.Helper()
		p := newPlan()
		err := p.parse(spec)
		if want == "" && err != nil || want != "" && (err == nil || err.Error() != want) {
			t.Errorf("%q: got error %v, want %q", spec, err, want)
		}
	}
	f("", "")
	f("latency=20ms, tokens=5", "")
	f("huge=20MiB", "")
	f("latncy=20ms", `unknown fault "latncy"`)
	f("latency", `fault "latency": needs a value`)
	f("latency=", `fault "latency" has an empty value`)
	f("latency=-1s", `fault "latency": needs a value`)
	f("silence=1", `fault "silence": takes no value`)
	f("p=2", `fault "p": is not in 0..1`)
	f("framing=none", `fault "framing": wants one of length, chunked, close`)
	f("bad-event=-1", `fault "bad-event": is negative`)
	f("location=a\r\nb", `fault "location": has a line break`)
	f("tokens=4,,", `unknown fault ""`)
}

// A typo must not pass for good behaviour, wherever it stands.
func TestFault_UnknownIsRefused(t *testing.T) {
	s := start(t, Config{})
	f := func(raw string) {
		t.Helper()
		c := dial(t, s)
		c.request(raw)
		if r, body, _ := c.response(); r.StatusCode != 400 || !strings.Contains(body, `"code":"bad_fault"`) {
			t.Errorf("got %d %s", r.StatusCode, body)
		}
	}
	f(post("/v1/chat/completions", chatBody("sim-l0!silence,typo", "")))
	f(post("/~typo/v1/chat/completions", chatBody("sim-l0", "")))
	f(strings.Replace(post("/v1/chat/completions", chatBody("sim-l0", "")), "\r\n", "\r\nX-Sim: typo\r\n", 1))
	f(post("/v1/chat/completions", chatBody("sim-l0!accept-reset", "")))
	if err := s.Script(Step{Faults: "typo"}); err == nil {
		t.Error("Script took a typo")
	}
	if _, err := Start(Config{Faults: "typo"}); err == nil {
		t.Error("Start took a typo")
	}
}

// The same fault by every way that selects one.
func TestFault_Selectors(t *testing.T) {
	s := start(t, Config{})
	teapot := func(raw string) {
		t.Helper()
		c := dial(t, s)
		c.request(raw)
		if r, body, _ := c.response(); r.StatusCode != 418 {
			t.Errorf("got %d %s", r.StatusCode, body)
		}
	}
	teapot(post("/v1/chat/completions", chatBody("sim-l0!status=418", "")))
	teapot(post("/v1/messages", chatBody("sim-l0!status=418", "")))
	teapot(post("/~status=418/v1/chat/completions", chatBody("sim-l0", "")))
	teapot(post("/~status%3D418,ok,status=418/v1/chat/completions", chatBody("sim-l0!tokens=3", "")))
	teapot(strings.Replace(post("/v1/chat/completions", chatBody("sim-l0", "")), "\r\n", "\r\nX-Sim: status=418\r\n", 1))
	teapot("GET /~status=418/v1/models HTTP/1.1\r\nHost: simulator\r\n\r\n")

	s = start(t, Config{Faults: "status=418"})
	teapot(post("/v1/chat/completions", chatBody("sim-l0", "")))

	s = start(t, Config{})
	if err := s.Script(Step{2, "status=418"}, Step{1, ""}, Step{Faults: "status=418"}); err != nil {
		t.Fatal(err)
	}
	for i := range 6 {
		c := dial(t, s)
		c.chat("sim-l0", "")
		want := 418
		if i == 2 {
			want = 200
		}
		if r, _, _ := c.response(); r.StatusCode != want {
			t.Errorf("request %d: got %d, want %d", i, r.StatusCode, want)
		}
	}
	if err := s.Script(); err != nil {
		t.Fatal(err)
	}
	dial(t, s).works()
}
