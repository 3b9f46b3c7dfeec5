package main

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/tidwall/gjson"

	"github.com/ai-mcp-gateway/gateway/bench/simulator"
	"github.com/ai-mcp-gateway/gateway/internal/testservice"
)

// TestFault076_SpoolFull takes turns while PostgreSQL is away until the spool
// has no room: what was acknowledged is there later, and what cannot be kept is
// refused before a provider hears of it, though the hot tier knows the
// conversation.
func TestFault076_SpoolFull(t *testing.T) {
	server := testservice.Postgres(t)
	sim := startSimulator(t, simulator.Config{})
	text := config(uncached+"data_dir: "+t.TempDir()+"\nstate: {spool: 64KiB}\n", sim.URL()+"/v1")
	env := "DATABASE_URL=" + server.URL("postgres")
	g := launch(t, text, env)
	g.turn("full", "first")
	server.Stop()
	kept, message := int64(2), strings.Repeat("word ", 800)
	refused := reply{}
	for refused.status == 0 {
		switch r := g.post("/v1/chat", fmt.Sprintf(`{"conversationId":"full","message":%q}`, message)); {
		case r.status != http.StatusOK:
			refused = r
		case !gjson.Get(r.body, "context.persisted").Bool():
			t.Fatalf("after %d messages a turn is answered and lost: %s", kept, r.body)
		default:
			if kept += 2; kept > 100 {
				t.Fatal("the spool takes whatever comes")
			}
		}
	}
	if kept < 6 {
		t.Errorf("only %d messages were taken", kept)
	}
	refused.wantError(t, http.StatusServiceUnavailable, "gateway_no_state")
	wantNothingSent(t, g, sim)

	// It is known at the next start as well.
	g.kill()
	g = launch(t, text, env)
	wantNothingSent(t, g, sim)
	server.Start()
	eventually(t, patience, "the spool is empty", func() bool {
		return gjson.Get(g.get("/health").body, "database").Str == "connected"
	})
	if n := g.context("full").Get("messageCount").Int(); n != kept {
		t.Errorf("%d messages, want %d", n, kept)
	}
	if got := g.turn("full", "again"); got.Get("context.messageCount").Int() != kept+2 {
		t.Errorf("%s", got.Raw)
	}
	g.kill()
}

// wantNothingSent sends a turn in each dialect, which has to be refused in it.
func wantNothingSent(t *testing.T, g *instance, sim *simulator.Server) {
	t.Helper()
	before := sim.Requests()
	const overloaded = 529 // as Anthropic says it
	for path, c := range map[string]struct {
		body   string
		status int
		kind   string
	}{
		"/v1/chat/completions": {`{"model":"L0","messages":[{"role":"user","content":"hi"}]}`, http.StatusServiceUnavailable, "error.type"},
		"/v1/messages":         {`{"model":"L0","max_tokens":9,"messages":[{"role":"user","content":"hi"}]}`, overloaded, "type"},
		"/v1/responses":        {`{"model":"L0","input":"hi"}`, http.StatusServiceUnavailable, "error.type"},
	} {
		r := g.post(path, c.body, "X-Conversation-Id: full")
		if r.status != c.status || r.header.Get("X-Gateway-Error") != "gateway_no_state" || r.header.Get("Retry-After") == "" ||
			gjson.Get(r.body, c.kind).Str == "" {
			t.Errorf("%s: %d %v %s", path, r.status, r.header, r.body)
		}
	}
	if n := sim.Requests() - before; n != 0 {
		t.Errorf("%d upstream calls, want none", n)
	}
}

// kill ends the process as a machine does that loses its power.
func (g *instance) kill() {
	g.t.Helper()
	_ = g.cmd.Process.Kill()
	<-g.done
	g.done <- nil
}
