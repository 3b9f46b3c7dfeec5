package openai

import (
	"hash/crc32"

	"github.com/ai-mcp-gateway/gateway/translate"
	"github.com/ai-mcp-gateway/gateway/translate/neutral"
)

// spoken is what has come of one choice.
type spoken struct {
	number int
	seen   bool
	next   int // the index of the next block
	// open is the index of the text, thinking or refusal that may still grow,
	// or -1; kind is its kind.
	open int
	kind neutral.BlockKind
	sum  uint32 // of its text, if that is a thought
	size int

	calls   []spokenCall
	stopped bool // it has said why
	finish  neutral.Finish
	native  string
}

// spokenCall is a call, under the number that the provider gives it.
type spokenCall struct {
	from     int64
	id, name string
	index    int // of its block, once it has started
	started  bool
	stopped  bool
	custom   bool
	seal     []byte
	waiting  []byte // arguments that came before the name
	balance  balance
}

// called reports whether a call has started.
func (c *spoken) called() bool {
	for i := range c.calls {
		if c.calls[i].started {
			return true
		}
	}
	return false
}

// functionCallFrom is the number of a legacy function_call.
const functionCallFrom = -1

// delta takes what a chunk adds to a choice.
func (d *decoder) delta(dst []neutral.Event, c *spoken, raw []byte) []neutral.Event {
	m := readSaid(raw)
	dst = d.thinking(dst, c, &m.thoughts)
	if translate.KindOf(m.content) == translate.KindString {
		dst = d.text(dst, c, neutral.Text, m.content)
	} else if m.content != nil {
		dst = d.parts(dst, c, m.content)
	}
	dst = d.text(dst, c, neutral.Text, transcriptOf(m.audio))
	dst = d.text(dst, c, neutral.Refusal, m.refusal)
	if m.images != nil {
		dst = d.parts(dst, c, m.images)
	}
	if m.annotations != nil {
		dst = d.annotations(dst, c, m.annotations)
	}
	calls := translate.Elements(m.toolCalls)
	for calls.Next() {
		dst = d.call(dst, c, calls.Value())
	}
	if filled(m.functionCall) {
		b := readFunction(m.functionCall)
		dst = d.callPiece(dst, c, functionCallFrom, true, &b)
	}
	return dst
}

// text adds the raw string to the block of its kind.
func (d *decoder) text(dst []neutral.Event, c *spoken, kind neutral.BlockKind, raw []byte) []neutral.Event {
	return d.say(dst, c, kind, d.unquote(raw))
}

func (d *decoder) say(dst []neutral.Event, c *spoken, kind neutral.BlockKind, text []byte) []neutral.Event {
	if len(text) == 0 {
		return dst
	}
	dst = d.grow(dst, c, kind)
	if kind == neutral.Thinking {
		c.sum, c.size = crc32.Update(c.sum, crc32.IEEETable, text), c.size+len(text)
	}
	return append(dst, neutral.Event{Kind: neutral.TextDelta, Choice: c.number, Index: c.open, Block: kind, Text: text})
}

// repeats reports whether text is all that the thought that grows has said:
// this gateway's own streams say it again beside its seal.
func (c *spoken) repeats(text []byte) bool {
	return c.open >= 0 && c.kind == neutral.Thinking && c.size == len(text) && c.sum == crc32.ChecksumIEEE(text)
}

// grow makes a block of kind the one that grows.
func (d *decoder) grow(dst []neutral.Event, c *spoken, kind neutral.BlockKind) []neutral.Event {
	if c.open >= 0 && c.kind == kind {
		return dst
	}
	dst = d.closeWhole(dst, c)
	c.open, c.kind, c.sum, c.size = c.next, kind, 0, 0
	c.next++
	return append(dst, neutral.Event{
		Kind: neutral.BlockStart, Choice: c.number, Index: c.open, Block: kind, Origin: New().Name(),
	})
}

// whole appends a block that comes in one piece.
func (d *decoder) whole(dst []neutral.Event, c *spoken, start neutral.Event) []neutral.Event {
	dst = d.closeWhole(dst, c)
	start.Kind, start.Choice, start.Index, start.Origin = neutral.BlockStart, c.number, c.next, New().Name()
	c.next++
	return append(dst, start,
		neutral.Event{Kind: neutral.BlockStop, Choice: c.number, Index: start.Index, Block: start.Block})
}

