package conversation

import (
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ai-mcp-gateway/gateway/store"
	"github.com/ai-mcp-gateway/gateway/store/spool"
)

// door is an instance's way to the cold tier, which all instances share.
type door struct {
	store.Store
	shut *atomic.Bool
}

func (d door) open() error {
	if d.shut.Load() {
		return store.ErrUnavailable
	}
	return nil
}

func (d door) Load(ctx context.Context, tenant, id string, recent int) (*store.Loaded, error) {
	if err := d.open(); err != nil {
		return nil, err
	}
	return d.Store.Load(ctx, tenant, id, recent)
}

func (d door) Messages(ctx context.Context, tenant, id string, after int64, limit int) ([]store.Message, error) {
	if err := d.open(); err != nil {
		return nil, err
	}
	return d.Store.Messages(ctx, tenant, id, after, limit)
}

func (d door) Append(ctx context.Context, a *store.Append) (int64, error) {
	if err := d.open(); err != nil {
		return 0, err
	}
	return d.Store.Append(ctx, a)
}

func (d door) Admit(ctx context.Context, tenant, id string) (int64, error) {
	if err := d.open(); err != nil {
		return 0, err
	}
	return d.Store.Admit(ctx, tenant, id)
}

func (d door) Ping(context.Context) error { return d.open() }

// Close leaves the cold tier to the others.
func (d door) Close() error { return nil }

// ear is an instance's way to the hot tier: a deaf one loses what is put.
type ear struct {
	Hot
	deaf *atomic.Bool
}

func (e ear) Put(ctx context.Context, tenant, id string, h *Held) (bool, error) {
	if e.deaf.Load() {
		return false, errAway
	}
	return e.Hot.Put(ctx, tenant, id, h)
}

// instance is a manager over a spool of its own, that can die.
type instance struct {
	t          *testing.T
	dir        string
	cold       store.Store
	hot        Hot
	shut, deaf atomic.Bool

	m     *Manager
	spool *spool.Store
}

func newInstances(t *testing.T, n int, cold store.Store, hot Hot) []*instance {
	t.Helper()
	all := make([]*instance, n)
	for i := range all {
		all[i] = &instance{t: t, dir: filepath.Join(t.TempDir(), "spool"), cold: cold, hot: hot}
		all[i].start()
		t.Cleanup(all[i].die)
	}
	return all
}

func (i *instance) start() {
	i.t.Helper()
	i.deaf.Store(false)
	cfg := spool.Config{Segment: 64 << 10, Wait: 10 * time.Second}
	log, err := spool.Open(i.dir, cfg)
	if err != nil {
		i.t.Fatal(err)
	}
	if i.spool, err = spool.New(door{i.cold, &i.shut}, log, cfg); err != nil {
		i.t.Fatal(err)
	}
	i.m = New(Config{CompressAfter: 500}, i.spool, ear{i.hot, &i.deaf}, Options{})
}

// die leaves what is in the log there.
func (i *instance) die() {
	if i.m == nil {
		return
	}
	i.m.Close()
	if err := i.spool.Close(); err != nil {
		i.t.Error(err)
	}
	i.m = nil
}

// dieUnheard finishes a turn, and dies between its append and the hot tier:
// nobody has had an answer.
func (i *instance) dieUnheard(turn *Turn, answer string) {
	i.deaf.Store(true)
	_ = turn.Finish(i.t.Context(), &Answer{Messages: rawWords(answer)})
	i.die()
}

// drain has the cold tier take what is in the log.
func (i *instance) drain() {
	i.t.Helper()
	ctx, cancel := context.WithTimeout(i.t.Context(), time.Minute)
	defer cancel()
	if err := i.spool.Drain(ctx); err != nil {
		i.t.Error(err)
	}
}

func shutAll(all []*instance, shut bool) {
	for _, i := range all {
		i.shut.Store(shut)
	}
}

