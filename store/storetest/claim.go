package storetest

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/ai-mcp-gateway/gateway/store"
)

var claims = []promise{
	{"ClaimIsHeldUntilItIsCompleted", claimHeld},
	{"ClaimOfAnotherRequestIsRefused", claimReused},
	{"ClaimIsFreeWhenItExpires", claimExpires},
	{"ClaimIsRenewedByItsOwner", claimRenewed},
	{"ClaimIsFreeWhenItsAnswerExpires", claimAnswerExpires},
	{"ClaimIsCompletedByItsOwnerOnly", claimOwner},
	{"ClaimIsReleasedByItsOwnerOnly", claimRelease},
	{"ClaimsAnswerComesBackToTheByte", claimBytes},
	{"SweepRemovesWhatHasExpired", sweep},
}

// hour is far enough away for any test.
func hour() time.Time { return time.Now().Add(time.Hour) }

// gone is a time of the past.
func gone() time.Time { return time.Now().Add(-time.Hour) }

func claim(key, owner string) *store.Claim {
	return &store.Claim{Tenant: "t", Key: key, Digest: [32]byte{0, 1, 0xff, 31: 9}, Owner: owner, Expires: hour()}
}

func answer(body string) *store.Answer {
	return &store.Answer{Status: 200, Header: []byte("Content-Type: application/json\r\n"), Body: []byte(body)}
}

// claimed expects what comes of a claim; want is nil where there is no answer.
func claimed(t *testing.T, s store.Store, c *store.Claim, want *store.Answer, wantHeld bool) {
	t.Helper()
	got, held, err := s.Claim(t.Context(), c)
	if err != nil || held != wantHeld {
		t.Errorf("claim %q by %q: held %v, error %v, want held %v", c.Key, c.Owner, held, err, wantHeld)
	}
	equal(t, want, got)
}

// complete completes a claim, and ends the test when that fails.
func complete(t *testing.T, s store.Store, key, owner string, a *store.Answer, expires time.Time) {
	t.Helper()
	if err := s.Complete(t.Context(), "t", key, owner, a, expires); err != nil {
		t.Fatalf("complete %q by %q: %v", key, owner, err)
	}
}

func claimHeld(t *testing.T, s store.Store) {
	claimed(t, s, claim("k", "a"), nil, false)
	claimed(t, s, claim("k", "b"), nil, true)
	claimed(t, s, claim("another", "b"), nil, false)
	complete(t, s, "k", "a", answer("{}"), hour())
	claimed(t, s, claim("k", "b"), answer("{}"), false)
	claimed(t, s, claim("k", "c"), answer("{}"), false)
}

func claimReused(t *testing.T, s store.Store) {
	other := claim("k", "b")
	other.Digest[0]++
	refused := func() {
		t.Helper()
		got, held, err := s.Claim(t.Context(), other)
		if !errors.Is(err, store.ErrKeyReused) || got != nil || held {
			t.Errorf("answer %+v, held %v, error %v", got, held, err)
		}
	}
	claimed(t, s, claim("k", "a"), nil, false)
	refused()
	complete(t, s, "k", "a", answer("{}"), hour())
	refused()
	claimed(t, s, claim("k", "c"), answer("{}"), false)
}

func claimExpires(t *testing.T, s store.Store) {
	old := claim("k", "a")
	old.Expires = gone()
	claimed(t, s, old, nil, false)
	// It can no longer be completed, though nobody else has it.
	missing(t, "complete", s.Complete(t.Context(), "t", "k", "a", answer("{}"), hour()))
	other := claim("k", "b")
	other.Digest[0]++
	claimed(t, s, other, nil, false)
	missing(t, "complete", s.Complete(t.Context(), "t", "k", "a", answer("late"), hour()))
	if err := s.Release(t.Context(), "t", "k", "a"); err != nil {
		t.Error(err)
	}
	third := claim("k", "c")
	third.Digest[0]++
	claimed(t, s, third, nil, true)
	complete(t, s, "k", "b", answer("{}"), hour())
	claimed(t, s, third, answer("{}"), false)
}

