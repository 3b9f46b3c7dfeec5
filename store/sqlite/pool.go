package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/ai-mcp-gateway/gateway/store"
)

// pool is some connections to the file. It is one of our own, as in that of
// database/sql a statement cannot be prepared while its only connection is in
// a transaction.
type pool struct {
	dsn, begin string
	size       int
	free       chan *conn // nil for one that is to be opened
	closing    chan struct{}
	close      func() error
	observe    func(took time.Duration) // may be nil
	syncer     *syncer                  // nil where each commit syncs
	broken     *atomic.Pointer[error]   // why nothing is done any more
}

// conn is a connection with what was prepared on it.
type conn struct {
	db         *sql.DB // of this one connection
	conn       *sql.Conn
	statements map[string]*sql.Stmt
}

// newPool returns a pool whose transactions start with begin. Connections open
// when they are needed.
func newPool(dsn, begin string, size int) *pool {
	p := &pool{dsn: dsn, begin: begin, size: size, free: make(chan *conn, size), closing: make(chan struct{})}
	p.close = sync.OnceValue(p.end)
	for range size {
		p.free <- nil
	}
	return p
}

// errClosed is what a closed store returns.
var errClosed = fmt.Errorf("%w: it is closed", store.ErrUnavailable)

// run runs work in a transaction, which is undone when work fails. Its errors
// are of the store's kind.
func (p *pool) run(ctx context.Context, work func(tx *tx) error) error {
	if p.observe != nil {
		defer func(begun time.Time) { p.observe(time.Since(begun)) }(time.Now())
	}
	select {
	case <-p.closing: // even if a connection is free for a moment
		return errClosed
	default:
	}
	if err := p.broken.Load(); err != nil {
		return *err
	}
	if p.syncer != nil {
		if err := p.syncer.err(); err != nil {
			return err
		}
	}
	var c *conn
	select {
	case <-p.closing:
		return errClosed
	case <-ctx.Done():
		return explain(ctx.Err())
	case c = <-p.free:
	}
	var next *conn // stays nil when work panics
	defer func() { p.free <- next }()
	var err error
	next, err = p.transact(ctx, c, work)
	return explain(err)
}

// transact returns the connection that is to be used next: nil where c is no
// longer trusted.
func (p *pool) transact(ctx context.Context, c *conn, work func(tx *tx) error) (next *conn, err error) {
	if err := ctx.Err(); err != nil {
		return c, err
	}
	if c == nil {
		if c, err = connect(ctx, p.dsn); err != nil {
			return nil, err
		}
	}
	defer func() {
		if next == nil { // after a panic too
			_ = c.close()
		}
	}()
	if _, err := c.exec(ctx, p.begin); err != nil {
		if ctx.Err() != nil {
			return nil, err // it was interrupted, and may have begun all the same
		}
		return c, err // it waited for a lock; nothing has begun
	}
	err = work(&tx{ctx: ctx, conn: c})
	if err == nil {
		// A commit is not given up halfway: whether it took place would not be
		// known.
		_, err = c.exec(context.WithoutCancel(ctx), "COMMIT")
	}
	if err == nil {
		if p.syncer != nil {
			p.syncer.committed()
		}
		return c, nil
	}
	if _, undo := c.exec(context.WithoutCancel(ctx), "ROLLBACK"); undo != nil {
		// SQLite itself undoes what met a full disk, among others; what state
		// the connection is in is not worth finding out.
		return nil, err
	}
	return c, err
}

// end closes every connection, each when it is free.
func (p *pool) end() error {
	close(p.closing)
	var err error
	for range p.size {
		if c := <-p.free; c != nil {
			err = errors.Join(err, c.close())
		}
	}
	return err
}

func connect(ctx context.Context, dsn string) (*conn, error) {
	db, err := sql.Open("sqlite", dsn)
	if err != nil {
		return nil, err
	}
	c, err := db.Conn(ctx)
	if err != nil {
		_ = db.Close()
		return nil, err
	}
	return &conn{db: db, conn: c, statements: make(map[string]*sql.Stmt)}, nil
}

// prepared returns the statement of a query. Queries are constants, and few.
func (c *conn) prepared(ctx context.Context, query string) (*sql.Stmt, error) {
	if s := c.statements[query]; s != nil {
		return s, nil
	}
	s, err := c.conn.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	c.statements[query] = s
	return s, nil
}

func (c *conn) exec(ctx context.Context, query string, args ...any) (sql.Result, error) {
	s, err := c.prepared(ctx, query)
	if err != nil {
		return nil, err
	}
	return s.ExecContext(ctx, args...)
}

func (c *conn) close() error {
	for _, s := range c.statements {
		_ = s.Close()
	}
	_ = c.conn.Close()
	return c.db.Close()
}

// tx is a transaction under way.
type tx struct {
	ctx  context.Context
	conn *conn
}

// exec runs a statement and returns how many rows it changed.
func (t *tx) exec(query string, args ...any) (int64, error) {
	result, err := t.conn.exec(t.ctx, query, args...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// get reads one row. It is ErrNotFound when there is none.
func (t *tx) get(query string, args []any, dest ...any) error {
	s, err := t.conn.prepared(t.ctx, query)
	if err != nil {
		return err
	}
	err = s.QueryRowContext(t.ctx, args...).Scan(dest...)
	if errors.Is(err, sql.ErrNoRows) {
		return store.ErrNotFound
	}
	return err
}

// each calls row for each row of a query, to scan it.
func (t *tx) each(query string, args []any, row func(scan func(dest ...any) error) error) error {
	s, err := t.conn.prepared(t.ctx, query)
	if err != nil {
		return err
	}
	rows, err := s.QueryContext(t.ctx, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := row(rows.Scan); err != nil {
			return err
		}
	}
	return rows.Err()
}

// unavailable are the codes of SQLite that say that the file cannot be used
// now, or cannot be written.
var unavailable = map[int]bool{
	sqlite3.SQLITE_BUSY: true, sqlite3.SQLITE_LOCKED: true, sqlite3.SQLITE_PROTOCOL: true,
	sqlite3.SQLITE_FULL: true, sqlite3.SQLITE_IOERR: true, sqlite3.SQLITE_NOMEM: true,
	sqlite3.SQLITE_READONLY: true, sqlite3.SQLITE_CANTOPEN: true, sqlite3.SQLITE_PERM: true,
	sqlite3.SQLITE_INTERRUPT: true,
}

// explain makes an error one of the store's where it is of their kind.
func explain(err error) error {
	switch {
	case err == nil || errors.Is(err, store.ErrUnavailable):
		return err
	case errors.Is(err, context.DeadlineExceeded), unavailable[primaryCode(err)]:
		return fmt.Errorf("%w: %w", store.ErrUnavailable, err)
	}
	return err
}

// primaryCode is SQLite's code for an error without what it says more about
// the cause, or 0, SQLITE_OK, when it is none of SQLite's.
func primaryCode(err error) int {
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return sqlite3.SQLITE_OK
	}
	return e.Code() & 0xff
}
