package engine

import (
	"bytes"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/ai-mcp-gateway/gateway/upstream"
)

// maxWait bounds what is believed of a header; what is done with it has
// bounds of its own.
const maxWait = 24 * time.Hour

// askedWait is how long a provider asks to be left alone, by the most precise
// of its header lines; zero when it says nothing that can be used, or names a
// time that has passed.
func askedWait(h *upstream.Head, now time.Time) time.Duration {
	if wait := inUnits(h.Value("retry-after-ms"), time.Millisecond); wait > 0 {
		return wait
	}
	if value := h.Value("retry-after"); len(value) > 0 {
		return retryAfter(value, now)
	}
	return limitReset(h, now)
}

// retryAfter reads a Retry-After: seconds, or an HTTP date.
func retryAfter(value []byte, now time.Time) time.Duration {
	if wait := inUnits(value, time.Second); wait > 0 {
		return wait
	}
	at, err := http.ParseTime(string(value))
	if err != nil {
		return 0
	}
	return sane(at.Sub(now))
}

// limitReset is when the limit is reset that the call has run into. Of several
// limits it is the latest among those that say that nothing remains, or among
// all when none says so.
func limitReset(h *upstream.Head, now time.Time) time.Duration {
	var used, any time.Duration
	h.Each(func(name, value []byte) {
		wait, remaining := resetOf(h, bytes.ToLower(name), value, now)
		any = max(any, wait)
		if string(remaining) == "0" {
			used = max(used, wait)
		}
	})
	if used > 0 {
		return used
	}
	return any
}

// resetOf reads one header line, if it is about a reset, and finds what its
// sister says to remain: x-ratelimit-reset-requests is a duration,
// anthropic-ratelimit-requests-reset a time.
func resetOf(h *upstream.Head, name, value []byte, now time.Time) (wait time.Duration, remaining []byte) {
	if kind, ok := bytes.CutPrefix(name, []byte("x-ratelimit-reset-")); ok {
		return inGo(value), h.Value("x-ratelimit-remaining-" + string(kind))
	}
	kind, ok := bytes.CutPrefix(name, []byte("anthropic-ratelimit-"))
	if !ok {
		return 0, nil
	}
	if kind, ok = bytes.CutSuffix(kind, []byte("-reset")); !ok {
		return 0, nil
	}
	at, err := time.Parse(time.RFC3339, string(value))
	if err != nil {
		return 0, nil
	}
	return sane(at.Sub(now)), h.Value("anthropic-ratelimit-" + string(kind) + "-remaining")
}

// inGo reads "6m0s" and the like, and bare seconds.
func inGo(value []byte) time.Duration {
	if d, err := time.ParseDuration(string(value)); err == nil {
		return sane(d)
	}
	return inUnits(value, time.Second)
}

// inUnits reads a number of units; what is none, or negative, is zero.
func inUnits(value []byte, unit time.Duration) time.Duration {
	n, err := strconv.ParseFloat(string(value), 64)
	if err != nil || !(n > 0) {
		return 0
	}
	return sane(time.Duration(math.Min(n*float64(unit), float64(maxWait))))
}

// sane clamps d to what can be meant.
func sane(d time.Duration) time.Duration { return max(0, min(d, maxWait)) }
