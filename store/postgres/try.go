package postgres

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/ai-mcp-gateway/gateway/store"
)

// repeat says what to do when a connection broke and nobody knows whether the
// server has done what it was asked.
type repeat bool

const (
	again repeat = true  // to do it twice is to do it once
	once  repeat = false // say store.ErrUnavailable
)

const (
	retries    = 5
	retryPause = 10 * time.Millisecond // before the first; the next ones wait longer
)

// SQLSTATEs; see https://www.postgresql.org/docs/current/errcodes-appendix.html.
const (
	serializationFailure = "40001"
	deadlockDetected     = "40P01"
	readOnlyTransaction  = "25006"
	lacksPrivilege       = "42501"
)

// do runs f on a connection, and again where that helps: at most five times,
// within the store's timeout. Unless it is canceled, what comes back is
// store.ErrUnavailable, store.ErrNotFound where there was no row, or the
// server's refusal of what it was asked, which another try will not change.
func (s *Store) do(ctx context.Context, what string, r repeat, f func(context.Context, *pgx.Conn) error) error {
	if s.observe != nil {
		defer func(begun time.Time) { s.observe(strings.ReplaceAll(what, " ", "_"), time.Since(begun)) }(time.Now())
	}
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	for n := 1; ; n++ {
		err := s.try(ctx, f)
		if err == nil || n > retries || !worthwhile(err, r) || !pause(ctx, n) {
			return explain(what, err)
		}
	}
}

// brokenError says that there is no connection, or none any more.
type brokenError struct {
	err  error
	used bool // there was one, and f had it
}

func (e *brokenError) Error() string { return e.err.Error() }
func (e *brokenError) Unwrap() error { return e.err }

func (s *Store) try(ctx context.Context, f func(context.Context, *pgx.Conn) error) error {
	waiting, cancel := context.WithTimeout(ctx, s.wait)
	defer cancel()
	if err := s.life.Err(); err != nil {
		return &brokenError{err: errClosed}
	}
	if err := s.Ready(waiting); err != nil {
		return &brokenError{err: err}
	}
	c, err := s.pool.Acquire(waiting)
	if err != nil {
		return &brokenError{err: fmt.Errorf("no connection within %v: %w", s.wait, err)}
	}
	defer c.Release()
	err = f(ctx, c.Conn())
	if state(err) == readOnlyTransaction {
		// Another connection may lead to the server that takes writes now.
		_ = c.Conn().Close(ctx)
	}
	if err != nil && c.Conn().IsClosed() {
		return &brokenError{err: err, used: true}
	}
	return err
}

// state returns the SQLSTATE of a server's error, or nothing.
func state(err error) string {
	var refused *pgconn.PgError
	if errors.As(err, &refused) {
		return refused.Code
	}
	return ""
}

// worthwhile reports whether another try may do better at once.
func worthwhile(err error, r repeat) bool {
	if code := state(err); code == serializationFailure || code == deadlockDetected {
		return true
	}
	var broken *brokenError
	return errors.As(err, &broken) && broken.used && state(err) != readOnlyTransaction &&
		(r == again || pgconn.SafeToRetry(err))
}

// pause waits longer with every try, at random, so that two that were in each
// other's way are not so again. It reports whether ctx is still alive.
func pause(ctx context.Context, n int) bool {
	t := time.NewTimer(retryPause + rand.N(retryPause<<n))
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// explain turns an error of the driver or the server into one of the store.
func explain(what string, err error) error {
	var broken *brokenError
	switch {
	case err == nil:
		return nil
	case errors.Is(err, pgx.ErrNoRows):
		return store.ErrNotFound
	case errors.Is(err, context.Canceled), errors.Is(err, store.ErrUnavailable):
		return fmt.Errorf("postgres: cannot %s: %w", what, err)
	case errors.As(err, &broken), errors.Is(err, context.DeadlineExceeded), away(state(err)):
		return fmt.Errorf("postgres: cannot %s: %w: %w", what, store.ErrUnavailable, err)
	}
	return fmt.Errorf("postgres: cannot %s: %w", what, err)
}

// away reports whether a SQLSTATE is about the server, and not about what it
// was asked.
func away(code string) bool {
	if len(code) != 5 {
		return false
	}
	switch code {
	case readOnlyTransaction, lacksPrivilege, "55P03": // the last: a lock was not to be had in time
		return true
	}
	// No connection, conflicts that went on, no resources, somebody intervened
	// (also a statement that took too long), the system's errors, a broken
	// configuration, something internal.
	switch code[:2] {
	case "08", "40", "53", "57", "58", "F0", "XX":
		return true
	}
	return false
}
