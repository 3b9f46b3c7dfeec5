package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/ai-mcp-gateway/gateway/bench/simulator"
)

// The tests of this package run the built binary as its users do, against
// real servers on loopback.

// binary builds the gateway once for all tests.
var binary = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "gateway-test-")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "gateway")
	out, err := exec.Command("go", "build", "-o", path, ".").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("cannot build the gateway: %w\n%s", err, out)
	}
	return path, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if path, err := binary(); err == nil {
		_ = os.RemoveAll(filepath.Dir(path))
	}
	os.Exit(code)
}

// instance is a running gateway.
type instance struct {
	t    testing.TB
	URL  string // http://127.0.0.1:port
	Addr string // 127.0.0.1:port
	cmd  *exec.Cmd
	logs *logBuffer
	done chan error
	file string
}

// startGateway runs the binary with a configuration file and waits until it
// answers. The environment is empty but for env and a PATH. When the test
// ends, the gateway has to hold no goroutine and no descriptor of a finished
// request, and to stop with exit code 0 on SIGTERM.
func startGateway(t testing.TB, config string, env ...string) *instance {
	t.Helper()
	g := launch(t, config, env...)
	base := g.load()
	t.Cleanup(func() {
		g.checkLeaks(base)
		g.stop(syscall.SIGTERM)
	})
	return g
}

// launch is startGateway without the checks at the end: the test stops it.
func launch(t testing.TB, config string, env ...string) *instance {
	t.Helper()
	g := prepare(t, config, env...)
	g.start()
	return g
}

// prepare is launch up to where the process starts.
func prepare(t testing.TB, config string, env ...string) *instance {
	t.Helper()
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	g := &instance{t: t, logs: &logBuffer{}, done: make(chan error, 1)}
	g.cmd = exec.Command(path, "serve")
	dir := t.TempDir()
	g.cmd.Dir = dir
	g.cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "GATEWAY_LISTEN=127.0.0.1:0"}, env...)
	if config != "" {
		g.file = filepath.Join(dir, "gateway.yaml")
		g.rewrite(config)
		g.cmd.Env = append(g.cmd.Env, "GATEWAY_CONFIG="+g.file)
	}
	g.cmd.Stderr = g.logs
	return g
}

// start runs what was prepared and waits until it answers.
func (g *instance) start() {
	g.t.Helper()
	if err := g.cmd.Start(); err != nil {
		g.t.Fatal(err)
	}
	go func() { g.done <- g.cmd.Wait() }()
	g.t.Cleanup(func() { _ = g.cmd.Process.Kill() })
	g.waitReady()
}

// rewrite replaces the configuration file.
func (g *instance) rewrite(config string) {
	g.t.Helper()
	if err := os.WriteFile(g.file, []byte(config), 0o600); err != nil {
		g.t.Fatal(err)
	}
}

// at makes the gateway listen on address, for a test that cannot learn from
// the log which port the gateway has got.
func (g *instance) at(address string) {
	g.Addr, g.URL = address, "http://"+address
	g.cmd.Env = append(g.cmd.Env, "GATEWAY_LISTEN="+address)
}

