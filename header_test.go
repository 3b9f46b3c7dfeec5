package main

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/ai-mcp-gateway/gateway/bench/simulator"
)

// statusOf reads a status line.
func statusOf(line string) (status int) {
	_, _ = fmt.Sscanf(line, "HTTP/1.1 %d", &status)
	return status
}

func TestRequestIDs(t *testing.T) {
	sim := startSimulator(t, simulator.Config{})
	g := startGateway(t, config(quick, sim.URL()+"/v1"))
	ids := map[string]bool{}
	f := func(sent string, kept bool) {
		t.Helper()
		for _, r := range []reply{
			g.ask("POST", chatPath, chat("sim-l0", "hi", false), "X-Request-Id: "+sent),
			g.ask("POST", chatPath, chat("sim-l0", "hi", true), "X-Request-Id: "+sent),
			g.ask("POST", chatPath, "{", "X-Request-Id: "+sent),
			g.ask("GET", "/v1/models", "", "X-Request-Id: "+sent),
			g.ask("GET", "/nowhere", "", "X-Request-Id: "+sent),
		} {
			got := r.header.Get("X-Request-Id")
			if len(r.header["X-Request-Id"]) != 1 || got == "" || kept != (got == sent) {
				t.Errorf("sent %q, got %q", sent, r.header["X-Request-Id"])
			}
			if !kept && (!newID.MatchString(got) || ids[got]) {
				t.Errorf("the new id %q has not the form, or is used twice", got)
			}
			ids[got] = true
		}
	}
	f("a", true)
	f("req-1.2_3", true)
	f(strings.Repeat("Z", 64), true)
	f(strings.Repeat("Z", 65), false)
	f("", false)
	f("with space", false)
	f("semi;colon", false)
	f(`quo"te`, false)
	f("sla/sh", false)
	f("ünicode", false)
	f("tab\tin", false)
	f("<script>", false)
	eventually(t, patience, "all ids in the log", func() bool {
		for _, line := range g.calls() {
			id, _ := line["request_id"].(string)
			delete(ids, id)
		}
		return len(ids) == 0
	})
}

var newID = regexp.MustCompile(`^req_[0-9a-f]{32}$`)

func TestTraceparent(t *testing.T) {
	sim := startSimulator(t, simulator.Config{})
	g := startGateway(t, config(uncached+quick, sim.URL()+"/v1"))
	f := func(sent string, valid bool) {
		t.Helper()
		before := len(g.callsTo(chatPath))
		if r := g.ask("POST", chatPath, chat("sim-l0", "hi", false), "traceparent: "+sent); r.status != http.StatusOK {
			t.Fatalf("status %d: %s", r.status, r.body)
		}
		seen := sim.Seen()
		got := seen[len(seen)-1].Header["Traceparent"]
		eventually(t, patience, "the log line", func() bool { return len(g.callsTo(chatPath)) > before })
		id, _ := g.callsTo(chatPath)[before]["trace_id"].(string)
		if valid && (!slices.Equal(got, []string{sent}) || id != sent[3:35]) || !valid && (got != nil || id != "") {
			t.Errorf("%q: the provider got %q, the log has %q", sent, got, id)
		}
	}
	const good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	f(good, true)
	f(good[:len(good)-1], false)
	f(strings.ToUpper(good), false)
	f(good+"-x", false)
	f("ff"+good[2:], false)
	f(strings.Replace(good, "4bf9", "4bg9", 1), false)
	f("junk", false)
}

// The headers that say what the gateway did are on every answer for a model.
func TestGatewayHeaders(t *testing.T) {
	sim := startSimulator(t, simulator.Config{})
	g := startGateway(t, config(quick, sim.URL()+"/v1"))
	f := func(r reply, want map[string]string) {
		t.Helper()
		if r.status != http.StatusOK {
			t.Fatalf("status %d: %s", r.status, r.body)
		}
		for name, value := range want {
			if got := r.header.Get("X-Gateway-" + name); got != value {
				t.Errorf("X-Gateway-%s: %q, want %q", name, got, value)
			}
		}
		if us, err := strconv.Atoi(r.header.Get("X-Gateway-Overhead-Us")); err != nil || us < 0 {
			t.Errorf("X-Gateway-Overhead-Us: %q", r.header.Get("X-Gateway-Overhead-Us"))
		}
		if r.header.Get("X-Gateway-Reason") == "" && r.header.Get("X-Gateway-Cache") == "miss" {
			t.Error("no X-Gateway-Reason")
		}
	}
	who := map[string]string{"Tier": "L0", "Model": "sim/sim-l0", "Provider": "sim", "Escalated": "false"}
	with := func(more ...string) map[string]string {
		m := map[string]string{}
		for k, v := range who {
			m[k] = v
		}
		for i := 0; i < len(more); i += 2 {
			m[more[i]] = more[i+1]
		}
		return m
	}
	plain := g.post(chatPath, chat("auto", "one", false))
	f(plain, with("Cache", "miss", "Attempts", "1"))
	if usd, err := strconv.ParseFloat(plain.header.Get("X-Gateway-Cost"), 64); err != nil || usd <= 0 || usd > 0.01 {
		t.Errorf("X-Gateway-Cost: %q", plain.header.Get("X-Gateway-Cost"))
	}
	f(g.post(chatPath, chat("auto", "one", false)), with("Cache", "hit", "Attempts", "0", "Cost", "0"))
	f(g.post(chatPath, chat("auto", "two", true)), with("Cache", "miss", "Attempts", "1"))
	f(g.post(chatPath, chat("auto", "two", true)), with("Cache", "hit", "Cost", "0"))
	f(g.post(chatPath, chat("auto", "one", false), "Cache-Control: no-store"), with("Cache", "bypass", "Attempts", "1"))
}

