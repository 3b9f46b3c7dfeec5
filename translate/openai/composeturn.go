package openai

import (
	"github.com/ai-mcp-gateway/gateway/translate"
	"github.com/ai-mcp-gateway/gateway/translate/neutral"
)

// attached is media that came in results of tools. A tool's message has room
// for text only, so it follows in a user's message after the last of them.
type attached struct {
	blocks []neutral.Block
}

// messages appends the elements of messages.
func (c *composer) messages(dst []byte) ([]byte, *translate.Error) {
	system, turns := neutral.Arrange(c.q, neutral.Rules{
		ResultsFirst: true, Pair: true, MidSystem: c.t.Traits.System == "first",
	})
	c.failures()
	start := len(dst)
	if len(system) > 0 {
		dst = c.system(dst, system)
	}
	var err *translate.Error
	for i := range turns {
		turn := &turns[i]
		mark := len(dst)
		if mark > start {
			dst = append(dst, ',')
		}
		body := len(dst)
		switch turn.Role {
		case neutral.System:
			c.afterTool = false
			dst = c.system(dst, turn.Blocks)
		case neutral.Assistant:
			c.afterTool = false
			dst = c.assistant(dst, turn)
		default:
			dst, err = c.user(dst, turn)
		}
		if err != nil {
			return nil, err
		}
		if len(dst) == body {
			dst = dst[:mark]
		}
	}
	return dst, nil
}

// failures notes that a result cannot be marked as failed: its text has to
// tell. Results that have been made up do tell, and are nothing of the
// client's.
func (c *composer) failures() {
	for i := range c.q.Turns {
		for j := range c.q.Turns[i].Blocks {
			if c.q.Turns[i].Blocks[j].Failed {
				c.drops.Add("messages[].is_error")
			}
		}
	}
}

// system appends one message: many servers take no more than one, and only a
// string.
func (c *composer) system(dst []byte, blocks []neutral.Block) []byte {
	c.marks(blocks)
	dst = append(dst, `{"role":"system","content":`...)
	dst = translate.AppendString(dst, neutral.JoinText(blocks, "\n\n"))
	return append(dst, '}')
}

// marks notes that breakpoints of a cache get lost.
func (c *composer) marks(blocks []neutral.Block) {
	for i := range blocks {
		if blocks[i].Breakpoint.Set {
			c.drops.Add("messages[].content[].cache_control")
		}
	}
}

// user appends the messages of a user's turn: one for each result of a tool,
// then one with the rest.
func (c *composer) user(dst []byte, turn *neutral.Turn) ([]byte, *translate.Error) {
	c.marks(turn.Blocks)
	c.attached.blocks = c.attached.blocks[:0]
	start, rest := len(dst), 0
	for i := range turn.Blocks {
		b := &turn.Blocks[i]
		if b.Kind != neutral.ToolResult {
			rest++
			continue
		}
		if len(dst) > start {
			dst = append(dst, ',')
		}
		dst = c.result(dst, b)
		c.afterTool = true
	}
	if results := len(dst) > start; results && rest == 0 && len(c.attached.blocks) == 0 {
		return dst, nil
	} else if results {
		dst = append(dst, ',')
	}
	if c.afterTool && c.t.Traits.Answered {
		dst = append(dst, `{"role":"assistant","content":"OK"},`...)
	}
	c.afterTool = false
	dst = append(dst, `{"role":"user","content":`...)
	dst, err := c.content(dst, turn.Blocks)
	if err != nil {
		return nil, err
	}
	return append(c.name(dst, turn.Name), '}'), nil
}

// name appends the speaker's.
func (c *composer) name(dst []byte, name string) []byte {
	const path = "messages[].name"
	switch {
	case name == "":
		return dst
	case !c.t.Traits.Takes(path):
		c.drops.Add(path)
		return dst
	}
	return appendMember(dst, `,"name":`, name)
}

// result appends the message of one result.
func (c *composer) result(dst []byte, b *neutral.Block) []byte {
	c.marks(b.Content)
	labelled := false
	for i := range b.Content {
		if !isMedia(&b.Content[i]) {
			continue
		}
		if !labelled {
			label := append([]byte("Content of the result of "), b.ID...)
			c.attached.blocks = append(c.attached.blocks, neutral.Block{Kind: neutral.Text, Text: append(label, ':')})
			labelled = true
		}
		c.attached.blocks = append(c.attached.blocks, b.Content[i])
	}
	dst = appendMember(dst, `{"role":"tool","tool_call_id":`, neutral.CallID(b.ID, c.t.Traits.ToolIDs))
	dst = append(dst, `,"content":`...)
	dst = translate.AppendString(dst, neutral.JoinText(b.Content, "\n"))
	return append(dst, '}')
}

func isMedia(b *neutral.Block) bool {
	return b.Kind == neutral.Image || b.Kind == neutral.Audio || b.Kind == neutral.File
}

// content appends the content of a user's message: what came with results,
// then the turn's own. A single text is a string, which every server takes.
func (c *composer) content(dst []byte, blocks []neutral.Block) ([]byte, *translate.Error) {
	var only *neutral.Block
	parts := len(c.attached.blocks)
	for i := range blocks {
		if b := &blocks[i]; b.Kind != neutral.ToolResult {
			only = b
			parts++
		}
	}
	switch {
	case parts == 0:
		return append(dst, `""`...), nil
	case parts == 1 && only != nil && only.Kind == neutral.Text:
		return translate.AppendString(dst, only.Text), nil
	}
	separator := byte('[')
	for _, list := range [...][]neutral.Block{c.attached.blocks, blocks} {
		for i := range list {
			b := &list[i]
			if b.Kind == neutral.ToolResult {
				continue
			}
			var err *translate.Error
			if dst, err = c.part(append(dst, separator), b); err != nil {
				return nil, err
			}
			separator = ','
		}
	}
	return append(dst, ']'), nil
}

