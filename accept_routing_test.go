package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tidwall/gjson"

	"github.com/ai-mcp-gateway/gateway/conversation"
)

// voices is a provider whose models say what a test has them say. It notes what
// each was asked.
type voices struct {
	URL string
	// hold, if set, is what streams wait for after their first event.
	hold chan struct{}

	mu    sync.Mutex
	says  map[string]func(body string) string // by model; "" fails
	calls []asking
}

type asking struct{ model, body string }

func newVoices(t *testing.T) *voices {
	v := &voices{says: map[string]func(string) string{}}
	s := httptest.NewServer(v)
	t.Cleanup(s.Close)
	v.URL = s.URL + "/v1"
	return v
}

// ServeHTTP implements http.Handler.
func (v *voices) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	raw, _ := io.ReadAll(r.Body)
	model := gjson.GetBytes(raw, "model").Str
	v.mu.Lock()
	v.calls = append(v.calls, asking{model, string(raw)})
	say := v.says[model]
	v.mu.Unlock()
	text := ""
	if say != nil {
		text = say(string(raw))
	}
	if text == "" {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusInternalServerError)
		_, _ = io.WriteString(w, `{"error":{"message":"no","type":"server_error"}}`)
		return
	}
	content, _ := json.Marshal(text)
	if gjson.GetBytes(raw, "stream").Bool() {
		w.Header().Set("Content-Type", "text/event-stream")
		fmt.Fprintf(w, "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":%q,\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":%s},\"finish_reason\":null}]}\n\n", model, content)
		if v.hold != nil {
			_ = http.NewResponseController(w).Flush()
			<-v.hold
		}
		if text == cutStream {
			return
		}
		fmt.Fprintf(w, "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":%q,\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n", model)
		fmt.Fprintf(w, "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":%q,\"choices\":[],\"usage\":{\"prompt_tokens\":1000,\"completion_tokens\":100,\"total_tokens\":1100}}\n\ndata: [DONE]\n\n", model)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	fmt.Fprintf(w, `{"id":"c","object":"chat.completion","created":1,"model":%q,"choices":[{"index":0,"message":{"role":"assistant","content":%s},"finish_reason":"stop"}],"usage":{"prompt_tokens":1000,"completion_tokens":100,"total_tokens":1100}}`, model, content)
}

// say has a model answer everything alike.
func (v *voices) say(model, text string) { v.answer(model, func(string) string { return text }) }

// sayAll has all of ladderOf's models answer everything alike.
func (v *voices) sayAll(text string) {
	for _, m := range []string{"a", "b", "c", "mid", "top"} {
		v.say(m, text)
	}
}

func (v *voices) answer(model string, say func(body string) string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.says[model] = say
}

// asked returns who was asked since the last time, in order, and what.
func (v *voices) asked() (models string, bodies []string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	var names []string
	for _, c := range v.calls {
		names, bodies = append(names, c.model), append(bodies, c.body)
	}
	v.calls = nil
	return strings.Join(names, " "), bodies
}

// ladderOf is a configuration of three tiers, with three models in the lowest,
// which are free.
func ladderOf(v *voices, routing string) string {
	return fmt.Sprintf(`
providers:
  p: {dialect: openai, base_url: %q, keys: [provider-secret]}
models:
  p/a: {price: {input: 0, output: 0}, context: 32768, max_output: 4096}
  p/b: {price: {input: 0, output: 0}, context: 32768, max_output: 4096}
  p/c: {price: {input: 0, output: 0}, context: 32768, max_output: 4096}
  p/mid: {price: {input: 1, output: 4}, context: 32768, max_output: 4096}
  p/top: {price: {input: 10, output: 40}, context: 32768, max_output: 4096}
tiers:
  - {name: L0, models: [p/a, p/b, p/c]}
  - {name: L1, models: [p/mid]}
  - {name: L2, models: [p/top]}
cache: {response: {enabled: false}}
routing: %s
`, v.URL, routing)
}

// cutStream is what a model says whose stream ends early.
const cutStream = "The treaty was"

// ask asks for auto and returns the answer.
func (v *voices) ask(t *testing.T, g *instance, text string, header ...string) reply {
	t.Helper()
	quoted, _ := json.Marshal(text)
	r := g.post("/v1/chat/completions", fmt.Sprintf(`{"model":"auto","messages":[{"role":"user","content":%s}]}`, quoted), header...)
	if r.err != nil {
		t.Fatal(r.err)
	}
	return r
}

func wantAsked(t *testing.T, v *voices, want string) (bodies []string) {
	t.Helper()
	got, bodies := v.asked()
	if got != want {
		t.Errorf("asked %q, want %q", got, want)
	}
	return bodies
}

// What reviewers say.
const (
	agrees  = `{"agree":true,"issues":[],"confidence":0.9}`
	objects = `{"agree":false,"issues":["The date is wrong."],"confidence":0.9}`
	essay   = "The treaty was signed in the spring of 1648 after long negotiations in two cities, and it ended a war of thirty years."
)

// TestAccept_R3 counts the calls of a check.
func TestAccept_R3(t *testing.T) {
	v := newVoices(t)
	v.sayAll(essay)
	const text = "Tell me about the treaty of 1648."

	off := (&backend{}).start(t, ladderOf(v, "{cross_check: off}"))
	if r := v.ask(t, off, text); r.status != 200 || r.header.Get("X-Gateway-Check") != "" {
		t.Errorf("%d %v", r.status, r.header)
	}
	wantAsked(t, v, "a")

	on := (&backend{}).start(t, ladderOf(v, "{cross_check: always}"))
	check := func(reviewer, arbiter, asked, outcome, tier, escalated string) {
		t.Helper()
		v.say("b", reviewer)
		v.say("c", arbiter)
		r := v.ask(t, on, text)
		if r.status != 200 || r.header.Get("X-Gateway-Check") != outcome || r.header.Get("X-Gateway-Tier") != tier || r.header.Get("X-Gateway-Escalated") != escalated {
			t.Errorf("%d check %q, tier %q, escalated %q, want %q %q %q\n%s", r.status, r.header.Get("X-Gateway-Check"), r.header.Get("X-Gateway-Tier"),
				r.header.Get("X-Gateway-Escalated"), outcome, tier, escalated, r.body)
		}
		wantAsked(t, v, asked)
	}
	check(agrees, "", "a b", "agreed", "L0", "false")
	check("Nothing wrong.", "", "a b", "agreed", "L0", "false")
	check(`{"agree":false,"issues":["nothing wrong"]}`, "", "a b", "agreed", "L0", "false")
	check(objects, agrees, "a b c", "agreed", "L0", "false")
	check("What a lovely day it is, let us speak of the sea and ships for a while and of nothing else at all.", "", "a b", "unverified", "L0", "false")
	check("", "", "a b c", "unverified", "L0", "false") // both fail
	v.say("mid", "Two treaties were signed that year, in Osnabrück and in Münster, and between them they are called the Peace of Westphalia by everybody.")
	v.answer("top", func(body string) string { // as a reviewer of L1 first, whose like it has none
		if strings.Contains(body, "You review the answer") {
			return objects
		}
		return "The Peace of Westphalia consists of two treaties that were concluded in October 1648; what follows is a short account of how they came about."
	})
	check(objects, objects, "a b c mid top top", "passed", "L2", "true")
}

// TestAccept_R4 goes up as far as it may, and no further.
func TestAccept_R4(t *testing.T) {
	v := newVoices(t)
	v.say("a", "41")
	v.say("b", "42")
	v.say("c", "43")
	v.say("mid", "44")
	v.say("top", "45")
	const text = "What is 6 times 7? Answer with the number only."
	for _, c := range []struct{ routing, asked, answer, tier, check string }{
		{"{cross_check: always, max_tier: L0}", "a b c", "41", "L0", "disputed"},
		{"{cross_check: always, escalate: false}", "a b c", "41", "L0", "disputed"},
		{"{cross_check: always, max_tier: L1}", "a b c mid", "44", "L1", "passed"},
		{"{cross_check: always}", "a b c mid top top", "45", "L2", "passed"},
	} {
		g := (&backend{}).start(t, ladderOf(v, c.routing))
		r := v.ask(t, g, text)
		if got := gjson.Get(r.body, "choices.0.message.content").Str; got != c.answer || r.header.Get("X-Gateway-Tier") != c.tier || r.header.Get("X-Gateway-Check") != c.check {
			t.Errorf("%s: %s at %s, %s", c.routing, got, r.header.Get("X-Gateway-Tier"), r.header.Get("X-Gateway-Check"))
		}
		wantAsked(t, v, c.asked)
	}
	g := (&backend{}).start(t, ladderOf(v, "{cross_check: always}"))
	v.say("mid", "the answer is 41") // what a lower tier has said as well needs no other to agree
	if r := v.ask(t, g, text); r.header.Get("X-Gateway-Check") != "agreed" || r.header.Get("X-Gateway-Tier") != "L1" {
		t.Errorf("%v", r.header)
	}
	wantAsked(t, v, "a b c mid")
	v.say("top", "") // nobody is left above: what there is is served, and said to be disputed
	v.say("mid", "")
	r := v.ask(t, g, text)
	if got := gjson.Get(r.body, "choices.0.message.content").Str; got != "41" || r.header.Get("X-Gateway-Tier") != "L0" || r.header.Get("X-Gateway-Escalated") != "false" {
		t.Errorf("%s %v", r.body, r.header)
	}
}

// TestAccept_R5 asks nobody who could cost more than the call may.
func TestAccept_R5(t *testing.T) {
	v := newVoices(t)
	v.sayAll(essay)
	paid := `
providers: {p: {dialect: openai, base_url: ` + v.URL + `, keys: [k]}}
models:
  p/mid: {price: {input: 1, output: 4}, context: 32768, max_output: 1000}
  p/top: {price: {input: 10, output: 40}, context: 32768}
tiers: [{name: L1, models: [p/mid]}, {name: L2, models: [p/top]}]
cache: {response: {enabled: false}}
`
	g := (&backend{}).start(t, paid)
	const hard = `{"model":"auto","messages":[{"role":"user","content":"hello"}]}`
	g.post("/v1/chat/completions", hard, "X-Gateway-Max-Cost: 0").wantError(t, 402, "policy_max_cost")
	g.post("/v1/chat/completions", hard, "X-Gateway-Max-Cost: 0.004").wantError(t, 402, "policy_max_cost")
	g.post("/v1/chat/completions", hard, "X-Gateway-Max-Cost: free").wantError(t, 400, "caller_invalid_field")
	g.post("/v1/chat/completions", strings.Replace(hard, "auto", "p/top", 1), "X-Gateway-Max-Cost: 5").wantError(t, 402, "policy_max_cost")
	wantAsked(t, v, "")
	if r := g.post("/v1/chat/completions", hard, "X-Gateway-Max-Cost: 0.0041"); r.status != 200 {
		t.Errorf("%d %s", r.status, r.body)
	}
	if r := g.post("/v1/chat/completions", `{"model":"p/mid","max_tokens":10,"messages":[{"role":"user","content":"hello"}]}`, "X-Gateway-Max-Cost: 0.0002"); r.status != 200 {
		t.Errorf("%d %s", r.status, r.body)
	}
	wantAsked(t, v, "mid mid")

	// Neither a critical request nor a dispute buys what the call may not pay for.
	v.say("b", objects)
	v.say("c", objects)
	const critical = "X-Gateway-Quality: critical"
	free := (&backend{}).start(t, ladderOf(v, "{cross_check: always, free_only: true}"))
	for _, g := range []*instance{free, (&backend{}).start(t, ladderOf(v, "{cross_check: always}"))} {
		r := v.ask(t, g, "Tell me about the treaty.", critical, "X-Gateway-Max-Cost: 0")
		if r.status != 200 || r.header.Get("X-Gateway-Cost") != "0" || r.header.Get("X-Gateway-Tier") != "L0" || !strings.Contains(r.header.Get("X-Gateway-Reason"), "lowered") {
			t.Errorf("%d %v", r.status, r.header)
		}
		wantAsked(t, v, "a b c")
	}
	// What reviewers cost comes out of the same purse.
	v.say("mid", objects)
	one := (&backend{}).start(t, `
providers: {p: {dialect: openai, base_url: `+v.URL+`, keys: [k]}}
models:
  p/a: {price: {input: 0, output: 0}}
  p/mid: {price: {input: 1, output: 4}, max_output: 4000}
  p/top: {price: {input: 10, output: 40}, max_output: 4000}
tiers: [{name: L0, models: [p/a]}, {name: L1, models: [p/mid]}, {name: L2, models: [p/top]}]
routing: {cross_check: always}
cache: {response: {enabled: false}}
`)
	if r := v.ask(t, one, "Tell me about the treaty.", "X-Gateway-Max-Cost: 0.01"); r.status != 200 || r.header.Get("X-Gateway-Cost") != "0.0014" {
		t.Errorf("%d %v", r.status, r.header)
	}
	wantAsked(t, v, "a mid") // the review; after it an answer of mid's could cost more than is left
}

// TestAccept_R1 finds the decision in the answer, the headers and the call log.
func TestAccept_R1(t *testing.T) {
	onBackends(t, func(t *testing.T, b *backend) {
		v := newVoices(t)
		v.sayAll(essay)
		g := b.start(t, ladderOf(v, "{}"))
		route := func(message, quality string) reply {
			t.Helper()
			field := ""
			if quality != "" {
				field = `,"qualityLevel":"` + quality + `"`
			}
			quoted, _ := json.Marshal(message)
			r := g.post("/v1/route", `{"conversationId":"r1","message":`+string(quoted)+field+`}`)
			if r.status != 200 {
				t.Fatalf("%d %s", r.status, r.body)
			}
			return r
		}
		f := func(message, quality, layer, complexity, says string) reply {
			t.Helper()
			r := route(message, quality)
			got := gjson.Get(r.body, "routing")
			if got.Get("layer").Str != layer || got.Get("complexity").Str != complexity || !strings.Contains(got.Get("reason").Str, says) || got.Get("summary").Str == "" {
				t.Errorf("%s", got.Raw)
			}
			return r
		}
		f("Hello there", "", "L0", "low", "normal quality")
		f("Hello there", "high", "L1", "low", "high quality")
		f("Hello there", "critical", "L2", "low", "critical quality")
		f("Which dosage of ibuprofen is too much?", "", "L1", "low", "risk")
		last := f("Design a distributed architecture and prove its consistency formally.", "", "L1", "high", "normal")
		for _, c := range []struct{ path, body string }{
			{"/v1/chat", `{"conversationId":"r2","message":"hi there"}`},
			{"/v1/code-agent", `{"conversationId":"r3","task":"hi there"}`},
			{"/v1/chat/completions", `{"model":"auto","messages":[{"role":"user","content":"hi there"}]}`},
			{"/v1/messages", `{"model":"auto","max_tokens":10,"messages":[{"role":"user","content":"hi there"}]}`},
			{"/v1/responses", `{"model":"auto","input":"hi there"}`},
		} {
			if r := g.post(c.path, c.body, "X-Gateway-Quality: critical"); r.status != 200 || r.header.Get("X-Gateway-Tier") != "L2" {
				t.Errorf("%s: %d %v %s", c.path, r.status, r.header, r.body)
			}
			g.post(c.path, c.body, "X-Gateway-Quality: best").wantError(t, 400, "caller_invalid_field")
		}
		if line := g.lineOf(last); line["complexity"] != "high" || line["quality"] != "normal" || line["task"] == nil || !strings.Contains(fmt.Sprint(line["reason"]), "auto: high complexity") {
			t.Errorf("%v", line)
		}
		if b.postgres == nil {
			return
		}
		eventually(t, 10*time.Second, "the decision in the call log", func() bool {
			return b.postgres.Exec(`SELECT DISTINCT decision->>'task' FROM calls WHERE conversation = 'r1' AND decision->>'complexity' = 'high'`) == "reasoning"
		})
	})
}

// TestAccept_H1 escalates at the end of a long conversation.
func TestAccept_H1(t *testing.T) {
	onBackends(t, func(t *testing.T, b *backend) {
		v := newVoices(t)
		v.sayAll(essay)
		g := b.start(t, ladderOf(v, "{max_tier: L1}"))
		history := 0
		for i := range 12 {
			text := fmt.Sprintf("Fact %d: the %s of the house number %d is painted %s, and its owner, who came from far away, says that it will stay so for years. Please remember it.",
				i, []string{"door", "roof", "wall"}[i%3], i+10, []string{"red", "green", "blue", "white"}[i%4])
			history += len(text) + len(essay)
			if r := g.post("/v1/chat", fmt.Sprintf(`{"conversationId":"h","message":%q}`, text)); r.status != 200 {
				t.Fatalf("%d %s", r.status, r.body)
			}
		}
		v.asked()
		v.say("a", "The roof of house 11 is yellow, as far as anybody can tell from what was said in this long and winding talk about so many houses.")
		v.say("b", objects)
		v.say("c", objects)
		v.say("mid", "It is green, says the owner, and that it will stay so for many years to come, as was said at the very beginning.")
		const question = "Analyze the notes: which colour has the roof of house 11, and why does the file notes/houses.md not say so? Explain the strategy to find out."
		r := g.post("/v1/route", fmt.Sprintf(`{"conversationId":"h","message":%q}`, question))
		got := gjson.Parse(r.body)
		if r.status != 200 || !got.Get("routing.escalated").Bool() || !got.Get("routing.crossCheck").Bool() || got.Get("routing.layer").Str != "L1" || r.header.Get("X-Gateway-Escalated") != "true" {
			t.Fatalf("%d %s", r.status, r.body)
		}
		bodies := wantAsked(t, v, "a b c mid") // nobody is above L1, so that nobody has to look at what it says

		handoff := got.Get("routing.handoff")
		keys := map[string]bool{}
		handoff.ForEach(func(key, _ gjson.Result) bool { keys[key.Str] = true; return true })
		for _, key := range []string{"contextSummary", "currentTask", "attemptsSoFar", "knownIssues", "openQuestions", "requestToHigherLayer", "relevantFiles"} {
			if !keys[key] {
				t.Errorf("the handoff lacks %s: %s", key, handoff.Raw)
			}
		}
		if len(keys) != 7 || handoff.Get("currentTask").Str != question || handoff.Get("relevantFiles.0").Str != "notes/houses.md" {
			t.Errorf("%s", handoff.Raw)
		}
		// H2: the prompt is the handoff, with the attempt and what is wrong with it.
		higher := bodies[3]
		if n := gjson.Get(higher, "messages.#").Int(); n != 1 {
			t.Errorf("%d messages were sent up, want 1: %s", n, higher)
		}
		text := gjson.Get(higher, "messages.0.content").Str
		for _, part := range []string{question, "is yellow, as far as anybody can tell", "The date is wrong.", "house number 11 is painted green"} {
			if !strings.Contains(text, part) {
				t.Errorf("%q is not in what was sent up: %s", part, text)
			}
		}
		if strings.Count(text, "Fact ") > 10 {
			t.Errorf("the raw history was sent up: %s", text)
		}
		// H3: it is shorter than what the lower tier was sent.
		below, above := conversation.Count(wordsOf(bodies[0])), conversation.Count(text)
		if share := 1 - float64(above)/float64(below); share < 0.4 || share > 0.6 {
			t.Errorf("%d tokens in place of %d: %.0f %% less, want 40 to 60", above, below, 100*share)
		}
		// P5: the context has the answer, and the calls are in the log with what they cost.
		if state := g.context("h"); state.Get("messageCount").Int() != 26 || !strings.HasPrefix(state.Get("recentMessages.9.content").Str, "It is green") {
			t.Errorf("%s", state.Raw)
		}
		roles := ""
		for _, call := range got.Get("performance.calls").Array() {
			roles += call.Get("layer").Str + " " + call.Get("role").Str + " " + call.Get("estimatedCost").Raw + ", "
		}
		if want := "L0 primary 0, L0 reviewer 0, L0 arbiter 0, L1 escalation 0.0014, "; roles != want || got.Get("performance.cost").Raw != "0.0014" {
			t.Errorf("%s, want %s: %s", roles, want, got.Get("performance").Raw)
		}
		stats := gjson.Parse(g.get("/v1/stats/conversation/h").body)
		if stats.Get("totalCost").Raw != "0.0014" || stats.Get("llmCalls").Int() != 2*12+4 {
			t.Errorf("%s", stats.Raw)
		}
		if line := g.lineOf(r); line["escalated"] != true || line["check"] != "passed" {
			t.Errorf("%v", line)
		}
		if b.postgres == nil {
			return
		}
		eventually(t, 10*time.Second, "the handoff in the call log", func() bool {
			return b.postgres.Exec(`SELECT count(*) FROM calls WHERE conversation = 'h' AND role = 'escalation' AND decision->'handoff'->>'currentTask' LIKE 'Analyze the notes%'`) == "1"
		})
	})
}

// wordsOf is all that the messages of a request say.
func wordsOf(body string) (all string) {
	for _, m := range gjson.Get(body, "messages").Array() {
		all += m.Get("content").Str + "\n"
	}
	return all
}

// TestAccept_R9 goes on to another model of the tier, and then to the next tier,
// while providers fail.
func TestAccept_R9(t *testing.T) {
	v := newVoices(t)
	g := (&backend{}).start(t, ladderOf(v, "{cross_check: off}"))
	v.say("top", essay)
	r := v.ask(t, g, "Hello there")
	if r.status != 200 || r.header.Get("X-Gateway-Tier") != "L2" || r.header.Get("X-Gateway-Attempts") != "5" {
		t.Errorf("%d %v", r.status, r.header)
	}
	wantAsked(t, v, "a b c mid top")
	line := g.lineOf(r)
	if line["attempts"] != 5.0 || strings.Count(fmt.Sprint(line["tries"]), "provider_failed") != 4 {
		t.Errorf("%v", line)
	}
	if n := g.stats("").Get("totalCalls").Int(); n != 5 {
		t.Errorf("%d rows, want one for each attempt", n)
	}
}

// TestAccept_R9_CutStream goes on when a stream that is looked at first ends
// early: nothing of it has been released.
func TestAccept_R9_CutStream(t *testing.T) {
	v := newVoices(t)
	g := (&backend{}).start(t, ladderOf(v, "{cross_check: always}"))
	v.say("a", cutStream)
	v.say("mid", essay)
	v.say("top", agrees)
	r := g.post("/v1/chat/completions", `{"model":"auto","stream":true,"messages":[{"role":"user","content":"When was the treaty signed?"}]}`)
	if r.status != 200 || strings.Count(r.body, "The treaty was") != 1 || !strings.Contains(r.body, "thirty years") || !strings.Contains(r.body, "[DONE]") ||
		r.header.Get("X-Gateway-Tier") != "L1" || r.header.Get("X-Gateway-Check") != "agreed" || r.header.Get("X-Gateway-Escalated") != "false" {
		t.Errorf("%d %v %s", r.status, r.header, r.body)
	}
	wantAsked(t, v, "a mid top")
}

// TestAccept_R3_Streams checks a stream before its first byte.
func TestAccept_R3_Streams(t *testing.T) {
	for name, path := range map[string]string{"chat": "/v1/chat/completions", "messages": "/v1/messages", "responses": "/v1/responses"} {
		t.Run(name, func(t *testing.T) {
			v := newVoices(t)
			v.say("a", "It was signed in 1649, as is well known among those who have never read a book about it in all of their long lives.")
			v.say("b", objects)
			v.say("c", objects)
			v.say("mid", essay)
			g := (&backend{}).start(t, strings.Replace(ladderOf(v, "{cross_check: always, max_tier: L1}"), "enabled: false", "enabled: true", 1))
			body := `{"model":"auto","stream":true,"max_tokens":1000,"messages":[{"role":"system","content":"Be brief."},{"role":"user","content":"When was the treaty signed?"}]}`
			if name == "responses" {
				body = `{"model":"auto","stream":true,"instructions":"Be brief.","input":[{"role":"user","content":"When was the treaty signed?"}]}`
			} else if name == "messages" {
				body = `{"model":"auto","stream":true,"max_tokens":1000,"system":"Be brief.","messages":[{"role":"user","content":"When was the treaty signed?"}]}`
			}
			for i, want := range []string{"a b c mid", ""} { // the second comes from the cache
				r := g.post(path, body)
				if r.status != 200 || strings.Contains(r.body, "1649") || !strings.Contains(r.body, "thirty years") || r.header.Get("X-Gateway-Tier") != "L1" {
					t.Errorf("%d %v %s", r.status, r.header, r.body)
				}
				bodies := wantAsked(t, v, want)
				if i == 0 && (!strings.Contains(bodies[3], "Be brief.") || !strings.Contains(bodies[3], "Attempts so far")) {
					t.Errorf("sent up: %s", bodies[3])
				}
				if wantCache := []string{"miss", "hit"}[i]; r.header.Get("X-Gateway-Cache") != wantCache {
					t.Errorf("cache %s, want %s", r.header.Get("X-Gateway-Cache"), wantCache)
				}
			}
			// A model that is asked for by its name does not answer with another one's words.
			r := g.post(path, strings.Replace(body, `"auto"`, `"p/a"`, 1))
			if !strings.Contains(r.body, "1649") {
				t.Errorf("%s", r.body)
			}
		})
	}
}

// TestAccept_R3_Unheld relays a stream that nobody is to review as it comes.
func TestAccept_R3_Unheld(t *testing.T) {
	v := newVoices(t)
	v.hold = make(chan struct{})
	v.say("a", essay)
	g := (&backend{}).start(t, strings.Replace(ladderOf(v, "{}"), "[p/a, p/b, p/c]", "[p/a]", 1))
	resp, err := g.send(t.Context(), "/v1/chat/completions", `{"model":"auto","stream":true,"messages":[{"role":"user","content":"hi there"}]}`)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	lines := bufio.NewReader(resp.Body)
	if line, err := lines.ReadString('\n'); err != nil || !strings.Contains(line, "thirty years") {
		t.Errorf("%q %v", line, err)
	}
	close(v.hold) // only now may the provider go on
	rest, err := io.ReadAll(lines)
	if err != nil || !strings.Contains(string(rest), "[DONE]") || resp.Header.Get("X-Gateway-Check") != "" {
		t.Errorf("%s %v %v", rest, err, resp.Header)
	}
}

// TestAccept_R4_Inspection finds without asking anybody what is plainly wrong.
func TestAccept_R4_Inspection(t *testing.T) {
	v := newVoices(t)
	v.say("mid", `{"city":"Paris","people":2100000}`)
	g := (&backend{}).start(t, ladderOf(v, "{max_tier: L1}"))
	const body = `{"model":"auto","messages":[{"role":"user","content":"Which city?"}],"response_format":{"type":"json_schema","json_schema":{"name":"city","schema":{"type":"object","required":["city","people"],"properties":{"city":{"type":"string"},"people":{"type":"integer"}}}}}}`
	for _, bad := range []string{`Paris!`, `{"city":"Paris"}`, `{"city":"Paris","people":"many"}`, `I'm sorry, but I can't help with that.`} {
		v.say("a", bad)
		r := g.post("/v1/chat/completions", body)
		if r.status != 200 || gjson.Get(r.body, "choices.0.message.content").Str != `{"city":"Paris","people":2100000}` || r.header.Get("X-Gateway-Check") != "passed" {
			t.Errorf("%s: %d %v %s", bad, r.status, r.header, r.body)
		}
		wantAsked(t, v, "a mid")
	}
	v.say("a", `{"city":"Paris","people":1}`)
	if r := g.post("/v1/chat/completions", body); r.header.Get("X-Gateway-Tier") != "L0" {
		t.Errorf("%v", r.header)
	}
}

// TestHardFilters never asks a model for what it cannot do.
func TestHardFilters(t *testing.T) {
	v := newVoices(t)
	v.say("mid", essay)
	cfg := ladderOf(v, "{cross_check: off}")
	for _, m := range []string{"a", "b", "c"} {
		cfg = strings.Replace(cfg, "p/"+m+": {", "p/"+m+": {capabilities: [stream], ", 1)
	}
	cfg = strings.Replace(cfg, "p/mid: {", "p/mid: {capabilities: [tools], ", 1)
	cfg = strings.Replace(cfg, "p/top: {", "p/top: {capabilities: [vision], ", 1)
	g := (&backend{}).start(t, cfg)
	const tools = `{"model":"auto","messages":[{"role":"user","content":"hello"}],"tools":[{"type":"function","function":{"name":"f"}}]}`
	if r := g.post("/v1/chat/completions", tools); r.status != 200 || r.header.Get("X-Gateway-Tier") != "L1" {
		t.Errorf("%d %s", r.status, r.body)
	}
	wantAsked(t, v, "mid")
	e := g.post("/v1/chat/completions", `{"model":"auto","messages":[{"role":"user","content":"hello"}],"response_format":{"type":"json_schema","json_schema":{"name":"x","schema":{}}}}`).wantError(t, 400, "caller_unsupported")
	if !strings.Contains(e.Message, "json_schema") {
		t.Errorf("%s", e.Message)
	}
	both := strings.Replace(tools, `"hello"`, `[{"type":"image_url","image_url":{"url":"data:image/png;base64,AA=="}}]`, 1)
	if e := g.post("/v1/chat/completions", both).wantError(t, 400, "caller_unsupported"); !strings.Contains(e.Message, "vision and tools") {
		t.Errorf("%s", e.Message)
	}
	wantAsked(t, v, "")
}

// lineOf waits for the log line of the call that was answered with r.
func (g *instance) lineOf(r reply) (line map[string]any) {
	g.t.Helper()
	eventually(g.t, 5*time.Second, "the log line of a call", func() bool {
		i := slices.IndexFunc(g.calls(), func(l map[string]any) bool { return l["request_id"] == r.header.Get("X-Request-Id") })
		if i >= 0 {
			line = g.calls()[i]
		}
		return i >= 0
	})
	return line
}

// TestRoutePreview shows decisions and asks nobody.
func TestRoutePreview(t *testing.T) {
	v := newVoices(t)
	g := (&backend{}).start(t, ladderOf(v, "{}"))
	f := func(body, layer, complexity, models string, check bool, header ...string) {
		t.Helper()
		r := g.post("/v1/route/preview", body, header...)
		got := gjson.Parse(r.body)
		var named []string
		for _, m := range got.Get("models").Array() {
			named = append(named, m.Str)
		}
		if r.status != 200 || got.Get("layer").Str != layer || got.Get("complexity").Str != complexity || strings.Join(named, " ") != models || got.Get("crossCheck").Bool() != check || got.Get("reason").Str == "" {
			t.Errorf("%s: %d %s", body, r.status, r.body)
		}
	}
	const all = "p/a p/b p/c p/mid p/top"
	f(`{"model":"auto","messages":[{"role":"user","content":"hi there"}]}`, "L0", "low", all, true) // nobody knows yet what L0 is worth
	f(`{"model":"auto","input":"hi there"}`, "L0", "low", all, true)
	f(`{"model":"auto","messages":[{"role":"user","content":[{"type":"text","text":"Write a Go function that reverses a list"}]}]}`, "L1", "high", "p/mid p/top", true)
	f(`{"conversationId":"c","message":"hi there","qualityLevel":"critical"}`, "L2", "low", "p/top", false)
	f(`{"model":"auto","messages":[{"role":"user","content":"hi there"}]}`, "L0", "low", "p/a p/b p/c", true, "X-Gateway-Max-Cost: 0", "X-Gateway-Quality: critical")
	f(`{"model":"p/mid","messages":[{"role":"user","content":"hi there"}]}`, "", "", "p/mid", false)
	g.post("/v1/route/preview", `{"model":"nobody","messages":[]}`).wantError(t, 404, "caller_model_not_found")
	g.post("/v1/route/preview", `{"message":"hi"}`).wantError(t, 400, "caller_missing_field")
	g.post("/v1/route/preview", `{"conversationId":"c","message":"hi","qualityLevel":"best"}`).wantError(t, 400, "caller_invalid_field")
	wantAsked(t, v, "")
	if n := g.stats("").Get("totalCalls").Int(); n != 0 {
		t.Errorf("%d rows in the ledger", n)
	}
}

// TestToolRound has the model that asks for a tool's result get it.
func TestToolRound(t *testing.T) {
	v := newVoices(t)
	v.sayAll(essay)
	g := (&backend{}).start(t, ladderOf(v, "{}"))
	turn := func(message, quality string) {
		t.Helper()
		r := g.post("/v1/chat/completions", `{"model":"auto","conversation_id":"tools","messages":[`+message+`],"tools":[{"type":"function","function":{"name":"f","parameters":{}}}]}`, "X-Gateway-Quality: "+quality)
		if r.status != 200 {
			t.Fatalf("%d %s", r.status, r.body)
		}
	}
	turn(`{"role":"user","content":"hello there"}`, "high")
	turn(`{"role":"assistant","content":null,"tool_calls":[{"id":"1","type":"function","function":{"name":"f","arguments":"{}"}}]},{"role":"tool","tool_call_id":"1","content":"a contract"}`, "critical")
	turn(`{"role":"user","content":"and now?"}`, "normal")
	wantAsked(t, v, "mid mid a b")
}
