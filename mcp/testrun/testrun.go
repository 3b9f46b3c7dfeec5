// Package testrun is the tools that run a project's tests.
//
// Tests are programs, and whoever may have them run may run anything that the
// project holds. So they are off unless the configuration has them on, the
// program comes from a list and never from a client, and it runs in a Sandbox:
// without a network, with an environment that has no keys, with limits of time,
// memory, files and output, and in a group of processes that ends with the call.
// Files are not hidden from it.
package testrun

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/ai-mcp-gateway/gateway/mcp/child"
	"github.com/ai-mcp-gateway/gateway/mcp/file"
	"github.com/ai-mcp-gateway/gateway/mcp/tool"
)

const (
	maxOutput      = 64 << 10
	defaultTimeout = 5 * time.Minute
	maxFailures    = 100
)

// confined are the limits of a run.
var confined = child.Sandbox{CPU: 20 * time.Minute, Memory: 8 << 30, FileSize: 1 << 30, Files: 4096}

// Config is how tests are run.
type Config struct {
	// Required refuses to run tests where they cannot be confined; else they run
	// unconfined, which is logged.
	Required bool
	// Unconfined hears why they are.
	Unconfined func(err error)
}

type runner struct {
	roots   *file.Roots
	config  Config
	sandbox *child.Sandbox
}

// Tools returns the tools. It looks once whether this machine can confine.
func Tools(roots *file.Roots, config Config) []*tool.Tool {
	r := &runner{roots: roots, config: config}
	if err := child.Available(); err == nil {
		r.sandbox = &confined
	} else if config.Unconfined != nil {
		config.Unconfined(err)
	}
	runs := tool.Hints{}
	return []*tool.Tool{
		tool.New(tool.Tool{
			Name: "run_tests", Title: "Run tests", Hints: runs, Slow: true,
			Description: "Run a project's tests without a network, and count what passed and failed.",
		}, r.run),
		tool.New(tool.Tool{
			Name: "run_vitest", Title: "Run Vitest", Hints: runs, Slow: true,
			Description: "Run a project's Vitest tests: run_tests by its older name.",
		}, r.alias("vitest")),
		tool.New(tool.Tool{
			Name: "run_playwright", Title: "Run Playwright", Hints: runs, Slow: true,
			Description: "Run a project's Playwright tests: run_tests by its older name.",
		}, r.alias("playwright")),
	}
}

type runIn struct {
	Runner  string `json:"runner" enum:"go|pytest|vitest|jest|playwright|cargo"`
	Path    string `json:"path,omitempty" doc:"the project's directory" default:"."`
	Filter  string `json:"filter,omitempty" max:"500" doc:"only tests whose name matches"`
	Timeout int64  `json:"timeout_s,omitempty" min:"1" max:"600" default:"300"`
}

type aliasIn struct {
	Path     string `json:"path,omitempty" doc:"the project's directory" default:"."`
	TestPath string `json:"testPath,omitempty" max:"500" doc:"only this file"`
	Timeout  int64  `json:"timeout_s,omitempty" min:"1" max:"600" default:"300"`
}

type runOut struct {
	Passed    int      `json:"passed"`
	Failed    int      `json:"failed"`
	Skipped   int      `json:"skipped"`
	ExitCode  int      `json:"exit_code"`
	Failures  []string `json:"failures"`
	Output    string   `json:"output_tail"`
	Truncated bool     `json:"truncated"`
	Sandboxed bool     `json:"sandboxed"`
}

func (r *runner) alias(name string) func(context.Context, *tool.Call, *aliasIn) (*runOut, error) {
	return func(ctx context.Context, c *tool.Call, in *aliasIn) (*runOut, error) {
		return r.start(ctx, c, &runIn{Runner: name, Path: in.Path, Timeout: in.Timeout}, in.TestPath)
	}
}

func (r *runner) run(ctx context.Context, c *tool.Call, in *runIn) (*runOut, error) {
	return r.start(ctx, c, in, "")
}

// start runs tests, all of the project's or those of one file.
func (r *runner) start(ctx context.Context, c *tool.Call, in *runIn, only string) (*runOut, error) {
	if r.sandbox == nil && r.config.Required {
		return nil, tool.Errorf("Tests are not run: this machine cannot confine them, and mcp.sandbox is required.")
	}
	for _, text := range []string{in.Filter, only} {
		if strings.HasPrefix(text, "-") || strings.ContainsAny(text, "\x00\n\r") {
			return nil, tool.Errorf("A filter or a path may not begin with - or have line breaks.")
		}
	}
	if only != "" && !filepath.IsLocal(only) {
		return nil, tool.Errorf("testPath is not below the project's directory.")
	}
	if in.Path == "" {
		in.Path = "."
	}
	dir, _, err := r.roots.OpenDir(in.Path)
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	program, args, err := command(in.Runner, in.Filter, only)
	if err != nil {
		return nil, err
	}
	timeout := defaultTimeout
	if in.Timeout > 0 {
		timeout = time.Duration(in.Timeout) * time.Second
	}
	limited, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	count := counter{report: c.Report}
	out, err := child.Run(limited, child.Command{
		Path: program, Args: args, Dir: dir, Env: environment(), Keep: maxOutput, Tail: true, Line: count.line, Sandbox: r.sandbox,
	})
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case errors.Is(err, context.DeadlineExceeded):
		return nil, tool.Errorf("The tests did not end within %v and were ended: %d had passed, %d failed. timeout_s may be 600.", timeout, count.passed, count.failed)
	case err != nil:
		return nil, err
	}
	return count.result(out, r.sandbox != nil), nil
}

