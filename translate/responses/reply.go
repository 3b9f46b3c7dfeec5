package responses

import (
	"bytes"
	"strconv"
	"time"

	"github.com/ai-mcp-gateway/gateway/translate"
	"github.com/ai-mcp-gateway/gateway/translate/neutral"
)

// AppendReply appends a as a Response object with the settings of q. Its id is
// that of a where it is one of this API's (NewID makes them), else a new one.
// The API has a single answer: the first choice.
func (*Dialect) AppendReply(dst []byte, _ translate.Op, q *neutral.Request, a *neutral.Reply) []byte {
	h := newHead(a.ID, a.Model, a.ServiceTier, a.Created)
	var choice neutral.Choice
	if len(a.Choices) > 0 {
		choice = a.Choices[0]
	}
	h.finish(choice.Finish)
	h.echo = echoOf(q)
	return h.append(dst, appendOutput(nil, q, &h, &choice), &a.Usage)
}

// appendOutput appends the items of a choice, with commas between them.
func appendOutput(dst []byte, q *neutral.Request, h *head, c *neutral.Choice) []byte {
	items := 0
	var o output
	kinds := kindsOf(q)
	flush := func(status string) {
		if o.kind == 0 {
			return
		}
		if items++; items > 1 {
			dst = append(dst, ',')
		}
		dst = o.append(dst, status)
		o.kind = 0
	}
	logprobs := c.Logprobs
	for i := range c.Blocks {
		b := &c.Blocks[i]
		message := b.Kind == neutral.Text || b.Kind == neutral.Refusal
		if !message || o.kind != neutral.Text {
			flush("completed")
		}
		switch {
		case message:
			if o.kind == 0 {
				o.reset(neutral.Text, items, h.tail())
			}
			o.addPart(b, logprobs)
			logprobs = nil
		case b.Kind == neutral.ToolUse:
			if len(b.Signature) > 0 {
				o.reset(neutral.Thinking, items, h.tail())
				o.seal = seal{sealCall, b.Origin, b.Signature}
				flush("completed")
			}
			o.reset(neutral.ToolUse, items, h.tail())
			o.addCall(kinds, b)
		case b.Kind == neutral.Thinking:
			o.reset(neutral.Thinking, items, h.tail())
			o.text = appendEscaped(o.text, b.Text)
			o.seal = thinkingSeal(b.Origin, b.Redacted, b.Signature)
		case b.Kind == neutral.Image && len(b.Media.Data) > 0:
			o.reset(neutral.Image, items, h.tail())
			o.raw = b.Media.Data
		case b.Kind == neutral.Foreign && b.Dialect == name:
			o.reset(neutral.Foreign, items, h.tail())
			o.raw = b.Raw
		}
	}
	flush(h.itemStatus())
	return dst
}

func thinkingSeal(origin string, redacted bool, signature []byte) seal {
	kind := byte(sealThinking)
	if redacted {
		kind = sealRedacted
	}
	return seal{kind, origin, signature}
}

// addPart adds a text or a refusal to a message.
func (o *output) addPart(b *neutral.Block, logprobs []byte) {
	o.part = b.Kind
	o.text = appendEscaped(o.text, b.Text)
	o.addLogprobs(logprobs)
	a := translate.Elements(b.Annotations)
	for a.Next() {
		o.note(a.Value())
	}
	o.closePart()
}

func (o *output) addCall(kinds toolKinds, b *neutral.Block) {
	o.setCall(kinds, b.ID, b.Name, b.Custom)
	arguments := b.Arguments
	switch {
	case o.wrapped:
		arguments = o.unwrap(arguments)
	case !o.custom && len(bytes.TrimSpace(arguments)) == 0:
		arguments = []byte("{}")
	}
	o.text = appendEscaped(o.text, arguments)
}

// head is what a Response object has beside its output and usage.
type head struct {
	id, model, tier    string
	created, completed int64
	status             string
	incomplete         string // why it is incomplete
	failure            *translate.Error
	echo               []byte // the request's settings
}

