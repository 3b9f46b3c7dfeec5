package conversation

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/ai-mcp-gateway/gateway/store"
)

// TestInterleavings has clients take turns on one conversation, in random
// order, on two instances, with turns that overlap: one resends all that it
// knows, one a window, one sends only what is new, and any of them may try a
// turn again under its key. Whatever was acknowledged is stored once, in the
// order of each client, questions right before their answers; and the next turn
// sees it.
func TestInterleavings(t *testing.T) {
	cold := openCold(t)
	for seed := range uint64(10) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			hot := new(hotMap)
			p := &play{
				t: t, rng: rand.New(rand.NewPCG(seed, 1)), hot: hot, id: fmt.Sprintf("c%d", seed),
				managers: []*Manager{newManager(t, cold, hot, Options{}), newManager(t, cold, hot, Options{})},
			}
			for i := range 4 {
				p.players = append(p.players, &player{name: string(rune('A' + i)), style: i % 3})
			}
			for range 100 {
				p.step()
			}
			for _, c := range p.players {
				if c.turn != nil {
					p.end(c)
				}
			}
			p.check(stored(t, cold, p.id))
		})
	}
}

// TestConcurrentTurns has clients that know nothing of each other take turns on
// one conversation at the same time.
func TestConcurrentTurns(t *testing.T) {
	cold, hot := openCold(t), new(hotMap)
	const clients, turns = 4, 8
	var group sync.WaitGroup
	for client := range clients {
		m := newManager(t, cold, hot, Options{})
		group.Go(func() {
			for n := range turns {
				asked := fmt.Sprintf("u%dx%d", client, n)
				turn, err := m.Begin(t.Context(), &Call{Caller: Caller{Tenant: "default"}, ID: "c", Dialect: OpenAI, Incoming: rawWords(asked)})
				if err == nil {
					err = turn.Finish(t.Context(), &Answer{Messages: rawWords("a" + asked)})
				}
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	all := strings.Fields(stored(t, cold, "c"))
	if len(all) != 2*clients*turns {
		t.Errorf("%d messages are stored", len(all))
	}
	next := map[string]int{}
	for i := 0; i+1 < len(all); i += 2 {
		client, n, _ := strings.Cut(all[i], "x")
		if all[i+1] != "a"+all[i] || n != fmt.Sprint(next[client]) {
			t.Errorf("%s at %d, before %s", all[i], i, all[i+1])
		}
		next[client]++
	}
	m := newManager(t, cold, hot, Options{})
	if s, err := m.load(t.Context(), "default", "c", store.AnyVersion); err != nil || s.source != SourceHot || s.version != int64(len(all)) {
		t.Errorf("the hot tier is behind: %+v, %v", s, err)
	}
}

// play is a run of the test.
type play struct {
	t        *testing.T
	rng      *rand.Rand
	managers []*Manager
	hot      *hotMap
	id       string
	players  []*player
}

// player is a client.
type player struct {
	name    string
	style   int      // what it sends: 0 what is new, 1 all, 2 a window
	history []string // what it knows, acknowledged
	number  int
	turn    *Turn
	call    *Call
}

func (p *play) step() {
	c := p.players[p.rng.IntN(len(p.players))]
	switch {
	case p.rng.IntN(20) == 0:
		p.hot.flush()
	case c.turn == nil:
		p.start(c)
	default:
		p.end(c)
	}
}

func (p *play) start(c *player) {
	c.number++
	incoming := []string{fmt.Sprintf("u%s%d", c.name, c.number)}
	switch c.style {
	case 1:
		incoming = append(slices.Clone(c.history), incoming...)
	case 2:
		incoming = append(slices.Clone(c.history[max(len(c.history)-4, 0):]), incoming...)
	}
	c.call = &Call{
		Caller: Caller{Tenant: "default"}, ID: p.id, Dialect: OpenAI, Incoming: rawWords(strings.Join(incoming, " ")),
		Key: fmt.Sprintf("%s-%s-%d", p.id, c.name, c.number),
	}
	if p.rng.IntN(2) == 0 {
		c.call.Key = ""
	}
	c.turn = p.begin(c)
}

func (p *play) begin(c *player) *Turn {
	turn, err := p.managers[p.rng.IntN(len(p.managers))].Begin(p.t.Context(), c.call)
	if err != nil {
		p.t.Fatal(err)
	}
	// What it sent and got in earlier turns is seen, wherever it runs.
	if len(c.history) > 0 && !turn.Compressed && !strings.Contains(words(turn.Messages)+" ", c.history[len(c.history)-1]+" ") {
		p.t.Errorf("%s does not see its last turn: %q", c.name, words(turn.Messages))
	}
	return turn
}

// end finishes a turn, and maybe tries it again, as if its answer had been
// lost.
func (p *play) end(c *player) {
	asked, answer := fmt.Sprintf("u%s%d", c.name, c.number), fmt.Sprintf("a%s%d", c.name, c.number)
	finish(p.t, c.turn, answer)
	if c.call.Key != "" && p.rng.IntN(3) == 0 {
		finish(p.t, p.begin(c), answer+"again")
	}
	c.history = append(c.history, asked, answer)
	c.turn = nil
}

func (p *play) check(got string) {
	all := strings.Fields(got)
	want := 0
	for _, c := range p.players {
		want += len(c.history)
		last := -1
		for i := 0; i < len(c.history); i += 2 {
			at := slices.Index(all, c.history[i])
			if at <= last || at+1 >= len(all) || all[at+1] != c.history[i+1] {
				p.t.Errorf("%s: %s is at %d, behind %d, or without its answer", c.name, c.history[i], at, last)
			}
			last = at
		}
	}
	if len(all) != want {
		p.t.Errorf("%d messages are stored, want %d: %s", len(all), want, got)
	}
}