// TestOutage_Stranger has an append that nobody was told of wait in a log at the
// version that another one, which was acknowledged, has as well. In whatever
// order the logs are applied, the acknowledged ones are seen by every next turn,
// and stored in the order of their answers.
func TestOutage_Stranger(t *testing.T) {
	for _, order := range [][]int{{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}} {
		t.Run(fmt.Sprint(order), func(t *testing.T) {
			cold := openCold(t)
			all := newInstances(t, 3, cold, new(hotMap))
			finish(t, begin(t, all[0].m, "c", "u0"), "a0")
			shutAll(all, true)
			all[0].dieUnheard(begin(t, all[0].m, "c", "uY"), "aY")
			sees := func(i *instance, want string) *Turn {
				t.Helper()
				turn := begin(t, i.m, "c", "u9")
				if got := strings.ReplaceAll(words(turn.Messages), "uY aY ", ""); got != want+" u9" {
					t.Errorf("sent %q, want %q", got, want+" u9")
				}
				return turn
			}
			finish(t, begin(t, all[1].m, "c", "u1"), "a1")
			all[0].start()
			sees(all[0], "u0 a0 u1 a1")
			finish(t, begin(t, all[2].m, "c", "u2"), "a2")
			for _, next := range order {
				all[next].shut.Store(false)
				all[next].drain()
				for _, i := range all {
					sees(i, "u0 a0 u1 a1 u2 a2")
				}
			}
			finish(t, sees(all[order[0]], "u0 a0 u1 a1 u2 a2"), "a9")
			got := stored(t, cold, "c")
			if !strings.Contains(got, "uY aY") || strings.ReplaceAll(got, "uY aY ", "") != "u0 a0 u1 a1 u2 a2 u9 a9" {
				t.Errorf("stored %q", got)
			}
		})
	}
}

// TestOutage_FirstBack has the cold tier back for one instance only, whose turn
// goes on from what is in the logs of the others, and the log of one lost.
func TestOutage_FirstBack(t *testing.T) {
	cold := openCold(t)
	all := newInstances(t, 3, cold, new(hotMap))
	finish(t, begin(t, all[0].m, "c", "u0"), "a0")
	shutAll(all, true)
	finish(t, begin(t, all[0].m, "c", "s0 u1"), "a1")
	finish(t, begin(t, all[1].m, "c", "u2"), "a2")
	all[2].shut.Store(false)
	turn := begin(t, all[2].m, "c", "u3")
	if got := words(turn.Messages); got != "s0 u0 a0 u1 a1 u2 a2 u3" {
		t.Errorf("sent %q", got)
	}
	finish(t, turn, "a3")
	if got := stored(t, cold, "c"); got != "u0 a0 s0 u1 a1 u2 a2 u3 a3" {
		t.Errorf("stored %q", got)
	}
	all[0].die()
	all[1].shut.Store(false)
	all[1].drain()
	if got := stored(t, cold, "c"); got != "u0 a0 s0 u1 a1 u2 a2 u3 a3" {
		t.Errorf("stored %q", got)
	}
	s, err := all[1].m.load(t.Context(), "default", "c", 9)
	if err != nil || s.source != SourceHot || len(s.pending) > 0 || s.version != 9 {
		t.Errorf("the hot tier has %+v, %v", s, err)
	}
}

// TestOutage_HotMissed has the hot tier miss a turn, stored or in a log: it is
// put there later, though the cold tier is still away.
func TestOutage_HotMissed(t *testing.T) {
	for _, logged := range []bool{true, false} {
		all := newInstances(t, 2, openCold(t), new(hotMap))
		finish(t, begin(t, all[0].m, "c", "u0"), "a0")
		all[0].shut.Store(logged)
		turn := begin(t, all[0].m, "c", "u1")
		all[0].deaf.Store(true)
		finish(t, turn, "a1")
		shutAll(all, true)
		finish(t, begin(t, all[1].m, "c", "u2"), "a2")
		all[0].m.repair(t.Context()) // is still deaf
		all[0].deaf.Store(false)
		for until := time.Now().Add(2 * time.Second); ; {
			all[0].m.repair(t.Context()) // unless the manager is at it
			got := words(begin(t, all[1].m, "c", "u3").Messages)
			if got == "u0 a0 u2 a2 u1 a1 u3" {
				break
			}
			if time.Now().After(until) {
				t.Fatalf("sent %q", got)
			}
		}
	}
}

