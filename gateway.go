package main

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"

	"github.com/ai-mcp-gateway/gateway/bench/simulator"
	"github.com/ai-mcp-gateway/gateway/cache/redis"
	"github.com/ai-mcp-gateway/gateway/configs"
	"github.com/ai-mcp-gateway/gateway/conversation"
	"github.com/ai-mcp-gateway/gateway/engine"
	"github.com/ai-mcp-gateway/gateway/internal/secret"
	"github.com/ai-mcp-gateway/gateway/mcp/file"
	mcpredis "github.com/ai-mcp-gateway/gateway/mcp/redis"
	"github.com/ai-mcp-gateway/gateway/proxy"
	"github.com/ai-mcp-gateway/gateway/telemetry"
	"github.com/ai-mcp-gateway/gateway/tenant"
	"github.com/ai-mcp-gateway/gateway/translate/anthropic"
	"github.com/ai-mcp-gateway/gateway/translate/azure"
	"github.com/ai-mcp-gateway/gateway/translate/bedrock"
	"github.com/ai-mcp-gateway/gateway/translate/cohere"
	"github.com/ai-mcp-gateway/gateway/translate/gemini"
	"github.com/ai-mcp-gateway/gateway/translate/ollama"
	"github.com/ai-mcp-gateway/gateway/translate/openai"
	"github.com/ai-mcp-gateway/gateway/translate/responses"
)

// Gateway is the program: every part, built from one configuration and wired
// together. main runs one, and end-to-end tests run the same.
type Gateway struct {
	// Roots verify the providers' certificates; nil takes the system's. It is
	// set before Open.
	Roots *x509.CertPool

	log       *telemetry.Log
	level     slog.LevelVar
	metrics   *telemetry.Metrics
	engine    *engine.Engine
	server    *proxy.Server
	redis     *redis.Store
	state     *state
	simulator *simulator.Server
	roots     *file.Roots // of the MCP face, as are keys
	keys      *mcpredis.Keys
	listen    string // the address that was bound

	mu     sync.Mutex
	config *configs.Config // the one in force

	reloadFailures atomic.Uint64
}

// Open builds the gateway and binds its address. Log lines go to logs. Close
// it, also after a failed Run.
func (g *Gateway) Open(cfg *configs.Config, logs io.Writer) (net.Addr, error) {
	cfg, err := g.openCore(cfg, logs)
	if err != nil {
		return nil, err
	}
	directory, err := tenant.NewDirectory(cfg.Keys)
	if err != nil {
		return nil, err
	}
	face, err := g.newMCP(cfg, cfg.MCP.Roots)
	if err != nil {
		return nil, err
	}
	g.server = proxy.New(cfg.Proxy(), directory, proxy.Options{
		MCP: overHTTP{face}, Engine: g.engine, Dialect: openai.New(), Messages: anthropic.New(), Log: g.log, Metrics: g.metrics, Version: version,
		Claims: g.state.cold, Accounts: g.state.cold, Redis: g.redisState, Database: g.state.health,
	})
	g.adopt(cfg)
	g.addSources()
	for _, text := range cfg.Warnings() {
		g.log.Slog().Warn("configuration", "warning", text)
	}
	g.listen = cfg.Listen
	return g.server.Listen()
}

// openCore builds what both faces stand on, and returns the configuration with
// the providers that were found.
func (g *Gateway) openCore(cfg *configs.Config, logs io.Writer) (*configs.Config, error) {
	g.log = telemetry.NewLog(logs, &g.level)
	g.setLevel(cfg)
	g.metrics = telemetry.NewMetrics(version)
	cfg, err := g.findProviders(cfg)
	if err != nil {
		return nil, err
	}
	if err := g.openRedis(cfg); err != nil {
		return nil, err
	}
	if g.state, err = openState(context.Background(), cfg, g.redis, g.log.Slog(), g.metrics, g.summarize); err != nil {
		return nil, err
	}
	g.engine, err = engine.New(cfg.Engine(), g.options())
	return cfg, err
}

// Run serves until ctx ends, and then shuts down as the configuration says.
// When kill ends too, what is still under way is cut off.
func (g *Gateway) Run(ctx, kill context.Context) error {
	served := make(chan error, 1)
	go func() { served <- g.server.Serve() }()
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
	}
	g.log.Slog().Info("shutting down")
	err := g.server.Shutdown(kill)
	if serveErr := <-served; err == nil {
		err = serveErr
	}
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return nil // calls were cut off, as configured or asked for
	}
	return err
}

// Reload puts cfg in force for every call that starts from now on. On error
// everything stays as it was.
func (g *Gateway) Reload(cfg *configs.Config) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	directory, err := tenant.NewDirectory(cfg.Keys)
	if err != nil {
		return err
	}
	if cfg, err = g.findProviders(cfg); err != nil {
		return err
	}
	if err := configs.CheckListen(g.listen, len(cfg.Keys) > 0, cfg.Auth == "off"); err != nil {
		return fmt.Errorf("the address stays %s until the next start and %w", g.listen, err)
	}
	if cfg.Listen != g.listen || cfg.State != g.config.State {
		g.log.Slog().Warn("configuration", "warning", "listen and state take effect at the next start")
	}
	if err := g.engine.Reload(cfg.Engine()); err != nil {
		return err
	}
	g.server.Reload(cfg.Proxy(), directory)
	g.adopt(cfg)
	g.log.Slog().Info("configuration reloaded", "version", cfg.Version())
	return nil
}

