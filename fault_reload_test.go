package main

import (
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/ai-mcp-gateway/gateway/bench/simulator"
)

// reload sends SIGHUP and waits until the configuration was taken or not.
func (g *instance) reload() {
	g.t.Helper()
	before := g.reloads()
	_ = g.cmd.Process.Signal(syscall.SIGHUP)
	eventually(g.t, patience, "the configuration to be read", func() bool { return g.reloads() > before })
}

// reloads counts the attempts to reload.
func (g *instance) reloads() int {
	text := g.logs.String()
	return strings.Count(text, `"configuration reloaded"`) + strings.Count(text, `"configuration not reloaded`)
}

var configInfo = regexp.MustCompile(`gateway_config_info\{version="([^"]+)"\} 1`)

// configVersion is the version of the configuration in force.
func (g *instance) configVersion() string {
	g.t.Helper()
	m := configInfo.FindStringSubmatch(g.metrics())
	if m == nil {
		g.t.Fatal("no gateway_config_info")
	}
	return m[1]
}

func TestFault089_BadConfiguration(t *testing.T) {
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	sim := startSimulator(t, simulator.Config{})
	good := config(uncached+quick, sim.URL()+"/v1")
	g := startGateway(t, good)
	version := g.configVersion()
	const secret = "c0nfidential"
	write := func(text string) func() {
		return func() { g.rewrite(text) }
	}
	bad := []struct {
		name, says string
		make       func()
	}{
		{"syntax", "not YAML", write("providers: {sim: [\n")},
		{"tabs", "not YAML", write("providers:\n\tsim: x\n")},
		{"unknown key", "did you mean", write(good + "cahce: {}\n")},
		{"unknown key deep down", "did you mean", write(strings.Replace(good, "base_url", "base_ur", 1))},
		{"provider twice", "sim", write(strings.Replace(good, "models:\n", "  sim: {dialect: openai, base_url: 'http://127.0.0.1:1/v1', keys: ["+secret+"]}\nmodels:\n", 1))},
		{"missing environment", "NOT_THERE", write(strings.Replace(good, "provider-secret-sim", "'${NOT_THERE}'", 1))},
		{"wrong type", "", write(strings.Replace(good, "connect: 500ms", "connect: [1]", 1))},
		{"wrong value", "log.level", write(good + "log: {level: loud}\n")},
		{"tier of nobody", "provider", write(strings.Replace(good, "models: [sim/sim-l0]", "models: [nobody/"+secret+"]", 1))},
		{"half-written", "", write(good[:strings.Index(good, "base_url")+20])},
		{"empty", "empty", write("")},
		{"no text", "", write("\x00\x01\x02")},
		{"two documents", "second document", write(good + "---\n" + good)},
		{"a directory", "directory", func() { _ = os.Remove(g.file); _ = os.Mkdir(g.file, 0o700) }},
		{"gone", "no such file", func() { _ = os.Remove(g.file) }},
	}
	for i, b := range bad {
		b.make()
		mark := len(g.logs.String())
		g.reload()
		if n := metric(t, g.metrics(), "gateway_reload_failures_total"); n != float64(i+1) {
			t.Fatalf("%s: %v failures are counted, want %d", b.name, n, i+1)
		}
		said := g.logs.String()[mark:]
		if !strings.Contains(said, `"configuration not reloaded`) || !strings.Contains(said, b.says) || strings.Contains(said, secret) {
			t.Errorf("%s: the log says %s, want %q", b.name, said, b.says)
		}
		if now := g.configVersion(); now != version {
			t.Errorf("%s: version %s is in force, want %s", b.name, now, version)
		}
		if r := g.post(chatPath, chat("auto", b.name, false)); r.status != http.StatusOK {
			t.Errorf("%s: status %d: %s", b.name, r.status, r.body)
		}
		code, said := runCommand(t, nil, path, "check", g.file)
		if code != 78 || !strings.Contains(said, b.says) || strings.Contains(said, secret) {
			t.Errorf("%s: check ends with %d and says %s, want 78 and %q", b.name, code, said, b.says)
		}
		_ = os.Remove(g.file)
	}
	g.rewrite(good)
	g.reload()
	if n := metric(t, g.metrics(), "gateway_reload_failures_total"); n != float64(len(bad)) || g.configVersion() != version {
		t.Errorf("after a good file: %v failures, version %s", n, g.configVersion())
	}
	if code, said := runCommand(t, nil, path, "check", g.file); code != 0 {
		t.Errorf("check of a good file ends with %d: %s", code, said)
	}
}

