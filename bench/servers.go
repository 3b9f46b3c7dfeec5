package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"

	"github.com/ai-mcp-gateway/gateway/bench/baseline"
	"github.com/ai-mcp-gateway/gateway/bench/simulator"
)

// simulatorCommand serves the simulated provider until the context ends.
func simulatorCommand(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("bench simulator", flag.ContinueOnError)
	listen := flags.String("listen", "127.0.0.1:9000", "`host:port` to serve on")
	faults := flags.String("faults", "", "how every answer is to misbehave")
	if err := flags.Parse(args); err != nil {
		return err
	}
	s, err := simulator.Start(simulator.Config{Addr: *listen, Faults: *faults})
	if err != nil {
		return err
	}
	<-ctx.Done()
	return s.Close()
}

// baselineCommand serves one of the bare servers until the context ends.
func baselineCommand(ctx context.Context, args []string) error {
	if len(args) == 0 {
		return errors.New("baseline: which one? fasthttp, nethttp or constant")
	}
	name := args[0]
	flags := flag.NewFlagSet("bench baseline "+name, flag.ContinueOnError)
	listen := flags.String("listen", "127.0.0.1:9001", "`host:port` to serve on")
	upstream := flags.String("upstream", "127.0.0.1:9000", "`host:port` that fasthttp and nethttp send to")
	file := flags.String("body", "", "`file` whose bytes constant answers with")
	if err := flags.Parse(args[1:]); err != nil {
		return err
	}
	ln, err := new(net.ListenConfig).Listen(ctx, "tcp", *listen)
	if err != nil {
		return err
	}
	switch name {
	case "fasthttp":
		return baseline.FastHTTP(ctx, ln, *upstream)
	case "nethttp":
		return baseline.NetHTTP(ctx, ln, *upstream)
	case "constant":
		body, err := os.ReadFile(*file)
		if err != nil {
			return err
		}
		return baseline.Constant(ctx, ln, body)
	}
	return fmt.Errorf("baseline: unknown server %q; there are fasthttp, nethttp and constant", name)
}
