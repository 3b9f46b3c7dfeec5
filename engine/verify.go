package engine

import (
	"github.com/ai-mcp-gateway/gateway/routing"
	"github.com/ai-mcp-gateway/gateway/translate"
)

// What came of checking an answer, as it is told.
const (
	checkPassed     = "passed"     // the gateway itself finds nothing wrong with it
	checkAgreed     = "agreed"     // another model does not either
	checkDisputed   = "disputed"   // something is wrong, and there is nobody better to ask
	checkUnverified = "unverified" // the reviewer failed, or answered nonsense
)

// roleEscalation is what a call is for that does an answer again that was given
// up.
const roleEscalation = "escalation"

// solve answers c from the tier that was decided on, has the answer checked,
// and goes up while it is not good enough. What was given up stays in the
// record, and is what the next tier is handed in place of the conversation.
func (e *Engine) solve(c *Call, r *route) *translate.Error {
	if !c.verifiable() || c.Request.Stream && !c.reviewed() { // a stream is held back for a review only
		return e.attempt(c, r)
	}
	v := &verification{engine: e, call: c, request: c.Request.Body, role: c.Role, keyed: c.keyed}
	defer v.restore() // what is stored is the answer to what was asked
	for {
		err := e.attempt(c, r)
		if err == nil {
			if err = c.gather(); err != nil && failsOver(err) { // nothing of it has been released
				if up := v.next(); up != nil {
					r = up
					continue
				}
			}
		}
		if err != nil && v.kept != nil && failsOver(err) { // nobody above can answer: what there is will do
			v.kept.serve(c)
			c.Record.Check = checkDisputed
			err = nil
		} else if err == nil && !v.accepts() {
			if r = v.next(); r != nil {
				if err = v.escalate(); err == nil {
					continue
				}
			}
			c.Record.Check = checkDisputed
		}
		if err == nil && c.entry != nil {
			c.entry.CostNano = c.Record.CostNano
			c.serve(c.entry) // with the cost of all that was asked
		}
		return err
	}
}

// verifiable reports whether c's answer is looked at before it is released.
func (c *Call) verifiable() bool {
	return c.decided && !c.midRound && c.state.config.Routing.CrossCheck != checkOff &&
		itemsField(c.Op) != translate.FieldNone && c.Request.Value(translate.FieldPreviousResponseID) == nil
}

// reviewed reports whether another model is to look at the answer, so that it
// is worth more than the same model's answer to somebody who named it.
func (c *Call) reviewed() bool {
	return c.verifiable() && (c.Check || c.state.config.Routing.CrossCheck == checkAlways)
}

// verification is the checking of one call's answers.
type verification struct {
	engine  *Engine
	call    *Call
	request []byte // as it was asked
	role    string
	keyed   bool
	given   []routing.Given // up
	kept    *answer         // the last of them
	text    string          // of the answer that is looked at
}

// restore puts the caller's own request back.
func (v *verification) restore() {
	c := v.call
	c.Role = v.role
	if v.kept == nil {
		return
	}
	v.kept.release()
	if err := c.Request.Scan(v.request); err != nil {
		panic("BUG: a request that was read is not JSON: " + err.Message)
	}
}

// accepts reports whether the answer is good enough to be served.
func (v *verification) accepts() bool {
	c := v.call
	said := c.answer()
	said.JSON, said.Schema = c.wantsJSON()
	v.text = said.Text
	issues := routing.Inspect(&said)
	switch {
	case len(issues) > 0:
		v.giveUp(issues, true)
		return false
	case said.Calls:
		c.Record.Check = checkPassed
		return true
	}
	for i := range v.given {
		if same, _ := routing.Same(v.given[i].Answer, v.text); same && !v.given[i].Faulty {
			c.Record.Check = checkAgreed // two tiers say the same
			return true
		}
	}
	if !v.wanted() {
		c.Record.Check = checkPassed
		return true
	}
	verdict, issues := v.review()
	c.Record.Check = verdict
	if verdict == checkDisputed {
		v.giveUp(issues, false)
		return false
	}
	return true
}

// wanted reports whether a second model has to look at the answer. One that was
// handed up to the highest tier has nobody above it to go to.
func (v *verification) wanted() bool {
	c := v.call
	if c.state.config.Routing.CrossCheck == checkAlways {
		return true
	}
	return c.Check && (len(v.given) == 0 || v.tier() < c.state.table.ladder.top)
}

// tier is that of the answer.
func (v *verification) tier() int { return v.call.state.table.ladder.of(v.call.target) }

// of is the tier that t is in; the highest for one that is in none.
func (l *ladder) of(t *target) int {
	for i := range l.top {
		for _, m := range l.models[i] {
			if m == t {
				return i
			}
		}
	}
	return l.top
}

// giveUp notes what is wrong with the answer.
func (v *verification) giveUp(issues []string, faulty bool) {
	c := v.call
	v.given = append(v.given, routing.Given{Tier: c.target.tier, Model: c.target.id, Answer: v.text, Issues: issues, Faulty: faulty})
}

// next is the way to the next tier that may be asked; nil when there is none.
func (v *verification) next() *route {
	c, l := v.call, v.call.state.table.ladder
	if !c.state.config.Routing.Escalate {
		return nil
	}
	for i := v.tier() + 1; i <= l.top; i++ {
		for _, t := range l.models[i] {
			if t.serves(c.Op) && c.fits(t) {
				return l.tiers[i]
			}
		}
	}
	return nil
}

// escalate makes the call one that is handed to the next tier.
func (v *verification) escalate() *translate.Error {
	c := v.call
	if v.kept != nil {
		v.kept.release()
	}
	v.kept = c.takeAnswer()
	if err := c.Request.Scan(v.request); err != nil {
		return err
	}
	c.keyed = v.keyed
	c.Record.Escalated = true
	if c.Role == "" {
		c.Role = roleEscalation
	}
	return v.handOver()
}
