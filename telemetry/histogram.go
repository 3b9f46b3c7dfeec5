package telemetry

import (
	"sync/atomic"
	"time"
)

// bounds are the upper bounds of the buckets, inclusive, with their text in
// seconds. One list serves all: 10 µs tell a cache hit's overhead, 250 s a
// long stream. At most 2.5 apart, so that a quantile is read off closely.
var bounds = [...]struct {
	max time.Duration
	le  string
}{
	{10 * time.Microsecond, "1e-05"},
	{25 * time.Microsecond, "2.5e-05"},
	{50 * time.Microsecond, "5e-05"},
	{100 * time.Microsecond, "0.0001"},
	{250 * time.Microsecond, "0.00025"},
	{500 * time.Microsecond, "0.0005"},
	{1 * time.Millisecond, "0.001"},
	{2500 * time.Microsecond, "0.0025"},
	{5 * time.Millisecond, "0.005"},
	{10 * time.Millisecond, "0.01"},
	{25 * time.Millisecond, "0.025"},
	{50 * time.Millisecond, "0.05"},
	{100 * time.Millisecond, "0.1"},
	{250 * time.Millisecond, "0.25"},
	{500 * time.Millisecond, "0.5"},
	{1 * time.Second, "1"},
	{2500 * time.Millisecond, "2.5"},
	{5 * time.Second, "5"},
	{10 * time.Second, "10"},
	{25 * time.Second, "25"},
	{50 * time.Second, "50"},
	{100 * time.Second, "100"},
	{250 * time.Second, "250"},
}

// histogram counts durations by bucket; the last bucket has no bound.
type histogram struct {
	buckets [len(bounds) + 1]atomic.Uint64
	// micros is the sum. In nanoseconds 10,000 streams would overflow it in
	// eleven days.
	micros atomic.Int64
}

func (h *histogram) observe(d time.Duration) {
	h.buckets[bucketOf(d)].Add(1)
	h.micros.Add(micros(d))
}

// bucketOf returns the first bucket whose bound is not below d.
func bucketOf(d time.Duration) int {
	low, high := 0, len(bounds)
	for low < high {
		middle := (low + high) / 2
		if d > bounds[middle].max {
			low = middle + 1
		} else {
			high = middle
		}
	}
	return low
}

// micros rounds, so that the error of many short durations cancels out.
func micros(d time.Duration) int64 {
	return max(0, d.Round(time.Microsecond).Microseconds())
}
