package anthropic

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"strings"

	"github.com/ai-mcp-gateway/gateway/translate"
	"github.com/ai-mcp-gateway/gateway/translate/neutral"
)

// messages reads the turns. System turns before the first of another role
// join the instructions.
func (p *reader) messages(raw []byte) *translate.Error {
	if translate.KindOf(raw) != translate.KindArray {
		return wrong("messages", "an array")
	}
	list := translate.Elements(raw)
	for i := 0; list.Next(); i++ {
		if list.Kind() != translate.KindObject {
			return wrong(fmt.Sprintf("messages[%d]", i), "an object")
		}
		if err := p.message(list.Members()); err != nil {
			return under(err, "messages[%d]", i)
		}
	}
	return nil
}

func (p *reader) message(o translate.Object) *translate.Error {
	var role, content []byte
	for o.Next() {
		switch string(o.Key()) {
		case "role":
			role = unquoted(o.Value())
		case "content":
			content = o.Value()
		}
	}
	turn := neutral.Turn{}
	switch string(role) {
	case "user":
		turn.Role = neutral.User
	case "assistant":
		turn.Role = neutral.Assistant
	case "system":
		turn.Role = neutral.System
	default:
		return wrong("role", "user, assistant or system")
	}
	if content == nil {
		return &translate.Error{Code: translate.CallerMissingField, Param: "content", Message: "A message has no content."}
	}
	var err *translate.Error
	if turn.Blocks, err = p.content(content, turn.Role); err != nil {
		return under(err, "content")
	}
	if turn.Role == neutral.System && len(p.q.Turns) == 0 {
		p.q.System = append(p.q.System, turn.Blocks...)
		return nil
	}
	p.q.Turns = append(p.q.Turns, turn)
	return nil
}

// content reads a text or an array of blocks, in a turn of role. The content
// of a tool's result has the role 0.
func (p *reader) content(raw []byte, role neutral.Role) ([]neutral.Block, *translate.Error) {
	var blocks []neutral.Block
	switch translate.KindOf(raw) {
	case translate.KindString:
		if text := p.texts.text(raw); len(text) > 0 {
			blocks = append(blocks, neutral.Block{Kind: neutral.Text, Text: text})
		}
	case translate.KindNull:
	case translate.KindArray:
		list := translate.Elements(raw)
		for i := 0; list.Next(); i++ {
			if list.Kind() != translate.KindObject {
				return nil, wrong(fmt.Sprintf("[%d]", i), "an object")
			}
			b, err := p.block(list.Value(), role)
			if err != nil {
				return nil, under(err, "[%d]", i)
			}
			if b.Kind != 0 {
				blocks = append(blocks, b)
			}
		}
	default:
		return nil, wrong("", "a string or an array")
	}
	return blocks, nil
}

// block reads a block. Its Kind is 0 when it is nothing but a seal.
func (p *reader) block(raw []byte, role neutral.Role) (neutral.Block, *translate.Error) {
	f := readFields(translate.Members(raw))
	var b neutral.Block
	var err *translate.Error
	switch string(f.kind) {
	case "":
		return b, wrong("type", "a string")
	case "text":
		if b, err = p.text(&f); err != nil {
			return b, err
		}
	case "image":
		b, err = p.media(neutral.Image, &f, raw)
	case "document":
		b, err = p.media(neutral.File, &f, raw)
	case "tool_use":
		b, err = p.toolUse(&f)
	case "tool_result":
		b, err = p.toolResult(&f)
	case "thinking", "redacted_thinking":
		return p.thought(&f, raw), nil
	default:
		b = neutral.Block{Kind: neutral.Foreign, Raw: raw, Dialect: name, Origin: name}
	}
	if err == nil && role == neutral.System && b.Kind != neutral.Text && b.Kind != neutral.Foreign {
		err = wrong("type", "text")
	}
	b.Breakpoint = breakpoint(f.cache)
	return b, err
}

func (p *reader) text(f *fields) (neutral.Block, *translate.Error) {
	if translate.KindOf(f.text) != translate.KindString {
		return neutral.Block{}, wrong("text", "a string")
	}
	b := neutral.Block{Kind: neutral.Text, Text: p.texts.text(f.text)}
	if filledArray(f.citations) {
		b.Annotations, b.Origin = f.citations, name
	}
	return b, nil
}

