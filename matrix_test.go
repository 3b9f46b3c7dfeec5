package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/tidwall/gjson"

	"github.com/ai-mcp-gateway/gateway/bench/simulator"
)

var update = flag.Bool("update", false, "write docs/dialects.md")

// matrix is a gateway with every provider, all of them played by one
// simulator that takes only what is right.
type matrix struct {
	*instance
	sim *simulator.Server
	// last is the id of the latest request at the simulator.
	last uint64
}

func startMatrix(t *testing.T, fault string, name func(p matrixProvider) []string, extra string) *matrix {
	t.Helper()
	sim := startSimulator(t, simulator.Config{Record: 4, Keys: []string{matrixKey}})
	g := launch(t, matrixConfig(sim.URL(), fault, name)+uncached+"shutdown: {drain: 10ms}\n"+extra)
	t.Cleanup(func() { g.stop(syscall.SIGTERM) })
	return &matrix{instance: g, sim: sim}
}

// byName gives each provider its own name.
func byName(p matrixProvider) []string { return []string{p.name} }

// request is the body of a call of a client's for a provider.
func (c *matrixClient) request(model string, stream bool, rest string) string {
	head := `{"model":` + encode(model)
	if stream {
		head += `,"stream":true`
		if c.name == "chat" || c.name == "completions" {
			head += `,"stream_options":{"include_usage":true}`
		}
	}
	return head + "," + rest + "}"
}

// upstream returns the requests that have come to the simulator since the
// last time.
func (m *matrix) upstream() (fresh []simulator.Seen) {
	for _, s := range m.sim.Seen() {
		if s.ID > m.last {
			fresh = append(fresh, s)
		}
	}
	if n := len(fresh); n > 0 {
		m.last = fresh[n-1].ID
	}
	return fresh
}

// whole asks the provider again for the answer to the very same request, not
// streamed: what the gateway's answer is measured against.
func (m *matrix) whole(s simulator.Seen) (gjson.Result, int) {
	m.t.Helper()
	r, err := http.NewRequest(s.Method, m.sim.URL()+s.Path, bytes.NewReader(s.Body))
	if err != nil {
		m.t.Fatal(err)
	}
	r.Header = s.Header.Clone()
	r.Host = s.Header.Get("Host")
	r.Header.Set("X-Sim", "json")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		m.t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		m.t.Fatal(err)
	}
	m.upstream() // this one is not the gateway's
	return gjson.ParseBytes(body), answer.StatusCode
}

// cell is what came of one call.
type cell struct {
	drops   string
	refused string // the parameter without which the call makes no sense
	err     error
}

// try makes a case's call and checks everything about its answer.
func (m *matrix) try(p matrixProvider, c matrixClient, k matrixCase, stream bool) (out cell) {
	m.t.Helper()
	r := m.post(c.path, c.request(p.name+"/sim-l0", stream, k.bodies[c.name]))
	seen := m.upstream()
	out.drops = r.header.Get("X-Gateway-Dropped")
	if r.status == http.StatusBadRequest && r.header.Get("X-Gateway-Error") == "caller_unsupported" && len(seen) == 0 {
		out.refused = gjson.Get(r.body, "error.param").Str
		return out
	}
	if len(seen) != 1 {
		out.err = fmt.Errorf("the provider has seen %d requests: %d %.300s", len(seen), r.status, r.body)
		return out
	}
	whole, status := m.whole(seen[0])
	if status != http.StatusOK {
		out.err = fmt.Errorf("the provider says %d %s to %s", status, whole.Raw, seen[0].Body)
		if p.name == "azure" && k.name == "filter" {
			out.err = filteredPrompt(r, p, c)
		}
		return out
	}
	if r.status != http.StatusOK || r.err != nil {
		out.err = fmt.Errorf("status %d, %s: %.500s", r.status, fmt.Sprint(r.err), r.body)
		return out
	}
	read := c.readAnswer
	if stream {
		read = func(body string) (said, error) {
			return c.readStream(body, whole.Get("object").Str == "text_completion")
		}
	}
	got, err := read(r.body)
	if err != nil {
		out.err = err
		return out
	}
	want := c.sees(p.read(whole))
	if whole.Get("object").Str == "text_completion" {
		want = saidByCompletion(whole)
	} else if p.native == c.name {
		want = p.read(whole)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		out.err = fmt.Errorf("-provider +client %s\nprovider: %s\nclient: %s\nsent: %s", diff, whole.Raw, r.body, seen[0].Body)
		return out
	}
	if !slices.ContainsFunc(strings.Split(out.drops, ", "), func(d string) bool { return slices.Contains(k.drops, d) }) {
		out.err = errors.Join(k.reached(seen[0]), k.wanted(got, seen[0]))
	}
	return out
}

