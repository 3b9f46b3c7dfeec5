package upstream

import "testing"

// wakes counts how often it was interrupted.
type wakes int

func (w *wakes) interrupt() { *w++ }

func TestCancelTwins(t *testing.T) {
	f := func(causes []Cause, want, wantTwin, wantAfter Cause) {
		t.Helper()
		var c, twin Cancel
		var woken, twinWoken wakes
		if c.attach(&woken) != nil || twin.attach(&twinWoken) != nil || !c.Join(&twin) {
			t.Fatal("a fresh Cancel is cancelled")
		}
		for _, cause := range causes {
			c.Cancel(cause)
		}
		if c.Cause() != want || twin.Cause() != wantTwin {
			t.Errorf("%v: causes %v and %v, want %v and %v", causes, c.Cause(), twin.Cause(), want, wantTwin)
		}
		if woken != 1 || (twinWoken == 1) != (wantTwin != CauseNone) {
			t.Errorf("%v: woken %d and %d times", causes, woken, twinWoken)
		}
		c.Part()
		if c.Cause() != wantAfter {
			t.Errorf("%v: cause %v after the end, want %v", causes, c.Cause(), wantAfter)
		}
		c.Cancel(CauseStopping)
		if twin.Cause() != wantTwin {
			t.Errorf("%v: the twin is touched after the end", causes)
		}
	}
	f([]Cause{CauseLost}, CauseLost, CauseNone, CauseNone)
	f([]Cause{CauseGone}, CauseGone, CauseGone, CauseGone)
	f([]Cause{CauseLost, CauseGone}, CauseGone, CauseGone, CauseGone)
	f([]Cause{CauseStopping, CauseLost}, CauseStopping, CauseStopping, CauseStopping)
	f([]Cause{CauseGone, CauseStopping}, CauseGone, CauseGone, CauseGone)
}

func TestCancelJoinTooLate(t *testing.T) {
	var c, twin Cancel
	c.Cancel(CauseGone)
	if c.Join(&twin) {
		t.Error("a twin joins a call that is cancelled")
	}
}
