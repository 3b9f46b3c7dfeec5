package openai

import (
	"bytes"
	"slices"

	"github.com/ai-mcp-gateway/gateway/translate"
	"github.com/ai-mcp-gateway/gateway/translate/neutral"
)

// Chat has no standard for what a model thought. Out go reasoning_content,
// the plain text, and reasoning_details, an array in which each piece that a
// provider has sealed stands with its seal and, in "format", the dialect that
// it belongs to, so that it can come back:
//
//	{"type":"reasoning.text","text":...,"signature":...,"format":"anthropic","index":0}
//	{"type":"reasoning.encrypted","data":...,"format":"anthropic","index":1}
//
// One with the id of a call is that call's seal. In comes whatever spelling
// clients have.

// thoughts are the members of a message that carry reasoning, raw.
type thoughts struct {
	details, thinkingBlocks, content, reasoning []byte
}

// take takes the member key when it carries reasoning.
func (t *thoughts) take(key string, v []byte) bool {
	switch key {
	case "reasoning_details":
		t.details = v
	case "thinking_blocks":
		t.thinkingBlocks = v
	case "reasoning_content":
		t.content = v
	case "reasoning":
		t.reasoning = v
	default:
		return false
	}
	return true
}

// plain is the raw text without seals. Servers that send both spellings say
// the same twice.
func (t *thoughts) plain() []byte {
	if filled(t.content) {
		return t.content
	}
	return t.reasoning
}

// appendBlocks appends the blocks of the richest spelling that there is.
func (t *thoughts) appendBlocks(blocks []neutral.Block) []neutral.Block {
	list := t.details
	if !filled(list) {
		list = t.thinkingBlocks
	}
	var pieces []neutral.Block
	if filled(list) && translate.KindOf(list) == translate.KindArray {
		pieces = appendThoughts(nil, list)
	}
	said := slices.ContainsFunc(pieces, func(b neutral.Block) bool { return len(b.Text) > 0 })
	if text := t.plain(); !said && filled(text) && translate.KindOf(text) == translate.KindString {
		blocks = append(blocks, neutral.Block{Kind: neutral.Thinking, Text: textBytes(text)})
	}
	return append(blocks, pieces...)
}

// appendThoughts appends the blocks of an array of thoughts. Clients that
// keep the pieces of a stream send several with one index.
func appendThoughts(blocks []neutral.Block, raw []byte) []neutral.Block {
	var open []byte // the index of the last block, which may still grow
	list := translate.Elements(raw)
	for list.Next() {
		if list.Kind() != translate.KindObject {
			continue
		}
		var p part
		var id string
		var index []byte
		o := list.Members()
		for o.Next() {
			switch key := string(keyOf(&o)); key {
			case "index":
				index = o.Value()
			case "id":
				id = stringOf(o.Value())
			default:
				p.take(key, o.Value())
			}
		}
		b := p.thought()
		b.ID = id
		switch {
		case !b.Redacted && index != nil && string(index) == string(open):
			last := &blocks[len(blocks)-1]
			last.Text = append(slices.Clip(last.Text), b.Text...)
			last.Signature, last.Origin = b.Signature, orElse(b.Origin, last.Origin)
		case len(b.Text) > 0 || len(b.Signature) > 0:
			blocks = append(blocks, b)
		default:
			continue // there is nothing in it that could grow
		}
		if open = index; b.Redacted || len(b.Signature) > 0 {
			open = nil
		}
	}
	return blocks
}

// Mixed reports whether a request's body has what another dialect has sealed.
// It is then to be translated, not passed through, even where the provider
// speaks this dialect.
func (*Dialect) Mixed(body []byte) bool {
	if !translate.Holds(body, detailsInBody, len(`"reasoning`)) {
		return false
	}
	messages := translate.Elements(valueAt(bytes.TrimPrefix(body, byteOrderMark), "messages"))
	for messages.Next() {
		details := translate.Elements(valueAt(messages.Value(), "reasoning_details"))
		for details.Next() {
			if origin := stringOf(valueAt(details.Value(), "format")); slices.Contains(otherDialects, origin) {
				return true
			}
		}
	}
	return false
}

// valueAt is the raw value of a member of the object raw, nil when there is none.
func valueAt(raw []byte, key string) []byte {
	o := translate.Members(raw)
	for o.Next() {
		if string(o.Key()) == key {
			return o.Value()
		}
	}
	return nil
}

var (
	detailsInBody = []byte(`"reasoning_details"`)
	// otherDialects are our names of them, which no other server uses here.
	otherDialects = []string{"responses", "anthropic", "gemini", "bedrock", "cohere", "ollama"}
)

