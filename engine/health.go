package engine

import (
	"slices"
	"sync/atomic"
	"time"

	"github.com/ai-mcp-gateway/gateway/internal/secret"
	"github.com/ai-mcp-gateway/gateway/translate"
	"github.com/ai-mcp-gateway/gateway/upstream"
)

// health is what the calls so far have told of a target. Only they do: no
// model is called to see how it is.
type health struct {
	*vitals
	// By key of the provider: limits after a 429, denied after a 403, which
	// one model may answer to a key that is good for others.
	limits, denied []*rest
}

// vitals are the part of health that has nothing to do with keys. A reload
// keeps them.
type vitals struct {
	breaker  upstream.Breaker
	load     atomic.Int64 // calls under way, where anybody asks for it
	answered atomic.Bool  // it has answered at least once
	paces    [2]pace      // of plain answers, and of streams
}

// newHealth returns the health of a target of p. What old knew is taken over:
// the vitals, and the limits of the keys that are still there. A refusal is
// not: a reload is how an operator asks for another try.
func newHealth(p *provider, old *health, oldKeys []*credential) health {
	h := health{vitals: new(vitals)}
	if old != nil {
		h.vitals = old.vitals
	}
	for _, key := range p.keys {
		h.limits = append(h.limits, limitOf(key.key, old, oldKeys))
		h.denied = append(h.denied, new(rest))
	}
	return h
}

func limitOf(key secret.String, old *health, oldKeys []*credential) *rest {
	i := slices.IndexFunc(oldKeys, func(c *credential) bool { return c.key.Reveal() == key.Reveal() })
	if old == nil || i < 0 {
		return new(rest)
	}
	return old.limits[i]
}

// pace is how soon the target answers.
func (h *health) pace(stream bool) *pace {
	if stream {
		return &h.paces[1]
	}
	return &h.paces[0]
}

// key returns the number of the first key that may be used with the target
// now, or -1.
func (t *target) key(now time.Time) int {
	for i, c := range t.provider.keys {
		if c.refused.over(now) && t.denied[i].over(now) && t.limits[i].over(now) {
			return i
		}
	}
	return -1
}

// ready reports whether a call may go to the target now.
func (t *target) ready(now time.Time) bool {
	_, open := t.breaker.Open(now)
	return !open && t.key(now) >= 0
}

// limited reports whether nothing but rate limits keeps the target's keys
// away, and until when the first of them does.
func (t *target) limited(now time.Time) (until time.Time, limited bool) {
	for i, c := range t.provider.keys {
		if !c.refused.over(now) || !t.denied[i].over(now) {
			continue
		}
		if t.limits[i].over(now) {
			return time.Time{}, false
		}
		if at := t.limits[i].end(); until.IsZero() || at.Before(until) {
			until = at
		}
	}
	return until, !until.IsZero()
}

// said is what a provider says when it turns an attempt away, besides the
// error that the caller is told.
type said struct {
	wait   time.Duration // how long it wants to be left alone; 0: it does not say
	denied bool          // 403: the key is known
}

// judge notes what an attempt with key i says about the key and the target.
func (t *target) judge(err *translate.Error, i int, pass upstream.Pass, said said) {
	switch {
	case err == nil, err.Code == translate.ProviderRejected:
		t.breaker.Success(pass)
		t.forgive(i)
	case err.Code == translate.ProviderAuth, err.Code == translate.ProviderRateLimited:
		t.turnAway(err, i, time.Now(), said)
		t.breaker.Abandon(pass)
	case err.Code.CallersFault(), err.Code == translate.GatewayStopping, err.Code == translate.GatewayOverloaded:
		t.breaker.Abandon(pass)
	default:
		now := time.Now()
		t.breaker.Failure(pass, now)
		if said.wait > 0 {
			t.breaker.Pause(now.Add(min(said.wait, limitedMost)))
		}
	}
}

// turnAway sets the key aside that the provider has turned away. A model that
// is not configured can be anything that a client wrote: what its provider
// thinks of that must not keep others away.
func (t *target) turnAway(err *translate.Error, i int, now time.Time, said said) {
	switch {
	case err.Code == translate.ProviderRateLimited:
		t.limits[i].limit(now, said.wait)
	case !said.denied:
		t.provider.keys[i].refused.refuse(now)
	case !t.unlisted:
		t.denied[i].refuse(now)
	}
}

// forgive notes that key i works.
func (t *target) forgive(i int) {
	t.provider.keys[i].refused.forgive()
	t.denied[i].forgive()
	t.limits[i].forgive()
	if !t.answered.Load() {
		t.answered.Store(true)
		t.provider.served.Store(true)
	}
}

// state is how the provider is doing, as far as its last calls tell: "up",
// "cooling" when some of it is set aside for a while, "down" when no key of it
// is accepted or everything that was tried fails again and again, "unknown"
// before the first answer.
func (p *provider) state(t *table, now time.Time) string {
	refused := true
	for _, c := range p.keys {
		refused = refused && !c.refused.over(now)
	}
	healths := []*health{&p.unlisted}
	for _, target := range t.targets {
		if target.provider == p {
			healths = append(healths, &target.health)
		}
	}
	well, broken := 0, 0
	cooling := false
	for _, h := range healths {
		_, open := h.breaker.Open(now)
		cooling = cooling || open || !h.free(now)
		switch {
		case h.breaker.Relapsed():
			broken++
		case h.answered.Load():
			well++
		}
	}
	switch {
	case refused, broken > 0 && well == 0:
		return "down"
	case cooling:
		return "cooling"
	case p.served.Load():
		return "up"
	default:
		return "unknown"
	}
}

// free reports whether one of the keys is not set aside for this target.
func (h *health) free(now time.Time) bool {
	for i := range h.limits {
		if h.limits[i].over(now) && h.denied[i].over(now) {
			return true
		}
	}
	return false
}
