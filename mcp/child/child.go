// Package child runs programs for tools: by argument list and never by a shell,
// in a process group of their own that ends with the call, with bounded output.
package child

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"sync"
	"syscall"
	"time"
)

// lastOutput is how long output is waited for that a process left open when it
// had ended, as one does that has put something in the background.
const lastOutput = 500 * time.Millisecond

// Command is a program to run.
type Command struct {
	// Path is the program, absolute; Args are its arguments, without its name.
	Path string
	Args []string
	// Dir is the directory that it is started in. It stays the caller's.
	Dir *os.File
	// Env is all of its environment.
	Env []string
	// Keep is how many bytes are kept of each of its outputs: the first ones or,
	// with Tail, the last ones. Without Tail, a program that writes more to its
	// standard output is ended.
	Keep int
	Tail bool
	// Line hears of every line of the standard output; nil does not.
	Line func(line []byte)
	// Sandbox is what it is confined to; nil is nothing.
	Sandbox *Sandbox
}

// Output is what a program has said.
type Output struct {
	Stdout, Stderr []byte
	// Truncated: there was more of one of them.
	Truncated bool
	// Code is its exit code; -1 when it was killed.
	Code int
}

// Run runs a program to its end, or to ctx's, which kills it with all that is
// in its process group. An error is ctx's, or that it cannot be started.
func Run(ctx context.Context, c Command) (*Output, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	cut, stop := context.WithCancel(ctx)
	defer stop()
	stdout := &capture{keep: c.Keep, tail: c.Tail, line: c.Line}
	stderr := &capture{keep: c.Keep, tail: c.Tail}
	if !c.Tail {
		stdout.full = stop
	}
	cmd := exec.CommandContext(cut, c.Path, c.Args...)
	cmd.Dir = "/proc/self/fd/" + strconv.Itoa(int(c.Dir.Fd())) // the directory that was checked, whatever its name is now
	cmd.Env, cmd.Stdout, cmd.Stderr = c.Env, stdout, stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	cmd.WaitDelay = lastOutput
	cmd.Cancel = func() error { return killGroup(cmd.Process.Pid) }
	if c.Sandbox != nil {
		if err := c.Sandbox.confine(cmd); err != nil {
			return nil, err
		}
	}
	// The signal of Pdeathsig comes when the thread that started the process
	// ends, so it has to stay.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("cannot start %s: %w", c.Path, err)
	}
	err := cmd.Wait()
	_ = killGroup(cmd.Process.Pid) // what it has left behind
	runtime.KeepAlive(c.Dir)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	var exited *exec.ExitError
	if err != nil && !errors.As(err, &exited) && !errors.Is(err, exec.ErrWaitDelay) && !errors.Is(err, context.Canceled) {
		return nil, err
	}
	out := &Output{Code: cmd.ProcessState.ExitCode()}
	var more bool
	out.Stdout, out.Truncated = stdout.bytes()
	out.Stderr, more = stderr.bytes()
	out.Truncated = out.Truncated || more
	return out, nil
}

func killGroup(pid int) error {
	err := syscall.Kill(-pid, syscall.SIGKILL)
	if errors.Is(err, syscall.ESRCH) {
		return os.ErrProcessDone
	}
	return err
}

// capture keeps a part of what is written to it.
type capture struct {
	keep int
	tail bool
	full func()
	line func([]byte)

	mu      sync.Mutex
	kept    []byte
	more    bool
	partial []byte
}

var errFull = errors.New("there is enough output")

// Write implements io.Writer.
func (c *capture) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.line != nil {
		c.lines(p)
	}
	c.kept = append(c.kept, p...)
	switch over := len(c.kept) - c.keep; {
	case over <= 0:
	case c.tail:
		if c.more = true; len(c.kept) > 2*c.keep {
			c.kept = append(c.kept[:0], c.kept[over:]...)
		}
	default:
		c.kept, c.more = c.kept[:c.keep], true
		if c.full != nil {
			c.full()
			return 0, errFull
		}
	}
	return len(p), nil
}

// lines passes whole lines on. One without an end is passed on in pieces.
func (c *capture) lines(p []byte) {
	c.partial = append(c.partial, p...)
	from := 0
	for i, b := range c.partial {
		if b == '\n' || i-from >= 64<<10 {
			c.line(c.partial[from:i])
			from = i + 1
		}
	}
	c.partial = append(c.partial[:0], c.partial[from:]...)
}

func (c *capture) bytes() ([]byte, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.kept[max(0, len(c.kept)-c.keep):], c.more
}

var _ io.Writer = (*capture)(nil)
