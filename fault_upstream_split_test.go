package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// coarse and fine are ways to cut an answer into pieces, after none. A delay
// keeps the pieces apart, which else the kernel may join again.
var (
	coarse = []string{"", ",split=7", ",split=64", ",split=1021", ",split=29,split-delay=100us"}
	fine   = []string{"", ",split=1", ",split=3"}
)

// everySplit lists the specs of each form with each of the splits.
func everySplit(forms, splits []string) (specs []string) {
	for _, form := range forms {
		for _, split := range splits {
			specs = append(specs, form+split)
		}
	}
	return specs
}

// However a stream is cut on its way, the client gets the same bytes, those
// that the provider wrote: but for the usage that the client did not ask for.
func TestFault014_AnySplit(t *testing.T) {
	forms := []string{
		"", "eol=crlf", "eol=cr", "multi-line", "multi-line,eol=crlf", "comments", "bom", "fields", "no-space",
		"no-final-blank", "no-final-blank,eol=cr", "done=none", "done=spaces", "done=trailing", "framing=close",
		"bom,comments,fields,multi-line,no-space,eol=cr",
	}
	for i := range forms {
		forms[i] = strings.TrimSuffix("tokens=7,"+forms[i], ",")
	}
	f := startFaulty(t, unhurried, everySplit(forms, coarse)...)
	for n, form := range forms {
		t.Run(form, func(t *testing.T) {
			t.Parallel()
			whole := f.sameForAllSplits(t, n*len(coarse), coarse, true)
			if want := withoutUsage(f.directly(t, n*len(coarse), form)); untilDone(whole) != untilDone(want) {
				t.Errorf("the provider wrote something else: %s", difference(untilDone(whole), untilDone(want)))
			}
		})
	}
}

// A plain answer is the same too, however head and body are cut.
func TestFault014_AnySplitPlain(t *testing.T) {
	forms := []string{"utf8", "utf8,framing=chunked", "utf8,framing=close", "utf8,gzip"}
	f := startFaulty(t, unhurried, everySplit(forms, coarse)...)
	for n, form := range forms {
		t.Run(form, func(t *testing.T) {
			t.Parallel()
			f.sameForAllSplits(t, n*len(coarse), coarse, false)
		})
	}
}

// Every byte may come alone: so do those of a character, a line end, a chunk's
// length and the header.
func TestFault014_BytesOneByOne(t *testing.T) {
	forms := []string{"tokens=6,multi-line,eol=crlf", "tokens=2,bom,comments,fields,no-space,eol=cr", "utf8,framing=chunked"}
	f := startFaulty(t, unhurried, everySplit(forms, fine)...)
	for n, form := range forms {
		t.Run(form, func(t *testing.T) {
			t.Parallel()
			f.sameForAllSplits(t, n*len(fine), fine, n < 2)
		})
	}
}

// sameForAllSplits returns the body that the providers from the first on, one
// for each split, give.
func (f *faulty) sameForAllSplits(t testing.TB, first int, splits []string, stream bool) string {
	t.Helper()
	var whole string
	for k, split := range splits {
		r := f.ask(t, alone(first+k), "naïve 你好 🙂", stream)
		if k == 0 {
			r.wantWhole(t, stream)
			whole = r.body
		}
		if r.status != http.StatusOK || r.body != whole {
			t.Errorf("%q: status %d, not the same: %s", split, r.status, difference(r.body, whole))
		}
	}
	return whole
}

// directly is what a client gets that sends what the gateway sent to provider
// i, but sends it to the simulator itself.
func (f *faulty) directly(t testing.TB, i int, spec string) string {
	t.Helper()
	sent := f.seen(fmt.Sprintf("p%d", i), "")
	if len(sent) != 1 {
		t.Fatalf("%d requests of provider %d", len(sent), i)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, f.sim.URL()+chatPath, bytes.NewReader(sent[0].Body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-Sim", spec)
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		t.Fatalf("status %d, %v: %s", answer.StatusCode, err, body)
	}
	return string(body)
}

// withoutUsage drops the event that has nothing but the usage.
func withoutUsage(stream string) string {
	blank := "\n\n"
	for _, eol := range []string{"\r\n", "\r"} {
		if strings.Contains(stream, eol+eol) {
			blank = eol + eol
			break
		}
	}
	events := strings.SplitAfter(stream, blank)
	return strings.Join(slices.DeleteFunc(events, func(event string) bool { return strings.Contains(event, `"choices":[]`) }), "")
}

// untilDone drops what only ends a stream: [DONE], which the gateway puts in
// where it is missing, and blank lines.
func untilDone(stream string) string {
	for _, done := range []string{"data: [DONE]", "data:[DONE]", "data:  [DONE]"} {
		stream, _, _ = strings.Cut(stream, done)
	}
	return strings.TrimRight(stream, "\r\n ")
}

// difference is the place from which got is not want.
func difference(got, want string) string {
	n := 0
	for n < len(got) && n < len(want) && got[n] == want[n] {
		n++
	}
	from := max(0, n-40)
	return fmt.Sprintf("at byte %d: got %.160q, want %.160q", n, got[min(from, len(got)):], want[min(from, len(want)):])
}