// A bad file at the start is an end, not a gateway without its configuration.
func TestFault089_BadConfigurationAtStart(t *testing.T) {
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "gateway.yaml")
	if err := os.WriteFile(file, []byte("providers: [\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{file, file + ".missing"} {
		if code, said := runCommand(t, []string{"GATEWAY_CONFIG=" + file}, path); code != 78 || !strings.Contains(said, filepath.Base(file)) {
			t.Errorf("%s: exit code %d: %s", file, code, said)
		}
	}
}

func TestFault090_ReloadUnderLoad(t *testing.T) {
	first := startSimulator(t, simulator.Config{})
	second := startSimulator(t, simulator.Config{})
	versions := [2]string{config(uncached, first.URL()+"/v1"), config(uncached, second.URL()+"/v1")}
	g := startGateway(t, versions[0])

	var streams finish // longer than all of the reloads
	streams.open(g, 10, func(i int) string { return chat("sim/sim-l0!tokens=100,chunk-delay=15ms", itoa(i), true) }, true)
	var done, failed atomic.Int64
	stop := make(chan struct{})
	var load sync.WaitGroup
	for range 5 {
		client := &http.Client{Transport: &http.Transport{}}
		load.Go(func() { // 100 a second each
			defer client.CloseIdleConnections()
			tick := time.NewTicker(10 * time.Millisecond)
			defer tick.Stop()
			for {
				select {
				case <-stop:
					return
				case <-tick.C:
				}
				r, err := client.Post(g.URL+chatPath, "application/json", strings.NewReader(chat("auto", "hi", false)))
				if err != nil || r.StatusCode != http.StatusOK {
					failed.Add(1)
				}
				if err == nil {
					_ = r.Body.Close()
				}
				done.Add(1)
			}
		})
	}
	for i := 1; i <= 10; i++ {
		g.rewrite(versions[i%2])
		g.reload()
		before := done.Load()
		eventually(t, patience, "more requests", func() bool { return done.Load() > before+20 })
	}
	close(stop)
	load.Wait()
	if failed.Load() > 0 {
		t.Errorf("%d of %d requests failed\n%s", failed.Load(), done.Load(), g.logs.tail())
	}
	for _, r := range streams.wait() {
		if r.err != nil || !strings.HasSuffix(r.body, "data: [DONE]\n\n") {
			t.Errorf("a stream from before: %v, ...%s", r.err, r.body[max(0, len(r.body)-200):])
		}
	}
	g.rewrite(versions[1])
	g.reload()
	before, late := first.Requests(), second.Requests()
	if r := g.post(chatPath, chat("auto", "hi", false)); r.status != http.StatusOK || first.Requests() != before || second.Requests() != late+1 {
		t.Errorf("status %d; the new configuration does not steer new requests", r.status)
	}
	if n := metric(t, g.metrics(), "gateway_reload_failures_total"); n != 0 {
		t.Errorf("%v reloads failed", n)
	}
}

// The address stays bound over a reload, so a file that would open it to
// everybody is not taken, whatever address it names.
func TestReloadKeepsAddressGuarded(t *testing.T) {
	const everywhere = "listen: 0.0.0.0:0\n"
	g := launch(t, everywhere+keyed+quick, "GATEWAY_LISTEN=")
	if g.status("/v1/models") != http.StatusUnauthorized {
		t.Fatal("the address is open")
	}
	for _, text := range []string{everywhere, "listen: 127.0.0.1:0\n"} {
		g.rewrite(text + quick)
		g.reload()
		if g.status("/v1/models") != http.StatusUnauthorized {
			t.Errorf("the address is open after a reload of\n%s", text)
		}
	}
	if n := strings.Count(g.logs.String(), "configuration not reloaded"); n != 2 {
		t.Errorf("%d reloads were refused, want 2\n%s", n, g.logs.tail())
	}
	g.stop(syscall.SIGTERM)
}
