package main

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/tidwall/gjson"

	"github.com/ai-mcp-gateway/gateway/bench/simulator"
	"github.com/ai-mcp-gateway/gateway/internal/testservice"
)

// stats reads /v1/stats with the given query.
func (g *instance) stats(query string, header ...string) gjson.Result {
	g.t.Helper()
	r := g.get("/v1/stats"+query, header...)
	if r.status != 200 {
		g.t.Fatalf("/v1/stats%s: %d %s\n%s", query, r.status, r.body, g.logs.tail())
	}
	return gjson.Parse(r.body)
}

// nano is an amount of USD, as JSON or a header has it, in nano-dollars.
func nano(t *testing.T, usd string) (n int64) {
	t.Helper()
	if usd == "unknown" {
		return 0
	}
	whole, part, _ := strings.Cut(usd, ".")
	if _, err := fmt.Sscan(strings.TrimLeft(whole+part+strings.Repeat("0", 9-len(part)), "0")+" ", &n); err != nil && strings.Trim(usd, "0.") != "" {
		t.Fatalf("%q is no amount: %v", usd, err)
	}
	return n
}

// bill is what callers were told of their calls.
type bill struct {
	t        *testing.T
	cost     int64 // nano-dollars
	in, out  int64
	attempts int64
	cached   int64
}

// take adds an answer of a route of OpenAI's or Anthropic's.
func (b *bill) take(r reply) reply {
	b.t.Helper()
	if r.status != 200 {
		b.t.Fatalf("%d %s", r.status, r.body)
	}
	cost := r.header.Get("X-Gateway-Cost")
	answer := gjson.Parse(r.body)
	for _, event := range r.events() {
		if u := gjson.Get(event, "usage"); u.IsObject() {
			answer, cost = gjson.Parse(event), u.Get("cost").Raw
		}
	}
	b.cost += nano(b.t, cost)
	if cache := r.header.Get("X-Gateway-Cache"); cache == "hit" || cache == "coalesced" {
		b.cached++
		return r
	}
	b.attempts += gjson.Parse(r.header.Get("X-Gateway-Attempts")).Int()
	for _, name := range []string{"prompt_tokens", "input_tokens"} {
		b.in += answer.Get("usage." + name).Int()
	}
	for _, name := range []string{"completion_tokens", "output_tokens"} {
		b.out += answer.Get("usage." + name).Int()
	}
	return r
}

// takeNative adds an answer of the native routes, whose calls have to add up to
// what it says in sum.
func (b *bill) takeNative(answer string) gjson.Result {
	b.t.Helper()
	p := gjson.Get(answer, "performance")
	if !p.Exists() {
		b.t.Fatalf("no performance: %s", answer)
	}
	cost := nano(b.t, p.Get("cost").Raw)
	for _, call := range p.Get("calls").Array() {
		cost -= nano(b.t, call.Get("estimatedCost").Raw)
		if call.Get("layer").Str != "L0" || call.Get("model").Str == "" || call.Get("role").Str == "" {
			b.t.Errorf("call %s", call.Raw)
		}
	}
	if cost != 0 {
		b.t.Errorf("the calls are not what it cost: %s", p.Raw)
	}
	b.cost += nano(b.t, p.Get("cost").Raw)
	b.attempts += p.Get("calls.#").Int()
	b.in, b.out = b.in+p.Get("tokens.input").Int(), b.out+p.Get("tokens.output").Int()
	if gjson.Get(answer, "routing.fromCache").Bool() {
		b.cached++
	}
	return p
}

