package engine

import (
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/ai-mcp-gateway/gateway/bench/simulator"
	"github.com/ai-mcp-gateway/gateway/cache"
	"github.com/ai-mcp-gateway/gateway/store"
	"github.com/ai-mcp-gateway/gateway/telemetry"
	"github.com/ai-mcp-gateway/gateway/tenant"
	"github.com/ai-mcp-gateway/gateway/translate"
	"github.com/ai-mcp-gateway/gateway/translate/openai"
	"github.com/ai-mcp-gateway/gateway/upstream"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience bounds every wait for what is sure to come.
const patience = 20 * time.Second

// rig is an engine with a simulated provider named sim. A model such as
// "sim/sim-l0!status=500" brings its fault with it.
type rig struct {
	*Engine
	sim *simulator.Server
	// prepare, when set, is called at the start of every attempt; asked
	// also learns which model is asked.
	prepare func()
	asked   func(model string)

	book book
}

// book is a ledger that can be read, with the calls that it is held against.
type book struct {
	mu      sync.Mutex
	rows    []store.Call
	members []*member
}

// expect notes that the rows of a call will come.
func (b *book) expect(m *member) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.members = append(b.members, m)
}

// Put implements ledger.
func (b *book) Put(rows []store.Call) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, row := range rows {
		row.Decision = slices.Clone(row.Decision)
		b.rows = append(b.rows, row)
	}
}

// read returns the rows so far.
func (b *book) read() []store.Call {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.rows)
}

// hooked is OpenAI's dialect with a place to wait, or to panic, in an attempt.
type hooked struct {
	*openai.Dialect
	rig *rig
}

func (h hooked) Prepare(p *translate.Plan, r *translate.Request, op translate.Op, model []byte, askUsage bool) bool {
	if h.rig.prepare != nil {
		h.rig.prepare()
	}
	if h.rig.asked != nil {
		h.rig.asked(string(model))
	}
	return h.Dialect.Prepare(p, r, op, model, askUsage)
}

func newRig(t *testing.T) *rig { return newRigWith(t, func(*Config) {}) }

// newRigWith is newRig with another configuration.
func newRigWith(t testing.TB, change func(*Config)) *rig {
	t.Helper()
	sim, err := simulator.Start(simulator.Config{Record: 1000})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = sim.Close() })
	r := &rig{sim: sim}
	limits := upstream.Defaults()
	limits.FirstByte, limits.Idle = patience, patience
	cfg := Config{
		Providers: []ProviderConfig{{Name: "sim", Dialect: "openai", BaseURL: sim.URL() + "/v1", StreamUsage: "auto"}},
		Models:    []ModelConfig{{ID: "sim/sim-l0", Priced: true, InputPrice: 1000, OutputPrice: 2000}},
		Upstream:  limits,
		Cache:     cache.Config{Enabled: true, TTL: time.Hour, Memory: 16 << 20, Scope: "tenant", Coalesce: true},
	}
	change(&cfg)
	hook := hooked{openai.New(), r}
	var dialects Dialects
	dialects.AddClient(hook)
	dialects.AddProvider(hook)
	r.Engine, err = New(cfg, Options{Dialects: dialects, Ledger: &r.book, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	t.Cleanup(func() { r.balanced(t) })
	return r
}

// balanced checks that the ledger has what the calls say of themselves, once.
func (r *rig) balanced(t testing.TB) {
	var rows, attempts int
	var paid, cost int64
	for _, row := range r.book.read() {
		if paid += row.CostNano; !row.Cached {
			rows++
		} else if row.CostNano != 0 || row.InputTokens != 0 {
			t.Errorf("a row of a stored answer costs: %+v", row)
		}
	}
	for _, m := range r.book.members {
		attempts, cost = attempts+len(m.wait().attempts), cost+m.cost
	}
	if rows != attempts || paid != cost {
		t.Errorf("the ledger has %d attempts of %d nano-dollars, the calls have %d of %d", rows, paid, attempts, cost)
	}
}

// member is one call, in a goroutine of its own, with a client that may be
// slow and may leave.
type member struct {
	t       *testing.T
	writing chan struct{} // closed when the first write begins
	gate    chan struct{} // when set, writes wait until it is closed
	done    chan struct{} // closed when the call has been released

	mu   sync.Mutex
	call *Call // nil when it has been released
	once sync.Once

	// Good when done is closed.
	body     []byte
	refused  *translate.Error // what Do said
	failed   *translate.Error // what the stream ended with
	wrote    error
	panicked any
	cache    string
	cost     int64 // of all of its attempts
	attempts []telemetry.Attempt
	provider string
}

// Write implements io.Writer.
func (m *member) Write(p []byte) (int, error) {
	m.once.Do(func() { close(m.writing) })
	if m.gate != nil {
		<-m.gate
	}
	m.body = append(m.body, p...)
	return len(p), nil
}

// leave closes the client's connection.
func (m *member) leave() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.call != nil {
		m.call.ClientGone()
	}
}

