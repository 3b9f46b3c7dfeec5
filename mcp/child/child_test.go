package child_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/ai-mcp-gateway/gateway/mcp/child"
)

func TestMain(m *testing.M) {
	child.Main()
	goleak.VerifyTestMain(m)
}

func here(t *testing.T) *os.File {
	t.Helper()
	d, err := os.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	return d
}

func program(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skipf("this machine has no %s", name)
	}
	return path
}

func shell(t *testing.T, script string) child.Command {
	t.Helper()
	return child.Command{Path: program(t, "sh"), Args: []string{"-c", script}, Dir: here(t), Env: []string{"PATH=" + os.Getenv("PATH")}, Keep: 1000}
}

func TestRunKeepsWhatItWasAskedFor(t *testing.T) {
	c := shell(t, "echo out; echo err >&2; exit 3")
	got, err := child.Run(t.Context(), c)
	if err != nil || string(got.Stdout) != "out\n" || string(got.Stderr) != "err\n" || got.Code != 3 || got.Truncated {
		t.Errorf("%+v, %v", got, err)
	}

	c = shell(t, "yes; echo never")
	if got, err = child.Run(t.Context(), c); err != nil || len(got.Stdout) != c.Keep || !got.Truncated {
		t.Errorf("without an end: %v", err)
	}

	c = shell(t, "i=0; while [ $i -lt 5000 ]; do echo $i; i=$((i+1)); done")
	c.Tail = true
	lines := 0
	c.Line = func([]byte) { lines++ }
	if got, err = child.Run(t.Context(), c); err != nil || !strings.HasSuffix(string(got.Stdout), "4999\n") || len(got.Stdout) != c.Keep || !got.Truncated || lines != 5000 {
		t.Errorf("the last part: %d lines, %v", lines, err)
	}
}

// TestRunKillsTheGroup holds that what a program has started ends with it.
func TestRunKillsTheGroup(t *testing.T) {
	f := func(name, script string, cancelled bool) {
		t.Helper()
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		c := shell(t, script)
		pids := make(chan int, 10)
		c.Line = func(line []byte) {
			var pid int
			if _, err := fmt.Sscan(string(line), &pid); err == nil {
				pids <- pid
				if cancelled {
					cancel()
				}
			}
		}
		_, err := child.Run(ctx, c)
		if cancelled != errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", name, err)
		}
		gone(t, name, <-pids)
	}
	f("cancelled", "sleep 1000 & echo $!; wait", true)
	f("ended before its child", "sleep 1000 & echo $!", false)
}

// gone waits until a process is no more.
func gone(t *testing.T, name string, pid int) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; {
		state, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) || err != nil || strings.Contains(string(state), ") Z ") {
			return
		}
		if time.Now().After(deadline) {
			t.Errorf("%s: process %d lives", name, pid)
			return
		}
		time.Sleep(time.Millisecond) // a poll
	}
}

func TestSandbox(t *testing.T) {
	if err := child.Available(); err != nil {
		t.Skip(err)
	}
	run := func(script string) *child.Output {
		t.Helper()
		c := shell(t, script)
		c.Sandbox = &child.Sandbox{CPU: time.Minute, FileSize: 1 << 20, Files: 64, Memory: 1 << 30}
		out, err := child.Run(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	if out := run("ulimit -n; ulimit -f; grep -c : /proc/net/dev; grep NoNewPrivs /proc/self/status; grep CapEff /proc/self/status"); out.Code != 0 {
		t.Errorf("%+v", out)
	} else if got := strings.Fields(string(out.Stdout)); len(got) != 7 || got[0] != "64" || got[4] != "1" || got[2] != "1" {
		t.Errorf("limits, network and rights: %q", got)
	}
	if out := run("head -c 3000000 /dev/zero > big; wc -c < big"); strings.TrimSpace(string(out.Stdout)) == "3000000" {
		t.Error("a file is longer than may be")
	}
	if out := run("setsid sleep 1000 & echo started"); string(out.Stdout) != "started\n" {
		t.Errorf("%+v", out)
	}
}
