package main

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ai-mcp-gateway/gateway/bench/simulator"
	"github.com/ai-mcp-gateway/gateway/configs"
	"github.com/ai-mcp-gateway/gateway/engine"
	"github.com/ai-mcp-gateway/gateway/proxy"
	"github.com/ai-mcp-gateway/gateway/telemetry"
	"github.com/ai-mcp-gateway/gateway/tenant"
	"github.com/ai-mcp-gateway/gateway/translate"
	"github.com/ai-mcp-gateway/gateway/translate/openai"
)

// tripwire is a dialect with bugs.
type tripwire struct{ *openai.Dialect }

func (d tripwire) Prepare(p *translate.Plan, r *translate.Request, op translate.Op, model []byte, askUsage bool) bool {
	if bytes.Contains(r.Body, []byte("trip on the request")) {
		panic("tripped")
	}
	return d.Dialect.Prepare(p, r, op, model, askUsage)
}

func (d tripwire) ReadAnswer(op translate.Op, body []byte, a *translate.Answer) {
	if bytes.Contains(body, []byte("trip on the answer")) {
		panic("tripped")
	}
	d.Dialect.ReadAnswer(op, body, a)
}

func (d tripwire) ReadEvent(data []byte, e *translate.StreamEvent) {
	if bytes.Contains(data, []byte("trip")) {
		panic("tripped")
	}
	d.Dialect.ReadEvent(data, e)
}

// startTripwire serves with the buggy dialect, in this process: the binary has
// no bug to offer.
func startTripwire(t *testing.T, text string) *instance {
	t.Helper()
	file := filepath.Join(t.TempDir(), "gateway.yaml")
	if err := os.WriteFile(file, []byte("listen: 127.0.0.1:0\n"+text), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, err := configs.Load(file, func(string) (string, bool) { return "", false })
	if err != nil {
		t.Fatal(err)
	}
	g := &instance{t: t, logs: &logBuffer{}}
	log := telemetry.NewLog(g.logs, slog.LevelInfo)
	var dialects engine.Dialects
	dialects.AddClient(tripwire{openai.New()})
	dialects.AddProvider(tripwire{openai.New()})
	e, err := engine.New(cfg.Engine(), engine.Options{Dialects: dialects, Log: log.Slog()})
	if err != nil {
		t.Fatal(err)
	}
	directory, err := tenant.NewDirectory(cfg.Keys)
	if err != nil {
		t.Fatal(err)
	}
	state := func() string { return "embedded" }
	s := proxy.New(cfg.Proxy(), directory, proxy.Options{
		Engine: e, Dialect: openai.New(), Messages: openai.New(), Log: log, Metrics: telemetry.NewMetrics("test"), Version: "test", Redis: state, Database: state,
	})
	address, err := s.Listen()
	if err != nil {
		t.Fatal(err)
	}
	g.Addr = address.String()
	g.URL = "http://" + g.Addr
	served := make(chan error, 1)
	go func() { served <- s.Serve() }()
	t.Cleanup(func() {
		if err := s.Shutdown(context.Background()); err != nil {
			t.Errorf("shutdown: %v", err)
		}
		if err := <-served; err != nil {
			t.Errorf("serve: %v", err)
		}
		e.Close()
		_ = log.Close()
	})
	return g
}

func TestFault095_Panic(t *testing.T) {
	for name, extra := range map[string]string{"uncached": uncached, "cached": ""} {
		t.Run(name, func(t *testing.T) {
			sim := startSimulator(t, simulator.Config{Faults: "chunk-delay=10ms"})
			g := startTripwire(t, config(extra+quick, sim.URL()+"/v1"))
			for _, prompt := range []string{"trip on the request", "trip on the answer"} {
				g.post(chatPath, chat("sim-l0", prompt, false)).wantError(t, http.StatusInternalServerError, "gateway_internal")
			}
			g.post(chatPath, chat("sim-l0", "trip on the request", true)).wantError(t, http.StatusInternalServerError, "gateway_internal")

			// Two that share a stream, if anything is shared.
			var both finish
			both.open(g, 2, func(int) string { return chat("sim-l0", "trip in the stream", true) }, true)
			for _, r := range both.wait() {
				if r.err == nil || strings.Contains(r.body, "[DONE]") {
					t.Errorf("a stream with a bug in it ends well: %v, %s", r.err, r.body)
				}
			}
			if r := g.post(chatPath, chat("sim-l0", "hi", true)); r.status != http.StatusOK || !strings.Contains(r.body, "[DONE]") {
				t.Errorf("afterwards: status %d: %s", r.status, r.body)
			}
			eventually(t, patience, "all calls to end", func() bool { return metric(t, g.metrics(), "gateway_in_flight_requests") == 0 })
			eventually(t, patience, "the connections to the provider to close", func() bool { return sim.OpenConns() <= 1 })
			if n := strings.Count(g.logs.String(), `"msg":"panic"`); n != 5 {
				t.Errorf("%d panics are logged, want 5\n%s", n, g.logs)
			}
			if n := strings.Count(g.logs.String(), `"error":"gateway_internal"`); n != 5 {
				t.Errorf("%d calls are logged as internal errors, want 5\n%s", n, g.logs)
			}
		})
	}
}