// wait returns when the call is over.
func (m *member) wait() *member {
	m.t.Helper()
	select {
	case <-m.done:
	case <-time.After(patience):
		m.t.Fatal("a call does not end")
	}
	return m
}

// started returns when the first bytes have reached the client.
func (m *member) started() *member {
	m.t.Helper()
	select {
	case <-m.writing:
	case <-m.done:
		m.t.Fatalf("the call ended at once: %v", m.refused)
	case <-time.After(patience):
		m.t.Fatal("no first byte")
	}
	return m
}

// ask starts a call. Its writes wait for gate, if there is one.
func (r *rig) ask(t *testing.T, model string, stream bool, gate chan struct{}) *member {
	t.Helper()
	return r.askFor(t, model, t.Name(), stream, gate)
}

func (r *rig) askFor(t *testing.T, model, prompt string, stream bool, gate chan struct{}) *member {
	t.Helper()
	c := AcquireCall(time.Now())
	c.Op, c.Caller = translate.OpChat, tenant.Anonymous()
	body := fmt.Sprintf(`{"model":%q,"stream":%t,"messages":[{"role":"user","content":%q}]}`, model, stream, prompt)
	if err := c.Request.Scan([]byte(body)); err != nil {
		t.Fatal(err)
	}
	m := &member{t: t, call: c, gate: gate, writing: make(chan struct{}), done: make(chan struct{})}
	r.book.expect(m)
	go m.run(r.Engine, c)
	return m
}

// run does what a face does with a call.
func (m *member) run(e *Engine, c *Call) {
	defer close(m.done)
	defer func() {
		m.panicked = recover()
		m.mu.Lock()
		m.call = nil
		m.mu.Unlock()
		c.Close()
		m.cache = c.Record.Cache
		for i := range c.Record.Attempts {
			m.cost += c.Record.Attempts[i].CostNano
		}
		m.attempts, m.provider = slices.Clone(c.Record.Attempts), c.Record.Provider
		if m.panicked == nil {
			c.Release()
		}
	}()
	if m.refused = e.Do(c); m.refused != nil {
		return
	}
	_, m.wrote = c.WriteTo(m)
	m.failed = c.Err()
}

// askMany starts n calls alike.
func (r *rig) askMany(t *testing.T, n int, model string, stream bool) (members []*member) {
	for range n {
		members = append(members, r.ask(t, model, stream, nil))
	}
	return members
}

// joined waits until n calls are in the one flight that is under way.
func (r *rig) joined(t *testing.T, n int) {
	t.Helper()
	eventually(t, fmt.Sprintf("%d members of one flight", n), func() bool {
		r.flights.mu.Lock()
		defer r.flights.mu.Unlock()
		for _, f := range r.flights.byKey {
			f.mu.Lock()
			members := f.members
			f.mu.Unlock()
			return len(r.flights.byKey) == 1 && members == n
		}
		return false
	})
}

// quiet checks that nothing is left of any flight.
func (r *rig) quiet(t *testing.T) {
	t.Helper()
	r.flights.mu.Lock()
	defer r.flights.mu.Unlock()
	if len(r.flights.byKey) != 0 || r.flights.held.Load() != 0 {
		t.Errorf("%d flights and %d bytes are left", len(r.flights.byKey), r.flights.held.Load())
	}
}

func eventually(t *testing.T, what string, cond func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	deadline := time.After(patience)
	for !cond() {
		select {
		case <-deadline:
			t.Fatalf("waited in vain for %s", what)
		case <-tick.C:
		}
	}
}
