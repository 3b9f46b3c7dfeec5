package spool

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/ai-mcp-gateway/gateway/store"
)

// Load returns a conversation with what is in the log.
func (s *Store) Load(ctx context.Context, tenant, id string, recent int) (*store.Loaded, error) {
	k := key{tenant: tenant, id: id}
	open, all := s.pending(ctx, k)
	if len(open) == 0 {
		return s.Store.Load(ctx, tenant, id, recent)
	}
	v, err := s.view(ctx, k, open, all, recent)
	if err != nil {
		return nil, err
	}
	v.Recent = v.Recent[max(0, len(v.Recent)-max(0, recent)):]
	return &v.Loaded, nil
}

// Messages returns messages, and behind them those that are in the log.
func (s *Store) Messages(ctx context.Context, tenant, id string, after int64, limit int) ([]store.Message, error) {
	k := key{tenant: tenant, id: id}
	open, all := s.pending(ctx, k)
	if len(open) == 0 {
		return s.Store.Messages(ctx, tenant, id, after, limit)
	}
	v, err := s.view(ctx, k, open, all, 0)
	if err != nil {
		return nil, err
	}
	var list []store.Message
	if v.cold > after {
		// No more than there were, since the others are behind them.
		most := int(min(int64(limit), v.cold-after))
		if list, err = s.Store.Messages(ctx, tenant, id, after, most); err != nil {
			return nil, err
		}
	}
	for _, m := range v.Recent {
		if m.Seq > max(v.cold, after) && len(list) < limit {
			list = append(list, m)
		}
	}
	return list, nil
}

// Summary returns one version, or the one in the log to which it was given.
func (s *Store) Summary(ctx context.Context, tenant, id string, version int64) (*store.Summary, error) {
	open, _ := s.pending(ctx, key{tenant: tenant, id: id})
	sum, err := s.Store.Summary(ctx, tenant, id, version)
	if err == nil || len(open) == 0 {
		return sum, err
	}
	writes, readErr := s.read(open)
	if readErr != nil {
		return nil, readErr
	}
	for _, w := range writes {
		if w.kind == kindSummary && w.version == version {
			return &w.summary, nil
		}
	}
	return nil, err
}

// Response returns an answer, the log's before the cold store's.
func (s *Store) Response(ctx context.Context, tenant, id string) (*store.Response, error) {
	open, _ := s.pending(ctx, key{tenant: tenant, id: id, response: true})
	writes, err := s.read(open)
	if err != nil {
		return nil, err
	}
	if len(writes) == 0 {
		return s.Store.Response(ctx, tenant, id)
	}
	last := writes[len(writes)-1]
	if last.kind == kindResponseDeleted || !last.expires.After(time.Now()) {
		return nil, store.ErrNotFound
	}
	return &last.response, nil
}

// awaySums is how long sums and lists wait for a cold store that gave no answer lately.
const awaySums = 2 * time.Second

// Sums adds up calls, those that were in the log when it was called among
// them: it waits until the cold store has them, not for long when that is away.
func (s *Store) Sums(ctx context.Context, q *store.SumQuery) ([]store.Sum, error) {
	if err := s.settle(ctx); err != nil {
		return nil, err
	}
	return s.Store.Sums(ctx, q)
}

// pending tries to apply what a key has in the log, and returns what is left
// of it, and all that the log's position is not behind.
func (s *Store) pending(ctx context.Context, k key) (open, all []entry) {
	q := s.backlog.find(k)
	if q == nil {
		return nil, nil
	}
	defer s.backlog.release(k, q)
	if open, all = q.unapplied(); len(open) == 0 || s.away.Load() {
		return open, all
	}
	within, cancel := context.WithTimeout(ctx, s.cfg.Wait)
	defer cancel()
	if q.begin(within) == nil {
		// What fails is left to the replay.
		if missed(s.flush(within, q, nil)) && ctx.Err() == nil {
			s.away.Store(true)
		}
		q.end()
	}
	return q.unapplied()
}

// view is a conversation as it will be when the log was applied.
type view struct {
	store.Loaded       // Recent is longer than what was asked for
	cold         int64 // how many of the messages are in the cold store
}

// extra is how many messages of others may stand behind those of the log that
// are in the cold store, so that they are still found to be there.
const extra = 64

// view reads the cold store after the entries were taken: what has been
// applied since is found there.
func (s *Store) view(ctx context.Context, k key, open, all []entry, recent int) (*view, error) {
	writes, err := s.read(open)
	if err != nil {
		return nil, err
	}
	n := recent + extra
	for _, w := range writes {
		n += len(w.append.Messages)
	}
	v := &view{Loaded: store.Loaded{Conversation: store.Conversation{Tenant: k.tenant, ID: k.id, Metadata: []byte("{}")}}}
	within, cancel := context.WithTimeout(ctx, s.cfg.Wait)
	loaded, err := s.Store.Load(within, k.tenant, k.id, n)
	cancel()
	switch {
	case err == nil:
		v.Loaded, v.cold = *loaded, loaded.Version
	case errors.Is(err, store.ErrNotFound):
	case missed(err) && whole(all):
		if writes, err = s.read(all); err != nil {
			return nil, err
		}
	case missed(err) && ctx.Err() == nil:
		return nil, fmt.Errorf("%w: %w", store.ErrUnavailable, err)
	default:
		return nil, err
	}
	v.add(writes)
	return v, nil
}

// whole reports whether the entries are all that there is of a conversation.
func whole(all []entry) bool {
	for _, e := range all {
		if e.kind == kindAppend {
			return e.base == 0
		}
	}
	return false
}

// read decodes entries, without those whose segment is gone because they were
// applied.
func (s *Store) read(entries []entry) ([]*write, error) {
	writes := make([]*write, 0, len(entries))
	for _, e := range entries {
		err := s.log.at(e.ref, func(r record) error {
			w, err := decodeWrite(r.kind, r.payload)
			writes = append(writes, w)
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return writes, nil
}

func (v *view) add(writes []*write) {
	there := v.Recent // the messages of the cold store
	for _, w := range writes {
		switch w.kind {
		case kindAppend:
			if !has(there, &w.append.Messages[0]) {
				v.addMessages(&w.append)
			}
		case kindSummary:
			if v.Loaded.Summary != nil && sameSummary(v.Loaded.Summary, &w.summary) {
				continue
			}
			w.summary.Version = max(w.version, v.SummaryVersion+1)
			v.Loaded.Summary, v.SummaryVersion = &w.summary, w.summary.Version
		case kindTodos:
			v.Todos = w.todos
		}
	}
}

func (v *view) addMessages(a *store.Append) {
	v.Waiting = append(v.Waiting, *a)
	if v.Version == 0 && v.Project == "" && v.User == "" {
		v.Project, v.User = a.Project, a.User
	}
	for _, m := range a.Messages {
		v.Version++
		m.Seq = v.Version
		v.Recent = append(v.Recent[:len(v.Recent):len(v.Recent)], m)
		v.Updated = m.Created
		if v.Created.IsZero() {
			v.Created = m.Created
		}
	}
}

// has reports whether a message is there that may have been written already.
// The moment tells it from another one with the same words.
func has(list []store.Message, m *store.Message) bool {
	return slices.ContainsFunc(list, func(o store.Message) bool {
		return o.Digest == m.Digest && o.Role == m.Role && bytes.Equal(o.Raw, m.Raw) && o.Created.Equal(m.Created)
	})
}

func sameSummary(a, b *store.Summary) bool {
	return a.Created.Equal(b.Created) && a.Through == b.Through && a.Text == b.Text && a.Model == b.Model
}
