package sqlite

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	sqlite3 "modernc.org/sqlite/lib"

	"github.com/ai-mcp-gateway/gateway/store"
)

// prepareFile sees to it that the file is there, for its owner alone, and
// returns its absolute path.
func prepareFile(path string) (string, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return "", fmt.Errorf("sqlite: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return "", fmt.Errorf("sqlite: %w: %w", store.ErrUnavailable, err)
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return path, nil
	}
	if err != nil {
		return "", fmt.Errorf("sqlite: %w: %w", store.ErrUnavailable, err)
	}
	return path, f.Close()
}

// checkAtOnce is how large a file may be, in bytes, that is checked before it is
// used: half a second from memory, as it takes some 1.5 ms a MiB.
const checkAtOnce = 256 << 20

// mayWait reports whether a file may be used while it is checked: it is large,
// and whoever used it last has closed it in order, as its log is gone.
func mayWait(path string, atOnce int64) bool {
	file, err := os.Stat(path)
	if err != nil || file.Size() <= atOnce {
		return false
	}
	log, err := os.Stat(path + "-wal")
	return errors.Is(err, fs.ErrNotExist) || err == nil && log.Size() == 0
}

// checkLater checks the file while it is used, until the store is closed. Once
// it is found damaged nothing of it is used any more.
func (s *Store) checkLater(path string, busy time.Duration) {
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	s.stopCheck = sync.OnceFunc(func() {
		stop()
		<-done
	})
	go func() {
		defer close(done)
		if err := check(ctx, path, busy); damaged(err) {
			err = fmt.Errorf("%w: sqlite: %q: %w", store.ErrUnavailable, path, err)
			s.damage.Store(&err)
		}
	}()
}

// check reads the whole file to see that it is sound.
func check(ctx context.Context, path string, busy time.Duration) error {
	// A connection that cannot write leaves a damaged file as it is when it
	// closes: it does not empty the log into it.
	c, err := connect(ctx, dsn(path, "ro", busy))
	if err == nil {
		var found string
		err = (&tx{ctx: ctx, conn: c}).get("PRAGMA quick_check(1)", nil, &found)
		_ = c.close()
		if err == nil && found != "ok" {
			err = &damage{found}
		}
	}
	if !damaged(err) {
		return err
	}
	kept, copyErr := keep(path)
	if copyErr != nil {
		return fmt.Errorf("it is damaged, and no copy could be kept (%w): %w", copyErr, err)
	}
	return fmt.Errorf("it is damaged; it is left as it is, with a copy at %q; restore a backup, or move it away to begin anew: %w", kept, err)
}

// damage is what quick_check found.
type damage struct{ found string }

func (d *damage) Error() string { return d.found }

func damaged(err error) bool {
	var d *damage
	if errors.As(err, &d) {
		return true
	}
	code := primaryCode(err)
	return code == sqlite3.SQLITE_CORRUPT || code == sqlite3.SQLITE_NOTADB
}

// keep copies a database and its log beside it. The copy is named for what is
// in them, so that a process that is started over and over keeps one.
func keep(path string) (string, error) {
	hash := sha256.New()
	var there []string
	for _, suffix := range []string{"", "-wal"} {
		f, err := os.Open(path + suffix)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return "", err
		}
		n, err := io.Copy(hash, f)
		_ = f.Close()
		if err != nil {
			return "", err
		}
		if n > 0 || suffix == "" { // looking at the file makes an empty log
			there = append(there, suffix)
		}
	}
	kept := path + ".damaged-" + hex.EncodeToString(hash.Sum(nil)[:6])
	if _, err := os.Stat(kept); err == nil {
		return kept, nil
	}
	for i := range there {
		suffix := there[len(there)-1-i] // the file itself last: with it the copy is whole
		if err := copyFile(kept+suffix, path+suffix); err != nil {
			return "", err
		}
	}
	return kept, nil
}

// copyFile makes a file that is there only when it is whole.
func copyFile(to, from string) error {
	src, err := os.Open(from)
	if err != nil {
		return err
	}
	defer src.Close()
	dst, err := os.OpenFile(to+".part", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(dst, src)
	if err == nil {
		err = dst.Sync()
	}
	if e := dst.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = os.Rename(to+".part", to)
	}
	if err != nil {
		_ = os.Remove(to + ".part")
	}
	return err
}
