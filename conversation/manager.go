package conversation

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ai-mcp-gateway/gateway/store"
)

// Manager keeps conversations. It holds no conversation itself: any instance
// can go on with any of them. It is safe for concurrent use.
type Manager struct {
	config  Config
	options Options
	cold    Cold
	hot     Hot // nil without one

	// lost is when the hot tier last failed, in Unix nanoseconds. Since then it
	// may have missed writes, and until its values have expired they are read
	// only where they are known to be no older than the cold tier's.
	lost atomic.Int64

	jobs jobs
	stop context.CancelFunc
	work sync.WaitGroup

	mu      sync.Mutex
	repairs map[conversationID]struct{} // what the hot tier may have missed
}

type conversationID struct{ tenant, id string }

const (
	maxRepairs  = 10_000
	repairEvery = time.Second
	// distrust is as long as the hot tier keeps what it keeps longest.
	distrust = time.Hour
)

// New returns a manager of the conversations in cold; hot may be nil. It has to
// be closed.
func New(config Config, cold Cold, hot Hot, options Options) *Manager {
	ctx, stop := context.WithCancel(context.Background())
	m := &Manager{
		config: config.withDefaults(), options: options, cold: cold, hot: hot,
		stop: stop, repairs: map[conversationID]struct{}{},
	}
	m.jobs.init()
	m.work.Go(func() { m.maintain(ctx) })
	if options.Summarize != nil {
		for range writers {
			m.work.Go(func() { m.write(ctx) })
		}
	}
	return m
}

// Close ends the work in the background, a summary that is being written
// included. Turns under way can still be finished.
func (m *Manager) Close() {
	m.stop()
	m.work.Wait()
}

// load reads a conversation from the hot tier, where that has got to the
// version which the cold tier is known to have. Else it reads the cold one,
// refills the hot one from it, and takes what is newer: while the cold tier was
// away, or its log is not empty yet on some instance, that may be the hot one.
// A conversation that never was is a new one.
func (m *Manager) load(ctx context.Context, tenant, id string, version int64) (*state, error) {
	hot := m.loadHot(ctx, tenant, id)
	doubtful := version == store.AnyVersion && time.Now().UnixNano()-m.lost.Load() < int64(distrust)
	if hot != nil && hot.version >= version && !doubtful {
		return hot, nil
	}
	s, err := m.loadCold(ctx, tenant, id)
	switch {
	case hot != nil && (err != nil || hot.version > s.version):
		return hot, nil //nolint:nilerr // it is what can be had
	case isNotFound(err):
		return &state{source: SourceNew}, nil
	case err == nil:
		m.put(ctx, tenant, id, s.held())
	}
	return s, err
}

func (m *Manager) loadHot(ctx context.Context, tenant, id string) *state {
	if m.hot == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, hotTimeout)
	defer cancel()
	held, err := m.hot.Get(ctx, tenant, id)
	if err != nil {
		m.hotFailed(err)
		return nil
	}
	return stateOf(&held)
}

func (m *Manager) loadCold(ctx context.Context, tenant, id string) (*state, error) {
	loaded, err := m.cold.Load(ctx, tenant, id, horizon)
	if err != nil {
		return nil, err
	}
	s := newState(loaded)
	if len(s.instructions) == 0 && len(loaded.Recent) > 0 && loaded.Recent[0].Seq > 1 {
		// They stood before what was loaded, most likely at the very beginning.
		first, err := m.cold.Messages(ctx, tenant, id, 0, 8)
		if err != nil {
			return nil, err
		}
		for i := range first {
			if !isInstruction(&first[i]) {
				break
			}
			s.instructions = append(s.instructions, first[i])
		}
	}
	return s, nil
}

// loadAll puts all turns there are into s, for a client that goes on from a
// place far back.
func (m *Manager) loadAll(ctx context.Context, tenant, id string, s *state) error {
	const page = 1000
	var all []store.Message
	for after := int64(0); after < s.version; {
		some, err := m.cold.Messages(ctx, tenant, id, after, page)
		if err != nil {
			return err
		}
		if len(some) == 0 {
			break
		}
		all = append(all, some...)
		after = some[len(some)-1].Seq
	}
	s.turns = nil
	for i := range all {
		if all[i].Seq <= s.version && !isInstruction(&all[i]) {
			s.turns = append(s.turns, all[i])
		}
	}
	s.count = len(s.turns)
	return nil
}

// put writes to the hot tier. What it misses is repaired later. It reports
// whether a value that is checked was kept, as far as is known.
func (m *Manager) put(ctx context.Context, tenant, id string, held *Held) (kept bool) {
	if m.hot == nil {
		return true
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), hotTimeout)
	defer cancel()
	kept, err := m.hot.Put(ctx, tenant, id, held)
	if err != nil {
		m.hotFailed(err)
		m.mu.Lock()
		defer m.mu.Unlock()
		if len(m.repairs) < maxRepairs {
			m.repairs[conversationID{tenant, id}] = struct{}{}
		}
		return true
	}
	return kept
}

func (m *Manager) hotFailed(err error) {
	m.lost.Store(time.Now().UnixNano())
	m.failed(fmt.Errorf("conversation: hot tier: %w", err))
}

func (m *Manager) failed(err error) {
	if m.options.Failed != nil {
		m.options.Failed(err)
	}
}

// maintain repairs the hot tier until it is stopped.
func (m *Manager) maintain(ctx context.Context) {
	tick := time.NewTicker(repairEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			m.repair(ctx)
		}
	}
}

// repair brings what the hot tier missed up to date, so that other instances do
// not read what it had before. It stops at the first failure.
func (m *Manager) repair(ctx context.Context) {
	for {
		next, ok := m.nextRepair()
		if !ok {
			return
		}
		if !m.repairOne(ctx, next) {
			return
		}
		m.mu.Lock()
		delete(m.repairs, next)
		m.mu.Unlock()
	}
}

func (m *Manager) nextRepair() (conversationID, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for id := range m.repairs {
		return id, true
	}
	return conversationID{}, false
}

func (m *Manager) repairOne(ctx context.Context, c conversationID) bool {
	s, err := m.loadCold(ctx, c.tenant, c.id)
	if isNotFound(err) {
		return true
	}
	if err != nil {
		return false
	}
	held := s.held()
	held.Todos.Version = time.Now().UnixMicro()
	ctx, cancel := context.WithTimeout(ctx, hotTimeout)
	defer cancel()
	_, err = m.hot.Put(ctx, c.tenant, c.id, held)
	return err == nil
}
