package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/ai-mcp-gateway/gateway/bench/load"
)

// The test binary plays all programs: itself, which serves the simulator and
// the baselines, and the gateway.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && !strings.HasPrefix(os.Args[1], "-") {
		var err error
		if os.Args[1] == "serve" {
			err = playGateway()
		} else {
			err = dispatch(context.Background(), os.Args[1:])
		}
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	goleak.VerifyTestMain(m)
}

// playGateway is a proxy that reads its configuration as the gateway does and
// says of the cache what the gateway would.
func playGateway() error {
	if os.Getenv("GATEWAY_CONFIG") == "" {
		return http.ListenAndServe(os.Getenv("GATEWAY_LISTEN"), http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	}
	config, err := os.ReadFile(os.Getenv("GATEWAY_CONFIG"))
	if err != nil {
		return err
	}
	found := regexp.MustCompile(`base_url: "(http://[0-9.:]+)/(?:~[^/]*/)?v1"`).FindSubmatch(config)
	if found == nil || !bytes.Contains(config, []byte(clientKey)) {
		return errors.New("cannot use this configuration")
	}
	upstream, err := url.Parse(string(found[1]))
	if err != nil {
		return err
	}
	proxy := httputil.NewSingleHostReverseProxy(upstream)
	proxy.FlushInterval = -1
	proxy.ModifyResponse = func(r *http.Response) error {
		if r.ContentLength < 0 {
			r.Body = &withoutUsage{r.Body, bufio.NewReader(r.Body)}
		}
		return nil
	}
	return http.ListenAndServe(os.Getenv("GATEWAY_LISTEN"), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/metrics" {
			_, _ = io.WriteString(w, "gateway_attempts_total{outcome=\"hedge_lost\"} 0\n")
			return
		}
		body, _ := io.ReadAll(r.Body)
		body = bytes.Replace(body, []byte(`"stream":true`), []byte(`"stream":true,"stream_options":{"include_usage":true}`), 1)
		r.ContentLength, r.Body = int64(len(body)), io.NopCloser(bytes.NewReader(body))
		w.Header().Set("X-Gateway-Cache", cacheState(config, body))
		proxy.ServeHTTP(w, r)
	}))
}

func cacheState(config, body []byte) string {
	switch {
	case bytes.Contains(config, []byte("enabled: false")):
		return "bypass"
	case bytes.Contains(body, []byte("the same as ever")):
		return "hit"
	}
	return "miss"
}

// withoutUsage is a stream of which the event with the usage is taken out.
type withoutUsage struct {
	io.Closer
	from *bufio.Reader
}

func (w *withoutUsage) Read(p []byte) (int, error) {
	line, err := w.from.ReadSlice('\n')
	if bytes.Contains(line, []byte(`"choices":[]`)) {
		line, err = w.from.ReadSlice('\n') // the empty line after it
	}
	return copy(p, line), err
}

func tinyBench(t *testing.T) *bench {
	return &bench{
		programs: programs{self: os.Args[0], gateway: os.Args[0]},
		dir:      t.TempDir(), ports: newPorts(), answers: map[string]*load.Answer{}, progress: t.Output(),
		warm: time.Millisecond, span: 100 * time.Millisecond, settle: 10 * time.Millisecond, streams: 20,
	}
}

func TestEveryScenarioGivesItsFigures(t *testing.T) {
	chosen := scenarios()
	samples, err := tinyBench(t).run(t.Context(), chosen, 1)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range samples {
		if s.failed() > 0 {
			t.Errorf("%s, %s: failures %v: %s", s.Scenario, s.System, s.Failures, s.Example)
		}
	}
	for _, v := range judge(samples) {
		// What is added to the direct way is a difference, which a run this
		// short can find to be less than nothing; then there is no ratio.
		added := strings.HasPrefix(v.What, "added") && strings.HasPrefix(v.Unit, "x ")
		if v.Result == notMeasured && v.Unit != "x nginx file" && !added {
			t.Errorf("not measured: %s, %s", v.What, v.Unit)
		}
	}
	noProcessLeft(t)
}