// filteredPrompt wants Azure's refusal of a prompt as an error of the client's.
func filteredPrompt(r reply, p matrixProvider, c matrixClient) error {
	v := gjson.Parse(r.body)
	if r.status != http.StatusBadRequest || !strings.Contains(v.Get("error.message").Str, "content management policy") {
		return fmt.Errorf("status %d: %s", r.status, r.body)
	}
	if c.name != "messages" && v.Get("error.code").Str != "content_filter" || p.native == c.name && !v.Get("error.innererror").Exists() {
		return fmt.Errorf("it is not Azure's error: %s", r.body)
	}
	return nil
}

// reached checks that the texts of the request are in what the provider got.
func (k *matrixCase) reached(s simulator.Seen) error {
	for _, text := range k.sent {
		if !bytes.Contains(s.Body, []byte(text)) {
			return fmt.Errorf("%q has not reached the provider: %s", text, s.Body)
		}
	}
	return nil
}

// wanted checks that the case has come to what it is about.
func (k *matrixCase) wanted(s said, sent simulator.Seen) error {
	for _, want := range k.want {
		name, value, _ := strings.Cut(want, "=")
		ok := false
		switch name {
		case "text":
			ok = s.Text != ""
		case "thoughts":
			ok = s.Thoughts != "" || s.Usage.Reasoning > 0 // some providers hide them
		case "preamble":
			ok = s.Text+s.Thoughts != "" // Cohere says what it plans in its thoughts
		case "calls":
			ok = fmt.Sprint(len(s.Calls)) == value
		case "says":
			ok = strings.Contains(s.Text, value)
		case "silent":
			ok = !strings.Contains(s.Text, value)
		case "report":
			ok = gjson.Valid(s.Text) && gjson.Get(s.Text, "title").Type == gjson.String && gjson.Get(s.Text, "tags").IsArray()
		case "finish":
			ok = s.Finish == value
		case "usage":
			ok = s.Usage.Out > 0
		}
		if !ok {
			return fmt.Errorf("%s is not met by %+v, sent: %s", want, s, sent.Body)
		}
	}
	return nil
}

// TestMatrix makes every call in every client's dialect to every provider, and
// tries every setting. docs/dialects.md is its result.
func TestMatrix(t *testing.T) {
	m := startMatrix(t, "", byName, "")
	d := newDialectsDoc()
	m.tryCalls(d)
	m.trySettings(d)
	text := d.text()
	if *update {
		if err := os.WriteFile("docs/dialects.md", []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	now, err := os.ReadFile("docs/dialects.md")
	if err != nil || string(now) != text {
		t.Errorf("docs/dialects.md is not current (%v); write it with: go test -run TestMatrix -update .\n%s", err, cmp.Diff(string(now), text))
	}
}

func (m *matrix) tryCalls(d *dialectsDoc) {
	m.t.Helper()
	for _, p := range matrixProviders {
		for _, c := range matrixClients {
			for _, k := range matrixCases {
				if k.bodies[c.name] == "" {
					continue
				}
				for _, stream := range []bool{false, true} {
					out := m.try(p, c, k, stream)
					if out.err == nil {
						out.err = m.strictly(p, c, k, stream, out)
					}
					if out.err != nil {
						m.t.Errorf("%s -> %s, %s, stream %t: %v", c.name, p.name, k.name, stream, out.err)
					}
					d.add(p, c, k, out)
				}
			}
		}
	}
}

// strictly checks that a call that loses something is refused when nothing
// may be lost, and names what.
func (m *matrix) strictly(p matrixProvider, c matrixClient, k matrixCase, stream bool, out cell) error {
	if out.drops == "" {
		return nil
	}
	r := m.post(c.path, c.request(p.name+"/sim-l0", stream, k.bodies[c.name]), "X-Gateway-Strict: true")
	if n := len(m.upstream()); n > 0 {
		return fmt.Errorf("the provider was asked %d times", n)
	}
	first, _, _ := strings.Cut(out.drops, ", ")
	e := gjson.Get(r.body, "error")
	if r.status != http.StatusBadRequest || !strings.Contains(e.Get("message").Str, first) || c.name != "messages" && e.Get("param").Str != first {
		return fmt.Errorf("dropped %s, but status %d: %s", out.drops, r.status, r.body)
	}
	return nil
}
