package engine

import "github.com/ai-mcp-gateway/gateway/translate"

// Preview is what would be done with a call.
type Preview struct {
	// Tier, Complexity, Quality and Task are empty for a model that is named.
	Tier       string
	Complexity string
	Quality    string
	Task       string
	Risk       bool
	// Score is the prior's guess of what the premium model would gain, and Known
	// whether it has met texts of this kind.
	Score float32
	Known bool
	// Check: another model would look at the answer.
	Check  bool
	Reason string
	// Models are those that would be asked, the first one first.
	Models []string
}

// Preview decides on c without a call to anybody. Its conversation is not
// looked at.
func (e *Engine) Preview(c *Call) (*Preview, *translate.Error) {
	c.engine, c.state, c.accounted = e, e.state.Load(), true
	r := c.state.table.resolve(c.Request.Model, c.TierHint)
	if r == nil {
		return nil, noModel()
	}
	c.Record.Reason = r.reason
	if err := c.limit(); err != nil {
		return nil, err
	}
	if r.auto && itemsField(c.Op) != translate.FieldNone {
		var err *translate.Error
		if r, err = c.decide(r); err != nil {
			return nil, err
		}
	}
	rec := &c.Record
	p := &Preview{
		Complexity: rec.Complexity, Quality: rec.Quality, Task: rec.Task, Reason: rec.Reason,
		Risk: c.Risk, Score: c.Score, Known: c.Known, Check: c.reviewed(), Models: []string{},
	}
	if c.decided {
		p.Tier = c.state.config.Tiers[c.Tier].Name
	}
	for _, t := range r.targets {
		if r.offers(t, c.Op) && c.fits(t) {
			p.Models = append(p.Models, t.id)
		}
	}
	if len(p.Models) == 0 && c.most != noLimit {
		return nil, tooDear()
	}
	return p, nil
}
