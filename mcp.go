package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"syscall"

	"github.com/ai-mcp-gateway/gateway/configs"
	"github.com/ai-mcp-gateway/gateway/mcp"
	"github.com/ai-mcp-gateway/gateway/mcp/database"
	"github.com/ai-mcp-gateway/gateway/mcp/file"
	"github.com/ai-mcp-gateway/gateway/mcp/git"
	"github.com/ai-mcp-gateway/gateway/mcp/llm"
	mcpredis "github.com/ai-mcp-gateway/gateway/mcp/redis"
	"github.com/ai-mcp-gateway/gateway/mcp/testrun"
	"github.com/ai-mcp-gateway/gateway/mcp/tool"
	"github.com/ai-mcp-gateway/gateway/tenant"
)

// serveMCP speaks MCP on in and out until in ends or a signal comes. Nothing
// but messages goes to out.
func serveMCP(in io.Reader, out, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	signal.Ignore(syscall.SIGPIPE, syscall.SIGHUP) // a client that has gone is a failed write
	_ = os.Setenv("MODE", "mcp")                   // whichever way the command was given
	cfg, err := loadConfig()
	if err != nil {
		fmt.Fprintf(stderr, "gateway: %v\n", err)
		return exitConfig
	}
	g := &Gateway{}
	defer g.Close()
	server, err := g.OpenMCP(cfg, stderr)
	if err == nil {
		err = server.ServeStdio(ctx, tenant.Anonymous(), in, out)
	}
	if err != nil {
		fmt.Fprintf(stderr, "gateway: %v\n", err)
		return exitFailed
	}
	return 0
}

// OpenMCP builds the gateway as an MCP server that listens nowhere. Log lines
// go to logs. Close it, also after an error.
func (g *Gateway) OpenMCP(cfg *configs.Config, logs io.Writer) (*mcp.Server, error) {
	cfg = withStateDir(cfg)
	cfg, err := g.openCore(cfg, logs)
	if err != nil {
		return nil, err
	}
	g.adopt(cfg)
	for _, text := range cfg.Warnings() {
		g.log.Slog().Warn("configuration", "warning", text)
	}
	roots := cfg.MCP.Roots
	if len(roots) == 0 {
		roots = []string{"."}
	}
	return g.newMCP(cfg, roots)
}

// newMCP returns the MCP face.
func (g *Gateway) newMCP(cfg *configs.Config, roots []string) (*mcp.Server, error) {
	var err error
	if g.roots, err = file.OpenRoots(roots); err != nil {
		return nil, err
	}
	write := func(family string) bool { return slices.Contains(cfg.MCP.Write, family) }
	set := tool.NewSet(g.log.Slog())
	mcp.AddMeta(set)
	models := llm.Options{Engine: g.engine, Conversations: g.state.conversations, Accounts: g.state.cold, Log: g.log, Metrics: g.metrics}
	set.Add(llm.Tools(models)...)
	set.Add(file.Tools(g.roots, write("fs"))...)
	set.Add(git.Tools(g.roots, write("git"))...)
	if write("tests") {
		set.Add(testrun.Tools(g.roots, testrun.Config{Required: cfg.MCP.Sandbox == "required", Unconfined: func(err error) {
			g.log.Slog().Warn("tests that clients run are NOT confined", "reason", err.Error())
		}})...)
	}
	if !cfg.MCP.Database.Empty() {
		tools, err := database.Tools(cfg.MCP.Database.Reveal(), write("db"))
		if err != nil {
			return nil, err
		}
		set.Add(tools...)
	}
	if !cfg.MCP.Redis.Empty() {
		if g.keys, err = mcpredis.Open(cfg.MCP.Redis.Reveal(), cfg.MCP.RedisPrefix); err != nil {
			return nil, err
		}
		set.Add(g.keys.Tools(write("redis"))...)
	}
	options := mcp.Options{Resources: llm.Resources(models), Prompts: llm.Prompts(models), Fixtures: os.Getenv("GATEWAY_MCP_CONFORMANCE") == "1", Tools: set, Profile: cfg.MCP.Profile, Version: version, Log: g.log.Slog()}
	if len(cfg.MCP.Roots) == 0 {
		options.Roots = g.roots.Replace // the client on stdio knows where its project is
	}
	return mcp.New(options), nil
}

// overHTTP is the MCP face as the HTTP face wants it.
type overHTTP struct{ *mcp.Server }

// Post answers a message.
func (s overHTTP) Post(ctx context.Context, who *tenant.Caller, header func(name string) string, message []byte) (status int, kind, session string, body io.WriterTo) {
	a := s.Server.Post(ctx, who, header, message)
	return a.Status, a.Type, a.Session, a.Body
}

// withStateDir moves the embedded stores of a gateway that was not told where
// to have them: an editor starts it in the directory of a project, which they
// do not belong in.
func withStateDir(cfg *configs.Config) *configs.Config {
	if !cfg.DefaultDataDir() {
		return cfg
	}
	dir := os.Getenv("XDG_STATE_HOME")
	if dir == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return cfg
		}
		dir = filepath.Join(home, ".local", "state")
	}
	return cfg.WithDataDir(filepath.Join(dir, "ai-mcp-gateway"))
}
