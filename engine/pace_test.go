package engine

import (
	"math/rand/v2"
	"testing"
	"time"
)

func TestPaceBuckets(t *testing.T) {
	last := -1
	for d := time.Duration(0); d < 2*time.Minute; d += d/50 + 10*time.Microsecond {
		i := bucketOf(d)
		if i < last || i >= len(pace{}.buckets) {
			t.Fatalf("bucket %d of %v after bucket %d", i, d, last)
		}
		if bound := boundOf(i); bound <= d || d > 2*time.Millisecond && bound > d+d/5 {
			t.Fatalf("bound %v of %v", bound, d)
		}
		if bound := boundOf(i); bucketOf(bound-1) != i || bucketOf(bound) <= i {
			t.Fatalf("bucket %d ends at %v, which is in bucket %d", i, bound, bucketOf(bound))
		}
		last = i
	}
}

func TestPaceLateAfter(t *testing.T) {
	var p pace
	rng := rand.New(rand.NewPCG(1, 2))
	now := time.Now()
	feed := func(n int, sample func(i int) time.Duration) {
		for i := range n {
			p.observe(sample(i), now)
		}
	}
	want := func(least, most time.Duration) {
		t.Helper()
		if got := p.lateAfter(); got < least || got > most {
			t.Errorf("late after %v, want %v to %v", got, least, most)
		}
	}
	feed(paceEnough-1, func(int) time.Duration { return time.Second })
	want(0, 0)
	p = pace{}
	feed(1000, func(int) time.Duration { return time.Duration(1000+rng.IntN(1000)) * time.Millisecond })
	want(1900*time.Millisecond, 2200*time.Millisecond)
	// It follows what changes.
	feed(3000, func(int) time.Duration { return 20 * time.Millisecond })
	want(20*time.Millisecond, 24*time.Millisecond)
	feed(1500, func(i int) time.Duration { return 20*time.Millisecond + time.Duration(i%10/9)*time.Second })
	want(60*time.Millisecond, 72*time.Millisecond) // not a second: the tail is too long for that
}

// A share of slow calls as large as what counts as late, each given up soon
// after, does not raise the quantile bit by bit.
func TestPaceGiveUp(t *testing.T) {
	var p pace
	now := time.Now()
	for range 500 {
		p.observe(20*time.Millisecond, now)
	}
	for i := range 20_000 {
		if i%10 == 0 {
			p.giveUp(2*p.lateAfter(), now)
		} else {
			p.observe(20*time.Millisecond, now)
		}
	}
	if got := p.lateAfter(); got > 24*time.Millisecond {
		t.Errorf("late after %v, want 20ms or little more", got)
	}
}

func TestPaceCost(t *testing.T) {
	var p pace
	now := epoch.Add(time.Hour)
	want := func(at time.Time, least, most float64) {
		t.Helper()
		if got := p.cost(at); got < least || got > most {
			t.Errorf("cost %v, want %v to %v", got, least, most)
		}
	}
	want(now, 0, 0)
	p.observe(100*time.Millisecond, now)
	want(now, 0.099, 0.101)
	p.observe(2*time.Second, now) // a peak shows at once
	want(now, 1.99, 2.01)
	p.observe(100*time.Millisecond, now.Add(20*time.Millisecond)) // and goes slowly
	want(now.Add(20*time.Millisecond), 1.9, 2.01)
	for i := range 300 {
		p.observe(100*time.Millisecond, now.Add(time.Duration(i)*100*time.Millisecond))
	}
	want(now.Add(30*time.Second), 0.09, 0.3)
	want(now.Add(10*time.Minute), 0, 0.001) // nobody knows any more
}
