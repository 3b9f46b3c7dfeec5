package neutral

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/ai-mcp-gateway/gateway/translate"
)

// lend gives each event to f with bytes that are gone afterwards.
func lend(events []Event, f func(e *Event)) {
	for _, e := range events {
		lent := ownEvent(&e)
		f(&lent)
		clobber(lent.Text, lent.Signature, lent.Raw)
		if lent.Media != nil {
			clobber(lent.Media.Data)
			*lent.Media = Media{}
		}
	}
}

func clobber(all ...[]byte) {
	for _, b := range all {
		for i := range b {
			b[i] = '!'
		}
	}
}

func collect(events []Event) Reply {
	var c Collector
	lend(events, c.Add)
	return c.Reply
}

// randomReply makes a reply of all sorts of blocks.
func randomReply(random *rand.Rand) Reply {
	word := func() string { return strings.Repeat("w", random.IntN(3)) + fmt.Sprint(random.IntN(100)) }
	maybe := func() []byte { return []byte(word())[:random.IntN(2)] }
	r := Reply{ID: word(), Model: word(), Created: random.Int64N(3), ServiceTier: word(), Fingerprint: word()}
	if random.IntN(2) == 0 {
		r.Usage = Usage{Usage: translate.Usage{In: 3, Out: 4, Known: true}, AudioIn: 5, Total: 9}
	}
	for range random.IntN(4) {
		choice := Choice{Finish: Finish(random.IntN(10)), Native: word(), StopSequence: word()}
		if random.IntN(2) == 0 {
			choice.Logprobs = []byte(`{ "content":[], "x":1}`)
		}
		for range random.IntN(6) {
			choice.Blocks = append(choice.Blocks, randomBlock(random, word, maybe))
		}
		r.Choices = append(r.Choices, choice)
	}
	return r
}

func randomBlock(random *rand.Rand, word func() string, maybe func() []byte) Block {
	switch b := (Block{Kind: BlockKind(random.IntN(int(Foreign)) + 1), Origin: word()}); b.Kind {
	case ToolUse:
		b.ID, b.Name, b.Arguments, b.Signature, b.Custom = word(), word(), maybe(), maybe(), random.IntN(2) == 0
		return b
	case Thinking:
		b.Redacted, b.Signature = random.IntN(2) == 0, maybe()
		if !b.Redacted {
			b.Text = maybe()
		}
		return b
	case Image, Audio, File:
		b.Media = Media{Data: maybe(), MIME: word(), Detail: word()}
		return b
	case Foreign:
		b.Raw, b.Dialect = []byte(`{"type":"x"}`), word()
		return b
	default:
		if b.Kind == ToolResult { // no answer has it
			b.Kind = Refusal
		}
		b.Text, b.Annotations, b.Signature = maybe(), [][]byte{nil, []byte(`[{"a":1},2]`)}[random.IntN(2)], maybe()
		return b
	}
}

func TestReplay_Collects(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 500 {
		want := randomReply(random)
		got := collect(Replay(nil, &want))
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
			t.Fatal(diff)
		}
	}
}

