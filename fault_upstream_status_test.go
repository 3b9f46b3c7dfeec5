package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/ai-mcp-gateway/gateway/bench/simulator"
)

func TestFault023_Redirect(t *testing.T) {
	elsewhere := startSimulator(t, simulator.Config{})
	location := ",location=" + elsewhere.URL() + chatPath
	cases := []refusal{
		{"redirect=301" + location, false, "provider_redirect"},
		{"redirect=302" + location, true, "provider_redirect"},
		{"redirect=307" + location, false, "provider_redirect"},
		{"redirect=308" + location, true, "provider_redirect"},
	}
	f := startFaulty(t, unhurried, specsOf(cases)...)
	f.wantEachRefused(t, cases)
	if n := elsewhere.Accepted(); n != 0 {
		t.Errorf("%d connections to where the redirect points", n)
	}
	host := strings.TrimPrefix(elsewhere.URL(), "http://")
	if logs := f.logs.String(); !strings.Contains(logs, `"location_host":"`+host+`"`) || strings.Contains(logs, host+chatPath) {
		t.Error("the log does not have the redirect's host, or more than that")
	}
}

func TestFault025_RateLimited(t *testing.T) {
	f := startFaulty(t, unhurried, "status=429,retry-after=30", "status=429,retry-after=7", "status=429,retry-after=date:20s",
		"status=429", "status=429,retry-after=past", "status=429,retry-after=3600")
	r := f.ask(t, backed(0), "failover", false)
	if r.wantWhole(t, false); r.header.Get("X-Gateway-Attempts") != "2" {
		t.Errorf("%s attempts, want 2", r.header.Get("X-Gateway-Attempts"))
	}
	r = f.ask(t, backed(0), "the target is left alone", true)
	if r.wantWhole(t, true); r.header.Get("X-Gateway-Attempts") != "1" {
		t.Errorf("%s attempts while the target asks to be left alone, want 1", r.header.Get("X-Gateway-Attempts"))
	}
	// The bare id is served by all providers: one answers.
	f.ask(t, "sim-l0", "somebody", false).wantWhole(t, false)

	least, most := map[int]int{1: 6, 2: 15, 3: 1, 4: 1, 5: 55}, map[int]int{1: 7, 2: 20, 3: 1, 4: 1, 5: 60}
	for i := 1; i <= 5; i++ {
		for _, stream := range []bool{false, true} { // the second is not sent to the provider
			r := f.ask(t, alone(i), "nobody else", stream)
			e := r.wantError(t, http.StatusTooManyRequests, "provider_rate_limited")
			after, _ := strconv.Atoi(r.header.Get("Retry-After"))
			if e.Code != "rate_limit_exceeded" || after < least[i] || after > most[i] {
				t.Errorf("provider %d: code %q, Retry-After %q, want %d to %d", i, e.Code, r.header.Get("Retry-After"), least[i], most[i])
			}
		}
	}
}

// With every target out of its limit, the answer says when the first is back.
func TestFault025_AllRateLimited(t *testing.T) {
	sim := startSimulator(t, simulator.Config{})
	prefix := sim.URL() + "/~status=429,retry-after="
	g := startGateway(t, config(unhurried, prefix+"40/v1", prefix+"9/v1", prefix+"25/v1"))
	for n := range 3 {
		r := g.post(chatPath, chat("L0", "limits everywhere "+strconv.Itoa(n), n == 1))
		r.wantError(t, http.StatusTooManyRequests, "provider_rate_limited")
		if after, _ := strconv.Atoi(r.header.Get("Retry-After")); after < 5 || after > 9 {
			t.Errorf("Retry-After %q, want the smallest, 9 or what is left of it", r.header.Get("Retry-After"))
		}
	}
	if n := sim.Requests(); n != 3 {
		t.Errorf("%d upstream calls, want 3: nobody is asked twice", n)
	}
}