// wants holds /v1/stats against the bill, in sum and by every group.
func (b *bill) wants(g *instance, header ...string) {
	b.t.Helper()
	f := func(what string, got gjson.Result) {
		b.t.Helper()
		if n := got.Get("totalCalls").Int(); n != b.attempts+b.cached {
			b.t.Errorf("%s: %d calls, want %d and %d cached", what, n, b.attempts, b.cached)
		}
		if n := nano(b.t, got.Get("totalCost").Raw); n != b.cost {
			b.t.Errorf("%s: cost %d, want %d", what, n, b.cost)
		}
		if in, out := got.Get("totalTokens.input").Int(), got.Get("totalTokens.output").Int(); in != b.in || out != b.out {
			b.t.Errorf("%s: tokens %d and %d, want %d and %d", what, in, out, b.in, b.out)
		}
		if rate := got.Get("cacheHitRate").Num; rate != float64(b.cached)/float64(b.attempts+b.cached) {
			b.t.Errorf("%s: hit rate %v, want %d of %d", what, rate, b.cached, b.attempts+b.cached)
		}
	}
	f("in sum", g.stats("", header...))
	for _, by := range []string{"model", "layer", "day", "project", "user"} {
		got := g.stats("?groupBy="+by, header...)
		f("by "+by, got)
		var calls, cost int64
		got.Get("by").ForEach(func(_, group gjson.Result) bool {
			calls += group.Get("totalCalls").Int()
			cost += nano(b.t, group.Get("totalCost").Raw)
			return true
		})
		if calls != b.attempts+b.cached || cost != b.cost {
			b.t.Errorf("by %s: the groups add up to %d calls of %d: %s", by, calls, cost, got.Raw)
		}
	}
}

const streamWithUsage = `{"model":"L0","stream":true,"stream_options":{"include_usage":true},"messages":[{"role":"user","content":%q}]}`

// TestAccept_O7 makes calls of every kind and holds the stats against what
// their answers have said of cost and tokens.
func TestAccept_O7(t *testing.T) {
	onBackends(t, func(t *testing.T, b *backend) {
		sim := startSimulator(t, simulator.Config{})
		g := b.start(t, config("keys: [{id: a, key: key-of-tenant-a, tenant: a}, {id: b, key: key-of-tenant-b, tenant: b}]\n", sim.URL()+"/v1", sim.URL()+"/v1"))
		const key = "Authorization: Bearer key-of-tenant-a"
		mine := &bill{t: t}
		for i := range 3 {
			mine.take(g.post("/v1/chat/completions", chat("L0", fmt.Sprint("plain ", i), false), key, "X-Gateway-User: u"+fmt.Sprint(i)))
			mine.take(g.post("/v1/chat/completions", fmt.Sprintf(streamWithUsage, fmt.Sprint("stream ", i)), key, "X-Gateway-Project: shop"))
		}
		mine.take(g.post("/v1/chat/completions", chat("L0", "plain 0", false), key))
		mine.take(g.post("/v1/chat/completions", fmt.Sprintf(streamWithUsage, "stream 0"), key))
		mine.take(g.post("/v1/messages", `{"model":"L0","max_tokens":99,"messages":[{"role":"user","content":"translated"}]}`, key))
		mine.take(g.post("/v1/embeddings", `{"model":"sim/sim-embed","input":"a text"}`, key))
		mine.take(g.post("/v1/responses", `{"model":"L0","input":"translated too"}`, key))
		if err := sim.Script(simulator.Step{Requests: 1, Faults: "status=500"}); err != nil {
			t.Fatal(err)
		}
		if r := mine.take(g.post("/v1/chat/completions", chat("L0", "fails over", false), key)); r.header.Get("X-Gateway-Attempts") != "2" {
			t.Errorf("%s attempts, want 2", r.header.Get("X-Gateway-Attempts"))
		}
		mine.takeNative(g.post("/v1/route", `{"conversationId":"c","message":"native"}`, key).body)
		plain := g.post("/v1/chat", `{"conversationId":"c","message":"native again"}`, key)
		mine.takeNative(plain.body)
		events := g.post("/v1/chat", `{"conversationId":"c","message":"in a stream","stream":true}`, key).events()
		mine.takeNative(events[len(events)-2])
		agent := mine.takeNative(g.post("/v1/code-agent", `{"conversationId":"agent","task":"Write a sieve."}`, key).body)
		mine.wants(g, key)

		got := gjson.Parse(g.get("/v1/stats/conversation/agent", key).body)
		if got.Get("llmCalls").Int() != agent.Get("calls.#").Int() || nano(t, got.Get("totalCost").Raw) != nano(t, agent.Get("cost").Raw) ||
			got.Get("messageCount").Int() != 2 || got.Get("conversationId").Str != "agent" || got.Get("totalTokens.output").Int() != agent.Get("tokens.output").Int() || !got.Get("updatedAt").Time().After(time.Unix(0, 0)) {
			t.Errorf("%s of %s", got.Raw, agent.Raw)
		}

		if n := gjson.Get(g.get("/v1/stats/conversation/c", key).body, "llmCalls").Int(); n != 3 {
			t.Errorf("%d calls for the conversation c, want 3", n)
		}

		const other = "Authorization: Bearer key-of-tenant-b"
		wantsNothing(t, g, other)
		for _, id := range []string{"agent", "never"} {
			g.get("/v1/stats/conversation/"+id, other).wantError(t, 404, "caller_not_found")
		}
		day := time.Now().UTC().AddDate(0, 0, 2).Format(time.DateOnly)
		if n := g.stats("?from="+day, key).Get("totalCalls").Int(); n != 0 {
			t.Errorf("%d calls from %s on", n, day)
		}
		if n := g.stats("?to="+day, key).Get("totalCalls").Int(); n != mine.attempts+mine.cached {
			t.Errorf("%d calls until %s, want %d", n, day, mine.attempts+mine.cached)
		}
	})
}

