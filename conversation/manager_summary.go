package conversation

import (
	"context"
	"fmt"
	"time"

	"github.com/ai-mcp-gateway/gateway/store"
)

const (
	maxJobs = 64
	// summaryTime bounds the writing of one summary.
	summaryTime = 2 * time.Minute
)

// job is a summary to be written by a model in the place of an extracted one.
type job struct {
	conversationID
	previous string // what is to be gone on from
	texts    []Text
	extract  store.Summary // as it was stored
}

// extend stores a summary that was extracted for the call, and has a model
// write a better one. Neither is needed to go on: the next call would do it
// again.
func (t *Turn) extend(ctx context.Context) {
	through, ok := t.through()
	if !ok {
		return
	}
	x, m := t.extension, t.manager
	next := store.Summary{Through: through, Text: x.text, Created: time.Now().UTC().Truncate(time.Microsecond)}
	after, previous := int64(0), ""
	if x.previous != nil {
		after, previous, next.Fields = x.previous.Version, x.previous.Text, x.previous.Fields
	}
	next.Fields = contextFields(next.Fields, t.call.ID, x.text, next.Created)
	version, err := m.cold.PutSummary(ctx, t.call.Tenant, t.call.ID, after, &next)
	if err != nil {
		m.failed(fmt.Errorf("conversation: cannot store a summary: %w", err))
		return
	}
	next.Version = version
	t.state.summary = &next
	if m.options.Summarize == nil {
		return
	}
	select {
	case m.jobs <- job{conversationID{t.call.Tenant, t.call.ID}, previous, x.texts, next}:
	default: // the extract will do until the next epoch
	}
}

// through is the number of the last message that the extension stands for, now
// that all are stored; false when that one is not.
func (t *Turn) through() (int64, bool) {
	x := t.extension
	if x == nil {
		return 0, false
	}
	if i := len(t.adds) - t.answers - x.fromEnd; x.seq == 0 && i >= 0 {
		return t.adds[i].Seq, t.adds[i].Seq > 0
	}
	return x.seq, x.seq > 0
}

// work writes summaries and repairs the hot tier until it is stopped.
func (m *Manager) work(ctx context.Context) {
	defer close(m.ended)
	tick := time.NewTicker(repairEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case j := <-m.jobs:
			if err := m.summarise(ctx, &j); err != nil && ctx.Err() == nil {
				m.failed(fmt.Errorf("conversation: cannot summarise: %w", err))
			}
		case <-tick.C:
			m.repair(ctx)
		}
	}
}

// summarise has a model write a summary. One that somebody has written since is
// left as it is: the next epoch goes on from that.
func (m *Manager) summarise(ctx context.Context, j *job) error {
	ctx, cancel := context.WithTimeout(ctx, summaryTime)
	defer cancel()
	text, model, err := m.options.Summarize(ctx, j.tenant, j.previous, j.texts)
	if err != nil || text == "" {
		return err
	}
	next := j.extract
	next.Text, next.Model, next.Created = text, model, time.Now().UTC().Truncate(time.Microsecond)
	next.Fields = contextFields(next.Fields, j.id, text, next.Created)
	next.Version, err = m.cold.PutSummary(ctx, j.tenant, j.id, j.extract.Version, &next)
	if err != nil {
		return err
	}
	m.put(ctx, j.tenant, j.id, &Held{Summary: Value{next.Version + 1, encodeJSON(&next)}})
	return nil
}
