package engine

import (
	"github.com/ai-mcp-gateway/gateway/translate"
)

// noLimit is the limit of a call that may cost anything.
const noLimit = -1

// tooDear is what the caller is told when every model could cost more.
func tooDear() *translate.Error {
	return &translate.Error{Code: translate.PolicyMaxCost, Message: "no model that this call may be charged for can answer it; a smaller max_tokens lets dearer models fit"}
}

// limit reads what the call may cost, in nano-dollars.
func (c *Call) limit() *translate.Error {
	if c.lent {
		return nil
	}
	c.most = noLimit
	if c.state.config.Routing.FreeOnly {
		c.most = 0
	}
	if len(c.MaxCost) == 0 {
		return nil
	}
	nano, ok := translate.ParseUSD(c.MaxCost)
	if !ok {
		return translate.Errorf(translate.CallerInvalidField, "X-Gateway-Max-Cost", "X-Gateway-Max-Cost must be an amount of USD such as 0.01.")
	}
	if c.most == noLimit {
		c.most = nano
	}
	return nil
}

// lend gives c what other may still cost, if that is limited.
func (c *Call) lend(other *Call) {
	if other.most != noLimit {
		c.lent, c.most = true, max(0, other.most-other.Record.CostNano)
	}
}

// affords reports whether an attempt at t cannot make the call cost more than
// it may, all that it was charged so far included.
func (c *Call) affords(t *target) bool {
	if c.most == noLimit {
		return true
	}
	worst, known := c.worst(t)
	return known && worst <= c.most-c.Record.CostNano
}

// worst is the most that an attempt at t can cost. No text has more tokens than
// bytes, and no answer more than the request or the model allows; known is false
// where neither says.
func (c *Call) worst(t *target) (nano int64, known bool) {
	m := &t.config
	switch {
	case c.Op == translate.OpCountTokens: // which no provider takes money for
		return 0, true
	case !m.Priced:
		return 0, false
	case free(m):
		return 0, true
	}
	in, out := int64(len(c.Request.Body)), c.mostOutput()
	if most := int64(m.MaxOutput); most > 0 && (out < 0 || most < out) {
		out = most
	}
	if out < 0 {
		return 0, false
	}
	for _, f := range [...]translate.Field{translate.FieldN, translate.FieldBestOf} {
		if n, ok := translate.Int(c.Request.Value(f)); ok && n > 1 {
			out *= min(n, mostChoices)
		}
	}
	u := translate.Usage{Known: true, In: in, Out: out}
	if m.CacheWritePrice > m.InputPrice {
		u.CacheWrite = in
	}
	return t.cost(&u)
}

// mostOutput is how long an answer the request allows, in tokens; -1 when it
// does not say.
func (c *Call) mostOutput() int64 {
	most := int64(-1)
	for _, f := range [...]translate.Field{translate.FieldMaxTokens, translate.FieldMaxCompletionTokens, translate.FieldMaxOutputTokens} {
		if n, ok := translate.Int(c.Request.Value(f)); ok && n >= 0 {
			most = max(most, min(n, mostTokens))
		}
	}
	return most
}

// Bounds on what a request may ask for, so that no product overflows.
const (
	mostTokens  = 1e8
	mostChoices = 1000
)

// free reports whether a model costs nothing, whatever it is asked.
func free(m *ModelConfig) bool {
	return m.Priced && m.InputPrice|m.CacheReadPrice|m.CacheWritePrice|m.OutputPrice|
		m.LongInputPrice|m.LongCacheReadPrice|m.LongCacheWritePrice|m.LongOutputPrice == 0
}