// Close ends every part that Open started.
func (g *Gateway) Close() {
	if g.engine != nil {
		g.engine.Close()
	}
	if g.state != nil {
		g.state.close()
	}
	if g.redis != nil {
		g.redis.Close()
	}
	if g.keys != nil {
		g.keys.Close()
	}
	if g.roots != nil {
		g.roots.Close()
	}
	if g.simulator != nil {
		_ = g.simulator.Close()
	}
	if g.log != nil {
		_ = g.log.Close()
	}
}

// findProviders gives a configuration without any provider a local one: an
// Ollama that answers, else simulated providers, which it says loudly.
func (g *Gateway) findProviders(cfg *configs.Config) (*configs.Config, error) {
	if len(cfg.Providers) > 0 {
		return cfg, nil
	}
	if models := ollamaModels(); len(models) > 0 {
		g.log.Slog().Info("no provider is configured; using the local Ollama", "models", len(models))
		return cfg.WithProvider(engine.ProviderConfig{Name: "ollama", Dialect: "openai", BaseURL: ollamaURL + "/v1"}, models...), nil
	}
	if g.simulator == nil {
		s, err := simulator.Start(simulator.Config{Seed: 1})
		if err != nil {
			return nil, fmt.Errorf("cannot start the simulated providers: %w", err)
		}
		g.simulator = s
	}
	g.log.Slog().Warn("no provider is configured: the answers are SIMULATED, by a program and not by a model. Set OPENAI_API_KEY or another vendor's key, or GATEWAY_CONFIG")
	return cfg.WithProvider(engine.ProviderConfig{
		Name: "simulated", Dialect: "openai", BaseURL: g.simulator.URL() + "/v1", Keys: []secret.String{}, Simulated: true,
	}), nil
}

func (g *Gateway) options() engine.Options {
	o := engine.Options{
		Dialects:      g.dialects(),
		Responses:     g.state,
		Ledger:        g.state,
		Conversations: g.state.conversations,
		Background:    g.background,
		Roots:         g.Roots,
		Log:           g.log.Slog(),
	}
	if g.redis != nil {
		o.Remote = g.redis
	}
	return o
}

// summarize is the engine's, which is there before there is a turn.
func (g *Gateway) summarize(ctx context.Context, r *conversation.SummaryRequest) (summary, model string, err error) {
	return g.engine.Summarize(ctx, r)
}

// background records a call that nobody has asked for.
func (g *Gateway) background(r *telemetry.Call) {
	g.log.Call(r)
	g.metrics.Call(r)
}

// dialects are all that clients and providers may speak.
func (g *Gateway) dialects() (d engine.Dialects) {
	chat, messages, answers := openai.New(), anthropic.New(), responses.New()
	d.AddClient(chat)
	d.AddClient(messages)
	d.AddClient(answers)
	d.AddProvider(chat)
	d.AddProvider(messages)
	d.AddProvider(answers)
	d.AddProvider(gemini.New())
	d.AddProvider(bedrock.New())
	d.AddProvider(azure.New(chat))
	d.AddProvider(ollama.New())
	d.AddProvider(cohere.New())
	return d
}

func (g *Gateway) openRedis(cfg *configs.Config) (err error) {
	if cfg.State.Redis.Empty() {
		return nil
	}
	g.redis, err = redis.Open(redis.Config{URL: cfg.State.Redis.Reveal()})
	return err
}

func (g *Gateway) redisState() string {
	if g.redis == nil {
		return "embedded"
	}
	return g.redis.State()
}

// adopt notes that cfg is in force.
func (g *Gateway) adopt(cfg *configs.Config) {
	g.config = cfg
	g.setLevel(cfg)
	g.metrics.SetConfigVersion(cfg.Version())
}

// setLevel takes the log level, which the configuration has checked.
func (g *Gateway) setLevel(cfg *configs.Config) {
	var level slog.Level
	if level.UnmarshalText([]byte(cfg.Log.Level)) == nil {
		g.level.Set(level)
	}
}

// addSources adds the metrics that are read from the parts at each scrape.
func (g *Gateway) addSources() {
	m := g.metrics
	m.Counter("gateway_log_dropped_total", "Log lines dropped because the sink was slow.", func() float64 { return float64(g.log.Dropped()) })
	m.Counter("gateway_reload_failures_total", "Configurations that were not taken.", func() float64 { return float64(g.reloadFailures.Load()) })
	g.state.addSources(m)
	m.Gauge("gateway_redis_up", "1 while the configured Redis answers.", func() float64 {
		if g.redisState() == "connected" {
			return 1
		}
		return 0
	})
}
