package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"syscall"
	"testing"

	"github.com/ai-mcp-gateway/gateway/bench/simulator"
)

// rpc sends a message to /mcp.
func (g *instance) rpc(body string, header ...string) reply {
	g.t.Helper()
	return g.post("/mcp", body, append([]string{"Accept: application/json, text/event-stream"}, header...)...)
}

func TestMCPOverHTTP(t *testing.T) {
	sim := startSimulator(t, simulator.Config{})
	g := launch(t, config("", sim.URL()+"/v1")) // its store opens connections as it goes
	t.Cleanup(func() { g.stop(syscall.SIGTERM) })
	r := g.rpc(`{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"t","version":"1"}}}`)
	session := r.header.Get("Mcp-Session-Id")
	if r.status != http.StatusOK || !strings.Contains(r.body, `"protocolVersion":"2025-06-18"`) || session == "" {
		t.Fatalf("initialize: %d %s", r.status, r.body)
	}
	if r := g.rpc(`{"jsonrpc":"2.0","method":"notifications/initialized"}`, "Mcp-Session-Id: "+session); r.status != http.StatusAccepted || r.body != "" {
		t.Errorf("a notification: %d %q", r.status, r.body)
	}
	r = g.rpc(`{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"llm_chat","arguments":{"model":"auto","messages":[{"role":"user","content":"hi"}]}}}`, "Mcp-Session-Id: "+session, "Mcp-Protocol-Version: 2025-06-18")
	if r.status != http.StatusOK || r.header.Get("Content-Type") != "application/json" || !strings.Contains(r.body, `"model":"sim/sim-l0"`) {
		t.Errorf("a call: %d %s", r.status, r.body)
	}
	r = g.rpc(`{"jsonrpc":"2.0","id":3,"method":"tools/call","params":{"name":"code_agent","_meta":{"progressToken":"p"},"arguments":{"task":"do it"}}}`)
	events := strings.Split(strings.TrimSpace(r.body), "\n\n")
	if r.header.Get("Content-Type") != "text/event-stream" || len(events) != 3 || !strings.Contains(events[0], `"progress":0`) || !strings.Contains(events[2], `"id":3`) {
		t.Errorf("a call with progress: %d %s", r.status, r.body)
	}
	if r := g.rpc(`{"jsonrpc":"2.0","id":4,"method":"tools/call","params":{"name":"read_text_file","arguments":{"path":"/etc/passwd"}}}`); !strings.Contains(r.body, "No directory is allowed") {
		t.Errorf("files over HTTP: %s", r.body)
	}
	f := func(name, body string, status int, header ...string) {
		t.Helper()
		if r := g.rpc(body, header...); r.status != status {
			t.Errorf("%s: %d, want %d: %s", name, r.status, status, r.body)
		}
	}
	const list = `{"jsonrpc":"2.0","id":5,"method":"tools/list"}`
	f("a session that is none", list, http.StatusNotFound, "Mcp-Session-Id: 123")
	f("another instance's session", list, http.StatusOK, "Mcp-Session-Id: gw-ABCDEFGHIJKLMNOPQRSTUVWXYZ")
	f("an unknown version", list, http.StatusBadRequest, "Mcp-Protocol-Version: 2020-01-01")
	f("no JSON", `{`, http.StatusBadRequest)
	f("a name in two cases", `{"jsonrpc":"2.0","id":5,"method":"tools/call","params":{"name":"nope","NAME":"llm_models"}}`, http.StatusBadRequest)
	f("a page elsewhere", list, http.StatusForbidden, "Origin: https://evil.example")
	f("a page here", list, http.StatusOK, "Origin: http://localhost:3000")
	f("text", list, http.StatusUnsupportedMediaType, "Content-Type: text/plain")
	const modern = `{"jsonrpc":"2.0","id":6,"method":"tools/list","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}}}`
	f("2026-07-28", modern, http.StatusOK, "Mcp-Protocol-Version: 2026-07-28", "Mcp-Method: tools/list")
	f("2026-07-28 without its header", modern, http.StatusBadRequest)
	f("2026-07-28 with another method's header", modern, http.StatusBadRequest, "Mcp-Protocol-Version: 2026-07-28", "Mcp-Method: ping")
	f("2026-07-28 and an unknown method", strings.Replace(modern, "tools/list", "nope", 1), http.StatusNotFound, "Mcp-Protocol-Version: 2026-07-28", "Mcp-Method: nope")
	for _, method := range []string{http.MethodGet, http.MethodDelete} {
		q, err := http.NewRequest(method, g.URL+"/mcp", nil)
		if err != nil {
			t.Fatal(err)
		}
		r, err := http.DefaultClient.Do(q)
		if err != nil {
			t.Fatal(err)
		}
		_ = r.Body.Close()
		if r.StatusCode != http.StatusMethodNotAllowed {
			t.Errorf("%s: %d", method, r.StatusCode)
		}
	}
	q, _ := http.NewRequest(http.MethodPost, g.URL+"/mcp", strings.NewReader(list))
	q.Host = "evil.example"
	if r, err := http.DefaultClient.Do(q); err != nil || r.StatusCode != http.StatusForbidden {
		t.Errorf("a name that points here: %v, %v", r, err)
	}
}