// thinking takes the thoughts of a delta: the plain text where there is one,
// and from the details what it lacks.
func (d *decoder) thinking(dst []neutral.Event, c *spoken, t *thoughts) []neutral.Event {
	plain := t.plain()
	dst = d.text(dst, c, neutral.Thinking, plain)
	if t.details == nil && t.thinkingBlocks == nil {
		return dst
	}
	rest := thoughts{details: t.details, thinkingBlocks: t.thinkingBlocks}
	for _, b := range rest.appendBlocks(nil) {
		if b.Redacted {
			dst = d.whole(dst, c, neutral.Event{Block: neutral.Thinking, ToolID: b.ID, Redacted: true, Signature: b.Signature})
			continue
		}
		if !filled(plain) && (len(b.Signature) == 0 || !c.repeats(b.Text)) {
			dst = d.say(dst, c, neutral.Thinking, b.Text)
		}
		if len(b.Signature) > 0 {
			dst = d.grow(dst, c, neutral.Thinking)
			dst = append(dst, neutral.Event{
				Kind: neutral.SignatureDelta, Choice: c.number, Index: c.open, Block: neutral.Thinking, Text: b.Signature,
			})
			dst = d.closeText(dst, c)
		}
	}
	return dst
}

// parts takes an array of parts: content as some servers send it, or images.
func (d *decoder) parts(dst []neutral.Event, c *spoken, raw []byte) []neutral.Event {
	for _, b := range appendContent(nil, raw) {
		switch b.Kind {
		case neutral.Text, neutral.Thinking, neutral.Refusal:
			dst = d.say(dst, c, b.Kind, b.Text)
		case neutral.Image:
			media := b.Media
			dst = d.whole(dst, c, neutral.Event{Block: neutral.Image, Media: &media})
		}
	}
	return dst
}

func (d *decoder) annotations(dst []neutral.Event, c *spoken, raw []byte) []neutral.Event {
	list := translate.Elements(raw)
	for list.Next() {
		dst = d.grow(dst, c, neutral.Text)
		dst = append(dst, neutral.Event{
			Kind: neutral.AnnotationDelta, Choice: c.number, Index: c.open, Block: neutral.Text,
			Origin: New().Name(), Text: list.Value(),
		})
	}
	return dst
}

// call takes one element of tool_calls.
func (d *decoder) call(dst []neutral.Event, c *spoken, raw []byte) []neutral.Event {
	var from int64
	numbered := false
	var call neutral.Block
	o := translate.Members(raw)
	for o.Next() {
		switch string(o.Key()) {
		case "index":
			from, numbered = translate.Int(o.Value())
		case "id":
			call.ID = stringOf(o.Value())
		case "function", "custom":
			if o.Kind() == translate.KindObject {
				d.function(&call, o.Members(), string(o.Key()) == "custom")
			}
		case "extra_content":
			call.Signature = readThoughtSignature(o.Value())
		}
	}
	return d.callPiece(dst, c, from, numbered, &call)
}

// function reads the object with the name and the arguments. Some servers send
// both that of a function and that of a custom tool, one of them empty.
func (d *decoder) function(call *neutral.Block, o translate.Object, custom bool) {
	for o.Next() {
		switch string(o.Key()) {
		case "name":
			if filled(o.Value()) {
				call.Name, call.Custom = stringOf(o.Value()), custom
			}
		case "arguments", "input":
			switch o.Kind() {
			case translate.KindString:
				if filled(o.Value()) {
					call.Arguments = d.unquote(o.Value())
				}
			case translate.KindObject, translate.KindArray:
				call.Arguments = o.Value()
			}
		}
	}
}

// callPiece adds to the call that a piece belongs to. A call starts when its
// name is known; ids and names that are said again change nothing.
func (d *decoder) callPiece(dst []neutral.Event, c *spoken, from int64, numbered bool, piece *neutral.Block) []neutral.Event {
	call := c.find(from, numbered, piece)
	if call == nil {
		c.calls = append(c.calls, spokenCall{from: from, custom: piece.Custom})
		call = &c.calls[len(c.calls)-1]
		if !numbered {
			call.from = int64(len(c.calls) - 1)
		}
	}
	call.id = orElse(call.id, piece.ID)
	if piece.Signature != nil && !call.started {
		call.seal = append(call.seal[:0], piece.Signature...)
	}
	if call.stopped {
		return dst
	}
	if !call.started {
		if call.name = piece.Name; call.name == "" {
			call.waiting = append(call.waiting, piece.Arguments...)
			return dst
		}
		call.custom = piece.Custom
		dst = d.startCall(dst, c, call)
	}
	return d.arguments(dst, c, call, piece.Arguments)
}

