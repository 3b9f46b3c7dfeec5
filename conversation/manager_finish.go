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
	t.after = t.state.version
	if len(t.adds) > 0 {
		if err := t.append(ctx); err != nil {
			return err
		}
	}
	if t.unknown {
		t.manager.put(ctx, t.call.Tenant, t.call.ID, &Held{Messages: Value{Version: t.state.version}})
		return nil
	}
	t.extend(ctx)
	t.publish(ctx)
	t.count()
	return nil
}

// publish puts the state into the hot tier, where the next turn finds it on any
// instance. While the cold tier is away, that alone has what others have added
// meanwhile, without knowing of this turn: then this turn goes behind theirs.
// The appends in the logs come to be stored in an order of their own, but with
// the same number of messages before whatever goes on from both.
func (t *Turn) publish(ctx context.Context) {
	after := t.after
	for range maxRebases {
		held := t.state.held()
		held.Messages.Checked, held.Messages.After = true, after
		if t.manager.put(ctx, t.call.Tenant, t.call.ID, held) {
			return
		}
		others := t.manager.loadHot(ctx, t.call.Tenant, t.call.ID)
		if others == nil || others.has(t.adds) {
			return
		}
		after = others.version
		others.frozen = t.state.frozen
		if others.summaryVersion() < t.state.summaryVersion() {
			others.summary = t.state.summary
		}
		for i := range t.adds {
			t.adds[i].Seq = after + int64(i) + 1
		}
		others.add(t.adds)
		others.version = after + int64(len(t.adds))
		t.state = others
	}
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
		After: t.state.version, Key: t.call.Key, Messages: t.adds,
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
			return t.appended(ctx, a, version)
		case errors.As(err, &conflict) && rebases < maxRebases:
			rebases++
			if err := t.rebase(ctx, rebases, conflict.Version); err != nil {
				return err
			}
			a.After = t.state.version
		case errors.Is(err, store.ErrUnavailable) && retries < maxRetries && ctx.Err() == nil:
			retries++ // under the same key: it may have taken place
		default:
			return err
		}
	}
}

// rebase reads what others have written, which is at least the given version.
func (t *Turn) rebase(ctx context.Context, number int, version int64) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(mathrand.N(time.Duration(number) * rebasePause)):
	}
	return t.take(t.manager.load(ctx, t.call.Tenant, t.call.ID, version))
}

// reload reads what is stored.
func (t *Turn) reload(ctx context.Context) error {
	return t.take(t.manager.loadCold(ctx, t.call.Tenant, t.call.ID))
}

// take makes s the state.
func (t *Turn) take(s *state, err error) error {
	if err != nil {
		return err
	}
	s.frozen = t.state.frozen
	t.state = s
	return nil
}

// appended takes what was appended into the state. A key that comes again has
// appended nothing: what holds is then what was stored the first time. Where
// that cannot be read, a version that follows the state's is taken for the
// append's own.
func (t *Turn) appended(ctx context.Context, a *store.Append, version int64) error {
	first := version - int64(len(a.Messages)) + 1
	if t.call.Key != "" || first != a.After+1 {
		err := t.reload(ctx)
		if err == nil {
			t.recognise(first)
		}
		if err == nil || first != a.After+1 {
			t.unknown = err != nil
			if t.unknown {
				t.state.version = version
			}
			t.after = t.state.version
			return nil
		}
	}
	t.after = a.After
	for i := range t.adds {
		t.adds[i].Seq = first + int64(i)
	}
	t.state.add(t.adds)
	t.state.version = version
	return nil
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
