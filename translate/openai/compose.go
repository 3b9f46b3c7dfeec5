package openai

import (
	"slices"

	"github.com/ai-mcp-gateway/gateway/translate"
	"github.com/ai-mcp-gateway/gateway/translate/neutral"
)

// AppendRequest appends q as the body of a chat completion for t, and names
// what t cannot be told. A target's Traits.Refuses may also name members that
// are not at the top: "messages[].name", "messages[].refusal",
// "tools[].strict", "tools[].custom" and "allowed_tools".
func (*Dialect) AppendRequest(dst []byte, q *neutral.Request, t *neutral.Target) ([]byte, neutral.Drops, *translate.Error) {
	c := composer{q: q, t: t, names: neutral.NewNames(q, MaxName)}
	dst = translate.AppendString(append(dst, `{"model":`...), []byte(t.Model))
	dst, err := c.messages(append(dst, `,"messages":[`...))
	if err != nil {
		return nil, nil, err
	}
	if dst[len(dst)-1] == '[' {
		return nil, nil, neutral.Unsupported("messages", "There is nothing in the messages that this provider can be told.")
	}
	if q.N > 1 && !t.Traits.Takes("n") {
		return nil, nil, neutral.Unsupported("n", "This provider gives one answer at a time.")
	}
	dst = c.limits(append(dst, ']'))
	dst = c.sampling(dst)
	if dst, err = c.tools(dst); err != nil {
		return nil, nil, err
	}
	dst = c.format(dst)
	dst = c.reasoning(dst)
	dst = c.rest(dst)
	dst = c.extra(dst)
	return append(dst, '}'), c.drops, nil
}

// MaxName is the most characters that a function's name may have, for
// neutral.NewNames: the aliases of longer ones are in the answer too.
const MaxName = 64

// composer writes one request.
type composer struct {
	q         *neutral.Request
	t         *neutral.Target
	names     *neutral.Names
	drops     neutral.Drops
	afterTool bool // the last message is the result of a tool
	attached
}

// raw appends the field when there is one and the target takes it.
func (c *composer) raw(dst []byte, field string, value []byte) []byte {
	switch {
	case value == nil:
		return dst
	case !c.t.Traits.Takes(field):
		c.drops.Add(field)
		return dst
	}
	return append(appendField(dst, field), value...)
}

// appendField appends the key of a member that is not the first.
func appendField(dst []byte, field string) []byte {
	return append(append(append(dst, `,"`...), field...), `":`...)
}

// text appends the field when it is not empty and the target takes it.
func (c *composer) text(dst []byte, field, value string) []byte {
	if value == "" {
		return dst
	}
	return c.raw(dst, field, translate.AppendString(nil, []byte(value)))
}

func (c *composer) toggle(dst []byte, field string, s neutral.Switch) []byte {
	return c.raw(dst, field, switchValue(s))
}

func switchValue(s neutral.Switch) []byte {
	switch s {
	case neutral.On:
		return trueValue
	case neutral.Off:
		return falseValue
	default:
		return nil
	}
}

var trueValue, falseValue = []byte("true"), []byte("false")

// limits appends what bounds the answer.
func (c *composer) limits(dst []byte) []byte {
	q := c.q
	field := "max_completion_tokens"
	if c.t.Traits.MaxTokens != "" {
		field = c.t.Traits.MaxTokens
	}
	dst = c.raw(dst, field, q.MaxTokens)
	if q.N > 1 {
		dst = c.raw(dst, "n", appendInt(nil, int64(q.N)))
	}
	if stop := q.Stop; len(stop) > 0 {
		if len(stop) > maxStops {
			stop = stop[:maxStops]
			c.drops.Add("stop")
		}
		dst = c.raw(dst, "stop", appendStrings(nil, stop))
	}
	if q.Stream {
		dst = append(dst, `,"stream":true`...)
		if c.t.Traits.Takes("stream_options") { // what the gateway counts by, not the client's
			dst = append(dst, `,"stream_options":{"include_usage":true}`...)
		}
	}
	return dst
}

// maxStops is OpenAI's limit.
const maxStops = 4

func appendStrings(dst []byte, list []string) []byte {
	dst = append(dst, '[')
	for i, s := range list {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = translate.AppendString(dst, []byte(s))
	}
	return append(dst, ']')
}

// sampling appends what steers the choice of tokens, by Traits.Sampling.
func (c *composer) sampling(dst []byte) []byte {
	q := c.q
	fixed := c.t.Traits.Sampling == "fixed" || c.t.Traits.Sampling == "reasoning"
	reasons := c.t.Traits.Sampling == "reasoning"
	one := c.t.Traits.Sampling == "one" && q.Temperature != nil
	dst = c.unless(fixed, dst, "temperature", q.Temperature)
	dst = c.unless(fixed || one, dst, "top_p", q.TopP)
	if q.TopK != nil {
		c.drops.Add("top_k")
	}
	dst = c.unless(reasons, dst, "frequency_penalty", q.FrequencyPenalty)
	dst = c.unless(reasons, dst, "presence_penalty", q.PresencePenalty)
	dst = c.raw(dst, "seed", q.Seed)
	dst = c.unless(reasons, dst, "logprobs", switchValue(q.Logprobs))
	return c.unless(reasons, dst, "top_logprobs", q.TopLogprobs)
}

