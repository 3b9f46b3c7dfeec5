package responses

import (
	"github.com/ai-mcp-gateway/gateway/translate"
	"github.com/ai-mcp-gateway/gateway/translate/neutral"
)

// response is a Response object as it stands. Its values are raw, nil when
// absent or null.
type response struct {
	id, model, tier []byte
	created, status []byte
	reason          []byte // of incomplete_details
	output, failure []byte
	usage           []byte
	usageSpan       translate.Span
}

// scanResponse reads body. ok is false when it is not one JSON object.
func scanResponse(body []byte) (r response, ok bool) {
	o := translate.Members(body)
	for o.Next() {
		switch v := given(o.Value()); string(o.Key()) {
		case "id":
			r.id = v
		case "model":
			r.model = v
		case "service_tier":
			r.tier = v
		case "created_at":
			r.created = v
		case "status":
			r.status = v
		case "incomplete_details":
			r.reason = member(v, "reason")
		case "output":
			r.output = v
		case "error":
			r.failure = v
		case "usage":
			if translate.KindOf(v) == translate.KindObject {
				r.usage, r.usageSpan = v, o.Span()
			}
		}
	}
	return r, o.Complete()
}

// member returns a member of the object raw, nil for none.
func member(raw []byte, key string) []byte {
	o := translate.Members(raw)
	for o.Next() {
		if string(o.Key()) == key {
			return given(o.Value())
		}
	}
	return nil
}

// failed reports whether the response is an error.
func (r *response) failed() bool {
	return string(r.status) == `"failed"` || len(r.failure) > len(`{}`)
}

// finish is why the model stopped; native is the API's word for it.
func (r *response) finish(calls bool) (f neutral.Finish, native []byte) {
	switch string(r.status) {
	case `"completed"`, "":
		return neutral.Reason(neutral.FinishStop, calls), r.status
	case `"incomplete"`:
	default:
		return neutral.FinishOther, r.status
	}
	switch string(r.reason) {
	case `"max_output_tokens"`, `"max_tokens"`, `"length"`:
		f = neutral.FinishLength
	case `"content_filter"`:
		f = neutral.FinishFilter
	default:
		f = neutral.FinishOther
	}
	if r.reason == nil {
		return f, r.status
	}
	return f, r.reason
}

// calls reports whether the output has a call that the client is to make.
func (r *response) calls() bool {
	a := translate.Elements(r.output)
	for a.Next() {
		switch string(member(a.Value(), "type")) {
		case `"function_call"`, `"custom_tool_call"`:
			return true
		}
	}
	return false
}

// ReadReply reads a whole answer. Items that no other dialect has are kept as
// Foreign blocks.
func (d *Dialect) ReadReply(_ translate.Op, body []byte, a *neutral.Reply) *translate.Error {
	*a = neutral.Reply{}
	r, ok := scanResponse(body)
	switch {
	case ok && r.failed():
		return d.ReadError(200, body)
	case !ok || translate.KindOf(r.output) != translate.KindArray:
		return translate.Errorf(translate.ProviderBadResponse, "", "The provider's answer is not a response of its API.")
	}
	a.ID, a.Model, a.ServiceTier = string(text(r.id)), string(text(r.model)), string(text(r.tier))
	a.Created = seconds(r.created)
	var c neutral.Choice
	calls := false
	var next seal
	list := translate.Elements(r.output)
	for list.Next() {
		c.Blocks = appendItem(c.Blocks, &c.Logprobs, list.Value(), &next)
	}
	for i := range c.Blocks {
		if b := &c.Blocks[i]; b.Kind == neutral.ToolUse {
			calls = true
			if b.ID == "" {
				b.ID = neutral.MakeCallID(a.ID, 0, i)
			}
		}
	}
	finish, native := r.finish(calls)
	c.Finish, c.Native = finish, string(text(native))
	a.Choices = []neutral.Choice{c}
	a.Usage = readUsage(r.usage)
	return nil
}

