package anthropic

import (
	"bytes"
	"strconv"

	"github.com/ai-mcp-gateway/gateway/translate"
	"github.com/ai-mcp-gateway/gateway/translate/neutral"
)

// NewEncoder returns the encoder of one client's stream.
func (*Dialect) NewEncoder(_ translate.Op, q *neutral.Request) neutral.Encoder {
	return &encoder{model: q.Model}
}

// encoder writes the events of a message: its start, then one block after
// another, then why it stopped. The start waits for the first block, so that
// it can tell what has gone in, where the provider says that at once.
type encoder struct {
	serial neutral.Serial
	queue  []neutral.Event

	id, model, tier string
	started         bool
	usage           neutral.Usage
	finish          neutral.Finish
	stopSequence    string
	calls           bool

	index     int // of the block that is open, or of the next one
	opened    bool
	kind      neutral.BlockKind // of the block that comes in, opened or not
	redacted  bool
	origin    string
	signature []byte
	arguments []byte // those that do not begin as an object does
	filled    bool   // some arguments have been written
	custom    bool   // the arguments are free text
}

// Append implements neutral.Encoder. Of several answers it writes the first.
func (c *encoder) Append(dst []byte, e *neutral.Event) []byte {
	if e.Choice > 0 {
		return dst
	}
	c.queue = c.serial.Add(c.queue[:0], e)
	for i := range c.queue {
		dst = c.event(dst, &c.queue[i])
	}
	return dst
}

// Fail implements neutral.Encoder.
func (c *encoder) Fail(dst []byte, err *translate.Error) []byte {
	return new(Dialect).AppendErrorEvent(dst, err)
}

func (c *encoder) event(dst []byte, e *neutral.Event) []byte {
	switch e.Kind {
	case neutral.Start:
		c.id, c.model, c.tier = e.ID, orElse(e.Model, c.model), e.ServiceTier
	case neutral.UsageReport:
		c.usage = e.Usage
	case neutral.Ping:
		dst = append(dst, "event: ping\ndata: {\"type\":\"ping\"}\n\n"...)
	case neutral.BlockStart:
		dst = c.startBlock(dst, e)
	case neutral.TextDelta, neutral.ArgumentsDelta, neutral.SignatureDelta, neutral.AnnotationDelta:
		dst = c.delta(dst, e)
	case neutral.BlockStop:
		dst = c.stopBlock(dst)
	case neutral.Finished:
		c.finish, c.stopSequence = e.Finish, e.StopSequence
	case neutral.End:
		dst = c.end(dst)
	default:
	}
	return dst
}

// start writes message_start, once.
func (c *encoder) start(dst []byte) []byte {
	if c.started {
		return dst
	}
	c.started = true
	c.id = orElse(c.id, newID())
	dst = append(dst, "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{"...)
	dst = appendHead(dst, c.id, c.model)
	dst = append(dst, `,"content":[],"stop_reason":null,"stop_sequence":null,"stop_details":null,"container":null,"usage":`...)
	dst = appendUsage(dst, &c.usage, c.tier, true)
	return append(dst, "}}\n\n"...)
}

// startBlock takes the start of a block. Text and thinking are opened when
// there is some: other providers start with texts that stay empty.
func (c *encoder) startBlock(dst []byte, e *neutral.Event) []byte {
	c.kind, c.opened, c.redacted, c.origin = e.Block, false, e.Redacted, e.Origin
	c.arguments, c.filled, c.custom = c.arguments[:0], false, e.Custom
	c.signature = append(c.signature[:0], e.Signature...)
	switch e.Block {
	case neutral.ToolUse:
		c.calls = true
		if len(e.Signature) > 0 && e.Origin != name {
			dst = c.open(dst)
			dst = appendSeal(dst, e.Origin, e.Signature)
			dst = c.close(append(dst, "}\n\n"...))
		}
		dst = c.open(dst)
		dst = append(dst, `{"type":"tool_use","id":`...)
		dst = translate.AppendString(dst, []byte(orElse(e.ToolID, neutral.MakeCallID(c.id, 0, e.Index))))
		dst = append(dst, `,"name":`...)
		dst = translate.AppendString(dst, []byte(e.Name))
		dst = append(dst, ",\"input\":{}}}\n\n"...)
	case neutral.Foreign:
		if e.Dialect == name {
			dst = c.open(dst)
			start := len(dst)
			dst = append(dst, e.Raw...)
			oneLine(dst[start:])
			dst = append(dst, "}\n\n"...)
		}
	default:
	}
	return dst
}

// open starts the frame that opens a block, up to the block.
func (c *encoder) open(dst []byte) []byte {
	dst = c.start(dst)
	c.opened = true
	return append(c.frame(dst, "content_block_start"), `,"content_block":`...)
}

