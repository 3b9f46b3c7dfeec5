package openai

import (
	"github.com/ai-mcp-gateway/gateway/translate"
	"github.com/ai-mcp-gateway/gateway/translate/neutral"
)

// NewEncoder returns the encoder of one stream: the chunks of a chat
// completion, or of a legacy completion.
func (*Dialect) NewEncoder(op translate.Op, q *neutral.Request) neutral.Encoder {
	frame := frame{op: op, asked: q.Usage}
	if op == translate.OpCompletion {
		return &textEncoder{frame: frame}
	}
	return &chatEncoder{frame: frame, q: q, legacy: legacy(q)}
}

// frame is what the chunks of a stream have in common.
type frame struct {
	op    translate.Op
	asked bool   // for usage, by the client
	start []byte // a chunk up to its first choice
	usage neutral.Usage
}

// begin appends a chunk up to the first choice.
func (f *frame) begin(dst []byte) []byte {
	if f.start == nil {
		f.setHead(&neutral.Event{})
	}
	return append(dst, f.start...)
}

// setHead takes what a Start says; a second one changes nothing.
func (f *frame) setHead(e *neutral.Event) {
	if f.start != nil {
		return
	}
	h := head{id: e.ID, model: e.Model, created: e.Created, tier: e.ServiceTier, fingerprint: e.Fingerprint}
	f.start = h.append([]byte("data: {"), f.op, chunkObject)
	f.start = append(f.start, `,"choices":[`...)
}

// close appends what follows a chunk's choices.
func (f *frame) close(dst []byte) []byte {
	if f.asked {
		return append(dst, "],\"usage\":null}\n\n"...)
	}
	return append(dst, "]}\n\n"...)
}

// end appends the usage, in a chunk of its own, and the mark of a good end.
func (f *frame) end(dst []byte) []byte {
	if f.asked && f.usage.Known {
		dst = append(f.begin(dst), `],"usage":`...)
		dst = append(appendUsage(dst, &f.usage), "}\n\n"...)
	}
	return append(dst, "data: [DONE]\n\n"...)
}

// Fail implements neutral.Encoder.
func (*frame) Fail(dst []byte, err *translate.Error) []byte {
	return New().AppendErrorEvent(dst, err)
}

// ping is a comment, which keeps a client from giving up on a silent stream.
const ping = ": ping\n\n"

// chatEncoder writes the chunks of a chat completion. Blocks may overlap:
// calls have an index of their own.
type chatEncoder struct {
	frame
	q       *neutral.Request
	legacy  bool
	choices []chatChoice
}

// chatChoice is the state of one choice.
type chatChoice struct {
	open     []chatBlock
	calls    int // how many have started
	thoughts int // how many elements of reasoning_details have gone out
	started  bool
	finished bool
}

// chatBlock is a block that has started and not stopped.
type chatBlock struct {
	index int // of the event
	call  int // of a ToolUse, its index in tool_calls
	// block has what is known of it; the text only of Thinking, which may
	// need it again, and of arguments that are held.
	block neutral.Block
	begun bool // arguments have gone out
	held  bool // arguments go out in the end, unwrapped
}

// Append implements neutral.Encoder.
func (s *chatEncoder) Append(dst []byte, e *neutral.Event) []byte {
	switch e.Kind {
	case neutral.Start:
		s.setHead(e)
		_, dst = s.choice(dst, 0)
		return dst
	case neutral.UsageReport:
		s.usage = e.Usage
		return dst
	case neutral.Ping:
		return append(dst, ping...)
	case neutral.End:
		for i := range s.choices {
			dst = s.finish(dst, &neutral.Event{Choice: i})
		}
		return s.end(dst)
	}
	if e.Choice < 0 || e.Choice >= maxChoices {
		return dst
	}
	c, dst := s.choice(dst, e.Choice)
	switch e.Kind {
	case neutral.BlockStart:
		return s.startBlock(dst, c, e)
	case neutral.BlockStop:
		return s.stopBlock(dst, c, e.Choice, e.Index)
	case neutral.LogprobsDelta:
		dst = append(s.openChoice(dst, e.Choice), `},"logprobs":`...)
		return s.closeChoice(appendCompact(dst, e.Text))
	case neutral.Finished:
		return s.finish(dst, e)
	default:
		return s.delta(dst, c, e)
	}
}

