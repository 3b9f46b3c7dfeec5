package process

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/sys/unix"
)

// The test binary plays the processes to be measured.
const role = "PROCESS_TEST_ROLE"

func TestMain(m *testing.M) {
	switch os.Getenv(role) {
	case "":
		goleak.VerifyTestMain(m)
	case "burn":
		burn(200 * time.Millisecond)
		fmt.Println("ready")
		<-time.After(time.Hour)
	case "fill":
		// Straight from the kernel: the race detector doubles the heap.
		_, err := unix.Mmap(-1, 0, 64<<20, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON|unix.MAP_POPULATE)
		fmt.Println("ready", err)
		<-time.After(time.Hour)
	case "fail":
		fmt.Fprintln(os.Stderr, "cannot open the thing")
		os.Exit(3)
	}
}

// burn takes CPU time on two threads, of which one ends.
func burn(each time.Duration) {
	spin := func() {
		for {
			var ts unix.Timespec
			if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &ts); err != nil || ts.Nano() > int64(each) {
				return
			}
		}
	}
	ended := make(chan struct{})
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with it
		spin()
		close(ended)
	}()
	<-ended
	runtime.LockOSThread()
	spin()
}

// play starts the test binary in a role and waits until it says "ready".
func play(t *testing.T, name string) *Process {
	t.Helper()
	dir := t.TempDir()
	p, err := Start(t.Context(), Spec{Name: name, Path: os.Args[0], Env: []string{role + "=" + name}, Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Stop() })
	took, err := p.Ready(t.Context(), func(context.Context) error {
		if !bytes.Contains(p.tail(), []byte("ready")) {
			return errors.New("not ready")
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if took <= 0 || took > 10*time.Second {
		t.Errorf("ready after %v", took)
	}
	return p
}

func TestCPUAgreesWithProcStat(t *testing.T) {
	p := play(t, "burn")
	got, err := p.CPU()
	if err != nil {
		t.Fatal(err)
	}
	if want := ticks(t, p.cmd.Process.Pid); got < 400*time.Millisecond || (got-want).Abs() > 50*time.Millisecond {
		t.Errorf("CPU time %v; two threads spent 400ms, /proc says %v", got, want)
	}
	if again, _ := p.CPU(); again-got > 50*time.Millisecond {
		t.Errorf("a process at rest spent %v", again-got)
	}
}

// ticks is the user and kernel time of /proc/<pid>/stat.
func ticks(t *testing.T, pid int) time.Duration {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), ") ")
	fields := strings.Fields(rest) // from the third on
	user, err1 := strconv.Atoi(fields[11])
	system, err2 := strconv.Atoi(fields[12])
	if err1 != nil || err2 != nil {
		t.Fatalf("cannot read %q", text)
	}
	return time.Duration(user+system) * 10 * time.Millisecond
}

func TestRSS(t *testing.T) {
	p := play(t, "fill")
	got, err := p.RSS()
	if err != nil {
		t.Fatal(err)
	}
	if got < 64<<20 || got > 128<<20 {
		t.Errorf("RSS %d MiB of a process that holds 64; it says %s", got>>20, p.tail())
	}
}

func TestStopEndsTheProcess(t *testing.T) {
	p := play(t, "fill")
	if err := p.Stop(); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(p.cmd.Process.Pid, 0); !errors.Is(err, syscall.ESRCH) {
		t.Errorf("the process is still there: %v", err)
	}
	if _, err := p.CPU(); err == nil {
		t.Error("a CPU time of a process that has ended")
	}
}

func TestCancelEndsTheProcess(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	p, err := Start(ctx, Spec{Name: "fill", Path: os.Args[0], Env: []string{role + "=fill"}, Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	<-p.exited
	if err := p.Stop(); err == nil || !strings.Contains(err.Error(), "fill had ended: signal: killed") {
		t.Errorf("Stop after the end: %v", err)
	}
}

func TestEarlyEndIsTold(t *testing.T) {
	p, err := Start(t.Context(), Spec{Name: "fail", Path: os.Args[0], Env: []string{role + "=fail"}, Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	_, err = p.Ready(t.Context(), func(context.Context) error { return errors.New("not yet") })
	if err == nil || !strings.Contains(err.Error(), "exit status 3") || !strings.Contains(err.Error(), "cannot open the thing") {
		t.Errorf("Ready of a process that ends: %v", err)
	}
}