// unless is raw for a field that goes without notice when it has no value,
// and with notice when refused.
func (c *composer) unless(refused bool, dst []byte, field string, value []byte) []byte {
	if refused && value != nil {
		c.drops.Add(field)
		return dst
	}
	return c.raw(dst, field, value)
}

// format appends response_format. A schema that the target does not take is
// asked for as any JSON.
func (c *composer) format(dst []byte) []byte {
	f := &c.q.Format
	const field = "response_format"
	schema := c.t.Traits.Schema
	switch {
	case f.Kind == neutral.FormatText:
		return dst
	case schema == "none":
		c.drops.Add(field)
		return dst
	case f.Kind == neutral.FormatSchema && schema == "" && f.Schema != nil:
		return c.raw(dst, field, appendSchema(nil, f))
	case f.Kind == neutral.FormatSchema:
		c.drops.Add("response_format.json_schema")
	}
	return c.raw(dst, field, []byte(`{"type":"json_object"}`))
}

func appendSchema(dst []byte, f *neutral.Format) []byte {
	dst = append(dst, `{"type":"json_schema","json_schema":{"name":`...)
	dst = translate.AppendString(dst, []byte(orElse(f.Name, "response"))) // it must have one
	if f.Description != "" {
		dst = appendMember(dst, `,"description":`, f.Description)
	}
	dst = append(append(dst, `,"schema":`...), f.Schema...)
	if strict := switchValue(f.Strict); strict != nil {
		dst = append(append(dst, `,"strict":`...), strict...)
	}
	return append(dst, "}}"...)
}

// reasoning appends how much to think, in the form that Traits.Thinking names.
func (c *composer) reasoning(dst []byte) []byte {
	r := &c.q.Reasoning
	if r.Summary != "" {
		c.drops.Add("reasoning.summary")
	}
	if !r.Set {
		return dst
	}
	switch c.t.Traits.Thinking {
	case "budget":
		if r.Effort == "" && r.Budget == 0 && !r.Adaptive {
			return dst
		}
		if budget := r.BudgetFor(neutral.Int(c.q.MaxTokens)); budget > 0 {
			value := appendInt([]byte(`{"type":"enabled","budget_tokens":`), budget)
			return c.raw(dst, "thinking", append(value, '}'))
		}
		return c.raw(dst, "thinking", []byte(`{"type":"disabled"}`))
	case "switch":
		switch r.EffortFor(&c.t.Traits) {
		case "on":
			return c.raw(dst, "thinking", []byte(`{"type":"enabled"}`))
		case "off":
			return c.raw(dst, "thinking", []byte(`{"type":"disabled"}`))
		}
		return dst
	}
	if effort := r.EffortFor(&c.t.Traits); effort != "" {
		return c.text(dst, "reasoning_effort", effort)
	}
	if r.Effort != "none" && c.t.Traits.Thinking == "" {
		c.drops.Add("reasoning_effort")
	}
	return dst
}

// rest appends who asks, and how the provider is to go about it.
func (c *composer) rest(dst []byte) []byte {
	q := c.q
	user := "user"
	if !c.t.Traits.Takes(user) {
		user = "safety_identifier"
	}
	dst = c.text(dst, user, q.User)
	dst = c.raw(dst, "metadata", q.Metadata)
	dst = c.toggle(dst, "store", q.Store)
	dst = c.tier(dst)
	dst = c.text(dst, "prompt_cache_key", q.Cache.Key)
	dst = c.text(dst, "prompt_cache_retention", q.Cache.Retention)
	if q.Cache.Auto.Set {
		c.drops.Add("cache_control")
	}
	return dst
}

// tiers are the service tiers by the words of any dialect.
var tiers = map[string]string{
	"auto": "auto", "default": "default", "flex": "flex", "scale": "scale",
	"priority": "priority", "fast": "fast",
	"standard": "default", "standard_only": "default",
}

func (c *composer) tier(dst []byte) []byte {
	const field = "service_tier"
	tier := tiers[c.q.ServiceTier]
	if tier == "" && c.q.ServiceTier != "" {
		c.drops.Add(field)
	}
	return c.text(dst, field, tier)
}

// extras are the top-level fields of OpenAI's that no other dialect has.
var extras = []string{
	"audio", "logit_bias", "modalities", "moderation", "prediction",
	"prompt_cache_options", "verbosity", "web_search_options",
}

func (c *composer) extra(dst []byte) []byte {
	for _, m := range c.q.Extra {
		refused := m.Name == "logit_bias" && c.t.Traits.Sampling == "reasoning"
		if refused || !slices.Contains(extras, m.Name) {
			c.drops.Add(m.Name)
			continue
		}
		dst = c.raw(dst, m.Name, m.Raw)
	}
	return dst
}
