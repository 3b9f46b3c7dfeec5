package openai

import (
	"github.com/ai-mcp-gateway/gateway/translate"
	"github.com/ai-mcp-gateway/gateway/translate/neutral"
)

// textEncoder writes the chunks of a legacy completion: text and nothing else.
type textEncoder struct {
	frame
	choices []textChoice
}

type textChoice struct {
	open     []int // the indexes of blocks whose text is shown
	logprobs textLogprobs
	finished bool
}

// Append implements neutral.Encoder.
func (s *textEncoder) Append(dst []byte, e *neutral.Event) []byte {
	switch e.Kind {
	case neutral.Start:
		s.setHead(e)
		return dst
	case neutral.UsageReport:
		s.usage = e.Usage
		return dst
	case neutral.Ping:
		return append(dst, ping...)
	case neutral.End:
		for i := range s.choices {
			dst = s.finish(dst, &s.choices[i], &neutral.Event{Choice: i})
		}
		return s.end(dst)
	}
	if e.Choice < 0 || e.Choice >= maxChoices {
		return dst
	}
	for len(s.choices) <= e.Choice {
		s.choices = append(s.choices, textChoice{})
	}
	c := &s.choices[e.Choice]
	switch e.Kind {
	case neutral.BlockStart:
		if e.Block == neutral.Text || e.Block == neutral.Refusal {
			c.open = append(c.open, e.Index)
		}
	case neutral.BlockStop:
		c.close(e.Index)
	case neutral.TextDelta:
		if c.shows(e.Index) && len(e.Text) > 0 {
			return s.text(dst, e)
		}
	case neutral.LogprobsDelta:
		return s.probabilities(dst, c, e)
	case neutral.Finished:
		return s.finish(dst, c, e)
	}
	return dst
}

func (c *textChoice) shows(index int) bool {
	for _, open := range c.open {
		if open == index {
			return true
		}
	}
	return false
}

func (c *textChoice) close(index int) {
	for i, open := range c.open {
		if open == index {
			c.open = append(c.open[:i], c.open[i+1:]...)
			return
		}
	}
}

func (s *textEncoder) text(dst []byte, e *neutral.Event) []byte {
	dst = append(s.begin(dst), `{"text":`...)
	dst = translate.AppendString(dst, e.Text)
	dst = appendInt(append(dst, `,"index":`...), int64(e.Choice))
	return s.close(append(dst, `,"logprobs":null,"finish_reason":null}`...))
}

func (s *textEncoder) probabilities(dst []byte, c *textChoice, e *neutral.Event) []byte {
	dst = append(s.begin(dst), `{"text":"","index":`...)
	dst = append(appendInt(dst, int64(e.Choice)), `,"logprobs":`...)
	dst = c.logprobs.append(dst, e.Text)
	return s.close(append(dst, `,"finish_reason":null}`...))
}

func (s *textEncoder) finish(dst []byte, c *textChoice, e *neutral.Event) []byte {
	if c.finished {
		return dst
	}
	c.finished = true
	dst = append(s.begin(dst), `{"text":"","index":`...)
	dst = append(appendInt(dst, int64(e.Choice)), `,"logprobs":null`...)
	dst = appendFinish(dst, finishWord(e.Finish, false, false), e.Native)
	return s.close(append(dst, '}'))
}