// freeAddress is an address that nobody listened on a moment ago.
func freeAddress(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// listening finds the bound port in the log.
var listening = regexp.MustCompile(`"msg":"listening","address":"[^"]*:(\d+)"`)

func (g *instance) waitReady() {
	g.t.Helper()
	eventually(g.t, 10*time.Second, "the gateway to answer", func() bool {
		select {
		case err := <-g.done:
			g.t.Fatalf("the gateway ended at its start: %v\n%s", err, g.logs)
		default:
		}
		if m := listening.FindStringSubmatch(g.logs.String()); m != nil && g.Addr == "" {
			g.Addr = "127.0.0.1:" + m[1]
			g.URL = "http://" + g.Addr
		}
		r, err := http.Get(g.URL + "/readyz")
		if err != nil {
			return false
		}
		_ = r.Body.Close()
		return r.StatusCode == http.StatusOK
	})
}

// stop sends a signal and waits for the end, which has to be a good one.
func (g *instance) stop(s syscall.Signal) {
	g.t.Helper()
	_ = g.cmd.Process.Signal(s)
	select {
	case err := <-g.done:
		if err != nil {
			g.t.Errorf("the gateway ended with %v\n%s", err, g.logs.tail())
		}
		g.done <- err
	case <-time.After(45 * time.Second):
		g.t.Errorf("the gateway did not stop\n%s", g.logs.tail())
	}
}

// load is what a process holds that requests may leak.
type load struct{ goroutines, descriptors int }

func (g *instance) load() load {
	g.t.Helper()
	return load{int(metric(g.t, g.metrics(), "go_goroutines")), g.descriptors()}
}

// descriptors is how many descriptors the process has open.
func (g *instance) descriptors() int {
	g.t.Helper()
	fds, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", g.cmd.Process.Pid))
	if err != nil {
		g.t.Fatal(err)
	}
	return len(fds)
}

// checkLeaks waits until the gateway holds no more than at its start, but for
// pooled connections to providers, which are closed with their server, and
// the goroutines that fasthttp keeps for a while.
func (g *instance) checkLeaks(base load) {
	g.t.Helper()
	http.DefaultClient.CloseIdleConnections()
	var now load
	ok := poll(20*time.Second, func() bool {
		now = g.load()
		return now.goroutines <= base.goroutines+4 && now.descriptors <= base.descriptors+4
	})
	if !ok {
		g.t.Errorf("leak: %+v at the start, %+v at the end\n%s", base, now, g.logs.tail())
	}
}

func (g *instance) metrics() string {
	g.t.Helper()
	r, err := http.Get(g.URL + "/metrics")
	if err != nil {
		g.t.Fatal(err)
	}
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		g.t.Fatal(err)
	}
	return string(b)
}

// metric sums the series of one family in a page of metrics.
func metric(t testing.TB, page, name string) (sum float64) {
	t.Helper()
	found := false
	for line := range strings.Lines(page) {
		series, value, ok := strings.Cut(strings.TrimSpace(line), " ")
		if family, _, _ := strings.Cut(series, "{"); !ok || family != name {
			continue
		}
		v, err := strconv.ParseFloat(value, 64)
		if err != nil {
			t.Fatalf("metric %s: %v", line, err)
		}
		sum += v
		found = true
	}
	if !found && strings.HasPrefix(name, "go_") {
		t.Fatalf("no metric %s", name)
	}
	return sum
}

// poll asks cond every few milliseconds until it holds or time is up.
func poll(d time.Duration, cond func() bool) bool {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(d)
	for {
		if cond() {
			return true
		}
		select {
		case <-deadline:
			return false
		case <-tick.C:
		}
	}
}

// eventually fails the test when cond does not come to hold in time.
func eventually(t testing.TB, d time.Duration, what string, cond func() bool) {
	t.Helper()
	if !poll(d, cond) {
		t.Fatalf("waited %v for %s", d, what)
	}
}