// media reads an image or a document by its source. A document of blocks has
// no neutral form.
func (p *reader) media(kind neutral.BlockKind, f *fields, raw []byte) (neutral.Block, *translate.Error) {
	b := neutral.Block{Kind: kind}
	var source, url, data, file, mime []byte
	o := translate.Members(f.source)
	for o.Next() {
		switch v := o.Value(); string(o.Key()) {
		case "type":
			source = unquoted(v)
		case "url":
			url = v
		case "data":
			data = v
		case "file_id":
			file = v
		case "media_type":
			mime = v
		}
	}
	b.Media.MIME, b.Media.Name = strings.ToLower(textOf(mime)), textOf(f.title)
	switch string(source) {
	case "url":
		b.Media.URL = textOf(url)
	case "file":
		b.Media.FileID = textOf(file)
	case "text":
		b.Media.Data = base64.StdEncoding.AppendEncode(nil, p.texts.text(data))
	case "base64":
		if err := p.base64(&b.Media, data); err != nil {
			return b, err
		}
	case "content":
		return neutral.Block{Kind: neutral.Foreign, Raw: raw, Dialect: name, Origin: name}, nil
	default:
		return b, wrong("source.type", "base64, url, file, text or content")
	}
	if b.Media.URL == "" && b.Media.FileID == "" && b.Media.Data == nil {
		return b, wrong("source", "an object with the "+string(source))
	}
	if f.context != nil {
		p.extra("messages[].content[].context", f.context)
	}
	if bytes.Contains(f.citations, []byte("true")) {
		p.extra("messages[].content[].citations", f.citations)
	}
	return b, nil
}

// base64 fills m from a source's data, by the lenient way of data: URLs.
func (p *reader) base64(m *neutral.Media, data []byte) *translate.Error {
	url := append([]byte("data:"+m.MIME+";base64,"), p.texts.text(data)...)
	kept := m.Name
	if !m.ParseDataURL(url) {
		return wrong("source.data", "base64")
	}
	m.Name = kept
	return nil
}

func (p *reader) toolUse(f *fields) (neutral.Block, *translate.Error) {
	b := neutral.Block{Kind: neutral.ToolUse, ID: textOf(f.id), Name: textOf(f.name), Arguments: f.input}
	switch {
	case b.ID == "":
		return b, wrong("id", "a string that is not empty")
	case b.Name == "":
		return b, wrong("name", "a string that is not empty")
	}
	if translate.KindOf(f.input) == translate.KindString { // sloppy clients send what OpenAI's do
		b.Arguments = p.texts.text(f.input)
	}
	b.Signature, b.Origin = p.seal.Signature, p.seal.Origin
	p.seal = neutral.Block{}
	p.calls = append(p.calls, call{unquoted(f.id), b.Name})
	return b, nil
}

// maxCalls is how many calls are looked through for that of a result. It is
// among the last ones, unless the history is broken.
const maxCalls = 128

func (p *reader) toolResult(f *fields) (neutral.Block, *translate.Error) {
	b := neutral.Block{Kind: neutral.ToolResult, ID: textOf(f.toolUseID), Failed: string(f.isError) == "true"}
	if b.ID == "" {
		return b, wrong("tool_use_id", "a string that is not empty")
	}
	id := unquoted(f.toolUseID)
	for i := len(p.calls) - 1; i >= max(0, len(p.calls)-maxCalls); i-- {
		if bytes.Equal(p.calls[i].id, id) {
			b.Name = p.calls[i].name
			break
		}
	}
	if f.content == nil {
		return b, nil
	}
	var err *translate.Error
	b.Content, err = p.content(f.content, 0)
	return b, under(err, "content")
}

// thought reads thinking, whose signature may tell that another provider has
// made it.
func (p *reader) thought(f *fields, raw []byte) neutral.Block {
	b := p.texts.block(f, raw)
	if origin, seal, ok := untag(b.Signature, callTag); ok && b.Redacted {
		p.seal = neutral.Block{Signature: seal, Origin: origin}
		return neutral.Block{}
	}
	if origin, signature, ok := untag(b.Signature, thinkTag); ok {
		b.Origin, b.Signature = origin, signature
	}
	return b
}