// noProcessLeft looks for children of this process.
func noProcessLeft(t *testing.T) {
	t.Helper()
	threads, err := os.ReadDir("/proc/self/task")
	if err != nil {
		t.Fatal(err)
	}
	looked := 0
	for _, thread := range threads {
		children, err := os.ReadFile("/proc/self/task/" + thread.Name() + "/children")
		if err != nil && !errors.Is(err, os.ErrNotExist) || len(children) > 0 {
			t.Errorf("processes left: %s, %v", children, err)
		}
		if err == nil {
			looked++
		}
	}
	if looked == 0 {
		t.Error("this kernel does not list children")
	}
}

func TestInterruptEndsEverything(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	b := tinyBench(t)
	b.span = time.Hour
	started := time.Now()
	b.progress = io.Discard
	stop := time.AfterFunc(300*time.Millisecond, cancel)
	defer stop.Stop()
	if _, err := b.run(ctx, scenarios()[:1], 1); err == nil || !errors.Is(err, context.Canceled) {
		t.Errorf("a run that was interrupted: %v", err)
	}
	if took := time.Since(started); took > 5*time.Second {
		t.Errorf("ended after %v", took)
	}
	noProcessLeft(t)
}

func TestServerThatCannotStartIsTold(t *testing.T) {
	b := tinyBench(t)
	b.programs.gateway = "/bin/false"
	_, err := b.run(t.Context(), scenarios()[1:2], 1)
	if err == nil || !strings.Contains(err.Error(), "gateway ended: exit status 1") {
		t.Errorf("a gateway that does not start: %v", err)
	}
}

func TestJudge(t *testing.T) {
	// Rounds of gateway over F: 1.1, 1.5, 1.2; rates 0.8, 0.95, 0.7.
	var samples []sample
	for i, s := range []sample{{CPUPerAnswer: 11, RPS: 80}, {CPUPerAnswer: 30, RPS: 190}, {CPUPerAnswer: 6, RPS: 35}} {
		base := []sample{{CPUPerAnswer: 10, RPS: 100}, {CPUPerAnswer: 20, RPS: 200}, {CPUPerAnswer: 5, RPS: 50}}[i]
		s.Scenario, s.System, s.Round = "1k", gateway, i
		base.Scenario, base.System, base.Round = "1k", bareProxy, i
		samples = append(samples, s, base)
	}
	f := func(figure func(sample) float64, must, goal float64, atLeast bool, want verdict) {
		t.Helper()
		got := budget{scenario: "1k", figure: ratio(gateway, bareProxy, figure), must: must, goal: goal, atLeast: atLeast}.judge(samples)
		want.Scenario, want.Must, want.Goal, want.AtLeast = "1k", must, goal, atLeast
		near := cmp.Comparer(func(a, b float64) bool { return a-b < 1e-9 && b-a < 1e-9 })
		if d := cmp.Diff(want, got, near); d != "" {
			t.Errorf("(-want +got):\n%s", d)
		}
	}
	f(cpuPerAnswer, 1.3, 1.2, false, verdict{Rounds: 3, Median: 1.2, Min: 1.1, Max: 1.5, Result: "goal"})
	f(cpuPerAnswer, 1.3, 1.1, false, verdict{Rounds: 3, Median: 1.2, Min: 1.1, Max: 1.5, Result: "must"})
	f(cpuPerAnswer, 1.3, 0, false, verdict{Rounds: 3, Median: 1.2, Min: 1.1, Max: 1.5, Result: "must"})
	f(cpuPerAnswer, 1.1, 1.0, false, verdict{Rounds: 3, Median: 1.2, Min: 1.1, Max: 1.5, Result: "missed"})
	f(rps, 0.75, 0.8, true, verdict{Rounds: 3, Median: 0.8, Min: 0.7, Max: 0.95, Result: "goal"})
	f(rps, 0.75, 0.9, true, verdict{Rounds: 3, Median: 0.8, Min: 0.7, Max: 0.95, Result: "must"})
	f(rps, 0.9, 0.95, true, verdict{Rounds: 3, Median: 0.8, Min: 0.7, Max: 0.95, Result: "missed"})
	f(p50, 1, 1, false, verdict{Result: notMeasured})
}

