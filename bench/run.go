package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/ai-mcp-gateway/gateway/bench/load"
)

// options are the flags of a run.
type options struct {
	scenarios string
	rounds    int
	quick     bool
	gateway   string
	out, name string
}

func parseOptions(args []string) (options, error) {
	var o options
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.StringVar(&o.scenarios, "scenario", "", "only these `names`, with commas: "+strings.Join(scenarioNames(), ", "))
	flags.IntVar(&o.rounds, "rounds", 5, "how often everything is measured")
	flags.BoolVar(&o.quick, "quick", false, "short loads and two rounds")
	flags.StringVar(&o.gateway, "gateway", "", "`path` of the gateway's binary; empty builds it with make build")
	flags.StringVar(&o.out, "out", "", "`directory` for the results (default bench/results for a full run, else none)")
	flags.StringVar(&o.name, "name", "", "`name` of the result files (default date and time)")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	given := map[string]bool{}
	flags.Visit(func(f *flag.Flag) { given[f.Name] = true })
	if o.quick && !given["rounds"] {
		o.rounds = 2
	}
	if !o.quick && o.scenarios == "" && !given["out"] {
		o.out = filepath.Join("bench", "results")
	}
	switch {
	case flags.NArg() > 0:
		return o, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	case o.rounds < 1:
		return o, fmt.Errorf("-rounds %d: at least one", o.rounds)
	}
	return o, nil
}

// runCommand measures and reports.
func runCommand(ctx context.Context, args []string) error {
	o, err := parseOptions(args)
	if err != nil {
		return err
	}
	chosen, err := choose(o.scenarios)
	if err != nil {
		return err
	}
	b, err := newBench(ctx, o)
	if err != nil {
		return err
	}
	defer os.RemoveAll(b.dir)

	r := &report{
		Name: o.name, Started: time.Now().UTC(), Rounds: o.rounds, Machine: describeMachine(),
		Command: strings.Join(append([]string{"bench"}, args...), " "),
	}
	if r.Name == "" {
		r.Name = r.Started.Format("2006-01-02T150405Z")
	}
	if r.Samples, err = b.run(ctx, chosen, o.rounds); err != nil {
		if ctx.Err() != nil {
			return errors.New("interrupted")
		}
		return err
	}
	r.Took = time.Since(r.Started)
	r.Verdicts = judge(r.Samples)
	r.write(os.Stdout, textTable)
	if o.out == "" {
		return nil
	}
	return r.save(o.out)
}

func newBench(ctx context.Context, o options) (*bench, error) {
	files, err := raiseFiles()
	if err != nil {
		return nil, fmt.Errorf("cannot raise the limit of open files: %w", err)
	}
	b := &bench{
		ports: newPorts(), answers: map[string]*load.Answer{}, streams: openStreams, progress: os.Stderr,
		warm: time.Second, span: 2500 * time.Millisecond, settle: 2 * time.Second,
	}
	if o.quick {
		b.streams = quickOpenStreams
		b.warm, b.span, b.settle = 200*time.Millisecond, 700*time.Millisecond, 500*time.Millisecond
	}
	if most := (int(files) - 500) / 2; b.streams > most { // a proxy has two connections for each
		fmt.Fprintf(os.Stderr, "bench: only %d files may be open: %d open streams instead of %d\n", files, most, b.streams)
		b.streams = most
	}
	if b.programs, err = findPrograms(ctx, o.gateway); err != nil {
		return nil, err
	}
	b.dir, err = os.MkdirTemp("", "bench")
	return b, err
}

// findPrograms builds the gateway unless its binary is given.
func findPrograms(ctx context.Context, given string) (p programs, err error) {
	if p.self, err = os.Executable(); err != nil {
		return p, err
	}
	if p.nginx, err = exec.LookPath("nginx"); err != nil {
		p.nginx = ""
		fmt.Fprintln(os.Stderr, "bench: no nginx here: the comparison with its static file is left out")
	}
	if given == "" {
		root, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}").Output()
		if err != nil {
			return p, fmt.Errorf("cannot find the gateway's sources from here: %w", err)
		}
		dir := strings.TrimSpace(string(root))
		build := exec.CommandContext(ctx, "make", "-s", "-C", dir, "build")
		build.Stdout, build.Stderr = os.Stderr, os.Stderr
		if err := build.Run(); err != nil {
			return p, fmt.Errorf("cannot build the gateway: %w", err)
		}
		given = filepath.Join(dir, "bin", "gateway")
	}
	p.gateway, err = filepath.Abs(given)
	return p, err
}

// run measures every system of the scenarios in every round.
func (b *bench) run(ctx context.Context, chosen []scenario, rounds int) ([]sample, error) {
	var samples []sample
	for round := range rounds {
		for _, sc := range chosen {
			systems := slices.Clone(sc.systems)
			if round%2 == 1 {
				slices.Reverse(systems)
			}
			for _, system := range systems {
				if system == nginxFile && b.programs.nginx == "" {
					continue
				}
				s, err := b.trial(ctx, sc, system, round)
				if err != nil {
					return nil, fmt.Errorf("scenario %s, %s, round %d: %w", sc.name, system, round+1, err)
				}
				samples = append(samples, s)
				fmt.Fprintf(b.progress, "round %d/%d  %-8s %-18s %s\n", round+1, rounds, sc.name, system, s)
			}
		}
	}
	return samples, nil
}

func scenarioNames() []string {
	var names []string
	for _, sc := range scenarios() {
		names = append(names, sc.name)
	}
	return names
}

// choose picks scenarios by their names with commas between; none means all.
func choose(names string) ([]scenario, error) {
	all := scenarios()
	if names == "" {
		return all, nil
	}
	var chosen []scenario
	for name := range strings.SplitSeq(names, ",") {
		i := slices.IndexFunc(all, func(sc scenario) bool { return sc.name == name })
		if i < 0 {
			return nil, fmt.Errorf("unknown scenario %q; there are: %s", name, strings.Join(scenarioNames(), ", "))
		}
		chosen = append(chosen, all[i])
	}
	return chosen, nil
}