func claimRenewed(t *testing.T, s store.Store) {
	claimed(t, s, claim("k", "a"), nil, false)
	claimed(t, s, claim("k", "a"), nil, false)
	claimed(t, s, claim("k", "b"), nil, true)
	last := claim("k", "a")
	last.Expires = gone()
	claimed(t, s, last, nil, false) // shorter than it was
	claimed(t, s, claim("k", "b"), nil, false)
	claimed(t, s, claim("k", "a"), nil, true) // it is another's now
	complete(t, s, "k", "b", answer("{}"), hour())
	claimed(t, s, claim("k", "b"), answer("{}"), false) // a renewal that comes late changes nothing
}

func claimAnswerExpires(t *testing.T, s store.Store) {
	claimed(t, s, claim("k", "a"), nil, false)
	complete(t, s, "k", "a", answer("{}"), gone())
	other := claim("k", "b")
	other.Digest[0]++
	claimed(t, s, other, nil, false)
	third := claim("k", "c")
	third.Digest[0]++
	claimed(t, s, third, nil, true) // and not by the answer of the first
}

func claimOwner(t *testing.T, s store.Store) {
	missing(t, "complete what nobody claimed", s.Complete(t.Context(), "t", "k", "a", answer("{}"), hour()))
	claimed(t, s, claim("k", "a"), nil, false)
	missing(t, "complete another's", s.Complete(t.Context(), "t", "k", "b", answer("{}"), hour()))
	missing(t, "complete another key", s.Complete(t.Context(), "t", "K", "a", answer("{}"), hour()))
	claimed(t, s, claim("k", "c"), nil, true)
}

func claimRelease(t *testing.T, s store.Store) {
	release := func(owner string) {
		t.Helper()
		if err := s.Release(t.Context(), "t", "k", owner); err != nil {
			t.Error(err)
		}
	}
	release("a") // nobody's
	claimed(t, s, claim("k", "a"), nil, false)
	release("b") // another's
	claimed(t, s, claim("k", "b"), nil, true)
	release("a")
	missing(t, "complete what was released", s.Complete(t.Context(), "t", "k", "a", answer("{}"), hour()))
	claimed(t, s, claim("k", "b"), nil, false)
	complete(t, s, "k", "b", answer("{}"), hour())
	release("b") // it holds it no longer: the answer stays
	claimed(t, s, claim("k", "c"), answer("{}"), false)
}

func claimBytes(t *testing.T, s store.Store) {
	every := make([]byte, 256)
	for i := range every {
		every[i] = byte(i)
	}
	for i, a := range []*store.Answer{
		{Status: 200, Header: []byte("Content-Type: audio/mpeg\r\nX-Odd: \xff\r\n"), Body: every},
		{Status: 422, Header: nil, Body: []byte("{ \"error\" : 1e400 }\n")},
		{Status: 204},
	} {
		key := fmt.Sprint("k", i)
		claimed(t, s, claim(key, "a"), nil, false)
		complete(t, s, key, "a", a, hour())
		claimed(t, s, claim(key, "b"), a, false)
	}
}

func sweep(t *testing.T, s store.Store) {
	old := claim("", "a")
	old.Expires = gone()
	for i := range 5 {
		old.Key = fmt.Sprint("k", i)
		claimed(t, s, old, nil, false)
		putResponse(t, s, fmt.Sprint("r", i), gone())
	}
	claimed(t, s, claim("live", "a"), nil, false)
	putResponse(t, s, "live", hour())
	for _, want := range []int{6, 4, 0} {
		got, err := s.Sweep(t.Context(), 3)
		if err != nil || got != want {
			t.Errorf("sweep: %d, error %v, want %d", got, err, want)
		}
	}
	claimed(t, s, claim("live", "b"), nil, true)
	if _, err := s.Response(t.Context(), "t", "live"); err != nil {
		t.Error(err)
	}
}
