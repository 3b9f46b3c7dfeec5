package spool

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"os/exec"
	"testing"
	"time"
)

// childDir is set for the process that appends until it is killed.
const childDir = "SPOOL_TEST_APPEND_TO"

// appendForever acknowledges each record by its number on standard output. It
// also applies some, as the replay does.
func appendForever(dir string) {
	l, err := Open(dir, Config{Segment: 64 << 10})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	_, last := l.waiting()
	for n := last + 1; ; n++ {
		if _, err := l.Append(byte(n), payload(n)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(2)
		}
		var b [8]byte
		binary.LittleEndian.PutUint64(b[:], n)
		os.Stdout.Write(b[:])
	}
}

// TestKill kills the process at points that the clock picks, again and again
// on one directory.
func TestKill(t *testing.T) {
	const kills = 60
	dir := t.TempDir()
	var acknowledged, applied uint64
	for i := range kills {
		acknowledged = max(acknowledged, killed(t, dir, time.Duration(i*i%37)*time.Millisecond/4))
		l := openLog(t, dir, Config{Segment: 64 << 10})
		_, last := l.waiting()
		if last < acknowledged {
			t.Fatalf("kill %d: %d was acknowledged, %d is there", i, acknowledged, last)
		}
		holds(t, l, applied+1, last)
		if s := l.State(); s.Damage != "" || s.CutRecords != 0 {
			t.Fatalf("kill %d: %+v", i, s)
		}
		if i%5 == 4 && last > applied {
			ackThrough(t, l, last)
			applied = last
		}
		closeLog(t, l)
	}
	if acknowledged < kills {
		t.Errorf("only %d records", acknowledged)
	}
}

// killed starts a child, kills it a while after its first record, and returns
// the last number that it acknowledged.
func killed(t *testing.T, dir string, after time.Duration) (last uint64) {
	t.Helper()
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), childDir+"="+dir)
	child.Stderr = os.Stderr
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	in := bufio.NewReader(out)
	var b [8]byte
	for first := true; ; first = false {
		if _, err := io.ReadFull(in, b[:]); err != nil {
			break
		}
		last = binary.LittleEndian.Uint64(b[:])
		if first {
			time.AfterFunc(after, func() { child.Process.Kill() })
		}
	}
	if err := child.Wait(); err == nil || child.ProcessState.ExitCode() != -1 {
		t.Fatalf("the child was not killed: %v", err)
	}
	return last
}
