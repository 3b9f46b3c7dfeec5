package engine

import (
	"bytes"
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/ai-mcp-gateway/gateway/bench/simulator"
	"github.com/ai-mcp-gateway/gateway/translate"
	"github.com/ai-mcp-gateway/gateway/upstream"
)

// hold makes attempts wait until the returned function is called.
func (r *rig) hold() (open func()) {
	gate := make(chan struct{})
	r.prepare = func() { <-gate }
	return func() { close(gate) }
}

// wantWhole checks that a member has had all of body, or any whole answer when
// body is nil, and returns it.
func (m *member) wantWhole(body []byte) []byte {
	m.t.Helper()
	m.wait()
	whole := bytes.HasSuffix(m.body, []byte("data: [DONE]\n\n")) || bytes.HasSuffix(m.body, []byte("}"))
	if m.refused != nil || m.failed != nil || m.wrote != nil || m.panicked != nil || !whole {
		m.t.Fatalf("refused %v, failed %v, write %v, panic %v: %.300s", m.refused, m.failed, m.wrote, m.panicked, m.body)
	}
	if body != nil && !bytes.Equal(m.body, body) {
		m.t.Errorf("got\n%s\nwant\n%s", m.body, body)
	}
	return m.body
}

// wantRequests checks how many calls have reached the provider.
func (r *rig) wantRequests(t *testing.T, n uint64) {
	t.Helper()
	if got := r.sim.Requests(); got != n {
		t.Errorf("%d upstream calls, want %d", got, n)
	}
}

func eachForm(t *testing.T, f func(t *testing.T, stream bool)) {
	t.Run("plain", func(t *testing.T) { f(t, false) })
	t.Run("stream", func(t *testing.T) { f(t, true) })
}

func TestFlightShares(t *testing.T) {
	eachForm(t, func(t *testing.T, stream bool) {
		const n = 20
		r := newRig(t)
		open := r.hold()
		members := r.askMany(t, n, "sim/sim-l0", stream)
		r.joined(t, n)
		open()
		whole := members[0].wantWhole(nil)
		misses, cost := 0, int64(0)
		for _, m := range members {
			m.wantWhole(whole)
			cost += m.cost
			switch m.cache {
			case "miss":
				misses++
			case "coalesced":
			default:
				t.Errorf("cache %q, want miss or coalesced", m.cache)
			}
		}
		if misses != 1 {
			t.Errorf("%d misses, want 1", misses)
		}
		r.wantRequests(t, 1)
		hit := r.ask(t, "sim/sim-l0", stream, nil)
		if hit.wantWhole(whole); hit.cache != "hit" {
			t.Errorf("cache %q afterwards, want hit", hit.cache)
		}
		again := r.askAlone(t, "sim/sim-l0", stream)
		if again.cost == 0 || cost != again.cost {
			t.Errorf("%d calls cost %d together, and one costs %d", n, cost, again.cost)
		}
		r.quiet(t)
	})
}

// askAlone makes a call that shares nothing with others.
func (r *rig) askAlone(t *testing.T, model string, stream bool) *member {
	t.Helper()
	state := r.state.Load()
	alone := *state
	alone.memory = nil
	r.state.Store(&alone)
	defer r.state.Store(state)
	m := r.ask(t, model, stream, nil)
	m.wantWhole(nil)
	return m
}

// Whoever comes late gets the stream from its beginning, and does not wait for
// a reader that takes nothing.
func TestFlightLateJoinerAndSlowReader(t *testing.T) {
	r := newRig(t)
	gate := make(chan struct{})
	const model = "sim/sim-l0!chunk-delay=2ms"
	slow := r.ask(t, model, true, gate).started()
	late := r.ask(t, model, true, nil)
	whole := late.wantWhole(nil)
	later := r.ask(t, model, true, nil) // all has come in; the flight is still open
	later.wantWhole(whole)
	close(gate)
	slow.wantWhole(whole)
	if late.cache != "coalesced" || slow.cache != "miss" || (later.cache != "coalesced" && later.cache != "hit") {
		t.Errorf("cache %q, %q, %q; want miss, coalesced, coalesced or hit", slow.cache, late.cache, later.cache)
	}
	r.wantRequests(t, 1)
	r.quiet(t)
}

