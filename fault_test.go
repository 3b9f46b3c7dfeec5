package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ai-mcp-gateway/gateway/bench/simulator"
)

// The tests named TestFaultNNN are numbered by the catalogue of faults: what
// the gateway promises when a provider, a client or a store misbehaves.

// unhurried is for cases that no time limit of a provider's is about: a busy
// machine must not add one.
const unhurried = "shutdown: {drain: 1ms, grace: 3s}\n"

const chatPath = "/v1/chat/completions"

// secretMark starts every key that these gateways have for their providers.
// It may show up in requests to providers and nowhere else.
const secretMark = "provider-secret"

// faulty is a gateway in front of providers that misbehave.
type faulty struct {
	*instance
	sim   *simulator.Server
	extra string
}

// startFaulty runs a gateway with one provider for each spec: p0, p1 ... A
// spec is a fault of the simulator, or a base URL. Each provider has a breaker
// and a share of the cache of its own, so cases don't disturb each other.
func startFaulty(t testing.TB, extra string, specs ...string) *faulty {
	t.Helper()
	return startFaultyOn(t, simulator.Config{}, extra, specs...)
}

func startFaultyOn(t testing.TB, cfg simulator.Config, extra string, specs ...string) *faulty {
	t.Helper()
	sim := startSimulator(t, cfg)
	f := &faulty{sim: sim, extra: extra, instance: startGateway(t, faultyConfig(extra, sim.URL(), specs))}
	t.Cleanup(func() {
		if strings.Contains(f.logs.String(), secretMark) {
			t.Error("the log holds a provider's key")
		}
		f.leaveProviders()
	})
	return f
}

// leaveProviders takes all providers out of the configuration, so that their
// pooled connections end and what is left to find are leaks.
func (f *faulty) leaveProviders() {
	f.rewrite(config(f.extra, "http://127.0.0.1:1/v1"))
	if err := f.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		f.t.Fatal(err)
	}
}

// faultyConfig makes the model "p0/sim-l0" go to the first spec's provider
// alone, and the tier "T0" to it first and then to one that is well.
func faultyConfig(extra, base string, specs []string) string {
	var providers, models, tiers strings.Builder
	provider := func(name, base string) {
		fmt.Fprintf(&providers, "  %s: {dialect: openai, base_url: %q, keys: [%s-%s-end]}\n", name, base, secretMark, name)
		fmt.Fprintf(&models, "  %s/sim-l0: {price: {input: 1, output: 2}, context: 32768}\n", name)
	}
	provider("good", base+"/v1")
	for i, spec := range specs {
		name := "p" + strconv.Itoa(i)
		if !strings.HasPrefix(spec, "http") {
			spec = base + "/~" + url.PathEscape(spec) + "/v1"
		}
		provider(name, spec)
		fmt.Fprintf(&tiers, "  - {name: T%d, models: [%s/sim-l0, good/sim-l0]}\n", i, name)
	}
	return "providers:\n" + providers.String() + "models:\n" + models.String() + "tiers:\n" + tiers.String() +
		"routing: {default_tier: T0, max_tier: T0}\n" + extra
}

// alone is the model that only provider i serves.
func alone(i int) string { return fmt.Sprintf("p%d/sim-l0", i) }

// backed is the model that provider i serves, and a good one after it.
func backed(i int) string { return fmt.Sprintf("T%d", i) }

// ask makes a chat call and checks that no key of a provider comes back.
func (f *faulty) ask(t testing.TB, model, prompt string, stream bool, header ...string) reply {
	t.Helper()
	g := *f.instance
	g.t = t
	r := g.post(chatPath, chat(model, prompt, stream), header...)
	if strings.Contains(r.body, secretMark) || strings.Contains(fmt.Sprint(r.header), secretMark) {
		t.Errorf("the answer holds a provider's key: %v %.500s", r.header, r.body)
	}
	return r
}

// seen are the requests that provider has had with prompt in them; an empty
// prompt is any.
func (f *faulty) seen(provider, prompt string) (found []simulator.Seen) {
	for _, s := range f.sim.Seen() {
		key := strings.TrimPrefix(s.Header.Get("Authorization"), "Bearer ")
		if key == secretMark+"-"+provider+"-end" && strings.Contains(string(s.Body), prompt) {
			found = append(found, s)
		}
	}
	return found
}

