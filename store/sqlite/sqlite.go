// Package sqlite is the cold tier in a file, for a gateway without PostgreSQL.
//
// A write is on the disk when its method returns: the log is synced with every
// commit, so it survives kill -9 and a loss of power. In a store of OpenAsync it
// survives kill -9 at once, and a loss of power 200 ms later. One connection writes,
// a few read beside it and are never in its way. Several processes may share a
// file; they wait for each other, at most busyTimeout.
package sqlite

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	_ "modernc.org/sqlite" // the driver "sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/ai-mcp-gateway/gateway/store"
)

// Store is a store.Store in a SQLite file.
type Store struct {
	write, read *pool

	syncer   *syncer  // nil where each commit syncs
	migrated []string // the migrations that Open has applied

	stopSync func()

	damage    atomic.Pointer[error] // what a check has found meanwhile
	stopCheck func()                // nil without one

	ailing atomic.Bool // the last append found the file not to be written
}

var _ store.Store = (*Store)(nil)

const (
	// busyTimeout is how long a write waits for another process, unless its
	// context ends before.
	busyTimeout = 5 * time.Second
	// readers is how many connections read at once.
	readers = 4
)

//go:embed migrations/*.sql
var embedded embed.FS

// Open opens the database at path, creates it and its directory where they are
// missing, and migrates it. It reads the whole file first, to see that it is
// sound: a damaged one is left as it is, a copy is kept beside it, and the
// error says where. A file over 256 MiB that was closed in order is read
// meanwhile; from when it is found damaged every call is ErrUnavailable. It is ErrUnavailable where the file cannot be used now:
// locked, on a full or read-only disk.
func Open(ctx context.Context, path string) (*Store, error) {
	migrations, err := fs.Sub(embedded, "migrations")
	if err != nil {
		return nil, err
	}
	return open(ctx, path, migrations, busyTimeout)
}

// OpenAsync is Open for a store whose writes do not wait for the disk: they are
// synced within 200 ms. Once that has failed it is ErrUnavailable to write.
func OpenAsync(ctx context.Context, path string) (*Store, error) {
	return openAsync(ctx, path, (*os.File).Sync)
}

func openAsync(ctx context.Context, path string, fsync func(*os.File) error) (*Store, error) {
	migrations, err := fs.Sub(embedded, "migrations")
	if err != nil {
		return nil, err
	}
	// With NORMAL the log is synced before what is in it goes to the file, and
	// the file before the log begins anew.
	s, err := open(ctx, path, migrations, busyTimeout, "synchronous(NORMAL)")
	if err != nil {
		return nil, err
	}
	if err := syncDir(path); err != nil {
		_ = s.Close()
		return nil, fmt.Errorf("sqlite: cannot open %q: %w", path, err)
	}
	s.syncer = newSyncer(path+"-wal", fsync)
	s.write.syncer, s.stopSync = s.syncer, sync.OnceFunc(s.syncer.close)
	s.syncer.committed() // the migrations
	return s, nil
}

// open opens with migrations of its own, and pragmas for the writer on top.
func open(ctx context.Context, path string, migrations fs.FS, busy time.Duration, pragmas ...string) (*Store, error) {
	return openChecked(ctx, path, checkAtOnce, migrations, busy, pragmas...)
}

// openChecked is open with the size up to which a file is checked before its use.
func openChecked(ctx context.Context, path string, atOnce int64, migrations fs.FS, busy time.Duration, pragmas ...string) (*Store, error) {
	path, err := prepareFile(path)
	if err != nil {
		return nil, err
	}
	fail := func(err error) (*Store, error) {
		return nil, fmt.Errorf("sqlite: cannot open %q: %w", path, explain(err))
	}
	later := mayWait(path, atOnce)
	checkNow := func() error { return patiently(ctx, busy, func() error { return check(ctx, path, busy) }) }
	if !later {
		if err := checkNow(); err != nil {
			return fail(err)
		}
	}
	// The log has the last commits; FULL syncs it with each.
	pragmas = append([]string{"journal_mode(WAL)", "synchronous(FULL)", "journal_size_limit(67108864)"}, pragmas...)
	s := &Store{
		write: newPool(dsn(path, "rw", busy, pragmas...), "BEGIN IMMEDIATE", 1),
		read:  newPool(dsn(path, "rw", busy, "query_only(1)"), "BEGIN", readers),
	}
	s.write.broken, s.read.broken = &s.damage, &s.damage
	err = patiently(ctx, busy, func() error {
		return s.write.run(ctx, func(tx *tx) (err error) {
			s.migrated, err = migrate(tx, migrations)
			return err
		})
	})
	if err == nil {
		err = s.Ping(ctx)
	}
	if err != nil {
		_ = s.Close()
		if later && damaged(err) {
			err = checkNow()
		}
		return fail(err)
	}
	if later {
		s.checkLater(path, busy)
	}
	return s, nil
}

// patiently tries something again while another process has the file, for as
// long as busy. SQLite waits by itself but for one thing: that a new file gets
// its log, when several processes start at once.
func patiently(ctx context.Context, busy time.Duration, try func() error) error {
	ctx, cancel := context.WithTimeout(ctx, busy)
	defer cancel()
	for {
		err := try()
		if primaryCode(err) != sqlite3.SQLITE_BUSY {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// dsn is the driver's name of a database, in the mode "rw" or "ro"; pragmas
// hold for each connection.
func dsn(path, mode string, busy time.Duration, pragmas ...string) string {
	pragmas = append([]string{
		fmt.Sprintf("busy_timeout(%d)", busy.Milliseconds()), // first: the others may have to wait
		"foreign_keys(1)", "trusted_schema(0)",
	}, pragmas...)
	name := url.URL{Scheme: "file", Path: filepath.ToSlash(path)}
	name.RawQuery = url.Values{"mode": {mode}, "_pragma": pragmas, "_dqs": {"0"}}.Encode()
	return name.String()
}

// Observe has f hear of each operation, "read" or "write", and how long it took,
// the wait for a connection included. It is called before any other method; f
// must not block.
func (s *Store) Observe(f func(operation string, took time.Duration)) {
	s.read.observe = func(took time.Duration) { f("read", took) }
	s.write.observe = func(took time.Duration) { f("write", took) }
}

// Ping writes as well: that a disk is read-only or full shows in nothing else.
func (s *Store) Ping(ctx context.Context) error {
	var n int
	if err := s.read.run(ctx, func(tx *tx) error { return tx.get(sqlPingRead, nil, &n) }); err != nil {
		return err
	}
	return s.write.run(ctx, func(tx *tx) error {
		_, err := tx.exec(sqlPingWrite)
		return err
	})
}

const (
	sqlPingRead = `SELECT count(*) FROM schema_migrations`
	// It stays what it was, and yet its page is written.
	sqlPingWrite = `PRAGMA user_version = 1`
)

// Close waits for the calls under way. Those that come later are
// ErrUnavailable.
func (s *Store) Close() error {
	if s.syncer != nil {
		s.stopSync()
	}
	if s.stopCheck != nil {
		s.stopCheck()
	}
	// The last one to close empties the log into the file, so it is the writer.
	return errors.Join(s.read.close(), s.write.close())
}

// micros is how a time is stored.
func micros(t time.Time) int64 { return t.UnixMicro() }

// fromMicros is the time that micros made the number of.
func fromMicros(n int64) time.Time { return time.UnixMicro(n).UTC() }

// blob is b where null is not allowed.
func blob(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}
