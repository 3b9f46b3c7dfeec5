package testservice

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

const (
	startTimeout = 20 * time.Second
	portAttempts = 5
)

// TB is what a server needs of the test that it is for, which testing.TB has.
type TB interface {
	Helper()
	Fatal(args ...any)
	Fatalf(format string, args ...any)
	Cleanup(f func())
}

// process is a child that dies with the test binary, however that ends.
type process struct {
	cmd    *exec.Cmd
	exited chan struct{} // closed when the child has been waited for
}

// startProcess runs a program and returns once a line of its standard output
// contains ready, or at once when that is empty. If it ends or stays silent
// instead, the error carries what it printed.
func startProcess(path string, args []string, ready string) (*process, error) {
	return startProcessAs(nil, path, args, ready)
}

// startProcessAs is startProcess under another account, where there is one.
func startProcessAs(as *syscall.Credential, path string, args []string, ready string) (*process, error) {
	p := &process{cmd: exec.Command(path, args...), exited: make(chan struct{})}
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Credential: as}
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	p.cmd.Stderr = p.cmd.Stdout

	started := make(chan error, 1)
	go p.run(stdout, ready, started)
	select {
	case err = <-started:
	case <-time.After(startTimeout):
		err = fmt.Errorf("%s did not print %q within %v", path, ready, startTimeout)
		p.kill()
	}
	if err != nil {
		return nil, err
	}
	return p, nil
}

// run starts the child and waits for its end, on one thread: the kernel sends
// the death signal when the thread that forked ends, not the process.
func (p *process) run(stdout io.Reader, ready string, started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer close(p.exited)
	if err := p.cmd.Start(); err != nil {
		started <- err
		return
	}
	var printed strings.Builder
	lines := bufio.NewScanner(stdout)
	seen := ready == ""
	if seen {
		started <- nil
	}
	for lines.Scan() {
		if seen {
			continue // drained, so that the child never blocks on a full pipe
		}
		fmt.Fprintln(&printed, lines.Text())
		if strings.Contains(lines.Text(), ready) {
			seen = true
			started <- nil
		}
	}
	_ = p.cmd.Wait() // ProcessState says more
	if !seen {
		started <- fmt.Errorf("%s ended early: %v\n%s", p.cmd.Path, p.cmd.ProcessState, printed.String())
	}
}

func (p *process) signal(sig syscall.Signal) error { return p.cmd.Process.Signal(sig) }

// stopped waits until SIGSTOP has taken effect; false when it does not in time.
func (p *process) stopped() bool {
	path := fmt.Sprintf("/proc/%d/stat", p.cmd.Process.Pid)
	for end := time.Now().Add(startTimeout); time.Now().Before(end); time.Sleep(time.Millisecond) {
		stat, err := os.ReadFile(path)
		if err != nil {
			return false // it has ended
		}
		// The state follows the name, which is in parentheses.
		if at := strings.LastIndexByte(string(stat), ')'); at > 0 && strings.HasPrefix(string(stat[at:]), ") T") {
			return true
		}
	}
	return false
}

// kill ends the child, paused or not, and waits for it.
func (p *process) kill() {
	// An error means that it has ended by itself already.
	_ = p.cmd.Process.Kill()
	<-p.exited
}

// program returns the path of a program that Debian's package pkg brings.
func program(t testing.TB, name, pkg string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Fatalf("%s is not in PATH; install it with: sudo apt-get install -y %s", name, pkg)
	}
	return path
}

// freePort returns a port that nobody listens on now. It stays below the
// kernel's ephemeral range, where an outgoing connection could take the port
// while its server is stopped.
func freePort(t TB) int {
	t.Helper()
	for range 100 {
		port := 20000 + rand.IntN(12000)
		l, err := net.Listen("tcp4", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err == nil {
			_ = l.Close()
			return port
		}
	}
	t.Fatal("no free port between 20000 and 32000")
	return 0
}
