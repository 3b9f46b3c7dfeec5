package conversation

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/ai-mcp-gateway/gateway/store"
)

// missed notes that the hot tier may lack something of a conversation, these
// pending appends included.
func (m *Manager) missed(c conversationID, pending []store.Append) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if have, ok := m.repairs[c]; ok || len(m.repairs) < maxRepairs {
		m.repairs[c] = append(slices.Clip(have), pending...)
	}
}

// Missed is how many conversations there are of which the hot tier may lack
// something that this manager has.
func (m *Manager) Missed() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.repairs) + m.repairing
}

// repair brings what the hot tier missed up to date, so that other instances do
// not read what it had before. It stops when the hot tier is away.
func (m *Manager) repair(ctx context.Context) {
	m.mu.Lock()
	all := slices.Collect(maps.Keys(m.repairs))
	m.mu.Unlock()
	away := false
	for _, c := range all {
		m.mu.Lock()
		pending := m.repairs[c]
		delete(m.repairs, c)
		m.repairing = 1
		m.mu.Unlock()
		done, gone, err := m.repairOne(ctx, c, pending, away)
		if !done {
			m.missed(c, pending)
		}
		m.mu.Lock()
		m.repairing = 0
		m.mu.Unlock()
		if err != nil {
			return
		}
		away = gone
	}
}

// repairOne reports whether there is nothing left to do. While the cold tier is
// away, which is waited for once, that is never so, but what is pending gets its
// place. The error is the hot tier's.
func (m *Manager) repairOne(ctx context.Context, c conversationID, pending []store.Append, away bool) (done, gone bool, err error) {
	s, seen, err := m.getHot(ctx, c.tenant, c.id)
	if err != nil {
		return false, away, err
	}
	if !away {
		cold, err := m.loadCold(ctx, c.tenant, c.id)
		if isNotFound(err) {
			cold, err = &state{source: SourceNew}, nil
		}
		if away = err != nil; !away {
			cold.follow(s)
			s = cold
		}
	}
	if s == nil || !s.take(pending) && away {
		return false, away, nil
	}
	s.seen = seen
	held := s.next()
	if !away {
		held.Todos.Version = time.Now().UnixMicro()
	}
	ctx, cancel := context.WithTimeout(ctx, hotTimeout)
	defer cancel()
	kept, err := m.hot.Put(ctx, c.tenant, c.id, held)
	return kept && !away && err == nil, away, err
}
