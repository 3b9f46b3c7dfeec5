package engine

import (
	"math"
	"math/bits"
	"sync/atomic"
	"time"
)

const (
	// paceSteps buckets an octave tell times apart that differ by an eighth,
	// from paceUnit on.
	paceSteps   = 8
	paceOctaves = 20
	paceUnit    = 128 * time.Microsecond
	// After paceWindow samples the older ones count half, so that the
	// quantile is that of the last few hundred calls.
	paceWindow = 512
	// The quantile is looked up anew every paceEvery samples, from paceEnough
	// on: with fewer there is no telling a slow call from a usual one.
	paceEvery  = 16
	paceEnough = 32
	// paceQuantile is where a call begins to be late, unless that is more than
	// paceMedians medians: where one call in twenty is slow, the quantile is
	// anywhere between the usual calls and the slow ones, by chance.
	paceQuantile = 0.95
	paceMedians  = 3
	// peakDecay is how fast the moving average forgets.
	peakDecay = 10 * time.Second
)

// epoch is what the stamps of averages count from.
var epoch = time.Now()

// pace is how soon a target answers: the time from the start of an attempt to
// the first event of a stream, or to the end of a plain answer. It is safe
// for concurrent use, and approximate: an observation may get lost among
// others.
type pace struct {
	buckets [paceOctaves * paceSteps]atomic.Uint32
	samples atomic.Uint32 // in the window
	seen    atomic.Uint32 // ever
	late    atomic.Int64  // where late begins, in nanoseconds; 0: unknown
	peak    atomic.Uint64 // see packPeak
}

// observe adds a sample.
func (p *pace) observe(d time.Duration, now time.Time) {
	p.raise(d, now)
	p.count(d)
}

// giveUp adds a call that was cancelled after d because another target was
// quicker. All that is known is that it was late: counting the time that it was
// given would raise the quantile, which would give the next one more time.
func (p *pace) giveUp(d time.Duration, now time.Time) {
	p.raise(d, now)
	p.count(min(d, p.lateAfter()-1))
}

// count adds a sample to the quantile.
func (p *pace) count(d time.Duration) {
	p.buckets[bucketOf(d)].Add(1)
	if p.samples.Add(1) >= paceWindow {
		p.halve()
	}
	if n := p.seen.Add(1); n >= paceEnough && n%paceEvery == 0 {
		p.late.Store(int64(min(p.quantile(paceQuantile), paceMedians*p.quantile(0.5))))
	}
}

// lateAfter is the time after which a call is later than nearly all others;
// zero as long as nobody knows.
func (p *pace) lateAfter() time.Duration { return time.Duration(p.late.Load()) }

// halve makes the samples so far count half.
func (p *pace) halve() {
	sum := uint32(0)
	for i := range p.buckets {
		half := p.buckets[i].Load() / 2
		p.buckets[i].Store(half)
		sum += half
	}
	p.samples.Store(sum)
}

// quantile is the upper bound of the bucket that the share q ends in.
func (p *pace) quantile(q float64) time.Duration {
	var counts [len(p.buckets)]uint32
	total := uint32(0)
	for i := range p.buckets {
		counts[i] = p.buckets[i].Load()
		total += counts[i]
	}
	rank, below := uint32(math.Ceil(q*float64(total))), uint32(0)
	for i, n := range counts {
		if below += n; n > 0 && below >= rank {
			return boundOf(i)
		}
	}
	return 0
}

// bucketOf is the number of d's bucket: its octave, and its place in there.
func bucketOf(d time.Duration) int {
	n := uint64(max(0, d)/paceUnit) + 1
	octave := bits.Len64(n) - 1
	within := (n<<3)>>octave - paceSteps
	return min(octave*paceSteps+int(within), paceOctaves*paceSteps-1)
}

// boundOf is the least duration that is above bucket i.
func boundOf(i int) time.Duration {
	octave, within := i/paceSteps, i%paceSteps
	next := ((paceSteps+within+1)<<octave + paceSteps - 1) / paceSteps
	return time.Duration(next-1) * paceUnit
}

// raise takes d into the moving average: at once where it is worse, bit by bit
// where it is better, so that a target that stumbles is avoided at once and
// forgiven in time.
func (p *pace) raise(d time.Duration, now time.Time) {
	for {
		old := p.peak.Load()
		value := float32(d.Seconds())
		if average := decayed(old, now); value < average {
			value = average + value*(1-fading(old, now))
		}
		if p.peak.CompareAndSwap(old, packPeak(value, now)) {
			return
		}
	}
}

// cost is the moving average in seconds. It falls while nothing is observed:
// a target that nobody calls any more gets another chance.
func (p *pace) cost(now time.Time) float64 { return float64(decayed(p.peak.Load(), now)) }

// packPeak keeps an average with the time it is from, in hundredths of a
// second since the process has started, in one word.
func packPeak(seconds float32, now time.Time) uint64 {
	return uint64(now.Sub(epoch)/(10*time.Millisecond))<<32 | uint64(math.Float32bits(seconds))
}

// fading is the share of a packed average that is left by now.
func fading(packed uint64, now time.Time) float32 {
	age := max(0, now.Sub(epoch)-time.Duration(packed>>32)*10*time.Millisecond)
	return float32(math.Exp(-age.Seconds() / peakDecay.Seconds()))
}

func decayed(packed uint64, now time.Time) float32 {
	value := math.Float32frombits(uint32(packed))
	if value == 0 {
		return 0
	}
	return value * fading(packed, now)
}
