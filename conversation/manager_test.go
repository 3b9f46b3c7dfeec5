package conversation

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/ai-mcp-gateway/gateway/store"
	"github.com/ai-mcp-gateway/gateway/store/sqlite"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// hotMap is a hot tier of one process. It can be away, and lose what is put.
type hotMap struct {
	mu         sync.Mutex
	held       map[string]*Held
	away, deaf bool
}

var errAway = errors.New("away")

func (h *hotMap) Get(_ context.Context, tenant, id string) (Held, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.away {
		return Held{}, errAway
	}
	if held := h.held[tenant+"/"+id]; held != nil {
		return *held, nil
	}
	return Held{}, nil
}

func (h *hotMap) Put(_ context.Context, tenant, id string, held *Held) (kept bool, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.away || h.deaf {
		return false, errAway
	}
	if h.held == nil {
		h.held = map[string]*Held{}
	}
	old := h.held[tenant+"/"+id]
	if old == nil {
		old = new(Held)
		h.held[tenant+"/"+id] = old
	}
	kept = true
	put := func(old *Value, v Value) {
		switch {
		case v.Version == 0:
		case v.Checked && old.Version > v.After:
			kept = false
		case v.Version >= old.Version:
			*old = v
		}
	}
	put(&old.Summary, held.Summary)
	put(&old.Messages, held.Messages)
	put(&old.Todos, held.Todos)
	return kept, nil
}

func (h *hotMap) setAway(away bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.away = away
}

func (h *hotMap) setDeaf(deaf bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.deaf = deaf
}

func (h *hotMap) flush() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.held = nil
}

func openCold(t *testing.T) *sqlite.Store {
	t.Helper()
	cold, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "gateway.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := cold.Close(); err != nil {
			t.Error(err)
		}
	})
	return cold
}

func newManager(t *testing.T, cold Cold, hot Hot, options Options) *Manager {
	t.Helper()
	m := New(Config{}, cold, hot, options)
	t.Cleanup(m.Close)
	return m
}

// words are the contents of messages.
func words(messages []Message) string {
	var list []string
	for _, m := range messages {
		it := readItem(m.Dialect, m.Raw)
		list = append(list, it.plain())
	}
	return strings.Join(list, " ")
}

func stored(t *testing.T, cold Cold, id string) string {
	t.Helper()
	list, err := cold.Messages(t.Context(), "default", id, 0, 10_000)
	if err != nil {
		t.Fatal(err)
	}
	var all []Message
	for i, m := range list {
		if m.Seq != int64(i+1) {
			t.Errorf("message %d has the number %d", i+1, m.Seq)
		}
		all = append(all, Message{m.Dialect, m.Raw})
	}
	return words(all)
}

func begin(t *testing.T, m *Manager, id, incoming string) *Turn {
	t.Helper()
	turn, err := m.Begin(t.Context(), &Call{Caller: Caller{Tenant: "default"}, ID: id, Dialect: OpenAI, Incoming: rawWords(incoming)})
	if err != nil {
		t.Fatal(err)
	}
	return turn
}

func finish(t *testing.T, turn *Turn, answer string) {
	t.Helper()
	a := &Answer{Messages: rawWords(answer), Model: "m", Incomplete: strings.HasSuffix(answer, "~")}
	if err := turn.Finish(t.Context(), a); err != nil {
		t.Fatal(err)
	}
}

// TestTurns runs turns of one conversation: what comes in, what is sent, and
// what the answer is.
func TestTurns(t *testing.T) {
	cold, hot := openCold(t), new(hotMap)
	m := newManager(t, cold, hot, Options{})
	f := func(incoming, want, source, answer string) {
		t.Helper()
		turn := begin(t, m, "c", incoming)
		if got := words(turn.Messages); got != want {
			t.Errorf("%s: sent %q, want %q", incoming, got, want)
		}
		if turn.Untouched != (incoming == want) || turn.Source != source || turn.Foreign || turn.Compressed {
			t.Errorf("%s: %+v", incoming, turn)
		}
		finish(t, turn, answer)
	}
	f("s1 u1", "s1 u1", SourceNew, "a1")
	f("u2", "s1 u1 a1 u2", SourceHot, "a2")
	f("s1 u1 a1 u2 a2 u3", "s1 u1 a1 u2 a2 u3", SourceHot, "a3")
	hot.flush()
	f("u4", "s1 u1 a1 u2 a2 u3 a3 u4", SourceCold, "a4~")
	f("s2 u5", "s2 u1 a1 u2 a2 u3 a3 u4 a4 u5", SourceHot, "a5")
	hot.flush()
	f("u6", "s2 u1 a1 u2 a2 u3 a3 u4 a4 u5 a5 u6", SourceCold, "a6")
	f("u1 a1 uX", "s2 u1 a1 uX", SourceHot, "aX")
	if got, want := stored(t, cold, "c"), "s1 u1 a1 u2 a2 u3 a3 u4 a4 s2 u5 a5 u6 a6 uX aX"; got != want {
		t.Errorf("stored %q, want %q", got, want)
	}
}

