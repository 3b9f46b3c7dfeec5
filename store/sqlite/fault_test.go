package sqlite

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/ai-mcp-gateway/gateway/store"
)

// openWith opens with a short wait for locks and pragmas for the writer.
func openWith(t *testing.T, path string, pragmas ...string) *Store {
	t.Helper()
	s, err := open(t.Context(), path, testMigrations(t), 20*time.Millisecond, pragmas...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// wantCode expects ErrUnavailable because of one of SQLite's primary codes.
func wantCode(t *testing.T, err error, code int) {
	t.Helper()
	var e *sqlite.Error
	if !errors.Is(err, store.ErrUnavailable) || !errors.As(err, &e) || e.Code()&0xff != code {
		t.Errorf("error is %v, want one of code %d that is %v", err, code, store.ErrUnavailable)
	}
}

func wantMessages(t *testing.T, s *Store, want int) {
	t.Helper()
	all, err := s.Messages(t.Context(), "t", "c", 0, 1<<30)
	if err != nil || len(all) != want {
		t.Errorf("%d messages, error %v, want %d", len(all), err, want)
	}
}

func appendPair(t *testing.T, s *Store, n int) {
	t.Helper()
	if v, err := s.Append(t.Context(), pair("test", n)); err != nil || v != int64(2*n+2) {
		t.Fatalf("append %d: version %d, error %v", n, v, err)
	}
}

func TestFault084_LockedByAnother(t *testing.T) {
	path := filepath.Join(t.TempDir(), "gateway.db")
	patient, hasty := openAt(t, path), openWith(t, path)
	appendPair(t, patient, 0)
	other := openAt(t, path)
	err := other.write.run(t.Context(), func(*tx) error { // has the lock
		_, err := hasty.Append(t.Context(), pair("test", 1))
		wantCode(t, err, sqlite3.SQLITE_BUSY)
		_, err = hasty.Admit(t.Context(), "t", "c")
		wantCode(t, err, sqlite3.SQLITE_BUSY)

		// Who would wait longer is still told when its time is over.
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer cancel()
		start := time.Now()
		_, err = patient.Append(ctx, pair("test", 1))
		if !errors.Is(err, store.ErrUnavailable) || !errors.Is(err, context.DeadlineExceeded) || time.Since(start) > busyTimeout/2 {
			t.Errorf("after %v: %v", time.Since(start), err)
		}
		wantMessages(t, hasty, 2) // reading goes on
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := hasty.Admit(t.Context(), "t", "c"); err != nil {
		t.Error(err)
	}
	appendPair(t, hasty, 1)
	appendPair(t, patient, 2)
}

func TestFault084_DiskFull(t *testing.T) {
	path := filepath.Join(t.TempDir(), "gateway.db")
	openAt(t, path)
	s := openWith(t, path, "max_page_count(60)")
	large := pair("test", 0)
	large.Messages[0].Raw = bytes.Repeat([]byte("x"), 20000)
	full := 0
	for n := 0; full < 3; n++ {
		large.Key = fmt.Sprint(n)
		if _, err := s.Append(t.Context(), large); err != nil {
			wantCode(t, err, sqlite3.SQLITE_FULL)
			full++
			continue
		}
		if n > 100 {
			t.Fatal("it does not get full")
		}
	}
	// Reading goes on, nothing is there in halves, and with space it goes on.
	before, err := s.Load(t.Context(), "t", "c", 1000)
	if err != nil || len(before.Recent) != int(before.Version) || before.Version == 0 || before.Version%2 != 0 {
		t.Fatalf("version %+v, error %v", before, err)
	}
	more := openAt(t, path)
	if v, err := more.Append(t.Context(), large); err != nil || v != before.Version+2 {
		t.Errorf("version %d, error %v", v, err)
	}
}

// unprivileged runs f as a user who may write nothing of root's.
func unprivileged(t *testing.T, f func()) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // and never unlocked: the thread ends here
		if os.Getuid() == 0 {
			if err := syscall.Setfsuid(65534); err != nil {
				t.Error(err)
				return
			}
		}
		f()
	}()
	<-done
}

func TestFault099_ReadOnly(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "gateway.db")
	s := openAt(t, path)
	appendPair(t, s, 0)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for name, mode := range map[string]os.FileMode{filepath.Dir(dir): 0o755, path: 0o444, dir: 0o555} {
		if err := os.Chmod(name, mode); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() { _ = os.Chmod(dir, 0o700) })
	for _, name := range []string{path, filepath.Join(dir, "new.db"), filepath.Join(dir, "new", "gateway.db")} {
		unprivileged(t, func() {
			s, err := Open(context.Background(), name)
			if !errors.Is(err, store.ErrUnavailable) || !strings.Contains(err.Error(), filepath.Base(dir)) {
				t.Errorf("open %q: %v", name, err)
			}
			if s != nil {
				_ = s.Close()
			}
		})
	}
	// A disk that becomes read-only under a store that runs.
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	s = openWith(t, path, "query_only(0)")
	err := s.write.run(t.Context(), func(tx *tx) error {
		_, err := tx.conn.conn.ExecContext(t.Context(), "PRAGMA query_only = 1")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.Append(t.Context(), pair("test", 1))
	wantCode(t, err, sqlite3.SQLITE_READONLY)
	wantCode(t, s.Ping(t.Context()), sqlite3.SQLITE_READONLY)
	wantMessages(t, s, 2)
}

func TestFault084_Damaged(t *testing.T) {
	const page = 4096
	for name, damage := range map[string]func(file []byte) []byte{
		"page":      func(file []byte) []byte { copy(file[20*page:], bytes.Repeat([]byte{0xff}, page)); return file },
		"header":    func(file []byte) []byte { copy(file, "no database at all"); return file },
		"truncated": func(file []byte) []byte { return file[:len(file)/2] },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, "gateway.db")
			s := openAt(t, path)
			for n := range 200 {
				appendPair(t, s, n)
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			file, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			file = damage(file)
			if err := os.WriteFile(path, file, 0o600); err != nil {
				t.Fatal(err)
			}
			wantKept(t, path, file)
			wantKept(t, path, file) // and no second copy
		})
	}
}

// A large file that was closed in order is checked while it is used: a damaged
// one soon is not. One that was not closed is checked first.
func TestFault084_DamagedAndLarge(t *testing.T) {
	const page = 4096
	path := filepath.Join(t.TempDir(), "gateway.db")
	large := func() (*Store, error) {
		return openChecked(t.Context(), path, 20*page, testMigrations(t), busyTimeout)
	}
	s := openAt(t, path)
	for n := range 200 {
		appendPair(t, s, n)
	}
	unclosed := filepath.Join(t.TempDir(), "gateway.db")
	for _, suffix := range []string{"", "-wal"} {
		if err := copyFile(unclosed+suffix, path+suffix); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if !mayWait(path, 20*page) || mayWait(path, 1<<20) || mayWait(unclosed, 0) {
		t.Error("it is not told which files may wait")
	}
	s, err := large()
	if err != nil {
		t.Fatal(err)
	}
	s.stopCheck()
	wantMessages(t, s, 400)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	whole := bytes.Clone(file)
	copy(file[len(file)-page:], bytes.Repeat([]byte{0xff}, page))
	if err := os.WriteFile(path, file, 0o600); err != nil {
		t.Fatal(err)
	}
	if s, err = large(); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for end := time.Now().Add(20 * time.Second); s.damage.Load() == nil; {
		if time.Now().After(end) {
			t.Fatal("it is not found")
		}
		_ = s.Ping(t.Context())
	}
	_, admitted := s.Admit(t.Context(), "t", "c")
	for name, err := range map[string]error{"ping": s.Ping(t.Context()), "admit": admitted} {
		if !errors.Is(err, store.ErrUnavailable) || !strings.Contains(err.Error(), "damaged") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if copies, err := filepath.Glob(path + ".damaged-*"); err != nil || len(copies) == 0 {
		t.Errorf("copies are %q, %v", copies, err)
	}

	copy(whole, "no database at all")
	if err := os.WriteFile(unclosed, whole, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(unclosed + "-wal"); err != nil {
		t.Fatal(err)
	}
	path = unclosed
	if s, err := large(); err == nil || !strings.Contains(err.Error(), "a copy at") {
		t.Errorf("%v, %v", s, err)
	}
}

// wantKept expects that a damaged file is refused, left alone and copied once.
func wantKept(t *testing.T, path string, file []byte) {
	t.Helper()
	s, err := Open(t.Context(), path)
	if err == nil {
		_ = s.Close()
		t.Fatal("it is opened")
	}
	copies, globErr := filepath.Glob(path + ".damaged-*")
	if globErr != nil || len(copies) != 1 {
		t.Fatalf("copies are %q after %v", copies, err)
	}
	if !strings.Contains(err.Error(), "damaged") || !strings.Contains(err.Error(), copies[0]) {
		t.Errorf("it says %q", err)
	}
	for _, name := range []string{path, copies[0]} {
		got, err := os.ReadFile(name)
		if err != nil || !bytes.Equal(got, file) {
			t.Errorf("%q is not what the damaged file was: %v", name, err)
		}
	}
}

// A log that ends anywhere within its last commit: what was acknowledged
// before is there, the last one is there or not.
func TestFault088_TornLog(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "gateway.db")
	s := openAt(t, path)
	for n := range 5 {
		appendPair(t, s, n)
	}
	before := size(t, path+"-wal")
	appendPair(t, s, 5)
	after := size(t, path+"-wal")
	for i := range 20 {
		cut := before + (after-before)*int64(i)/19
		torn := filepath.Join(dir, fmt.Sprint("torn", i, ".db"))
		for _, suffix := range []string{"", "-wal"} {
			if err := copyFile(torn+suffix, path+suffix); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.Truncate(torn+"-wal", cut); err != nil {
			t.Fatal(err)
		}
		want := 10
		if cut == after {
			want = 12
		}
		got := openAt(t, torn)
		wantMessages(t, got, want)
		if v, err := got.Append(t.Context(), pair("test", 5)); err != nil || v != 12 {
			t.Errorf("cut at %d of %d: version %d, error %v", cut, after, v, err)
		}
	}
}

func size(t *testing.T, path string) int64 {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}

func TestFault088_EveryCommitIsSynced(t *testing.T) {
	s := openAt(t, filepath.Join(t.TempDir(), "gateway.db"))
	var mode string
	var level, keys int
	err := s.write.run(t.Context(), func(tx *tx) error {
		return errors.Join(tx.get("PRAGMA journal_mode", nil, &mode), tx.get("PRAGMA synchronous", nil, &level),
			tx.get("PRAGMA foreign_keys", nil, &keys))
	})
	if err != nil || mode != "wal" || level != 2 || keys != 1 {
		t.Errorf("journal %q, synchronous %d, foreign keys %d, error %v", mode, level, keys, err)
	}
}

// TestFault088_AsyncIsSyncedSoon has a store that does not wait for the disk
// sync by itself what was committed, and write nothing once that has failed.
func TestFault088_AsyncIsSyncedSoon(t *testing.T) {
	path := filepath.Join(t.TempDir(), "gateway.db")
	synced := make(chan int64, 1000) // how long the log was
	var broken atomic.Bool
	s, err := openAsync(t.Context(), path, func(f *os.File) error {
		if broken.Load() {
			return syscall.EIO
		}
		info, err := f.Stat()
		if err == nil {
			err = f.Sync()
		}
		synced <- info.Size()
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var level int
	if err := s.write.run(t.Context(), func(tx *tx) error { return tx.get("PRAGMA synchronous", nil, &level) }); err != nil || level != 1 {
		t.Errorf("synchronous %d, error %v", level, err)
	}
	for n := range 3 {
		appendPair(t, s, n)
		for length := size(t, path+"-wal"); <-synced < length; {
		}
	}
	broken.Store(true)
	appendPair(t, s, 3)
	<-s.syncer.done
	if _, err := s.Append(t.Context(), pair("test", 4)); !errors.Is(err, store.ErrUnavailable) || !errors.Is(err, syscall.EIO) {
		t.Errorf("error is %v", err)
	}
	if _, err := s.Admit(t.Context(), "t", "c"); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("error is %v", err)
	}
	wantMessages(t, s, 8)
}

func TestPathOfAnyLetters(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"a b.db", "a?mode=memory.db", "100%41.db", "a#b.db", "ü.db", "it's.db", "a&b;c.db"} {
		path := filepath.Join(dir, "new dir", name)
		s := openAt(t, path)
		appendPair(t, s, 0)
		if mode := size(t, path); mode == 0 {
			t.Errorf("%q is empty", path)
		}
		info, err := os.Stat(path)
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%q: %v, error %v", path, info.Mode(), err)
		}
	}
}

// A panic in a transaction does not take its connection with it.
func TestPoolOutlivesAPanic(t *testing.T) {
	s := openAt(t, filepath.Join(t.TempDir(), "gateway.db"))
	func() {
		defer func() { _ = recover() }()
		_ = s.write.run(t.Context(), func(tx *tx) error { panic("BUG: test") })
	}()
	appendPair(t, s, 0)
}

// TestPoolOutlivesAnEndedCaller ends callers at any moment, that between the
// beginning of a transaction and its answer included.
func TestPoolOutlivesAnEndedCaller(t *testing.T) {
	s := openUnsynced(t)
	for n := range 5000 {
		ctx, cancel := context.WithCancel(t.Context())
		end := time.AfterFunc(time.Duration(n%250)*time.Microsecond, cancel)
		a := &store.Append{Tenant: "t", Conversation: "c", After: store.AnyVersion, Key: fmt.Sprint(n), Messages: []store.Message{{Role: "user", Raw: []byte("{}")}}}
		if _, err := s.Append(ctx, a); err != nil && ctx.Err() == nil {
			t.Fatalf("append %d: %v", n, err)
		}
		end.Stop()
		cancel()
	}
}
