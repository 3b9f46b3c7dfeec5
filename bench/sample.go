package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/ai-mcp-gateway/gateway/bench/load"
)

// sample is what one system showed in one round of a scenario. A figure that
// the scenario does not measure is zero and left out of the JSON.
type sample struct {
	Scenario string `json:"scenario"`
	System   string `json:"system"`
	Round    int    `json:"round"`

	Requests int64            `json:"requests,omitempty"`
	Chunks   int64            `json:"chunks,omitempty"`
	Failures map[string]int64 `json:"failures,omitempty"`
	Example  string           `json:"example,omitempty"` // of a failure

	RPS          float64 `json:"rps,omitempty"`
	CPUPerAnswer float64 `json:"cpu_us_per_request,omitempty"`
	CPUPerChunk  float64 `json:"cpu_us_per_chunk,omitempty"`
	// Latency from the scheduled time, in µs.
	P50 float64 `json:"p50_us,omitempty"`
	P99 float64 `json:"p99_us,omitempty"`
	// FirstChunk is the median time to a stream's first event in µs.
	FirstChunk    float64 `json:"first_chunk_p50_us,omitempty"`
	FirstChunkP99 float64 `json:"first_chunk_p99_us,omitempty"`
	// Extra is how many calls were made twice, in percent.
	Extra float64 `json:"extra_calls_percent,omitempty"`
	// Late is the median time in µs by which the generator itself was late; it
	// is in P50, P99 and FirstChunk of every system alike.
	Late float64 `json:"late_p50_us,omitempty"`

	RSS       float64 `json:"rss_mib,omitempty"` // at the end
	Streams   int64   `json:"open_streams,omitempty"`
	StreamKiB float64 `json:"kib_per_open_stream,omitempty"`
	ReadyMs   float64 `json:"ms_to_first_200,omitempty"`
}

// add takes over the counts of a run, its failures on top of earlier ones.
func (s *sample) add(r *load.Result) {
	s.Requests, s.Chunks = r.Requests, r.Chunks
	s.addFailures(r)
	if r.Elapsed > 0 {
		s.RPS = float64(r.Requests) / r.Elapsed.Seconds()
	}
}

func (s *sample) addFailures(r *load.Result) {
	if s.Example == "" {
		s.Example = r.Example
	}
	for kind, n := range r.Failures {
		if s.Failures == nil {
			s.Failures = map[string]int64{}
		}
		s.Failures[kind] += n
	}
}

func (s *sample) failed() int64 {
	var n int64
	for _, k := range s.Failures {
		n += k
	}
	return n
}

// micros is a quantile in microseconds.
func micros(h *hdrhistogram.Histogram, percentile float64) float64 {
	return float64(h.ValueAtPercentile(percentile)) / 1e3
}

// each is d in microseconds divided by n; zero for no n.
func each(d time.Duration, n int64) float64 {
	if n == 0 {
		return 0
	}
	return float64(d.Nanoseconds()) / 1e3 / float64(n)
}

func mib(bytes int64) float64 { return float64(bytes) / (1 << 20) }

// String is the line that shows progress.
func (s sample) String() string {
	var b strings.Builder
	for _, c := range columns {
		if f := c.of(s); f != 0 {
			fmt.Fprintf(&b, c.format+" %s  ", f, c.title)
		}
	}
	return strings.TrimSpace(b.String())
}
