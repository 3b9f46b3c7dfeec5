package main

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ai-mcp-gateway/gateway/bench/simulator"
	"github.com/ai-mcp-gateway/gateway/internal/testservice"
)

// TestFault102_103_Surface sends requests again with their keys to every route
// that passes through: the provider hears of each once.
func TestFault102_103_Surface(t *testing.T) {
	g, p := startSurface(t, "")
	p.answer = func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if strings.HasSuffix(r.URL.Path, "/speech") {
			w.Header().Set("Content-Type", "audio/mpeg")
			w.Header().Set("Content-Disposition", `attachment; filename="a.mp3"`)
		}
		fmt.Fprintf(w, `{"answer":%d}`, len(p.requests()))
	}
	for i, path := range []string{
		"/v1/images/generations", "/v1/audio/speech", "/v1/moderations", "/v1/rerank", "/v1/batches", "/v1/batches/b1/cancel", "/v1/batches/b2/cancel",
	} {
		key := []string{fmt.Sprint("Idempotency-Key: k", i), "Content-Type: application/json", "X-Gateway-Provider: p"}
		before := len(p.requests())
		first := g.do("POST", path, strings.NewReader(`{"model":"p/drawer","input":"once"}`), key...)
		again := g.do("POST", path, strings.NewReader(`{"model":"p/drawer","input":"once"}`), key...)
		if first.status != 200 || again.status != 200 || again.body != first.body || again.header.Get("Idempotency-Replayed") != "true" {
			t.Errorf("%s: %d %s, then %d %s", path, first.status, first.body, again.status, again.body)
		}
		for _, name := range []string{"Content-Type", "Content-Disposition", "X-Gateway-Cost", "X-Gateway-Model"} {
			if first.header.Get(name) != again.header.Get(name) {
				t.Errorf("%s: %s is %q, then %q", path, name, first.header.Get(name), again.header.Get(name))
			}
		}
		g.do("POST", path, strings.NewReader(`{"model":"p/drawer","input":"twice"}`), key...).wantError(t, 422, "caller_key_reused")
		if n := len(p.requests()) - before; n != 1 {
			t.Errorf("%s: %d requests, want 1", path, n)
		}
	}
	// The key is no business of what has nothing to do twice.
	for range 2 {
		if r := g.do("GET", "/v1/files", nil, "Idempotency-Key: k0", "X-Gateway-Provider: p"); r.status != 200 || r.header.Get("Idempotency-Replayed") != "" {
			t.Errorf("%d %v", r.status, r.header)
		}
	}
	// What has failed may be done again.
	p.answer = func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadRequest) }
	key := []string{"Idempotency-Key: failed", "Content-Type: application/json"}
	for range 2 {
		if r := g.do("POST", "/v1/moderations", strings.NewReader(`{"model":"p/drawer"}`), key...); r.status != 400 || r.header.Get("Idempotency-Replayed") != "" {
			t.Errorf("%d %s", r.status, r.body)
		}
	}
}

// TestFault102_103_Upload sends forms again, with a boundary made up anew, all at
// once and one after the other.
func TestFault102_103_Upload(t *testing.T) {
	g, p := startSurface(t, "")
	sound := strings.Repeat("sound \r\n--", 40<<10) // more than waits in memory
	for name, parts := range map[string][]formPart{
		"model first": {{"model", "", "p/drawer"}, {"file", "a.mp3", sound}},
		"model last":  {{"file", "a.mp3", sound}, {"model", "", "p/drawer"}},
	} {
		send := func(boundary string, parts ...formPart) reply {
			body, contentType := formBody(t, parts...)
			body, contentType = strings.ReplaceAll(body, "a-boundary", boundary), strings.ReplaceAll(contentType, "a-boundary", boundary)
			return g.do("POST", "/v1/audio/transcriptions", strings.NewReader(body), contentType, "Idempotency-Key: "+name)
		}
		before := len(p.requests())
		var wg sync.WaitGroup
		for i := range 4 {
			wg.Go(func() {
				if r := send(fmt.Sprint("boundary", i), parts...); r.status != 200 || r.body != "{}" || r.header.Get("X-Gateway-Form") != "" {
					t.Errorf("%s: %d %v %s", name, r.status, r.header, r.body)
				}
			})
		}
		wg.Wait()
		if r := send("another-one", parts...); r.status != 200 || r.header.Get("Idempotency-Replayed") != "true" {
			t.Errorf("%s: %d %v %s", name, r.status, r.header, r.body)
		}
		for what, other := range map[string][]formPart{
			"another content": {{"model", "", "p/drawer"}, {"file", "a.mp3", sound + "."}},
			"another file":    {{"model", "", "p/drawer"}, {"file", "b.mp3", sound}},
			"one more":        append(append([]formPart{}, parts...), formPart{"language", "", "de"}),
			"a shifted end":   {{"model", "", "p/drawer"}, {"file", "a.mp3", sound[:len(sound)-1]}, {sound[len(sound)-1:], "", ""}},
		} {
			r := send("b", other...)
			if r.wantError(t, 422, "caller_key_reused"); t.Failed() {
				t.Errorf("%s: %s", name, what)
			}
		}
		body, contentType := formBody(t, parts...)
		g.do("POST", "/v1/audio/transcriptions", strings.NewReader(body[:len(body)-4]), contentType, "Idempotency-Key: "+name).wantError(t, 400, "caller_bad_request")
		g.do("POST", "/v1/audio/translations", strings.NewReader(body), contentType, "Idempotency-Key: "+name).wantError(t, 422, "caller_key_reused")
		if n := len(p.requests()) - before; n != 1 {
			t.Errorf("%s: %d requests, want 1", name, n)
		}
	}
}

// TestFault102_Lease kills the instance that holds a key: it has renewed its
// claim, which is free half a minute later.
func TestFault102_Lease(t *testing.T) {
	server := testservice.Postgres(t)
	sim := startSimulator(t, simulator.Config{})
	text := config(uncached, sim.URL()+"/v1")
	env := "DATABASE_URL=" + server.URL("postgres")
	holder, other := launch(t, text, env), launch(t, text, env)
	t.Cleanup(other.kill)
	body, key := chat("sim/sim-l0!latency=5m", "hi", false), "Idempotency-Key: k"
	go func() { _, _ = holder.send(t.Context(), "/v1/chat/completions", body, key) }()
	expires := func() string { return server.Exec(`SELECT coalesce(max(expires_at)::text, '') FROM claims`) }
	eventually(t, patience, "the key to be claimed", func() bool { return expires() != "" })
	first := expires()
	eventually(t, 40*time.Second, "the claim to be renewed", func() bool { return expires() != first })
	holder.kill()
	if got := server.Exec(`SELECT expires_at < now() + interval '31 seconds' FROM claims`); got != "t" {
		t.Errorf("it is held until %s", expires())
	}
	server.Exec(`UPDATE claims SET expires_at = expires_at - interval '31 seconds'`) // they pass
	sent := sim.Requests()
	go func() { _, _ = other.send(t.Context(), "/v1/chat/completions", body, key) }()
	eventually(t, patience, "the other instance to make the call", func() bool { return sim.Requests() > sent })
}
