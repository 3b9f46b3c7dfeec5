package conversation

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	mathrand "math/rand/v2"
	"time"

	"github.com/ai-mcp-gateway/gateway/store"
)

// Bounds of Finish.
const (
	maxRebases = 12
	maxRetries = 2
	// rebasePause is what a rebase waits at most, times its number.
	rebasePause = 4 * time.Millisecond
)

// Finish stores what the call added: its new messages and the answer, which is
// nil when there is none. Without an error they are durable, and the next turn
// sees them. When others have written since Begin, they go behind that; it is a
// *store.VersionError when that happens too often. ctx has to outlive a client
// that has left. Finish is called once.
func (t *Turn) Finish(ctx context.Context, answer *Answer) error {
	t.own(answer)
	if len(t.adds) > 0 {
		if err := t.append(ctx); err != nil {
			return err
		}
	}
	t.extend(ctx)
	t.publish(ctx)
	t.count()
	return nil
}

// publish puts the state into the hot tier, where the next turn finds it on any
// instance. What others have put there meanwhile, without knowing of this turn,
// stays: of both, all that the cold tier has is kept, and behind it all that is
// pending.
func (t *Turn) publish(ctx context.Context) {
	m := t.manager
	for range maxRebases {
		kept, err := m.tryPut(ctx, t.call.Tenant, t.call.ID, t.state.next())
		if err != nil {
			break
		}
		if kept {
			return
		}
		others, seen := m.loadHot(ctx, t.call.Tenant, t.call.ID)
		switch {
		case others == nil:
			t.state.seen = seen
		case others.stored() < t.state.stored():
			t.state.take(others.pending)
			t.state.seen = seen
		default:
			if !others.take(t.state.pending) {
				return
			}
			others.frozen = t.state.frozen
			others.learn(t.state.summary)
			t.state = others
		}
	}
	// The cold tier may be away when that is repaired: it is given all of this
	// turn, stored or not.
	m.missed(conversationID{t.call.Tenant, t.call.ID}, append(t.state.pending, t.added))
}

// own completes what is added, with bytes of its own: they are kept longer than
// those of the request.
func (t *Turn) own(answer *Answer) {
	if answer != nil {
		t.answers = len(answer.Messages)
		for _, raw := range answer.Messages {
			it := readItem(t.call.Dialect, raw)
			s := sent{raw: raw, item: it, digest: it.digest()}
			m := s.message(t.call.Dialect)
			m.Model, m.Incomplete = answer.Model, answer.Incomplete
			t.adds = append(t.adds, m)
		}
	}
	for i := range t.adds {
		m := &t.adds[i]
		m.Raw = bytes.Clone(m.Raw)
		it := readItem(m.Dialect, m.Raw)
		m.Tokens = it.tokens(it.plain())
	}
}

// append stores what is added behind all that there is.
func (t *Turn) append(ctx context.Context) error {
	a := &store.Append{
		Tenant: t.call.Tenant, Conversation: t.call.ID, Project: t.call.Project, User: t.call.User,
		After: t.state.version, Key: t.call.Key, Messages: t.adds, Before: t.state.pending,
	}
	if a.Key == "" {
		a.Key = rand.Text()
	}
	retries := 0
	for rebases := 0; ; {
		version, err := t.manager.cold.Append(ctx, a)
		var conflict *store.VersionError
		switch {
		case err == nil:
			t.appended(ctx, a, version)
			return nil
		case errors.As(err, &conflict) && rebases < maxRebases:
			rebases++
			if err := t.rebase(ctx, rebases); err != nil {
				return err
			}
			a.After, a.Before = t.state.version, t.state.pending
			if a.After < conflict.Version {
				a.After = store.AnyVersion // what is there cannot be read now
			}
		case errors.Is(err, store.ErrUnavailable) && retries < maxRetries && ctx.Err() == nil:
			retries++ // under the same key: it may have taken place
		default:
			return err
		}
	}
}

// rebase reads what others have written.
func (t *Turn) rebase(ctx context.Context, number int) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(mathrand.N(time.Duration(number) * rebasePause)):
	}
	hot, seen := t.manager.loadHot(ctx, t.call.Tenant, t.call.ID)
	s, err := t.manager.refresh(ctx, t.call.Tenant, t.call.ID, hot, seen)
	if err != nil {
		return err
	}
	s.frozen = t.state.frozen
	t.state = s
	return nil
}

// appended takes what was appended into the state: what the cold tier has now,
// or what was appended as pending, when that is in a log or the cold tier cannot
// be read. A key that comes again has appended nothing: what holds is then what
// was stored the first time.
func (t *Turn) appended(ctx context.Context, a *store.Append, version int64) {
	t.added = store.Append{Project: a.Project, User: a.User, Key: a.Key, Messages: t.adds}
	first := version - int64(len(a.Messages)) + 1
	switch {
	case a.Waiting:
	case t.call.Key == "" && len(a.Before) == 0 && first == t.state.version+1:
		t.number(first)
		t.state.add(t.adds)
		t.state.version = version
		return
	default:
		if s, err := t.manager.loadCold(ctx, t.call.Tenant, t.call.ID); err == nil {
			s.frozen, s.seen = t.state.frozen, t.state.seen
			t.state = s
			t.number(first)
			t.recognise(first)
			return
		}
	}
	t.number(t.state.version + 1)
	t.state.take([]store.Append{t.added})
}

// number gives what was added its numbers.
func (t *Turn) number(first int64) {
	for i := range t.adds {
		t.adds[i].Seq = first + int64(i)
	}
}

// recognise takes the times of what was stored from first on, which under a key
// that comes again are those of the first time.
func (t *Turn) recognise(first int64) {
	for i := range t.state.turns {
		m := &t.state.turns[i]
		if n := m.Seq - first; n >= 0 && n < int64(len(t.adds)) && t.adds[n].Digest == m.Digest {
			t.adds[n].Created = m.Created
		}
	}
}
