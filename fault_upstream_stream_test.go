package main

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

// apart keeps the events of a stream from coming in together: a fault that is
// seen with the first event is one before the first byte.
const apart = "chunk-delay=20ms,"

func TestFault007_StallMidStream(t *testing.T) {
	f := startFaulty(t, quick, apart+"stall-mid-stream=3", apart+"stall-mid-stream=3,in-event")
	for i, name := range []string{"between events", "inside an event"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := f.wantBroken(t, i, "provider_stalled")
			wantAbout(t, r.took, 700*time.Millisecond)
			wantEvents(t, r, 3)
			line := f.lineOf(r)
			if line["status"] != 200.0 || line["estimated"] != true || line["tokens_out"] == 0.0 {
				t.Errorf("the log line does not say that a part came, and what it may have cost: %v", line)
			}
		})
	}
}

func TestFault008_ResetMidStream(t *testing.T) {
	f := startFaulty(t, unhurried, apart+"reset-mid-stream=3", apart+"reset-mid-stream=3,in-event", "reset-mid-stream")
	t.Run("between events", func(t *testing.T) { f.wantBroken(t, 0, "provider_reset") })
	t.Run("inside an event", func(t *testing.T) { f.wantBroken(t, 1, "provider_reset") })
	t.Run("plain", func(t *testing.T) { f.wantRefused(t, 2, false, http.StatusBadGateway, "provider_reset") })
}

func TestFault009_EndMidStream(t *testing.T) {
	f := startFaulty(t, unhurried, apart+"fin-mid-stream=3", apart+"fin-mid-stream=3,in-event", apart+"fin-mid-stream=3,framing=close",
		apart+"fin-mid-stream=3,in-event,framing=close", apart+"finish=none,done=none,tokens=3", "fin-mid-stream", "done=none")
	for i, name := range []string{"chunked", "chunked, inside an event", "to the end", "to the end, inside an event", "no finish reason"} {
		t.Run(name, func(t *testing.T) { f.wantBroken(t, i, "provider_truncated") })
	}
	t.Run("plain", func(t *testing.T) { f.wantRefused(t, 5, false, http.StatusBadGateway, "provider_truncated") })
	t.Run("only [DONE] missing", func(t *testing.T) {
		for range 2 { // the second time from the cache
			f.ask(t, alone(6), "no done", true).wantWhole(t, true)
		}
		if n := len(f.seen("p6", "")); n != 1 {
			t.Errorf("%d upstream calls, want 1: a complete answer is stored", n)
		}
	})
}

func TestFault010_HalfCloseAfterAnswer(t *testing.T) {
	f := startFaulty(t, unhurried, "half-close", "half-close", "silent-close", "silent-close")
	for i := range 4 {
		stream := i%2 == 1
		t.Run(formName(stream), func(t *testing.T) {
			for _, prompt := range []string{"one", "two", "three"} {
				r := f.ask(t, alone(i), prompt, stream)
				if r.wantWhole(t, stream); r.header.Get("X-Gateway-Attempts") != "1" {
					t.Errorf("%s attempts, want 1", r.header.Get("X-Gateway-Attempts"))
				}
			}
		})
	}
	if seen := conns(f, "p0"); seen != 3 {
		t.Errorf("3 calls on %d connections, want 3: the other end has closed each", seen)
	}
}

// conns counts the connections on which a provider has had requests.
func conns(f *faulty, provider string) int {
	ids := map[uint64]bool{}
	for _, s := range f.seen(provider, "") {
		ids[s.Conn] = true
	}
	return len(ids)
}

func TestFault013_MalformedMidStream(t *testing.T) {
	f := startFaulty(t, unhurried, apart+"bad-event=3", apart+"bad-line=3", apart+"bad-event=3,split=7", "bad-event=0", "bad-json")
	for i, name := range []string{"broken JSON", "no field", "in pieces"} {
		t.Run(name, func(t *testing.T) {
			r := f.wantBroken(t, i, "provider_bad_response")
			wantEvents(t, r, 3)
			if strings.Contains(r.body, "broken") || strings.Contains(r.body, "no field") {
				t.Errorf("what is malformed was relayed: %s", r.body)
			}
		})
	}
	t.Run("at once", func(t *testing.T) { f.wantRefused(t, 3, true, http.StatusBadGateway, "provider_bad_response") })
	t.Run("plain", func(t *testing.T) { f.wantRefused(t, 4, false, http.StatusBadGateway, "provider_bad_response") })
	if n := metric(t, f.metrics(), `gateway_errors_total`); n < 8 {
		t.Errorf("%v errors counted, want 8 or more", n)
	}
	if strings.Contains(f.logs.String(), "panic") {
		t.Error("panic")
	}
}

// wantEvents checks that all n events before the fault were relayed, and the
// error event and nothing else after them.
func wantEvents(t testing.TB, r reply, n int) {
	t.Helper()
	if events := r.events(); len(events) != n+1 {
		t.Errorf("%d events before the error, want %d: %s", len(events)-1, n, r.body)
	}
}

func TestFault015_HugeEvent(t *testing.T) {
	const limit = 8 << 20 // the default
	f := startFaulty(t, unhurried, apart+"huge=20MiB", "huge=7MiB", "")
	f.ask(t, alone(2), "warm up", true).wantWhole(t, true)
	f.wantGrowth(t, limit+2<<20, func() { // a half of the 2 MiB is the runtime's
		f.ask(t, alone(0), "huge", true).wantStreamError(t, "provider_too_large")
	})
	f.wantBroken(t, 0, "provider_too_large")
	r := f.ask(t, alone(1), "below the limit", true)
	if r.wantWhole(t, true); len(r.body) < 7<<20 {
		t.Errorf("%d bytes came of an event of 7 MiB", len(r.body))
	}
}
