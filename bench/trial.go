package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/ai-mcp-gateway/gateway/bench/load"
	"github.com/ai-mcp-gateway/gateway/bench/process"
)

// bench is one run.
type bench struct {
	programs programs
	dir      string // for everything temporary
	ports    *ports
	// warm and span are how long a system is loaded before and while it is
	// measured; settle is the rest before its memory is read.
	warm, span, settle time.Duration
	streams            int                     // held open
	answers            map[string]*load.Answer // by scenario and whether usage is asked for
	progress           io.Writer
}

// server is a running process under load.
type server struct {
	*process.Process
	addr  string
	ready time.Duration // from its start to its first 200
}

// trial measures one system in one round, with fresh processes.
func (b *bench) trial(ctx context.Context, sc scenario, system string, round int) (s sample, err error) {
	answer, err := b.answer(ctx, sc, sc.stream && isGateway(system))
	if err != nil {
		return s, err
	}
	dir, err := os.MkdirTemp(b.dir, sc.name)
	if err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	upstream, err := b.startSimulator(ctx, dir, sc.faults)
	if err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, upstream.Stop()) }()
	sut := upstream
	if system != direct {
		if sut, err = b.startSystem(ctx, system, dir, upstream.addr, answer.Body); err != nil {
			return s, err
		}
		defer func() { err = errors.Join(err, sut.Stop()) }()
	}
	s = sample{Scenario: sc.name, System: system, Round: round}
	config := load.Config{Addr: sut.addr, Connections: connections, Request: sc.request(false), Answer: answer}
	switch { // the figures mean nothing if the cache did something else
	case system == gateway && sc.repeat:
		config.Answer = answer.With("X-Gateway-Cache: hit")
	case system == gateway:
		config.Answer = answer.With("X-Gateway-Cache: miss")
	case system == gatewayNoCache, sc.measure == tailed:
		config.Answer = answer.With("X-Gateway-Cache: bypass")
	}
	switch sc.measure {
	case saturated:
		err = b.saturate(ctx, &s, sut, config)
	case paced:
		err = b.pace(ctx, &s, sut, config)
	case streamed:
		err = b.stream(ctx, &s, sut, config)
	case tailed:
		err = b.tail(ctx, &s, sut, config)
	case held:
		err = b.hold(ctx, &s, sut, config)
	case idle:
		err = b.rest(ctx, &s, sut)
	}
	if err == nil && sc.measure != idle && s.Requests == 0 {
		err = fmt.Errorf("%s gave no right answer: %v %s", system, s.Failures, s.Example)
	}
	return s, errors.Join(err, ctx.Err())
}

// answer is the right answer of a scenario: what a simulator without faults
// says. It is learned once. Where the gateway asks its provider for the usage
// of a stream, its client sees what such streams have, but for the event with
// the usage itself.
func (b *bench) answer(ctx context.Context, sc scenario, usageAsked bool) (a *load.Answer, err error) {
	if sc.measure == idle {
		return &load.Answer{}, nil
	}
	name := fmt.Sprint(sc.name, usageAsked)
	if a, ok := b.answers[name]; ok {
		return a, nil
	}
	dir, err := os.MkdirTemp(b.dir, "answer")
	if err != nil {
		return nil, err
	}
	upstream, err := b.startSimulator(ctx, dir, "")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, upstream.Stop()) }()
	if a, err = load.Learn(ctx, upstream.addr, sc.request(usageAsked)); err != nil {
		return nil, fmt.Errorf("cannot learn the simulator's answer: %w", err)
	}
	a.Events = slices.DeleteFunc(a.Events, func(event string) bool { return strings.Contains(event, `"choices":[]`) })
	b.answers[name] = a
	return a, nil
}

func (b *bench) startSimulator(ctx context.Context, dir, faults string) (*server, error) {
	addr, err := b.ports.free(ctx)
	if err != nil {
		return nil, err
	}
	return start(ctx, b.programs.simulator(dir, addr, faults), addr)
}

func (b *bench) startSystem(ctx context.Context, system, dir, upstream string, body []byte) (*server, error) {
	addr, err := b.ports.free(ctx)
	if err != nil {
		return nil, err
	}
	spec, err := b.programs.spec(system, dir, addr, upstream, body)
	if err != nil {
		return nil, err
	}
	return start(ctx, spec, addr)
}

