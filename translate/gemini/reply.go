package gemini

import (
	"github.com/ai-mcp-gateway/gateway/translate"
	"github.com/ai-mcp-gateway/gateway/translate/neutral"
)

// ReadReply reads a whole answer. What can be borrowed from body is. An error
// that came with a status of success is returned as ReadError reads it.
func (d *Dialect) ReadReply(_ translate.Op, body []byte, a *neutral.Reply) *translate.Error {
	r, ok := readAnswer(body)
	switch {
	case !ok:
		return badResponse("The provider's answer is not one JSON object.")
	case r.failed:
		return d.ReadError(200, body)
	}
	*a = neutral.Reply{ID: textOf(r.id), Model: textOf(r.model), Created: r.createdAt(), Usage: r.usage}
	if r.tier != nil {
		a.ServiceTier = r.tierOf()
	}
	b := builder{seed: r.seed(body)}
	list := translate.Elements(r.candidates)
	for position := 0; list.Next(); position++ {
		c := readCandidate(list.Value(), position)
		a.Choices = append(a.Choices, b.choice(&c, position))
	}
	if len(a.Choices) > 0 {
		return nil
	}
	if r.blocked == nil {
		return badResponse("The provider's answer has no candidates.")
	}
	a.Choices = []neutral.Choice{{Finish: neutral.FinishFilter, Native: textOf(r.blocked)}}
	return nil
}

func badResponse(message string) *translate.Error {
	return &translate.Error{Code: translate.ProviderBadResponse, Message: message}
}

// builder makes choices of candidates.
type builder struct {
	text   texts
	seed   string
	blocks []neutral.Block
	calls  int
}

func (b *builder) choice(c *candidate, position int) neutral.Choice {
	b.blocks, b.calls = nil, 0
	list := translate.Elements(c.parts)
	for list.Next() {
		p := readPart(list.Value())
		b.add(&p, position)
	}
	b.annotate(c)
	native := textOf(c.finish)
	choice := neutral.Choice{Blocks: b.blocks, Native: native, Finish: finishOf(native, b.calls > 0)}
	if c.probs != nil {
		choice.Logprobs = appendLogprobs(nil, c.probs)
	}
	return choice
}

// add appends the blocks of a part.
func (b *builder) add(p *part, choice int) {
	signature := b.text.of(p.signature)
	switch {
	case p.call != nil:
		c := readCall(p.call)
		block := neutral.Block{Kind: neutral.ToolUse, ID: textOf(c.id), Name: textOf(c.name), Arguments: c.args, Signature: signature, Origin: name}
		if block.ID == "" {
			block.ID = neutral.MakeCallID(b.seed, choice, b.calls)
		}
		b.calls++
		if block.Arguments == nil {
			block.Arguments = []byte("{}")
		}
		b.blocks = append(b.blocks, block)
	case p.inline != nil:
		kind, media := readMedia(p.inline, &b.text)
		b.blocks = append(b.blocks, neutral.Block{Kind: kind, Media: media, Signature: signature, Origin: name})
	case p.other && p.text == nil:
		b.blocks = append(b.blocks, neutral.Block{Kind: neutral.Foreign, Raw: p.raw, Dialect: name, Origin: name})
	case p.thought && len(p.text) <= 2 && signature == nil: // says nothing
	case p.thought:
		b.blocks = append(b.blocks, neutral.Block{Kind: neutral.Thinking, Text: b.text.of(p.text), Signature: signature, Origin: name})
	default:
		if text := b.text.of(p.text); len(text) > 0 {
			b.blocks = append(b.blocks, neutral.Block{Kind: neutral.Text, Text: text, Origin: name})
		}
		if signature != nil {
			b.blocks = append(b.blocks, neutral.Block{Kind: neutral.Thinking, Redacted: true, Signature: signature, Origin: name})
		}
	}
}

// annotate puts what the provider says about its sources with the last text.
func (b *builder) annotate(c *candidate) {
	if c.grounding == nil && c.citations == nil {
		return
	}
	for i := len(b.blocks) - 1; i >= 0; i-- {
		if b.blocks[i].Kind != neutral.Text {
			continue
		}
		notes := append([]byte{'['}, c.grounding...)
		if c.grounding != nil && c.citations != nil {
			notes = append(notes, ',')
		}
		notes = append(append(notes, c.citations...), ']')
		b.blocks[i].Annotations = notes
		return
	}
}
