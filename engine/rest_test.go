package engine

import (
	"testing"
	"time"
)

var restEpoch = time.Unix(1000, 0)

func TestRestGrows(t *testing.T) {
	var r rest
	now := restEpoch
	for _, want := range []time.Duration{
		1 * time.Minute, 2 * time.Minute, 4 * time.Minute, 8 * time.Minute,
		16 * time.Minute, 32 * time.Minute, time.Hour, time.Hour,
	} {
		r.refuse(now)
		r.refuse(now.Add(time.Second)) // a call that was under way counts with it
		if got := r.end().Sub(now); got != want || r.over(now.Add(want-1)) || !r.over(now.Add(want)) {
			t.Errorf("rest %v, want %v", got, want)
		}
		now = now.Add(want)
	}
	r.forgive()
	r.refuse(now)
	if got := r.end().Sub(now); got != time.Minute {
		t.Errorf("rest %v after a success, want a minute", got)
	}
}

func TestRestLimit(t *testing.T) {
	f := func(waits []time.Duration, want ...time.Duration) {
		t.Helper()
		var r rest
		now := restEpoch
		for i, wait := range waits {
			r.limit(now, wait)
			if got := r.end().Sub(now); got != want[i] {
				t.Errorf("%v: rest %d is %v, want %v", waits, i, got, want[i])
			}
			now = r.end()
		}
	}
	s := time.Second
	f([]time.Duration{7 * s, 250 * time.Millisecond}, 7*s, 250*time.Millisecond)
	f([]time.Duration{0, 0, 0, 0}, 1*s, 2*s, 4*s, 4*s)
	f([]time.Duration{-5 * s, time.Hour, 0}, 1*s, time.Minute, 2*s)
}

// A shorter wait does not end a longer one, and the success of a call that
// began before the rest does not end it either.
func TestRestStays(t *testing.T) {
	var r rest
	now := time.Now()
	r.limit(now, 50*time.Second)
	r.limit(now, time.Second)
	r.forgive()
	if got := r.end().Sub(now); got != 50*time.Second {
		t.Errorf("rest %v, want 50s", got)
	}
}
