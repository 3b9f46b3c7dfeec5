package engine

import (
	"github.com/ai-mcp-gateway/gateway/cache"
	"github.com/ai-mcp-gateway/gateway/conversation"
	"github.com/ai-mcp-gateway/gateway/internal/bufpool"
	"github.com/ai-mcp-gateway/gateway/routing"
	"github.com/ai-mcp-gateway/gateway/translate"
)

// answer is what has been answered, taken out of a call.
type answer struct {
	body    *bufpool.Buffer
	entry   *cache.Entry
	target  *target
	keyed   bool
	attempt int // that gave it
	drops   []string
	dialect passage // what it is in
	passed  []byte
}

// takeAnswer makes c one that has no answer yet.
func (c *Call) takeAnswer() *answer {
	a := &answer{
		body: c.body, entry: c.entry, target: c.target, keyed: c.keyed, attempt: c.answering,
		drops: c.bridge.drops, dialect: c.dialect, passed: append([]byte(nil), c.passed...),
	}
	c.body, c.entry, c.pieces, c.target = nil, nil, [3][]byte{}, nil
	client := c.bridge.client
	c.bridge.reset()
	c.bridge.client = client
	return a
}

// serve makes a the answer of c again.
func (a *answer) serve(c *Call) {
	c.body, c.keyed = a.body, a.keyed
	c.bridge.drops, c.dialect = a.drops, a.dialect
	c.passed = append(c.passed[:0], a.passed...)
	c.took(a.target, a.attempt)
	c.Record.Escalated = false
	if a.entry != nil {
		c.serve(a.entry)
	}
	a.body = nil
}

// release gives back what an answer holds that is not served.
func (a *answer) release() {
	if a.body != nil {
		a.body.Release()
		a.body = nil
	}
}

// gather reads a stream to its end, so that it can be looked at whole.
func (c *Call) gather() *translate.Error {
	s := c.direct
	if s == nil {
		return nil
	}
	var log []byte
	var mark usageMark
	for ended := false; !ended; {
		var b batch
		b, ended = s.next()
		if !b.usage.event.Empty() {
			mark = b.usage
			mark.event.Start += len(log)
			mark.event.End += len(log)
		}
		if log = append(log, b.bytes...); len(log) > mostGathered && s.err == nil {
			s.err = &translate.Error{Code: translate.ProviderTooLarge, Message: failureText(translate.ProviderTooLarge)}
			break
		}
	}
	failure, finish := s.err, s.metered.finish
	c.settleStream(s.t, &s.metered)
	c.direct = nil
	s.close()
	if failure != nil {
		a := &c.Record.Attempts[len(c.Record.Attempts)-1]
		a.Status, a.ErrorCode = failure.HTTPStatus(), failure.Code.String()
		return failure
	}
	c.read.Finish = finish
	c.serve(c.newEntry(s.t, log, true, mark.event))
	c.keyed = c.keyed && c.complete(finish)
	return nil
}

// answer is what the model has said; whether JSON was wanted is not in it.
func (c *Call) answer() routing.Answer {
	a := routing.Answer{
		Filtered: c.read.Finish == translate.FinishFilter,
		Cut:      c.read.Finish == translate.FinishLength && c.mostOutput() < 0,
		Calls:    c.read.Finish == translate.FinishTools,
	}
	var plain []byte
	switch {
	case c.body != nil:
		plain = c.body.B
	case c.entry.Stream:
		plain = c.gathered(c.entry.Body)
	default:
		plain = c.entry.Body
	}
	for _, m := range answered(c.Op, plain) {
		text, calls := conversation.Said(speaks(c.Op), m)
		if a.Text != "" && text != "" {
			a.Text += "\n"
		}
		a.Text += text
		a.Calls = a.Calls || calls
	}
	return a
}
