package spool

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/ai-mcp-gateway/gateway/store"
	"github.com/ai-mcp-gateway/gateway/store/sqlite"
	"github.com/ai-mcp-gateway/gateway/store/storetest"
)

// pair is a store over a log and a cold store that fails.
type pair struct {
	*Store
	cold *flaky
	dir  string
}

func openPair(t testing.TB, dir string, mode int32) pair {
	t.Helper()
	db, err := sqlite.Open(context.Background(), filepath.Join(dir, "gateway.db"))
	if err != nil {
		t.Fatal(err)
	}
	cold := &flaky{Store: db}
	cold.mode.Store(mode)
	cfg := Config{Segment: 64 << 10, Wait: 20 * time.Millisecond}
	if mode == well {
		cfg.Wait = 10 * time.Second // the machine may be slow
	}
	l, err := Open(filepath.Join(dir, "spool"), cfg)
	if err != nil {
		t.Fatal(err)
	}
	s, err := New(cold, l, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return pair{Store: s, cold: cold, dir: dir}
}

func (p pair) drain(t testing.TB) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := p.Drain(ctx); err != nil {
		t.Fatalf("%v: %+v", err, p.State())
	}
}

func message(text string) store.Message {
	m := store.Message{Role: "user", Dialect: "openai", Raw: []byte(`{"content":"` + text + `"}`), Created: time.UnixMicro(1_790_000_000_000_000 + moment.Add(1)).UTC()}
	copy(m.Digest[:], text)
	return m
}

var moment atomic.Int64

func (p pair) add(t testing.TB, id string, after int64, key string, texts ...string) int64 {
	t.Helper()
	v, err := p.Append(context.Background(), newAppend(id, after, key, texts...))
	if err != nil {
		t.Fatalf("append %q to %q: %v", key, id, err)
	}
	return v
}

func newAppend(id string, after int64, key string, texts ...string) *store.Append {
	a := &store.Append{Tenant: "t", Conversation: id, Project: "p", After: after, Key: key}
	for _, text := range texts {
		a.Messages = append(a.Messages, message(text))
	}
	return a
}

// texts are a conversation's, each with its number.
func texts(messages []store.Message) []string {
	var list []string
	for _, m := range messages {
		list = append(list, fmt.Sprintf("%d %s", m.Seq, strings.Split(string(m.Raw), `"`)[3]))
	}
	return list
}

func (p pair) holds(t testing.TB, id string, want ...string) {
	t.Helper()
	list, err := p.Messages(context.Background(), "t", id, 0, 1000)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, texts(list)); diff != "" {
		t.Errorf("messages of %q: -want +got\n%s", id, diff)
	}
	loaded, err := p.Load(context.Background(), "t", id, 2)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want[max(0, len(want)-2):], texts(loaded.Recent)); diff != "" || loaded.Version != int64(len(want)) {
		t.Errorf("load %q: version %d, -want +got\n%s", id, loaded.Version, diff)
	}
}

// TestStore shows that nothing is lost of what the cold store promises.
func TestStore(t *testing.T) {
	storetest.Run(t, func(t testing.TB) store.Store { return openPair(t, t.TempDir(), well).Store })
}

func TestAppendWhileAway(t *testing.T) {
	for _, mode := range []int32{down, readOnly, hanging, forgetful} {
		t.Run(fmt.Sprint(mode), func(t *testing.T) {
			dir := t.TempDir()
			p := openPair(t, dir, mode)
			check := func(v, want int64) {
				t.Helper()
				if v != want {
					t.Errorf("version %d, want %d", v, want)
				}
			}
			check(p.add(t, "c", 0, "k1", "a", "b"), 2)
			check(p.add(t, "c", 2, "k2", "c"), 3)
			check(p.add(t, "c", store.AnyVersion, "k3", "d"), 4)
			check(p.add(t, "c", 2, "k2", "c"), 3)
			var conflict *store.VersionError
			if _, err := p.Append(t.Context(), newAppend("c", 2, "k4", "x")); !errors.As(err, &conflict) || conflict.Version != 4 {
				t.Errorf("%v", err)
			}
			if s := p.State(); !s.Spooling || s.Records != 3 {
				t.Errorf("%+v", s)
			}
			p.holds(t, "c", "1 a", "2 b", "3 c", "4 d")
			if err := p.Close(); err != nil {
				t.Fatal(err)
			}
			p = openPair(t, dir, mode) // a new process
			p.holds(t, "c", "1 a", "2 b", "3 c", "4 d")
			p.cold.mode.Store(well)
			p.drain(t)
			p.holds(t, "c", "1 a", "2 b", "3 c", "4 d")
			check(p.add(t, "c", 4, "k5", "e"), 5)
			if s := p.State(); s.Spooling || s.Records != 0 {
				t.Errorf("%+v", s)
			}
		})
	}
}

