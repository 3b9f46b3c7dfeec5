package anthropic

import (
	"github.com/ai-mcp-gateway/gateway/translate"
	"github.com/ai-mcp-gateway/gateway/translate/neutral"
)

// ReadReply reads the body of a whole answer that came with a status of
// success. What it hands out is borrowed from body, unless escapes had to be
// undone.
func (d *Dialect) ReadReply(_ translate.Op, body []byte, a *neutral.Reply) *translate.Error {
	*a = neutral.Reply{}
	m, ok := readMessage(body)
	switch {
	case ok && m.failed():
		return d.ReadError(200, body)
	case !ok || string(m.kind) != "message" || translate.KindOf(m.content) != translate.KindArray:
		return badResponse()
	}
	var texts arena
	c := neutral.Choice{Native: textOf(m.stopReason), StopSequence: textOf(m.stopSequence)}
	calls, answered := false, false
	list := translate.Elements(m.content)
	for list.Next() {
		f := readFields(list.Members())
		b := texts.block(&f, list.Value())
		calls = calls || b.Kind == neutral.ToolUse
		answered = answered || b.Kind == neutral.Text && string(f.kind) == "tool_use"
		c.Blocks = append(c.Blocks, b)
	}
	if refusal := explanation(m.stopDetails); refusal != nil {
		c.Blocks = append(c.Blocks, neutral.Block{Kind: neutral.Refusal, Text: refusal})
	}
	c.Finish = finishFor(m.stopReason, calls, answered)
	a.ID, a.Model = textOf(m.id), textOf(m.model)
	a.Choices = []neutral.Choice{c}
	var n counts
	n.read(translate.Members(m.usage))
	a.Usage, a.ServiceTier = n.usage(), n.tier
	return nil
}

// message are the raw members of a message; nil when absent or null.
type message struct {
	kind, id, model, content  []byte
	stopReason, stopSequence  []byte
	stopDetails, usage, fault []byte
	usageSpan                 translate.Span
}

// readMessage reads body; ok is false when it is not one object.
func readMessage(body []byte) (m message, ok bool) {
	o := translate.Members(body)
	for o.Next() {
		if o.Kind() == translate.KindNull {
			continue
		}
		switch v := o.Value(); string(o.Key()) {
		case "type":
			m.kind = unquoted(v)
		case "id":
			m.id = v
		case "model":
			m.model = v
		case "content":
			m.content = v
		case "stop_reason":
			m.stopReason = v
		case "stop_sequence":
			m.stopSequence = v
		case "stop_details":
			m.stopDetails = v
		case "usage":
			m.usage, m.usageSpan = v, o.Span()
		case "error":
			m.fault = v
		}
	}
	return m, o.Complete()
}

// failed reports whether the message is an error; some servers that speak
// this dialect leave out its type.
func (m *message) failed() bool { return string(m.kind) == "error" || m.fault != nil }

func badResponse() *translate.Error {
	return &translate.Error{Code: translate.ProviderBadResponse, Message: "the provider's answer could not be understood"}
}

// explanation returns what the provider says about a refusal, or nil.
func explanation(stopDetails []byte) []byte {
	o := translate.Members(stopDetails)
	for o.Next() {
		if string(o.Key()) == "explanation" {
			var a arena
			return a.text(o.Value())
		}
	}
	return nil
}

// finishFor is the reason in the raw stop_reason. The call of the answer tool
// is no call.
func finishFor(stopReason []byte, calls, answered bool) neutral.Finish {
	said := neutral.FinishOther
	switch string(unquoted(stopReason)) {
	case "":
		said = neutral.FinishNone
	case "end_turn":
		said = neutral.FinishStop
	case "stop_sequence":
		said = neutral.FinishStopSequence
	case "max_tokens":
		said = neutral.FinishLength
	case "tool_use":
		said = neutral.FinishTools
		if answered && !calls {
			said = neutral.FinishStop
		}
	case "refusal":
		said = neutral.FinishFilter
	case "pause_turn":
		said = neutral.FinishPause
	case "model_context_window_exceeded":
		said = neutral.FinishContext
	}
	if said == neutral.FinishNone {
		return said
	}
	return neutral.Reason(said, calls)
}
