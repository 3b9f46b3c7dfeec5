package main

import "slices"

// budget is one promise of docs/performance.md, section Budgets. Figures are
// computed in each round by itself and the median over the rounds is judged.
type budget struct {
	what     string
	scenario string
	figure   func(round) (float64, bool)
	unit     string
	// must and goal are upper bounds, or lower ones with atLeast; a goal of
	// zero is none.
	must, goal float64
	atLeast    bool
}

// round is what the systems showed in one round of one scenario.
type round map[string]sample

// budgets are the numbers of docs/performance.md. Where its table does not
// say "cache off", the cache is on: all features are.
var budgets = []budget{
	{what: "CPU, 1 KB, cache off", scenario: "1k", figure: ratio(gatewayNoCache, bareProxy, cpuPerAnswer), unit: "x F", must: 1.35, goal: 1.15},
	{what: "CPU, 1 KB, cache on, miss", scenario: "1k", figure: ratio(gateway, bareProxy, cpuPerAnswer), unit: "x F", must: 1.45, goal: 1.20},
	{what: "CPU, 1 KB, cache on, miss", scenario: "1k", figure: ratio(gateway, netHTTP, cpuPerAnswer), unit: "x net/http", must: 0.5, goal: 0.4},
	{what: "CPU, cache hit", scenario: "hit", figure: ratio(gateway, constant, cpuPerAnswer), unit: "x constant", must: 1.8, goal: 1.4},
	{what: "CPU, cache hit", scenario: "hit", figure: ratio(gateway, nginxFile, cpuPerAnswer), unit: "x nginx file", must: 1.4, goal: 1.1},
	{what: "CPU, 32 KB, cache off", scenario: "32k", figure: ratio(gatewayNoCache, bareProxy, cpuPerAnswer), unit: "x F", must: 1.4, goal: 1.2},
	{what: "CPU, 32 KB, cache on, miss", scenario: "32k", figure: ratio(gateway, bareProxy, cpuPerAnswer), unit: "x F", must: 2.0, goal: 1.5},
	{what: "CPU, 1 MB, cache off", scenario: "1m", figure: ratio(gatewayNoCache, bareProxy, cpuPerAnswer), unit: "x F", must: 1.8, goal: 1.3},
	{what: "p50 at 2,000 a second", scenario: "latency", figure: difference(gateway, bareProxy, p50), unit: "µs over F", must: 60, goal: 25},
	{what: "p99 at 2,000 a second", scenario: "latency", figure: difference(gateway, bareProxy, p99), unit: "µs over F", must: 150, goal: 60},
	{what: "most requests a second", scenario: "1k", figure: ratio(gateway, bareProxy, rps), unit: "x F", must: 0.75, goal: 0.9, atLeast: true},
	{what: "CPU a stream chunk", scenario: "stream", figure: ratio(gateway, bareProxy, cpuPerChunk), unit: "x F", must: 1.25, goal: 1.0},
	{what: "added time to first chunk, p50", scenario: "stream", figure: addedRatio(gateway, bareProxy, direct, firstChunk), unit: "x F", must: 1.5, goal: 1.2},
	{what: "p99 time to first chunk, slow tail", scenario: "tail", figure: ratio(gatewayHedging, gatewayNoHedging, firstChunkP99), unit: "x without hedging", must: 0.5},
	{what: "extra calls, slow tail", scenario: "tail", figure: alone(gatewayHedging, extra), unit: "%", must: 3},
	{what: "memory an open stream", scenario: "open", figure: alone(gateway, streamKiB), unit: "KiB", must: 42, goal: 25},
	{what: "memory an open stream", scenario: "open", figure: ratio(gateway, bareProxy, streamKiB), unit: "x F", must: 1.3},
	{what: "idle memory, no configuration", scenario: "idle", figure: alone(gatewayDefault, rss), unit: "MiB", must: 40, goal: 25},
	{what: "start to first 200, no configuration", scenario: "idle", figure: alone(gatewayDefault, readyMs), unit: "ms", must: 100, goal: 40},
}

func cpuPerAnswer(s sample) float64  { return s.CPUPerAnswer }
func cpuPerChunk(s sample) float64   { return s.CPUPerChunk }
func rps(s sample) float64           { return s.RPS }
func p50(s sample) float64           { return s.P50 }
func p99(s sample) float64           { return s.P99 }
func firstChunk(s sample) float64    { return s.FirstChunk }
func firstChunkP99(s sample) float64 { return s.FirstChunkP99 }
func extra(s sample) float64         { return s.Extra }
func streamKiB(s sample) float64     { return s.StreamKiB }
func rss(s sample) float64           { return s.RSS }
func readyMs(s sample) float64       { return s.ReadyMs }