// TestOthersWroteMeanwhile shows that what was acknowledged goes behind what
// another instance wrote, and what is not known here is not made up.
func TestOthersWroteMeanwhile(t *testing.T) {
	p := openPair(t, t.TempDir(), well)
	p.add(t, "c", 0, "k1", "a")
	p.cold.mode.Store(down)
	p.add(t, "c", 1, "k2", "b")
	if _, err := p.Load(t.Context(), "t", "c", 1); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("%v", err)
	}
	if _, err := p.Load(t.Context(), "t", "unknown", 1); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("%v", err)
	}
	p.cold.mode.Store(readOnly)
	if _, err := p.cold.Store.Append(t.Context(), newAppend("c", 1, "other", "x", "y")); err != nil {
		t.Fatal(err)
	}
	p.holds(t, "c", "1 a", "2 x", "3 y", "4 b")
	p.cold.mode.Store(well)
	p.drain(t)
	p.holds(t, "c", "1 a", "2 x", "3 y", "4 b")
}

// TestOthersComeAlong shows that a log has what its appends go on from: they are
// stored in that order before the other instance has applied its own log, and
// once, whoever comes first.
func TestOthersComeAlong(t *testing.T) {
	for _, first := range []bool{true, false} {
		p := openPair(t, t.TempDir(), well)
		p.add(t, "c", 0, "k1", "a")
		p.cold.mode.Store(readOnly)
		theirs := newAppend("c", 1, "theirs", "b", "c")
		after := newAppend("c", 3, "ours", "d")
		after.Before = []store.Append{{Key: "theirs", Messages: theirs.Messages}}
		for range 2 { // under the same key
			if v, err := p.Append(t.Context(), after); v != 4 || err != nil || !after.Waiting {
				t.Errorf("version %d, %v, waiting %v", v, err, after.Waiting)
			}
		}
		p.add(t, "c", 4, "later", "e")
		p.holds(t, "c", "1 a", "2 b", "3 c", "4 d", "5 e")
		want := []string{"theirs", "ours", "later"}
		if got := p.waiting(t, "c"); !slices.Equal(got, want) {
			t.Errorf("%q are waiting, want %q", got, want)
		}
		p.cold.mode.Store(well)
		if !first {
			p.drain(t)
		}
		if _, err := p.cold.Store.Append(t.Context(), theirs); err != nil {
			t.Fatal(err)
		}
		p.drain(t)
		p.holds(t, "c", "1 a", "2 b", "3 c", "4 d", "5 e")
		if got := p.waiting(t, "c"); len(got) > 0 {
			t.Errorf("%q are waiting", got)
		}
	}
}

// waiting are the keys of the appends that only the log has.
func (p pair) waiting(t testing.TB, id string) []string {
	t.Helper()
	loaded, err := p.Load(t.Context(), "t", id, 1)
	if err != nil {
		t.Fatal(err)
	}
	var keys []string
	for _, a := range loaded.Waiting {
		keys = append(keys, a.Key)
	}
	return keys
}