func TestReplay_Order(t *testing.T) {
	r := Reply{
		ID: "x", Usage: Usage{Total: 1},
		Choices: []Choice{{
			Blocks: []Block{
				{Kind: Thinking, Text: []byte("t"), Signature: []byte("s")},
				{Kind: ToolUse, Arguments: []byte("{}"), Signature: []byte("s")},
			},
			Logprobs: []byte("{}"),
		}, {}},
	}
	var got []string
	for _, e := range Replay(nil, &r) {
		got = append(got, fmt.Sprintf("%d.%d:%d%s%s", e.Choice, e.Index, e.Kind, e.Text, e.Signature))
	}
	want := []string{
		"0.0:1", "0.0:9", "0.0:2", "0.0:3t", "0.0:5s", "0.0:8", "0.1:2s", "0.1:4{}", "0.1:8", "0.0:7{}", "0.0:10", "1.0:10", "0.0:12",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestCollector(t *testing.T) {
	text := func(kind EventKind, choice, index int, text string) Event {
		return Event{Kind: kind, Choice: choice, Index: index, Block: Text, Text: []byte(text)}
	}
	got := collect([]Event{
		{Kind: Start, ID: "1"},
		{Kind: Start, ID: "2", Model: "m"},
		text(TextDelta, 0, 0, "lost"),
		text(BlockStart, 1, 5, ""),
		text(TextDelta, 1, 5, "a"),
		text(BlockStart, 1, 4, ""),
		text(TextDelta, 1, 4, "b"),
		text(TextDelta, 1, 5, "c"),
		text(BlockStop, 1, 5, ""),
		text(TextDelta, 1, 5, "lost"),
		text(BlockStart, 1, 4, ""), // closes the one before
		text(TextDelta, 1, 4, "d"),
		text(AnnotationDelta, 1, 4, "1"),
		text(AnnotationDelta, 1, 4, `{"x":2}`),
		text(LogprobsDelta, 1, 0, `{"content":[1],"refusal":null}`),
		text(LogprobsDelta, 1, 0, `{"content":[],"other":[9]}`),
		text(LogprobsDelta, 1, 0, `{"content":[{"a":2},3]}`),
		{Kind: Ping, Choice: 7},
		text(BlockStart, -1, 0, ""),
		text(BlockStart, 1<<40, 0, ""),
		{Kind: UsageReport, Usage: Usage{Total: 1, AudioIn: 1}},
		{Kind: UsageReport, Usage: Usage{Total: 2}},
		{Kind: Finished, Choice: 1, Finish: FinishStop, Native: "end"},
		{Kind: End},
	})
	want := Reply{
		ID: "1", Model: "m", Usage: Usage{Total: 2},
		Choices: []Choice{{}, {
			Blocks: []Block{
				{Kind: Text, Text: []byte("ac")},
				{Kind: Text, Text: []byte("b")},
				{Kind: Text, Text: []byte("d"), Annotations: []byte(`[1,{"x":2}]`)},
			},
			Finish: FinishStop, Native: "end",
			Logprobs: []byte(`{"content":[1,{"a":2},3],"refusal":null}`),
		}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// overlapping makes the events of some choices with many blocks that are open
// at once.
func overlapping(random *rand.Rand, blocks int) []Event {
	type open struct{ choice, index int }
	var at []open
	next := map[int]int{}
	events := []Event{{Kind: Start, ID: "x"}}
	for step := 0; blocks > 0 || len(at) > 0; step++ {
		if blocks > 0 && (len(at) == 0 || random.IntN(4) == 0) {
			choice := random.IntN(2)
			index := next[choice] * 3
			next[choice]++
			at = append(at, open{choice, index})
			events = append(events, Event{Kind: BlockStart, Choice: choice, Index: index, Block: ToolUse, ToolID: fmt.Sprint(choice, index), Signature: []byte("s")})
			blocks--
			continue
		}
		n := random.IntN(len(at))
		e := Event{Choice: at[n].choice, Index: at[n].index, Block: ToolUse, Text: []byte(fmt.Sprint(" ", step))}
		switch random.IntN(8) {
		case 0:
			e.Kind, e.Text = BlockStop, nil
			at = append(at[:n], at[n+1:]...)
		case 1:
			e.Kind = AnnotationDelta
		case 2:
			e.Kind, e.Choice, e.Index = UsageReport, 0, 0
		default:
			e.Kind = []EventKind{ArgumentsDelta, TextDelta}[random.IntN(2)]
		}
		events = append(events, e)
	}
	return append(events, Event{Kind: Finished}, Event{Kind: Finished, Choice: 1}, Event{Kind: End})
}

// serialize runs events through a Serial and keeps what comes out.
func serialize(events []Event) []Event {
	var s Serial
	var out []Event
	lend(events, func(e *Event) {
		for _, released := range s.Add(nil, e) {
			out = append(out, ownEvent(&released))
		}
	})
	return out
}

// checkSerial reports blocks that overlap or are out of number.
func checkSerial(events []Event) error {
	const none = -1
	open, next := map[int]int{0: none, 1: none}, map[int]int{}
	for i, e := range events {
		switch e.Kind {
		case BlockStart:
			if open[e.Choice] != none || e.Index != next[e.Choice] {
				return fmt.Errorf("event %d opens %d.%d inside %d", i, e.Choice, e.Index, open[e.Choice])
			}
			open[e.Choice] = e.Index
			next[e.Choice]++
		case TextDelta, ArgumentsDelta, SignatureDelta, AnnotationDelta, BlockStop:
			if open[e.Choice] != e.Index {
				return fmt.Errorf("event %d is of %d.%d inside %d", i, e.Choice, e.Index, open[e.Choice])
			}
			if e.Kind == BlockStop {
				open[e.Choice] = none
			}
		case Finished:
			if open[e.Choice] != none {
				return fmt.Errorf("event %d finishes with %d open", i, open[e.Choice])
			}
		default:
		}
	}
	if open[0] != none || open[1] != none {
		return fmt.Errorf("blocks stay open: %v", open)
	}
	return nil
}

func TestEdge040_InterleavedCalls(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for round := range 200 {
		events := overlapping(random, random.IntN(6+round%40))
		got := serialize(events)
		if err := checkSerial(got); err != nil {
			t.Fatal(err)
		}
		// Nothing is lost: the whole answer is the same, to the order of blocks.
		if diff := cmp.Diff(collect(events), collect(got)); diff != "" {
			t.Fatal(diff)
		}
	}
}

func TestEdge044_OnlyCalls(t *testing.T) {
	got := serialize([]Event{{Kind: BlockStart, Index: 7, Block: ToolUse}, {Kind: BlockStop, Index: 7}, {Kind: BlockStart, Index: 9}, {Kind: End}})
	want := []Event{{Kind: BlockStart, Block: ToolUse}, {Kind: BlockStop}, {Kind: BlockStart, Index: 1}, {Kind: BlockStop, Index: 1}, {Kind: End}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestSerial_Live shows that nothing is held that need not be, and that deltas
// which were are joined.
func TestSerial_Live(t *testing.T) {
	var s Serial
	f := func(e Event, want string) {
		t.Helper()
		var got []string
		for _, out := range s.Add(nil, &e) {
			got = append(got, fmt.Sprintf("%d.%d%s", out.Index, out.Kind, out.Text))
		}
		if joined := strings.Join(got, " "); joined != want {
			t.Errorf("%+v: got %q, want %q", e, joined, want)
		}
	}
	delta := func(index int, text string) Event {
		return Event{Kind: ArgumentsDelta, Index: index, Text: []byte(text)}
	}
	f(Event{Kind: BlockStart, Index: 1}, "0.2")
	f(delta(1, "a"), "0.4a")
	f(Event{Kind: BlockStart, Index: 2}, "")
	f(delta(2, "b"), "")
	f(delta(2, "c"), "")
	f(delta(1, "d"), "0.4d")
	f(delta(3, "of no block"), "")
	f(Event{Kind: Ping}, "0.11")
	f(Event{Kind: Finished}, "")
	f(Event{Kind: BlockStop, Index: 1}, "0.8 1.2 1.4bc")
	f(delta(1, "of a closed block"), "")
	f(delta(2, "e"), "1.4e")
	f(Event{Kind: BlockStart, Index: 2}, "1.8 2.2") // again
	f(Event{Kind: BlockStart, Index: 5}, "")
	f(delta(5, "x"), "")
	f(Event{Kind: BlockStart, Index: 5}, "") // again, while it is held
	f(delta(5, "y"), "")
	f(Event{Kind: End}, "2.8 3.2 3.4x 3.8 4.2 4.4y 4.8 0.10 0.12")
}

func TestSerial_OddChoices(t *testing.T) {
	got := serialize([]Event{{Kind: BlockStart, Choice: -1}, {Kind: BlockStart, Choice: 1 << 40}, {Kind: LogprobsDelta, Choice: 3}})
	if diff := cmp.Diff([]Event{{Kind: LogprobsDelta, Choice: 3}}, got); diff != "" {
		t.Error(diff)
	}
}

func TestPlaces(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	var p places
	want := map[placeKey]int{}
	for range 20000 {
		key := placeKey{random.IntN(2), random.IntN(40)}
		switch random.IntN(3) {
		case 0:
			at := random.Int()
			p.put(key.choice, key.index, at)
			want[key] = at
		case 1:
			p.remove(key.choice, key.index)
			delete(want, key)
		default:
			at, ok := p.get(key.choice, key.index)
			if wanted, found := want[key]; at != wanted || ok != found {
				t.Fatalf("%v: got %d %v, want %d %v", key, at, ok, wanted, found)
			}
		}
	}
}