func TestFlightLeaderLeavesBeforeFirstByte(t *testing.T) {
	eachForm(t, func(t *testing.T, stream bool) {
		const followers = 5
		r := newRig(t)
		if err := r.sim.Script(simulator.Step{Requests: 1, Faults: "silence"}); err != nil {
			t.Fatal(err)
		}
		leader := r.ask(t, "sim/sim-l0", stream, nil)
		if _, err := r.sim.Wait(soon(t), 1); err != nil {
			t.Fatal(err)
		}
		members := r.askMany(t, followers, "sim/sim-l0", stream)
		r.joined(t, followers+1)
		leader.leave()
		if leader.wait(); leader.refused == nil || leader.refused.Code != translate.CallerGone {
			t.Errorf("the leader got %v, want caller_gone", leader.refused)
		}
		whole := members[0].wantWhole(nil)
		for _, m := range members {
			m.wantWhole(whole)
		}
		r.wantRequests(t, 2)
		r.quiet(t)
	})
}

func soon(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

func TestFlightLeaderLeavesMidStream(t *testing.T) {
	r := newRig(t)
	const model = "sim/sim-l0"
	if err := r.sim.Script(simulator.Step{Faults: "chunk-delay=50ms,tokens=8"}); err != nil {
		t.Fatal(err)
	}
	leader := r.ask(t, model, true, nil).started()
	members := r.askMany(t, 3, model, true)
	r.joined(t, 4)
	leader.leave() // most likely while it reads
	leader.wait()
	if !errors.Is(leader.wrote, upstream.ErrCanceled) {
		t.Errorf("the leader ended with %v", leader.wrote)
	}
	whole := members[0].wantWhole(nil)
	cost := leader.cost
	for _, m := range members {
		m.wantWhole(whole)
		cost += m.cost
	}
	r.wantRequests(t, 1)
	again := r.askAlone(t, model, true)
	again.wantWhole(whole)
	if again.cost == 0 || cost != again.cost {
		t.Errorf("shared by leavers it costs %d, alone %d", cost, again.cost)
	}
	r.quiet(t)
}

// Readers come and go, one of them always in the middle of a read.
func TestFlightReadersComeAndGo(t *testing.T) {
	r := newRig(t)
	const model = "sim/sim-l0!chunk-delay=2ms,tokens=60"
	slow := r.ask(t, model, true, nil)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 5 {
				m := r.ask(t, model, true, nil)
				select {
				case <-m.writing:
				case <-m.done:
				}
				m.leave()
				<-m.done
				if m.failed != nil && m.failed.Code != translate.CallerGone {
					t.Errorf("a reader that leaves got %v", m.failed)
				}
			}
		})
	}
	whole := slow.wantWhole(nil)
	wg.Wait()
	again := r.askAlone(t, model, true)
	again.wantWhole(whole)
	r.quiet(t)
}

// A decoder can't go on after an interrupted read: the others are told.
func TestFlightLeaderLeavesEncodedStream(t *testing.T) {
	r := newRig(t)
	const model = "sim/sim-l0!gzip,chunk-delay=100ms,tokens=5"
	gate := make(chan struct{})
	leader := r.ask(t, model, true, nil).started()
	follower := r.ask(t, model, true, gate)
	r.joined(t, 2)
	leader.leave()
	leader.wait()
	close(gate)
	follower.wait()
	whole := bytes.HasSuffix(follower.body, []byte("data: [DONE]\n\n")) // the leader was not reading
	if told := follower.failed != nil && follower.failed.Code == translate.ProviderReset; whole == told {
		t.Errorf("failed %v: %s", follower.failed, follower.body)
	}
	r.quiet(t)
}