// TestReplayTwice forgets that the log was applied, as a crash between the
// cold store's commit and the position does.
func TestReplayTwice(t *testing.T) {
	dir := t.TempDir()
	p := openPair(t, dir, down)
	p.add(t, "c", 0, "k1", "a")
	for i := range 3 {
		if _, err := p.PutSummary(t.Context(), "t", "c", int64(i), &store.Summary{Text: fmt.Sprint(i), Fields: []byte(`{}`)}); err != nil {
			t.Fatal(err)
		}
		if err := p.PutTodos(t.Context(), "t", "c", []store.Todo{{ID: int64(i), Title: "x", Status: store.TodoCompleted}}); err != nil {
			t.Fatal(err)
		}
		if err := p.PutCalls(t.Context(), []store.Call{{ID: fmt.Sprint(i), Time: time.Unix(int64(i), 0), Tenant: "t", CostNano: 7}}); err != nil {
			t.Fatal(err)
		}
	}
	p.add(t, "c", 1, "k2", "b")
	var want *store.Loaded
	for range 3 {
		p.cold.mode.Store(well)
		p.drain(t)
		p.holds(t, "c", "1 a", "2 b")
		loaded, err := p.Load(t.Context(), "t", "c", 9)
		if err != nil {
			t.Fatal(err)
		}
		if want == nil {
			want = loaded
		}
		if diff := cmp.Diff(want, loaded, cmpopts.IgnoreFields(store.Conversation{}, "Updated")); diff != "" || loaded.SummaryVersion != 3 || loaded.Todos[0].ID != 2 {
			t.Errorf("%+v %s", loaded, diff)
		}
		sums, err := p.Sums(t.Context(), &store.SumQuery{Tenant: "t"})
		if err != nil || len(sums) != 1 || sums[0].Calls != 3 || sums[0].CostNano != 21 {
			t.Errorf("%+v, %v", sums, err)
		}
		if err := p.Close(); err != nil {
			t.Fatal(err)
		}
		edit(t, filepath.Join(dir, "spool", "position"), func(data []byte) { clear(data) })
		p = openPair(t, dir, down)
		if s := p.State(); s.Records != 11 {
			t.Fatalf("%+v", s)
		}
	}
}

