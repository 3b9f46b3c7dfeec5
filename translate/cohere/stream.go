package cohere

import (
	"bytes"

	"github.com/ai-mcp-gateway/gateway/translate"
	"github.com/ai-mcp-gateway/gateway/translate/neutral"
	"github.com/ai-mcp-gateway/gateway/translate/sse"
)

// NewDecoder returns a decoder of the stream of a chat.
func (*Dialect) NewDecoder(translate.Op) neutral.Decoder { return &decoder{} }

// decoder makes events of events. Blocks of text stay open until something
// else comes: citations may follow the end of their text.
type decoder struct {
	frames sse.Reader
	text   []byte // holds what had to be unescaped, until the next Feed

	started, ended bool
	seed           string
	open           neutral.BlockKind // 0 when no block is open
	block          int               // of the open block, or of the next one
	calls          int
	args           argsState
	held           []byte // arguments that are no object so far
}

// argsState tells what has come of the arguments of the open call.
type argsState uint8

const (
	argsNone   argsState = iota
	argsObject           // they begin as an object and go out as they come
	argsHeld             // they do not, and are held until the end
)

// Feed implements neutral.Decoder.
func (d *decoder) Feed(dst []neutral.Event, b []byte) (events []neutral.Event, taken int, err *translate.Error) {
	d.text = d.text[:0]
	for {
		frame, n := d.frames.Next(b[taken:])
		if n == 0 {
			return dst, taken, nil
		}
		taken += n
		data, _ := sse.Data(frame, nil)
		if dst, err = d.take(dst, data); err != nil {
			return dst, taken, err
		}
	}
}

// Close implements neutral.Decoder.
func (d *decoder) Close(dst []neutral.Event, rest []byte) ([]neutral.Event, *translate.Error) {
	d.text = d.text[:0]
	tail := d.frames.Tail(rest)
	data, _ := sse.Data(tail, nil)
	if data == nil && !d.started {
		data = tail // an error in place of a stream
	}
	dst, err := d.take(dst, data)
	switch {
	case err != nil && err.Code != translate.ProviderBadResponse:
		return dst, err
	case !d.ended:
		return dst, translate.Errorf(translate.ProviderTruncated, "", "The provider's stream ended before the answer did.")
	}
	return dst, nil
}

// frame is the data of an event. Values are raw and borrowed.
type frame struct {
	kind, id, delta []byte
	failed          bool
}

// take appends the events of one event.
func (d *decoder) take(dst []neutral.Event, data []byte) ([]neutral.Event, *translate.Error) {
	data = bytes.TrimSpace(data)
	if len(data) == 0 || d.ended || string(data) == "[DONE]" {
		return dst, nil
	}
	var f frame
	o := translate.Members(data)
	for o.Next() {
		switch v := o.Value(); string(o.Key()) {
		case "type":
			f.kind = v
		case "id":
			f.id = v
		case "delta":
			f.delta = v
		case "message", "error":
			f.failed = o.Kind() == translate.KindString || o.Kind() == translate.KindObject
		}
	}
	switch {
	case !o.Complete():
		return dst, badResponse("An event of the provider's stream is not one JSON object.")
	case f.failed && f.delta == nil:
		return dst, New().ReadError(200, data)
	}
	return d.event(dst, &f, data)
}

func (d *decoder) event(dst []neutral.Event, f *frame, data []byte) ([]neutral.Event, *translate.Error) {
	if !d.started {
		d.started, d.seed = true, textOf(f.id)
		if d.seed == "" {
			d.seed = string(data)
		}
		dst = append(dst, neutral.Event{Kind: neutral.Start, ID: textOf(f.id)})
	}
	switch string(f.kind) {
	case `"content-start"`, `"content-delta"`:
		p := readPart(inMessage(f.delta, "content"))
		dst = d.delta(dst, p.kind, p.text)
	case `"tool-plan-delta"`:
		dst = d.delta(dst, neutral.Thinking, inMessage(f.delta, "tool_plan"))
	case `"tool-call-start"`:
		c := readCall(inMessage(f.delta, "tool_calls"))
		dst = d.arguments(d.startCall(dst, &c), c.arguments)
	case `"tool-call-delta"`:
		c := readCall(inMessage(f.delta, "tool_calls"))
		dst = d.arguments(dst, c.arguments)
	case `"tool-call-end"`:
		dst = d.close(dst)
	case `"citation-start"`:
		dst = d.annotate(dst, inMessage(f.delta, "citations"))
	case `"message-end"`:
		return d.end(dst, f.delta)
	}
	return dst, nil
}

