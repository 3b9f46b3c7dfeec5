package main

import (
	"strings"
	"testing"

	"github.com/ai-mcp-gateway/gateway/bench/simulator"
)

// Paths are read once, before authentication and routing, and those with two
// readings are refused whoever asks.
func TestFault065_AmbiguousPaths(t *testing.T) {
	sim := startSimulator(t, simulator.Config{})
	g := startGateway(t, keyed+config(quick, sim.URL()+"/v1"))
	const none, known = "", "Authorization: Bearer " + appKey + "\r\n"
	get := func(target, lines string, status int) rawCase {
		who := "stranger "
		if lines != none {
			who = "known "
		}
		return rawCase{
			name: who + target, status: status, open: status != 400,
			request: "GET " + target + " HTTP/1.1\r\nHost: gateway\r\n" + lines + "\r\n",
		}
	}
	var cases []rawCase
	for _, target := range []string{
		"//v1/models", "/v1//models", "/v1/models//", "//gateway/v1/models", "///",
		"/v1/../v1/models", "/v1/./models", "/./v1/models", "/../v1/models", "/v1/models/..", "/v1/models/.", "/v1/models/../../metrics",
		"/livez/../v1/models", "/livez/..%2fv1/models", "/livez/%2e%2e/metrics", "/livez;/../metrics", "/livez/.%2e/metrics",
		"/v1/%2e%2e/metrics", "/%2e%2e/metrics", "/v1/models/%2e%2e", "/v1/models/%2E%2E%2Fmetrics", "/v1/models/a%2f..%2fb", "/v1/models/a%2f%2fb", "/v1/models/%2fb",
		"/v1%2fmodels", "/v1%2Fmodels", "%2fv1/models", "/%76%31/models", "/v1/mode%6cs", "/v1/models%2fsim", "/v1/models%20", "/v1/models%00", "/metrics%0a",
		"/v1/models;x", "/v1/models;x=1", "/;/v1/models", "/v1/models/a;b",
		"/v1\\models", "\\v1\\models", "/v1/..\\models", "/v1/models/a%5cb", "/v1/models/a%00b", "/v1/models/a%0d%0ab", "/v1/models/%", "/v1/models/%4", "/v1/models/%zz",
		"/v1/models#x", "/v1/models#/../metrics", "v1/models", "*",
	} {
		cases = append(cases, get(target, none, 400), get(target, known, 400))
	}
	for target, status := range map[string]int{
		"/v1/models": 200, "/v1/models?a=%2e%2e%2f": 200, "/v1/models?a=//x/../y;z": 200, "/v1/models?u=http://a/b": 200, "http://gateway/v1/models": 200,
		"/v1/models/sim%2Fsim-l0": 200, "/v1/models/sim%2fsim-l0": 200, "/v1/models/sim/sim-l0": 200, "/v1/models/sim-l0": 200, "/v1/models/auto": 200,
		"/v1/models/sim%2Fother": 404, "/v1/models/a%2Fb%2Fc": 404, "/v1/models/a%20b": 404, "/v1/models/a%3Fb": 404,
		"/V1/models": 404, "/v1/Models": 404, "/v1/models/": 404, "/v1/chat/completions/": 404, "/admin/keys": 404, "/": 404, "/v1": 404, "/v1/models.json": 404,
	} {
		cases = append(cases, get(target, known, status))
		if status == 200 {
			status = 401
		}
		if strings.HasPrefix(target, "/v1/models/") && target != "/v1/models/" {
			status = 401 // whether a model exists is told to callers only
		}
		cases = append(cases, get(target, none, status))
	}
	runRaw(t, g, cases)
	if n := sim.Requests(); n != 0 {
		t.Errorf("%d requests reached the provider", n)
	}
}