// TestAccept_O7_Surface does the same on routes that are passed through.
func TestAccept_O7_Surface(t *testing.T) {
	p := startSurfaced(t)
	g := (&backend{}).start(t, surfaceConfig(p.URL, unhurried))
	t.Cleanup(p.CloseClientConnections)
	reply := func(kind, body string) {
		p.answer = func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", kind)
			_, _ = io.WriteString(w, body)
		}
	}
	mine := &bill{t: t}
	reply("application/json", `{"usage":{"input_tokens":1000,"output_tokens":3,"total_tokens":1003}}`)
	mine.take(g.post("/v1/images/generations", `{"model":"p/drawer","prompt":"x"}`))
	reply("audio/mpeg", "sound")
	mine.take(g.post("/v1/audio/speech", `{"model":"p/drawer","input":"x"}`))
	reply("text/event-stream", "data: {\"usage\":{\"input_tokens\":1000,\"output_tokens\":3}}\n\n")
	if r := g.post("/v1/images/generations", `{"model":"p/drawer","stream":true,"prompt":"y"}`); r.status != 200 {
		t.Fatalf("%d %s", r.status, r.body)
	}
	mine.attempts++
	mine.in, mine.out, mine.cost = mine.in+1000, mine.out+3, 2*mine.cost
	mine.wants(g)
	if mine.cost != 2*1_006_000 {
		t.Errorf("cost %d", mine.cost)
	}
}

// wantsNothing checks that there are no calls.
func wantsNothing(t *testing.T, g *instance, header ...string) {
	t.Helper()
	got := g.stats("?groupBy=model", header...)
	if got.Get("totalCalls").Int() != 0 || got.Get("totalCost").Raw != "0" || got.Get("by").Raw != "{}" {
		t.Errorf("%s, want nothing", got.Raw)
	}
}

// TestAccept_O7_Query asks for stats in ways that are wrong.
func TestAccept_O7_Query(t *testing.T) {
	g := (&backend{}).start(t, "")
	for _, c := range []struct{ query, param, says string }{
		{"groupBy=modal", "groupBy", `did you mean \"model\"?`},
		{"groupBy=", "groupBy", "one of model, layer, day, project, user"},
		{"group_by=model", "group_by", `did you mean \"groupBy\"?`},
		{"from=yesterday", "from", "2026-01-31"},
		{"to=31.12.2026", "to", "2026-01-31T12:00:00Z"},
		{"from=2026-02-01&to=2026-01-01", "to", "other way round"},
		{"from=2026-02-01&from=2026-01-01", "from", "more than once"},
	} {
		r := g.get("/v1/stats?" + c.query)
		if r.status != 400 || gjson.Get(r.body, "error.param").Str != c.param || !strings.Contains(r.body, c.says) {
			t.Errorf("%s: %d %s", c.query, r.status, r.body)
		}
	}
	if got := g.stats("?groupBy=day&from=2026-01-01&to=" + url.QueryEscape("2026-01-31T12:00:00+02:00")); got.Get("totalCalls").Int() != 0 || got.Get("cacheHitRate").Raw != "0" {
		t.Errorf("%s", got.Raw)
	}
}

