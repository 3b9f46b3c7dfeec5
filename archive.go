package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/ai-mcp-gateway/gateway/configs"
	"github.com/ai-mcp-gateway/gateway/store/archive"
	"github.com/ai-mcp-gateway/gateway/store/postgres"
	"github.com/ai-mcp-gateway/gateway/store/sqlite"
)

// archiveWithin bounds one statement of the commands, which nobody waits for as
// a call waits.
const archiveWithin = 5 * time.Minute

// archiveIdle moves the messages of idle conversations into archive files.
func archiveIdle(args []string, stdout, stderr io.Writer) int {
	flags := newFlags("archive", "--before DATE [--dry-run]", stderr)
	date := flags.String("before", "", "archive conversations not updated since this `date`: 2026-01-31 or 2026-01-31T00:00:00Z (UTC), or an age: 90d")
	dry := flags.Bool("dry-run", false, "say what would be done, and change nothing")
	if flags.Parse(args) != nil || flags.NArg() > 0 {
		flags.Usage()
		return exitUsage
	}
	before, err := parseBefore(*date, time.Now())
	if err != nil {
		fmt.Fprintf(stderr, "gateway: --before: %v\n", err)
		flags.Usage()
		return exitUsage
	}
	return withArchive(stderr, func(ctx context.Context, s *archive.Store, dir string) error {
		if *dry {
			r, err := s.DryRun(ctx, before)
			if err == nil {
				fmt.Fprintf(stdout, "would be archived in %s: conversations %d, messages %d\n", dir, r.Conversations, r.Messages)
			}
			return err
		}
		r, err := s.Run(ctx, before)
		fmt.Fprintf(stdout, "archived in %s: conversations %d, messages %d; new files %d, bytes %d\n", dir, r.Conversations, r.Messages, r.Files, r.Bytes)
		if r.Skipped > 0 {
			fmt.Fprintf(stdout, "written to meanwhile, and left where they are: conversations %d\n", r.Skipped)
		}
		return err
	})
}

// restore puts the conversations of archive files back into the database.
func restore(paths []string, stdout, stderr io.Writer) int {
	if len(paths) == 0 || strings.HasPrefix(paths[0], "-") {
		fmt.Fprintln(stderr, "usage: gateway restore FILE...")
		return exitUsage
	}
	return withArchive(stderr, func(ctx context.Context, s *archive.Store, _ string) error {
		for _, path := range paths {
			r, err := s.RestoreFile(ctx, path)
			fmt.Fprintf(stdout, "restored from %s: conversations %d, messages %d; not archived in it %d\n", path, r.Conversations, r.Messages, r.Skipped)
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// withArchive runs work on the cold tier of the configuration.
func withArchive(stderr io.Writer, work func(ctx context.Context, s *archive.Store, dir string) error) int {
	cfg, err := loadConfig()
	if err != nil {
		return failed(stderr, badConfigError{err})
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	s, err := openArchive(ctx, cfg)
	if err != nil {
		return failed(stderr, err)
	}
	defer s.Close()
	if err := work(ctx, s, cfg.ArchiveDir()); err != nil {
		return failed(stderr, err)
	}
	return 0
}

func openArchive(ctx context.Context, cfg *configs.Config) (*archive.Store, error) {
	if cfg.State.Postgres.Empty() {
		own, err := sqlite.Open(ctx, filepath.Join(cfg.DataDir, "gateway.db"))
		if err != nil {
			return nil, err
		}
		return archive.New(own, cfg.ArchiveDir()), nil
	}
	shared, err := postgres.Open(ctx, postgres.Config{URL: cfg.State.Postgres.Reveal(), MaxConns: 1, Timeout: archiveWithin})
	if err != nil {
		return nil, badConfigError{err}
	}
	if err := shared.Ready(ctx); err != nil {
		_ = shared.Close()
		return nil, err
	}
	return archive.New(shared, cfg.ArchiveDir()), nil
}

// parseBefore reads a moment that is not in the future.
func parseBefore(text string, now time.Time) (at time.Time, err error) {
	if days, ok := strings.CutSuffix(text, "d"); ok {
		n, err := strconv.ParseUint(days, 10, 16)
		if err != nil {
			return at, fmt.Errorf("%q is no number of days", text)
		}
		return now.AddDate(0, 0, -int(n)), nil
	}
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if at, err = time.Parse(layout, text); err == nil {
			break
		}
	}
	switch {
	case text == "":
		return at, errors.New("a date has to be given")
	case err != nil:
		return at, fmt.Errorf("%q is no date, as in 2026-01-31 or 2026-01-31T00:00:00Z, and no age, as in 90d", text)
	case at.After(now):
		return at, fmt.Errorf("%s is in the future: conversations that are in use would be archived", text)
	}
	return at, nil
}