// command is the program of a runner, and its arguments.
func command(runner, filter, only string) (program string, args []string, err error) {
	name := runner
	switch runner {
	case "go":
		args = []string{"test", "-json"}
		if filter != "" {
			args = append(args, "-run="+filter)
		}
		args = append(args, "./...")
	case "pytest":
		args = []string{"-v", "--color=no", "-p", "no:cacheprovider"}
		if filter != "" {
			args = append(args, "-k="+filter)
		}
	case "cargo":
		args = []string{"test", "--offline", "--color=never"}
		if filter != "" {
			args = append(args, "--", filter)
		}
	default: // of a project's own node_modules
		name = "node_modules/.bin/" + runner
		args = map[string][]string{
			"vitest": {"run", "--reporter=verbose"}, "jest": {"--ci", "--verbose", "--no-color"}, "playwright": {"test", "--reporter=list"},
		}[runner]
		if filter != "" {
			args = append(args, map[string]string{"vitest": "--testNamePattern=", "jest": "--testNamePattern=", "playwright": "--grep="}[runner]+filter)
		}
		if only != "" {
			args = append(args, only)
		}
		return "/usr/bin/env", append([]string{"--", "./" + name}, args...), nil
	}
	if program, err = exec.LookPath(name); err != nil {
		return "", nil, tool.Errorf("This machine has no %s.", name)
	}
	program, err = filepath.Abs(program)
	return program, args, err
}

// environment has what programs need to be found and to keep their caches, and
// no secret.
func environment() []string {
	env := []string{"CI=1", "NO_COLOR=1", "GOPROXY=off", "GOTOOLCHAIN=local"}
	for _, name := range []string{"PATH", "HOME", "LANG", "TMPDIR", "GOROOT", "GOPATH", "GOCACHE", "GOMODCACHE", "CARGO_HOME", "RUSTUP_HOME"} {
		if v := os.Getenv(name); v != "" {
			env = append(env, name+"="+v)
		}
	}
	return env
}

// counter counts tests by the lines that runners print.
type counter struct {
	report                  func(done, total float64, message string)
	passed, failed, skipped int
	failures                []string
}

// The lines of the runners: go test -json, pytest -v, cargo, and the Node ones.
var (
	goLine    = regexp.MustCompile(`"Action":"(pass|fail|skip)","Package":"([^"]*)","Test":"([^"]*)"`)
	pytest    = regexp.MustCompile(`^(\S+::.*?) (PASSED|FAILED|ERROR|SKIPPED|XFAIL|XPASS)\b`)
	cargo     = regexp.MustCompile(`^test (.+) \.\.\. (ok|FAILED|ignored)`)
	nodeLine  = regexp.MustCompile(`^\s*(✓|✔|√|×|✗|✘|✕|↓|○|ok|-)\s+(.*\S)`)
	escapes   = regexp.MustCompile("\x1b\\[[0-9;]*m")
	nodeMarks = map[string]string{"✓": "pass", "✔": "pass", "√": "pass", "ok": "pass", "×": "fail", "✗": "fail", "✘": "fail", "✕": "fail", "↓": "skip", "○": "skip", "-": "skip"}
)

func (c *counter) line(line []byte) {
	if len(line) > 4096 {
		return
	}
	line = escapes.ReplaceAll(line, nil)
	if m := goLine.FindSubmatch(line); m != nil {
		c.add(string(m[1]), string(m[2])+"."+string(m[3]))
	} else if m := pytest.FindSubmatch(line); m != nil {
		c.add(string(m[2]), string(m[1]))
	} else if m := cargo.FindSubmatch(line); m != nil {
		c.add(string(m[2]), string(m[1]))
	} else if m := nodeLine.FindSubmatch(line); m != nil {
		c.add(nodeMarks[string(m[1])], string(m[2]))
	}
}

func (c *counter) add(outcome, name string) {
	name = strings.ToValidUTF8(name, "?")
	switch outcome {
	case "pass", "PASSED", "ok", "XPASS":
		c.passed++
	case "skip", "SKIPPED", "XFAIL", "ignored":
		c.skipped++
	default:
		c.failed++
		if len(c.failures) < maxFailures {
			c.failures = append(c.failures, name)
		}
	}
	n := c.passed + c.failed + c.skipped
	c.report(float64(n), 0, strconv.Itoa(n)+" tests")
}

func (c *counter) result(out *child.Output, sandboxed bool) *runOut {
	text := append(bytes.Clone(out.Stdout), out.Stderr...)
	if c.failures == nil {
		c.failures = []string{}
	}
	return &runOut{
		Passed: c.passed, Failed: c.failed, Skipped: c.skipped, ExitCode: out.Code, Failures: c.failures,
		Output: strings.ToValidUTF8(string(text), "\uFFFD"), Truncated: out.Truncated, Sandboxed: sandboxed,
	}
}
