package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"

	"github.com/ai-mcp-gateway/gateway/routing"
)

// outcome is a row of what routing is fitted to and judged on.
type outcome struct {
	ID       string  `json:"id"`
	Source   string  `json:"source"`
	Group    string  `json:"group"`
	Kind     string  `json:"kind"`
	Prompt   string  `json:"prompt"`
	WeakOK   float64 `json:"weak_ok"`
	StrongOK float64 `json:"strong_ok"`
}

func (o *outcome) gain() float64 { return o.StrongOK - o.WeakOK }

// trainCommand fits the prior of the router. It takes a few seconds, and gives
// the same file each time.
func trainCommand(ctx context.Context, args []string) error {
	if len(args) == 0 || args[0] != "route" {
		return errors.New("train: say what: route")
	}
	flags := flag.NewFlagSet("bench train route", flag.ContinueOnError)
	in := flags.String("in", "", "`file` of outcomes, JSON Lines, plain or gzip")
	out := flags.String("out", "", "`file` for the weights; the gateway is built with routing/prior.bin")
	if err := flags.Parse(args[1:]); err != nil {
		return err
	}
	if *in == "" || *out == "" {
		return errors.New("train route: -in and -out are needed")
	}
	var examples []routing.Example
	err := eachLine(ctx, *in, func(o *outcome) error {
		examples = append(examples, routing.Example{Text: []byte(o.Prompt), Gain: o.gain()})
		return nil
	})
	if err != nil {
		return err
	}
	if len(examples) == 0 {
		return fmt.Errorf("train route: %s has no outcomes", *in)
	}
	return os.WriteFile(*out, routing.Fit(examples).Append(nil), 0o644)
}
