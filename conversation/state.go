package conversation

import (
	"errors"
	"slices"

	"github.com/ai-mcp-gateway/gateway/store"
)

// horizon is how many of the newest messages a turn looks at. What is older is
// stored, and stands in the summary.
const horizon = 512

// state is what is known of a conversation.
type state struct {
	source string
	// version is how many messages there are, the pending ones included.
	version int64
	// pending are the appends that the cold tier is not known to have: they wait
	// in the log of some instance. Their messages are the last ones.
	pending []store.Append
	// seen is the version in the hot tier that the state has taken in.
	seen int64
	// count is how many turns there are; from horizon on it may count
	// instructions as well.
	count int
	// instructions are the system messages that were stored last.
	instructions []store.Message
	// turns are the newest messages, without instructions, oldest first.
	turns   []store.Message
	frozen  *frozen
	summary *store.Summary // nil without one
	todos   []store.Todo
}

// frozen is the compressed beginning of what calls are sent, which stays as it
// is for a while so that providers find it in their prompt caches.
type frozen struct {
	// Base is how many messages it stood for when it was made, Cut how many it
	// stands for by now, Digest theirs together.
	Base, Cut int
	Digest    [16]byte
	// Picked are the indices of those that are sent as they are.
	Picked []int
	// SummaryVersion is that of the summary when it was made, Text the
	// summary that goes with it.
	SummaryVersion int64
	Text           string
}

// newState sorts loaded messages into instructions and turns.
func newState(loaded *store.Loaded) *state {
	s := &state{source: SourceCold, version: loaded.Version, summary: loaded.Summary, todos: loaded.Todos}
	s.count = int(loaded.Version) - len(loaded.Recent)
	s.add(loaded.Recent)
	s.pending = loaded.Waiting
	seq := s.stored()
	for i := range s.pending {
		for k := range s.pending[i].Messages {
			seq++
			s.pending[i].Messages[k].Seq = seq
		}
	}
	return s
}

// stored is how many messages the cold tier is known to have.
func (s *state) stored() int64 {
	n := s.version
	for i := range s.pending {
		n -= int64(len(s.pending[i].Messages))
	}
	return n
}

// take adds those of some appends that s does not have, as pending ones, and
// reports whether there were any.
func (s *state) take(appends []store.Append) (added bool) {
	for _, a := range appends {
		if s.awaits(a.Key) || s.has(a.Messages) {
			continue
		}
		a.Messages = slices.Clone(a.Messages)
		for i := range a.Messages {
			s.version++
			a.Messages[i].Seq = s.version
		}
		s.add(a.Messages)
		s.pending = append(s.pending, a)
		added = true
	}
	return added
}

func (s *state) awaits(key string) bool {
	return slices.ContainsFunc(s.pending, func(a store.Append) bool { return a.Key == key })
}

// follow goes on with what is pending in the hot tier, hot may be nil, and
// takes what else is newer there while something is.
func (s *state) follow(hot *state) {
	if hot == nil || len(hot.pending) == 0 {
		return
	}
	s.take(hot.pending)
	s.frozen, s.todos = hot.frozen, hot.todos
	s.learn(hot.summary)
	if s.source == SourceNew {
		s.source = SourceHot
	}
}

// learn takes a summary that is newer than the state's.
func (s *state) learn(summary *store.Summary) {
	if summary != nil && summary.Version > s.summaryVersion() {
		s.summary = summary
	}
}

// add takes in messages that stand behind those that are known.
func (s *state) add(messages []store.Message) {
	var before int64 // the number of the instruction before
	for i := range messages {
		m := &messages[i]
		if !isInstruction(m) {
			s.turns = append(s.turns, *m)
			s.count++
			continue
		}
		if before == 0 || m.Seq != before+1 {
			s.instructions = nil
		}
		before = m.Seq
		s.instructions = append(s.instructions, *m)
	}
	// In steps, so that the first known message is seldom another one: it is
	// the beginning of what a frozen prefix stands for.
	if len(s.turns) > horizon+horizon/8 {
		s.turns = append([]store.Message(nil), s.turns[len(s.turns)-horizon:]...)
	}
}

// addTurns takes in all of some messages but instructions.
func (s *state) addTurns(messages []store.Message) {
	for i := range messages {
		if !isInstruction(&messages[i]) {
			s.turns = append(s.turns, messages[i])
		}
	}
}

func isInstruction(m *store.Message) bool {
	if m.Role != system {
		return false
	}
	it := readItem(m.Dialect, m.Raw)
	return m.Digest == it.instructionDigest()
}

// has reports whether messages that were added are among the newest ones.
func (s *state) has(adds []store.Message) bool {
	if len(adds) == 0 {
		return true
	}
	last := &adds[len(adds)-1]
	same := func(m store.Message) bool { return m.Digest == last.Digest && m.Created.Equal(last.Created) }
	return slices.ContainsFunc(s.turns, same) || slices.ContainsFunc(s.instructions, same)
}

// whole reports whether all turns are known.
func (s *state) whole() bool { return len(s.turns) >= s.count }

// summaryVersion is the version of the newest summary, 0 without one.
func (s *state) summaryVersion() int64 {
	if s.summary == nil {
		return 0
	}
	return s.summary.Version
}

// isNotFound tells a conversation that never was from one that cannot be read.
func isNotFound(err error) bool { return errors.Is(err, store.ErrNotFound) }
