package engine

import (
	"strconv"

	"github.com/ai-mcp-gateway/gateway/internal/bufpool"
	"github.com/ai-mcp-gateway/gateway/translate"
	"github.com/ai-mcp-gateway/gateway/translate/neutral"
)

const (
	// bytesPerToken and perTurn estimate what a tokenizer would say: about
	// four bytes of text make a token, and each turn costs a few besides.
	bytesPerToken = 4
	perTurn       = 4
	// perMedia is about what an image of usual size costs.
	perMedia = 1500
)

// count answers count_tokens: the provider does where one of the route can,
// else it is estimated.
func (e *Engine) count(c *Call, r *route) *translate.Error {
	c.Record.Cache, c.Record.CacheReason = "bypass", "not stored"
	for _, t := range r.targets {
		if t.provider.does(c.Op) {
			return e.attempt(c, r)
		}
	}
	if err := c.neutral(&c.Request); err != nil {
		return err
	}
	c.Estimated = true
	c.body = bufpool.Get(64)
	c.body.B = append(c.body.B[:0], `{"input_tokens":`...)
	c.body.B = append(strconv.AppendInt(c.body.B, estimate(c.bridge.request), 10), '}')
	c.Record.CostKnown = true
	return nil
}

// estimate is about how many tokens a request has.
func estimate(q *neutral.Request) int64 {
	size, media := weigh(q.System)
	for i := range q.Turns {
		n, m := weigh(q.Turns[i].Blocks)
		size, media = size+n+perTurn*bytesPerToken, media+m
	}
	for i := range q.Tools {
		size += len(q.Tools[i].Name) + len(q.Tools[i].Description) + len(q.Tools[i].Schema) + len(q.Tools[i].Raw)
	}
	return int64((size+bytesPerToken-1)/bytesPerToken + media*perMedia)
}

// weigh adds up the bytes of text and the media in blocks.
func weigh(blocks []neutral.Block) (size, media int) {
	for i := range blocks {
		b := &blocks[i]
		size += len(b.Text) + len(b.Name) + len(b.Arguments) + len(b.Raw)
		switch b.Kind {
		case neutral.Image, neutral.Audio, neutral.File:
			media++
		case neutral.ToolResult:
			n, m := weigh(b.Content)
			size, media = size+n, media+m
		}
	}
	return size, media
}
