package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"unicode/utf8"

	"github.com/ai-mcp-gateway/gateway/bench/simulator"
)

const (
	// appKey is the key of the only caller of a keyed gateway.
	appKey = "app-key-0123456789abcdef"
	// keyed makes a gateway ask for a key.
	keyed = "keys: [{id: app, key: " + appKey + ", tenant: acme, project: shop}]\n"
)

// ask sends a request with any method and reads the answer.
func (g *instance) ask(method, path, body string, header ...string) reply {
	g.t.Helper()
	w := g.dial()
	defer w.Close()
	text := method + " " + path + " HTTP/1.1\r\nHost: gateway\r\nConnection: close\r\n"
	for _, h := range header {
		text += h + "\r\n"
	}
	if body != "" {
		text += "Content-Type: application/json\r\nContent-Length: " + itoa(len(body)) + "\r\n"
	}
	w.say(text + "\r\n" + body)
	if method == http.MethodHead { // ReadResponse would wait for a body
		said, _ := w.closed(patience)
		head, rest, _ := strings.Cut(said, "\r\n\r\n")
		r := reply{header: http.Header{}, body: rest}
		for i, line := range strings.Split(head, "\r\n") {
			if i == 0 {
				r.status = statusOf(line)
				continue
			}
			name, value, _ := strings.Cut(line, ": ")
			r.header.Add(name, value)
		}
		return r
	}
	return w.mustHear()
}

func TestRefusesToListenUnguarded(t *testing.T) {
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	for _, address := range []string{"0.0.0.0:0", ":0", "[::]:0", "192.0.2.1:8080", "gateway.example:8080"} {
		code, said := runCommand(t, []string{"GATEWAY_LISTEN=" + address}, path)
		if code != 78 || !strings.Contains(said, "no keys") || !strings.Contains(said, "auth: off") {
			t.Errorf("%s: exit code %d: %s", address, code, said)
		}
	}
	file := filepath.Join(t.TempDir(), "gateway.yaml")
	for text, want := range map[string]int{
		"listen: 0.0.0.0:8080\n":              78,
		"listen: 0.0.0.0:8080\nauth: off\n":   0,
		"listen: 0.0.0.0:8080\n" + keyed:      0,
		"listen: 127.0.0.1:8080\n":            0,
		"listen: localhost:8080\n":            0,
		"listen: '[::1]:8080'\n":              0,
		"listen: '[::ffff:127.0.0.1]:8080'\n": 0,
		"listen: '[::ffff:10.0.0.1]:8080'\n":  78,
	} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if code, said := runCommand(t, nil, path, "check", file); code != want {
			t.Errorf("check of %q ends with %d, want %d: %s", text, code, want, said)
		}
	}
}

func TestCredentials(t *testing.T) {
	sim := startSimulator(t, simulator.Config{})
	g := startGateway(t, keyed+config(uncached+quick, sim.URL()+"/v1"))
	body := chat("sim-l0", "hi", false)
	for _, h := range []string{
		"Authorization: Bearer " + appKey, "authorization: bearer " + appKey, "Authorization: BEARER  " + appKey,
		"x-api-key: " + appKey, "X-Goog-Api-Key: " + appKey,
		"Authorization: Basic abc\r\nx-api-key: " + appKey,
	} {
		if r := g.ask("POST", chatPath, body, h); r.status != http.StatusOK {
			t.Errorf("%s: status %d: %s", h, r.status, r.body)
		}
		if r := g.ask("GET", "/v1/models", "", h); r.status != http.StatusOK {
			t.Errorf("%s: status %d: %s", h, r.status, r.body)
		}
	}
	served := sim.Requests()
	for _, h := range []string{
		"X-None: 1", "Authorization: Bearer", "Authorization: Bearer ", "Authorization: " + appKey, "Authorization: Basic " + appKey,
		"Authorization: Bearer " + appKey + "x", "Authorization: Bearer " + appKey[1:], "Authorization: Bearer " + strings.ToUpper(appKey),
		"Authorization: Bearer " + appKey + "," + appKey, "x-api-key: Bearer " + appKey, "x-api-key: " + appKey + "\x00",
		"Authorization: Bearer wrong\r\nx-api-key: " + appKey, "Cookie: key=" + appKey, "Authorization: Bearer app",
		"Authorization: Bearer " + strings.Repeat("a", 8<<10),
	} {
		r := g.ask("POST", chatPath, body, h)
		if strings.Contains(h, "\x00") {
			r.wantError(t, http.StatusBadRequest, "caller_bad_request")
			continue
		}
		r.wantUnauthorized(t)
	}
	for _, target := range []string{"/v1/models?key=" + appKey, "/v1/models?api_key=" + appKey} {
		g.ask("GET", target, "").wantUnauthorized(t)
	}
	if n := sim.Requests(); n != served {
		t.Errorf("%d requests without a key reached the provider", n-served)
	}
	for _, line := range g.callsTo(chatPath) {
		if line["status"] == 200.0 && (line["key_id"] != "app" || line["tenant"] != "acme" || line["project"] != "shop") {
			t.Errorf("the log does not say who called: %v", line)
		}
	}
}

