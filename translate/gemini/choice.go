package gemini

import (
	"github.com/ai-mcp-gateway/gateway/translate"
	"github.com/ai-mcp-gateway/gateway/translate/neutral"
)

// choice is the state of one of the answers in a stream.
type choice struct {
	d      *decoder
	index  int
	native string // the last reason to finish

	open   neutral.BlockKind // 0 when no block is open
	block  int               // of the open block, or of the next one
	calls  int
	args   assembler // of an open call
	sealed []byte    // the signature of the text before it, to be told yet
}

// take appends the events of what c adds.
func (s *choice) take(dst []neutral.Event, c *candidate) []neutral.Event {
	list := translate.Elements(c.parts)
	for list.Next() {
		p := readPart(list.Value())
		if s.sealed != nil || p.text == nil || p.thought { // the text ends
			dst = s.annotate(dst, c)
		}
		dst = s.flush(dst)
		dst = s.part(dst, &p)
	}
	dst = s.annotate(dst, c)
	dst = s.flush(dst)
	if c.probs != nil {
		text := &s.d.text
		start := len(*text)
		*text = appendLogprobs(*text, c.probs)
		dst = append(dst, neutral.Event{Kind: neutral.LogprobsDelta, Choice: s.index, Text: (*text)[start:]})
	}
	if c.finish != nil {
		s.native = textOf(c.finish)
	}
	return dst
}

// part appends the events of one part.
func (s *choice) part(dst []neutral.Event, p *part) []neutral.Event {
	text := &s.d.text
	switch {
	case p.call != nil:
		return s.call(dst, p)
	case p.inline != nil:
		kind, media := readMedia(p.inline, text)
		return s.whole(dst, neutral.Event{Block: kind, Media: &media, Signature: text.of(p.signature), Origin: name})
	case p.other && p.text == nil:
		return s.whole(dst, neutral.Event{Block: neutral.Foreign, Raw: p.raw, Dialect: name, Origin: name})
	case p.thought:
		dst = s.delta(dst, neutral.Thinking, text.of(p.text))
		if p.signature != nil {
			dst = s.enter(dst, neutral.Thinking)
			dst = append(dst, s.event(neutral.SignatureDelta, text.of(p.signature)))
			dst = s.close(dst)
		}
		return dst
	}
	dst = s.delta(dst, neutral.Text, text.of(p.text))
	if p.signature != nil {
		s.sealed = text.of(p.signature)
	}
	return dst
}

func (s *choice) event(kind neutral.EventKind, text []byte) neutral.Event {
	return neutral.Event{Kind: kind, Choice: s.index, Index: s.block, Block: s.open, Text: text}
}

// delta appends a piece of text to the block of a kind.
func (s *choice) delta(dst []neutral.Event, kind neutral.BlockKind, text []byte) []neutral.Event {
	if len(text) == 0 {
		return dst
	}
	return append(s.enter(dst, kind), s.event(neutral.TextDelta, text))
}

// enter makes a block of a kind the open one.
func (s *choice) enter(dst []neutral.Event, kind neutral.BlockKind) []neutral.Event {
	if s.open == kind {
		return dst
	}
	return s.start(dst, neutral.Event{Block: kind, Origin: name})
}

// start closes the open block and opens the one of e.
func (s *choice) start(dst []neutral.Event, e neutral.Event) []neutral.Event {
	dst = s.close(dst)
	s.open = e.Block
	e.Kind, e.Choice, e.Index = neutral.BlockStart, s.index, s.block
	return append(dst, e)
}

// whole appends a block that comes in one piece.
func (s *choice) whole(dst []neutral.Event, e neutral.Event) []neutral.Event {
	return s.close(s.start(dst, e))
}

func (s *choice) close(dst []neutral.Event) []neutral.Event {
	if s.open == 0 {
		return dst
	}
	if s.open == neutral.ToolUse {
		start := len(s.d.text)
		s.d.text = s.args.finish(s.d.text)
		if rest := s.d.text[start:]; len(rest) > 0 {
			dst = append(dst, s.event(neutral.ArgumentsDelta, rest))
		}
	}
	dst = append(dst, s.event(neutral.BlockStop, nil))
	s.open = 0
	s.block++
	return dst
}

// flush appends the block for the signature of a text.
func (s *choice) flush(dst []neutral.Event) []neutral.Event {
	if s.sealed == nil {
		return dst
	}
	dst = s.whole(dst, neutral.Event{Block: neutral.Thinking, Redacted: true, Signature: s.sealed, Origin: name})
	s.sealed = nil
	return dst
}

// annotate appends what is said about the open text, once.
func (s *choice) annotate(dst []neutral.Event, c *candidate) []neutral.Event {
	if s.open != neutral.Text {
		return dst
	}
	for _, note := range [...][]byte{c.grounding, c.citations} {
		if note != nil {
			dst = append(dst, s.event(neutral.AnnotationDelta, note))
		}
	}
	c.grounding, c.citations = nil, nil
	return dst
}

// call appends a call, or on Vertex AI a piece of one: those after the first
// have no name.
func (s *choice) call(dst []neutral.Event, p *part) []neutral.Event {
	c := readCall(p.call)
	if s.open != neutral.ToolUse && len(c.name) <= 2 {
		return dst // the end of a call that has ended
	}
	if s.open != neutral.ToolUse || len(c.name) > 2 {
		dst = s.startCall(dst, &c, p)
	}
	text := &s.d.text
	switch {
	case c.args != nil && s.args.empty():
		s.args.done = true
		dst = append(dst, s.event(neutral.ArgumentsDelta, c.args))
	case c.partial != nil:
		start := len(*text)
		*text = s.args.add(*text, c.partial)
		if piece := (*text)[start:]; len(piece) > 0 {
			dst = append(dst, s.event(neutral.ArgumentsDelta, piece))
		}
	}
	if !c.more {
		return s.close(dst)
	}
	return dst
}

func (s *choice) startCall(dst []neutral.Event, c *call, p *part) []neutral.Event {
	dst = s.close(dst)
	id := textOf(c.id)
	if id == "" {
		id = neutral.MakeCallID(s.d.seed, s.index, s.calls)
	}
	s.calls, s.args = s.calls+1, assembler{}
	return s.start(dst, neutral.Event{
		Block: neutral.ToolUse, ToolID: id, Name: textOf(c.name),
		Signature: s.d.text.of(p.signature), Origin: name,
	})
}

// end appends what ends the choice.
func (s *choice) end(dst []neutral.Event) []neutral.Event {
	dst = s.close(dst)
	return append(dst, neutral.Event{
		Kind: neutral.Finished, Choice: s.index,
		Finish: finishOf(s.native, s.calls > 0), Native: s.native,
	})
}
