// Package process runs a server under measurement as a process of its own and
// reads what it costs from the kernel: CPU time in nanoseconds, resident
// memory, the time from its start to its first answer.
package process

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Spec is a process to start.
type Spec struct {
	// Name is for messages and for the name of the log file.
	Name string
	Path string
	Args []string
	// Env is the whole environment; nothing is inherited.
	Env []string
	// Dir is its working directory, which also takes its output (Name.log).
	Dir string
}

// Process is a running process. Its owner ends it with Stop; should the owner
// die first, the kernel ends it.
type Process struct {
	name    string
	cmd     *exec.Cmd
	log     string
	started time.Time
	exited  chan struct{} // closed when the process has ended and is waited for
}

// Start starts a process. When the context is cancelled the process is
// killed.
func Start(ctx context.Context, spec Spec) (*Process, error) {
	log := filepath.Join(spec.Dir, spec.Name+".log")
	out, err := os.Create(log)
	if err != nil {
		return nil, err
	}
	defer out.Close() // the child has its own descriptor
	cmd := exec.CommandContext(ctx, spec.Path, spec.Args...)
	cmd.Env, cmd.Dir, cmd.Stdout, cmd.Stderr = spec.Env, spec.Dir, out, out
	// Its own group: an interrupt from the terminal is for the owner, which
	// then ends it in order.
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	p := &Process{name: spec.Name, cmd: cmd, log: log, started: time.Now(), exited: make(chan struct{})}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("cannot start %s: %w", spec.Name, err)
	}
	go func() {
		defer close(p.exited)
		_ = cmd.Wait()
	}()
	return p, nil
}

// Ready calls probe until it gives no error and returns the time since the
// start of the process. It fails when the process ends or ten seconds pass.
func (p *Process) Ready(ctx context.Context, probe func(context.Context) error) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	for {
		err := probe(ctx)
		if err == nil {
			return time.Since(p.started), nil
		}
		select {
		case <-p.exited:
			return 0, fmt.Errorf("%s ended: %v; its last output:\n%s", p.name, p.cmd.ProcessState, p.tail())
		case <-ctx.Done():
			return 0, fmt.Errorf("%s does not answer: %w; its last output:\n%s", p.name, err, p.tail())
		case <-time.After(time.Millisecond):
		}
	}
}

// CPU is the time that all threads of the process, ended ones too, have spent
// in user and kernel mode: what /proc/<pid>/stat gives in ticks of ten
// milliseconds, in nanoseconds.
func (p *Process) CPU() (time.Duration, error) {
	// The kernel's clock id of another process's CPU time, as
	// clock_getcpuclockid(3) makes it: the inverted id above three bits, of
	// which 2 says "scheduler's figure".
	id := int32(^p.cmd.Process.Pid<<3 | 2)
	var ts unix.Timespec
	if err := unix.ClockGettime(id, &ts); err != nil {
		return 0, fmt.Errorf("cannot read the CPU time of %s: %w", p.name, err)
	}
	return time.Duration(ts.Nano()), nil
}

// RSS is the resident memory of the process in bytes.
func (p *Process) RSS() (int64, error) {
	// Not statm, whose figure lags by up to a few MiB.
	file := fmt.Sprintf("/proc/%d/smaps_rollup", p.cmd.Process.Pid)
	text, err := os.ReadFile(file)
	if err != nil {
		return 0, err
	}
	for line := range bytes.Lines(text) {
		fields := bytes.Fields(line)
		if len(fields) == 3 && string(fields[0]) == "Rss:" {
			kib, err := strconv.ParseInt(string(fields[1]), 10, 64)
			return kib << 10, err
		}
	}
	return 0, errors.New("no Rss in " + file)
}

// Stop kills the process and waits for its end. A measured server has no
// state that its orderly end would save.
func (p *Process) Stop() error {
	err := p.cmd.Process.Kill()
	<-p.exited
	if errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("%s had ended: %v; its last output:\n%s", p.name, p.cmd.ProcessState, p.tail())
	}
	return err
}

// tail is the end of the process's output.
func (p *Process) tail() []byte {
	const most = 2 << 10
	text, err := os.ReadFile(p.log)
	if err != nil {
		return []byte(err.Error())
	}
	return text[max(0, len(text)-most):]
}
