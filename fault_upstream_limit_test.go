package main

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ai-mcp-gateway/gateway/bench/simulator"
)

// A key that is over its limit makes room for the provider's next one, and
// stays aside for as long as the provider has said.
func TestFault025_NextKey(t *testing.T) {
	sim := startSimulator(t, simulator.Config{})
	g := startGateway(t, strings.Replace(config(unhurried, sim.URL()+"/v1"), "keys: [provider-secret-sim]",
		"keys: [provider-secret-one, provider-secret-two]", 1))
	if err := sim.Script(simulator.Step{Requests: 1, Faults: "status=429,retry-after=30"}); err != nil {
		t.Fatal(err)
	}
	for n, attempts := range []string{"2", "1", "1"} {
		r := g.post(chatPath, chat("L0", "two keys "+strconv.Itoa(n), n == 1))
		if r.wantWhole(t, n == 1); r.header.Get("X-Gateway-Attempts") != attempts {
			t.Errorf("call %d: %s attempts, want %s", n, r.header.Get("X-Gateway-Attempts"), attempts)
		}
	}
	for n, key := range []string{"one", "two", "two", "two"} {
		if got := sim.Seen()[n].Header.Get("Authorization"); got != "Bearer provider-secret-"+key {
			t.Errorf("request %d came with %s, want key %s", n, got, key)
		}
	}
	// With the other over its limit, too, the caller is told the smaller wait.
	if err := sim.Script(simulator.Step{Requests: 1, Faults: "status=429,retry-after=7"}); err != nil {
		t.Fatal(err)
	}
	for n := range 2 {
		r := g.post(chatPath, chat("L0", "no key "+strconv.Itoa(n), n == 1))
		r.wantError(t, http.StatusTooManyRequests, "provider_rate_limited")
		if after, _ := strconv.Atoi(r.header.Get("Retry-After")); after < 4 || after > 7 {
			t.Errorf("Retry-After %q, want what is left of 7", r.header.Get("Retry-After"))
		}
	}
	if n := sim.Requests(); n != 5 {
		t.Errorf("%d upstream calls, want 5", n)
	}
}

func TestFault026_RateLimitedByOtherHeaders(t *testing.T) {
	f := startFaulty(t, unhurried, "status=429,ratelimit-reset=9s", "status=429,ratelimit-reset=10m",
		"status=429,retry-after-ms=2500", "status=429,retry-after-ms=2500,retry-after=40")
	least, most := []int{7, 55, 1, 1}, []int{9, 60, 3, 3}
	for i := range least {
		for _, stream := range []bool{false, true} { // the second is not sent to the provider
			r := f.ask(t, alone(i), "by other headers", stream)
			r.wantError(t, http.StatusTooManyRequests, "provider_rate_limited")
			if after, _ := strconv.Atoi(r.header.Get("Retry-After")); after < least[i] || after > most[i] {
				t.Errorf("provider %d: Retry-After %q, want %d to %d", i, r.header.Get("Retry-After"), least[i], most[i])
			}
		}
		if n := len(f.seen("p"+strconv.Itoa(i), "")); n != 1 {
			t.Errorf("provider %d: %d calls, want 1", i, n)
		}
	}
}

// Without a word about the time it is 1, 2 and 4 seconds.
func TestFault026_RateLimitedWithoutHeader(t *testing.T) {
	f := startFaulty(t, unhurried, "status=429")
	eventually(t, 20*time.Second, "the third call of the provider", func() bool {
		r := f.ask(t, alone(0), "again", false)
		r.wantError(t, http.StatusTooManyRequests, "provider_rate_limited")
		if after, _ := strconv.Atoi(r.header.Get("Retry-After")); after < 1 || after > 4 {
			t.Errorf("Retry-After %q, want 1 to 4", r.header.Get("Retry-After"))
		}
		return len(f.seen("p0", "")) == 3
	})
	seen := f.seen("p0", "")
	for i, want := range []time.Duration{time.Second, 2 * time.Second} {
		if gap := seen[i+1].Received.Sub(seen[i].Received); gap < want || gap > want+time.Second {
			t.Errorf("pause %d is %v, want %v", i, gap, want)
		}
	}
}

// A provider whose clock is wrong: what it asks for is clamped, never
// negative, and its Date is nothing to go by.
func TestFault035_WrongClock(t *testing.T) {
	f := startFaulty(t, unhurried, "status=429,retry-after=past,date=past", "status=429,retry-after=-5", "status=429,retry-after=date:87600h",
		"status=429,retry-after=date:20s,date=future", "status=503,retry-after=past", "date=past", "date=future")
	least, most := []int{1, 1, 55, 15}, []int{1, 1, 60, 20}
	for i := range least {
		r := f.ask(t, alone(i), "what time is it", i%2 == 1)
		r.wantError(t, http.StatusTooManyRequests, "provider_rate_limited")
		if after, _ := strconv.Atoi(r.header.Get("Retry-After")); after < least[i] || after > most[i] {
			t.Errorf("provider %d: Retry-After %q, want %d to %d", i, r.header.Get("Retry-After"), least[i], most[i])
		}
	}
	r := f.ask(t, alone(4), "what time is it", false)
	r.wantError(t, http.StatusServiceUnavailable, "provider_overloaded")
	if strings.HasPrefix(r.header.Get("Retry-After"), "-") {
		t.Errorf("Retry-After %q", r.header.Get("Retry-After"))
	}
	for i := 5; i < 7; i++ {
		f.ask(t, alone(i), "what time is it", false).wantWhole(t, false)
	}
}