func TestTurn_Dialects(t *testing.T) {
	m := newManager(t, openCold(t), nil, Options{})
	finish(t, begin(t, m, "c", "s1 u1"), "a1")
	call := &Call{Caller: Caller{Tenant: "default"}, ID: "c", Dialect: Anthropic, Instructed: true, Incoming: rawWords("u1 a1 u2")}
	turn, err := m.Begin(t.Context(), call)
	if err != nil {
		t.Fatal(err)
	}
	if !turn.Untouched || turn.Foreign || turn.Fresh != 2 {
		t.Errorf("history in another dialect: %+v", turn)
	}
	call.Incoming = rawWords("u2")
	if turn, err = m.Begin(t.Context(), call); err != nil {
		t.Fatal(err)
	}
	if got := words(turn.Messages); got != "u1 a1 u2" || !turn.Foreign {
		t.Errorf("sent %q, foreign: %v", got, turn.Foreign)
	}
	call.Tenant = "other"
	if turn, err = m.Begin(t.Context(), call); err != nil || turn.Source != SourceNew || !turn.Untouched {
		t.Errorf("another tenant sees it: %v, %+v", err, turn)
	}
}

// TestTurn_Rebase has a turn begin before another one ends.
func TestTurn_Rebase(t *testing.T) {
	cold, hot := openCold(t), new(hotMap)
	a, b := newManager(t, cold, hot, Options{}), newManager(t, cold, hot, Options{})
	finish(t, begin(t, a, "c", "u1"), "a1")
	first, second := begin(t, a, "c", "u2"), begin(t, b, "c", "v2")
	finish(t, second, "b2")
	finish(t, first, "a2")
	const want = "u1 a1 v2 b2 u2 a2"
	if got := stored(t, cold, "c"); got != want {
		t.Errorf("stored %q", got)
	}
	for _, m := range []*Manager{a, b} {
		turn := begin(t, m, "c", "u3")
		if got := words(turn.Messages); got != want+" u3" || turn.Source != SourceHot {
			t.Errorf("the next turn sends %q from %s", got, turn.Source)
		}
	}
}

// TestTurn_Key has a client try the same turn again.
func TestTurn_Key(t *testing.T) {
	cold, hot := openCold(t), new(hotMap)
	m := newManager(t, cold, hot, Options{})
	call := &Call{Caller: Caller{Tenant: "default"}, ID: "c", Dialect: OpenAI, Incoming: rawWords("u1"), Key: "k"}
	var turns [3]*Turn
	for i := range turns {
		var err error
		if turns[i], err = m.Begin(t.Context(), call); err != nil {
			t.Fatal(err)
		}
	}
	finish(t, turns[0], "a1")
	finish(t, turns[1], "aother")
	finish(t, begin(t, m, "c", "u2"), "a2")
	finish(t, turns[2], "athird")
	if got := stored(t, cold, "c"); got != "u1 a1 u2 a2" {
		t.Errorf("stored %q", got)
	}
	if turn := begin(t, m, "c", "u3"); words(turn.Messages) != "u1 a1 u2 a2 u3" || turn.Source != SourceHot {
		t.Errorf("the next turn sends %q", words(turn.Messages))
	}
}

// TestHotAway holds that a hot tier that missed a write is not read, by whom
// it failed, nor after it was repaired.
func TestHotAway(t *testing.T) {
	cold, hot := openCold(t), new(hotMap)
	failures := 0
	m := newManager(t, cold, hot, Options{Failed: func(error) { failures++ }})
	other := newManager(t, cold, hot, Options{})
	finish(t, begin(t, m, "c", "u1"), "a1")
	hot.setDeaf(true)
	finish(t, begin(t, m, "c", "u2"), "a2")
	hot.setDeaf(false)
	turn := begin(t, m, "c", "u3")
	if got := words(turn.Messages); got != "u1 a1 u2 a2 u3" || turn.Source != SourceCold {
		t.Errorf("sent %q from %s", got, turn.Source)
	}
	m.repair(t.Context())
	if turn := begin(t, other, "c", "u3"); words(turn.Messages) != "u1 a1 u2 a2 u3" || turn.Source != SourceHot {
		t.Errorf("another instance sends %q from %s", words(turn.Messages), turn.Source)
	}
	m.mu.Lock()
	if failures == 0 || len(m.repairs) > 0 {
		t.Errorf("%d failures told, repairs are left: %v", failures, m.repairs)
	}
	m.mu.Unlock()
	hot.setAway(true)
	if turn := begin(t, other, "c", "u3"); words(turn.Messages) != "u1 a1 u2 a2 u3" || turn.Source != SourceCold {
		t.Errorf("without a hot tier it sends %q from %s", words(turn.Messages), turn.Source)
	}
}

