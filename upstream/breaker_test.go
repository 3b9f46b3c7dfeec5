package upstream

import (
	"testing"
	"testing/quick"
	"time"
)

var breakerEpoch = time.Unix(1000, 0)

// tripped is a breaker that has just opened.
func tripped(t *testing.T) *Breaker {
	t.Helper()
	b := new(Breaker)
	for i := range breakerFailures {
		p, ok := b.Allow(breakerEpoch)
		if !ok {
			t.Fatalf("a closed breaker refuses after %d failures", i)
		}
		b.Failure(p, breakerEpoch)
	}
	if _, ok := b.Allow(breakerEpoch.Add(breakerPause - 1)); ok {
		t.Fatal("an open breaker allows a call")
	}
	return b
}

// probe takes the one probe that there has to be.
func (b *Breaker) mustProbe(t *testing.T, now time.Time) Pass {
	t.Helper()
	p, ok := b.Allow(now)
	if !ok {
		t.Fatal("no probe")
	}
	if _, ok := b.Allow(now); ok {
		t.Fatal("two probes")
	}
	if _, open := b.Open(now); !open || b.Closed() {
		t.Fatal("not open while a probe is under way")
	}
	return p
}

func TestBreaker(t *testing.T) {
	b := tripped(t)
	later := breakerEpoch.Add(breakerPause)
	b.Failure(b.mustProbe(t, later), later)
	if _, ok := b.Allow(later.Add(breakerPause - 1)); ok || !b.Relapsed() {
		t.Error("a failed probe does not open the breaker again")
	}
	b.Success(b.mustProbe(t, later.Add(breakerPause)))
	for range 2 {
		if _, ok := b.Allow(later); !ok || !b.Closed() || b.Relapsed() {
			t.Error("a good probe does not close the breaker")
		}
	}
}

func TestBreakerForgets(t *testing.T) {
	var b Breaker
	for i := range 4 * breakerFailures {
		b.Failure(Pass{}, breakerEpoch.Add(time.Duration(i)*breakerWindow/(breakerFailures-1)))
	}
	if _, ok := b.Allow(breakerEpoch.Add(time.Hour)); !ok {
		t.Error("failures far apart open the breaker")
	}
}

// Successes among the failures, as of a provider that flaps, change nothing.
func TestBreakerFlapping(t *testing.T) {
	var b Breaker
	for i := range breakerFailures {
		if _, ok := b.Allow(breakerEpoch); !ok {
			t.Fatalf("open after %d failures", i)
		}
		b.Success(Pass{})
		b.Failure(Pass{}, breakerEpoch.Add(time.Duration(i)*time.Second))
	}
	if _, ok := b.Allow(breakerEpoch.Add(breakerFailures * time.Second)); ok {
		t.Error("successes wash failures away")
	}
}

// Calls that began before the breaker opened end while it is open, or while
// the probe is under way: only the probe's end counts.
func TestBreakerStaleVerdicts(t *testing.T) {
	stale := map[string]func(b *Breaker, now time.Time){
		"success": func(b *Breaker, _ time.Time) { b.Success(Pass{}) },
		"failure": func(b *Breaker, now time.Time) { b.Failure(Pass{}, now) },
		"abandon": func(b *Breaker, _ time.Time) { b.Abandon(Pass{}) },
	}
	for name, report := range stale {
		t.Run(name, func(t *testing.T) {
			b := tripped(t)
			report(b, breakerEpoch)
			if _, ok := b.Allow(breakerEpoch.Add(breakerPause - 1)); ok {
				t.Error("it closes an open breaker")
			}
			later := breakerEpoch.Add(breakerPause)
			p := b.mustProbe(t, later)
			report(b, later)
			if _, ok := b.Allow(later); ok {
				t.Error("it lets a second probe through")
			}
			b.Success(p)
			if !b.Closed() {
				t.Error("the probe's success does not close the breaker")
			}
		})
	}
}

// A probe that ends without a verdict makes room for the next one.
func TestBreakerAbandonedProbe(t *testing.T) {
	b := tripped(t)
	later := breakerEpoch.Add(breakerPause)
	first := b.mustProbe(t, later)
	b.Abandon(first)
	second := b.mustProbe(t, later)
	b.Success(first) // it had its say
	if b.Closed() {
		t.Error("an abandoned probe closes the breaker")
	}
	b.Success(second)
	if !b.Closed() {
		t.Error("the second probe does not close the breaker")
	}
}

func TestBreakerPause(t *testing.T) {
	var b Breaker
	b.Pause(breakerEpoch.Add(7 * time.Second))
	b.Pause(breakerEpoch.Add(2 * time.Second)) // an earlier one changes nothing
	if _, ok := b.Allow(breakerEpoch.Add(6 * time.Second)); ok {
		t.Error("a paused target is asked")
	}
	if until, open := b.Open(breakerEpoch); !open || !until.Equal(breakerEpoch.Add(7*time.Second)) {
		t.Errorf("open %v until %v, want 7s", open, until)
	}
	b.mustProbe(t, breakerEpoch.Add(7*time.Second))
}

// Whatever happens in whatever order, a breaker whose passes are given back
// lets a call through again, and never two probes at a time.
func TestBreakerNeverStuck(t *testing.T) {
	f := func(steps []byte) bool {
		var b Breaker
		now := breakerEpoch
		var passes []Pass
		for _, step := range steps {
			now = now.Add(time.Duration(step>>3) * 100 * time.Millisecond)
			if p, ok := b.Allow(now); ok {
				passes = append(passes, p)
			}
			if len(passes) == 0 {
				continue
			}
			p := passes[int(step)%len(passes)]
			passes[int(step)%len(passes)] = passes[len(passes)-1]
			passes = passes[:len(passes)-1]
			switch step % 4 {
			case 0:
				b.Success(p)
			case 1:
				b.Abandon(p)
			default:
				b.Failure(p, now)
			}
		}
		probes := 0
		for _, p := range passes {
			if p.probe != 0 && p.probe == b.probe {
				probes++
			}
			b.Abandon(p)
		}
		_, ok := b.Allow(now.Add(time.Minute))
		return ok && probes <= 1
	}
	if err := quick.Check(f, &quick.Config{MaxCount: 2000}); err != nil {
		t.Error(err)
	}
}
