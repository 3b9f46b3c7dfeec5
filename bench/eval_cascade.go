package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"

	"github.com/ai-mcp-gateway/gateway/routing"
)

// exchange is a prompt with what each model would answer, and for how much.
type exchange struct {
	ID      string             `json:"id"`
	Prompt  string             `json:"prompt"`
	Answers map[string]string  `json:"answers"`
	Costs   map[string]float64 `json:"costs"` // USD
}

// cascaded is a line of the result.
type cascaded struct {
	ID       string   `json:"id"`
	Calls    []string `json:"calls"`
	AnswerOf string   `json:"answer_of"`
}

// evalCascadeCommand plays a stream through verify-then-escalate: which models
// it calls, in order, and whose answer it serves.
func evalCascadeCommand(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("bench eval cascade", flag.ContinueOnError)
	in := flags.String("in", "", "`file` of prompts with answers and costs by model, JSON Lines, plain or gzip")
	out := flags.String("out", "", "`file` for the calls")
	loss := flags.Float64("loss", 0.01, "the most `share` of the dearest model's quality that may be lost")
	if err := flags.Parse(args); err != nil {
		return err
	}
	switch {
	case *in == "" || *out == "":
		return errors.New("eval cascade: -in and -out are needed")
	case *loss < 0 || *loss > 1:
		return fmt.Errorf("eval cascade: -loss %g: a share from 0 to 1", *loss)
	}
	policy, prior := routing.NewCascade(*loss), routing.DefaultPrior()
	return writeLines(*out, func(lines *json.Encoder) error {
		return eachLine(ctx, *in, func(e *exchange) error {
			line, err := play(policy, prior, e)
			if err != nil {
				return err
			}
			return lines.Encode(line)
		})
	})
}

func play(policy *routing.Cascade, prior *routing.Prior, e *exchange) (*cascaded, error) {
	offers := make([]routing.Offer, 0, len(e.Costs))
	for model, cost := range e.Costs {
		if _, answered := e.Answers[model]; answered {
			offers = append(offers, routing.Offer{Model: model, Cost: cost})
		}
	}
	if len(offers) == 0 {
		return nil, fmt.Errorf("%s: no model has an answer and a cost", e.ID)
	}
	line := &cascaded{ID: e.ID}
	score, _ := prior.Score([]byte(e.Prompt))
	line.AnswerOf = policy.Answer(score, drawn(e.ID), offers, func(model string) string {
		line.Calls = append(line.Calls, model)
		return e.Answers[model]
	})
	return line, nil
}