// choice returns the state of a choice, and appends its role when it is new.
func (s *chatEncoder) choice(dst []byte, index int) (*chatChoice, []byte) {
	for len(s.choices) <= index {
		s.choices = append(s.choices, chatChoice{})
	}
	c := &s.choices[index]
	if !c.started {
		c.started = true
		dst = append(s.openChoice(dst, index), `"role":"assistant","content":""`...)
		dst = s.closeDelta(dst)
	}
	return c, dst
}

// openChoice appends a chunk up to the first member of its delta.
func (s *chatEncoder) openChoice(dst []byte, choice int) []byte {
	dst = append(s.begin(dst), `{"index":`...)
	return append(appendInt(dst, int64(choice)), `,"delta":{`...)
}

// closeDelta appends what follows the last member of a delta.
func (s *chatEncoder) closeDelta(dst []byte) []byte {
	return s.closeChoice(append(dst, '}'))
}

func (s *chatEncoder) closeChoice(dst []byte) []byte {
	return s.close(append(dst, `,"finish_reason":null}`...))
}

// find returns the open block of the event's index, or nil.
func (c *chatChoice) find(index int) *chatBlock {
	for i := len(c.open) - 1; i >= 0; i-- {
		if c.open[i].index == index {
			return &c.open[i]
		}
	}
	return nil
}

func (s *chatEncoder) startBlock(dst []byte, c *chatChoice, e *neutral.Event) []byte {
	dst = s.stopBlock(dst, c, e.Choice, e.Index)
	c.open = append(c.open, chatBlock{index: e.Index, block: neutral.Block{
		Kind: e.Block, ID: e.ToolID, Name: e.Name, Custom: e.Custom,
		Signature: append([]byte(nil), e.Signature...), Redacted: e.Redacted, Origin: e.Origin,
	}})
	b := &c.open[len(c.open)-1]
	switch {
	case e.Block == neutral.ToolUse:
		return s.startCall(dst, c, b, e.Choice)
	case e.Block == neutral.Image && e.Media != nil:
		dst = append(s.openChoice(dst, e.Choice), `"images":[`...)
		return s.closeDelta(append(appendImage(dst, e.Media), ']'))
	}
	return dst
}

// startCall appends the chunk that announces a call. Legacy functions have
// room for the first one.
func (s *chatEncoder) startCall(dst []byte, c *chatChoice, b *chatBlock, choice int) []byte {
	b.call = c.calls
	c.calls++
	if s.legacy {
		if b.call > 0 {
			return dst
		}
		dst = append(s.openChoice(dst, choice), `"function_call":`...)
		return s.closeDelta(appendFunction(dst, b.block.Name, nil))
	}
	if b.held = !b.block.Custom && isCustom(s.q, b.block.Name); b.held {
		b.block.Custom = true
	}
	dst = s.openCall(dst, b, choice)
	dst = appendMember(dst, `,"id":`, callID(b.block.ID, b.block.Name, choice, b.call))
	if b.block.Custom {
		dst = appendMember(dst, `,"type":"custom","custom":{"name":`, b.block.Name)
		dst = append(dst, `,"input":""}`...)
	} else {
		dst = append(dst, `,"type":"function","function":`...)
		dst = appendFunction(dst, b.block.Name, nil)
		dst = appendSignature(dst, b.block.Signature, b.block.Origin)
	}
	dst = s.closeDelta(append(dst, "}]"...))
	if sealed(&b.block) {
		dst = s.thought(dst, c, &b.block, choice)
	}
	return dst
}

// openCall appends a chunk up to the second member of the element of
// tool_calls for b.
func (s *chatEncoder) openCall(dst []byte, b *chatBlock, choice int) []byte {
	dst = append(s.openChoice(dst, choice), `"tool_calls":[{"index":`...)
	return appendInt(dst, int64(b.call))
}

