package main

import (
	"fmt"
	"testing"

	"github.com/ai-mcp-gateway/gateway/bench/simulator"
	"github.com/ai-mcp-gateway/gateway/internal/testservice"
)

// TestFault087_Durability kills a gateway behind an acknowledged turn: both
// strengths survive that, in SQLite and in the spool.
func TestFault087_Durability(t *testing.T) {
	for _, durability := range []string{"fsync", "async"} {
		for _, cold := range []string{"sqlite", "spool"} {
			t.Run(durability+" "+cold, func(t *testing.T) {
				sim := startSimulator(t, simulator.Config{})
				state, server := "durability: "+durability, (*testservice.PostgresServer)(nil)
				if cold == "spool" {
					server = testservice.Postgres(t)
					state += fmt.Sprintf(", postgres: %q", server.URL("postgres"))
				}
				text := config(fmt.Sprintf("data_dir: %s\nstate: {%s}\n", t.TempDir(), state), sim.URL()+"/v1")
				g := launch(t, text)
				g.turn("c", "first")
				if server != nil {
					server.Stop()
				}
				for n := range 5 {
					if got := g.turn("c", fmt.Sprint("turn ", n)); !got.Get("context.persisted").Bool() {
						t.Fatalf("%s", got.Raw)
					}
				}
				g.kill()
				if server != nil {
					server.Start()
				}
				g = launch(t, text)
				eventually(t, patience, "all messages to be there", func() bool {
					return g.context("c").Get("messageCount").Int() == 12
				})
				g.kill()
			})
		}
	}
}