// thought is the block of a part of any of the spellings.
func (p *part) thought() neutral.Block {
	b := neutral.Block{Kind: neutral.Thinking, Origin: p.format}
	switch {
	case filled(p.data):
		b.Signature, b.Redacted = textBytes(p.data), true
		return b
	case p.thinking == nil && p.text == nil:
		b.Text = textBytes(p.summary)
	case p.thinking == nil:
		b.Text = textBytes(p.text)
	case translate.KindOf(p.thinking) == translate.KindArray: // Mistral's
		texts, _ := readContent(nil, p.thinking)
		b.Text = neutral.JoinText(texts, "")
	default:
		b.Text = textBytes(p.thinking)
	}
	if filled(p.signature) {
		b.Signature = textBytes(p.signature)
	}
	return b
}

// seal moves the seals with a call's id to their calls.
func seal(blocks []neutral.Block) []neutral.Block {
	return slices.DeleteFunc(blocks, func(b neutral.Block) bool {
		if b.Kind != neutral.Thinking || !b.Redacted || b.ID == "" {
			return false
		}
		for i := range blocks {
			if c := &blocks[i]; c.Kind == neutral.ToolUse && c.ID == b.ID {
				c.Signature, c.Origin = b.Signature, b.Origin
				return true
			}
		}
		return false
	})
}

// appendThought appends one element of reasoning_details.
func appendThought(dst []byte, b *neutral.Block, index int) []byte {
	if b.Redacted || b.Kind == neutral.ToolUse {
		dst = append(dst, `{"type":"reasoning.encrypted","data":`...)
		dst = translate.AppendString(dst, b.Signature)
	} else {
		dst = append(dst, `{"type":"reasoning.text","text":`...)
		dst = translate.AppendString(dst, b.Text)
		dst = append(dst, `,"signature":`...)
		dst = translate.AppendString(dst, b.Signature)
	}
	if b.ID != "" {
		dst = appendMember(dst, `,"id":`, b.ID)
	}
	dst = appendMember(dst, `,"format":`, b.Origin)
	return append(appendInt(append(dst, `,"index":`...), int64(index)), '}')
}

// sealed reports whether b has a seal that has to come back. Calls of
// Google's models have a place of their own for it.
func sealed(b *neutral.Block) bool {
	switch b.Kind {
	case neutral.Thinking:
		return len(b.Signature) > 0
	case neutral.ToolUse:
		return len(b.Signature) > 0 && b.Origin != originGemini
	default:
		return false
	}
}

// originGemini is the dialect of the seals in extra_content.google.
const originGemini = "gemini"

// efforts are OpenAI's words, and max, which other servers have.
var efforts = []string{"none", "minimal", "low", "medium", "high", "xhigh", "max"}

func readEffort(r *neutral.Reasoning, v []byte) *flaw {
	r.Set = true
	if f := readString(&r.Effort, v); f != nil {
		return f
	}
	if !slices.Contains(efforts, r.Effort) {
		return invalid("none, minimal, low, medium, high, xhigh or max")
	}
	return nil
}

// readReasoning reads the object that routers of models use.
func readReasoning(r *neutral.Reasoning, v []byte) *flaw {
	if translate.KindOf(v) != translate.KindObject {
		return invalid("an object")
	}
	r.Set = true
	o := translate.Members(v)
	for o.Next() {
		if o.Kind() == translate.KindNull {
			continue
		}
		var f *flaw
		switch string(keyOf(&o)) {
		case "effort":
			f = readEffort(r, o.Value()).in(".effort")
		case "max_tokens":
			f = readBudget(r, o.Value()).in(".max_tokens")
		case "summary":
			f = readString(&r.Summary, o.Value()).in(".summary")
		case "exclude":
			if string(o.Value()) == "true" {
				r.Summary = "omitted"
			}
		case "enabled":
			if r.Adaptive = string(o.Value()) == "true"; !r.Adaptive {
				r.Effort = "none"
			}
		}
		if f != nil {
			return f
		}
	}
	return nil
}

// readThinking reads the object that servers after Anthropic's example take.
func readThinking(r *neutral.Reasoning, v []byte) *flaw {
	if translate.KindOf(v) != translate.KindObject {
		return invalid("an object")
	}
	r.Set = true
	o := translate.Members(v)
	for o.Next() {
		var f *flaw
		switch string(keyOf(&o)) {
		case "type":
			switch kind := stringOf(o.Value()); kind {
			case "disabled":
				r.Effort = "none"
			case "enabled", "adaptive", "auto": // a budget, if there is one, says more
				r.Adaptive = true
			default:
				f = invalid("enabled, disabled or adaptive").in(".type")
			}
		case "budget_tokens":
			f = readBudget(r, o.Value()).in(".budget_tokens")
		case "display":
			f = readString(&r.Summary, o.Value()).in(".display")
		}
		if f != nil {
			return f
		}
	}
	return nil
}

func readBudget(r *neutral.Reasoning, v []byte) *flaw {
	budget, ok := translate.Int(v)
	if !ok || budget < 0 {
		return invalid("a whole number that is not negative")
	}
	r.Budget = budget
	return nil
}