// frame starts a frame of the open block, up to its index.
func (c *encoder) frame(dst []byte, kind string) []byte {
	dst = append(append(dst, "event: "...), kind...)
	dst = append(append(dst, "\ndata: {\"type\":\""...), kind...)
	dst = append(dst, `","index":`...)
	return strconv.AppendInt(dst, int64(c.index), 10)
}

// close writes the stop of the open block.
func (c *encoder) close(dst []byte) []byte {
	dst = append(c.frame(dst, "content_block_stop"), "}\n\n"...)
	c.opened = false
	c.index++
	return dst
}

// piece writes a delta of the open block with a text.
func (c *encoder) piece(dst []byte, head string, text []byte) []byte {
	dst = append(append(c.frame(dst, "content_block_delta"), `,"delta":{"type":`...), head...)
	dst = translate.AppendString(dst, text)
	return append(dst, "}}\n\n"...)
}

// delta takes a piece of the block that comes in.
func (c *encoder) delta(dst []byte, e *neutral.Event) []byte {
	if len(e.Text) == 0 {
		return dst
	}
	switch {
	case e.Kind == neutral.SignatureDelta:
		c.signature = append(c.signature, e.Text...)
	case c.kind == neutral.ToolUse && e.Kind == neutral.ArgumentsDelta:
		dst = c.argument(dst, e.Text)
	case c.kind == neutral.Thinking && !c.redacted && e.Kind == neutral.TextDelta:
		dst = c.piece(c.openText(dst), `"thinking_delta","thinking":`, e.Text)
	case c.kind != neutral.Text && c.kind != neutral.Refusal:
	case e.Kind == neutral.TextDelta:
		dst = c.piece(c.openText(dst), `"text_delta","text":`, e.Text)
	case e.Kind == neutral.AnnotationDelta && c.origin == name:
		dst = append(c.frame(c.openText(dst), "content_block_delta"), `,"delta":{"type":"citations_delta","citation":`...)
		start := len(dst)
		dst = append(dst, e.Text...)
		oneLine(dst[start:])
		dst = append(dst, "}}\n\n"...)
	}
	return dst
}

// openText opens a text or thinking, unless it is open.
func (c *encoder) openText(dst []byte) []byte {
	switch {
	case c.opened:
		return dst
	case c.kind == neutral.Thinking:
		return append(c.open(dst), "{\"type\":\"thinking\",\"thinking\":\"\",\"signature\":\"\"}}\n\n"...)
	default:
		return append(c.open(dst), "{\"type\":\"text\",\"text\":\"\"}}\n\n"...)
	}
}

// argument writes a piece of a call's arguments. Those that do not begin as an
// object does, and the free text of a custom call, are kept until they can be
// made one.
func (c *encoder) argument(dst, text []byte) []byte {
	if !c.filled {
		if start := bytes.TrimLeft(text, " \t\r\n"); c.custom || len(c.arguments) > 0 || len(start) == 0 || start[0] != '{' {
			c.arguments = append(c.arguments, text...)
			return dst
		}
		c.filled = true
	}
	return c.piece(dst, `"input_json_delta","partial_json":`, text)
}

// stopBlock takes the end of a block. The signature of thinking comes last.
func (c *encoder) stopBlock(dst []byte) []byte {
	switch {
	case c.kind == neutral.ToolUse && !c.filled:
		b := neutral.Block{Kind: neutral.ToolUse, Arguments: c.arguments, Custom: c.custom}
		dst = c.piece(dst, `"input_json_delta","partial_json":`, neutral.ArgumentsObject(&b))
	case c.kind == neutral.Thinking && c.redacted && len(c.signature) > 0:
		dst = append(c.open(dst), `{"type":"redacted_thinking","data":`...)
		dst = translate.AppendString(dst, signatureOut(c.origin, c.signature))
		dst = append(dst, "}}\n\n"...)
	case c.kind == neutral.Thinking && (c.opened || len(c.signature) > 0):
		dst = c.piece(c.openText(dst), `"signature_delta","signature":`, signatureOut(c.origin, c.signature))
	}
	c.kind = 0
	if !c.opened {
		return dst
	}
	return c.close(dst)
}

// end writes what ends a message.
func (c *encoder) end(dst []byte) []byte {
	dst = c.start(dst)
	dst = append(dst, "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\""...)
	dst = append(dst, stopReason(neutral.Reason(c.finish, c.calls))...)
	dst = append(dst, `","stop_sequence":`...)
	dst = appendNullable(dst, c.stopSequence)
	dst = append(dst, `,"stop_details":null,"container":null},"usage":`...)
	dst = appendUsage(dst, &c.usage, c.tier, false)
	return append(dst, "}\n\nevent: message_stop\ndata: {\"type\":\"message_stop\"}\n\n"...)
}