// part appends one part of a user's content.
func (c *composer) part(dst []byte, b *neutral.Block) ([]byte, *translate.Error) {
	m := &b.Media
	switch b.Kind {
	case neutral.Image:
		if m.URL != "" && c.t.Traits.NoURLs {
			return nil, neutral.Unsupported("messages", "This provider takes images as data only, not from %q.", m.URL)
		}
		if m.URL == "" && m.Data == nil {
			return nil, neutral.Unsupported("messages", "This provider does not have the image %q.", m.FileID)
		}
		return appendImage(dst, m), nil
	case neutral.Audio:
		if m.Data == nil {
			return nil, neutral.Unsupported("messages", "This provider takes audio as data only, not from %q.", orElse(m.URL, m.FileID))
		}
		dst = append(dst, `{"type":"input_audio","input_audio":{"data":`...)
		dst = translate.AppendString(dst, m.Data)
		return append(appendMember(dst, `,"format":`, audioFormat(m.MIME)), "}}"...), nil
	case neutral.File:
		return appendFile(dst, m)
	case neutral.Foreign:
		return nil, neutral.Unsupported("messages", "This provider has no such content as that of %q.", b.Dialect)
	}
	dst = translate.AppendString(append(dst, `{"type":"text","text":`...), b.Text)
	return append(dst, '}'), nil
}

// appendImage appends a part with an image.
func appendImage(dst []byte, m *neutral.Media) []byte {
	dst = append(dst, `{"type":"image_url","image_url":{"url":`...)
	dst = appendURL(dst, m)
	if m.Detail != "" {
		dst = appendMember(dst, `,"detail":`, m.Detail)
	}
	return append(dst, "}}"...)
}

func appendURL(dst []byte, m *neutral.Media) []byte {
	if m.Data == nil {
		return translate.AppendString(dst, []byte(m.URL))
	}
	dst = m.AppendDataURL(append(dst, '"')) // it has nothing to escape
	return append(dst, '"')
}

func appendFile(dst []byte, m *neutral.Media) ([]byte, *translate.Error) {
	switch {
	case m.FileID != "":
		dst = appendMember(dst, `{"type":"file","file":{"file_id":`, m.FileID)
		return append(dst, "}}"...), nil
	case m.Data == nil:
		return nil, neutral.Unsupported("messages", "This provider takes files as data only, not from %q.", m.URL)
	}
	dst = append(dst, `{"type":"file","file":{"file_data":`...)
	dst = appendURL(dst, m)
	dst = appendMember(dst, `,"filename":`, orElse(m.Name, "file")) // data must have one
	return append(dst, "}}"...), nil
}

// assistant appends what the model has said. Its content is a string, or null
// beside calls.
func (c *composer) assistant(dst []byte, turn *neutral.Turn) []byte {
	c.marks(turn.Blocks)
	m := contentOf(turn.Blocks)
	for i := range turn.Blocks {
		if b := &turn.Blocks[i]; b.Kind == neutral.Foreign || isMedia(b) {
			c.drops.Add("messages[].content[]")
		}
	}
	refusal := len(m.refusal) > 0 && c.t.Traits.Takes("messages[].refusal")
	if !refusal {
		m.text = join(m.text, m.refusal)
	}
	if m.calls == 0 && len(m.text) == 0 && !refusal && len(turn.Blocks) > 0 && m.texts == 0 {
		return dst // thoughts of another model, or blocks of another dialect
	}
	dst = append(dst, `{"role":"assistant","content":`...)
	if len(m.text) == 0 && (m.calls > 0 || refusal) {
		dst = append(dst, null...)
	} else {
		dst = translate.AppendString(dst, m.text)
	}
	if refusal {
		dst = translate.AppendString(append(dst, `,"refusal":`...), m.refusal)
	}
	if c.t.Traits.Reasoned {
		dst = translate.AppendString(append(dst, `,"reasoning_content":`...), ownThinking(turn.Blocks))
	}
	if m.calls > 0 {
		dst = c.calls(append(dst, `,"tool_calls":[`...), turn.Blocks)
	}
	return append(c.name(dst, turn.Name), '}')
}

// ownThinking is the thinking that no other dialect has made.
func ownThinking(blocks []neutral.Block) (text []byte) {
	for i := range blocks {
		if b := &blocks[i]; b.Kind == neutral.Thinking && (b.Origin == "" || b.Origin == New().Name()) {
			text = join(text, b.Text)
		}
	}
	return text
}

func (c *composer) calls(dst []byte, blocks []neutral.Block) []byte {
	separator := ""
	for i := range blocks {
		b := &blocks[i]
		if b.Kind != neutral.ToolUse {
			continue
		}
		dst = append(dst, separator...)
		separator = ","
		dst = appendMember(dst, `{"id":`, neutral.CallID(b.ID, c.t.Traits.ToolIDs))
		name := c.names.Out(b.Name)
		if b.Custom && c.t.Traits.Takes("tools[].custom") {
			dst = appendMember(dst, `,"type":"custom","custom":{"name":`, name)
			dst = translate.AppendString(append(dst, `,"input":`...), b.Arguments)
			dst = append(dst, "}}"...)
			continue
		}
		arguments := b.Arguments
		if b.Custom {
			arguments = neutral.ArgumentsObject(b)
		}
		dst = append(dst, `,"type":"function","function":`...)
		dst = append(appendFunction(dst, name, callArguments(arguments)), '}')
	}
	return append(dst, ']')
}
