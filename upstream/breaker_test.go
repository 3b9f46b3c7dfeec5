package upstream

import (
	"testing"
	"time"
)

func TestBreakerPause(t *testing.T) {
	var b Breaker
	now := time.Unix(1000, 0)
	f := func(at time.Duration, want time.Duration, wantLimited bool) {
		t.Helper()
		until, limited := b.Limited(now.Add(at))
		if limited != wantLimited || (limited && !until.Equal(now.Add(want))) {
			t.Errorf("after %v: limited %v until %v, want %v, %v", at, limited, until, wantLimited, now.Add(want))
		}
	}
	f(0, 0, false)
	b.Pause(now.Add(7 * time.Second))
	b.Pause(now.Add(2 * time.Second)) // an earlier one changes nothing
	if b.Allow(now.Add(6 * time.Second)) {
		t.Error("a paused target is asked")
	}
	f(6*time.Second, 7*time.Second, true)
	f(7*time.Second, 0, false)

	probe := now.Add(8 * time.Second)
	if !b.Allow(probe) || b.Allow(probe) {
		t.Error("after the pause exactly one call may probe")
	}
	if _, open := b.Open(probe); !open {
		t.Error("not open while a probe is under way")
	}
	b.Failure(probe) // not a limit any more
	f(9*time.Second, 0, false)
	if _, open := b.Open(now.Add(9 * time.Second)); !open {
		t.Error("a failed probe does not open the breaker again")
	}
}