// TestOutages takes turns on three instances, in random order, which die and
// come back and lose the cold tier, each by itself. What was acknowledged is in
// every prompt from then on, and is stored once, in that order.
func TestOutages(t *testing.T) {
	cold := openCold(t)
	for seed := range uint64(12) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			o := &outages{
				t: t, rng: rand.New(rand.NewPCG(seed, 2)), id: fmt.Sprintf("c%d", seed),
				all: newInstances(t, 3, cold, new(hotMap)),
			}
			for range 150 {
				o.step()
			}
			o.check()
		})
	}
}

// outages is a run of TestOutages.
type outages struct {
	t     *testing.T
	rng   *rand.Rand
	all   []*instance
	id    string
	count int
	open  []*openTurn
	acked []string    // the questions, in the order of their answers
	pairs [][2]string // the first was answered before the second was sent
}

type openTurn struct {
	*Turn
	on    *instance
	asked string
	known int // how many were answered when it began
}

func (o *outages) step() {
	i := o.all[o.rng.IntN(len(o.all))]
	switch n := o.rng.IntN(20); {
	case i.m == nil:
		i.start()
	case n == 0:
		i.die()
	case n < 4:
		i.shut.Store(!i.shut.Load())
	case n < 6:
		shutAll(o.all, n == 4)
	case n == 6 && !i.shut.Load():
		i.drain()
	case n < 14 && len(o.open) < 4:
		o.begin(i)
	case len(o.open) > 0:
		at := o.rng.IntN(len(o.open))
		turn := o.open[at]
		o.open = slices.Delete(o.open, at, at+1)
		o.end(turn)
	}
}

func (o *outages) begin(i *instance) {
	o.count++
	asked := fmt.Sprintf("u%dx", o.count)
	turn, err := i.m.Begin(o.t.Context(), &Call{Caller: Caller{Tenant: "default"}, ID: o.id, Dialect: OpenAI, Incoming: rawWords(asked)})
	if err != nil {
		if o.hasHot() {
			o.t.Errorf("a turn is refused: %v", err)
		}
		return
	}
	sent := words(turn.Messages)
	for _, before := range o.acked {
		if strings.Count(sent, before) != 1 {
			o.t.Fatalf("%s was answered before %s was sent: %q", before, asked, sent)
		}
	}
	o.open = append(o.open, &openTurn{turn, i, asked, len(o.acked)})
}

// hasHot: before the first answer, the hot tier may have nothing.
func (o *outages) hasHot() bool { return len(o.acked) > 0 }

func (o *outages) end(turn *openTurn) {
	answer := "a" + turn.asked[1:]
	if turn.on.m != turn.manager {
		return // its instance has died
	}
	if o.rng.IntN(8) == 0 {
		turn.on.dieUnheard(turn.Turn, answer)
		return
	}
	if err := turn.Finish(o.t.Context(), &Answer{Messages: rawWords(answer)}); err != nil {
		o.t.Errorf("%s: %v", turn.asked, err)
		return
	}
	for _, before := range o.acked[:turn.known] {
		o.pairs = append(o.pairs, [2]string{before, turn.asked})
	}
	o.acked = append(o.acked, turn.asked)
}

// check empties all logs, and compares.
func (o *outages) check() {
	shutAll(o.all, false)
	for _, i := range o.all {
		if i.m == nil {
			i.start()
		}
		i.drain()
	}
	list := strings.Fields(stored(o.t, o.all[0].cold, o.id))
	for _, asked := range o.acked {
		at := slices.Index(list, asked)
		if at < 0 || slices.Contains(list[at+1:], asked) || at+1 == len(list) || list[at+1] != "a"+asked[1:] {
			o.t.Errorf("%s is at %d, or not once, or without its answer: %q", asked, at, list)
		}
	}
	for _, pair := range o.pairs {
		if slices.Index(list, pair[0]) > slices.Index(list, pair[1]) {
			o.t.Errorf("%s was answered before %s was sent, and stands behind it: %q", pair[0], pair[1], list)
		}
	}
}