// wantUnauthorized checks the shape that OpenAI's clients know.
func (r reply) wantUnauthorized(t testing.TB) {
	t.Helper()
	e := r.wantError(t, http.StatusUnauthorized, "caller_unauthenticated")
	if e.Type != "invalid_request_error" || e.Code != "invalid_api_key" || e.Message == "" || r.header.Get("WWW-Authenticate") != "Bearer" || r.header.Get("Content-Type") != "application/json" {
		t.Errorf("error %+v, header %v", e, r.header)
	}
}

// Key text is hashed and compared, nothing else, whatever it looks like.
func TestHostileCredentials(t *testing.T) {
	sim := startSimulator(t, simulator.Config{})
	g := startGateway(t, keyed+config(quick, sim.URL()+"/v1"))
	answers := map[string]string{}
	for _, key := range []string{
		"' OR '1'='1", "' OR 1=1 --", "'; DROP TABLE keys; --", "admin'--", "\" OR \"\"=\"", "') UNION SELECT NULL--", "%' --", "1;SELECT pg_sleep(10)",
		"\\'; EXEC xp_cmdshell('id'); --", "${jndi:ldap://127.0.0.1/a}", "{{7*7}}", "../../etc/passwd", "`id`", "$(id)", "*", "%00", "%27%20OR%201=1",
		"gw_*", "null", "undefined", "true", "[]", "{\"$ne\":null}", "sk-1234", "admin",
	} {
		for _, header := range []string{"Authorization: Bearer ", "x-api-key: ", "x-goog-api-key: "} {
			r := g.ask("GET", "/v1/models", "", header+key)
			r.wantUnauthorized(t)
			answers[r.body] = key
			if strings.Contains(r.body, key) && len(key) > 5 {
				t.Errorf("the answer quotes the key: %s", r.body)
			}
		}
		if strings.Contains(g.logs.String(), key) && len(key) > 5 {
			t.Errorf("the log quotes the key %s", key)
		}
	}
	if len(answers) != 1 {
		t.Errorf("%d different answers to unknown keys: %v", len(answers), answers)
	}
}

// Every route has its class: who may call it without a key.
func TestRoutesNeedKeys(t *testing.T) {
	sim := startSimulator(t, simulator.Config{})
	g := startGateway(t, keyed+config(quick, sim.URL()+"/v1"))
	for _, path := range []string{"/health", "/livez", "/readyz"} {
		if r := g.ask("GET", path, ""); r.status != http.StatusOK || strings.Contains(r.body, "127.0.0.1") {
			t.Errorf("%s: status %d: %s", path, r.status, r.body)
		}
	}
	for _, path := range []string{"/v1/chat/completions", "/v1/completions", "/v1/embeddings", "/v1/responses", "/v1/images/generations", "/v1/responses/resp_1/cancel"} {
		for _, body := range []string{"", "{", `{"model":"sim-l0"}`, chat("sim-l0", "hi", true)} {
			g.ask("POST", path, body).wantUnauthorized(t)
		}
	}
	for _, path := range []string{"/v1/messages", "/v1/messages/count_tokens"} { // errors have Anthropic's shape
		r := g.ask("POST", path, chat("sim-l0", "hi", true))
		if r.status != http.StatusUnauthorized || !strings.Contains(r.body, `"type":"authentication_error"`) {
			t.Errorf("%s: status %d: %s", path, r.status, r.body)
		}
	}
	for _, path := range []string{"/v1/models", "/v1/models/sim-l0", "/v1/models/none", "/v1/files", "/v1/responses/resp_1", "/v1/responses/resp_1/input_items"} {
		g.ask("GET", path, "").wantUnauthorized(t)
	}
	if r := g.post("/mcp", `{"jsonrpc":"2.0","id":1,"method":"tools/list"}`); r.status != http.StatusUnauthorized || strings.Contains(r.body, "tools") {
		t.Errorf("/mcp: status %d: %s", r.status, r.body)
	}
	for _, path := range []string{"/admin/keys", "/admin/reload", "/debug/pprof/", "/debug/vars", "/console", "/nothing"} {
		g.ask("GET", path, "").wantError(t, http.StatusNotFound, "caller_route_not_found")
	}
}

