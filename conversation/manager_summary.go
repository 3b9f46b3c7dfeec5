package conversation

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/ai-mcp-gateway/gateway/store"
)

// summaryTime bounds the writing of one summary.
const summaryTime = time.Minute

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
	if m.options.Summarize != nil {
		m.jobs.add(&job{
			SummaryRequest: SummaryRequest{Caller: t.call.Caller, ID: t.call.ID, Previous: previous, Texts: x.texts, Tokens: max(Count(x.text), minSummary)},
			extract:        next,
		})
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

// write writes summaries until it is stopped.
func (m *Manager) write(ctx context.Context) {
	for {
		j := m.jobs.next(ctx)
		if j == nil {
			return
		}
		if err := m.summarise(ctx, j); err != nil && ctx.Err() == nil {
			m.failed(fmt.Errorf("conversation: cannot summarise: %w", err))
		}
		m.jobs.done(j)
	}
}

// summarise has a model write a summary. What the extract has and the model
// left out stays in it. One that somebody has written since is left as it is:
// the next epoch goes on from that.
func (m *Manager) summarise(ctx context.Context, j *job) error {
	ctx, cancel := context.WithTimeout(ctx, summaryTime)
	defer cancel()
	text, model, err := m.options.Summarize(ctx, &j.SummaryRequest)
	if text = strings.TrimSpace(text); err != nil || text == "" {
		return err
	}
	next := j.extract
	next.Text, next.Model, next.Created = completed(text, next.Text, j.Tokens), model, time.Now().UTC().Truncate(time.Microsecond)
	next.Fields = contextFields(next.Fields, j.ID, next.Text, next.Created)
	next.Version, err = m.cold.PutSummary(ctx, j.Tenant, j.ID, j.extract.Version, &next)
	var conflict *store.VersionError
	switch {
	case errors.As(err, &conflict):
		return nil
	case err != nil:
		return err
	}
	m.put(ctx, j.Tenant, j.ID, &Held{Summary: Value{Version: next.Version + 1, Data: encodeJSON(&next)}})
	return nil
}

// completed is a summary that a model wrote, cut to so many tokens, with the
// lines of the extract whose facts it does not have: models forget, and some
// obey what they are to sum up.
func completed(written, extract string, tokens int) string {
	if Count(written) > tokens {
		written = strings.TrimSpace(clip(written, tokens))
	}
	has := map[string]bool{}
	eachTerm(written, func(term []byte, _ bool) { has[string(term)] = true })
	var b strings.Builder
	b.WriteString(written)
	for line := range strings.Lines(extract) {
		if line = strings.TrimSpace(line); line != "" && !tells(has, line) {
			b.WriteString("\n" + line)
		}
	}
	return b.String()
}

// tells reports whether those who have these terms know what a line says: its
// names and numbers, and half of all its words.
func tells(has map[string]bool, line string) bool {
	known, all, facts := 0, 0, true
	eachTerm(line, func(term []byte, marked bool) {
		all++
		if has[string(term)] {
			known++
		} else if marked {
			facts = false
		}
	})
	return facts && 2*known >= all
}