// newHead returns the head of a response in progress.
func newHead(id, model, tier string, created int64) head {
	if !isID(id) {
		id = NewID()
	}
	if created == 0 {
		created = time.Now().Unix()
	}
	return head{id: id, model: model, tier: tier, created: created, status: "in_progress"}
}

// tail is what the ids of the items have in common.
func (h *head) tail() string { return h.id[len(idPrefix):] }

// finish sets how the response ended.
func (h *head) finish(f neutral.Finish) {
	h.status = "completed"
	switch f {
	case neutral.FinishLength, neutral.FinishContext:
		h.status, h.incomplete = "incomplete", "max_output_tokens"
	case neutral.FinishFilter:
		h.status, h.incomplete = "incomplete", "content_filter"
	case neutral.FinishMalformed:
		h.status = "failed"
		h.failure = &translate.Error{
			Code:    translate.ProviderFailed,
			Message: "The model's output could not be used by the provider.",
		}
	default:
		h.completed = max(time.Now().Unix(), h.created)
	}
}

// itemStatus is the status of the last item.
func (h *head) itemStatus() string {
	if h.status == "completed" {
		return "completed"
	}
	return "incomplete"
}

// append appends the Response object.
func (h *head) append(dst, items []byte, usage *neutral.Usage) []byte {
	dst = translate.AppendString(append(dst, `{"id":`...), []byte(h.id))
	dst = append(dst, `,"object":"response","created_at":`...)
	dst = strconv.AppendInt(dst, h.created, 10)
	dst = append(append(dst, `,"status":"`...), h.status...)
	dst = append(dst, `","completed_at":`...)
	if h.completed == 0 {
		dst = append(dst, "null"...)
	} else {
		dst = strconv.AppendInt(dst, h.completed, 10)
	}
	dst = h.appendFailure(append(dst, `,"error":`...))
	dst = append(dst, `,"incomplete_details":`...)
	if h.incomplete == "" {
		dst = append(dst, "null"...)
	} else {
		dst = append(append(append(dst, `{"reason":"`...), h.incomplete...), `"}`...)
	}
	dst = translate.AppendString(append(dst, `,"model":`...), []byte(h.model))
	dst = append(append(append(dst, `,"output":[`...), items...), ']')
	dst = append(dst, h.echo...)
	dst = appendTier(append(dst, `,"service_tier":`...), h.tier)
	dst = appendUsage(append(dst, `,"usage":`...), usage)
	return append(dst, '}')
}

// appendFailure appends the error member. Its codes are the API's own for
// responses, which are fewer than those of requests.
func (h *head) appendFailure(dst []byte) []byte {
	if h.failure == nil {
		return append(dst, "null"...)
	}
	code := h.failure.Reason
	switch {
	case code != "":
	case h.failure.Code == translate.ProviderRateLimited:
		code = "rate_limit_exceeded"
	default:
		code = "server_error"
	}
	dst = translate.AppendString(append(dst, `{"code":`...), []byte(code))
	dst = translate.AppendString(append(dst, `,"message":`...), []byte(h.failure.Message))
	return append(dst, '}')
}

// appendTier appends the tier that served, if it is one of OpenAI's.
func appendTier(dst []byte, tier string) []byte {
	switch tier {
	case "auto", "default", "flex", "scale", "priority", "fast", "ultrafast":
		return append(append(append(dst, '"'), tier...), '"')
	default:
		return append(dst, "null"...)
	}
}

func appendUsage(dst []byte, u *neutral.Usage) []byte {
	if u == nil || !u.Known {
		return append(dst, "null"...)
	}
	number := func(key string, n int64) {
		dst = strconv.AppendInt(append(dst, key...), n, 10)
	}
	number(`{"input_tokens":`, u.In)
	number(`,"input_tokens_details":{"cached_tokens":`, u.CacheRead)
	number(`,"cache_write_tokens":`, u.CacheWrite)
	number(`},"output_tokens":`, u.Out)
	number(`,"output_tokens_details":{"reasoning_tokens":`, u.Reasoning)
	number(`},"total_tokens":`, u.Sum())
	return append(dst, '}')
}
