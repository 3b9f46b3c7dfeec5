package sqlite

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"time"
)

// migration is a file NNN_name.sql. Once released it does not change: what is
// to be added is a file of its own.
type migration struct {
	version  int
	name     string // with the number
	text     string
	checksum string
}

// Pending returns the names of the migrations that Open would apply to the
// database at path, in order, and changes nothing. A file that is not there
// needs all of them.
func Pending(ctx context.Context, path string) ([]string, error) {
	migrations, err := fs.Sub(embedded, "migrations")
	if err != nil {
		return nil, err
	}
	known, err := readMigrations(migrations)
	if err != nil {
		return nil, err
	}
	path, err = filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("sqlite: %w", err)
	}
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return names(known), nil
	}
	c, err := connect(ctx, dsn(path, "ro", busyTimeout))
	if err != nil {
		return nil, fmt.Errorf("sqlite: cannot open %q: %w", path, explain(err))
	}
	defer c.close()
	left, err := pending(&tx{ctx: ctx, conn: c}, known)
	if err != nil {
		return nil, fmt.Errorf("sqlite: cannot read the migrations of %q: %w", path, explain(err))
	}
	return names(left), nil
}

func names(all []migration) []string {
	var n []string
	for _, m := range all {
		n = append(n, m.name)
	}
	return n
}

// Migrate brings the database at path up to date, as Open does, and returns
// the names of the migrations that it has applied, in order.
func Migrate(ctx context.Context, path string) ([]string, error) {
	s, err := Open(ctx, path)
	if err != nil {
		return nil, err
	}
	return s.migrated, s.Close()
}

// migrate applies what is pending, all of it or nothing, and returns the names.
// The transaction's lock keeps other processes from doing the same.
func migrate(tx *tx, files fs.FS) ([]string, error) {
	known, err := readMigrations(files)
	if err != nil {
		return nil, err
	}
	left, err := pending(tx, known)
	if err != nil || len(left) == 0 {
		return nil, err
	}
	if _, err := tx.exec(sqlMigrationTable); err != nil {
		return nil, err
	}
	for _, m := range left {
		// It may be several statements, so it is not a prepared one.
		if _, err := tx.conn.conn.ExecContext(tx.ctx, m.text); err != nil {
			return nil, fmt.Errorf("migration %q failed and nothing was changed: %w", m.name, err)
		}
		if _, err := tx.exec(sqlMigrationAdd, m.version, m.name, m.checksum, micros(time.Now())); err != nil {
			return nil, err
		}
	}
	return names(left), nil
}

const (
	sqlMigrationTable = `CREATE TABLE IF NOT EXISTS schema_migrations (
    version    INTEGER PRIMARY KEY,
    name       TEXT    NOT NULL,
    checksum   TEXT    NOT NULL,
    applied_at INTEGER NOT NULL
) STRICT`
	sqlMigrationIs   = `SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = 'schema_migrations'`
	sqlMigrationAdd  = `INSERT INTO schema_migrations (version, name, checksum, applied_at) VALUES (?, ?, ?, ?)`
	sqlMigrationList = `SELECT version, name, checksum FROM schema_migrations ORDER BY version`
)

// pending returns the migrations that are not applied yet.
func pending(tx *tx, known []migration) ([]migration, error) {
	var is int
	if err := tx.get(sqlMigrationIs, nil, &is); err != nil || is == 0 {
		return known, err
	}
	left := slices.Clone(known)
	err := tx.each(sqlMigrationList, nil, func(scan func(...any) error) error {
		var was migration
		if err := scan(&was.version, &was.name, &was.checksum); err != nil {
			return err
		}
		i := slices.IndexFunc(left, func(m migration) bool { return m.version == was.version })
		switch {
		case i < 0:
			return fmt.Errorf("it has migration %q, which this version of the gateway does not know: a newer one wrote it", was.name)
		case left[i].checksum != was.checksum:
			return fmt.Errorf("migration %q is not the one that was applied to it (%q): a migration does not change", left[i].name, was.name)
		}
		left = slices.Delete(left, i, i+1)
		return nil
	})
	return left, err
}

var migrationName = regexp.MustCompile(`^([0-9]{3})_[a-z0-9_]+\.sql$`)

// readMigrations returns the migrations of a directory in their order.
func readMigrations(files fs.FS) ([]migration, error) {
	entries, err := fs.ReadDir(files, ".")
	if err != nil {
		return nil, fmt.Errorf("cannot read migrations: %w", err)
	}
	var all []migration
	for _, e := range entries {
		parts := migrationName.FindStringSubmatch(e.Name())
		if parts == nil {
			return nil, fmt.Errorf("migration %q is not named NNN_name.sql", e.Name())
		}
		text, err := fs.ReadFile(files, e.Name())
		if err != nil {
			return nil, fmt.Errorf("cannot read migration %q: %w", e.Name(), err)
		}
		version, _ := strconv.Atoi(parts[1])
		sum := sha256.Sum256(text)
		all = append(all, migration{version, e.Name(), string(text), hex.EncodeToString(sum[:])})
	}
	slices.SortFunc(all, func(a, b migration) int { return cmp.Compare(a.version, b.version) })
	for i := 1; i < len(all); i++ {
		if all[i].version == all[i-1].version {
			return nil, fmt.Errorf("migrations %q and %q have one number", all[i-1].name, all[i].name)
		}
	}
	return all, nil
}