// Off loopback the metrics are for callers and the admin, who is no caller.
func TestMetricsOffLoopback(t *testing.T) {
	const admin = "admin-key-0123456789abcdef"
	g := launch(t, keyed+quick, "GATEWAY_ADMIN_KEY="+admin, "GATEWAY_LISTEN=0.0.0.0:0")
	g.ask("GET", "/metrics", "").wantUnauthorized(t)
	g.ask("GET", "/metrics", "", "x-api-key: wrong").wantUnauthorized(t)
	for _, key := range []string{appKey, admin} {
		if r := g.ask("GET", "/metrics", "", "Authorization: Bearer "+key); r.status != http.StatusOK {
			t.Errorf("status %d: %s", r.status, r.body)
		}
	}
	g.ask("GET", "/v1/models", "", "Authorization: Bearer "+admin).wantUnauthorized(t)
	g.stop(syscall.SIGTERM)
}

// Neither keys nor prompts nor answers are in the log, the metrics or an
// error, at the most talkative level.
func TestSecretsStayOut(t *testing.T) {
	sim := startSimulator(t, simulator.Config{})
	other := startSimulator(t, simulator.Config{Faults: "status=401,echo-key"})
	g := startGateway(t, keyed+config("log: {level: debug}\n"+quick, sim.URL()+"/v1", other.URL()+"/v1"), "GATEWAY_ADMIN_KEY=admin-key-0123456789abcdef")
	key := "Authorization: Bearer " + appKey
	var said bytes.Buffer
	for _, body := range []string{
		chat("sim/sim-l0", "pr0mpt", false), chat("sim/sim-l0", "pr0mpt", true), chat("sim2/sim-l0", "pr0mpt", false), chat("sim/sim-l0!status=500", "pr0mpt", false),
		chat("sim/sim-l0!html", "pr0mpt", false), chat("sim/sim-l0!reset-mid-stream", "pr0mpt", true), "{pr0mpt", `{"model":"none","messages":["pr0mpt"]}`,
	} {
		r := g.post(chatPath, body, key)
		if r.status != http.StatusOK {
			said.WriteString(r.body)
		}
		_ = r.header.Write(&said)
	}
	g.post(chatPath, chat("sim-l0", "pr0mpt", false), "Authorization: Bearer wr0ng-key")
	g.rewrite("keys: [{id: app, key: " + appKey + ", key: " + appKey + "}]\n")
	g.reload()
	said.WriteString(g.metrics())
	said.WriteString(g.logs.String())
	for _, secret := range []string{appKey, secretMark, "admin-key", "wr0ng", "pr0mpt", "[simulated"} {
		if at := strings.Index(said.String(), secret); at >= 0 {
			t.Errorf("%q is told: ...%s", secret, said.String()[max(0, at-200):at+len(secret)])
		}
	}
}