// alone is a figure of one system.
func alone(system string, of func(sample) float64) func(round) (float64, bool) {
	return func(r round) (float64, bool) {
		s, ok := r[system]
		return of(s), ok
	}
}

func ratio(system, base string, of func(sample) float64) func(round) (float64, bool) {
	return func(r round) (float64, bool) {
		s, ok1 := r[system]
		b, ok2 := r[base]
		return of(s) / of(b), ok1 && ok2 && of(b) > 0
	}
}

func difference(system, base string, of func(sample) float64) func(round) (float64, bool) {
	return func(r round) (float64, bool) {
		s, ok1 := r[system]
		b, ok2 := r[base]
		return of(s) - of(b), ok1 && ok2
	}
}

// addedRatio compares what two systems add to a third.
func addedRatio(system, base, floor string, of func(sample) float64) func(round) (float64, bool) {
	return func(r round) (float64, bool) {
		added, ok1 := difference(system, floor, of)(r)
		baseAdded, ok2 := difference(base, floor, of)(r)
		return added / baseAdded, ok1 && ok2 && baseAdded > 0
	}
}

// verdict is a budget held against its measured figures.
type verdict struct {
	What     string  `json:"what"`
	Scenario string  `json:"scenario"`
	Unit     string  `json:"unit"`
	Rounds   int     `json:"rounds"` // in which it could be computed
	Median   float64 `json:"median"`
	Min      float64 `json:"min"`
	Max      float64 `json:"max"`
	Must     float64 `json:"must"`
	Goal     float64 `json:"goal,omitempty"`
	AtLeast  bool    `json:"at_least,omitempty"`
	// Result is goal (both met), must (met), missed, or "not measured".
	Result string `json:"result"`
}

const notMeasured = "not measured"

// judge holds all budgets against the samples of a run, and the promise that
// the gateway makes no mistake.
func judge(samples []sample) []verdict {
	verdicts := make([]verdict, 0, len(budgets)+1)
	for _, b := range budgets {
		verdicts = append(verdicts, b.judge(samples))
	}
	mistakes := verdict{What: "errors, cut or reordered streams", Scenario: "all", Result: notMeasured}
	for _, s := range samples {
		if isGateway(s.System) {
			mistakes.Rounds = max(mistakes.Rounds, s.Round+1)
			mistakes.Max += float64(s.failed())
			mistakes.Result = "goal"
		}
	}
	mistakes.Median, mistakes.Min = mistakes.Max, mistakes.Max // a sum over all rounds
	if mistakes.Max > 0 {
		mistakes.Result = "missed"
	}
	return append(verdicts, mistakes)
}

func (b budget) judge(samples []sample) verdict {
	v := verdict{
		What: b.what, Scenario: b.scenario, Unit: b.unit,
		Must: b.must, Goal: b.goal, AtLeast: b.atLeast, Result: notMeasured,
	}
	var figures []float64
	for _, r := range rounds(samples, b.scenario) {
		if f, ok := b.figure(r); ok {
			figures = append(figures, f)
		}
	}
	if len(figures) == 0 {
		return v
	}
	v.Rounds, v.Median = len(figures), median(figures)
	v.Min, v.Max = slices.Min(figures), slices.Max(figures)
	within := func(bound float64) bool {
		return v.Median <= bound && !b.atLeast || v.Median >= bound && b.atLeast
	}
	switch {
	case !within(b.must):
		v.Result = "missed"
	case b.goal != 0 && within(b.goal):
		v.Result = "goal"
	default:
		v.Result = "must"
	}
	return v
}

// rounds sorts the samples of a scenario by round.
func rounds(samples []sample, scenario string) []round {
	var all []round
	for _, s := range samples {
		if s.Scenario != scenario {
			continue
		}
		for len(all) <= s.Round {
			all = append(all, round{})
		}
		all[s.Round][s.System] = s
	}
	return all
}

// median of at least one figure; of an even number the mean of the middle two.
func median(figures []float64) float64 {
	sorted := slices.Sorted(slices.Values(figures))
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}
