// Package postgres is the cold tier in PostgreSQL 15 or later, shared by any
// number of instances.
//
// A write is committed when its method returns, as durable as the server's
// synchronous_commit makes it. Whatever keeps the server from answering, or from
// taking writes, is store.ErrUnavailable with its cause.
package postgres

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/ai-mcp-gateway/gateway/store"
)

// Config says which database, and how long to wait for it.
type Config struct {
	// URL is the database's: postgres://user:password@host:port/name?options.
	URL string
	// MaxConns is how many connections there are at most: 1 to 20. Zero means
	// 20.
	MaxConns int
	// Wait is how long a call waits for a free connection, or for a first one,
	// before it is store.ErrUnavailable. Zero means 200 ms.
	Wait time.Duration
	// Timeout is how long a call takes at most. Zero means 5 s.
	Timeout time.Duration
	// Observe hears of each operation, such as "append", and how long it took,
	// whatever came of it. It may be nil, and must not block.
	Observe func(operation string, took time.Duration)
}

const (
	maxConns       = 20
	defaultWait    = 200 * time.Millisecond
	defaultTimeout = 5 * time.Second
	connectTimeout = 10 * time.Second // of a connection, which a call does not wait for so long
)

// Store is a store.Store in PostgreSQL.
type Store struct {
	pool       *pgxpool.Pool
	wait       time.Duration
	timeout    time.Duration
	observe    func(operation string, took time.Duration)
	migrations []migration

	ready      atomic.Bool  // the schema has been found, or made, as it has to be
	partitions atomic.Int64 // Unix seconds of the next look at them

	life context.Context // ends with Close
	end  context.CancelFunc
	work sync.WaitGroup // the attempts to get ready

	mu      sync.Mutex
	attempt *attempt // the one under way, or nil
}

var _ store.Store = (*Store)(nil)

// Open returns a store of the database at cfg.URL. It only fails for what is
// wrong with cfg: the store connects, and migrates, with its first call or with
// Ready, whichever is first, and tries that again with the next while it fails.
func Open(ctx context.Context, cfg Config) (*Store, error) {
	config, err := pgxpool.ParseConfig(cfg.URL)
	if err != nil {
		return nil, fmt.Errorf("postgres: cannot use the URL: %w", err) // the error hides the password
	}
	if cfg.MaxConns < 0 || cfg.MaxConns > maxConns {
		return nil, fmt.Errorf("postgres: %d connections: want 1 to %d", cfg.MaxConns, maxConns)
	}
	s := &Store{wait: cmp.Or(cfg.Wait, defaultWait), timeout: cmp.Or(cfg.Timeout, defaultTimeout), observe: cfg.Observe}
	if s.migrations, err = embeddedMigrations(); err != nil {
		return nil, err
	}
	config.MaxConns = int32(cmp.Or(cfg.MaxConns, maxConns))
	config.MinConns = min(config.MinConns, config.MaxConns)
	config.MinIdleConns = min(config.MinIdleConns, config.MaxConns)
	config.PingTimeout = cmp.Or(config.PingTimeout, s.timeout)
	if config.ConnConfig.ConnectTimeout == 0 {
		config.ConnConfig.ConnectTimeout = connectTimeout
	}
	config.AfterConnect = s.prepare
	if s.pool, err = pgxpool.NewWithConfig(ctx, config); err != nil {
		return nil, fmt.Errorf("postgres: cannot open: %w", err)
	}
	s.life, s.end = context.WithCancel(context.WithoutCancel(ctx))
	return s, nil
}

// prepare sets up a new connection. The server gives up a statement a little
// before the call that waits for it does, which saves the connection. Settings
// follow the start, as a pooler in between refuses to start with them.
func (s *Store) prepare(ctx context.Context, c *pgx.Conn) error {
	limit := max(s.timeout*9/10, time.Millisecond).Milliseconds()
	_, err := c.Exec(ctx, fmt.Sprintf(
		"SET statement_timeout = %d; SET idle_in_transaction_session_timeout = %d; SET jit = off", limit, s.timeout.Milliseconds()))
	return err
}

// attempt is one try to connect and to bring the schema up to date.
type attempt struct {
	done chan struct{}
	err  error // holds once done is closed
}

// Ready connects and migrates where that has not been done yet, and waits for
// it as long as ctx lets it. The error is store.ErrUnavailable when the server
// cannot be reached; any other says why the schema cannot be used, which a
// person has to set right.
func (s *Store) Ready(ctx context.Context) error {
	if s.ready.Load() {
		return nil
	}
	a := s.join()
	select {
	case <-a.done:
		return a.err
	case <-ctx.Done():
		return explain("connect", ctx.Err())
	}
}

// join returns the attempt under way, or begins one. There is never more than
// one, so that a server that is back is not overrun.
func (s *Store) join() *attempt {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.attempt == nil {
		a := &attempt{done: make(chan struct{})}
		s.attempt = a
		s.work.Go(func() {
			_, a.err = s.connect(s.life)
			s.ready.Store(a.err == nil)
			s.mu.Lock()
			s.attempt = nil
			s.mu.Unlock()
			close(a.done)
		})
	}
	return s.attempt
}

// connect brings the schema up to date and returns what it has applied. That the partitions of the coming
// months could not be made is no error: the default ones take the rows, and
// Sweep tries again, and says so.
func (s *Store) connect(ctx context.Context) ([]string, error) {
	names, err := s.migrate(ctx)
	if err == nil {
		_ = s.addPartitions(ctx, time.Now())
	}
	return names, err
}

// Ping asks whether the store can be read and written now.
func (s *Store) Ping(ctx context.Context) error {
	readOnly := false
	err := s.do(ctx, "ping", again, func(ctx context.Context, c *pgx.Conn) error {
		return c.QueryRow(ctx, `SELECT current_setting('transaction_read_only')::boolean`).Scan(&readOnly)
	})
	if err == nil && readOnly {
		return fmt.Errorf("%w: the server takes no writes", store.ErrUnavailable)
	}
	return err
}

// InUse is how many connections are working now.
func (s *Store) InUse() int { return int(s.pool.Stat().AcquiredConns()) }

// Close ends the store once the calls under way have ended.
func (s *Store) Close() error {
	s.end()
	s.work.Wait()
	s.pool.Close()
	return nil
}

var errClosed = errors.New("postgres: the store is closed")
