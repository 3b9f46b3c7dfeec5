package main

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestCassettes replays the recordings of this repository.
func TestCassettes(t *testing.T) {
	c := readCorpus(t, "testdata/cassettes")
	if len(c.exchanges) == 0 || len(c.unserved) > 0 {
		t.Fatalf("%d exchanges, not served: %v", len(c.exchanges), c.unserved)
	}
	c.replay(t)
}

// TestRecordedExchanges replays recordings of other projects, which are not
// part of this repository: CORPORA names their directory.
func TestRecordedExchanges(t *testing.T) {
	root := os.Getenv("CORPORA")
	if root == "" {
		root = "../shared/data/corpora"
	}
	if _, err := os.Stat(root); err != nil {
		t.Skipf("there are no recorded exchanges of other projects at %s, which CORPORA may name: TestCassettes alone replays some", root)
	}
	c := readCorpus(t, root)
	if len(c.exchanges) == 0 {
		t.Fatalf("%s holds no exchange that is served", root)
	}
	c.replay(t)
	t.Logf("not replayed, as their routes are not served: %v", c.unserved)
}

// replay sends every recorded request through a gateway to a provider that
// answers as recorded. Both get the other's bytes as they were, but for this:
//
//   - a model that was asked for by its provider's name goes out without it;
//   - every stream is asked for its usage, which a client that did not ask does
//     not see, unless it comes with more in the same event;
//   - a stored stream's usage says that it costs nothing now;
//   - what is no answer of the API is a bad response, and an error inside a
//     stream is told in the gateway's envelope;
//   - refusals that are not the caller's affair are told in the gateway's words,
//     and not replayed.
func (c *corpus) replay(t *testing.T) {
	p := startPlayer(t)
	g := startGateway(t, c.config(p.URL))
	replayed, refusals := map[string]int{}, 0
	for i := range c.exchanges {
		e := &c.exchanges[i]
		if e.private() {
			refusals++
			continue
		}
		replayed[e.route]++
		t.Run(e.name, func(t *testing.T) { e.replay(t, g, p) })
	}
	t.Logf("replayed: %v; left out: %d refusals that are not shown", replayed, refusals)
}

// config has two providers, which are the player both: the models of the first
// are in the catalogue, without prices, so that their bare ids will do.
func (c *corpus) config(url string) string {
	var b strings.Builder
	b.WriteString("shutdown: {drain: 10ms}\n")
	fmt.Fprintf(&b, "providers:\n  listed: {dialect: openai, base_url: %q}\n  named: {dialect: openai, base_url: %[1]q}\nmodels:\n", url+"/v1")
	seen := map[string]bool{}
	for i := range c.exchanges {
		var q struct{ Model string }
		if json.Unmarshal(c.exchanges[i].request, &q) == nil && !seen[q.Model] {
			seen[q.Model] = true
			fmt.Fprintf(&b, "  %q: {context: 1000000}\n", "listed/"+q.Model)
		}
	}
	return b.String()
}

// private reports whether the gateway keeps the provider's words to itself.
func (e *exchange) private() bool {
	return e.status == 401 || e.status == 403 || e.status == 429 || e.status >= 500
}

// replay sends e on each way that an answer can take: a call of its own to a
// model whose name has to be spliced out, one that others may join and that is
// stored, and one that finds that answer, or makes another.
func (e *exchange) replay(t *testing.T, g *instance, p *player) {
	h := fnv.New64a()
	h.Write([]byte(e.name))
	random := rand.New(rand.NewPCG(h.Sum64(), 1))
	start, _ := e.model(t)
	named := slices.Insert(slices.Clone(e.request), start+1, []byte("named/")...)
	for _, send := range []struct {
		body    []byte
		control string
	}{{named, "no-store"}, {e.request, "no-cache"}, {e.request, ""}} {
		p.play(e, false, e.randomCuts(random, 8)...)
		r := g.post("/v1"+e.route, string(send.body), "Cache-Control: "+send.control)
		hit := r.header.Get("X-Gateway-Cache") == "hit"
		if heard := p.heard(); len(heard) == 1 {
			e.checkHeard(t, &heard[0])
		} else if len(heard) > 1 || !hit {
			t.Errorf("Cache-Control %q: %d requests to the provider", send.control, len(heard))
		}
		if e.status == http.StatusOK && !e.streams() && !json.Valid(e.response) {
			r.wantError(t, http.StatusBadGateway, "provider_bad_response")
			return
		}
		e.checkAnswer(t, &r, hit)
	}
}

