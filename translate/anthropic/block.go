package anthropic

import (
	"bytes"

	"github.com/ai-mcp-gateway/gateway/translate"
	"github.com/ai-mcp-gateway/gateway/translate/neutral"
)

// fields are the raw members of a content block; nil when absent or null.
type fields struct {
	kind, text, source, id, name, input []byte
	toolUseID, content, isError         []byte
	thinking, signature, data           []byte
	cache, citations, title, context    []byte
}

// readFields reads the block that o is at.
func readFields(o translate.Object) (f fields) {
	for o.Next() {
		if o.Kind() == translate.KindNull {
			continue
		}
		switch v := o.Value(); string(o.Key()) {
		case "type":
			f.kind = unquoted(v)
		case "text":
			f.text = v
		case "source":
			f.source = v
		case "id":
			f.id = v
		case "name":
			f.name = v
		case "input":
			f.input = v
		case "tool_use_id":
			f.toolUseID = v
		case "content":
			f.content = v
		case "is_error":
			f.isError = v
		case "thinking":
			f.thinking = v
		case "signature":
			f.signature = v
		case "data":
			f.data = v
		case "cache_control":
			f.cache = v
		case "citations":
			f.citations = v
		case "title":
			f.title = v
		case "context":
			f.context = v
		}
	}
	return f
}

// arena holds the texts whose escapes had to be undone. What it has handed
// out stays as it is when it grows.
type arena []byte

// text returns the text of the raw string, borrowed where it has no escapes;
// nil for what is no string.
func (a *arena) text(raw []byte) []byte {
	if translate.KindOf(raw) != translate.KindString {
		return nil
	}
	if bytes.IndexByte(raw, '\\') < 0 {
		return raw[1 : len(raw)-1]
	}
	start := len(*a)
	*a = translate.AppendText(*a, raw)
	return (*a)[start:len(*a):len(*a)]
}

// unquoted returns what stands between the quotes of a raw string.
func unquoted(raw []byte) []byte {
	if translate.KindOf(raw) != translate.KindString {
		return nil
	}
	return raw[1 : len(raw)-1]
}

// textOf returns the text of a raw string, "" of anything else.
func textOf(raw []byte) string {
	var a arena
	return string(a.text(raw))
}

// filledArray reports whether raw is an array with something in it.
func filledArray(raw []byte) bool {
	list := translate.Elements(raw)
	return translate.KindOf(raw) == translate.KindArray && list.Next()
}

// answerTool is the name of the tool that stands in for an answer by schema
// where the model has no such thing. It is reserved: a call of it is text, so
// nobody has to remember which request asked for it.
const answerTool = "gateway_structured_answer"

// block makes a block of an answer from f; raw is the whole of it.
func (a *arena) block(f *fields, raw []byte) neutral.Block {
	switch string(f.kind) {
	case "text":
		b := neutral.Block{Kind: neutral.Text, Text: a.text(f.text), Origin: name}
		if filledArray(f.citations) {
			b.Annotations = f.citations
		}
		return b
	case "thinking":
		return neutral.Block{Kind: neutral.Thinking, Text: a.text(f.thinking), Signature: a.text(f.signature), Origin: name}
	case "redacted_thinking":
		return neutral.Block{Kind: neutral.Thinking, Signature: a.text(f.data), Redacted: true, Origin: name}
	case "tool_use":
		if string(unquoted(f.name)) == answerTool {
			return neutral.Block{Kind: neutral.Text, Text: f.input, Origin: name}
		}
		return neutral.Block{Kind: neutral.ToolUse, ID: textOf(f.id), Name: textOf(f.name), Arguments: f.input, Origin: name}
	default:
		return neutral.Block{Kind: neutral.Foreign, Raw: raw, Dialect: name, Origin: name}
	}
}
