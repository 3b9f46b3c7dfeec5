package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/ai-mcp-gateway/gateway/configs"
	"github.com/ai-mcp-gateway/gateway/store"
	"github.com/ai-mcp-gateway/gateway/store/postgres"
	"github.com/ai-mcp-gateway/gateway/store/sqlite"
)

// migrate brings the cold tier's schema up to date, or says what there is to
// do. serve does the same at its start; this is for who wants to do it before.
func migrate(args []string, stdout, stderr io.Writer) int {
	flags := newFlags("migrate", "[--dry-run]", stderr)
	dry := flags.Bool("dry-run", false, "say what would be done, and change nothing")
	if flags.Parse(args) != nil || flags.NArg() > 0 {
		flags.Usage()
		return exitUsage
	}
	cfg, err := loadConfig()
	if err != nil {
		return failed(stderr, badConfigError{err})
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	where, work := "SQLite "+filepath.Join(cfg.DataDir, "gateway.db"), migrateSQLite
	if !cfg.State.Postgres.Empty() {
		where, work = "PostgreSQL", migratePostgres
	}
	names, err := work(ctx, cfg, *dry)
	did := "applied"
	if *dry {
		did = "would be applied"
	}
	for _, name := range names {
		fmt.Fprintf(stdout, "%s: %s %s\n", where, name, did)
	}
	switch {
	case err != nil:
		return failed(stderr, err)
	case len(names) == 0:
		fmt.Fprintf(stdout, "%s: up to date\n", where)
	}
	return 0
}

func migrateSQLite(ctx context.Context, cfg *configs.Config, dry bool) ([]string, error) {
	path := filepath.Join(cfg.DataDir, "gateway.db")
	if dry {
		return sqlite.Pending(ctx, path)
	}
	return sqlite.Migrate(ctx, path)
}

func migratePostgres(ctx context.Context, cfg *configs.Config, dry bool) ([]string, error) {
	s, err := postgres.Open(ctx, postgres.Config{URL: cfg.State.Postgres.Reveal()})
	if err != nil {
		return nil, badConfigError{err}
	}
	defer s.Close()
	if dry {
		return s.Pending(ctx)
	}
	return s.Migrate(ctx)
}

// newFlags returns the flags of a command, which say how it is used.
func newFlags(command, arguments string, stderr io.Writer) *flag.FlagSet {
	flags := flag.NewFlagSet(command, flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() {
		fmt.Fprintf(stderr, "usage: gateway %s %s\n", command, arguments)
		flags.PrintDefaults()
	}
	return flags
}

// badConfigError is a mistake in the configuration.
type badConfigError struct{ error }

func (e badConfigError) Unwrap() error { return e.error }

// failed says why a command has failed, and returns its exit code.
func failed(stderr io.Writer, err error) int {
	fmt.Fprintf(stderr, "gateway: %v\n", err)
	var bad badConfigError
	switch {
	case errors.As(err, &bad):
		return exitConfig
	case errors.Is(err, store.ErrUnavailable):
		fmt.Fprintln(stderr, "gateway: the database is away or takes no writes; what was not done can be tried again")
		return exitUnavailable
	}
	return exitFailed
}