// checkAnswer checks that the client got the recorded answer: byte for byte,
// but for what shown leaves out, and for the cost in a stored stream's usage.
func (e *exchange) checkAnswer(t *testing.T, r *reply, hit bool) {
	t.Helper()
	want, failed := e.shown(t)
	got := r.body
	if failed {
		r.wantStreamError(t, "provider_rejected")
		got = got[:strings.LastIndex(got, "data: ")]
	}
	if hit && e.streams() && e.asksUsage(t) {
		want, got = usageCost.ReplaceAllString(want, ""), strings.Replace(got, `,"cost":0`, "", 1)
	}
	if r.status != e.status || r.err != nil || got != want {
		t.Errorf("%v, %v, hit %t: the answer is not the recorded one (-want +got):\n%s", r.header, r.err, hit,
			cmp.Diff(fmt.Sprint(e.status, "\n", want), fmt.Sprint(r.status, "\n", got)))
	}
	e.checkHeader(t, r.header)
}

var usageCost = regexp.MustCompile(`,"cost":[0-9.e-]+`)

// checkHeard checks a request that the provider got: it is the recorded one,
// but that every stream is asked for its usage.
func (e *exchange) checkHeard(t *testing.T, h *heard) {
	t.Helper()
	want := string(e.request)
	if e.streams() && !e.asksUsage(t) {
		if emptyOptions.MatchString(want) {
			want = emptyOptions.ReplaceAllString(want, `$1{"include_usage":true}`)
		} else {
			want = streamTrue.ReplaceAllString(want, `$0,"stream_options":{"include_usage":true}`)
		}
	}
	if diff := cmp.Diff(want, string(h.body)); diff != "" {
		t.Errorf("the request is not the recorded one (-want +got):\n%s", diff)
	}
	if h.path != "/v1"+e.route || h.header.Get("Content-Type") != "application/json" {
		t.Errorf("path %s, content type %q", h.path, h.header.Get("Content-Type"))
	}
}

var (
	emptyOptions = regexp.MustCompile(`("stream_options": *)(null|{})`)
	streamTrue   = regexp.MustCompile(`"stream" *: *true`)
)

// checkHeader checks the header of an answer.
func (e *exchange) checkHeader(t *testing.T, h http.Header) {
	t.Helper()
	for name := range e.header {
		limits := strings.HasPrefix(name, "X-Ratelimit-") && h.Get("X-Gateway-Cache") != "hit" && e.status < 400
		if limits && h.Get(name) != e.header.Get(name) {
			t.Errorf("%s: %q, want %q", name, h.Get(name), e.header.Get(name))
		}
	}
	for _, name := range []string{"Set-Cookie", "Server", "Alt-Svc", "Openai-Organization", "Openai-Project"} {
		if got := h.Get(name); got != "" {
			t.Errorf("the provider's %s is passed on: %s", name, got)
		}
	}
	wantType := "application/json"
	if e.streams() {
		wantType = "text/event-stream"
	}
	if got := h.Get("Content-Type"); got != wantType {
		t.Errorf("Content-Type: %s, want %s", got, wantType)
	}
}

func (e *exchange) asksUsage(t *testing.T) bool {
	t.Helper()
	var q struct {
		StreamOptions struct {
			IncludeUsage bool `json:"include_usage"`
		} `json:"stream_options"`
	}
	if err := json.Unmarshal(e.request, &q); err != nil {
		t.Fatalf("%s: %v", e.name, err)
	}
	return q.StreamOptions.IncludeUsage
}

// shown is what a client gets of the recorded answer. One that did not ask for
// usage gets no event with nothing else in it. A failed stream is shown up to
// the provider's error event, in whose place stands the gateway's.
func (e *exchange) shown(t *testing.T) (text string, failed bool) {
	t.Helper()
	if !e.streams() {
		return string(e.response), false
	}
	var b strings.Builder
	for event := range strings.SplitAfterSeq(string(e.response), "\n\n") {
		var data struct {
			Choices      []json.RawMessage
			Usage, Error *struct{}
		}
		_ = json.Unmarshal([]byte(strings.TrimPrefix(event, "data: ")), &data)
		switch {
		case data.Error != nil:
			return b.String(), true
		case data.Usage != nil && len(data.Choices) == 0 && !e.asksUsage(t):
		default:
			b.WriteString(event)
		}
	}
	return b.String(), false
}
