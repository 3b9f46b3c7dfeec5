package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/ai-mcp-gateway/gateway/bench/simulator"
)

// refusal is a fault that shows before the first byte.
type refusal struct {
	spec   string
	stream bool
	code   string // gateway code, with status 502
}

// specsOf lists the specs of cases, in order.
func specsOf(cases []refusal) (specs []string) {
	for _, c := range cases {
		specs = append(specs, c.spec)
	}
	return specs
}

// wantEachRefused checks that each case, played by the provider of its number,
// is a refusal.
func (f *faulty) wantEachRefused(t *testing.T, cases []refusal) {
	for i, c := range cases {
		t.Run(c.spec+" "+formName(c.stream), func(t *testing.T) {
			f.wantRefused(t, i, c.stream, http.StatusBadGateway, c.code)
		})
	}
}

// wantNoReuse checks that no two requests of provider i came on one connection.
func (f *faulty) wantNoReuse(t testing.TB, i int) {
	t.Helper()
	provider := fmt.Sprintf("p%d", i)
	if n, all := conns(f, provider), len(f.seen(provider, "")); n != all || n < 2 {
		t.Errorf("%d requests on %d connections, want one each", all, n)
	}
}

func TestFault011_GarbageForHTTP(t *testing.T) {
	garbage := startSimulator(t, simulator.Config{Faults: "accept-garbage"}).URL() + "/v1"
	cases := []refusal{
		{"garbage", false, "provider_bad_response"},
		{"garbage", true, "provider_bad_response"},
		{garbage, false, "provider_bad_response"},
		{garbage, true, "provider_bad_response"},
	}
	f := startFaulty(t, unhurried, specsOf(cases)...)
	for i, c := range cases {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			if i < 2 {
				f.wantRefused(t, i, c.stream, http.StatusBadGateway, c.code)
				f.wantNoReuse(t, i)
				return
			}
			f.ask(t, alone(i), "garbage", c.stream).wantError(t, http.StatusBadGateway, c.code)
			f.ask(t, backed(i), "garbage", c.stream).wantWhole(t, c.stream)
		})
	}
}

func TestFault012_NotTheAPI(t *testing.T) {
	cases := []refusal{
		{"html", false, "provider_bad_response"},
		{"html", true, "provider_bad_response"},
		{"bad-json", false, "provider_bad_response"},
		{"empty", false, "provider_bad_response"},
		{"empty,json", true, "provider_bad_response"},
		{"error-200,error-type=server_error", false, "provider_failed"},
		{"error-200,error-type=server_error", true, "provider_failed"},
		{"content-type=text/event-stream,html", true, "provider_truncated"},
		{"content-type=text/event-stream,empty", true, "provider_truncated"},
	}
	f := startFaulty(t, unhurried, specsOf(cases)...)
	f.wantEachRefused(t, cases)
	f.wantExcerpt(t, "<html")
}

// wantExcerpt checks that the log, and no answer, has the start of a body that
// is not the API's.
func (f *faulty) wantExcerpt(t testing.TB, part string) {
	t.Helper()
	found := false
	for line := range strings.Lines(f.logs.String()) {
		var entry struct{ Excerpt string }
		if strings.HasSuffix(line, "\n") && json.Unmarshal([]byte(line), &entry) == nil {
			found = found || strings.Contains(strings.ToLower(entry.Excerpt), part)
			if len(entry.Excerpt) > 512 {
				t.Errorf("excerpt of %d bytes", len(entry.Excerpt))
			}
		}
	}
	if !found {
		t.Errorf("no excerpt with %s in the log", part)
	}
}

func TestFault016_HugeBody(t *testing.T) {
	const limit = 8 << 20
	cases := []refusal{
		{"huge=100MiB", false, "provider_too_large"},
		{"huge=100MiB,framing=chunked", false, "provider_too_large"},
		{"huge=100MiB,framing=close", false, "provider_too_large"},
		{"huge=100MiB,json", true, "provider_too_large"},
	}
	f := startFaulty(t, unhurried+"limits: {response: 8MiB}\n", append(specsOf(cases), "", "huge=7MiB")...)
	f.ask(t, alone(len(cases)), "warm up", false).wantWhole(t, false)
	f.wantGrowth(t, 3*limit, func() { // while it grows, the array is there once and a half, besides garbage
		f.ask(t, alone(1), "chunked", false).wantError(t, http.StatusBadGateway, "provider_too_large")
	})
	f.wantEachRefused(t, cases)
	for i := range cases {
		f.wantNoReuse(t, i)
	}
	r := f.ask(t, alone(len(cases)+1), "below the limit", false)
	if r.wantWhole(t, false); len(r.body) < 7<<20 {
		t.Errorf("%d bytes came of an answer of 7 MiB", len(r.body))
	}
}

