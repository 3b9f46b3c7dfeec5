package postgres

import (
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

// migration is one step of the schema. It is never changed once released: the
// next one follows it.
type migration struct {
	version  int
	name     string // of its file: 001_init.sql
	sql      string
	checksum string
}

// applied is a migration that a database has.
type applied struct {
	version  int
	name     string
	checksum string
}

const (
	// advisoryKey is what whoever changes the schema locks; the number has no
	// meaning but to be the gateway's.
	advisoryKey = 0x67617465776179
	// migrateTimeout bounds a migration, and the wait for another instance's.
	migrateTimeout = 10 * time.Minute
)

func embeddedMigrations() ([]migration, error) { return readMigrations(migrationFiles) }

// readMigrations returns the files of a directory migrations, NNN_name.sql, in
// their order.
func readMigrations(files fs.FS) ([]migration, error) {
	paths, err := fs.Glob(files, "migrations/*.sql") // sorted
	if err != nil {
		return nil, err
	}
	all := make([]migration, 0, len(paths))
	for i, path := range paths {
		text, err := fs.ReadFile(files, path)
		if err != nil {
			return nil, fmt.Errorf("postgres: cannot read migration: %w", err)
		}
		m := migration{name: path[len("migrations/"):], sql: string(text)}
		if _, err := fmt.Sscanf(m.name, "%03d_", &m.version); err != nil || m.version != i+1 {
			return nil, fmt.Errorf("postgres: migration %q: want a name that begins with %03d_", m.name, i+1)
		}
		sum := sha256.Sum256(text)
		m.checksum = hex.EncodeToString(sum[:])
		all = append(all, m)
	}
	return all, nil
}

// Pending returns the names of the migrations that the database does not have
// yet, in order, and changes nothing.
func (s *Store) Pending(ctx context.Context) ([]string, error) {
	var left []migration
	err := s.alone(ctx, func(ctx context.Context, c *pgx.Conn) (err error) {
		left, err = s.left(ctx, c)
		return err
	})
	names := make([]string, 0, len(left))
	for _, m := range left {
		names = append(names, m.name)
	}
	return names, err
}

// Migrate brings the schema up to date, as Ready does, and returns the names of
// the migrations that it has applied, in order. Those were, also after an error.
func (s *Store) Migrate(ctx context.Context) ([]string, error) { return s.connect(ctx) }

// migrate brings the schema up to date and returns what it has applied.
func (s *Store) migrate(ctx context.Context) (names []string, err error) {
	for {
		name := ""
		err := s.alone(ctx, func(ctx context.Context, c *pgx.Conn) (err error) {
			name, err = s.step(ctx, c)
			return err
		})
		if err != nil || name == "" {
			return names, err
		}
		names = append(names, name)
	}
}

// alone runs f on a connection, whether or not the store is ready.
func (s *Store) alone(ctx context.Context, f func(context.Context, *pgx.Conn) error) error {
	connecting, stop := context.WithTimeout(ctx, connectTimeout)
	defer stop()
	c, err := s.pool.Acquire(connecting)
	if err != nil {
		return explain("connect", &brokenError{err: err})
	}
	defer c.Release()
	ctx, cancel := context.WithTimeout(ctx, migrateTimeout)
	defer cancel()
	err = f(ctx, c.Conn())
	if err != nil && c.Conn().IsClosed() {
		err = &brokenError{err: err}
	}
	return explain("bring the schema up to date", err)
}

// step applies the next migration and returns its name, or nothing when none was
// left. Each has a transaction of its own, and so has the lock: a pooler may give
// every transaction another connection of its own.
func (s *Store) step(ctx context.Context, c *pgx.Conn) (name string, err error) {
	if left, err := s.left(ctx, c); err != nil || len(left) == 0 {
		return "", err // without the lock, which a busy server's read-only twin would refuse
	}
	tx, err := c.Begin(ctx)
	if err != nil {
		return "", err
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(ctx)) }() // after a commit it does nothing
	const begin = `SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0; SELECT pg_advisory_xact_lock(%d);
		CREATE TABLE IF NOT EXISTS schema_migrations (
			version    integer PRIMARY KEY,
			name       text NOT NULL,
			checksum   text NOT NULL,
			applied_at timestamptz NOT NULL DEFAULT now())`
	if _, err := tx.Exec(ctx, fmt.Sprintf(begin, advisoryKey)); err != nil {
		return "", err
	}
	left, err := s.left(ctx, c)
	if err != nil || len(left) == 0 {
		return "", err
	}
	next := left[0]
	if _, err := tx.Exec(ctx, next.sql); err != nil {
		return "", fmt.Errorf("migration %s failed and was rolled back: %w", next.name, err)
	}
	_, err = tx.Exec(ctx, `INSERT INTO schema_migrations (version, name, checksum) VALUES ($1, $2, $3)`,
		next.version, next.name, next.checksum)
	if err != nil {
		return "", err
	}
	return next.name, tx.Commit(ctx)
}

