// Command bench measures what the gateway costs, on this machine, against
// bare servers in the same run.
//
//	go run ./bench                     everything, about ten minutes on two cores
//	go run ./bench -quick              two short rounds, under two minutes
//	go run ./bench -scenario 1k,hit    some scenarios only
//	go run ./bench -h                  all flags
//
// Absolute times drift with the machine and its neighbours, so what counts is
// the ratio to F, a fasthttp reverse proxy without any feature, taken within
// one round: every round starts each server anew as a process of its own,
// loads them one after another, and turns their order round. Medians over the
// rounds are held against the budgets of docs/performance.md. The CPU time is
// that of the measured process alone.
//
// A full run writes a table and all its samples to bench/results. The exit
// status is 0 when all was measured, whatever the verdicts, and 1 when not.
//
// Two more commands serve what is measured against, for a run by hand:
//
//	go run ./bench simulator -listen 127.0.0.1:9000
//	go run ./bench baseline fasthttp -listen 127.0.0.1:9001 -upstream 127.0.0.1:9000
//
// One has a gateway take turns of conversations in a PostgreSQL with a million
// messages, and prints what the database took of them:
//
//	go run ./bench database
//
// One has a gateway answer tasks whose answers can be checked, and prints what
// auto saves and loses against the best model:
//
//	go run ./bench workload
//
// And one measures quality in place of cost (see docs/quality.md):
//
//	go run ./bench eval compress -keep 0.30 -in dialogues.jsonl.gz -out contexts.jsonl
//	go run ./bench eval compress -in dialogues.jsonl.gz
//	go run ./bench eval route -in prompts.jsonl.gz -out scores.jsonl
//
// The weights of the router's prior come from:
//
//	go run ./bench train route -in outcomes.jsonl.gz -out routing/prior.bin
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
)

// commands are what the first argument may name; without one it is run.
var commands = []struct {
	name string
	run  func(ctx context.Context, args []string) error
}{
	{"run", runCommand},
	{"simulator", simulatorCommand},
	{"baseline", baselineCommand},
	{"eval", evalCommand},
	{"database", databaseCommand},
	{"workload", workloadCommand},
	{"train", trainCommand},
}

func main() {
	signal.Ignore(syscall.SIGPIPE) // a reader of the table that left is no reason to leave files behind
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	err := dispatch(ctx, os.Args[1:])
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func dispatch(ctx context.Context, args []string) error {
	name := "run"
	if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		name, args = args[0], args[1:]
	}
	known := make([]string, 0, len(commands))
	for _, c := range commands {
		if c.name == name {
			return c.run(ctx, args)
		}
		known = append(known, c.name)
	}
	return fmt.Errorf("unknown command %q; there are: %s", name, strings.Join(known, ", "))
}