func TestCORS(t *testing.T) {
	sim := startSimulator(t, simulator.Config{})
	const app = "https://app.example.com"
	g := startGateway(t, keyed+config("cors: {origins: ["+app+", 'http://localhost:3000']}\n"+quick, sim.URL()+"/v1"))
	key := "Authorization: Bearer " + appKey
	ask := []string{"Access-Control-Request-Method: POST", "Access-Control-Request-Headers: authorization,content-type"}
	for _, origin := range []string{app, "http://localhost:3000"} {
		r := g.ask("OPTIONS", chatPath, "", append(ask, "Origin: "+origin)...)
		h := r.header
		if r.status != http.StatusNoContent || h.Get("Access-Control-Allow-Origin") != origin || !strings.Contains(h.Get("Access-Control-Allow-Methods"), "POST") ||
			h.Get("Access-Control-Allow-Headers") != "authorization,content-type" || h.Get("Vary") != "Origin" || h.Get("Access-Control-Allow-Credentials") != "" {
			t.Errorf("preflight of %s: status %d, %v", origin, r.status, h)
		}
		for _, r := range []reply{
			g.ask("POST", chatPath, chat("sim-l0", "hi", false), key, "Origin: "+origin),
			g.ask("POST", chatPath, chat("sim-l0", "hi", true), key, "Origin: "+origin),
			g.ask("POST", chatPath, "{", key, "Origin: "+origin),
			g.ask("POST", chatPath, "{}", "Origin: "+origin),
			g.ask("GET", "/v1/models", "", key, "Origin: "+origin),
		} {
			if r.header.Get("Access-Control-Allow-Origin") != origin || r.header.Get("Vary") != "Origin" || !strings.Contains(r.header.Get("Access-Control-Expose-Headers"), "X-Request-Id") {
				t.Errorf("status %d: %v", r.status, r.header)
			}
		}
	}
	for _, origin := range []string{
		"https://app.example.com.evil.example", "https://evil.example", "http://app.example.com", "https://app.example.com:8443", "HTTPS://APP.EXAMPLE.COM",
		"https://app.example.com/", "https://xapp.example.com", "null", "*", "",
	} {
		for _, r := range []reply{
			g.ask("OPTIONS", chatPath, "", append(ask, "Origin: "+origin)...),
			g.ask("POST", chatPath, chat("sim-l0", "hi", false), key, "Origin: "+origin),
		} {
			for name := range r.header {
				if strings.HasPrefix(name, "Access-Control-") {
					t.Errorf("origin %q gets %s: %v", origin, name, r.header[name])
				}
			}
			if r.header.Get("Vary") != "Origin" {
				t.Errorf("origin %q: Vary %q", origin, r.header.Get("Vary"))
			}
		}
	}
}

func TestCORSIsOffByDefault(t *testing.T) {
	g := startGateway(t, quick)
	r := g.ask("OPTIONS", chatPath, "", "Origin: https://app.example.com", "Access-Control-Request-Method: POST")
	for name := range r.header {
		if strings.HasPrefix(name, "Access-Control-") {
			t.Errorf("%s: %v", name, r.header[name])
		}
	}
}

// What a client chooses cannot forge or break a line of the log.
func TestLogInjection(t *testing.T) {
	sim := startSimulator(t, simulator.Config{})
	g := startGateway(t, config(quick, sim.URL()+"/v1"))
	hostile := "x\",\"status\":200}\n{\"msg\":\"call\",\"forged\":true}\x1b[31m\u202e\u2028" + strings.Repeat("A", 10_000)
	model, err := json.Marshal(hostile)
	if err != nil {
		t.Fatal(err)
	}
	g.post(chatPath, `{"model":`+string(model)+`,"messages":[]}`).wantError(t, http.StatusNotFound, "caller_model_not_found")
	forged := `a","forged":"true`
	if r := g.ask("POST", chatPath, chat("sim-l0", "hi", false), "X-Gateway-User: "+forged, "X-Gateway-Project: \xe2\x80\xae\xff"+strings.Repeat("p", 5000)); r.status != http.StatusOK {
		t.Errorf("status %d: %s", r.status, r.body)
	}
	eventually(t, patience, "both log lines", func() bool { return len(g.callsTo(chatPath)) == 2 })
	lines := g.callsTo(chatPath)
	if lines[0]["forged"] != nil || lines[1]["forged"] != nil || lines[1]["user"] != forged {
		t.Errorf("the log says %v", lines)
	}
	if text := g.logs.String(); strings.ContainsAny(text, "\x1b\u202e\u2028") || !utf8.ValidString(text) || len(text) > 20_000 {
		t.Errorf("control characters or %d bytes are in the log: %.2000q", len(text), text)
	}
}
