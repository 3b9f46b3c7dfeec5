package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/tidwall/gjson"

	"github.com/ai-mcp-gateway/gateway/bench/simulator"
	"github.com/ai-mcp-gateway/gateway/internal/testservice"
)

// backend is a pair of tiers that gateways share, or the embedded pair of one.
type backend struct {
	name     string
	redis    *testservice.RedisServer
	postgres *testservice.PostgresServer
}

func (b *backend) env() []string {
	if b.redis == nil {
		return nil
	}
	return []string{"REDIS_URL=" + b.redis.URL(), "DATABASE_URL=" + b.postgres.URL("postgres")}
}

// start runs a gateway on b. The tiers have pools that grow with use, so it is
// not checked for what it holds at the end.
func (b *backend) start(t *testing.T, config string) *instance {
	t.Helper()
	g := launch(t, config, b.env()...)
	t.Cleanup(func() { g.stop(syscall.SIGTERM) })
	return g
}

// onBackends runs f on the embedded pair and on Redis with PostgreSQL.
func onBackends(t *testing.T, f func(t *testing.T, b *backend)) {
	t.Run("embedded", func(t *testing.T) { f(t, &backend{name: "embedded"}) })
	t.Run("shared", func(t *testing.T) {
		f(t, &backend{name: "shared", redis: testservice.Redis(t), postgres: testservice.Postgres(t)})
	})
}

// get reads a path. header holds "Name: value" pairs.
func (g *instance) get(path string, header ...string) reply {
	g.t.Helper()
	req, err := http.NewRequest(http.MethodGet, g.URL+path, http.NoBody)
	if err != nil {
		g.t.Fatal(err)
	}
	for _, h := range header {
		name, value, _ := strings.Cut(h, ": ")
		req.Header.Set(name, value)
	}
	req.Close = true
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		g.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return reply{status: resp.StatusCode, header: resp.Header, body: string(body), err: err}
}

// turn takes one on the native route and returns the answer.
func (g *instance) turn(id, message string) gjson.Result {
	g.t.Helper()
	r := g.post("/v1/chat", fmt.Sprintf(`{"conversationId":%q,"message":%q}`, id, message))
	if r.status != 200 {
		g.t.Fatalf("%d %s", r.status, r.body)
	}
	return gjson.Parse(r.body)
}

// TestAccept_P3_P4 goes through the two examples: a new conversation, and its
// second turn.
func TestAccept_P3_P4(t *testing.T) {
	onBackends(t, func(t *testing.T, b *backend) {
		sim := startSimulator(t, simulator.Config{})
		g := b.start(t, config("", sim.URL()+"/v1"))
		first := g.turn("c-1", "My name is Quentin.")
		if first.Get("context.source").Str != "new" || first.Get("context.conversationId").Str != "c-1" || !first.Get("context.persisted").Bool() ||
			first.Get("context.messageCount").Int() != 2 || first.Get("result.response").Str == "" {
			t.Fatalf("%s", first.Raw)
		}
		second := g.turn("c-1", "What is my name?")
		if second.Get("context.source").Str != "hot" || second.Get("context.messageCount").Int() != 4 {
			t.Fatalf("%s", second.Raw)
		}
		if was, is := first.Get("performance.tokens.input").Int(), second.Get("performance.tokens.input").Int(); is <= was+5 {
			t.Errorf("the second prompt has %d tokens, the first %d: the history is not in it", is, was)
		}
		got := g.context("c-1")
		if got.Get("recentMessages.#").Int() != 4 || got.Get("recentMessages.0.content").Str != "My name is Quentin." || got.Get("messageCount").Int() != 4 {
			t.Errorf("%s", got.Raw)
		}
		if b.redis != nil {
			checkHotKeys(t, b.redis)
		}
	})
}

func (g *instance) context(id string) gjson.Result {
	g.t.Helper()
	r := g.get("/v1/context/" + id)
	if r.status != 200 {
		g.t.Fatalf("%d %s", r.status, r.body)
	}
	return gjson.Parse(r.body)
}

// checkHotKeys holds S1 and S2: the exact names, each with its time to live.
func checkHotKeys(t *testing.T, server *testservice.RedisServer) {
	t.Helper()
	for key, ttl := range map[string]int{"conv:summary:{c-1}": 3600, "conv:messages:{c-1}": 1800, "todo:list:{c-1}": 1800} {
		left, err := strconv.Atoi(strings.TrimPrefix(redisCommand(t, server, "TTL", key), ":"))
		if err != nil || left > ttl || left < ttl-60 {
			t.Errorf("%s lives for %d s, want %d", key, left, ttl)
		}
	}
	if redisCommand(t, server, "TTL", "llm:cache:none") != ":-2" {
		t.Error("TTL does not tell what is not there")
	}
}

