package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/ai-mcp-gateway/gateway/cache"
	"github.com/ai-mcp-gateway/gateway/cache/redis"
	"github.com/ai-mcp-gateway/gateway/configs"
	"github.com/ai-mcp-gateway/gateway/conversation"
	"github.com/ai-mcp-gateway/gateway/store"
	"github.com/ai-mcp-gateway/gateway/store/archive"
	"github.com/ai-mcp-gateway/gateway/store/postgres"
	"github.com/ai-mcp-gateway/gateway/store/spool"
	"github.com/ai-mcp-gateway/gateway/store/sqlite"
	"github.com/ai-mcp-gateway/gateway/telemetry"
)

const (
	// hotMemory bounds the hot tier in the process, in bytes.
	hotMemory = 64 << 20
	// sweepEvery is how often expired rows are looked for, sweepMost how many
	// are removed at once.
	sweepEvery, sweepMost = 5 * time.Minute, 10_000
	// keepResponses is how long answers of the Responses API are kept.
	keepResponses = 30 * 24 * time.Hour
	// stateWithin bounds one read or write of them, drainWithin the wait for the
	// spool at the end.
	stateWithin, drainWithin = 5 * time.Second, 2 * time.Second
	// dropMatters is how long /health tells of rows that were lost.
	dropMatters = time.Minute
)

// state is what outlives a call: the two tiers, and the conversations in them.
type state struct {
	cold          store.Store
	spool         *spool.Store // what cold is
	embedded      bool         // over SQLite
	shared        *postgres.Store
	dropped       atomic.Int64 // rows of the call log that were lost
	lastDrop      atomic.Int64 // when, in Unix seconds
	conversations *conversation.Manager
	metrics       *telemetry.Metrics
	log           *slog.Logger
	stop          context.CancelFunc
	swept         chan struct{}
}

// summarizer has a model write a summary.
type summarizer func(ctx context.Context, r *conversation.SummaryRequest) (summary, model string, err error)

// openState opens the stores that cfg names. shared is the Redis, or nil.
func openState(ctx context.Context, cfg *configs.Config, shared *redis.Store, log *slog.Logger, metrics *telemetry.Metrics, summarize summarizer) (*state, error) {
	s := &state{log: log, metrics: metrics, swept: make(chan struct{})}
	if err := s.openCold(ctx, cfg); err != nil {
		return nil, err
	}
	var hot hotTier
	if shared != nil {
		hot.tier = shared.Hot()
	} else {
		hot.tier = cache.NewHot(hotMemory)
	}
	s.conversations = conversation.New(conversation.Config{
		CompressAfter: cfg.Conversation.CompressAfter, KeepRecent: cfg.Conversation.KeepRecent,
	}, s.cold, hot, conversation.Options{
		Summarize: summarize,
		Failed:    func(err error) { log.Warn("conversation", "error", err.Error()) },
	})
	background, stop := context.WithCancel(context.Background())
	s.stop = stop
	go s.sweep(background)
	return s, nil
}

// openCold opens SQLite or PostgreSQL behind a spool, which takes the rows of
// the call log first and, while PostgreSQL is away, all other writes as well.
func (s *state) openCold(ctx context.Context, cfg *configs.Config) error {
	settings := spool.Config{Limit: cfg.State.Spool, Alarm: func(st spool.State) {
		s.log.Warn("spool", "alarm", st.Alarm, "bytes", st.Bytes, "limit", st.Limit, "damage", st.Damage, "refused", st.Refused)
	}}
	if cfg.State.Durability == "async" {
		settings.Messages = spool.Mapped
	}
	var cold store.Store
	var err error
	if s.embedded = cfg.State.Postgres.Empty(); s.embedded {
		settings.CallsOnly = true
		var own *sqlite.Store
		open := sqlite.Open
		if cfg.State.Durability == "async" {
			open = sqlite.OpenAsync
		}
		if own, err = open(ctx, filepath.Join(cfg.DataDir, "gateway.db")); err == nil {
			own.Observe(s.metrics.Store)
			cold = archive.New(own, cfg.ArchiveDir())
		}
	} else {
		cold, err = s.openShared(ctx, cfg)
	}
	if err != nil {
		return err
	}
	waiting, err := openLog(filepath.Join(cfg.DataDir, "spool"), settings)
	if err == nil {
		if s.spool, err = spool.New(cold, waiting, settings); err == nil {
			s.cold = s.spool
			return nil
		}
		_ = waiting.Close()
	}
	_ = cold.Close()
	return err
}

