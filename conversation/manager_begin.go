package conversation

import (
	"context"
	"slices"
	"time"

	"github.com/ai-mcp-gateway/gateway/store"
)

// Turn is a call in its conversation. It is not safe for concurrent use, and
// may be dropped: nothing is stored before Finish.
type Turn struct {
	// Messages are all that is to be sent, in order. Those that came in are
	// the bytes that came in.
	Messages []Message
	// Untouched: Messages are just the incoming ones.
	Untouched bool
	// Foreign: some of Messages are in another dialect than the call's, and
	// have to be translated.
	Foreign bool
	// Fresh is the index in Incoming of the first message that is new.
	Fresh int
	// Source is where the state came from.
	Source string
	// SummaryVersion is the newest summary's, 0 without one, and Summary the
	// text of the one that is among Messages. MessageCount is how many
	// messages are stored. Finish brings the numbers up to date.
	SummaryVersion, MessageCount int64
	Summary                      string
	// Compressed: not all of the history is among Messages.
	Compressed bool

	manager   *Manager
	call      *Call
	state     *state
	adds      []store.Message // what Finish appends; the last answers of them are the answer
	answers   int
	added     store.Append // what Finish has appended
	extension *extension
}

// Begin reads the conversation of a call and works out what to send. The
// incoming messages are valid JSON. It fails when the cold tier is needed and
// cannot be read, or is known not to take what Finish will have for it: nothing
// has been sent yet.
func (m *Manager) Begin(ctx context.Context, c *Call) (*Turn, error) {
	version, err := m.cold.Admit(ctx, c.Tenant, c.ID)
	if err != nil {
		return nil, err
	}
	s, err := m.load(ctx, c.Tenant, c.ID, version)
	if err != nil {
		return nil, err
	}
	incoming := readIncoming(c)
	lead := 0
	for lead < len(incoming) && incoming[lead].item.role == system {
		lead++
	}
	turns := incoming[lead:]
	a := align(s.turns, turns)
	if !a.common && !s.whole() {
		if err := m.loadAll(ctx, c.Tenant, c.ID, s); err != nil {
			return nil, err
		}
		a = align(s.turns, turns)
	}
	t := &Turn{manager: m, call: c, state: s, Fresh: lead + a.fresh, Source: s.source}
	t.note(incoming[:lead], turns[a.fresh:])
	t.compose(incoming[:lead], turns, a.before)
	t.count()
	return t, nil
}

func readIncoming(c *Call) []sent {
	incoming := make([]sent, len(c.Incoming))
	for i, raw := range c.Incoming {
		s := &incoming[i]
		s.raw, s.item = raw, readItem(c.Dialect, raw)
		s.digest = s.item.digest()
	}
	return incoming
}

// note keeps what Finish has to store: instructions when they are others than
// the stored ones, and what is new. The counting of tokens waits until then.
func (t *Turn) note(instructions, fresh []sent) {
	known := slices.EqualFunc(instructions, t.state.instructions, func(s sent, m store.Message) bool {
		return s.item.instructionDigest() == m.Digest
	})
	if !known {
		for i := range instructions {
			m := instructions[i].message(t.call.Dialect)
			m.Digest = instructions[i].item.instructionDigest()
			t.adds = append(t.adds, m)
		}
	}
	for i := range fresh {
		t.adds = append(t.adds, fresh[i].message(t.call.Dialect))
	}
}

// message returns the incoming message as one to append, with borrowed bytes.
func (s *sent) message(dialect string) store.Message {
	return store.Message{
		Role: s.item.role, Dialect: dialect, Raw: s.raw, Digest: s.digest, Created: time.Now().UTC().Truncate(time.Microsecond),
	}
}

// compose puts together what is sent: instructions, the summary, the stored
// messages before the incoming ones, and those.
func (t *Turn) compose(instructions, turns []sent, before int) {
	v := newView(t.state, before, turns, t.call.Dialect)
	p := t.manager.compress(t.state, v, t.call.Prices)
	text := p.text
	if s := t.state.summary; !p.compressed && s != nil && s.Through == 0 {
		text = s.Text // a caller wrote it, and expects it to be read
	}
	t.Untouched = !p.compressed && before == 0 && text == ""
	switch {
	case len(instructions) > 0:
		for i := range instructions {
			t.send(t.call.Dialect, instructions[i].raw)
		}
	case !t.call.Instructed && len(t.state.instructions) > 0:
		t.Untouched = false
		for i := range t.state.instructions {
			t.send(t.state.instructions[i].Dialect, t.state.instructions[i].Raw)
		}
	}
	if text != "" {
		t.Summary = text
		t.send(t.call.Dialect, summaryMessage(text))
	}
	for i := range v {
		if !p.compressed || p.sent[i] {
			t.send(v[i].dialect, v[i].raw)
		}
	}
	t.Compressed, t.extension = p.compressed, p.extension
	if p.frozen != nil {
		t.state.frozen = p.frozen
	}
}

func (t *Turn) send(dialect string, raw []byte) {
	t.Messages = append(t.Messages, Message{dialect, raw})
	if dialect != t.call.Dialect {
		t.Foreign = true
	}
}

func (t *Turn) count() {
	t.SummaryVersion, t.MessageCount = t.state.summaryVersion(), t.state.version
}
