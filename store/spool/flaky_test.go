package spool

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/ai-mcp-gateway/gateway/store"
)

// The ways in which the cold store of the tests fails.
const (
	well      = iota
	down      // nothing works
	readOnly  // nothing is written
	hanging   // nothing answers in time
	forgetful // what is written is written, and then the connection is lost
)

// flaky is a real store behind a connection that fails.
type flaky struct {
	store.Store
	mode   atomic.Int32
	poison atomic.Pointer[string] // an append's key, or a call's id, that is never accepted
}

var errPoison = errors.New("the value is not accepted")

func (f *flaky) read(ctx context.Context) error {
	switch f.mode.Load() {
	case down:
		return fmt.Errorf("%w: connection refused", store.ErrUnavailable)
	case hanging:
		<-ctx.Done()
		return ctx.Err()
	}
	return nil
}

func (f *flaky) write(ctx context.Context, key string, do func() error) error {
	if p := f.poison.Load(); p != nil && *p == key && f.mode.Load() == well {
		return errPoison
	}
	if err := f.read(ctx); err != nil {
		return err
	}
	switch f.mode.Load() {
	case readOnly:
		return fmt.Errorf("%w: read-only", store.ErrUnavailable)
	case forgetful:
		if err := do(); err != nil {
			return err
		}
		return fmt.Errorf("%w: connection lost", store.ErrUnavailable)
	}
	return do()
}

func (f *flaky) Load(ctx context.Context, tenant, id string, recent int) (*store.Loaded, error) {
	if err := f.read(ctx); err != nil {
		return nil, err
	}
	return f.Store.Load(ctx, tenant, id, recent)
}

func (f *flaky) Messages(ctx context.Context, tenant, id string, after int64, limit int) ([]store.Message, error) {
	if err := f.read(ctx); err != nil {
		return nil, err
	}
	return f.Store.Messages(ctx, tenant, id, after, limit)
}

func (f *flaky) Append(ctx context.Context, a *store.Append) (v int64, err error) {
	err = f.write(ctx, a.Key, func() error { v, err = f.Store.Append(ctx, a); return err })
	return v, err
}

func (f *flaky) PutSummary(ctx context.Context, tenant, id string, after int64, s *store.Summary) (v int64, err error) {
	err = f.write(ctx, "", func() error { v, err = f.Store.PutSummary(ctx, tenant, id, after, s); return err })
	return v, err
}

func (f *flaky) PutTodos(ctx context.Context, tenant, id string, todos []store.Todo) error {
	return f.write(ctx, "", func() error { return f.Store.PutTodos(ctx, tenant, id, todos) })
}

func (f *flaky) PutCalls(ctx context.Context, calls []store.Call) error {
	for _, c := range calls {
		if err := f.write(ctx, c.ID, func() error { return nil }); errors.Is(err, errPoison) {
			return err
		}
	}
	return f.write(ctx, "", func() error { return f.Store.PutCalls(ctx, calls) })
}

func (f *flaky) PutResponse(ctx context.Context, tenant, id string, r *store.Response, expires time.Time) error {
	return f.write(ctx, "", func() error { return f.Store.PutResponse(ctx, tenant, id, r, expires) })
}

func (f *flaky) DeleteResponse(ctx context.Context, tenant, id string) error {
	return f.write(ctx, "", func() error { return f.Store.DeleteResponse(ctx, tenant, id) })
}

func (f *flaky) Ping(ctx context.Context) error {
	return f.write(ctx, "", func() error { return f.Store.Ping(ctx) })
}