// mostLogs is how many processes may share a data directory.
const mostLogs = 64

// openLog opens the log in dir or, when another process has that, as the
// sidecars of several editors do, in dir-2, dir-3 ... One that a process has
// left with something in it comes before the others.
func openLog(dir string, settings spool.Config) (found *spool.Log, err error) {
	for n := 1; n <= mostLogs; n++ {
		path := dir
		if n > 1 {
			path = fmt.Sprintf("%s-%d", dir, n)
		}
		if _, err := os.Stat(path); found != nil && errors.Is(err, fs.ErrNotExist) {
			return found, nil
		}
		log, err := spool.Open(path, settings)
		switch {
		case errors.Is(err, spool.ErrLocked):
		case err != nil && found == nil:
			return nil, err
		case err != nil: // it is not needed
		case found == nil:
			found = log
		case log.State().Records > 0:
			_ = found.Close()
			found = log
		default:
			_ = log.Close()
		}
		if found != nil && found.State().Records > 0 {
			return found, nil
		}
	}
	if found == nil {
		return nil, fmt.Errorf("%w: %d processes use %s", spool.ErrLocked, mostLogs, filepath.Dir(dir))
	}
	return found, nil
}

// openShared opens PostgreSQL. That it is away is no error.
func (s *state) openShared(ctx context.Context, cfg *configs.Config) (store.Store, error) {
	shared, err := postgres.Open(ctx, postgres.Config{URL: cfg.State.Postgres.Reveal(), Observe: s.metrics.Store})
	if err != nil {
		return nil, err
	}
	if err := shared.Ready(ctx); errors.Is(err, store.ErrUnavailable) {
		s.log.Warn("PostgreSQL is away; writes are spooled", "error", err.Error())
	} else if err != nil {
		_ = shared.Close()
		return nil, err
	}
	s.shared = shared
	return archive.New(shared, cfg.ArchiveDir()), nil
}

// sweep removes what has expired, until ctx ends.
func (s *state) sweep(ctx context.Context) {
	defer close(s.swept)
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if _, err := s.cold.Sweep(ctx, sweepMost); err != nil && ctx.Err() == nil {
			s.log.Warn("sweep", "error", err.Error())
		}
	}
}

// health says how the cold tier is doing, for /health.
func (s *state) health() string {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	away, spool := s.cold.Ping(ctx) != nil, s.spool.State()
	switch {
	case spool.Failed != nil || s.losing() || s.embedded && away:
		return "down"
	case s.embedded:
		return "embedded"
	case away || spool.Spooling:
		return "spooling"
	default:
		return "connected"
	}
}

// addSources adds the metrics that are read from it at each scrape.
func (s *state) addSources(m *telemetry.Metrics) {
	m.Gauge("gateway_spool_bytes", "Bytes of rows of the call log, and of writes that PostgreSQL has yet to take, that wait in the spool.",
		func() float64 { return float64(s.spool.State().Bytes) })
	m.Gauge("gateway_spool_records", "How many of them wait.",
		func() float64 { return float64(s.spool.State().Records) })
	m.Gauge("gateway_spool_oldest_seconds", "How long the first of them has waited.",
		func() float64 { return s.spool.State().Oldest.Seconds() })
	m.Gauge("gateway_hot_missed", "Conversations of which the hot tier may lack something that this instance has.",
		func() float64 { return float64(s.conversations.Missed()) })
	m.Counter("gateway_ledger_dropped_total", "Rows of the call log that were lost because the spool was full or its disk failed.",
		func() float64 { return float64(s.dropped.Load()) })
	if s.shared != nil {
		m.Gauge("gateway_postgres_connections_in_use", "Connections to PostgreSQL that are working now.",
			func() float64 { return float64(s.shared.InUse()) })
	}
}