// thought appends an element of reasoning_details.
func (s *chatEncoder) thought(dst []byte, c *chatChoice, b *neutral.Block, choice int) []byte {
	dst = append(s.openChoice(dst, choice), `"reasoning_details":[`...)
	dst = appendThought(dst, b, c.thoughts)
	c.thoughts++
	return s.closeDelta(append(dst, ']'))
}

// delta appends a piece of a block.
func (s *chatEncoder) delta(dst []byte, c *chatChoice, e *neutral.Event) []byte {
	b := c.find(e.Index)
	if b == nil || len(e.Text) == 0 {
		return dst
	}
	switch e.Kind {
	case neutral.SignatureDelta:
		b.block.Signature = append(b.block.Signature, e.Text...)
		return dst
	case neutral.AnnotationDelta:
		return s.annotation(dst, e)
	case neutral.ArgumentsDelta:
		if b.held {
			b.block.Arguments = append(b.block.Arguments, e.Text...)
			return dst
		}
		return s.arguments(dst, b, e.Choice, e.Text)
	}
	var key string
	switch b.block.Kind {
	case neutral.Text:
		key = `"content":`
	case neutral.Refusal:
		key = `"refusal":`
	case neutral.Thinking:
		key = `"reasoning_content":`
		b.block.Text = append(b.block.Text, e.Text...)
	default:
		return dst
	}
	dst = append(s.openChoice(dst, e.Choice), key...)
	return s.closeDelta(translate.AppendString(dst, e.Text))
}

func (s *chatEncoder) annotation(dst []byte, e *neutral.Event) []byte {
	start := len(dst)
	dst = append(s.openChoice(dst, e.Choice), `"annotations":[`...)
	mark := len(dst)
	if dst = appendAnnotation(dst, e.Text); len(dst) == mark {
		return dst[:start]
	}
	return s.closeDelta(append(dst, ']'))
}

// arguments appends a piece of a call's arguments.
func (s *chatEncoder) arguments(dst []byte, b *chatBlock, choice int, text []byte) []byte {
	b.begun = true
	if s.legacy {
		if b.call > 0 {
			return dst
		}
		dst = append(s.openChoice(dst, choice), `"function_call":{"arguments":`...)
		return s.closeDelta(append(translate.AppendString(dst, text), '}'))
	}
	dst = s.openCall(dst, b, choice)
	if b.block.Custom {
		dst = append(dst, `,"custom":{"input":`...)
	} else {
		dst = append(dst, `,"function":{"arguments":`...)
	}
	return s.closeDelta(append(translate.AppendString(dst, text), "}}]"...))
}

// stopBlock appends what a block still lacks: its seal, its arguments.
func (s *chatEncoder) stopBlock(dst []byte, c *chatChoice, choice, index int) []byte {
	b := c.find(index)
	if b == nil {
		return dst
	}
	switch {
	case b.block.Kind == neutral.Thinking && sealed(&b.block):
		dst = s.thought(dst, c, &b.block, choice)
	case b.block.Kind != neutral.ToolUse:
	case b.held:
		dst = s.arguments(dst, b, choice, customInput(b.block.Arguments))
	case !b.begun && !b.block.Custom:
		dst = s.arguments(dst, b, choice, emptyArguments)
	}
	for i := range c.open {
		if &c.open[i] == b {
			c.open = append(c.open[:i], c.open[i+1:]...)
			break
		}
	}
	return dst
}

// finish ends a choice, once.
func (s *chatEncoder) finish(dst []byte, e *neutral.Event) []byte {
	c := &s.choices[e.Choice]
	if c.finished {
		return dst
	}
	c.finished = true
	for len(c.open) > 0 {
		dst = s.stopBlock(dst, c, e.Choice, c.open[0].index)
	}
	_, dst = s.choice(dst, e.Choice)
	dst = append(s.openChoice(dst, e.Choice), '}')
	dst = appendFinish(dst, finishWord(e.Finish, c.calls > 0, s.legacy), e.Native)
	return s.close(append(dst, '}'))
}
