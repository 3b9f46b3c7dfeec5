package engine

import (
	"bytes"
	"io"
	"sync"
	"time"

	"github.com/ai-mcp-gateway/gateway/cache"
	"github.com/ai-mcp-gateway/gateway/internal/bufpool"
	"github.com/ai-mcp-gateway/gateway/store"
	"github.com/ai-mcp-gateway/gateway/telemetry"
	"github.com/ai-mcp-gateway/gateway/tenant"
	"github.com/ai-mcp-gateway/gateway/translate"
	"github.com/ai-mcp-gateway/gateway/upstream"
)

// maxAttempts is how many upstream attempts one call may make, whatever the
// number of targets behind its model.
const maxAttempts = 8

// CacheControl is what a request's Cache-Control says, as HTTP means it.
type CacheControl struct {
	NoCache, NoStore, OnlyIfCached bool
	// MaxAge is the oldest answer that will do; negative means any.
	MaxAge time.Duration
}

// Call is one call on its way through the engine. A face acquires it, fills
// the fields of the first group, calls Do, writes the answer with WriteTo and
// ends with Close, in this order and from one goroutine. Byte slices are
// borrowed until Close.
type Call struct {
	// What the face fills in.
	Op          translate.Op
	Request     translate.Request
	Caller      *tenant.Caller
	Control     CacheControl
	TierHint    []byte
	Traceparent []byte
	// Version and Betas are anthropic-version and anthropic-beta of a client
	// that speaks that dialect.
	Version, Betas []byte
	// Conversation is the id of the one that the call belongs to; empty leaves
	// it to the request's body.
	Conversation string
	// Key is the client's idempotency key.
	Key string
	// Strict refuses what a provider cannot be told, in place of dropping it.
	Strict bool
	// Quality is the caller's wish for an answer of auto: normal, high or
	// critical; empty is normal. MaxCost is the most that the call may cost, in
	// USD; empty is no limit.
	Quality, MaxCost []byte
	// Role is what the call is for; empty is the client's own, "primary".
	Role  string
	Start time.Time

	// Record is what is told about the call: headers, log and metrics read
	// it. The engine fills what it decides and measures.
	Record telemetry.Call

	// Estimated is set when the answer is a guess of the gateway's own.
	Estimated bool

	cancel upstream.Cancel

	// Scratch that is worth keeping from call to call.
	plan     translate.Plan
	read     translate.Answer
	event    translate.StreamEvent
	segments [][]byte
	head     []byte
	passed   []byte // header lines of the provider for the client
	chosen   []*target
	wire     upstream.Request
	bridge   bridge
	rows     []store.Call // on their way into the ledger
	decision []byte       // is what they say of it
	text     []byte
	items    [][]byte // of the request
	asked    []byte   // what its user said last

	life
}

// life is what a call is made of besides scratch; it is cleared as a whole.
type life struct {
	engine   *Engine
	state    *state
	dialect  passage // what the answer is in
	route    *route  // of one of the gateway's own calls; nil takes the model's
	target   *target // whose answer it is
	follower bool    // the attempt is another call's, and so is its cost
	scope    cache.Scope
	key      cache.Key
	pool     []*target     // whose answers have the key in common
	keyed    bool          // key is set, and the answer may be stored
	said     said          // by the provider of the last attempt
	deadline time.Time     // of all attempts, until the first byte
	hedged   *target       // has been asked besides another
	waited   time.Duration // for providers
	internal bool          // the gateway's own call, which is part of another
	until    time.Time     // comes before the deadline, if it is set
	most     int64         // that it may cost, in nano-dollars; noLimit
	lent     bool          // most is what is left of another call's
	before   int           // attempts that were made at other answers
	// answering is the attempt whose answer it is.
	answering int
	routed

	// The answer: one of these is set.
	own    bufpool.Buffer  // of a plain answer that may be stored, while it comes in
	body   *bufpool.Buffer // a plain answer that is not stored
	entry  *cache.Entry    // a stored answer, or one that could be
	pieces [3][]byte       // of entry's body
	direct *stream         // a stream of this call's own
	flight *flight         // a stream that others may share

	accounted bool // it is in the ledger, or not to be

	turn    *turn            // the part in a conversation; nil without one
	failure *translate.Error // what a stream ended with
	out     countingWriter
}

var calls = sync.Pool{New: func() any { return new(Call) }}

// AcquireCall returns an empty call that has started at the given time.
func AcquireCall(start time.Time) *Call {
	c := calls.Get().(*Call)
	c.Start = start
	c.Control.MaxAge = -1
	return c
}

