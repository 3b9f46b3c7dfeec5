package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"hash/fnv"
	"io"
	"os"
	"runtime"
	"slices"
	"time"

	"github.com/ai-mcp-gateway/gateway/routing"
)

// scored is a line of the result.
type scored struct {
	ID    string  `json:"id"`
	Score float32 `json:"score"`
}

// evalRouteCommand scores prompts by the prior of the router.
func evalRouteCommand(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("bench eval route", flag.ContinueOnError)
	in := flags.String("in", "", "`file` of prompts, JSON Lines, plain or gzip")
	out := flags.String("out", "", "`file` for the scores; empty prints how good they are, by the outcomes in the input")
	online := flags.Bool("online", false, "learn from outcomes as they come")
	labels := flags.Float64("labels", 0.2, "`share` of the outcomes that is revealed, with -online")
	curves := flags.String("curves", "", "`directory` for drawings, without -out")
	if err := flags.Parse(args); err != nil {
		return err
	}
	switch {
	case *in == "":
		return errors.New("eval route: -in is missing")
	case *labels < 0 || *labels > 1:
		return fmt.Errorf("eval route: -labels %g: a share from 0 to 1", *labels)
	}
	r := router{prior: routing.DefaultPrior()}
	if *online {
		r.learner, r.labels = routing.NewLearner(r.prior), *labels
	}
	if *out == "" {
		return r.judge(ctx, *in, *curves, os.Stdout)
	}
	err := writeLines(*out, func(lines *json.Encoder) error {
		return eachLine(ctx, *in, func(o *outcome) error {
			return lines.Encode(scored{o.ID, r.score(o)})
		})
	})
	if err == nil {
		r.costs(os.Stderr)
	}
	return err
}

// router scores prompts one by one, and notes what that costs.
type router struct {
	prior   *routing.Prior
	learner *routing.Learner // nil: nothing is learned
	labels  float64
	texts   [][]byte
	took    []time.Duration
}

// score scores a prompt, and then learns its outcome if that is revealed.
func (r *router) score(o *outcome) float32 {
	text := []byte(o.Prompt)
	r.texts = append(r.texts, text)
	begin := time.Now()
	if r.learner == nil {
		score, _ := r.prior.Score(text)
		r.took = append(r.took, time.Since(begin))
		return score
	}
	score := r.learner.Score(text)
	r.took = append(r.took, time.Since(begin))
	if revealed(o.ID, r.labels) {
		r.learner.Learn(text, o.gain())
	}
	return score
}

// revealed draws by the id, so that each run reveals the same.
func revealed(id string, share float64) bool { return drawn(id) < share }

// drawn is a number from 0 to 1 that belongs to an id.
func drawn(id string) float64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(id))
	x := h.Sum64()
	x = (x ^ x>>32) * 0x9e3779b97f4a7c15
	return float64(x>>11) / (1 << 53)
}

// costs prints what a decision costs. Allocations are counted over all texts
// once more, without anything in between.
func (r *router) costs(w io.Writer) {
	if len(r.took) == 0 {
		return
	}
	slices.Sort(r.took)
	var sum time.Duration
	for _, d := range r.took {
		sum += d
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for _, text := range r.texts {
		if r.learner != nil {
			r.learner.Score(text)
		} else {
			r.prior.Score(text)
		}
	}
	runtime.ReadMemStats(&after)
	fmt.Fprintf(w, "decisions %d, mean %d ns, p99 %d ns, allocations %.3f a decision\n", len(r.took),
		sum.Nanoseconds()/int64(len(r.took)), r.took[len(r.took)*99/100].Nanoseconds(),
		float64(after.Mallocs-before.Mallocs)/float64(len(r.texts)))
}