// startSimulator runs providers that record what they see.
func startSimulator(t testing.TB, cfg simulator.Config) *simulator.Server {
	t.Helper()
	if cfg.Record == 0 {
		cfg.Record = 1000
	}
	s, err := simulator.Start(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// config is a configuration with one provider "sim" per base URL (sim, sim2 ...),
// whose models are those of tier L0 and cost 1 and 2 USD a million tokens.
// Lines in extra are appended as they are.
func config(extra string, bases ...string) string {
	var b strings.Builder
	b.WriteString("providers:\n")
	name := func(i int) string {
		if i == 0 {
			return "sim"
		}
		return "sim" + strconv.Itoa(i+1)
	}
	for i, base := range bases {
		fmt.Fprintf(&b, "  %s: {dialect: openai, base_url: %q, keys: [%s]}\n", name(i), base, "provider-secret-"+name(i))
	}
	b.WriteString("models:\n")
	for i := range bases {
		fmt.Fprintf(&b, "  %s/sim-l0: {price: {input: 1, output: 2}, context: 32768}\n", name(i))
	}
	b.WriteString("tiers:\n  - {name: L0, models: [")
	for i := range bases {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(name(i) + "/sim-l0")
	}
	b.WriteString("]}\nrouting: {default_tier: L0, max_tier: L0}\n")
	return b.String() + extra
}

// quick are time limits that a test can wait for.
const quick = `
timeouts: {connect: 500ms, first_byte: 700ms, idle: 700ms, total: 5s, header: 1s, body: 1500ms, keep_alive: 2s, write: 1s}
shutdown: {drain: 100ms, grace: 3s}
`

// reply is an answer read to its end.
type reply struct {
	status int
	header http.Header
	body   string
	err    error // of reading the body
	took   time.Duration
}

// post sends a JSON body. header holds "Name: value" pairs.
func (g *instance) post(path, body string, header ...string) reply {
	g.t.Helper()
	start := time.Now()
	r, err := g.send(context.Background(), path, body, header...)
	if err != nil {
		g.t.Fatalf("POST %s: %v\n%s", path, err, g.logs.tail())
	}
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	return reply{r.StatusCode, r.Header, string(b), err, time.Since(start)}
}

// send is post without reading the answer's body.
func (g *instance) send(ctx context.Context, path, body string, header ...string) (*http.Response, error) {
	g.t.Helper()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, g.URL+path, strings.NewReader(body))
	if err != nil {
		g.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	for _, h := range header {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Set(name, value)
	}
	return http.DefaultClient.Do(r)
}

// chat is the body of a chat call.
func chat(model, prompt string, stream bool) string {
	return fmt.Sprintf(`{"model":%q,"stream":%t,"messages":[{"role":"user","content":%q}]}`, model, stream, prompt)
}

// apiError is OpenAI's error object.
type apiError struct {
	Message     string  `json:"message"`
	Type        string  `json:"type"`
	Param       *string `json:"param"`
	Code        string  `json:"code"`
	GatewayCode string  `json:"gateway_code"`
}

// wantError checks status, code and gateway code of an error answer.
func (r reply) wantError(t testing.TB, status int, gatewayCode string) apiError {
	t.Helper()
	var e struct{ Error apiError }
	if err := json.Unmarshal([]byte(r.body), &e); err != nil {
		t.Fatalf("status %d, body is no error object: %v: %.300s", r.status, err, r.body)
	}
	if r.status != status || e.Error.GatewayCode != gatewayCode || r.header.Get("X-Gateway-Error") != gatewayCode {
		t.Errorf("status %d, gateway code %q, header %q; want %d, %q: %s",
			r.status, e.Error.GatewayCode, r.header.Get("X-Gateway-Error"), status, gatewayCode, r.body)
	}
	if r.header.Get("X-Request-Id") == "" {
		t.Error("no X-Request-Id")
	}
	return e.Error
}

// events splits a stream's body into the data of its events.
func (r reply) events() (data []string) {
	for event := range strings.SplitSeq(r.body, "\n\n") {
		if text, ok := strings.CutPrefix(event, "data: "); ok {
			data = append(data, text)
		}
	}
	return data
}

// wantStreamError checks that a stream ended in an error event with the code
// and without [DONE].
func (r reply) wantStreamError(t testing.TB, gatewayCode string) {
	t.Helper()
	data := r.events()
	if r.status != http.StatusOK || len(data) == 0 || r.err != nil {
		t.Fatalf("status %d, %d events, %v: %.300s", r.status, len(data), r.err, r.body)
	}
	var e struct{ Error apiError }
	last := data[len(data)-1]
	if err := json.Unmarshal([]byte(last), &e); err != nil || e.Error.GatewayCode != gatewayCode {
		t.Errorf("last event %s, want an error with %s", last, gatewayCode)
	}
	if strings.Contains(r.body, "[DONE]") {
		t.Errorf("a failed stream has [DONE]: %s", r.body)
	}
}
