package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"github.com/openai/openai-go/v3/shared"
)

// oracle is a provider that numbers its answers, so that it can be told from
// an answer when it was made. Each costs 3 * 1 + 2 * 2 millionths of a dollar.
type oracle struct {
	*httptest.Server
	answers atomic.Int64
	// held, when set, keeps answers back until it is closed; streams after
	// their first event.
	held chan struct{}
}

const oracleCost = "0.000007"

func startOracle(t *testing.T) *oracle {
	o := &oracle{}
	o.Server = httptest.NewServer(o)
	t.Cleanup(o.Close)
	return o
}

// ServeHTTP implements http.Handler.
func (o *oracle) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var q struct{ Stream bool }
	if err := json.NewDecoder(r.Body).Decode(&q); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	n := o.answers.Add(1)
	const usage = `"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}`
	if !q.Stream {
		o.wait(r)
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"id":"o","object":"chat.completion","created":1,"model":"oracle","choices":[{"index":0,"message":{"role":"assistant","content":"answer %d"},"finish_reason":"stop"}],%s}`, n, usage)
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	const chunk = `data: {"id":"o","object":"chat.completion.chunk","created":1,"model":"oracle","choices":[`
	io.WriteString(w, chunk+`{"index":0,"delta":{"role":"assistant","content":"answer "},"finish_reason":null}]}`+"\n\n")
	_ = http.NewResponseController(w).Flush()
	o.wait(r)
	fmt.Fprintf(w, chunk+`{"index":0,"delta":{"content":"%d"},"finish_reason":null}]}`+"\n\n", n)
	io.WriteString(w, chunk+`{"index":0,"delta":{},"finish_reason":"stop"}]}`+"\n\n")
	io.WriteString(w, chunk+`],`+usage+"}\n\ndata: [DONE]\n\n")
}

func (o *oracle) wait(r *http.Request) {
	if o.held == nil {
		return
	}
	select {
	case <-o.held:
	case <-r.Context().Done():
	}
}

// cached is a call and what its answer says of the cache.
type cached struct{ text, cache, cost string }

// ask makes a plain call.
func ask(t *testing.T, client *openai.Client, params chatParams, opts ...option.RequestOption) cached {
	t.Helper()
	var r *http.Response
	answer, err := client.Chat.Completions.New(t.Context(), params, append(opts, option.WithResponseInto(&r))...)
	if err != nil {
		t.Error(err)
		return cached{}
	}
	return cached{answer.Choices[0].Message.Content, r.Header.Get("X-Gateway-Cache"), r.Header.Get("X-Gateway-Cost")}
}

// askStream makes the same call as a stream, whose cost is in its last chunk.
func askStream(t *testing.T, client *openai.Client, params chatParams, opts ...option.RequestOption) cached {
	t.Helper()
	var r *http.Response
	params.StreamOptions.IncludeUsage = openai.Bool(true)
	answer, last := collect(t, client, params, append(opts, option.WithResponseInto(&r))...)
	cost := last.Usage.JSON.ExtraFields["cost"].Raw()
	if header := r.Header.Get("X-Gateway-Cost"); header != "" && header != cost {
		t.Errorf("the header says that the cost is %s, the last chunk %s", header, last.RawJSON())
	}
	if len(answer.Choices) != 1 || answer.Choices[0].FinishReason != "stop" || answer.Usage.TotalTokens != 5 {
		t.Errorf("the stream gave %+v", answer)
	}
	return cached{answer.Choices[0].Message.Content, r.Header.Get("X-Gateway-Cache"), cost}
}

// numbered returns a function that checks a call: the number of the answer
// says which call to the provider gave it.
func numbered(t *testing.T) func(got cached, number int, cache, cost string) {
	return func(got cached, number int, cache, cost string) {
		t.Helper()
		if want := (cached{fmt.Sprint("answer ", number), cache, cost}); got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
	}
}

func TestSDKCache(t *testing.T) {
	o := startOracle(t)
	g := startGateway(t, config("shutdown: {drain: 10ms}\n", o.URL+"/v1"))
	client := sdk(g, "any")
	want := numbered(t)

	want(ask(t, &client, say("auto", "plain first")), 1, "miss", oracleCost)
	want(ask(t, &client, say("auto", "plain first")), 1, "hit", "0")
	want(askStream(t, &client, say("auto", "plain first")), 1, "hit", "0")

	want(askStream(t, &client, say("auto", "stream first")), 2, "miss", oracleCost)
	want(askStream(t, &client, say("auto", "stream first")), 2, "hit", "0")
	want(ask(t, &client, say("auto", "stream first")), 2, "hit", "0")

	// The name by which the model was asked for does not count, the model does.
	want(ask(t, &client, say("sim/sim-l0", "plain first")), 1, "hit", "0")
	want(ask(t, &client, say("sim/other", "plain first")), 3, "miss", "unknown")

	eventually(t, 5*time.Second, "the log lines", func() bool { return len(g.calls()) >= 8 })
	var costs []float64
	for _, line := range g.calls() {
		if line["op"] == "chat" {
			costs = append(costs, line["cost_nano"].(float64))
		}
	}
	slices.Sort(costs) // a line comes after the answer, and so the lines in any order
	if !slices.Equal(costs, []float64{0, 0, 0, 0, 0, 0, 7000, 7000}) {
		t.Errorf("costs in the log: %v", costs)
	}
}

func TestSDKCacheControl(t *testing.T) {
	o := startOracle(t)
	g := startGateway(t, config("shutdown: {drain: 10ms}\n", o.URL+"/v1"))
	client := sdk(g, "any")
	want := numbered(t)
	call := func(control string) cached {
		t.Helper()
		return ask(t, &client, say("auto", "controlled"), option.WithHeader("Cache-Control", control))
	}
	_, err := client.Chat.Completions.New(t.Context(), say("auto", "controlled"), option.WithHeader("Cache-Control", "only-if-cached"))
	wantAPIError(t, err, 504, "only_if_cached", "policy_only_if_cached")
	want(call("no-store"), 1, "bypass", oracleCost)
	want(call("no-store"), 2, "bypass", oracleCost)
	want(call(""), 3, "miss", oracleCost)
	want(call("no-store"), 4, "bypass", oracleCost)
	want(call("only-if-cached"), 3, "hit", "0")
	want(call("max-age=3600"), 3, "hit", "0")
	want(call("max-age=0"), 5, "miss", oracleCost)
	want(call(""), 5, "hit", "0")
	want(call("no-cache"), 6, "miss", oracleCost)
	want(call("Max-Age=60 , Only-If-Cached"), 6, "hit", "0")
	want(askStream(t, &client, say("auto", "controlled"), option.WithHeader("Cache-Control", "no-cache")), 7, "miss", oracleCost)
	want(askStream(t, &client, say("auto", "controlled")), 7, "hit", "0")
}

// TestSDKCacheKey changes a call in one thing at a time.
func TestSDKCacheKey(t *testing.T) {
	o := startOracle(t)
	g := startGateway(t, config("shutdown: {drain: 10ms}\n", o.URL+"/v1"))
	client := sdk(g, "any")
	base := func() chatParams {
		p := say("auto", "keyed")
		p.Temperature = openai.Float(0.5)
		return p
	}
	want := numbered(t)
	want(ask(t, &client, base()), 1, "miss", oracleCost)

	same := func(change func(*chatParams), opts ...option.RequestOption) {
		t.Helper()
		p := base()
		change(&p)
		want(ask(t, &client, p, opts...), 1, "hit", "0")
	}
	same(func(p *chatParams) { p.User = openai.String("kim") })
	same(func(p *chatParams) { p.SafetyIdentifier = openai.String("kim") })
	same(func(p *chatParams) { p.Metadata = shared.Metadata{"a": "b"} })
	same(func(p *chatParams) { p.Store = openai.Bool(false) })
	same(func(*chatParams) {}, option.WithHeader("X-Gateway-User", "kim"))
	raw := func(body string) option.RequestOption {
		return option.WithRequestBody("application/json", []byte(body))
	}
	same(func(*chatParams) {}, raw(" {\n\t\"temperature\": 0.5 , \"messages\": [ { \"role\":\"user\", \"content\" : \"keyed\" } ], \"model\":\"auto\" }"))
	same(func(*chatParams) {}, raw(`{"messages":[{"content":"keyed","role":"user"}],"stream":false,"model":"L0","temperature":0.5}`))
	want(askStream(t, &client, base()), 1, "hit", "0")

	number := 1
	other := func(change func(*chatParams)) {
		t.Helper()
		p := base()
		change(&p)
		number++
		want(ask(t, &client, p), number, "miss", oracleCost)
		want(ask(t, &client, p), number, "hit", "0")
	}
	other(func(p *chatParams) { p.Temperature = openai.Float(0.6) })
	other(func(p *chatParams) { p.Messages = slices.Insert(p.Messages, 0, openai.SystemMessage("Be brief.")) })
	other(func(p *chatParams) { p.Messages[0] = openai.UserMessage("keyed ") })
	other(func(p *chatParams) { p.Messages = append(p.Messages, p.Messages[0]) })
	other(func(p *chatParams) { p.Tools = weatherTools() })
	other(func(p *chatParams) { p.Tools = weatherTools()[:1] })
	other(func(p *chatParams) { p.Seed = openai.Int(1) })
	other(func(p *chatParams) { p.MaxCompletionTokens = openai.Int(100) })
	other(func(p *chatParams) { p.ReasoningEffort = shared.ReasoningEffortLow })
	other(func(p *chatParams) {
		p.ResponseFormat.OfJSONObject = &shared.ResponseFormatJSONObjectParam{}
	})
	other(func(p *chatParams) { p.SetExtraFields(map[string]any{"x_unheard_of": true}) })
}

// TestSDKTenants has two keys of one tenant and one of another: those share
// answers, stored and under way, this one never.
func TestSDKTenants(t *testing.T) {
	o := startOracle(t)
	g := startGateway(t, config(`