// seconds reads a time, which some servers give with decimals.
func seconds(raw []byte) int64 {
	for i, c := range raw {
		if c == '.' {
			raw = raw[:i]
			break
		}
	}
	n, _ := translate.Int(raw)
	return max(n, 0)
}

// appendItem appends the blocks of an output item. What cannot be read as what
// it says it is, is kept as it stands. logprobs gets those of the item.
func appendItem(dst []neutral.Block, logprobs *[]byte, raw []byte, next *seal) []neutral.Block {
	it, ok := scanItem(raw)
	if !ok {
		return dst
	}
	switch string(it.kind) {
	case "message", "":
		blocks, f := appendContent(dst, it.content)
		if f != nil {
			break
		}
		*logprobs = appendItemLogprobs(*logprobs, it.content)
		for i := len(dst); i < len(blocks); i++ {
			if blocks[i].Kind == neutral.Text {
				blocks[i].Origin = name // of what may be noted about it
			}
		}
		return blocks
	case "function_call", "custom_tool_call":
		b, f := it.call()
		if f != nil && it.name == nil {
			break
		}
		b.Signature, b.Origin, *next = next.signature, next.origin, seal{}
		return append(dst, b)
	case "reasoning":
		b, s, ok := it.thinking()
		if s.kind == sealCall {
			*next = s
		}
		if ok {
			dst = append(dst, b)
		}
		return dst
	}
	return append(dst, it.foreign())
}

// appendItemLogprobs puts the logprobs of a message's parts into the form that
// they have in chat completions, nil when there are none.
func appendItemLogprobs(dst, content []byte) []byte {
	parts := translate.Elements(content)
	for parts.Next() {
		dst = appendLogprobs(dst, member(parts.Value(), "logprobs"))
	}
	return dst
}

// appendLogprobs appends the elements of list to the object dst.
func appendLogprobs(dst, list []byte) []byte {
	const head, tail = `{"content":[`, `],"refusal":null}`
	a := translate.Elements(list)
	for a.Next() {
		if len(dst) == 0 {
			dst = append(dst, head...)
		} else {
			dst = append(dst[:len(dst)-len(tail)], ',')
		}
		dst = append(append(dst, a.Value()...), tail...)
	}
	return dst
}

// readUsage reads a usage object. Numbers that cannot be are taken for zero.
func readUsage(raw []byte) (u neutral.Usage) {
	o := translate.Members(raw)
	for o.Next() {
		switch string(o.Key()) {
		case "input_tokens":
			u.In, u.Known = tokens(o.Value()), true
		case "output_tokens":
			u.Out, u.Known = tokens(o.Value()), true
		case "total_tokens":
			u.Total, u.Known = tokens(o.Value()), true
		case "input_tokens_details":
			details := o.Members()
			for details.Next() {
				switch string(details.Key()) {
				case "cached_tokens":
					u.CacheRead = tokens(details.Value())
				case "cache_write_tokens":
					u.CacheWrite = tokens(details.Value())
				case "audio_tokens":
					u.AudioIn = tokens(details.Value())
				}
			}
		case "output_tokens_details":
			details := o.Members()
			for details.Next() {
				switch string(details.Key()) {
				case "reasoning_tokens":
					u.Reasoning = tokens(details.Value())
				case "audio_tokens":
					u.AudioOut = tokens(details.Value())
				}
			}
		}
	}
	return reconcile(u)
}

// reconcile makes the parts agree. A total tells what is in the others: some
// servers leave the reasoning out of the output.
func reconcile(u neutral.Usage) neutral.Usage {
	if u.Reasoning > 0 && u.Total == u.In+u.Out+u.Reasoning {
		u.Out += u.Reasoning
	}
	u.CacheRead = min(u.CacheRead, u.In)
	u.CacheWrite = min(u.CacheWrite, u.In-u.CacheRead)
	u.Reasoning = min(u.Reasoning, u.Out)
	return u
}

// maxTokens is more than any call has; it keeps sums and prices in range.
const maxTokens = 1 << 40

func tokens(raw []byte) int64 {
	n, ok := translate.Int(raw)
	if !ok || n < 0 || n > maxTokens {
		return 0
	}
	return n
}