// TestOrder has many goroutines append to some conversations while the cold
// store comes and goes, and the process ends and begins again.
func TestOrder(t *testing.T) {
	dir := t.TempDir()
	const rounds, conversations, each = 3, 4, 30
	for round := range rounds {
		p := openPair(t, dir, []int32{forgetful, down, hanging}[round])
		var wait sync.WaitGroup
		for c := range conversations {
			wait.Go(func() {
				for i := range each {
					n := round*each + i
					if i%10 == 5 {
						p.cold.mode.Store([]int32{well, forgetful, down, readOnly}[(n+c)%4])
					}
					p.add(t, fmt.Sprint(c), store.AnyVersion, fmt.Sprint("k", n), fmt.Sprint(n))
				}
			})
		}
		wait.Wait()
		if round == rounds-1 {
			p.cold.mode.Store(well)
			p.drain(t)
			for c := range conversations {
				var want []string
				for n := range rounds * each {
					want = append(want, fmt.Sprintf("%d %d", n+1, n))
				}
				p.holds(t, fmt.Sprint(c), want...)
			}
		}
		if err := p.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestRestWhileAway(t *testing.T) {
	p := openPair(t, t.TempDir(), readOnly)
	ctx := t.Context()
	sum := &store.Summary{Text: "so far", Fields: []byte(`{}`)}
	if v, err := p.PutSummary(ctx, "t", "c", 0, sum); err != nil || v != 1 {
		t.Fatal(v, err)
	}
	var conflict *store.VersionError
	if _, err := p.PutSummary(ctx, "t", "c", 0, sum); !errors.As(err, &conflict) || conflict.Version != 1 {
		t.Errorf("%v", err)
	}
	todos := []store.Todo{{ID: 1, Title: "x", Status: store.TodoInProgress}}
	if err := p.PutTodos(ctx, "t", "c", todos); err != nil {
		t.Fatal(err)
	}
	loaded, err := p.Load(ctx, "t", "c", 1)
	if err != nil || loaded.Summary.Text != "so far" || loaded.SummaryVersion != 1 || !cmp.Equal(loaded.Todos, todos) {
		t.Errorf("%+v, %v", loaded, err)
	}
	if got, err := p.Summary(ctx, "t", "c", 1); err != nil || got.Text != "so far" {
		t.Errorf("%+v, %v", got, err)
	}
	hour := time.Now().Add(time.Hour)
	want := &store.Response{Input: []byte("[]"), Body: []byte("{}"), Provider: "x"}
	if err := p.PutResponse(ctx, "t", "r", want, hour); err != nil {
		t.Fatal(err)
	}
	if err := p.PutResponse(ctx, "t", "s", want, hour); err != nil {
		t.Fatal(err)
	}
	if got, err := p.Response(ctx, "t", "r"); err != nil || string(got.Body) != "{}" || got.Provider != "x" {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := p.Response(ctx, "u", "r"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("another tenant's: %v", err)
	}
	if err := p.DeleteResponse(ctx, "t", "r"); err != nil {
		t.Error(err)
	}
	if err := p.DeleteResponse(ctx, "t", "r"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("%v", err)
	}
	for _, mode := range []int32{readOnly, well} {
		p.cold.mode.Store(mode)
		if mode == well {
			p.drain(t)
		}
		if _, err := p.Response(ctx, "t", "r"); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("%v", err)
		}
		if _, err := p.Response(ctx, "t", "s"); err != nil {
			t.Errorf("%v", err)
		}
	}
	if _, err := p.Append(ctx, &store.Append{Tenant: "t", Conversation: "c", Key: "k"}); err == nil {
		t.Error("nothing is appended")
	}
}

// TestRefused shows that a write that the cold store will never have does not
// hold up the others, and is kept.
func TestRefused(t *testing.T) {
	dir := t.TempDir()
	p := openPair(t, dir, down)
	poison := "k1"
	p.cold.poison.Store(&poison)
	p.add(t, "c", 0, "k1", "refused")
	p.add(t, "d", 0, "k2", "kept")
	if err := p.PutCalls(t.Context(), []store.Call{{ID: "1", Time: time.Unix(1, 0), Tenant: "t"}}); err != nil {
		t.Fatal(err)
	}
	if _, err := p.log.Append(99, []byte("of a later version")); err != nil {
		t.Fatal(err)
	}
	p.cold.mode.Store(well)
	p.drain(t)
	p.holds(t, "d", "1 kept")
	poison = "k1"
	call := "2"
	p.cold.poison.Store(&call)
	for _, id := range []string{"2", "3"} {
		if err := p.PutCalls(t.Context(), []store.Call{{ID: id, Time: time.Unix(2, 0), Tenant: "t"}}); err != nil {
			t.Fatal(err)
		}
	}
	p.drain(t)
	if sums, err := p.Sums(t.Context(), &store.SumQuery{Tenant: "t"}); err != nil || sums[0].Calls != 2 {
		t.Errorf("%+v, %v", sums, err)
	}
	if s := p.State(); s.Refused != 3 || s.Records != 0 {
		t.Errorf("%+v", s)
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	l := openLog(t, filepath.Join(dir, "spool"), Config{})
	if s := l.State(); s.Refused != 3 {
		t.Errorf("%+v", s)
	}
	closeLog(t, l)
}

// TestFullStore shows that a full log refuses before anything is acknowledged,
// and that the call log gets through while the cold store takes it.
func TestFullStore(t *testing.T) {
	p := openPair(t, t.TempDir(), down)
	p.log.mu.Lock()
	p.log.cfg.Limit = 1000
	p.log.mu.Unlock()
	if _, err := p.Admit(t.Context(), "t", "c"); err != nil {
		t.Error(err)
	}
	var last int64
	for i := 0; ; i++ {
		v, err := p.Append(t.Context(), newAppend("c", last, fmt.Sprint(i), "text"))
		if errors.Is(err, ErrFull) {
			if !errors.Is(err, store.ErrUnavailable) {
				t.Errorf("%v", err)
			}
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		last = v
	}
	if _, err := p.Admit(t.Context(), "t", "c"); !errors.Is(err, store.ErrUnavailable) || !errors.Is(err, ErrFull) {
		t.Errorf("a turn is admitted to a spool that is full: %v", err)
	}
	rows := []store.Call{{ID: "1", Time: time.Unix(1, 0), Tenant: "t", Answer: make([]byte, 1000)}}
	if err := p.PutCalls(t.Context(), rows); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("%v", err)
	}
	p.cold.mode.Store(well)
	if err := p.PutCalls(t.Context(), rows); err != nil {
		t.Error(err)
	}
	p.drain(t)
	if _, err := p.Admit(t.Context(), "t", "c"); err != nil {
		t.Error(err)
	}
	list, err := p.Messages(t.Context(), "t", "c", 0, 100)
	if err != nil || int64(len(list)) != last || last == 0 {
		t.Errorf("%d messages of %d: %v", len(list), last, err)
	}
}

// TestMomentsDoNotMatter replays records that a clock of another year wrote.
func TestMomentsDoNotMatter(t *testing.T) {
	dir := t.TempDir()
	p := openPair(t, dir, down)
	p.add(t, "c", 0, "k1", "a")
	p.add(t, "c", 1, "k2", "b")
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	year := int64(365 * 24 * time.Hour / time.Microsecond)
	path := segments(t, filepath.Join(dir, "spool"))[0]
	edit(t, path, func(data []byte) {
		off := segmentHeader
		for i, by := range []int64{year, -year} {
			r, ok := parseRecord(data[off:])
			if !ok {
				t.Fatalf("record %d", i)
			}
			payload := slices.Clone(r.payload)
			r.time += by
			putRecord(data[off:], r.header, payload)
			off += int(recordSize(len(payload)))
		}
	})
	p = openPair(t, dir, readOnly)
	if s := p.State(); s.Oldest != 0 {
		t.Errorf("%+v", s)
	}
	p.holds(t, "c", "1 a", "2 b")
	p.cold.mode.Store(well)
	p.drain(t)
	p.holds(t, "c", "1 a", "2 b")
}

// TestRowsWithoutID shows that rows that come without an id are named, apart
// from each other, and once for good.
func TestRowsWithoutID(t *testing.T) {
	dir := t.TempDir()
	p := openPair(t, dir, well)
	moment := time.Unix(1, 0)
	for range 3 {
		if err := p.PutCalls(t.Context(), []store.Call{{Time: moment, Tenant: "t"}, {Time: moment, Tenant: "t"}}); err != nil {
			t.Fatal(err)
		}
	}
	wants := func(n int64) {
		t.Helper()
		if sums, err := p.Sums(t.Context(), &store.SumQuery{Tenant: "t"}); err != nil || sums[0].Calls != n {
			t.Errorf("%+v, %v; want %d calls", sums, err, n)
		}
	}
	wants(6)
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	edit(t, filepath.Join(dir, "spool", "position"), func(data []byte) { clear(data) })
	p = openPair(t, dir, well) // all is applied again
	wants(6)
	if err := p.PutCalls(t.Context(), []store.Call{{Time: moment, Tenant: "t"}}); err != nil {
		t.Fatal(err)
	}
	wants(7)
}

// TestCallsOnly shows that nothing but the call log is spooled where that is
// what is wanted.
func TestCallsOnly(t *testing.T) {
	p := openPair(t, t.TempDir(), down)
	p.cfg.CallsOnly = true
	if _, err := p.Append(t.Context(), newAppend("c", 0, "k", "text")); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("an append is spooled: %v", err)
	}
	if err := p.PutCalls(t.Context(), []store.Call{{Time: time.Unix(1, 0), Tenant: "t"}}); err != nil {
		t.Error(err)
	}
	if n := p.State().Records; n != 1 {
		t.Errorf("%d records wait, want 1", n)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if sums, err := p.Sums(ctx, &store.SumQuery{Tenant: "t"}); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("sums without the row that waits: %+v, %v", sums, err)
	}
	p.cold.mode.Store(well)
	p.drain(t)
}

// TestManyRows puts more rows than a window holds: they are taken slowly while
// nobody asks for them, and at once when somebody does.
func TestManyRows(t *testing.T) {
	p := openPair(t, t.TempDir(), well)
	const rows = 10 * windowRecords
	for range rows {
		if err := p.PutCalls(t.Context(), []store.Call{{Time: time.Unix(1, 0), Tenant: "t", CostNano: 1}}); err != nil {
			t.Fatal(err)
		}
	}
	if sums, err := p.Sums(t.Context(), &store.SumQuery{Tenant: "t"}); err != nil || sums[0].Calls != rows || sums[0].CostNano != rows {
		t.Errorf("%+v, %v", sums, err)
	}
}