// Providers get what the gateway says, and of the client's header nothing.
func TestHeadersToProviders(t *testing.T) {
	sim := startSimulator(t, simulator.Config{})
	g := startGateway(t, keyed+config(uncached+quick, sim.URL()+"/v1"))
	for _, stream := range []bool{false, true} {
		r := g.ask("POST", chatPath, chat("sim-l0", "hi", stream),
			"x-api-key: "+appKey, "Authorization: Basic Y2xpZW50", "Cookie: session=client", "X-Forwarded-For: 10.0.0.1", "X-Forwarded-Host: evil.example",
			"Forwarded: for=10.0.0.1", "X-Real-Ip: 10.0.0.1", "Proxy-Authorization: Basic Y2xpZW50", "Proxy-Connection: keep-alive", "Keep-Alive: timeout=5", "TE: trailers",
			"Upgrade: h2c", "X-Named: hop", "Connection: X-Named", "Referer: https://client.example/", "Origin: https://client.example", "User-Agent: client/1.0",
			"Accept-Language: xx", "OpenAI-Organization: org-client", "X-Gateway-User: u", "X-Custom: y", "X-Sim: status=500", fmt.Sprintf("Idempotency-Key: k%t", stream), "Via: 1.1 client", "Range: bytes=0-1")
		if r.status != http.StatusOK {
			t.Fatalf("status %d: %s", r.status, r.body)
		}
	}
	allowed := []string{"Accept", "Accept-Encoding", "Authorization", "Content-Length", "Content-Type", "Host", "User-Agent"}
	for _, s := range sim.Seen() {
		for name := range s.Header {
			if !slices.Contains(allowed, name) {
				t.Errorf("the provider gets %s: %q", name, s.Header[name])
			}
		}
		if got := s.Header.Get("Authorization"); got != "Bearer provider-secret-sim" || s.Header.Get("User-Agent") == "client/1.0" {
			t.Errorf("the provider gets Authorization %q, User-Agent %q", got, s.Header.Get("User-Agent"))
		}
		for _, text := range []string{"client", appKey, "10.0.0.1", "evil", "Host: gateway"} {
			if strings.Contains(string(s.RawHeader), text) {
				t.Errorf("the provider's header has %q in it:\n%s", text, s.RawHeader)
			}
		}
	}
}

// Clients get what the gateway says, and of the provider's header its rate
// limits.
func TestHeadersToClients(t *testing.T) {
	sim := startSimulator(t, simulator.Config{Faults: "junk-headers,date=past"})
	g := startGateway(t, config(uncached+quick, sim.URL()+"/v1"))
	allowed := regexp.MustCompile(`^(Content-Type|Content-Length|Date|Cache-Control|Connection|X-Request-Id|X-Accel-Buffering|X-Ratelimit-.*|X-Gateway-.*|Retry-After)$`)
	for _, body := range []string{
		chat("sim-l0", "hi", false), chat("sim-l0", "hi", true), chat("sim/sim-l0!status=400", "hi", false), chat("sim/sim-l0!status=500", "hi", false),
		chat("sim/sim-l0!status=429,ratelimit-reset=1s", "hi", false),
	} {
		r := g.post(chatPath, body)
		for name, values := range r.header {
			if !allowed.MatchString(name) {
				t.Errorf("status %d: the client gets %s: %q", r.status, name, values)
			}
			if len(values) != 1 || strings.ContainsAny(values[0], "\r\n\x00") {
				t.Errorf("status %d: %s: %q", r.status, name, values)
			}
		}
		if date, err := http.ParseTime(r.header.Get("Date")); err != nil || date.Year() < 2020 {
			t.Errorf("Date: %q", r.header.Get("Date"))
		}
	}
}

