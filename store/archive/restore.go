package archive

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/ai-mcp-gateway/gateway/store"
)

// Restored is what RestoreFile has done.
type Restored struct {
	// Conversations, and Messages of them, are in the cold store again.
	Conversations, Messages int64
	// Skipped are not archived in this file: they were restored before, or
	// archived again in another one, or are gone.
	Skipped int64
}

// RestoreFile puts back all conversations that are archived in a file, wherever
// that lies now and whatever it is called. It may be done again.
func (s *Store) RestoreFile(ctx context.Context, path string) (r Restored, err error) {
	f, err := os.Open(path)
	if err != nil {
		return r, fmt.Errorf("archive: %w", err)
	}
	defer f.Close()
	in, err := newFrames(f)
	if err != nil {
		return r, fmt.Errorf("archive: cannot read %q: %w", path, err)
	}
	defer in.close()
	for {
		c, err := in.next()
		if err == io.EOF {
			return r, nil
		}
		if err != nil {
			return r, fmt.Errorf("%w: cannot read %q: %w", store.ErrArchive, path, err)
		}
		done, err := s.restoreOne(ctx, path, c)
		switch {
		case err != nil:
			return r, fmt.Errorf("archive: cannot restore %q of %q: %w", c.ID, c.Tenant, err)
		case done:
			r.Conversations++
			r.Messages += c.Messages
		default:
			r.Skipped++
		}
		s.at("a conversation is restored")
	}
}

// restoreOne puts back a conversation that was read from a file, when the cold
// store says that it is in there, and reports whether it has.
func (s *Store) restoreOne(ctx context.Context, path string, c *conversation) (bool, error) {
	where, err := s.Where(ctx, c.Tenant, c.ID)
	if err != nil || where == "" {
		return false, err
	}
	at, err := parsePlace(where)
	if err != nil || at.file != c.File {
		return false, err
	}
	// The frame that counts is the one that the cold store has the sum of.
	if c, err = readFrame(path, at); err != nil {
		return false, fmt.Errorf("%w: %w", store.ErrArchive, err)
	}
	err = s.Restore(ctx, c.Tenant, c.ID, where, c.messages)
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}