// left returns the migrations that the database does not have. It is an error
// when it has others.
func (s *Store) left(ctx context.Context, c *pgx.Conn) ([]migration, error) {
	var exists bool
	if err := c.QueryRow(ctx, `SELECT to_regclass('schema_migrations') IS NOT NULL`).Scan(&exists); err != nil {
		return nil, err
	}
	if !exists {
		return s.migrations, nil
	}
	rows, err := c.Query(ctx, `SELECT version, name, checksum FROM schema_migrations ORDER BY version`)
	if err != nil {
		return nil, err
	}
	has, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (a applied, err error) {
		return a, row.Scan(&a.version, &a.name, &a.checksum)
	})
	if err != nil {
		return nil, err
	}
	left := slices.Clone(s.migrations)
	for _, a := range has {
		at := slices.IndexFunc(left, func(m migration) bool { return m.version == a.version })
		switch {
		case at < 0:
			return nil, fmt.Errorf("the database has migration %s, which this program does not know: it belongs to a newer one", a.name)
		case left[at].checksum != a.checksum:
			return nil, fmt.Errorf("the database has another migration %s than this program: one of them was changed after its release", a.name)
		}
		left = slices.Delete(left, at, at+1)
	}
	return left, nil
}

// months returns the first days of the months that are to have partitions at a
// time: the last one, this one and three to come.
func months(now time.Time) []time.Time {
	now = now.UTC()
	var all []time.Time
	for n := -1; n <= 3; n++ {
		all = append(all, time.Date(now.Year(), now.Month()+time.Month(n), 1, 0, 0, 0, 0, time.UTC))
	}
	return all
}

// partitionsEvery is how often Sweep looks whether partitions are missing.
const partitionsEvery = 6 * time.Hour

// addPartitions makes the partitions that are missing at a time. It waits two
// seconds at most for those who hold a table: they would be waiting for it.
func (s *Store) addPartitions(ctx context.Context, now time.Time) error {
	return s.alone(ctx, func(ctx context.Context, c *pgx.Conn) error {
		const missing = `SELECT t, m FROM unnest(ARRAY['messages', 'calls']) t, unnest($1::date[]) m
			WHERE to_regclass(t || to_char(m, '_YYYY_MM')) IS NULL ORDER BY m, t`
		rows, err := c.Query(ctx, missing, months(now))
		if err != nil {
			return err
		}
		type partition struct {
			table string
			month time.Time
		}
		all, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (p partition, err error) {
			return p, row.Scan(&p.table, &p.month)
		})
		for _, p := range all {
			err = errors.Join(err, pgx.BeginFunc(ctx, c, func(tx pgx.Tx) error {
				const lock = `SET LOCAL lock_timeout = '2s'; SELECT pg_advisory_xact_lock(%d)`
				if _, err := tx.Exec(ctx, fmt.Sprintf(lock, advisoryKey)); err != nil {
					return err
				}
				_, err := tx.Exec(ctx, `SELECT add_partition($1, $2)`, p.table, p.month)
				return err
			}))
		}
		return err
	})
}
