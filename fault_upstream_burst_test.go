package main

import (
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ai-mcp-gateway/gateway/bench/simulator"
)

// A provider that fails half of its calls costs nobody an answer where two
// others are well.
func TestFault027_BurstOfFailures(t *testing.T) {
	const n = 1000
	bad := startSimulator(t, simulator.Config{Faults: "p=0.5,status=500"})
	good := startSimulator(t, simulator.Config{})
	f := faulty{instance: startGateway(t, config(unhurried, bad.URL()+"/v1", good.URL()+"/v1", good.URL()+"/v1"))}
	t.Cleanup(f.leaveProviders)
	var mu sync.Mutex
	whole := 0
	var wg sync.WaitGroup
	for worker := range 4 {
		wg.Go(func() {
			for i := worker; i < n; i += 4 {
				stream := i%2 == 1
				r := f.post(chatPath, chat("L0", "burst "+strconv.Itoa(i), stream))
				if r.status == http.StatusOK && (!stream || strings.Contains(r.body, "[DONE]")) {
					mu.Lock()
					whole++
					mu.Unlock()
				}
			}
		})
	}
	wg.Wait()
	if whole < n*999/1000 {
		t.Errorf("%d of %d calls answered, want 99.9 %%", whole, n)
	}
	if asked := bad.Requests() + good.Requests(); asked > n*11/10 {
		t.Errorf("%d upstream calls for %d requests", asked, n)
	}
}

// An open breaker lets one call in, however many come, and stays open when
// that one fails.
func TestFault027_OneProbe(t *testing.T) {
	const failures, together = 5, 20
	bad := startSimulator(t, simulator.Config{Faults: "status=500,latency=300ms"})
	good := startSimulator(t, simulator.Config{})
	f := faulty{instance: startGateway(t, config(unhurried, bad.URL()+"/v1", good.URL()+"/v1"))}
	t.Cleanup(f.leaveProviders)
	for n := 0; bad.Requests() < failures; n++ {
		f.post(chatPath, chat("L0", "trip "+strconv.Itoa(n), false)).wantWhole(t, false)
	}
	n := 0
	eventually(t, 15*time.Second, "a probe", func() bool {
		var wg sync.WaitGroup
		for range together {
			n++
			prompt := "probe " + strconv.Itoa(n)
			wg.Go(func() { f.post(chatPath, chat("L0", prompt, false)).wantWhole(t, false) })
		}
		wg.Wait()
		return bad.Requests() > failures
	})
	seen := bad.Seen()
	if len(seen) != failures+1 {
		t.Errorf("%d calls of the provider at once after its pause, want 1", len(seen)-failures)
	}
	// The simulator notes an end after it has written it, so the gateway may have
	// heard of it a little earlier.
	if pause := seen[failures].Received.Sub(seen[failures-1].Ended); pause < 5*time.Second-250*time.Millisecond {
		t.Errorf("the probe came after %v, want 5s", pause)
	}
}

// A provider that comes and goes is not hit harder for it.
func TestFault034_Flapping(t *testing.T) {
	const n = 400
	f := startFaulty(t, unhurried, "flap=100ms")
	for _, model := range []string{alone(0), backed(0)} {
		before, prompt := f.sim.Requests(), "flapping "+model+" "
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		whole := 0
		for i := range n {
			<-tick.C
			if r := f.ask(t, model, prompt+strconv.Itoa(i), i%2 == 1); r.status == http.StatusOK {
				whole++
			}
		}
		if asked := f.sim.Requests() - before; asked > n*11/10 {
			t.Errorf("%s: %d upstream calls for %d requests, want at most a tenth more", model, asked, n)
		}
		if model == backed(0) && whole < n {
			t.Errorf("%d of %d calls answered with a provider behind that is well", whole, n)
		}
	}
}
