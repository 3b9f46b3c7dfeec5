package spool

import (
	"context"
	"fmt"
	"time"

	"github.com/ai-mcp-gateway/gateway/store"
)

// Conversations lists them, those that were in the log when it was called among
// them: it waits until the cold store has them, as Sums does.
func (s *Store) Conversations(ctx context.Context, tenant, after string, limit int) ([]store.Conversation, error) {
	if err := s.settle(ctx); err != nil {
		return nil, err
	}
	return s.Store.Conversations(ctx, tenant, after, limit)
}

// settle waits until the cold store has what is in the log, not for long when
// it is away.
func (s *Store) settle(ctx context.Context) error {
	patience := time.Minute
	if s.away.Load() {
		patience = awaySums
	}
	within, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if err := s.Drain(within); err != nil {
		return fmt.Errorf("%w: rows of the log wait for it: %w", store.ErrUnavailable, err)
	}
	return nil
}