func TestFault028_CredentialRefused(t *testing.T) {
	cases := []refusal{
		{"status=401,echo-key", false, "provider_auth"},
		{"status=401,echo-key", true, "provider_auth"},
		{"status=403,echo-key", false, "provider_auth"},
		{"status=403,echo-key,error-shape=text", true, "provider_auth"},
	}
	f := startFaulty(t, unhurried, specsOf(cases)...)
	for i, c := range cases {
		t.Run(c.spec+" "+formName(c.stream), func(t *testing.T) {
			provider := fmt.Sprintf("p%d", i)
			for n := range 2 { // the second finds the key set aside
				r := f.ask(t, alone(i), "key refused", c.stream)
				if e := r.wantError(t, http.StatusBadGateway, c.code); e.Code != "provider_auth" || strings.Contains(r.body, "incorrect") {
					t.Errorf("call %d: code %q, or the provider's words: %s", n, e.Code, r.body)
				}
			}
			if n := len(f.seen(provider, "")); n != 1 {
				t.Errorf("%d calls with a refused key, want 1", n)
			}
			f.ask(t, backed(i), "key refused", c.stream).wantWhole(t, c.stream)
		})
	}
}

// A provider with several keys is asked with the next one.
func TestFault028_NextKey(t *testing.T) {
	sim := startSimulator(t, simulator.Config{Keys: []string{"provider-secret-good"}})
	g := startGateway(t, strings.Replace(config(unhurried, sim.URL()+"/v1"), "keys: [provider-secret-sim]",
		"keys: [provider-secret-old, provider-secret-good]", 1))
	for n, attempts := range []string{"2", "1", "1"} {
		r := g.post(chatPath, chat("auto", "two keys "+strconv.Itoa(n), n == 1))
		if r.wantWhole(t, n == 1); r.header.Get("X-Gateway-Attempts") != attempts {
			t.Errorf("call %d: %s attempts, want %s", n, r.header.Get("X-Gateway-Attempts"), attempts)
		}
	}
}

func TestFault029_CallersMistake(t *testing.T) {
	statuses := []int{400, 404, 413, 422}
	shapes := []string{"vendor", "bare", "detail", "message", "string", "array", "int-code", "azure", "text", "empty"}
	var specs []string
	for _, status := range statuses {
		specs = append(specs, fmt.Sprintf("status=%d", status))
	}
	for _, shape := range shapes {
		specs = append(specs, "status=422,error-shape="+shape)
	}
	f := startFaulty(t, unhurried, append(specs, "status=400,echo-key")...)
	for i, spec := range specs {
		t.Run(spec, func(t *testing.T) {
			want := 422
			if i < len(statuses) {
				want = statuses[i]
			}
			for n := range 6 { // one more than opens a breaker
				f.wantRejected(t, backed(i), want, n%2 == 1)
			}
			if n := len(f.seen(fmt.Sprintf("p%d", i), "")); n != 6 {
				t.Errorf("%d calls of the provider for 6 requests", n)
			}
		})
	}
	if n := len(f.seen("good", "")); n != 0 {
		t.Errorf("%d calls of another provider for what the caller has done wrong", n)
	}
	f.wantRejected(t, alone(len(specs)), http.StatusBadRequest, false) // ask looks for the key
}

// wantRejected checks that a provider's verdict on the request is the answer,
// in OpenAI's shape.
func (f *faulty) wantRejected(t testing.TB, model string, status int, stream bool) {
	t.Helper()
	r := f.ask(t, model, "mistaken", stream)
	var e struct{ Error apiError }
	if err := json.Unmarshal([]byte(r.body), &e); err != nil || e.Error.Message == "" {
		t.Fatalf("no error with a message: %v: %s", err, r.body)
	}
	if r.status != status || r.header.Get("X-Gateway-Error") != "provider_rejected" || r.header.Get("X-Gateway-Attempts") != "1" {
		t.Errorf("status %d, %s, %s attempts; want %d, provider_rejected, 1",
			r.status, r.header.Get("X-Gateway-Error"), r.header.Get("X-Gateway-Attempts"), status)
	}
}

func TestFault030_Overloaded(t *testing.T) {
	f := startFaulty(t, unhurried, "status=503", "status=529", "overloaded")
	for i := range 3 {
		nobody := func(stream bool) {
			e := f.ask(t, alone(i), "overloaded", stream).wantError(t, http.StatusServiceUnavailable, "provider_overloaded")
			if e.Code != "overloaded" || e.Type != "server_error" {
				t.Errorf("type %q, code %q; want server_error, overloaded", e.Type, e.Code)
			}
		}
		nobody(false) // three attempts
		r := f.ask(t, backed(i), "overloaded", i == 1)
		if r.wantWhole(t, i == 1); r.header.Get("X-Gateway-Attempts") != "2" {
			t.Errorf("%s attempts, want 2", r.header.Get("X-Gateway-Attempts"))
		}
		nobody(true) // the fifth failure opens the breaker
		r = f.ask(t, alone(i), "the breaker is open", false)
		if r.wantError(t, http.StatusServiceUnavailable, "provider_unavailable"); r.header.Get("Retry-After") == "" {
			t.Error("no Retry-After while the breaker is open")
		}
	}
}

