package openai

import (
	"bytes"
	"cmp"
	"slices"

	"github.com/ai-mcp-gateway/gateway/translate"
	"github.com/ai-mcp-gateway/gateway/translate/neutral"
)

// chunk are the raw members of an answer, or of a chunk of one; nil when
// absent or null.
type chunk struct {
	id, created, model, tier, fingerprint []byte
	choices, usage                        []byte
	failed                                bool
}

// readChunk reads body. ok is false when it is not one JSON object.
func readChunk(body []byte) (c chunk, ok bool) {
	o := translate.Members(body)
	for o.Next() {
		if o.Kind() == translate.KindNull {
			continue
		}
		switch v := o.Value(); string(o.Key()) {
		case "id":
			c.id = v
		case "created":
			c.created = v
		case "model":
			c.model = v
		case "service_tier":
			c.tier = v
		case "system_fingerprint":
			c.fingerprint = v
		case "choices":
			c.choices = v
		case "usage":
			if filled(v) && translate.KindOf(v) == translate.KindObject {
				c.usage = v
			}
		case "x_groq":
			if c.usage == nil {
				c.usage = groqUsage(v)
			}
		case "error":
			c.failed = c.failed || filled(v)
		case "object":
			c.failed = c.failed || string(v) == `"error"`
		}
	}
	return c, o.Complete()
}

// groqUsage is the usage that Groq puts beside the usual place.
func groqUsage(raw []byte) (usage []byte) {
	o := translate.Members(raw)
	for o.Next() {
		if string(o.Key()) == "usage" && o.Kind() == translate.KindObject {
			usage = o.Value()
		}
	}
	return usage
}

// seconds is a time stamp; some servers give fractions.
func seconds(raw []byte) int64 {
	whole, _, _ := bytes.Cut(raw, []byte{'.'})
	n, _ := translate.Int(whole)
	return n
}

// fullUsage reads a usage object with what the pass-through has no use for.
func fullUsage(raw []byte) neutral.Usage {
	u := neutral.Usage{Usage: readUsage(translate.Members(raw))}
	o := translate.Members(raw)
	for o.Next() {
		switch string(o.Key()) {
		case "total_tokens":
			u.Total = tokens(o.Value())
		case "prompt_tokens_details":
			u.AudioIn = min(audioTokens(o.Value()), u.In)
		case "completion_tokens_details":
			u.AudioOut = min(audioTokens(o.Value()), u.Out)
		}
	}
	return u
}

func audioTokens(raw []byte) (n int64) {
	o := translate.Members(raw)
	for o.Next() {
		if string(o.Key()) == "audio_tokens" {
			n = tokens(o.Value())
		}
	}
	return n
}

// ReadReply reads the body of a complete answer. It borrows from body.
func (d *Dialect) ReadReply(_ translate.Op, body []byte, a *neutral.Reply) *translate.Error {
	*a = neutral.Reply{}
	c, ok := readChunk(body)
	switch {
	case ok && c.failed:
		return d.ReadError(200, body)
	case !ok || translate.KindOf(c.choices) != translate.KindArray || !filled(c.choices):
		return noAnswer()
	}
	a.ID, a.Model, a.Created = stringOf(c.id), stringOf(c.model), seconds(c.created)
	a.ServiceTier, a.Fingerprint = stringOf(c.tier), stringOf(c.fingerprint)
	if c.usage != nil {
		a.Usage = fullUsage(c.usage)
	}
	a.Choices = readChoices(c.choices, a.ID)
	return nil
}

func noAnswer() *translate.Error {
	return &translate.Error{Code: translate.ProviderBadResponse, Message: "The provider's answer is not one of its API."}
}

// readChoices reads the choices in the order of their indexes.
func readChoices(raw []byte, seed string) []neutral.Choice {
	type numbered struct {
		index  int64
		choice neutral.Choice
	}
	var all []numbered
	list := translate.Elements(raw)
	for i := 0; list.Next() && i < maxChoices; i++ {
		p := readChoicePiece(list.Value(), int64(i))
		all = append(all, numbered{p.index, p.choice(seed, i)})
	}
	slices.SortStableFunc(all, func(a, b numbered) int { return cmp.Compare(a.index, b.index) })
	choices := make([]neutral.Choice, len(all))
	for i := range all {
		choices[i] = all[i].choice
	}
	return choices
}

// choicePiece are the raw members of a choice; nil when absent or null.
type choicePiece struct {
	index                    int64
	said, text, logprobs     []byte
	finishReason, nativeWord []byte
}

func readChoicePiece(raw []byte, position int64) choicePiece {
	p := choicePiece{index: position}
	delta := false
	o := translate.Members(raw)
	for o.Next() {
		if o.Kind() == translate.KindNull {
			continue
		}
		switch v := o.Value(); string(o.Key()) {
		case "index":
			if n, ok := translate.Int(v); ok {
				p.index = n
			}
		case "delta":
			p.said, delta = v, true
		case "message":
			if !delta { // it may repeat what the deltas have said
				p.said = v
			}
		case "text":
			p.text = v
		case "logprobs":
			if hasLogprobs(v) {
				p.logprobs = v
			}
		case "finish_reason":
			p.finishReason = v
		case "native_finish_reason":
			p.nativeWord = v
		}
	}
	return p
}