shutdown: {drain: 10ms}
keys:
  - {id: one, key: first-key-of-the-shop, tenant: shop}
  - {id: two, key: second-key-of-the-shop, tenant: shop, project: till, user: kim}
  - {id: three, key: the-key-of-the-bank, tenant: bank}
`, o.URL+"/v1"))
	one, two, three := sdk(g, "first-key-of-the-shop"), sdk(g, "second-key-of-the-shop"), sdk(g, "the-key-of-the-bank")
	want := numbered(t)
	want(ask(t, &one, say("auto", "shared")), 1, "miss", oracleCost)
	want(ask(t, &two, say("auto", "shared")), 1, "hit", "0")
	want(ask(t, &three, say("auto", "shared")), 2, "miss", oracleCost)
	want(askStream(t, &three, say("auto", "shared")), 2, "hit", "0")
	want(askStream(t, &one, say("auto", "shared")), 1, "hit", "0")
	_, err := three.Chat.Completions.New(t.Context(), say("auto", "only the shop's"), option.WithHeader("Cache-Control", "only-if-cached"))
	wantAPIError(t, err, 504, "only_if_cached", "policy_only_if_cached")
}

// TestSDKCoalesce makes identical calls while the provider holds its answer
// back: each tenant's are one call to the provider.
func TestSDKCoalesce(t *testing.T) {
	for _, form := range []struct {
		name string
		ask  func(*testing.T, *openai.Client, chatParams, ...option.RequestOption) cached
	}{{"plain", ask}, {"stream", askStream}} {
		t.Run(form.name, func(t *testing.T) {
			o := startOracle(t)
			o.held = make(chan struct{})
			g := startGateway(t, config(`