// find returns the call that a piece belongs to, nil for a new one. Some
// servers leave the number out: then an id that is new starts a call, and a
// piece without id adds to the last one. Others give every call the number 0:
// then a whole call is followed by another id.
func (c *spoken) find(from int64, numbered bool, piece *neutral.Block) *spokenCall {
	for i := len(c.calls) - 1; i >= 0; i-- {
		call := &c.calls[i]
		switch {
		case numbered && call.from != from:
			continue
		case !numbered && piece.ID != "" && call.id != piece.ID:
			continue
		}
		another := numbered && piece.ID != "" && call.id != "" && piece.ID != call.id
		if another && piece.Name != "" && (call.stopped || call.balance.whole()) {
			return nil
		}
		return call
	}
	return nil
}

func (d *decoder) startCall(dst []neutral.Event, c *spoken, call *spokenCall) []neutral.Event {
	dst = d.closeWhole(dst, c)
	call.started, call.index = true, c.next
	c.next++
	if call.id == "" {
		call.id = neutral.MakeCallID(d.id, c.number, int(call.from))
	}
	start := neutral.Event{
		Kind: neutral.BlockStart, Choice: c.number, Index: call.index, Block: neutral.ToolUse,
		ToolID: call.id, Name: call.name, Custom: call.custom, Origin: New().Name(),
	}
	if call.seal != nil {
		start.Signature, start.Origin = call.seal, originGemini
	}
	dst = append(dst, start)
	waiting := call.waiting
	call.waiting = nil
	return d.arguments(dst, c, call, waiting)
}

func (d *decoder) arguments(dst []neutral.Event, c *spoken, call *spokenCall, text []byte) []neutral.Event {
	if len(text) == 0 {
		return dst
	}
	call.balance.add(text)
	return append(dst, neutral.Event{
		Kind: neutral.ArgumentsDelta, Choice: c.number, Index: call.index, Block: neutral.ToolUse, Text: text,
	})
}

// closeText closes the block that grows.
func (d *decoder) closeText(dst []neutral.Event, c *spoken) []neutral.Event {
	if c.open < 0 {
		return dst
	}
	dst = append(dst, neutral.Event{Kind: neutral.BlockStop, Choice: c.number, Index: c.open, Block: c.kind})
	c.open = -1
	return dst
}

// closeWhole closes what a new block ends: the text that grows, and the calls
// whose arguments are whole. Pieces of several calls may come in turns.
func (d *decoder) closeWhole(dst []neutral.Event, c *spoken) []neutral.Event {
	dst = d.closeText(dst, c)
	for i := range c.calls {
		if call := &c.calls[i]; call.started && !call.stopped && !call.custom && call.balance.whole() {
			dst = d.stopCall(dst, c, call)
		}
	}
	return dst
}

// closeAll closes everything. A call that has never got a name is none.
func (d *decoder) closeAll(dst []neutral.Event, c *spoken) []neutral.Event {
	dst = d.closeText(dst, c)
	for i := range c.calls {
		if call := &c.calls[i]; call.started && !call.stopped {
			dst = d.stopCall(dst, c, call)
		}
	}
	return dst
}

func (d *decoder) stopCall(dst []neutral.Event, c *spoken, call *spokenCall) []neutral.Event {
	call.stopped = true
	if !call.custom && !call.balance.begun {
		dst = d.arguments(dst, c, call, emptyArguments)
	}
	return append(dst, neutral.Event{Kind: neutral.BlockStop, Choice: c.number, Index: call.index, Block: neutral.ToolUse})
}

// balance tells when pieces of JSON have come to the end of an object.
type balance struct {
	depth           int
	begun, opened   bool
	quoted, escaped bool
}

func (b *balance) add(text []byte) {
	b.begun = true
	for _, c := range text {
		switch {
		case b.escaped:
			b.escaped = false
		case b.quoted:
			b.escaped = c == '\\'
			b.quoted = c != '"'
		case c == '"':
			b.quoted = true
		case c == '{' || c == '[':
			b.opened = true
			b.depth++
		case c == '}' || c == ']':
			b.depth--
		}
	}
}

func (b *balance) whole() bool { return b.opened && b.depth == 0 && !b.quoted }
