package bedrock

import (
	"bytes"

	"github.com/ai-mcp-gateway/gateway/translate"
	"github.com/ai-mcp-gateway/gateway/translate/neutral"
)

// ReadReply reads the answer of Converse. All it can it borrows from body.
func (*Dialect) ReadReply(_ translate.Op, body []byte, a *neutral.Reply) *translate.Error {
	var c neutral.Choice
	var f finish
	*a = neutral.Reply{}
	found := false
	o := translate.Members(body)
	for o.Next() {
		switch string(o.Key()) {
		case "output":
			found = readOutput(o.Members(), &c) || found
		case "stopReason":
			f.read(o.Value())
		case "usage":
			a.Usage = readUsage(o.Members())
		case "serviceTier":
			a.ServiceTier = readTier(o.Members())
		case "additionalModelResponseFields":
			f.readExtra(o.Members())
		}
	}
	switch {
	case !o.Complete():
		return translate.Errorf(translate.ProviderBadResponse, "", "The provider's answer is not one JSON object.")
	case !found:
		if f := readFault(body); f.kind != "" || f.message != "" {
			return f.toError(0)
		}
		return translate.Errorf(translate.ProviderBadResponse, "", "The provider's answer has no message.")
	}
	c.Finish, c.Native, c.StopSequence = f.reason(hasCalls(c.Blocks)), f.native, f.sequence
	a.Choices = []neutral.Choice{c}
	return nil
}

// readOutput reads output.message.content and reports whether it is there.
func readOutput(o translate.Object, c *neutral.Choice) (found bool) {
	for o.Next() {
		if string(o.Key()) != "message" {
			continue
		}
		message := o.Members()
		for message.Next() {
			if string(message.Key()) != "content" {
				continue
			}
			found = message.Kind() == translate.KindArray
			list := message.Elements()
			for list.Next() {
				c.Blocks = appendBlock(c.Blocks, list.Value())
			}
		}
	}
	return found
}

// appendBlock appends the block that is the element raw of a content.
func appendBlock(dst []neutral.Block, raw []byte) []neutral.Block {
	o := translate.Members(raw)
	for o.Next() {
		b := neutral.Block{Origin: name}
		switch key := string(o.Key()); key {
		case "text":
			b.Kind, b.Text = neutral.Text, textOf(o.Value())
		case "toolUse":
			if !readToolUse(o.Members(), &b) {
				b = foreign(raw)
			}
		case "reasoningContent":
			readReasoning(o.Members(), &b)
		case "citationsContent":
			readCitations(o.Members(), &b)
		case "guardContent":
			readGuarded(o.Members(), &b)
		case "image", "audio":
			readMedia(o.Members(), key, &b)
		case "cachePoint", "type":
			continue // type is not the API's; some repeat Anthropic's
		default:
			b = foreign(raw)
		}
		if b.Kind != 0 {
			dst = append(dst, b)
		}
	}
	return dst
}

func foreign(raw []byte) neutral.Block {
	return neutral.Block{Kind: neutral.Foreign, Raw: raw, Dialect: name, Origin: name}
}

// readToolUse reports false for the call of a tool that the provider runs
// itself. The tool that stands for the form of an answer is its text.
func readToolUse(o translate.Object, b *neutral.Block) bool {
	b.Kind = neutral.ToolUse
	for o.Next() {
		switch string(o.Key()) {
		case "toolUseId":
			b.ID = stringOf(o.Value())
		case "name":
			b.Name = stringOf(o.Value())
		case "input":
			b.Arguments = argumentsOf(o.Value())
		case "type":
			if string(o.Value()) == `"server_tool_use"` {
				return false
			}
		}
	}
	if b.Arguments == nil {
		b.Arguments = emptyObject
	}
	if b.Name == answerTool {
		*b = neutral.Block{Kind: neutral.Text, Text: b.Arguments, Origin: name}
	}
	return true
}

var emptyObject = []byte("{}")

// argumentsOf is a call's input; some models put their JSON in a string.
func argumentsOf(raw []byte) []byte {
	switch translate.KindOf(raw) {
	case translate.KindString:
		if text := textOf(raw); len(bytes.TrimSpace(text)) > 0 {
			return text
		}
		return emptyObject
	case translate.KindNone, translate.KindNull:
		return emptyObject
	default:
		return raw
	}
}

// readReasoning reads both forms: that of an answer has the text and its
// signature in reasoningText.
func readReasoning(o translate.Object, b *neutral.Block) {
	b.Kind = neutral.Thinking
	for o.Next() {
		switch string(o.Key()) {
		case "reasoningText":
			text := o.Members()
			for text.Next() {
				switch string(text.Key()) {
				case "text":
					b.Text = textOf(text.Value())
				case "signature":
					b.Signature = textOf(text.Value())
				}
			}
		case "redactedContent":
			b.Signature, b.Redacted = textOf(o.Value()), true
		}
	}
}

func readCitations(o translate.Object, b *neutral.Block) {
	b.Kind = neutral.Text
	for o.Next() {
		switch string(o.Key()) {
		case "content":
			list := o.Elements()
			for list.Next() {
				part := list.Members()
				for part.Next() {
					if string(part.Key()) == "text" {
						b.Text = append(bytes.Clone(b.Text), textOf(part.Value())...)
					}
				}
			}
		case "citations":
			if o.Kind() == translate.KindArray {
				b.Annotations = o.Value()
			}
		}
	}
}

func readGuarded(o translate.Object, b *neutral.Block) {
	for o.Next() {
		if string(o.Key()) != "text" {
			continue
		}
		text := o.Members()
		for text.Next() {
			if string(text.Key()) == "text" {
				b.Kind, b.Text = neutral.Text, textOf(text.Value())
			}
		}
	}
}

func readMedia(o translate.Object, kind string, b *neutral.Block) {
	b.Kind = neutral.Image
	if kind == "audio" {
		b.Kind = neutral.Audio
	}
	for o.Next() {
		switch string(o.Key()) {
		case "format":
			b.Media.MIME = kind + "/" + stringOf(o.Value())
		case "source":
			source := o.Members()
			for source.Next() {
				switch string(source.Key()) {
				case "bytes":
					b.Media.Data = textOf(source.Value())
				case "s3Location":
					b.Media.URL = readURI(source.Members())
				}
			}
		}
	}
}

func readURI(o translate.Object) (uri string) {
	for o.Next() {
		if string(o.Key()) == "uri" {
			uri = stringOf(o.Value())
		}
	}
	return uri
}

// textOf returns the text of a JSON string, borrowed where it holds no
// escapes; nil of anything else.
func textOf(raw []byte) []byte {
	if translate.KindOf(raw) != translate.KindString {
		return nil
	}
	if bytes.IndexByte(raw, '\\') < 0 {
		return raw[1 : len(raw)-1]
	}
	return translate.AppendText(make([]byte, 0, len(raw)), raw)
}

func hasCalls(blocks []neutral.Block) bool {
	for i := range blocks {
		if blocks[i].Kind == neutral.ToolUse {
			return true
		}
	}
	return false
}
