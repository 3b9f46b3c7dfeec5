package neutral

import (
	"bytes"

	"github.com/ai-mcp-gateway/gateway/translate"
)

// maxChoices bounds what a provider's index can make the gateway allocate.
// OpenAI's API gives at most as many answers.
const maxChoices = 128

// Collector makes a Reply of events. It copies what it keeps. The zero value
// is ready; Reply is whole after End.
type Collector struct {
	Reply Reply

	open places // of blocks: the index in Choice.Blocks
	odds []logprobs
}

// Add takes the next event. Deltas of blocks that are not open, and choices
// over 128, are ignored.
func (c *Collector) Add(e *Event) {
	switch e.Kind {
	case Start:
		c.start(e)
	case UsageReport:
		c.Reply.Usage = e.Usage
	case End:
		for i := range c.odds {
			c.finishLogprobs(i)
		}
	default:
		if e.Choice >= 0 && e.Choice < maxChoices && e.Kind != Ping {
			c.addChoice(e)
		}
	}
}

// start takes what is new: some providers start twice.
func (c *Collector) start(e *Event) {
	r := &c.Reply
	for _, field := range [...]struct {
		to   *string
		from string
	}{{&r.ID, e.ID}, {&r.Model, e.Model}, {&r.ServiceTier, e.ServiceTier}, {&r.Fingerprint, e.Fingerprint}} {
		if *field.to == "" {
			*field.to = field.from
		}
	}
	if r.Created == 0 {
		r.Created = e.Created
	}
}

// addChoice takes an event of a choice.
func (c *Collector) addChoice(e *Event) {
	for len(c.Reply.Choices) <= e.Choice {
		c.Reply.Choices = append(c.Reply.Choices, Choice{})
	}
	choice := &c.Reply.Choices[e.Choice]
	switch e.Kind {
	case BlockStart:
		c.open.put(e.Choice, e.Index, len(choice.Blocks))
		choice.Blocks = append(choice.Blocks, startedBlock(e))
	case BlockStop:
		c.open.remove(e.Choice, e.Index)
	case Finished:
		choice.Finish, choice.Native, choice.StopSequence = e.Finish, e.Native, e.StopSequence
	case LogprobsDelta:
		c.addLogprobs(e)
	default:
		if i, ok := c.open.get(e.Choice, e.Index); ok {
			choice.Blocks[i].extend(e)
		}
	}
}

// startedBlock returns the block that a BlockStart opens.
func startedBlock(e *Event) Block {
	b := Block{
		Kind: e.Block, ID: e.ToolID, Name: e.Name, Custom: e.Custom,
		Signature: bytes.Clone(e.Signature), Redacted: e.Redacted, Origin: e.Origin,
		Raw: bytes.Clone(e.Raw), Dialect: e.Dialect,
	}
	if e.Media != nil {
		b.Media = *e.Media
		b.Media.Data = bytes.Clone(b.Media.Data)
	}
	return b
}

// extend adds a delta to b.
func (b *Block) extend(e *Event) {
	switch e.Kind {
	case TextDelta:
		b.Text = append(b.Text, e.Text...)
	case ArgumentsDelta:
		b.Arguments = append(b.Arguments, e.Text...)
	case SignatureDelta:
		b.Signature = append(b.Signature, e.Text...)
	case AnnotationDelta:
		b.Annotations = appendElement(b.Annotations, e.Text)
	default:
	}
}

// appendElement appends raw to the raw array dst, which may be nil.
func appendElement(dst, raw []byte) []byte {
	if len(dst) <= len("[]") {
		dst = append(dst[:0], '[')
	} else {
		dst[len(dst)-1] = ','
	}
	dst = append(dst, raw...)
	return append(dst, ']')
}

// logprobs are those of a choice that came in several pieces: the arrays of
// the pieces, joined. Null and absent arrays are nil.
type logprobs struct {
	pieces           int
	content, refusal []byte
}

// addLogprobs keeps the first piece as it is, for most choices have one.
func (c *Collector) addLogprobs(e *Event) {
	for len(c.odds) <= e.Choice {
		c.odds = append(c.odds, logprobs{})
	}
	odds, choice := &c.odds[e.Choice], &c.Reply.Choices[e.Choice]
	switch odds.pieces++; odds.pieces {
	case 1:
		choice.Logprobs = bytes.Clone(e.Text)
		return
	case 2:
		odds.add(choice.Logprobs)
	}
	odds.add(e.Text)
}

func (p *logprobs) add(raw []byte) {
	o := translate.Members(raw)
	for o.Next() {
		if o.Kind() != translate.KindArray {
			continue
		}
		switch string(o.Key()) {
		case "content":
			p.content = appendElements(p.content, o.Elements())
		case "refusal":
			p.refusal = appendElements(p.refusal, o.Elements())
		}
	}
}

// appendElements appends those of a to the raw array dst, which may be nil.
func appendElements(dst []byte, a translate.Array) []byte {
	if dst == nil {
		dst = []byte("[]")
	}
	for a.Next() {
		dst = appendElement(dst, a.Value())
	}
	return dst
}

func (c *Collector) finishLogprobs(choice int) {
	odds := &c.odds[choice]
	if odds.pieces < 2 {
		return
	}
	dst := append([]byte(`{"content":`), orNull(odds.content)...)
	dst = append(dst, `,"refusal":`...)
	dst = append(append(dst, orNull(odds.refusal)...), '}')
	c.Reply.Choices[choice].Logprobs = dst
}

func orNull(raw []byte) []byte {
	if raw == nil {
		return []byte("null")
	}
	return raw
}
