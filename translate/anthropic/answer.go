package anthropic

import (
	"math/rand/v2"

	"github.com/ai-mcp-gateway/gateway/translate"
	"github.com/ai-mcp-gateway/gateway/translate/neutral"
)

// AppendReply appends a as a message. Of several answers it is the first.
func (*Dialect) AppendReply(dst []byte, _ translate.Op, q *neutral.Request, a *neutral.Reply) []byte {
	var c neutral.Choice
	if len(a.Choices) > 0 {
		c = a.Choices[0]
	}
	id := orElse(a.ID, newID())
	dst = append(dst, '{')
	dst = appendHead(dst, id, orElse(a.Model, q.Model))
	dst = append(dst, `,"content":[`...)
	start, calls := len(dst), false
	for i := range c.Blocks {
		b := &c.Blocks[i]
		calls = calls || b.Kind == neutral.ToolUse
		before := len(dst)
		if before > start {
			dst = append(dst, ',')
		}
		var written bool
		if dst, written = appendBlock(dst, b, id, i); !written {
			dst = dst[:before]
		}
	}
	dst = append(dst, `],"stop_reason":"`...)
	dst = append(dst, stopReason(neutral.Reason(c.Finish, calls))...)
	dst = append(dst, `","stop_sequence":`...)
	dst = appendNullable(dst, c.StopSequence)
	dst = append(dst, `,"stop_details":null,"container":null,"usage":`...)
	dst = appendUsage(dst, &a.Usage, a.ServiceTier, true)
	return append(dst, '}')
}

// appendHead appends the members that a message starts with.
func appendHead(dst []byte, id, model string) []byte {
	dst = append(dst, `"id":`...)
	dst = translate.AppendString(dst, []byte(id))
	dst = append(dst, `,"type":"message","role":"assistant","model":`...)
	return translate.AppendString(dst, []byte(model))
}

// newID returns an id for a message that came without one.
func newID() string {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	id := []byte("msg_01")
	for range 22 {
		id = append(id, letters[rand.IntN(len(letters))])
	}
	return string(id)
}

// stopReason is f in Anthropic's words.
func stopReason(f neutral.Finish) string {
	switch f {
	case neutral.FinishStopSequence:
		return "stop_sequence"
	case neutral.FinishTools:
		return "tool_use"
	case neutral.FinishLength:
		return "max_tokens"
	case neutral.FinishContext:
		return "model_context_window_exceeded"
	case neutral.FinishFilter:
		return "refusal"
	case neutral.FinishPause:
		return "pause_turn"
	default:
		return "end_turn"
	}
}

// appendBlock appends a block of an answer and reports whether it has a form
// here and something in it.
func appendBlock(dst []byte, b *neutral.Block, id string, index int) ([]byte, bool) {
	switch b.Kind {
	case neutral.Text, neutral.Refusal:
		dst = append(dst, `{"type":"text","text":`...)
		dst = translate.AppendString(dst, b.Text)
		if b.Annotations != nil && b.Origin == name {
			dst = append(append(dst, `,"citations":`...), b.Annotations...)
		}
		return append(dst, '}'), len(b.Text) > 0
	case neutral.Thinking:
		return appendThinking(dst, b), len(b.Text)+len(b.Signature) > 0
	case neutral.ToolUse:
		if len(b.Signature) > 0 && b.Origin != name {
			dst = appendSeal(dst, b.Origin, b.Signature)
			dst = append(dst, ',')
		}
		dst = append(dst, `{"type":"tool_use","id":`...)
		dst = translate.AppendString(dst, []byte(orElse(b.ID, neutral.MakeCallID(id, 0, index))))
		dst = append(dst, `,"name":`...)
		dst = translate.AppendString(dst, []byte(b.Name))
		dst = append(dst, `,"input":`...)
		dst = append(dst, neutral.ArgumentsObject(b)...)
		return append(dst, '}'), true
	case neutral.Foreign:
		return append(dst, b.Raw...), b.Dialect == name
	default:
		return dst, false
	}
}

func appendThinking(dst []byte, b *neutral.Block) []byte {
	if b.Redacted {
		dst = append(dst, `{"type":"redacted_thinking","data":`...)
	} else {
		dst = append(dst, `{"type":"thinking","thinking":`...)
		dst = translate.AppendString(dst, b.Text)
		dst = append(dst, `,"signature":`...)
	}
	dst = translate.AppendString(dst, signatureOut(b.Origin, b.Signature))
	return append(dst, '}')
}

// signatureOut is a signature as a client gets it: with a tag unless it is
// this dialect's.
func signatureOut(origin string, signature []byte) []byte {
	if origin == name {
		return signature
	}
	return appendTagged(nil, thinkTag, origin, signature)
}

// appendSeal appends the block that a call's seal travels in.
func appendSeal(dst []byte, origin string, seal []byte) []byte {
	dst = append(dst, `{"type":"redacted_thinking","data":`...)
	dst = translate.AppendString(dst, appendTagged(nil, callTag, origin, seal))
	return append(dst, '}')
}