// redisCommand returns the first line of a reply.
func redisCommand(t *testing.T, server *testservice.RedisServer, args ...string) string {
	t.Helper()
	c, err := net.Dial("tcp", server.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	fmt.Fprintf(c, "*%d\r\n", len(args))
	for _, a := range args {
		fmt.Fprintf(c, "$%d\r\n%s\r\n", len(a), a)
	}
	line, err := bufio.NewReader(c).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(line)
}

// TestAccept_A3 takes turns on two instances that share their stores.
func TestAccept_A3(t *testing.T) {
	b := &backend{redis: testservice.Redis(t), postgres: testservice.Postgres(t)}
	sim := startSimulator(t, simulator.Config{})
	one := b.start(t, config("", sim.URL()+"/v1"))
	two := b.start(t, config("", sim.URL()+"/v1"))
	one.turn("shared", "first")
	if got := two.turn("shared", "second"); got.Get("context.source").Str != "hot" || got.Get("context.messageCount").Int() != 4 {
		t.Errorf("%s", got.Raw)
	}
	if redisCommand(t, b.redis, "FLUSHALL") != "+OK" {
		t.Fatal("FLUSHALL")
	}
	// S5: all of it comes back from the cold tier, and the keys are there again.
	if got := one.turn("shared", "third"); got.Get("context.source").Str != "cold" || got.Get("context.messageCount").Int() != 6 {
		t.Errorf("after FLUSHALL: %s", got.Raw)
	}
	if redisCommand(t, b.redis, "EXISTS", "conv:messages:{shared}") != ":1" {
		t.Error("the hot tier is not filled again")
	}
}

// TestAccept_A4 restarts the gateway between two turns.
func TestAccept_A4(t *testing.T) {
	onBackends(t, func(t *testing.T, b *backend) {
		sim := startSimulator(t, simulator.Config{})
		text := config("data_dir: "+t.TempDir()+"\n", sim.URL()+"/v1")
		g := launch(t, text, b.env()...)
		g.turn("kept", "first")
		g.stop(syscall.SIGTERM)
		again := b.start(t, text)
		if got := again.turn("kept", "second"); got.Get("context.messageCount").Int() != 4 {
			t.Errorf("%s", got.Raw)
		}
	})
}

// TestAccept_A6 takes concurrent turns of one conversation on two instances.
func TestAccept_A6(t *testing.T) {
	b := &backend{redis: testservice.Redis(t), postgres: testservice.Postgres(t)}
	sim := startSimulator(t, simulator.Config{})
	text := config("", sim.URL()+"/v1")
	instances := []*instance{b.start(t, text), b.start(t, text)}
	const each = 10
	var wg sync.WaitGroup
	for i, g := range instances {
		wg.Go(func() {
			for n := range each {
				g.turn("busy", fmt.Sprintf("turn %d of %d", n, i))
			}
		})
	}
	wg.Wait()
	got := instances[0].context("busy")
	if n := got.Get("messageCount").Int(); n != 2*2*each {
		t.Errorf("%d messages, want %d", n, 2*2*each)
	}
}

// TestAccept_P6 has the code agent keep a list, which the context route shows.
func TestAccept_P6(t *testing.T) {
	onBackends(t, func(t *testing.T, b *backend) {
		sim := startSimulator(t, simulator.Config{})
		g := b.start(t, config("", sim.URL()+"/v1"))
		r := g.post("/v1/code-agent", `{"conversationId":"agent","task":"Write a sieve.","files":["a.go",{"path":"b.go","content":"package b"}]}`)
		got := gjson.Parse(r.body)
		if r.status != 200 || got.Get("todos.#").Int() == 0 || got.Get("result.response").Str == "" {
			t.Fatalf("%d %s", r.status, r.body)
		}
		if b.redis != nil {
			redisCommand(t, b.redis, "FLUSHALL")
		}
		todos := g.context("agent").Get("todos")
		if todos.Get("#").Int() != got.Get("todos.#").Int() {
			t.Errorf("%s", todos.Raw)
		}
		for _, todo := range todos.Array() {
			if !slices.Contains([]string{"not-started", "in-progress", "completed"}, todo.Get("status").Str) {
				t.Errorf("%s", todo.Raw)
			}
		}
	})
}

// TestAccept_P1_P2_P8 sends what is wrong, and asks for what is not there.
func TestAccept_P1_P2_P8(t *testing.T) {
	sim := startSimulator(t, simulator.Config{})
	g := startGateway(t, config("", sim.URL()+"/v1"))
	for _, c := range []struct{ path, body, field string }{
		{"/v1/route", `{"message":"m"}`, "conversationId"},
		{"/v1/route", `{"conversationId":"c"}`, "message"},
		{"/v1/chat", `{"message":"m"}`, "conversationId"},
		{"/v1/code-agent", `{"task":"t"}`, "conversationId"},
		{"/v1/code-agent", `{"conversationId":"c"}`, "task"},
		{"/v1/route", `{"conversationId":"c","message":"m","qualityLevel":"best"}`, "qualityLevel"},
		{"/v1/route", `{"conversationId":"c","message":"m","qualityLevle":"high"}`, "qualityLevle"},
		{"/v1/route", `{"conversationId":"c","message":7}`, "message"},
		{"/v1/route", `{"conversationId":"` + strings.Repeat("x", 201) + `","message":"m"}`, "conversationId"},
		{"/v1/chat", `{"conversationId":"c","message":"m","stream":"yes"}`, "stream"},
		{"/v1/code-agent", `{"conversationId":"c","task":"t","files":[{"name":"x"}]}`, "files[0]"},
		{"/v1/context/c", `{"summry":{}}`, "summry"},
		{"/v1/context/c", `{"summary":{"stacks":[]}}`, "summary.stacks"},
		{"/v1/context/c", `{"summary":{"conversationId":"other"}}`, "summary.conversationId"},
	} {
		r := g.post(c.path, c.body)
		if got := gjson.Get(r.body, "error.param").Str; r.status != 400 || got != c.field {
			t.Errorf("%s %s: %d, param %q, want %q", c.path, c.body, r.status, got, c.field)
		}
	}
	if got := g.context("never"); got.Get("summary").Type != gjson.Null || got.Get("recentMessages").Raw != "[]" || got.Get("todos").Raw != "[]" {
		t.Errorf("%s", got.Raw)
	}
	for version := range 3 {
		r := g.post("/v1/context/c", `{"summary":{"conversationId":"c","stack":["Go"],"text":"We build a gateway.","lastUpdated":"2026-01-01T00:00:00Z"}}`)
		if gjson.Get(r.body, "version").Int() != int64(version+1) || !gjson.Get(r.body, "success").Bool() {
			t.Errorf("%d %s", r.status, r.body)
		}
	}
	for range 2 { // once for its key
		r := g.post("/v1/context/k", `{"summary":{"text":"kept"}}`, "Idempotency-Key: summary")
		if r.status != 200 || gjson.Get(r.body, "version").Int() != 1 {
			t.Errorf("%d %s", r.status, r.body)
		}
	}
	g.post("/v1/context/k", `{"summary":{"text":"other"}}`, "Idempotency-Key: summary").wantError(t, 422, "caller_key_reused")
	if got := g.context("c"); got.Get("summary.text").Str != "We build a gateway." || got.Get("summaryVersion").Int() != 3 {
		t.Errorf("%s", got.Raw)
	}
}

// TestFault102_103 sends a request again with its idempotency key.
func TestFault102_103(t *testing.T) {
	onBackends(t, func(t *testing.T, b *backend) {
		sim := startSimulator(t, simulator.Config{})
		text := config("cache: {response: {enabled: false}}\n", sim.URL()+"/v1")
		instances := []*instance{b.start(t, text)}
		if b.redis != nil {
			instances = append(instances, b.start(t, text))
		}
		for _, path := range []string{"/v1/chat/completions", "/v1/route"} {
			body := `{"model":"L0","messages":[{"role":"user","content":"once"}]}`
			if path == "/v1/route" {
				body = `{"conversationId":"once","message":"once"}`
			}
			key := "Idempotency-Key: k" + path
			before := sim.Requests()
			var wg sync.WaitGroup
			answers := make([]reply, 6)
			for i := range answers {
				wg.Go(func() { answers[i] = instances[i%len(instances)].post(path, body, key) })
			}
			wg.Wait()
			for _, r := range answers {
				if r.status != 200 || r.body != answers[0].body {
					t.Errorf("%s: %d %s", path, r.status, r.body)
				}
			}
			if n := sim.Requests() - before; n != 1 {
				t.Errorf("%s: %d upstream calls, want 1", path, n)
			}
			r := instances[0].post(path, strings.Replace(body, "once\"", "twice\"", 1), key)
			r.wantError(t, 422, "caller_key_reused")
		}
		if n := instances[0].context("once").Get("messageCount").Int(); n != 2 {
			t.Errorf("%d messages, want 2", n)
		}
	})
}

// TestFault076 takes turns while PostgreSQL is away: each is spooled and none
// is lost.
func TestFault076(t *testing.T) {
	b := &backend{redis: testservice.Redis(t), postgres: testservice.Postgres(t)}
	sim := startSimulator(t, simulator.Config{})
	g := b.start(t, config("", sim.URL()+"/v1"))
	g.turn("away", "first")
	b.postgres.Stop()
	for range 3 {
		if got := g.turn("away", "meanwhile"); !got.Get("context.persisted").Bool() {
			t.Errorf("%s", got.Raw)
		}
	}
	if got := gjson.Get(g.get("/health").body, "database").Str; got != "spooling" {
		t.Errorf("the database is %q, want spooling", got)
	}
	b.postgres.Start()
	eventually(t, 30*time.Second, "the spool is empty", func() bool {
		return gjson.Get(g.get("/health").body, "database").Str == "connected"
	})
	redisCommand(t, b.redis, "FLUSHALL")
	if n := g.context("away").Get("messageCount").Int(); n != 8 {
		t.Errorf("%d messages, want 8", n)
	}
}