func TestFault031_StatusWithoutAnswer(t *testing.T) {
	cases := []refusal{
		{"status=204", false, "provider_bad_response"},
		{"status=204,body-anyway", true, "provider_bad_response"},
		{"status=206", false, "provider_bad_response"},
		{"status=206", true, "provider_bad_response"},
		{"status=304", false, "provider_bad_response"},
		{"status=304,body-anyway", true, "provider_bad_response"},
		{"interim=101", false, "provider_bad_response"},
	}
	const interims = 3
	f := startFaulty(t, unhurried, append(specsOf(cases), "interim", "interim=100", "interim=102")...)
	f.wantEachRefused(t, cases)
	for i := len(cases); i < len(cases)+interims; i++ {
		for n := range 4 {
			r := f.ask(t, alone(i), "interim "+strconv.Itoa(n), n%2 == 1)
			if r.wantWhole(t, n%2 == 1); r.header.Get("Link") != "" {
				t.Error("a header of the interim answer was passed on")
			}
		}
		if n := conns(f, fmt.Sprintf("p%d", i)); n != 1 {
			t.Errorf("%d connections for 4 calls in a row, want 1", n)
		}
	}
}

func TestFault032_AnswerBeforeRequestIsRead(t *testing.T) {
	f := startFaulty(t, unhurried, "early", "early", "early=401", "early=500")
	for _, size := range []int{10, 100 << 10, 8 << 20} {
		for i, stream := range []bool{false, true} {
			r := f.askMuch(t, alone(i), size, stream)
			if r.status != http.StatusRequestEntityTooLarge || r.header.Get("X-Gateway-Error") != "provider_rejected" ||
				!strings.Contains(r.body, "answered before the request was read") {
				t.Errorf("%d bytes: status %d, %s, want the provider's 413: %.300s", size, r.status, r.header.Get("X-Gateway-Error"), r.body)
			}
		}
	}
	f.wantNoReuse(t, 0)
	f.wantNoReuse(t, 1)
	f.askMuch(t, backed(2), 8<<20, false).wantWhole(t, false)
	f.askMuch(t, backed(3), 8<<20, true).wantWhole(t, true)
}

// askMuch makes a chat call whose body has size bytes that do not matter.
func (f *faulty) askMuch(t testing.TB, model string, size int, stream bool) reply {
	t.Helper()
	body, _ := strings.CutSuffix(chat(model, "much", stream), "}")
	g := *f.instance
	g.t = t
	return g.post(chatPath, body+`,"padding":"`+strings.Repeat("x", size)+`"}`)
}

func TestFault033_KeptConnectionClosed(t *testing.T) {
	f := startFaulty(t, unhurried, "close-on-reuse", "reset-on-reuse", "close-on-reuse", "close", "reset")
	for i := range 3 {
		for n := range 4 {
			stream := n%2 == 1
			r := f.ask(t, alone(i), "reuse "+strconv.Itoa(n), stream)
			if r.wantWhole(t, stream); r.header.Get("X-Gateway-Attempts") != "1" {
				t.Errorf("%s attempts, want 1: the second connection does not show", r.header.Get("X-Gateway-Attempts"))
			}
		}
		// The simulator has read what came on the closed connections.
		if n := len(f.seen(fmt.Sprintf("p%d", i), "")); n != 7 {
			t.Errorf("%d requests for 4 calls, want 7: each but the first is sent twice", n)
		}
	}
	t.Run("large body", func(t *testing.T) {
		f.askMuch(t, alone(2), 1<<20, false).wantWhole(t, false)
	})
	for i, code := range []string{"provider_truncated", "provider_reset"} { // on a new connection it is a failure
		t.Run(code, func(t *testing.T) {
			r := f.ask(t, alone(3+i), "fresh", false)
			r.wantError(t, http.StatusBadGateway, code)
			if n := len(f.seen(fmt.Sprintf("p%d", 3+i), "")); fmt.Sprint(n) != r.header.Get("X-Gateway-Attempts") || n > 3 {
				t.Errorf("%d requests, %s attempts; want no hidden ones", n, r.header.Get("X-Gateway-Attempts"))
			}
		})
	}
}
