package main

import (
	"context"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ai-mcp-gateway/gateway/bench/simulator"
)

// Of two attempts at a slow call the one that loses is cancelled at once, and
// costs nothing that its provider has not reported.
func TestFault036_HedgeLoser(t *testing.T) {
	const usual = 48 // calls, to learn what is late
	for _, stream := range []bool{false, true} {
		t.Run(formName(stream), func(t *testing.T) {
			slow := startSimulator(t, simulator.Config{})
			quick := startSimulator(t, simulator.Config{})
			if err := slow.Script(simulator.Step{Requests: usual, Faults: "latency=10ms"}, simulator.Step{Faults: "silence"}); err != nil {
				t.Fatal(err)
			}
			g := startGateway(t, strings.Replace(config(unhurried, slow.URL()+"/v1", quick.URL()+"/v1"),
				"max_tier: L0}", "max_tier: L0, hedge: {extra: 100}}", 1))
			for i := 0; slow.Requests() < usual; i++ {
				g.post(chatPath, chat("L0", "usual "+strconv.Itoa(i), stream)).wantWhole(t, stream)
			}
			before := quick.Requests() // a busy machine may have been late before
			r := g.post(chatPath, chat("L0", "slow", stream))
			r.wantWhole(t, stream)
			if r.header.Get("X-Gateway-Provider") != "sim2" || r.header.Get("X-Gateway-Attempts") != "2" || quick.Requests() != before+1 {
				t.Fatalf("%s answered after %s attempts, want sim2 after 2", r.header.Get("X-Gateway-Provider"), r.header.Get("X-Gateway-Attempts"))
			}
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			loser, err := slow.WaitEnd(ctx, usual+1)
			if err != nil || !loser.Aborted {
				t.Fatalf("the slow provider saw no abort: %v", err)
			}
			all := quick.Seen()
			winner := all[len(all)-1]
			if late := loser.Ended.Sub(winner.Received); late > 50*time.Millisecond {
				t.Errorf("the loser was cancelled %v after the winner was asked, want 50ms or less", late)
			}
			f := faulty{instance: g}
			var line map[string]any
			eventually(t, patience, "the call's log line", func() bool { line = f.lineOf(r); return line != nil })
			tries, _ := line["tries"].([]any)
			if len(tries) != 2 {
				t.Fatalf("%d attempts in the log, want 2: %v", len(tries), line)
			}
			lost, won := tries[0].(map[string]any), tries[1].(map[string]any)
			if lost["error"] != "hedge_lost" || won["error"] != nil || line["cost_nano"] != won["cost_nano"] {
				t.Errorf("attempts %v", tries)
			}
		})
	}
}