func TestOneMistakeMissesTheBudget(t *testing.T) {
	mistakes := func(samples ...sample) string { v := judge(samples); return v[len(v)-1].Result }
	wrong := map[string]int64{"cut": 1}
	if got := mistakes(sample{System: gateway}, sample{System: bareProxy, Failures: wrong}); got != "goal" {
		t.Errorf("no mistake of the gateway: %s", got)
	}
	if got := mistakes(sample{System: gateway}, sample{System: gatewayNoCache, Failures: wrong}); got != "missed" {
		t.Errorf("one mistake of the gateway: %s", got)
	}
	if got := mistakes(sample{System: bareProxy}); got != notMeasured {
		t.Errorf("no gateway: %s", got)
	}
}

func TestMedian(t *testing.T) {
	f := func(want float64, in ...float64) {
		t.Helper()
		if got := median(in); got != want {
			t.Errorf("median of %v is %v, expected %v", in, got, want)
		}
	}
	f(3, 3)
	f(2, 1, 3)
	f(2, 9, 2, 1)
	f(2.5, 4, 2, 1, 3)
}

func TestPromptIsJSONOfTheSizeAskedFor(t *testing.T) {
	for _, sc := range scenarios() {
		if sc.size == 0 {
			continue
		}
		body := prompt(plainModel, `,"stream":true`, sc.size, sc.repeat)
		if len(body) != sc.size || !json.Valid(body) {
			t.Errorf("%s: %d bytes, expected %d of JSON: %.100s", sc.name, len(body), sc.size, body)
		}
		if bytes.Contains(body, []byte(load.Serial)) == sc.repeat {
			t.Errorf("%s: its prompts are to be the same: %t", sc.name, sc.repeat)
		}
	}
}

func TestOptions(t *testing.T) {
	f := func(want options, args ...string) {
		t.Helper()
		got, err := parseOptions(args)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want, got, cmp.AllowUnexported(options{})); d != "" {
			t.Errorf("%v (-want +got):\n%s", args, d)
		}
	}
	results := filepath.Join("bench", "results")
	f(options{rounds: 5, out: results})
	f(options{rounds: 2, quick: true}, "-quick")
	f(options{rounds: 7, quick: true, out: "x"}, "-quick", "-rounds=7", "-out=x")
	f(options{rounds: 5, scenarios: "1k"}, "-scenario=1k")
	f(options{rounds: 5}, "-out=")
	for _, args := range [][]string{{"-rounds=0"}, {"extra"}} {
		if _, err := parseOptions(args); err == nil {
			t.Errorf("%v was taken", args)
		}
	}
	if _, err := choose("1k,nothing"); err == nil || !strings.Contains(err.Error(), `"nothing"`) {
		t.Errorf("an unknown scenario: %v", err)
	}
}

func TestSave(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new")
	r := &report{Name: "n", Rounds: 1, Machine: describeMachine(), Samples: []sample{
		{Scenario: "1k", System: bareProxy, CPUPerAnswer: 10, RPS: 100},
		{Scenario: "1k", System: gateway, CPUPerAnswer: 12, RPS: 90},
	}}
	r.Verdicts = judge(r.Samples)
	if err := r.save(dir); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(dir, "n.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{
		"| CPU, 1 KB, cache on, miss | 1k | 1.20 | 1.20..1.20 | <= 1.45 | <= 1.20 | x F | met (goal) |",
		"| gateway | 12.0 | 90 | 0 |",
	} {
		if !strings.Contains(string(text), line+"\n") {
			t.Errorf("the report lacks %q:\n%s", line, text)
		}
	}
	all, err := os.ReadFile(filepath.Join(dir, "n.json"))
	if err != nil {
		t.Fatal(err)
	}
	var back report
	if err := json.Unmarshal(all, &back); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(r.Samples, back.Samples); d != "" {
		t.Errorf("samples (-want +got):\n%s", d)
	}
}