// wantRefused checks a fault that shows before the first byte: alone, provider
// i's failure is the answer, it is not stored, and behind it another provider
// takes over unnoticed.
func (f *faulty) wantRefused(t testing.TB, i int, stream bool, status int, code string) {
	t.Helper()
	provider, prompt := "p"+strconv.Itoa(i), "refused "+t.Name()
	f.ask(t, alone(i), prompt, stream).wantError(t, status, code)
	before := f.sim.Accepted() + f.sim.Requests()
	f.ask(t, alone(i), prompt, stream).wantError(t, status, code)
	if f.sim.Accepted()+f.sim.Requests() == before {
		t.Error("the same call again did not reach the provider")
	}
	r := f.ask(t, backed(i), prompt, stream)
	r.wantWhole(t, stream)
	if r.header.Get("X-Gateway-Provider") != "good" || len(f.seen("good", prompt)) != 1 {
		t.Errorf("provider %s answered, %d calls of the good one; want no failure of %s to show",
			r.header.Get("X-Gateway-Provider"), len(f.seen("good", prompt)), provider)
	}
}

// wantBroken checks a fault that shows after the first byte: the stream ends
// in an error event, nobody else is asked, and it is not stored.
func (f *faulty) wantBroken(t testing.TB, i int, code string) (first reply) {
	t.Helper()
	provider, prompt := "p"+strconv.Itoa(i), "broken "+t.Name()
	for n := range 2 {
		r := f.ask(t, backed(i), prompt, true)
		r.wantStreamError(t, code)
		if !strings.Contains(r.body, `"content":"`) {
			t.Errorf("nothing came before the error: %s", r.body)
		}
		if asked := len(f.seen(provider, prompt)); asked != n+1 {
			t.Errorf("%d upstream calls after %d requests", asked, n+1)
		}
		first = r
	}
	if n := len(f.seen("good", prompt)); n != 0 {
		t.Errorf("%d calls of the other provider after the first byte", n)
	}
	f.wantLogged(t, first, code)
	return first
}

// wantLogged checks that the call's log line, written after its last byte,
// says how it ended.
func (f *faulty) wantLogged(t testing.TB, r reply, code string) {
	t.Helper()
	var line map[string]any
	eventually(t, 10*time.Second, "the call's log line", func() bool {
		line = f.lineOf(r)
		return line != nil
	})
	if line["error"] != code {
		t.Errorf("log line says %v, want %s", line["error"], code)
	}
}

// lineOf is the log line of the call that r answers, or nil as long as it has
// not come in whole.
func (f *faulty) lineOf(r reply) (call map[string]any) {
	for line := range strings.Lines(f.logs.String()) {
		if !strings.Contains(line, `"msg":"call"`) || !strings.Contains(line, r.header.Get("X-Request-Id")) || !strings.HasSuffix(line, "\n") {
			continue
		}
		if err := json.Unmarshal([]byte(line), &call); err != nil {
			f.t.Errorf("log line is not JSON: %v: %s", err, line)
		}
	}
	return call
}

// wantWhole checks that an answer is good and complete.
func (r reply) wantWhole(t testing.TB, stream bool) {
	t.Helper()
	whole := strings.Contains(r.body, `"finish_reason":"stop"`)
	if stream {
		whole = whole && strings.HasSuffix(strings.TrimSpace(r.body), "[DONE]")
	}
	if r.status != http.StatusOK || r.err != nil || !whole {
		t.Fatalf("status %d, %v, want a whole answer (stream %v): %.500s", r.status, r.err, stream, r.body)
	}
}

// memory returns the process's resident bytes: now, and the most so far.
func (g *instance) memory() (now, peak int64) {
	g.t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", g.cmd.Process.Pid))
	if err != nil {
		g.t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(line, ":")
		kib, _ := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(value), "kB")), 10, 64)
		switch name {
		case "VmRSS":
			now = kib << 10
		case "VmHWM":
			peak = kib << 10
		}
	}
	return now, peak
}

// wantGrowth checks that f makes the gateway take no more than most bytes of
// memory on top of what it holds. It is for the first large thing that an
// instance does: the peak is that of its whole life.
func (g *instance) wantGrowth(t testing.TB, most int64, f func()) {
	t.Helper()
	// The rows of what came before take the database some memory of its own.
	eventually(t, patience, "the rows of the ledger to be stored", func() bool { return metric(t, g.metrics(), "gateway_spool_records") == 0 })
	before, _ := g.memory()
	f()
	if _, peak := g.memory(); peak-before > most {
		t.Errorf("took %.1f MiB on top of %.1f MiB, want %.1f MiB or less",
			float64(peak-before)/(1<<20), float64(before)/(1<<20), float64(most)/(1<<20))
	}
}