// start starts a server and waits for its first 200, to a list of models.
func start(ctx context.Context, spec process.Spec, addr string) (*server, error) {
	p, err := process.Start(ctx, spec)
	if err != nil {
		return nil, err
	}
	ready, err := p.Ready(ctx, func(ctx context.Context) error { return ask(ctx, addr) })
	if err != nil {
		_ = p.Stop() // err has said what there is to say
		return nil, err
	}
	return &server{Process: p, addr: addr, ready: ready}, nil
}

// ask wants status 200 for the list of models.
func ask(ctx context.Context, addr string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+addr+"/v1/models", http.NoBody)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+clientKey)
	req.Close = true
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return errors.New(resp.Status)
	}
	return nil
}

// saturate measures CPU a request and requests a second.
func (b *bench) saturate(ctx context.Context, s *sample, sut *server, config load.Config) error {
	warm := load.Limit{Duration: b.warm}
	cpu, err := measured(ctx, s, sut, config, warm, func(g *load.Generator) *load.Result {
		return g.Saturate(ctx, load.Limit{Duration: b.span})
	})
	s.CPUPerAnswer = each(cpu, s.Requests)
	return err
}

// pace measures latency at a rate that no system is busy with.
func (b *bench) pace(ctx context.Context, s *sample, sut *server, config load.Config) error {
	warm := load.Limit{Duration: b.warm}
	cpu, err := measured(ctx, s, sut, config, warm, func(g *load.Generator) *load.Result {
		r := g.Pace(ctx, pacedRate, load.Limit{Duration: b.span})
		s.P50, s.P99, s.Late = micros(r.Latency, 50), micros(r.Latency, 99), micros(r.Late, 50)
		return r
	})
	s.CPUPerAnswer, s.RPS = each(cpu, s.Requests), 0 // the rate was given
	return err
}

// stream measures CPU a chunk and the time to the first chunk.
func (b *bench) stream(ctx context.Context, s *sample, sut *server, config load.Config) error {
	warm := load.Limit{Duration: b.warm, Requests: connections}
	cpu, err := measured(ctx, s, sut, config, warm, func(g *load.Generator) *load.Result {
		r := g.Pace(ctx, streamRate, load.Limit{Duration: b.span})
		s.FirstChunk, s.Late = micros(r.FirstChunk, 50), micros(r.Late, 50)
		return r
	})
	s.CPUPerChunk, s.RPS = each(cpu, s.Chunks), 0
	return err
}

// measured warms a system up, of which only the failures are counted, runs a
// load and returns the CPU time that the system took for it.
func measured(
	ctx context.Context, s *sample, sut *server, config load.Config,
	warm load.Limit, run func(*load.Generator) *load.Result,
) (time.Duration, error) {
	final := config.Answer
	config.Answer = final.With("") // the cache need not have its answers yet
	g, err := load.Open(ctx, config)
	if err != nil {
		return 0, err
	}
	defer g.Close()
	s.addFailures(g.Saturate(ctx, warm))
	g.Expect(final)
	before, err := sut.CPU()
	if err != nil {
		return 0, err
	}
	s.add(run(g))
	after, err := sut.CPU()
	if err != nil {
		return 0, err
	}
	rss, err := sut.RSS()
	s.RSS = mib(rss)
	return after - before, err
}

// hold measures the memory of open streams, over that of the system at rest.
func (b *bench) hold(ctx context.Context, s *sample, sut *server, config load.Config) error {
	before, err := sut.RSS()
	if err != nil {
		return err
	}
	config.Connections = b.streams
	config.Timeout = 30 * time.Second
	streams := load.Hold(ctx, config)
	settled(ctx, b.settle)
	after, err := sut.RSS()
	r := streams.Release()
	s.add(r)
	s.RPS = 0 // how fast streams open is not the question
	s.RSS, s.Streams = mib(after), r.Requests
	if r.Requests > 0 {
		s.StreamKiB = float64(after-before) / 1024 / float64(r.Requests)
	}
	return err
}

// rest measures how long a system took to start, and its memory when nobody
// has asked for more than its list of models.
func (b *bench) rest(ctx context.Context, s *sample, sut *server) error {
	s.ReadyMs = sut.ready.Seconds() * 1e3
	settled(ctx, b.settle)
	rss, err := sut.RSS()
	s.RSS = mib(rss)
	return err
}

// settled waits for d or for the context.
func settled(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