func TestFault017_LengthTooLong(t *testing.T) {
	cases := []refusal{{"long-length", false, "provider_truncated"}, {"long-length=5MiB", false, "provider_truncated"}}
	f := startFaulty(t, unhurried, append(specsOf(cases), apart+"long-length,framing=length,done=none,tokens=3", "long-length,framing=length")...)
	f.wantEachRefused(t, cases)
	f.wantNoReuse(t, 0)
	t.Run("stream", func(t *testing.T) {
		f.wantBroken(t, 2, "provider_truncated")
		f.wantNoReuse(t, 2)
	})
	t.Run("stream with its [DONE]", func(t *testing.T) { // nothing is missing but the padding
		f.ask(t, alone(3), "one", true).wantWhole(t, true)
		f.ask(t, alone(3), "two", true).wantWhole(t, true)
		f.wantNoReuse(t, 3)
	})
}

func TestFault018_LengthTooShort(t *testing.T) {
	f := startFaulty(t, unhurried, "short-length", "smuggle", "smuggle", "smuggle,split=64,split-delay=1ms", "short-length,framing=length")
	t.Run("cut", func(t *testing.T) {
		f.wantRefused(t, 0, false, http.StatusBadGateway, "provider_bad_response")
		f.wantNoReuse(t, 0)
	})
	for i, stream := range map[int]bool{1: false, 2: true, 3: false} {
		t.Run("smuggled answer "+formName(stream), func(t *testing.T) {
			for _, prompt := range []string{"one", "two", "three"} {
				r := f.ask(t, alone(i), prompt, stream)
				if r.wantWhole(t, stream); !strings.Contains(r.body, prompt) || strings.Contains(r.body, "smuggled") {
					t.Errorf("the answer to %q is another's: %s", prompt, r.body)
				}
			}
			f.wantNoReuse(t, i)
		})
	}
	t.Run("cut in [DONE]", func(t *testing.T) {
		r := f.ask(t, alone(4), "one", true)
		if r.wantWhole(t, true); strings.Count(r.body, "\n\nda") != strings.Count(r.body, "\n\ndata: ") {
			t.Errorf("a piece of the cut event was relayed: %s", r.body)
		}
	})
}

func TestFault019_BrokenChunks(t *testing.T) {
	cases := []refusal{{"bad-chunk", false, "provider_bad_response"}, {"no-last-chunk,framing=chunked", false, "provider_truncated"}}
	f := startFaulty(t, unhurried, append(specsOf(cases), apart+"bad-chunk,tokens=4", apart+"no-last-chunk,done=none,tokens=3", "no-last-chunk")...)
	f.wantEachRefused(t, cases)
	t.Run("bad size in a stream", func(t *testing.T) { f.wantBroken(t, 2, "provider_bad_response") })
	t.Run("no last chunk in a stream", func(t *testing.T) { f.wantBroken(t, 3, "provider_truncated") })
	for i := range 4 {
		f.wantNoReuse(t, i)
	}
	t.Run("no last chunk after [DONE]", func(t *testing.T) { // the answer is complete
		f.ask(t, alone(4), "one", true).wantWhole(t, true)
		f.ask(t, alone(4), "two", true).wantWhole(t, true)
		f.wantNoReuse(t, 4)
	})
}

func TestFault020_TwoLengths(t *testing.T) {
	cases := []refusal{
		{"cl-te", false, "provider_bad_response"},
		{"cl-te", true, "provider_bad_response"},
		{"dup-length", false, "provider_bad_response"},
		{"dup-length,framing=length", true, "provider_bad_response"},
	}
	f := startFaulty(t, unhurried, specsOf(cases)...)
	f.wantEachRefused(t, cases)
	for i := range cases {
		f.wantNoReuse(t, i)
	}
}

func TestFault021_DecompressionBomb(t *testing.T) {
	cases := []refusal{
		{"gzip-bomb", false, "provider_too_large"},
		{"gzip-bomb", true, "provider_too_large"},
		{"gzip-bomb=100MiB,framing=length", false, "provider_too_large"},
	}
	f := startFaulty(t, unhurried, append(specsOf(cases), "gzip", "gzip")...)
	for i, stream := range map[int]bool{3: false, 4: true} {
		f.ask(t, alone(i), "warm up", stream).wantWhole(t, stream) // gzip as such is no fault
	}
	f.wantGrowth(t, 32<<20, func() {
		start := time.Now()
		f.wantEachRefused(t, cases)
		if took := time.Since(start); took > 30*time.Second {
			t.Errorf("six bombs took %v: they were unpacked", took)
		}
	})
	for _, s := range f.sim.Seen() {
		if got := s.Header.Get("Accept-Encoding"); got != "identity" {
			t.Fatalf("Accept-Encoding %q, want identity", got)
		}
	}
}

func TestFault022_UnknownEncoding(t *testing.T) {
	cases := []refusal{
		{"encoding=br", false, "provider_bad_response"},
		{"encoding=br", true, "provider_bad_response"},
		{"encoding=zstd", false, "provider_bad_response"},
		{"dup-encoding", false, "provider_bad_response"},
		{"dup-encoding", true, "provider_bad_response"},
	}
	f := startFaulty(t, unhurried, specsOf(cases)...)
	f.wantEachRefused(t, cases)
}
