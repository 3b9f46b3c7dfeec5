package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/ai-mcp-gateway/gateway/bench/simulator"
)

// TestOfficialClient has the official Go SDK list every tool and call some, over
// both transports. It holds the answers against the schemas.
func TestOfficialClient(t *testing.T) {
	client := mcp.NewClient(&mcp.Implementation{Name: "test", Version: "1"}, nil)
	check := func(t *testing.T, transport mcp.Transport, file bool) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		session, err := client.Connect(ctx, transport, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer session.Close()
		list, err := session.ListTools(ctx, nil)
		if err != nil || len(list.Tools) < 15 {
			t.Fatalf("%d tools, %v", len(list.Tools), err)
		}
		calls := map[string]any{
			"llm_models": map[string]any{}, "todo_list": map[string]any{"id": "c"}, "find_tools": map[string]any{"query": "git"},
			"llm_chat": map[string]any{"model": "auto", "messages": []any{map[string]any{"role": "user", "content": "hi"}}},
		}
		if file {
			calls["read_text_file"] = map[string]any{"path": "a.txt"}
		}
		for name, arguments := range calls {
			answer, err := session.CallTool(ctx, &mcp.CallToolParams{Name: name, Arguments: arguments})
			if err != nil || answer.IsError || answer.StructuredContent == nil {
				t.Errorf("%s: %+v, %v", name, answer, err)
			}
		}
		if _, err := session.CallTool(ctx, &mcp.CallToolParams{Name: "nope"}); err == nil {
			t.Error("an unknown tool is called")
		}
		read, err := session.ReadResource(ctx, &mcp.ReadResourceParams{URI: "gateway://models"})
		if err != nil || len(read.Contents) != 1 {
			t.Errorf("a resource: %+v, %v", read, err)
		}
	}
	t.Run("stdio", func(t *testing.T) {
		path, err := binary()
		if err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(path, "mcp")
		cmd.Dir = t.TempDir()
		cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "MCP_PROFILE=full"}
		if err := os.WriteFile(filepath.Join(cmd.Dir, "a.txt"), []byte("here"), 0o600); err != nil {
			t.Fatal(err)
		}
		check(t, &mcp.CommandTransport{Command: cmd}, true)
	})
	t.Run("HTTP", func(t *testing.T) {
		sim := startSimulator(t, simulator.Config{})
		g := launch(t, config("mcp: {profile: full}\n", sim.URL()+"/v1"))
		t.Cleanup(func() { g.stop(syscall.SIGTERM) })
		check(t, &mcp.StreamableClientTransport{Endpoint: g.URL + "/mcp"}, false)
	})
}
