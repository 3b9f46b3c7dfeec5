package engine

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ai-mcp-gateway/gateway/store"
	"github.com/ai-mcp-gateway/gateway/telemetry"
	"github.com/ai-mcp-gateway/gateway/tenant"
	"github.com/ai-mcp-gateway/gateway/translate"
)

// told is what the tests compare of the rows, in any order.
func (b *book) told() (rows []string) {
	for _, row := range b.read() {
		what := "paid"
		switch {
		case row.Cached:
			what = "cached"
		case row.CostNano == 0:
			what = "free"
		}
		if row.Estimated {
			what += " estimated"
		}
		rows = append(rows, fmt.Sprintf("%s %s %d %s", row.Provider, what, row.Status, row.Error))
	}
	slices.Sort(rows)
	return rows
}

func (r *rig) wantRows(t *testing.T, want ...string) {
	t.Helper()
	slices.Sort(want)
	if diff := cmp.Diff(want, r.book.told()); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
}

// faulty is a rig whose provider misbehaves.
func faulty(t *testing.T, faults string) *rig {
	t.Helper()
	return newRigWith(t, func(cfg *Config) {
		p := &cfg.Providers[0]
		p.BaseURL = strings.TrimSuffix(p.BaseURL, "/v1") + "/~" + faults + "/v1"
	})
}

func TestLedgerRow(t *testing.T) {
	eachForm(t, func(t *testing.T, stream bool) {
		r := newRig(t)
		r.ask(t, "sim/sim-l0", stream, nil).wantWhole(nil)
		r.ask(t, "sim/sim-l0", stream, nil).wantWhole(nil)
		r.wantRows(t, "sim paid 200 ", "sim cached 200 ")
		row := r.book.read()[0]
		if row.InputTokens == 0 || row.OutputTokens == 0 || row.CostNano != 1000*row.InputTokens+2000*row.OutputTokens || !row.CostKnown {
			t.Errorf("%+v", row)
		}
		if row.Model != "sim/sim-l0" || row.Role != "primary" || row.Tenant != tenant.Anonymous().Tenant || row.Duration <= 0 || row.Time.IsZero() {
			t.Errorf("%+v", row)
		}
		if got, want := string(row.Decision), `"cache":"miss","cacheReason":"absent"}`; !bytes.HasSuffix(row.Decision, []byte(want)) {
			t.Errorf("decision %s, want it to end in %s", got, want)
		}
	})
}

// A call that waits for another one's answer has a row of its own, at no cost.
func TestLedgerCoalesced(t *testing.T) {
	eachForm(t, func(t *testing.T, stream bool) {
		r := newRig(t)
		open := r.hold()
		members := r.askMany(t, 3, "sim/sim-l0", stream)
		r.joined(t, 3)
		open()
		for _, m := range members {
			m.wantWhole(nil)
		}
		r.wantRows(t, "sim paid 200 ", "sim cached 200 ", "sim cached 200 ")
	})
}

func TestLedgerFailures(t *testing.T) {
	p := newPair(t, "status=500", "")
	p.ask(t, "L0", false, nil).wantWhole(nil)
	p.wantRows(t, "a free 502 provider_failed", "b paid 200 ")
}

func TestLedgerHedge(t *testing.T) {
	p := newPair(t, "silence", "")
	p.ask(t, "L0", true, nil).wantWhole(nil)
	p.wantRows(t, "a free 499 hedge_lost", "b paid 200 ")
}

// A provider that stops in the middle is paid for what came.
func TestLedgerPartial(t *testing.T) {
	r := faulty(t, "reset-mid-stream")
	m := r.ask(t, "sim/sim-l0", true, nil).wait()
	if m.failed == nil {
		t.Fatal("the stream is whole")
	}
	r.wantRows(t, "sim paid estimated 200 provider_reset")
}

// So is one whose client leaves in the middle.
func TestLedgerLeaving(t *testing.T) {
	r := faulty(t, "stall-mid-stream")
	m := r.ask(t, "sim/sim-l0", true, nil).started()
	m.leave()
	m.wait()
	r.wantRows(t, "sim paid estimated 200 caller_gone")
}

func TestLedgerLeavingBeforeFirstByte(t *testing.T) {
	r := faulty(t, "silence")
	m := r.ask(t, "sim/sim-l0", true, nil)
	if _, err := r.sim.Wait(soon(t), 1); err != nil {
		t.Fatal(err)
	}
	m.leave()
	m.wait()
	r.wantRows(t, "sim free 499 caller_gone")
}

// The attempt of a call that leaves is another's when others read on.
func TestLedgerLeaderLeaves(t *testing.T) {
	r := faulty(t, "chunk-delay=2ms")
	gate := make(chan struct{})
	const model = "sim/sim-l0"
	leader := r.ask(t, model, true, gate).started()
	follower := r.ask(t, model, true, gate).started()
	leader.leave()
	close(gate)
	follower.wantWhole(nil)
	leader.wait()
	rows := r.book.read()
	if len(rows) != 2 {
		t.Fatalf("%d rows, want 2: %q", len(rows), r.book.told())
	}
	for _, row := range rows {
		if (row.CostNano > 0) == row.Cached {
			t.Errorf("%+v", row)
		}
	}
}

// witness looks into the ledger whenever something is written.
type witness struct {
	book *book
	seen int // rows, at the last write
	last []byte
}

// Write implements io.Writer.
func (w *witness) Write(p []byte) (int, error) {
	w.seen, w.last = len(w.book.read()), bytes.Clone(p)
	return len(p), nil
}

// The row is there before the end of the answer is.
func TestLedgerBeforeTheEnd(t *testing.T) {
	eachForm(t, func(t *testing.T, stream bool) {
		r := newRig(t)
		c := AcquireCall(time.Now())
		c.Op, c.Caller = translate.OpChat, tenant.Anonymous()
		if err := c.Request.Scan(fmt.Appendf(nil, `{"model":"sim/sim-l0","stream":%t,"messages":[{"role":"user","content":"x"}]}`, stream)); err != nil {
			t.Fatal(err)
		}
		if err := r.Do(c); err != nil {
			t.Fatal(err)
		}
		w := &witness{book: &r.book}
		if _, err := c.WriteTo(w); err != nil {
			t.Fatal(err)
		}
		if end := []byte("[DONE]"); w.seen != 1 || stream && !bytes.Contains(w.last, end) {
			t.Errorf("%d rows with the last write, want 1: %s", w.seen, w.last)
		}
		c.Close()
		c.Release()
		r.wantRows(t, "sim paid 200 ")
		r.book.rows = nil // no member has asked for it
	})
}

func BenchmarkAccount(b *testing.B) {
	c, add := accounted()
	b.ReportAllocs()
	for b.Loop() {
		add()
	}
	c.Release()
}

// drain is a ledger that keeps nothing.
type drain struct{ rows int }

// Put implements ledger.
func (d *drain) Put(rows []store.Call) { d.rows += len(rows) }

// accounted returns a call with an attempt, and what enters it into a ledger.
func accounted() (c *Call, add func()) {
	c = AcquireCall(time.Now())
	c.engine = &Engine{options: Options{Ledger: &drain{}}}
	c.Caller = tenant.Anonymous()
	c.Record.RequestID, c.Record.Model, c.Record.Reason, c.Record.Cache = "req_1", "openai/gpt-5", "a model that was named", "miss"
	*c.Record.AddAttempt() = telemetry.Attempt{Time: c.Start, Provider: "openai", Model: "openai/gpt-5", Status: 200, CostNano: 5, CostKnown: true}
	return c, func() {
		c.accounted = false
		c.account(nil)
	}
}