// hasLogprobs reports whether the raw value is the log probabilities of a chat.
// Those of legacy completions have another form, for which there is no place.
func hasLogprobs(raw []byte) bool {
	o := translate.Members(raw)
	for o.Next() {
		if k := string(o.Key()); k == "content" || k == "refusal" {
			return true
		}
	}
	return false
}

// finish is why the model stopped, in neutral terms and in the provider's;
// none when it is not said.
func (p *choicePiece) finish() (f neutral.Finish, native string) {
	if !filled(p.finishReason) {
		return neutral.FinishNone, ""
	}
	word := stringOf(p.finishReason)
	f, ok := finishes[word]
	if !ok {
		f = neutral.FinishOther
	}
	return f, orElse(stringOf(p.nativeWord), word)
}

// finishes has OpenAI's reasons, and those of compatible servers.
var finishes = map[string]neutral.Finish{
	"stop":           neutral.FinishStop,
	"eos":            neutral.FinishStop,
	"tool_calls":     neutral.FinishTools,
	"function_call":  neutral.FinishTools,
	"length":         neutral.FinishLength,
	"max_tokens":     neutral.FinishLength,
	"model_length":   neutral.FinishContext,
	"content_filter": neutral.FinishFilter,
}

// choice is the whole choice.
func (p *choicePiece) choice(seed string, position int) neutral.Choice {
	var c neutral.Choice
	m := readSaid(p.said)
	c.Blocks = m.blocks(seed, position)
	if filled(p.text) { // a legacy completion
		b := textBlock(p.text)
		b.Origin = New().Name()
		c.Blocks = append(c.Blocks, b)
	}
	if translate.KindOf(p.logprobs) == translate.KindObject {
		c.Logprobs = p.logprobs
	}
	calls := slices.ContainsFunc(c.Blocks, func(b neutral.Block) bool { return b.Kind == neutral.ToolUse })
	said, native := p.finish()
	if said == neutral.FinishNone {
		said = neutral.FinishOther // it will not be said any more
	}
	c.Finish, c.Native = neutral.Reason(said, calls), native
	return c
}

// said are the raw members of a message or a delta; nil when absent or null.
type said struct {
	thoughts                thoughts
	content, refusal, audio []byte
	images, annotations     []byte
	toolCalls, functionCall []byte
}

func readSaid(raw []byte) (m said) {
	o := translate.Members(raw)
	for o.Next() {
		if o.Kind() == translate.KindNull {
			continue
		}
		switch v := o.Value(); string(o.Key()) {
		case "role":
		case "content":
			m.content = v
		case "refusal":
			m.refusal = v
		case "audio":
			m.audio = v
		case "images":
			m.images = v
		case "annotations":
			m.annotations = v
		case "tool_calls":
			m.toolCalls = v
		case "function_call":
			m.functionCall = v
		case "reasoning_content", "reasoning", "reasoning_details", "thinking_blocks":
			m.thoughts.take(string(o.Key()), v)
		}
	}
	return m
}

// blocks are those of a whole message.
func (m *said) blocks(seed string, choice int) []neutral.Block {
	blocks := m.thoughts.appendBlocks(nil)
	blocks = appendContent(blocks, m.content)
	if transcript := transcriptOf(m.audio); filled(transcript) && !filled(m.content) {
		blocks = append(blocks, textBlock(transcript))
	}
	notes := m.annotations
	for i := range blocks {
		if blocks[i].Kind == neutral.Text && filled(notes) && translate.KindOf(notes) == translate.KindArray {
			blocks[i].Annotations, notes = notes, nil
		}
	}
	if filled(m.refusal) {
		blocks = append(blocks, neutral.Block{Kind: neutral.Refusal, Text: textBytes(m.refusal)})
	}
	images := translate.Elements(m.images)
	for images.Next() {
		if b, f := readPart(images.Members()); f == nil && b.Kind == neutral.Image {
			blocks = append(blocks, b)
		}
	}
	calls := translate.Elements(m.toolCalls)
	for i := 0; calls.Next(); i++ {
		b := readCall(calls.Value())
		if b.ID == "" {
			b.ID = neutral.MakeCallID(seed, choice, i)
		}
		blocks = append(blocks, b)
	}
	if filled(m.functionCall) {
		b := readFunction(m.functionCall)
		b.ID = neutral.MakeCallID(seed, choice, -1)
		if b.Name != "" { // some servers send all members, whether there is a call or not
			blocks = append(blocks, b)
		}
	}
	blocks = seal(blocks)
	for i := range blocks {
		if b := &blocks[i]; b.Kind != neutral.ToolUse || b.Origin != originGemini {
			b.Origin = New().Name()
		}
	}
	return blocks
}

// appendContent appends the blocks of a content: a string, or the parts that
// some servers send. Parts that nobody here knows are left out.
func appendContent(blocks []neutral.Block, raw []byte) []neutral.Block {
	if translate.KindOf(raw) == translate.KindString {
		if !filled(raw) {
			return blocks
		}
		return append(blocks, textBlock(raw))
	}
	list := translate.Elements(raw)
	for list.Next() {
		if list.Kind() != translate.KindObject {
			continue
		}
		if b, f := readPart(list.Members()); f == nil {
			blocks = append(blocks, b)
		}
	}
	return blocks
}

// transcriptOf is the raw text of an answer in audio.
func transcriptOf(raw []byte) (text []byte) {
	o := translate.Members(raw)
	for o.Next() {
		if string(o.Key()) == "transcript" && o.Kind() == translate.KindString {
			text = o.Value()
		}
	}
	return text
}