func TestMethods(t *testing.T) {
	sim := startSimulator(t, simulator.Config{})
	g := startGateway(t, config(quick, sim.URL()+"/v1"))
	for _, path := range []string{"/health", "/livez", "/readyz", "/metrics", "/v1/models", "/v1/models/sim-l0"} {
		get, head := g.ask("GET", path, ""), g.ask("HEAD", path, "")
		if get.status != http.StatusOK || head.status != http.StatusOK || head.body != "" || head.header.Get("Content-Type") != get.header.Get("Content-Type") {
			t.Errorf("%s: GET %d, HEAD %d %v %q", path, get.status, head.status, head.header, head.body)
		}
		if r := g.ask("POST", path, "{}"); r.status != http.StatusMethodNotAllowed || !strings.Contains(r.header.Get("Allow"), "GET") {
			t.Errorf("POST %s: status %d, Allow %q", path, r.status, r.header.Get("Allow"))
		}
	}
	for _, method := range []string{"GET", "HEAD", "PUT", "DELETE", "PATCH", "TRACE"} {
		r := g.ask(method, chatPath, "")
		if r.status != http.StatusMethodNotAllowed || !strings.Contains(r.header.Get("Allow"), "POST") {
			t.Errorf("%s: status %d, Allow %q", method, r.status, r.header.Get("Allow"))
		}
		if method == "HEAD" {
			if r.body != "" {
				t.Errorf("HEAD has a body: %q", r.body)
			}
			continue
		}
		r.wantError(t, http.StatusMethodNotAllowed, "caller_method_not_allowed")
	}
	if r := g.ask("HEAD", "/nowhere", ""); r.status != http.StatusNotFound || r.body != "" {
		t.Errorf("HEAD of nothing: status %d, body %q", r.status, r.body)
	}
	if r := g.ask("OPTIONS", chatPath, ""); r.status != http.StatusNoContent || !strings.Contains(r.header.Get("Allow"), "POST") {
		t.Errorf("OPTIONS: status %d, Allow %q", r.status, r.header.Get("Allow"))
	}
	g.ask("OPTIONS", "/nowhere", "").wantError(t, http.StatusNotFound, "caller_route_not_found")
	for _, method := range []string{"CONNECT", "BREW", "get"} {
		if r := g.ask(method, "/v1/models", ""); r.status < 400 || r.status >= 500 {
			t.Errorf("%s: status %d", method, r.status)
		}
	}
}

// The page of metrics is in the text format: types before samples, each series
// once, every value a number.
func TestMetricsPage(t *testing.T) {
	sim := startSimulator(t, simulator.Config{})
	g := startGateway(t, config(quick, sim.URL()+"/v1"))
	for _, stream := range []bool{false, true, true} {
		g.post(chatPath, chat("auto", "hi", stream))
	}
	g.post(chatPath, "{")
	g.post(chatPath, chat("none", "hi", false))
	sample := regexp.MustCompile(`^([a-z_:]+)(\{(?:[a-z_]+="(?:[^"\\\n]|\\.)*",?)*\})? (\S+)$`)
	types, series := map[string]string{}, map[string]bool{}
	for line := range strings.Lines(g.metrics()) {
		line = strings.TrimSuffix(line, "\n")
		if rest, ok := strings.CutPrefix(line, "# TYPE "); ok {
			name, kind, _ := strings.Cut(rest, " ")
			if types[name] != "" {
				t.Errorf("%s has its type twice", name)
			}
			types[name] = kind
			continue
		}
		if strings.HasPrefix(line, "# HELP ") {
			continue
		}
		m := sample.FindStringSubmatch(line)
		if m == nil {
			t.Errorf("no sample: %q", line)
			continue
		}
		family := m[1]
		for _, suffix := range []string{"_bucket", "_sum", "_count"} {
			if base := strings.TrimSuffix(m[1], suffix); types[base] == "histogram" {
				family = base
			}
		}
		if _, err := strconv.ParseFloat(m[3], 64); err != nil || types[family] == "" || series[m[1]+m[2]] {
			t.Errorf("%q: no number, without a type or twice", line)
		}
		series[m[1]+m[2]] = true
	}
	for _, name := range []string{"gateway_requests_total", "gateway_in_flight_requests", "gateway_config_info", "gateway_log_dropped_total", "gateway_reload_failures_total", "go_goroutines"} {
		if types[name] == "" {
			t.Errorf("no %s", name)
		}
	}
}