// inMessage returns the member key of the message in a delta, raw.
func inMessage(delta []byte, key string) (raw []byte) {
	o := translate.Members(delta)
	for o.Next() {
		if string(o.Key()) != "message" {
			continue
		}
		m := translate.Members(o.Value())
		for m.Next() {
			if string(m.Key()) == key {
				raw = m.Value()
			}
		}
	}
	return raw
}

// unescaped returns the text of a JSON string, which stays until the next
// Feed.
func (d *decoder) unescaped(raw []byte) []byte {
	if translate.KindOf(raw) != translate.KindString {
		return nil
	}
	if bytes.IndexByte(raw, '\\') < 0 {
		return raw[1 : len(raw)-1]
	}
	start := len(d.text)
	d.text = translate.AppendText(d.text, raw)
	return d.text[start:len(d.text):len(d.text)]
}

func (d *decoder) make(kind neutral.EventKind, text []byte) neutral.Event {
	return neutral.Event{Kind: kind, Index: d.block, Block: d.open, Text: text}
}

// delta appends a piece of text of a kind, and opens a block for it.
func (d *decoder) delta(dst []neutral.Event, kind neutral.BlockKind, raw []byte) []neutral.Event {
	text := d.unescaped(raw)
	if len(text) == 0 {
		return dst
	}
	if d.open != kind {
		dst = d.start(dst, neutral.Event{Block: kind, Origin: name})
	}
	return append(dst, d.make(neutral.TextDelta, text))
}

// start closes the open block and opens the one of e.
func (d *decoder) start(dst []neutral.Event, e neutral.Event) []neutral.Event {
	dst = d.close(dst)
	d.open = e.Block
	e.Kind, e.Index = neutral.BlockStart, d.block
	return append(dst, e)
}

func (d *decoder) close(dst []neutral.Event) []neutral.Event {
	if d.open == 0 {
		return dst
	}
	if d.open == neutral.ToolUse && d.args != argsObject {
		whole := neutral.ArgumentsObject(&neutral.Block{Arguments: d.held})
		dst = append(dst, d.make(neutral.ArgumentsDelta, whole))
	}
	dst = append(dst, d.make(neutral.BlockStop, nil))
	d.open = 0
	d.block++
	return dst
}

func (d *decoder) startCall(dst []neutral.Event, c *call) []neutral.Event {
	id := c.id
	if id == "" {
		id = neutral.MakeCallID(d.seed, 0, d.calls)
	}
	dst = d.start(dst, neutral.Event{Block: neutral.ToolUse, ToolID: id, Name: c.name, Origin: name})
	d.calls++
	d.args, d.held = argsNone, nil
	return dst
}

// arguments appends a piece of the open call's arguments. What is no object,
// such as null, is made one at the end.
func (d *decoder) arguments(dst []neutral.Event, raw []byte) []neutral.Event {
	piece := d.unescaped(raw)
	if d.open != neutral.ToolUse || len(piece) == 0 {
		return dst
	}
	if d.args == argsNone {
		switch trimmed := bytes.TrimLeft(piece, " \t\r\n"); {
		case len(trimmed) == 0:
			return dst
		case trimmed[0] == '{':
			d.args = argsObject
		default:
			d.args = argsHeld
		}
	}
	if d.args == argsHeld {
		d.held = append(d.held, piece...)
		return dst
	}
	return append(dst, d.make(neutral.ArgumentsDelta, piece))
}

// annotate appends a citation of the open text.
func (d *decoder) annotate(dst []neutral.Event, note []byte) []neutral.Event {
	if d.open != neutral.Text || translate.KindOf(note) != translate.KindObject {
		return dst
	}
	return append(dst, d.make(neutral.AnnotationDelta, note))
}

// end appends what ends the stream.
func (d *decoder) end(dst []neutral.Event, delta []byte) ([]neutral.Event, *translate.Error) {
	var finish, usage, fault []byte
	o := translate.Members(delta)
	for o.Next() {
		switch v := o.Value(); string(o.Key()) {
		case "error":
			fault = v
		case "finish_reason":
			finish = v
		case "usage":
			usage = v
		}
	}
	native := textOf(finish)
	dst = d.close(dst)
	if native == "ERROR" && (d.block == 0 || len(textOf(fault)) > 0) {
		return dst, failed()
	}
	if u := readUsage(usage); u.Known {
		dst = append(dst, neutral.Event{Kind: neutral.UsageReport, Usage: u})
	}
	d.ended = true
	return append(
		dst,
		neutral.Event{Kind: neutral.Finished, Finish: finishOf(native, d.calls > 0), Native: native},
		neutral.Event{Kind: neutral.End},
	), nil
}
