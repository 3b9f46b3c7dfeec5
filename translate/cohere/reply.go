package cohere

import (
	"bytes"

	"github.com/ai-mcp-gateway/gateway/translate"
	"github.com/ai-mcp-gateway/gateway/translate/neutral"
)

// ReadReply reads a whole answer. What can be borrowed from body is. An error
// that came with a status of success is returned as ReadError reads it.
func (d *Dialect) ReadReply(_ translate.Op, body []byte, a *neutral.Reply) *translate.Error {
	*a = neutral.Reply{}
	var message, finish []byte
	said := false
	o := translate.Members(body)
	for o.Next() {
		switch v := o.Value(); string(o.Key()) {
		case "id":
			a.ID = textOf(v)
		case "message":
			message = v
			said = o.Kind() == translate.KindString
		case "finish_reason":
			finish = v
		case "usage":
			a.Usage = readUsage(v)
		case "error":
			said = said || o.Kind() != translate.KindNull
		}
	}
	switch {
	case !o.Complete():
		return badResponse("The provider's answer is not one JSON object.")
	case said:
		return d.ReadError(200, body)
	case translate.KindOf(message) != translate.KindObject:
		return badResponse("The provider's answer has no message.")
	}
	blocks, calls := readMessage(message, a.ID)
	native := textOf(finish)
	if native == "ERROR" && len(blocks) == 0 {
		return failed()
	}
	a.Choices = []neutral.Choice{{Blocks: blocks, Native: native, Finish: finishOf(native, calls)}}
	return nil
}

func badResponse(message string) *translate.Error {
	return &translate.Error{Code: translate.ProviderBadResponse, Message: message}
}

// failed is the error of an answer whose only content is that it failed.
func failed() *translate.Error {
	return &translate.Error{Code: translate.ProviderFailed, Message: "The provider could not finish the answer."}
}

// readMessage reads the message of a whole answer: what the model thought and
// said, its plan, and its calls.
func readMessage(raw []byte, seed string) (blocks []neutral.Block, calls bool) {
	var content, plan, list, citations []byte
	o := translate.Members(raw)
	for o.Next() {
		switch v := o.Value(); string(o.Key()) {
		case "content":
			content = v
		case "tool_plan":
			plan = v
		case "tool_calls":
			list = v
		case "citations":
			citations = v
		}
	}
	blocks = readContent(blocks, content, citations)
	if text := textBytes(plan); len(text) > 0 {
		blocks = append(blocks, neutral.Block{Kind: neutral.Thinking, Text: text, Origin: name})
	}
	said := len(blocks)
	for e := translate.Elements(list); e.Next(); {
		c := readCall(e.Value())
		b := neutral.Block{Kind: neutral.ToolUse, ID: c.id, Name: c.name, Arguments: textBytes(c.arguments), Origin: name}
		if b.ID == "" {
			b.ID = neutral.MakeCallID(seed, 0, len(blocks)-said)
		}
		b.Arguments = neutral.ArgumentsObject(&b)
		blocks = append(blocks, b)
	}
	return blocks, len(blocks) > said
}

// readContent reads the parts of a message. The citations are of the text.
func readContent(blocks []neutral.Block, raw, citations []byte) []neutral.Block {
	if text := textBytes(raw); len(text) > 0 { // older models
		blocks = append(blocks, neutral.Block{Kind: neutral.Text, Text: text, Origin: name})
	}
	for e := translate.Elements(raw); e.Next(); {
		p := readPart(e.Value())
		text := textBytes(p.text)
		if len(text) == 0 {
			continue
		}
		blocks = append(blocks, neutral.Block{Kind: p.kind, Text: text, Origin: name})
	}
	for i := len(blocks) - 1; i >= 0; i-- {
		if blocks[i].Kind == neutral.Text && filled(citations) {
			blocks[i].Annotations = citations
			break
		}
	}
	return blocks
}

// filled reports whether raw is an array with something in it.
func filled(raw []byte) bool {
	return translate.KindOf(raw) == translate.KindArray && len(bytes.TrimSpace(raw[1:])) > 1
}

// part is a part of a message's content: text or thinking.
type part struct {
	kind neutral.BlockKind
	text []byte // a raw string
}

func readPart(raw []byte) part {
	p := part{kind: neutral.Text}
	o := translate.Members(raw)
	for o.Next() {
		switch v := o.Value(); string(o.Key()) {
		case "text":
			p.text = v
		case "thinking":
			p.kind, p.text = neutral.Thinking, v
		case "type":
			if string(v) == `"thinking"` {
				p.kind = neutral.Thinking
			}
		}
	}
	return p
}

// call is one of tool_calls.
type call struct {
	id, name  string
	arguments []byte // a raw string
}

func readCall(raw []byte) (c call) {
	o := translate.Members(raw)
	for o.Next() {
		switch v := o.Value(); string(o.Key()) {
		case "id":
			c.id = textOf(v)
		case "function":
			f := translate.Members(v)
			for f.Next() {
				switch v := f.Value(); string(f.Key()) {
				case "name":
					c.name = textOf(v)
				case "arguments":
					c.arguments = v
				}
			}
		}
	}
	return c
}

// readUsage reads usage. tokens are what the model saw, which is more than
// what is billed; where they are missing, the latter have to do.
func readUsage(raw []byte) (u neutral.Usage) {
	var billed neutral.Usage
	o := translate.Members(raw)
	for o.Next() {
		switch v := o.Value(); string(o.Key()) {
		case "tokens":
			readTokens(v, &u)
		case "billed_units":
			readTokens(v, &billed)
		case "cached_tokens":
			u.CacheRead = count(v)
		}
	}
	if !u.Known {
		u.Known, u.In, u.Out = billed.Known, billed.In, billed.Out
	}
	u.CacheRead = min(u.CacheRead, u.In)
	return u
}

func readTokens(raw []byte, u *neutral.Usage) {
	o := translate.Members(raw)
	for o.Next() {
		switch string(o.Key()) {
		case "input_tokens":
			u.In, u.Known = count(o.Value()), true
		case "output_tokens":
			u.Out, u.Known = count(o.Value()), true
		}
	}
}

// maxTokens is more than any call has; it keeps sums and prices in range.
const maxTokens = 1 << 40

func count(raw []byte) int64 {
	n, ok := translate.Int(raw)
	if !ok || n < 0 || n > maxTokens {
		return 0
	}
	return n
}

// finishOf returns what the word native means for an answer with or without
// calls.
func finishOf(native string, calls bool) neutral.Finish {
	said := neutral.FinishOther
	switch native {
	case "COMPLETE":
		said = neutral.FinishStop
	case "STOP_SEQUENCE":
		said = neutral.FinishStopSequence
	case "MAX_TOKENS":
		said = neutral.FinishLength
	case "TOOL_CALL":
		said = neutral.FinishTools
	case "ERROR_TOXIC":
		said = neutral.FinishFilter
	case "ERROR", "TIMEOUT":
		said = neutral.FinishMalformed
	}
	return neutral.Reason(said, calls)
}

// textOf returns the text of a JSON string, "" of anything else.
func textOf(raw []byte) string { return string(textBytes(raw)) }

// textBytes returns the text of a JSON string, borrowed where nothing has to
// be unescaped, and nil of anything else.
func textBytes(raw []byte) []byte {
	if translate.KindOf(raw) != translate.KindString {
		return nil
	}
	if bytes.IndexByte(raw, '\\') < 0 {
		return raw[1 : len(raw)-1]
	}
	return translate.AppendText(nil, raw)
}