func TestHotCorrupt(t *testing.T) {
	cold, hot := openCold(t), new(hotMap)
	m := newManager(t, cold, hot, Options{})
	finish(t, begin(t, m, "c", "u1"), "a1")
	hot.held["default/c"].Messages.Data = []byte("garbage")
	if turn := begin(t, m, "c", "u2"); words(turn.Messages) != "u1 a1 u2" || turn.Source != SourceCold {
		t.Errorf("sent %q from %s", words(turn.Messages), turn.Source)
	}
	if turn := begin(t, m, "c", "u2"); turn.Source != SourceHot {
		t.Errorf("not refilled: read from %s", turn.Source)
	}
}

// coldAway is a cold tier that fails a number of times after it did what it
// was asked for.
type coldAway struct {
	Cold
	failures int
}

func (c *coldAway) Append(ctx context.Context, a *store.Append) (int64, error) {
	version, err := c.Cold.Append(ctx, a)
	if c.failures > 0 {
		c.failures--
		return 0, store.ErrUnavailable
	}
	return version, err
}

// TestFinish_Unavailable holds that an append whose outcome is not known takes
// place once, and that one that fails is not acknowledged.
func TestFinish_Unavailable(t *testing.T) {
	cold := &coldAway{Cold: openCold(t), failures: 1}
	m := newManager(t, cold, nil, Options{})
	finish(t, begin(t, m, "c", "u1"), "a1")
	if got := stored(t, cold, "c"); got != "u1 a1" {
		t.Errorf("stored %q", got)
	}
	cold.failures = 100
	if err := begin(t, m, "c", "u2").Finish(t.Context(), nil); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("got %v", err)
	}
}

func TestFinish_Conflict(t *testing.T) {
	cold := &conflicting{Cold: openCold(t)}
	m := newManager(t, cold, nil, Options{})
	finish(t, begin(t, m, "c", "u1"), "a1")
	cold.always = true
	var conflict *store.VersionError
	if err := begin(t, m, "c", "u2").Finish(t.Context(), nil); !errors.As(err, &conflict) || conflict.Version != 2 {
		t.Errorf("got %v", err)
	}
}

type conflicting struct {
	Cold
	always bool
}

func (c *conflicting) Append(ctx context.Context, a *store.Append) (int64, error) {
	if c.always {
		return 0, &store.VersionError{Version: 2}
	}
	return c.Cold.Append(ctx, a)
}

func TestContext(t *testing.T) {
	cold, hot := openCold(t), new(hotMap)
	m := newManager(t, cold, hot, Options{})
	get := func() *Context {
		t.Helper()
		c, err := m.Context(t.Context(), "default", "c")
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	empty := &Context{ConversationID: "c", Summary: []byte("null"), RecentMessages: []Shown{}, Todos: []ShownTodo{}}
	if diff := cmp.Diff(empty, get()); diff != "" {
		t.Error(diff)
	}
	for want := int64(1); want < 3; want++ {
		version, err := m.PutSummary(t.Context(), "default", "c", []byte(`{"stack":["Go","SQL"],"text":"It works.","lastUpdated":"2026-01-01"}`))
		if err != nil || version != want {
			t.Fatalf("got version %d, %v", version, err)
		}
	}
	if err := m.PutTodos(t.Context(), "default", "c", []store.Todo{{ID: 1, Title: "t", Status: store.TodoInProgress}}); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		turn := begin(t, m, "c", "u1")
		if turn.Summary != "It works.\nStack: Go; SQL" || len(turn.Messages) != 2 || turn.SummaryVersion != 2 {
			t.Errorf("the summary is not sent: %+v", turn)
		}
		hot.flush()
	}
	finish(t, begin(t, m, "c", "u1"), "a1")
	got := get()
	if string(got.Summary) != `{"conversationId":"c","stack":["Go","SQL"],"text":"It works.","lastUpdated":"2026-01-01"}` ||
		got.SummaryVersion != 2 || got.MessageCount != 2 || len(got.RecentMessages) != 2 || got.RecentMessages[1].Content != "a1" {
		t.Errorf("got %+v with the summary %s", got, got.Summary)
	}
	if diff := cmp.Diff([]ShownTodo{{ID: 1, Title: "t", Status: "in-progress"}}, got.Todos); diff != "" {
		t.Error(diff)
	}
}

func TestReadSummary(t *testing.T) {
	f := func(raw, want string) {
		t.Helper()
		_, fault := readSummary("c", []byte(raw))
		got := ""
		if fault != nil {
			got = fault.Param
		}
		if got != want {
			t.Errorf("%s: got a fault in %q, want %q", raw, got, want)
		}
	}
	f(`{}`, "")
	f(`{"conversationId":"c","architecture":"a","modules":["m"],"todos":[{"id":1,"title":"t"}],"decisions":null}`, "")
	f(`[]`, "summary")
	f(`{"conversationId":"d"}`, "summary.conversationId")
	f(`{"stack":7}`, "summary.stack")
	f(`{"stack":[7]}`, "summary.stack")
	f(`{"lastUpdated":["x"]}`, "summary.lastUpdated")
	f(`{"main_files":[]}`, "summary.main_files")
}