// ClientGone ends the call because its client has left. Like Stopping it may
// be called from any goroutine until Close.
func (c *Call) ClientGone() { c.cancel.Cancel(upstream.CauseGone) }

// Stopping ends the call because the process does.
func (c *Call) Stopping() { c.cancel.Cancel(upstream.CauseStopping) }

// Sleep blocks for d. It returns false when the call was cancelled before.
func (c *Call) Sleep(d time.Duration) bool { return c.cancel.Sleep(d) }

// Release gives the call back. Nobody may hold it any more.
func (c *Call) Release() {
	c.cancel.Reset()
	c.Op, c.Caller, c.Control, c.TierHint, c.Traceparent = translate.OpNone, nil, CacheControl{}, nil, nil
	c.Request.Body, c.Request.Model = nil, nil
	c.Record.Reset()
	clear(c.segments[:cap(c.segments)])
	clear(c.chosen[:cap(c.chosen)])
	c.passed = c.passed[:0]
	c.wire = upstream.Request{}
	c.Version, c.Betas, c.Strict, c.Estimated = nil, nil, false, false
	c.Conversation, c.Key, c.Role = "", "", ""
	c.Quality, c.MaxCost = nil, nil
	clear(c.items)
	c.items = c.items[:0]
	if cap(c.asked) > bodyKept {
		c.asked = nil
	}
	c.bridge.reset()
	c.life = life{}
	calls.Put(c)
}

// Attempts is how many upstream attempts were made for this call alone.
func (c *Call) Attempts() int { return len(c.Record.Attempts) }

// Waited is the time spent waiting for providers so far.
func (c *Call) Waited() time.Duration { return c.waited }

// Simulated reports whether a built-in simulated provider answered.
func (c *Call) Simulated() bool {
	if c.state == nil || c.Record.Provider == "" {
		return false
	}
	p := c.state.table.providers[c.Record.Provider]
	return p != nil && p.config.Simulated
}

// Passed calls f for each header line of the provider that the client gets.
func (c *Call) Passed(f func(name, value []byte)) {
	for rest := c.passed; len(rest) > 0; {
		var name, value []byte
		name, rest, _ = bytes.Cut(rest, []byte{0})
		value, rest, _ = bytes.Cut(rest, []byte{0})
		f(name, value)
	}
}

// pass keeps the provider's header lines that are meant for clients.
func (c *Call) pass(h *upstream.Head) {
	c.passed = c.passed[:0]
	if !h.Limits {
		return
	}
	h.Each(func(name, value []byte) {
		const prefix = "x-ratelimit-"
		if len(name) > len(prefix) && name[0]|0x20 == 'x' && bytes.EqualFold(name[:len(prefix)], []byte(prefix)) {
			c.passed = append(append(append(append(c.passed, name...), 0), value...), 0)
		}
	})
}

// Length is the answer's length in bytes, or -1 when it is still coming in.
func (c *Call) Length() int {
	switch {
	case c.body != nil:
		return len(c.body.B)
	case c.entry != nil:
		return len(c.pieces[0]) + len(c.pieces[1]) + len(c.pieces[2])
	default:
		return -1
	}
}

// Pending reports whether the answer is still coming in, so that its cost is
// not known yet.
func (c *Call) Pending() bool { return c.flight != nil || c.direct != nil }

// WriteTo writes the answer to w: a stored or plain one whole, a stream as its
// events arrive, one Write for each batch that came in together. A stream that
// fails ends with the dialect's error event and without an error; an error is
// a failed write, or the call's own cancellation.
func (c *Call) WriteTo(w io.Writer) (n int64, err error) {
	counted := &c.out
	*counted = countingWriter{w: w}
	switch {
	case c.body != nil:
		_, err = counted.Write(c.body.B)
	case c.entry != nil:
		for i := 0; i < len(c.pieces) && err == nil; i++ {
			_, err = counted.Write(c.pieces[i])
		}
	case c.flight != nil:
		err = c.writeFlight(counted)
	default:
		err = c.writeDirect(counted)
	}
	c.Record.BytesOut += counted.n
	return counted.n, err
}

// Err is what a stream ended with, after WriteTo; nil when it ended well.
func (c *Call) Err() *translate.Error { return c.failure }

type countingWriter struct {
	w io.Writer
	n int64
}

func (w *countingWriter) Write(p []byte) (int, error) {
	n, err := w.w.Write(p)
	w.n += int64(n)
	return n, err
}
