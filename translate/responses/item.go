package responses

import (
	"bytes"

	"github.com/ai-mcp-gateway/gateway/translate"
	"github.com/ai-mcp-gateway/gateway/translate/neutral"
)

// item is an element of a request's input or of a response's output, as it
// stands.
type item struct {
	raw              []byte
	kind, role       []byte // texts
	callID, name     []byte // texts, nil when they are none
	content, output  []byte // raw from here on
	arguments, input []byte
	summary, sealed  []byte
}

func scanItem(raw []byte) (it item, ok bool) {
	it.raw = raw
	o := translate.Members(raw)
	for o.Next() {
		switch v := given(o.Value()); string(o.Key()) {
		case "type":
			it.kind = text(v)
		case "role":
			it.role = text(v)
		case "call_id":
			it.callID = text(v)
		case "name":
			it.name = text(v)
		case "content":
			it.content = v
		case "output":
			it.output = v
		case "arguments":
			it.arguments = v
		case "input":
			it.input = v
		case "summary":
			it.summary = v
		case "encrypted_content":
			it.sealed = v
		}
	}
	return it, o.Complete()
}

// call reads a function_call or a custom_tool_call.
func (it *item) call() (neutral.Block, *flaw) {
	b := neutral.Block{
		Kind: neutral.ToolUse, ID: string(it.callID), Name: string(it.name),
		Custom: string(it.kind) == "custom_tool_call",
	}
	raw := it.arguments
	if b.Custom {
		raw = it.input
	}
	b.Arguments = raw // an object from a careless client
	if translate.KindOf(raw) == translate.KindString {
		b.Arguments = text(raw)
	}
	switch {
	case len(it.callID) == 0:
		return b, missing("call_id")
	case len(it.name) == 0:
		return b, missing("name")
	}
	return b, nil
}

// result reads a function_call_output or a custom_tool_call_output.
func (it *item) result() (neutral.Block, *flaw) {
	b := neutral.Block{
		Kind: neutral.ToolResult, ID: string(it.callID), Name: string(it.name),
		Custom: string(it.kind) == "custom_tool_call_output",
	}
	if len(it.callID) == 0 {
		return b, missing("call_id")
	}
	if translate.KindOf(it.output) == translate.KindObject { // from a careless client
		b.Content = []neutral.Block{{Kind: neutral.Text, Text: it.output}}
		return b, nil
	}
	var f *flaw
	b.Content, f = appendContent(nil, it.output)
	return b, f.in("output")
}

// thinking reads a reasoning item. ok is false for one with nothing in it, and
// for one that only carries the seal of the next call.
func (it *item) thinking() (b neutral.Block, s seal, ok bool) {
	s.origin = name
	if content := text(it.sealed); len(content) > 0 {
		s = readSeal(content)
	}
	b = neutral.Block{
		Kind: neutral.Thinking, Text: it.thoughts(),
		Signature: s.signature, Origin: s.origin,
	}
	b.Redacted = s.kind == sealRedacted || s.signature != nil && len(b.Text) == 0 && s.origin == name
	return b, s, s.kind != sealCall && (len(b.Text) > 0 || s.signature != nil)
}

// thoughts returns the summary or, without one, the reasoning itself.
func (it *item) thoughts() []byte {
	if summary := joinTexts(it.summary); len(summary) > 0 {
		return summary
	}
	return joinTexts(it.content)
}

// paragraph stands between the parts of a reasoning.
const paragraph = "\n\n"

func joinTexts(parts []byte) (joined []byte) {
	list := translate.Elements(parts)
	for k := 0; list.Next(); k++ {
		p := text(scanPart(list.Value()).text)
		switch k {
		case 0:
			joined = p
		default:
			joined = append(append(joined[:len(joined):len(joined)], paragraph...), p...)
		}
	}
	return joined
}

// foreign keeps an item that no other dialect has.
func (it *item) foreign() neutral.Block {
	return neutral.Block{Kind: neutral.Foreign, Raw: it.raw, Dialect: name, Origin: name}
}

// answers reports whether a foreign item is the client's word.
func (it *item) answers() bool {
	return bytes.HasSuffix(it.kind, []byte("_output")) || bytes.HasSuffix(it.kind, []byte("_response"))
}
