package main

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/ai-mcp-gateway/gateway/bench/load"
)

const (
	// slowTail is how the first of two providers misbehaves: one call in
	// twenty has its first event 400 ms later than the others. The two share
	// the calls, so that one call in forty is slow: with one in twenty, hedging
	// three in a hundred would leave two that are, and they would be the p99.
	slowTail = "latency=20ms,slow-tail=0.05:400ms"
	usual    = "latency=20ms"

	tailRate = 300 // streams a second
	// tailSpans is for how many spans the load lasts: a p99 takes more calls
	// than a median.
	tailSpans = 4
	tailModel = "bench-stream-10x64"
)

// tailConfig is a configuration with two providers of one model, with or
// without second attempts at slow calls.
func tailConfig(dir, upstream string, hedged bool) []byte {
	return fmt.Appendf(nil, `data_dir: %s/data
keys:
  - {id: bench, key: %s, tenant: default, project: bench}
providers:
  slow: {dialect: openai, base_url: "http://%s/~%s/v1", keys: [sk-upstream]}
  usual: {dialect: openai, base_url: "http://%[3]s/~%[5]s/v1", keys: [sk-upstream]}
models:
  slow/%[6]s: {price: {input: 1, output: 4}, context: 2000000}
  usual/%[6]s: {price: {input: 1, output: 4}, context: 2000000}
routing: {balance: weighted, hedge: {enabled: %[7]t, extra: 3}}
cache: {response: {enabled: false}}
`, dir, clientKey, upstream, slowTail, usual, tailModel, hedged)
}

// tail measures the time to the first chunk behind providers of which one is
// slow now and then, and what share of calls is made twice for it.
func (b *bench) tail(ctx context.Context, s *sample, sut *server, config load.Config) error {
	g, err := load.Open(ctx, config)
	if err != nil {
		return err
	}
	defer g.Close()
	warm := g.Pace(ctx, tailRate, load.Limit{Duration: b.warm})
	s.addFailures(warm)
	r := g.Pace(ctx, tailRate, load.Limit{Duration: tailSpans * b.span})
	extra, err := hedges(ctx, sut.addr)
	s.add(r)
	s.RPS = 0 // the rate was given
	s.FirstChunk, s.FirstChunkP99, s.Late = micros(r.FirstChunk, 50), micros(r.FirstChunk, 99), micros(r.Late, 50)
	if n := warm.Requests + r.Requests; n > 0 { // of all, or it would spend what was saved before
		s.Extra = extra / float64(n) * 100
	}
	return err
}

// hedges is how many calls of the gateway had a second attempt: each of them
// has one that lost.
func hedges(ctx context.Context, addr string) (n float64, err error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+addr+"/metrics", http.NoBody)
	if err != nil {
		return 0, err
	}
	req.Header.Set("Authorization", "Bearer "+clientKey)
	req.Close = true
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return 0, fmt.Errorf("no metrics: %s", resp.Status)
	}
	for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
		line := lines.Text()
		if !strings.HasPrefix(line, "gateway_attempts_total{") || !strings.Contains(line, `outcome="hedge_lost"`) {
			continue
		}
		one, err := strconv.ParseFloat(line[strings.LastIndexByte(line, ' ')+1:], 64)
		if err != nil {
			return 0, fmt.Errorf("metric %q: %w", line, err)
		}
		n += one
	}
	return n, nil
}