// TestAccept_O5 asks the same twice, and then something else.
func TestAccept_O5(t *testing.T) {
	onBackends(t, func(t *testing.T, b *backend) {
		sim := startSimulator(t, simulator.Config{})
		g := b.start(t, config("", sim.URL()+"/v1"))
		mine := &bill{t: t}
		for i, want := range []bool{false, true} {
			r := g.post("/v1/route", fmt.Sprintf(`{"conversationId":"c%d","message":"the same"}`, i))
			mine.takeNative(r.body)
			got := gjson.Parse(r.body)
			if got.Get("routing.fromCache").Bool() != want || (got.Get("performance.cost").Raw == "0") != want {
				t.Errorf("%s", r.body)
			}
		}
		if n := sim.Requests(); n != 1 {
			t.Errorf("%d upstream calls, want 1", n)
		}
		for _, body := range []string{
			`{"model":"L0","temperature":0.1,"messages":[{"role":"user","content":"the same"}]}`,
			`{"model":"L0","temperature":0.2,"messages":[{"role":"user","content":"the same"}]}`,
			`{"model":"L0","temperature":0.2,"messages":[{"role":"system","content":"Be brief."},{"role":"user","content":"the same"}]}`,
		} {
			if r := mine.take(g.post("/v1/chat/completions", body)); r.header.Get("X-Gateway-Cache") != "miss" {
				t.Errorf("%s: %s", body, r.header.Get("X-Gateway-Cache"))
			}
		}
		mine.wants(g)
		if rate := g.stats("").Get("cacheHitRate").Num; rate != 0.2 {
			t.Errorf("hit rate %v, want 0.2", rate)
		}
	})
}

// TestAccept_O3 looks for the metrics of the database.
func TestAccept_O3(t *testing.T) {
	onBackends(t, func(t *testing.T, b *backend) {
		sim := startSimulator(t, simulator.Config{})
		g := b.start(t, config("", sim.URL()+"/v1"))
		g.turn("c", "first")
		if n := g.stats("").Get("totalCalls").Int(); n != 1 {
			t.Errorf("%d calls, want 1", n)
		}
		page := g.metrics()
		operations := []string{"read", "write"}
		if b.postgres != nil {
			operations = []string{"append", "put_calls", "add_up_calls"}
		}
		for _, operation := range operations {
			if series := `gateway_store_duration_seconds_count{operation="` + operation + `"}`; !strings.Contains(page, series) {
				t.Errorf("no %s", series)
			}
		}
		if n := metric(t, page, "gateway_ledger_dropped_total"); n != 0 || !strings.Contains(page, "\ngateway_spool_bytes ") {
			t.Errorf("%v rows dropped, or no gateway_spool_bytes", n)
		}
		if strings.Contains(page, "\ngateway_postgres_connections_in_use ") != (b.postgres != nil) {
			t.Error("gateway_postgres_connections_in_use is there without PostgreSQL, or the other way round")
		}
	})
}