// TestMCPAsksForKeys holds that /mcp is as open as the other routes.
func TestMCPAsksForKeys(t *testing.T) {
	sim := startSimulator(t, simulator.Config{})
	g := startGateway(t, config("keys: [{id: app, key: a-key-for-tests-1}]\n", sim.URL()+"/v1"))
	const list = `{"jsonrpc":"2.0","id":5,"method":"tools/list"}`
	if r := g.rpc(list); r.status != http.StatusUnauthorized {
		t.Errorf("without a key: %d", r.status)
	}
	if r := g.rpc(list, "Authorization: Bearer a-key-for-tests-1"); r.status != http.StatusOK {
		t.Errorf("with a key: %d %s", r.status, r.body)
	}
}

// TestBothFacesAlike holds that a call over MCP makes the same decision, turn
// and answer as one over HTTP.
func TestBothFacesAlike(t *testing.T) {
	sim := startSimulator(t, simulator.Config{})
	g := launch(t, config("cache: {response: {enabled: false}}\n", sim.URL()+"/v1")) // its store opens connections as it goes
	t.Cleanup(func() { g.stop(syscall.SIGTERM) })
	over := g.post("/v1/chat/completions", chat("auto", "hello", false), "X-Conversation-Id: a")
	var chatted struct {
		Result struct {
			StructuredContent struct{ Content, Model, Tier string }
		}
	}
	r := g.rpc(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"llm_chat","arguments":{"model":"auto","conversation_id":"b","messages":[{"role":"user","content":"hello"}]}}}`)
	if err := json.Unmarshal([]byte(r.body), &chatted); err != nil {
		t.Fatal(err)
	}
	got := chatted.Result.StructuredContent
	if got.Model != over.header.Get("X-Gateway-Model") || got.Tier != over.header.Get("X-Gateway-Tier") || !strings.Contains(over.body, fmt.Sprintf("%q", got.Content)[1:20]) {
		t.Errorf("over MCP %+v, over HTTP %s %s %s", got, over.header.Get("X-Gateway-Model"), over.header.Get("X-Gateway-Tier"), over.body)
	}
	seen := func(id string) (c struct {
		MessageCount   int
		RecentMessages []struct{ Role, Content string }
	},
	) {
		answer, err := http.Get(g.URL + "/v1/context/" + id)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		if err := json.NewDecoder(answer.Body).Decode(&c); err != nil {
			t.Fatal(err)
		}
		return c
	}
	if a, b := seen("a"), seen("b"); a.MessageCount != 2 || fmt.Sprint(a) != fmt.Sprint(b) {
		t.Errorf("the conversations differ: %+v, %+v", a, b)
	}
	var stats struct{ TotalCalls int }
	answer, err := http.Get(g.URL + "/v1/stats")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if err := json.NewDecoder(answer.Body).Decode(&stats); err != nil || stats.TotalCalls != 2 {
		t.Errorf("the ledger has %d calls, want 2: %v", stats.TotalCalls, err)
	}
}
