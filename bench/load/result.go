package load

import (
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Result is what one run gave.
type Result struct {
	// Requests is how many were answered rightly; Chunks how many stream
	// events these answers had, [DONE] not counted.
	Requests, Chunks int64
	// Failures counts the others by kind: dial, dropped, timeout, format,
	// status, header, length, body, reordered, cut.
	Failures map[string]int64
	// Example is the text of the first failure.
	Example string
	// Elapsed is from the start to the last answer.
	Elapsed time.Duration
	// Latency is from sending (Pace: from the scheduled time) to the last
	// byte, FirstChunk to the first event of a stream; Late is by how much
	// Pace itself sent late. All in nanoseconds, right answers only.
	Latency, FirstChunk, Late *hdrhistogram.Histogram
}

// Failed is the number of failures of all kinds.
func (r *Result) Failed() int64 {
	var n int64
	for _, k := range r.Failures {
		n += k
	}
	return n
}

// recorder gathers a Result from many goroutines.
type recorder struct {
	start time.Time

	mu sync.Mutex
	r  *Result // guarded by mu
}

func newRecorder() *recorder {
	return &recorder{start: time.Now(), r: &Result{
		Failures:   map[string]int64{},
		Latency:    newHistogram(),
		FirstChunk: newHistogram(),
		Late:       newHistogram(),
	}}
}

// newHistogram spans 1 ns to 100 s with three significant digits.
func newHistogram() *hdrhistogram.Histogram {
	return hdrhistogram.New(1, int64(100*time.Second), 3)
}

// done records an answer that came on c to a request that was due at start.
func (r *recorder) done(start time.Time, c *conn) {
	took := time.Since(start)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.r.Requests++
	record(r.r.Latency, took)
	if c.stream.answer != nil {
		r.r.Chunks += int64(c.stream.chunks())
		record(r.r.FirstChunk, c.firstChunk.Sub(start))
	}
}

func (r *recorder) late(by time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	record(r.r.Late, by)
}

func (r *recorder) fail(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.r.Failures) == 0 {
		r.r.Example = err.Error()
	}
	r.r.Failures[kindOf(err)]++
}

func (r *recorder) finish() *Result {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.r.Elapsed = time.Since(r.start)
	return r.r
}

// record counts d; what is out of range counts as the end of the range.
func record(h *hdrhistogram.Histogram, d time.Duration) {
	_ = h.RecordValue(min(max(int64(d), 1), h.HighestTrackableValue()))
}
