package spool

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	"golang.org/x/sys/unix"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		appendForever(dir)
	}
	goleak.VerifyTestMain(m)
}

// small makes segments that fill quickly.
var small = Config{Segment: 4096}

func openLog(t testing.TB, dir string, cfg Config) *Log {
	t.Helper()
	l, err := Open(dir, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func closeLog(t testing.TB, l *Log) {
	t.Helper()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
}

// payload is a record's of the tests: its number and some bytes that follow
// from it.
func payload(n uint64) []byte {
	b := binary.LittleEndian.AppendUint64(nil, n)
	for i := range n * 7 % 301 {
		b = append(b, byte(n+i)|1)
	}
	return b
}

func appendTo(t testing.TB, l *Log, through uint64) {
	t.Helper()
	_, last := l.waiting()
	for n := last + 1; n <= through; n++ {
		seq, err := l.Append(byte(n), payload(n))
		if err != nil || seq != n {
			t.Fatalf("append %d: %d, %v", n, seq, err)
		}
	}
}

// holds checks that exactly these records wait.
func holds(t testing.TB, l *Log, first, last uint64) {
	t.Helper()
	from := l.acked
	next := first
	_, err := l.each(from, func(r record) bool {
		if r.seq != next || r.kind != byte(next) || string(r.payload) != string(payload(next)) {
			t.Fatalf("record %d is %+v, want number %d", r.seq, r, next)
		}
		next++
		return true
	})
	if err != nil {
		t.Fatal(err)
	}
	if next != last+1 {
		t.Fatalf("records %d to %d, want to %d", first, next-1, last)
	}
}

// ackThrough notes that records were applied.
func ackThrough(t testing.TB, l *Log, seq uint64) {
	t.Helper()
	var bytes int64
	to, err := l.each(l.acked, func(r record) bool {
		bytes += recordSize(len(r.payload))
		return r.seq < seq
	})
	if err != nil {
		t.Fatal(err)
	}
	l.ack(to, bytes)
}

func segments(t testing.TB, dir string) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*"+segmentSuffix))
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func TestLogKeepsRecords(t *testing.T) {
	dir := t.TempDir()
	l := openLog(t, dir, small)
	appendTo(t, l, 200)
	holds(t, l, 1, 200)
	if n := len(segments(t, dir)); n < 5 {
		t.Errorf("%d segments", n)
	}
	if s := l.State(); s.Records != 200 || s.Bytes == 0 || s.Oldest <= 0 || s.Alarm {
		t.Errorf("%+v", s)
	}
	closeLog(t, l)
	l = openLog(t, dir, small)
	holds(t, l, 1, 200)
	appendTo(t, l, 300)
	ackThrough(t, l, 250)
	bytes := l.State().Bytes
	closeLog(t, l)
	l = openLog(t, dir, small)
	holds(t, l, 251, 300)
	if s := l.State(); s.Bytes != bytes || s.CutBytes != 0 {
		t.Errorf("%+v, want %d bytes", s, bytes)
	}
}

func TestLogRemovesSegments(t *testing.T) {
	dir := t.TempDir()
	l := openLog(t, dir, small)
	for n := uint64(50); n <= 500; n += 50 {
		appendTo(t, l, n)
		ackThrough(t, l, n)
	}
	if err := l.Sync(t.Context(), 500); err != nil {
		t.Fatal(err)
	}
	closeLog(t, l)
	l = openLog(t, dir, small)
	holds(t, l, 501, 500)
	if names := segments(t, dir); len(names) != 1 {
		t.Errorf("%q", names)
	}
	if s := l.State(); s.Records != 0 || s.Bytes != 0 || s.Oldest != 0 {
		t.Errorf("%+v", s)
	}
	appendTo(t, l, 510)
	holds(t, l, 501, 510)
}

func TestLogLargeRecord(t *testing.T) {
	dir := t.TempDir()
	l := openLog(t, dir, small)
	for _, n := range []int{100 << 10, 0, 100 << 10, 200 << 10} {
		if _, err := l.Append(1, make([]byte, n)); err != nil {
			t.Fatal(err)
		}
	}
	sizes := payloadSizes(t, l)
	closeLog(t, l)
	want := []int{100 << 10, 0, 100 << 10, 200 << 10}
	if diff := cmp.Diff(want, sizes); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(want, payloadSizes(t, openLog(t, dir, small))); diff != "" {
		t.Error(diff)
	}
}

func payloadSizes(t *testing.T, l *Log) (sizes []int) {
	t.Helper()
	if _, err := l.each(l.acked, func(r record) bool {
		if r.kind != kindNothing {
			sizes = append(sizes, len(r.payload))
		}
		return true
	}); err != nil {
		t.Fatal(err)
	}
	return sizes
}

func TestLogFull(t *testing.T) {
	alarms := make(chan State, 8)
	cfg := Config{Segment: 4096, Limit: 10 * recordSize(100), Alarm: func(s State) { alarms <- s }}
	l := openLog(t, t.TempDir(), cfg)
	one := make([]byte, 100)
	for range 10 {
		if _, err := l.Append(1, one); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := l.Append(1, one); !errors.Is(err, ErrFull) {
		t.Fatalf("%v", err)
	}
	if s := <-alarms; !s.Alarm || float64(s.Bytes) <= alarmOn*float64(s.Limit) || s.Records > 10 {
		t.Errorf("%+v", s)
	}
	ackThrough(t, l, 5)
	if s := <-alarms; s.Alarm || s.Records != 5 {
		t.Errorf("%+v", s)
	}
	if _, err := l.Append(1, one); err != nil {
		t.Error(err)
	}
}

func TestLogLocked(t *testing.T) {
	dir := t.TempDir()
	l := openLog(t, dir, small)
	_, err := Open(dir, small)
	if !errors.Is(err, ErrLocked) || !strings.Contains(err.Error(), dir) {
		t.Errorf("%v", err)
	}
	closeLog(t, l)
	openLog(t, dir, small)
}

// TestLogReadOnly opens as somebody who may not write there, whoever runs the
// test.
func TestLogReadOnly(t *testing.T) {
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o555); err != nil {
		t.Fatal(err)
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if os.Geteuid() == 0 {
		if _, err := unix.SetfsuidRetUid(65534); err != nil {
			t.Fatal(err)
		}
		defer func() {
			if _, err := unix.SetfsuidRetUid(0); err != nil {
				t.Fatal(err)
			}
		}()
	}
	_, err := Open(dir, small)
	if !errors.Is(err, os.ErrPermission) || !strings.Contains(err.Error(), dir) {
		t.Errorf("%v", err)
	}
}

func TestLogDiskFull(t *testing.T) {
	var full atomic.Bool
	d := linux
	d.allocate = func(f *os.File, size int64) error {
		if full.Load() {
			return unix.ENOSPC
		}
		return allocate(f, size)
	}
	dir := t.TempDir()
	l, err := open(dir, small, d)
	if err != nil {
		t.Fatal(err)
	}
	full.Store(true)
	var kept uint64
	for {
		if _, err = l.Append(byte(kept+1), payload(kept+1)); err != nil {
			break
		}
		kept++
	}
	if !errors.Is(err, unix.ENOSPC) || kept < 5 {
		t.Errorf("after %d: %v", kept, err)
	}
	if err := l.Sync(t.Context(), kept); err != nil {
		t.Error(err)
	}
	full.Store(false)
	appendTo(t, l, kept+20)
	closeLog(t, l)
	holds(t, openLog(t, dir, small), 1, kept+20)
}

// TestLogSyncFails shows that nothing is acknowledged after a failed sync,
// even when the next would succeed.
func TestLogSyncFails(t *testing.T) {
	var failing atomic.Bool
	d := linux
	d.sync = func(f *os.File) error {
		if failing.Load() {
			return unix.EIO
		}
		return syncData(f)
	}
	l, err := open(t.TempDir(), small, d)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	appendTo(t, l, 3)
	if err := l.Sync(t.Context(), 3); err != nil {
		t.Fatal(err)
	}
	failing.Store(true)
	appendTo(t, l, 4)
	if err := l.Sync(t.Context(), 4); !errors.Is(err, unix.EIO) {
		t.Errorf("%v", err)
	}
	failing.Store(false)
	if err := l.Sync(t.Context(), 4); !errors.Is(err, unix.EIO) {
		t.Errorf("%v", err)
	}
	if _, err := l.Append(1, nil); !errors.Is(err, unix.EIO) {
		t.Errorf("%v", err)
	}
	if err := l.Sync(t.Context(), 3); err != nil {
		t.Errorf("what was durable: %v", err)
	}
	if s := l.State(); s.Failed == nil {
		t.Errorf("%+v", s)
	}
	holds(t, l, 1, 4) // to be applied all the same
}

// TestLogFaultingPage shows that a page that cannot be had is an error.
func TestLogFaultingPage(t *testing.T) {
	dir := t.TempDir()
	l := openLog(t, dir, small)
	appendTo(t, l, 1)
	if err := os.Truncate(segments(t, dir)[0], 0); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Append(1, nil); err == nil || !strings.Contains(err.Error(), "cannot reach the segment's page") {
		t.Errorf("append: %v", err)
	}
	if _, err := l.each(l.acked, func(record) bool { return true }); err == nil {
		t.Error("the record is read")
	}
}

func TestLogGroupCommit(t *testing.T) {
	var syncs atomic.Int64
	d := linux
	d.sync = func(f *os.File) error { syncs.Add(1); return syncData(f) }
	l, err := open(t.TempDir(), Config{}, d)
	if err != nil {
		t.Fatal(err)
	}
	before := syncs.Load()
	var wait sync.WaitGroup
	const many = 256
	for range many {
		wait.Go(func() {
			seq, err := l.Append(1, make([]byte, 300))
			if err == nil {
				err = l.Sync(context.Background(), seq)
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	if n := syncs.Load() - before; n >= many {
		t.Errorf("%d syncs for %d appends", n, many)
	}
	closeLog(t, l)
}

func TestLogSyncGivesUp(t *testing.T) {
	hold := make(chan struct{})
	var holding atomic.Bool
	d := linux
	d.sync = func(f *os.File) error {
		if holding.Load() {
			<-hold
		}
		return syncData(f)
	}
	l, err := open(t.TempDir(), small, d)
	if err != nil {
		t.Fatal(err)
	}
	holding.Store(true)
	appendTo(t, l, 1)
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if err := l.Sync(ctx, 1); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
	close(hold)
	closeLog(t, l)
	if _, err := l.Append(1, nil); !errors.Is(err, ErrClosed) {
		t.Errorf("%v", err)
	}
	if err := l.Close(); err != nil {
		t.Errorf("second close: %v", err)
	}
}

func ExampleLog() {
	dir, err := os.MkdirTemp("", "spool")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	l, err := Open(dir, Config{})
	if err != nil {
		panic(err)
	}
	defer l.Close()
	seq, err := l.Append(200, []byte("a row")) // survives the end of the process
	fmt.Println(seq, err)
	fmt.Println(l.Sync(context.Background(), seq)) // survives a power cut
	// Output:
	// 1 <nil>
	// <nil>
}