// losing reports whether rows of the call log were lost a moment ago.
func (s *state) losing() bool {
	return time.Now().Unix()-s.lastDrop.Load() < int64(dropMatters/time.Second)
}

// Put takes rows of the call log. Those that find no place are counted, and
// said to be lost.
func (s *state) Put(rows []store.Call) {
	err := s.spool.PutCalls(context.Background(), rows)
	if err == nil {
		return
	}
	s.dropped.Add(int64(len(rows)))
	if now := time.Now().Unix(); s.lastDrop.Swap(now) != now {
		s.log.Error("rows of the call log are lost", "total", s.dropped.Load(), "error", err.Error())
	}
}

// PutResponse keeps an answer of the Responses API. One that cannot be kept is
// not to be gone on from, which its client learns when it asks for it.
func (s *state) PutResponse(tenant, id string, r store.Response) {
	ctx, cancel := context.WithTimeout(context.Background(), stateWithin)
	defer cancel()
	if err := s.cold.PutResponse(ctx, tenant, id, &r, time.Now().Add(keepResponses)); err != nil {
		s.log.Error("a response is not kept", "response_id", id, "error", err.Error())
	}
}

// Response returns one that is kept.
func (s *state) Response(tenant, id string) (store.Response, bool) {
	ctx, cancel := context.WithTimeout(context.Background(), stateWithin)
	defer cancel()
	r, err := s.cold.Response(ctx, tenant, id)
	if err != nil {
		if !errors.Is(err, store.ErrNotFound) {
			s.log.Error("a response cannot be read", "response_id", id, "error", err.Error())
		}
		return store.Response{}, false
	}
	return *r, true
}

// DeleteResponse forgets one and reports whether there was one.
func (s *state) DeleteResponse(tenant, id string) bool {
	ctx, cancel := context.WithTimeout(context.Background(), stateWithin)
	defer cancel()
	err := s.cold.DeleteResponse(ctx, tenant, id)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		s.log.Error("a response is not deleted", "response_id", id, "error", err.Error())
	}
	return err == nil
}

// close ends it. What is spooled has a moment to get to the cold tier; the rest
// goes there after the next start.
func (s *state) close() {
	s.conversations.Close()
	s.stop()
	<-s.swept
	ctx, cancel := context.WithTimeout(context.Background(), drainWithin)
	defer cancel()
	_ = s.spool.Drain(ctx)
	_ = s.cold.Close()
}

// hotTier keeps conversations under the keys of the design.
type hotTier struct {
	tier interface {
		Get(ctx context.Context, dst []cache.Item, keys ...string) ([]cache.Item, error)
		Set(ctx context.Context, items ...cache.Item) error
	}
}

// Get implements conversation.Hot.
func (h hotTier) Get(ctx context.Context, tenant, id string) (conversation.Held, error) {
	k := cache.ConversationKeys(tenant, id)
	items, err := h.tier.Get(ctx, make([]cache.Item, 0, 3), k.Summary, k.Messages, k.Todos)
	if err != nil {
		return conversation.Held{}, err
	}
	value := func(i int) conversation.Value {
		return conversation.Value{Version: items[i].Version, Data: items[i].Value}
	}
	return conversation.Held{Summary: value(0), Messages: value(1), Todos: value(2)}, nil
}

// Put implements conversation.Hot.
func (h hotTier) Put(ctx context.Context, tenant, id string, held *conversation.Held) (kept bool, err error) {
	k := cache.ConversationKeys(tenant, id)
	items := make([]cache.Item, 0, 3)
	for _, v := range []struct {
		key   string
		value conversation.Value
		ttl   time.Duration
	}{{k.Summary, held.Summary, cache.SummaryTTL}, {k.Messages, held.Messages, cache.MessagesTTL}, {k.Todos, held.Todos, cache.TodosTTL}} {
		if v.value.Version != 0 {
			items = append(items, cache.Item{
				Key: v.key, Version: v.value.Version, Value: v.value.Data, TTL: v.ttl, Checked: v.value.Checked, After: v.value.After,
			})
		}
	}
	err = h.tier.Set(ctx, items...)
	kept = true
	for i := range items {
		kept = kept && !(items[i].Checked && items[i].Stale)
	}
	return kept, err
}