shutdown: {drain: 10ms}
keys: [{id: shop, key: the-key-of-the-shop, tenant: shop}, {id: bank, key: the-key-of-the-bank, tenant: bank}]
`, o.URL+"/v1"))
			const each = 2
			type outcome struct{ key, text, cost string }
			answers := make(chan outcome, 2*each)
			var joined atomic.Int64
			for i, key := range slices.Repeat([]string{"the-key-of-the-shop", "the-key-of-the-bank"}, each) {
				go func() {
					client := sdk(g, key)
					got := form.ask(t, &client, say("auto", "identical"))
					if got.cache == "coalesced" { // "hit" if it was held up on its way in
						joined.Add(1)
					}
					answers <- outcome{key, got.text, got.cost}
				}()
				eventually(t, 10*time.Second, "the call to be under way", func() bool {
					inFlight := metric(t, g.metrics(), "gateway_in_flight_requests")
					return int(inFlight) == i+1 && int(o.answers.Load()) == min(i+1, 2)
				})
			}
			close(o.held)
			got := map[outcome]int{}
			for range 2 * each {
				got[<-answers]++
			}
			want := map[outcome]int{
				{"the-key-of-the-shop", "answer 1", oracleCost}: 1, {"the-key-of-the-shop", "answer 1", "0"}: each - 1,
				{"the-key-of-the-bank", "answer 2", oracleCost}: 1, {"the-key-of-the-bank", "answer 2", "0"}: each - 1,
			}
			if o.answers.Load() != 2 || joined.Load() == 0 || !maps.Equal(got, want) {
				t.Errorf("%d calls to the provider, %d joined, answers %v, want %v", o.answers.Load(), joined.Load(), got, want)
			}
		})
	}
}
