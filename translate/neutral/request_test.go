package neutral

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ai-mcp-gateway/gateway/translate"
)

func TestDrops(t *testing.T) {
	var d Drops
	for _, path := range []string{"seed", "n", "seed"} {
		d.Add(path)
	}
	if diff := cmp.Diff(Drops{"seed", "n"}, d); diff != "" {
		t.Error(diff)
	}
	if err := Unsupported("n", "only %d", 1); err.Code != translate.CallerUnsupported || err.Param != "n" || err.Message != "only 1" {
		t.Errorf("got %v", err)
	}
}

func TestEdge137_Total(t *testing.T) {
	f := func(u Usage, want int64) {
		t.Helper()
		if got := u.Sum(); got != want {
			t.Errorf("%+v: got %d, want %d", u, got, want)
		}
	}
	f(Usage{Usage: translate.Usage{In: 3, Out: 4}}, 7)
	f(Usage{Usage: translate.Usage{In: 3, Out: 4}, Total: 10}, 10)
}

func TestFinish_Brief(t *testing.T) {
	f := func(want translate.Finish, all ...Finish) {
		t.Helper()
		for _, finish := range all {
			if got := finish.Brief(); got != want {
				t.Errorf("%d: got %s, want %s", finish, got, want)
			}
		}
	}
	f(translate.FinishNone, FinishNone)
	f(translate.FinishStop, FinishStop, FinishStopSequence)
	f(translate.FinishTools, FinishTools)
	f(translate.FinishLength, FinishLength, FinishContext)
	f(translate.FinishFilter, FinishFilter)
	f(translate.FinishOther, FinishPause, FinishMalformed, FinishOther)
}

func TestTraits_Takes(t *testing.T) {
	traits := Traits{Refuses: []string{"store", "user"}}
	if traits.Takes("user") || !traits.Takes("seed") || SwitchOf(true) != On || SwitchOf(false) != Off {
		t.Error("wrong")
	}
}