// TestFault007_037_038_Ledger breaks streams off on both sides and looks for
// what the ledger has of them.
func TestFault007_037_038_Ledger(t *testing.T) {
	sim := startSimulator(t, simulator.Config{})
	g := (&backend{}).start(t, config(quick, sim.URL()+"/~stall-mid-stream/v1"))
	g.post("/v1/chat/completions", chat("L0", "stalls", true)).wantStreamError(t, "provider_stalled")
	first := g.stats("")
	if first.Get("totalCalls").Int() != 1 || first.Get("totalTokens.output").Int() == 0 || first.Get("totalCost").Raw == "0" {
		t.Errorf("a stream that has stalled: %s", first.Raw)
	}
	ctx, leave := context.WithCancel(t.Context())
	r, err := g.send(ctx, "/v1/chat/completions", chat("L0", "leaves", true))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Body.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	leave()
	_ = r.Body.Close()
	var got gjson.Result
	eventually(t, 20*time.Second, "a row of the call whose client has left", func() bool {
		got = g.stats("")
		return got.Get("totalCalls").Int() == 2
	})
	if nano(t, got.Get("totalCost").Raw) <= nano(t, first.Get("totalCost").Raw) {
		t.Errorf("what came before the client left is not paid for: %s, then %s", first.Raw, got.Raw)
	}
}

// TestFault087_Ledger kills the gateway at random points under load: each call
// that was answered has its row after the restart, and no call has two.
func TestFault087_Ledger(t *testing.T) {
	onBackends(t, func(t *testing.T, b *backend) {
		sim := startSimulator(t, simulator.Config{})
		text := config("data_dir: "+t.TempDir()+"\n", sim.URL()+"/v1")
		var made atomic.Int64
		answered := &sync.Map{}
		for round := range 4 {
			g := launch(t, text, b.env()...)
			storm(t, g, &made, answered, 20+rand.Int64N(300), round%2 == 1)
		}
		g := b.start(t, text)
		rows := g.stats("?groupBy=user").Get("by")
		n := 0
		answered.Range(func(user, _ any) bool {
			n++
			if calls := rows.Get(user.(string) + ".totalCalls").Int(); calls != 1 {
				t.Errorf("%s was answered and has %d rows", user, calls)
			}
			return true
		})
		rows.ForEach(func(user, group gjson.Result) bool {
			if calls := group.Get("totalCalls").Int(); calls != 1 {
				t.Errorf("%s has %d rows", user, calls)
			}
			return true
		})
		t.Logf("%d calls, %d answered, %d rows", made.Load(), n, len(rows.Map()))
	})
}

// storm has clients call until most answers have come, and kills the gateway.
func storm(t *testing.T, g *instance, made *atomic.Int64, answered *sync.Map, most int64, stream bool) {
	var clients sync.WaitGroup
	var answers atomic.Int64
	kill := sync.OnceFunc(func() { _ = g.cmd.Process.Signal(syscall.SIGKILL) })
	for range 8 {
		clients.Go(func() {
			for {
				user := fmt.Sprint("u", made.Add(1))
				r, err := g.send(t.Context(), "/v1/chat/completions", chat("L0", user, stream), "X-Gateway-User: "+user)
				if err != nil {
					return
				}
				body, err := io.ReadAll(r.Body)
				_ = r.Body.Close()
				if err != nil || r.StatusCode != 200 || stream && !strings.HasSuffix(string(body), "[DONE]\n\n") {
					return
				}
				answered.Store(user, true)
				if answers.Add(1) == most {
					kill()
				}
			}
		})
	}
	clients.Wait()
	<-g.done
	if n := answers.Load(); n < most {
		t.Errorf("%d answers before the end, want %d\n%s", n, most, g.logs.tail())
	}
}

// TestFault076_Ledger makes calls while PostgreSQL is away: their rows wait, and
// follow.
func TestFault076_Ledger(t *testing.T) {
	b := &backend{redis: testservice.Redis(t), postgres: testservice.Postgres(t)}
	sim := startSimulator(t, simulator.Config{})
	g := b.start(t, config("", sim.URL()+"/v1"))
	mine := &bill{t: t}
	mine.take(g.post("/v1/chat/completions", chat("L0", "before", false)))
	mine.wants(g)
	b.postgres.Stop()
	for i := range 20 {
		mine.take(g.post("/v1/chat/completions", chat("L0", fmt.Sprint("meanwhile ", i), false)))
	}
	g.get("/v1/stats").wantError(t, 503, "gateway_no_state")
	b.postgres.Start()
	eventually(t, 60*time.Second, "the rows to follow", func() bool { return g.get("/v1/stats").status == 200 })
	mine.wants(g)
}
