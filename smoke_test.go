package main

import (
	"net/http"
	"strings"
	"testing"

	"github.com/ai-mcp-gateway/gateway/bench/simulator"
)

func TestZeroConfiguration(t *testing.T) {
	g := startGateway(t, "")
	r := g.post("/v1/chat/completions", chat("auto", "hello", false))
	if r.status != http.StatusOK || !strings.Contains(r.body, "[simulated") {
		t.Fatalf("status %d: %s", r.status, r.body)
	}
	if r.header.Get("X-Gateway-Simulated") != "true" || r.header.Get("X-Gateway-Tier") != "L0" {
		t.Errorf("the answer is not marked as simulated: %v", r.header)
	}
	if !strings.Contains(g.logs.String(), "SIMULATED") {
		t.Error("the log does not say that answers are simulated")
	}
}

func TestMissThenHit(t *testing.T) {
	sim := startSimulator(t, simulator.Config{})
	g := startGateway(t, config("", sim.URL()+"/v1"))
	for _, stream := range []bool{false, true} {
		body := chat("auto", "same words", stream)
		first := g.post("/v1/chat/completions", body)
		second := g.post("/v1/chat/completions", body)
		if second.header.Get("X-Gateway-Cache") != "hit" || second.body != first.body || second.header.Get("X-Gateway-Cost") != "0" {
			t.Errorf("stream %t: second answer %v %s, want the first again as a hit: %s", stream, second.header, second.body, first.body)
		}
	}
	if n := sim.Requests(); n != 1 {
		t.Errorf("%d upstream calls for one prompt in both forms, want 1", n)
	}
}
