// Package storetest is what every store promises, as tests. A store's own
// tests call Run.
package storetest

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/ai-mcp-gateway/gateway/store"
)

// promise is one thing that a store is to keep.
type promise struct {
	name string
	show func(t *testing.T, s store.Store)
}

// Run shows that a store keeps every promise of store.Store. For each of them
// open returns a store with nothing in it, and closes it in the end where the
// promise has not.
func Run(t *testing.T, open func(t testing.TB) store.Store) {
	for _, group := range [][]promise{
		appends, messages, lists, races, summaries, todos,
		calls, rules, responses, claims, tenants, names, ends,
	} {
		for _, p := range group {
			t.Run(p.name, func(t *testing.T) { p.show(t, open(t)) })
		}
	}
}

// equal compares what a store returned; that a list is nil or empty is alike.
func equal(t *testing.T, want, got any) {
	t.Helper()
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

// at is a time of the tests, some microseconds after a round one.
func at(microseconds int) time.Time {
	return time.Date(2026, 3, 29, 0, 59, 59, 0, time.UTC).Add(time.Duration(microseconds) * time.Microsecond)
}
