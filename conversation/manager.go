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

	mu        sync.Mutex
	repairs   map[conversationID][]store.Append // what the hot tier may have missed, and what was pending then
	repairing int                               // how many of them are being repaired
}

type conversationID struct{ tenant, id string }

const (
	maxRepairs  = 10_000
	repairEvery = 100 * time.Millisecond
	// distrust is as long as the hot tier keeps what it keeps longest.
	distrust = time.Hour
)

// New returns a manager of the conversations in cold; hot may be nil. It has to
// be closed.
func New(config Config, cold Cold, hot Hot, options Options) *Manager {
	ctx, stop := context.WithCancel(context.Background())
	m := &Manager{
		config: config.withDefaults(), options: options, cold: cold, hot: hot,
		stop: stop, repairs: map[conversationID][]store.Append{},
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
// version which the cold tier is known to have, and nothing is pending that may
// have got there by now. Else it refreshes that from the cold one. A
// conversation that never was is a new one.
func (m *Manager) load(ctx context.Context, tenant, id string, version int64) (*state, error) {
	hot, seen := m.loadHot(ctx, tenant, id)
	doubtful := version == store.AnyVersion && time.Now().UnixNano()-m.lost.Load() < int64(distrust)
	known := version == store.AnyVersion || hot != nil && hot.version >= version && len(hot.pending) == 0
	if hot != nil && known && !doubtful {
		return hot, nil
	}
	return m.refresh(ctx, tenant, id, hot, seen)
}

// refresh reads a conversation from the cold tier, goes on with what is pending
// in the hot one, and refills that. A cold tier that cannot be read leaves the
// hot one, which may be nil.
func (m *Manager) refresh(ctx context.Context, tenant, id string, hot *state, seen int64) (*state, error) {
	s, err := m.loadCold(ctx, tenant, id)
	switch {
	case isNotFound(err):
		s = &state{source: SourceNew}
	case err != nil && hot != nil:
		return hot, nil // it is what can be had
	case err != nil:
		return nil, err
	}
	s.seen = seen
	s.follow(hot)
	if s.source != SourceNew && m.put(ctx, tenant, id, s.next()) {
		s.seen = s.version
	}
	return s, nil
}

func (m *Manager) loadHot(ctx context.Context, tenant, id string) (s *state, seen int64) {
	if m.hot == nil {
		return nil, 0
	}
	s, seen, err := m.getHot(ctx, tenant, id)
	if err != nil {
		m.hotFailed(err)
	}
	return s, seen
}

// getHot returns nil where there is nothing, with the version that is there all
// the same.
func (m *Manager) getHot(ctx context.Context, tenant, id string) (s *state, seen int64, err error) {
	ctx, cancel := context.WithTimeout(ctx, hotTimeout)
	defer cancel()
	var held Held
	for range hotTries {
		if held, err = m.hot.Get(ctx, tenant, id); err == nil {
			break
		}
	}
	if err != nil {
		return nil, 0, err
	}
	if s = stateOf(&held); s != nil {
		s.seen = held.Messages.Version
	}
	return s, held.Messages.Version, nil
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
	s.addTurns(all)
	for i := range s.pending {
		if !s.has(s.pending[i].Messages) {
			s.addTurns(s.pending[i].Messages)
		}
	}
	s.count = len(s.turns)
	return nil
}

// put writes to the hot tier. What it misses is repaired later. It reports
// whether a value that is checked was kept, as far as is known.
func (m *Manager) put(ctx context.Context, tenant, id string, held *Held) (kept bool) {
	kept, err := m.tryPut(ctx, tenant, id, held)
	if err != nil {
		m.missed(conversationID{tenant, id}, nil)
		return true
	}
	return kept
}

func (m *Manager) tryPut(ctx context.Context, tenant, id string, held *Held) (kept bool, err error) {
	if m.hot == nil {
		return true, nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), hotTimeout)
	defer cancel()
	for range hotTries {
		if kept, err = m.hot.Put(ctx, tenant, id, held); err == nil {
			return kept, nil
		}
	}
	m.hotFailed(err)
	return false, err
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
