package testrun_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/ai-mcp-gateway/gateway/mcp/child"
	"github.com/ai-mcp-gateway/gateway/mcp/file"
	"github.com/ai-mcp-gateway/gateway/mcp/testrun"
	"github.com/ai-mcp-gateway/gateway/mcp/tool"
	"github.com/ai-mcp-gateway/gateway/mcp/tool/tooltest"
	"github.com/ai-mcp-gateway/gateway/tenant"
)

func TestMain(m *testing.M) {
	child.Main()
	goleak.VerifyTestMain(m)
}

func project(t *testing.T, files map[string]string) *tooltest.Set {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	roots, err := file.OpenRoots([]string{dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(roots.Close)
	return tooltest.New(t, testrun.Tools(roots, testrun.Config{}))
}

type result struct {
	Passed, Failed, Skipped int
	ExitCode                int `json:"exit_code"`
	Failures                []string
	Output                  string `json:"output_tail"`
	Sandboxed               bool
	Truncated               bool
}

func TestGo(t *testing.T) {
	if _, err := exec.LookPath("go"); err != nil {
		t.Skip("this machine has no go")
	}
	t.Setenv("OPENAI_API_KEY", "a-key-that-tests-must-not-see")
	t.Setenv("GOCACHE", goCache(t))
	s := project(t, map[string]string{
		"go.mod": "module example.com/p\n\ngo 1.24\n",
		"p_test.go": `package p

import ("net"; "net/http"; "net/http/httptest"; "os"; "testing")

func TestPasses(t *testing.T) {}
func TestFails(t *testing.T) { t.Error("it is wrong") }
func TestSkips(t *testing.T) { t.Skip("not now") }
func TestHasNoKeys(t *testing.T) {
	if k := os.Getenv("OPENAI_API_KEY"); k != "" { t.Error(k) }
}
func TestHasALoopback(t *testing.T) {
	s := httptest.NewServer(http.NotFoundHandler())
	defer s.Close()
	if _, err := http.Get(s.URL); err != nil { t.Error(err) }
}
func TestHasNoNetwork(t *testing.T) {
	list, err := net.Interfaces()
	if err != nil || len(list) != 1 { t.Error(list, err) }
}
`,
	})
	var got result
	s.OK("run_tests", `{"runner":"go"}`, &got)
	if !got.Sandboxed {
		t.Skip("this machine does not confine programs")
	}
	if got.Passed != 4 || got.Failed != 1 || got.Skipped != 1 || got.ExitCode != 1 || !strings.Contains(fmt.Sprint(got.Failures), "TestFails") {
		t.Errorf("%+v", got)
	}
	s.OK("run_tests", `{"runner":"go","filter":"^TestPasses$"}`, &got)
	if got.Passed != 1 || got.ExitCode != 0 {
		t.Errorf("%+v", got)
	}
}

// goCache is the go command's own, which the sandboxed one may use as well.
func goCache(t *testing.T) string {
	t.Helper()
	out, err := exec.Command("go", "env", "GOCACHE").Output()
	if err != nil {
		t.Skip("go has no cache")
	}
	return strings.TrimSpace(string(out))
}

func TestNode(t *testing.T) {
	s := project(t, map[string]string{"node_modules/.bin/vitest": "#!/bin/sh\necho \" ✓ a.test.js > adds\"; echo \" × a.test.js > fails\"; echo \" ↓ later\"; echo args: \"$@\"; exit 1\n"})
	var got result
	s.OK("run_vitest", `{"testPath":"a.test.js"}`, &got)
	if got.Passed != 1 || got.Failed != 1 || got.Skipped != 1 || got.ExitCode != 1 || !strings.Contains(got.Output, "args: run --reporter=verbose a.test.js") {
		t.Errorf("%+v", got)
	}
	s.Refused("run_vitest", `{"testPath":"--config=/tmp/x"}`, "may not begin with -")
	s.Refused("run_vitest", `{"testPath":"../x"}`, "not below")
	s.Refused("run_vitest", `{"watch":true}`, "There is no argument")
	s.Refused("run_tests", `{"runner":"sh"}`, "one of go, pytest")
	s.Refused("run_tests", `{"runner":"go","path":"/etc"}`, "outside")
	s.Refused("run_tests", `{"runner":"go","filter":"-exec=/bin/sh"}`, "may not begin with -")
}

// TestCancelled holds that a run that is cancelled, or takes too long, ends
// with everything that it has started.
func TestCancelled(t *testing.T) {
	s := project(t, map[string]string{"node_modules/.bin/jest": "#!/bin/sh\nsleep 1000 &\nyes & \necho ✓ one\nwait\n"})
	s.Refused("run_tests", `{"runner":"jest","timeout_s":1}`, "did not end within 1s")

	ctx, cancel := context.WithCancel(t.Context())
	run, err := s.Find("run_tests")
	if err != nil {
		t.Fatal(err)
	}
	c := &tool.Call{Caller: tenant.Anonymous(), Progress: func(done, _ float64, _ string) { cancel() }}
	began := time.Now()
	if r := s.Run(ctx, run, c, []byte(`{"runner":"jest"}`)); !r.Failed || time.Since(began) > time.Minute {
		t.Errorf("%+v", r)
	}
}
