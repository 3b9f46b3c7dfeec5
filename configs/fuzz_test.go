package configs

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// FuzzLoad: whatever is in the file, Load returns, a message holds nothing of
// what the environment does, and what is accepted can be used.
func FuzzLoad(f *testing.F) {
	sample, err := os.ReadFile("gateway.yaml")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(sample))
	archives, err := filepath.Glob("testdata/bad/*.txtar")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range append(archives, "testdata/good.txtar") {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		for _, part := range strings.Split(string(data), "\n-- ") {
			if head, text, ok := strings.Cut(part, " --\n"); ok && strings.HasSuffix(head, ".yaml") {
				f.Add(text)
			}
		}
	}
	// Whatever name the file asks for has this value.
	const canary = "cAnArY{[:%"
	env := func(name string) (string, bool) {
		if isGatewayVariable(name) {
			return "", false
		}
		return canary, true
	}
	f.Fuzz(func(t *testing.T, text string) {
		if strings.Contains(text, canary) {
			return // the file itself gave it away
		}
		c, err := load("f.yaml", []byte(text), env)
		if err != nil {
			if strings.Contains(err.Error(), canary) {
				t.Errorf("the message shows a variable: %v", err)
			}
			for line := range strings.Lines(err.Error()) {
				if !strings.HasPrefix(line, "f.yaml:") {
					t.Errorf("a message without its place: %q", line)
				}
			}
			return
		}
		c.Engine()
		c.Proxy()
		c.Version()
		for _, w := range c.Warnings() {
			if strings.Contains(w, canary) && !strings.Contains(w, "no price") {
				t.Errorf("a warning shows a variable: %s", w)
			}
		}
	})
}

// isGatewayVariable tells the variables that take effect without being named
// in the file.
func isGatewayVariable(name string) bool {
	for _, v := range vendors {
		for _, n := range append(append([]string{}, v.keys...), v.urls...) {
			if n == name {
				return true
			}
		}
	}
	switch name {
	case "REDIS_URL", "DATABASE_URL", "LOG_LEVEL", "MODE", "MCP_ROOTS", "MCP_WRITE", "MCP_PROFILE", "MCP_DATABASE_URL", "MCP_REDIS_URL", "MCP_SANDBOX":
		return true
	}
	return strings.HasPrefix(name, "GATEWAY_")
}