func TestFlightAllLeave(t *testing.T) {
	var took time.Duration
	for range 3 { // a busy machine may be late once
		r := newRig(t)
		const model = "sim/sim-l0!stall-mid-stream=2"
		members := append(r.askMany(t, 1, model, true), r.askMany(t, 4, model, true)...)
		for _, m := range members {
			m.started()
		}
		start := time.Now()
		for _, m := range members {
			m.leave()
		}
		seen, err := r.sim.WaitEnd(soon(t), 1)
		if err != nil || !seen.Aborted {
			t.Fatalf("the provider saw no abort: %v", err)
		}
		for _, m := range members {
			m.wait()
		}
		r.wantRequests(t, 1)
		r.quiet(t)
		if took = seen.Ended.Sub(start); took <= 100*time.Millisecond {
			return
		}
	}
	t.Errorf("the upstream connection was closed after %v, want 100ms", took)
}

func TestFlightSharesErrors(t *testing.T) {
	eachForm(t, func(t *testing.T, stream bool) {
		const n = 10
		r := newRig(t)
		open := r.hold()
		members := r.askMany(t, n, "sim/sim-l0!status=422", stream)
		r.joined(t, n)
		open()
		for _, m := range members {
			if m.wait(); m.refused == nil || m.refused.HTTPStatus() != 422 || len(m.body) > 0 {
				t.Errorf("got %v, want the provider's 422", m.refused)
			}
		}
		r.wantRequests(t, 1)
		r.ask(t, "sim/sim-l0!status=422", stream, nil).wait()
		r.wantRequests(t, 2)
		r.quiet(t)
	})
}

// A stream that was cut is stored for nobody, and nobody joins it any more.
func TestFlightCutStream(t *testing.T) {
	r := newRig(t)
	gate := make(chan struct{})
	const model = "sim/sim-l0!chunk-delay=5ms,fin-mid-stream=3"
	slow := r.ask(t, model, true, gate).started()
	follower := r.ask(t, model, true, nil).wait()
	next := r.ask(t, model, true, nil).wait()
	close(gate)
	slow.wait()
	for _, m := range []*member{slow, follower, next} {
		if m.failed == nil || m.failed.Code != translate.ProviderTruncated || bytes.Contains(m.body, []byte("[DONE]")) ||
			!bytes.Contains(m.body, []byte("provider_truncated")) {
			t.Errorf("failed %v: %s", m.failed, m.body)
		}
	}
	if follower.cache != "coalesced" || next.cache != "miss" {
		t.Errorf("cache %q, then %q; want coalesced, then miss", follower.cache, next.cache)
	}
	r.wantRequests(t, 2)
	r.quiet(t)
}

// What may not be stored is shared all the same by those who asked together.
func TestFlightSharesWhatIsNotStored(t *testing.T) {
	eachForm(t, func(t *testing.T, stream bool) {
		const n = 5
		r := newRig(t)
		open := r.hold()
		members := r.askMany(t, n, "sim/sim-l0!finish=length", stream)
		r.joined(t, n)
		open()
		whole := members[0].wantWhole(nil)
		for _, m := range members {
			m.wantWhole(whole)
		}
		r.wantRequests(t, 1)
		r.ask(t, "sim/sim-l0!finish=length", stream, nil).wantWhole(whole)
		r.wantRequests(t, 2)
		r.quiet(t)
	})
}

func TestFlightPanic(t *testing.T) {
	eachForm(t, func(t *testing.T, stream bool) {
		const n = 5
		r := newRig(t)
		gate := make(chan struct{})
		r.prepare = func() {
			<-gate
			panic("a bug in a dialect")
		}
		members := r.askMany(t, n, "sim/sim-l0", stream)
		r.joined(t, n)
		close(gate)
		panics := 0
		for _, m := range members {
			switch m.wait(); {
			case m.panicked != nil:
				panics++
			case m.refused == nil || m.refused.Code != translate.GatewayInternal:
				t.Errorf("got %v, want gateway_internal", m.refused)
			}
		}
		if panics != 1 {
			t.Errorf("%d calls panicked, want the first alone", panics)
		}
		r.prepare = nil
		r.ask(t, "sim/sim-l0", stream, nil).wantWhole(nil)
		r.quiet(t)
	})
}
