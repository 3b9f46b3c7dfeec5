package main

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
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
)

// state is what outlives a call: the two tiers, and the conversations in them.
type state struct {
	cold          store.Store
	spool         *spool.Store // what cold is when it is PostgreSQL, else nil
	conversations *conversation.Manager
	log           *slog.Logger
	metrics       *telemetry.Metrics
	stop          context.CancelFunc
	swept         chan struct{}
}

// openState opens the stores that cfg names. shared is the Redis, or nil.
func openState(ctx context.Context, cfg *configs.Config, shared *redis.Store, log *slog.Logger, metrics *telemetry.Metrics) (*state, error) {
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
		Failed: func(err error) { log.Warn("conversation", "error", err.Error()) },
	})
	background, stop := context.WithCancel(context.Background())
	s.stop = stop
	go s.sweep(background)
	return s, nil
}

// openCold opens SQLite, or PostgreSQL behind a spool. A PostgreSQL that is
// away is no error: the spool takes the writes until it is there.
func (s *state) openCold(ctx context.Context, cfg *configs.Config) (err error) {
	if cfg.State.Postgres.Empty() {
		open := sqlite.Open
		if cfg.State.Durability == "async" {
			open = sqlite.OpenAsync
		}
		own, err := open(ctx, filepath.Join(cfg.DataDir, "gateway.db"))
		if err == nil {
			own.Observe(s.metrics.Store)
			s.cold = archive.New(own, cfg.ArchiveDir())
		}
		return err
	}
	shared, err := postgres.Open(ctx, postgres.Config{URL: cfg.State.Postgres.Reveal(), Observe: s.metrics.Store})
	if err != nil {
		return err
	}
	if err := shared.Ready(ctx); errors.Is(err, store.ErrUnavailable) {
		s.log.Warn("PostgreSQL is away; writes are spooled", "error", err.Error())
	} else if err != nil {
		_ = shared.Close()
		return err
	}
	settings := spool.Config{Limit: cfg.State.Spool, Alarm: func(st spool.State) {
		s.log.Warn("spool", "alarm", st.Alarm, "bytes", st.Bytes, "limit", st.Limit, "damage", st.Damage, "refused", st.Refused)
	}}
	if cfg.State.Durability == "async" {
		settings.Messages = spool.Mapped
	}
	waiting, err := spool.Open(filepath.Join(cfg.DataDir, "spool"), settings)
	if err == nil {
		if s.spool, err = spool.New(archive.New(shared, cfg.ArchiveDir()), waiting, settings); err == nil {
			s.cold = s.spool
			return nil
		}
		_ = waiting.Close()
	}
	_ = shared.Close()
	return err
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
	away := s.cold.Ping(ctx) != nil
	switch {
	case s.spool == nil && away:
		return "down"
	case s.spool == nil:
		return "embedded"
	case s.spool.State().Failed != nil:
		return "down"
	case away || s.spool.State().Spooling:
		return "spooling"
	default:
		return "connected"
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

// close ends it. What is spooled has a moment to get to PostgreSQL; the rest
// goes there after the next start.
func (s *state) close() {
	s.conversations.Close()
	s.stop()
	<-s.swept
	if s.spool != nil {
		ctx, cancel := context.WithTimeout(context.Background(), drainWithin)
		defer cancel()
		_ = s.spool.Drain(ctx)
	}
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
func (h hotTier) Put(ctx context.Context, tenant, id string, held *conversation.Held) error {
	k := cache.ConversationKeys(tenant, id)
	items := make([]cache.Item, 0, 3)
	for _, v := range []struct {
		key   string
		value conversation.Value
		ttl   time.Duration
	}{{k.Summary, held.Summary, cache.SummaryTTL}, {k.Messages, held.Messages, cache.MessagesTTL}, {k.Todos, held.Todos, cache.TodosTTL}} {
		if v.value.Version != 0 {
			items = append(items, cache.Item{Key: v.key, Version: v.value.Version, Value: v.value.Data, TTL: v.ttl})
		}
	}
	return h.tier.Set(ctx, items...)
}
