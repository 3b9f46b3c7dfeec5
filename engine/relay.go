package engine

import (
	"io"

	"github.com/ai-mcp-gateway/gateway/cache"
	"github.com/ai-mcp-gateway/gateway/translate"
	"github.com/ai-mcp-gateway/gateway/translate/sse"
	"github.com/ai-mcp-gateway/gateway/upstream"
)

// writeDirect relays a stream that is this call's alone.
func (c *Call) writeDirect(w io.Writer) error {
	for {
		b, ended := c.direct.next()
		c.relayed(b.bytes, ended, c.direct.err)
		if ended {
			c.settleStream(c.direct.t, &c.direct.metered)
			c.account(c.direct.err)
		}
		if err := c.emit(w, &b); err != nil {
			return err
		}
		if ended {
			return c.finish(w, c.direct.err)
		}
	}
}

// serve makes the stored answer e the call's. Its bytes are not copied: what
// is left out of a stream, or put into it, lies between pieces of it.
func (c *Call) serve(e *cache.Entry) {
	c.entry = e
	c.pieces = [3][]byte{e.Body}
	event := translate.Span{Start: e.UsageStart, End: e.UsageEnd}
	if !e.Stream || event.Empty() {
		return
	}
	c.pieces = [3][]byte{e.Body[:event.Start], event.Of(e.Body), e.Body[event.End:]}
	data, _ := sse.Data(c.pieces[1], nil)
	c.dialect.ReadEvent(data, &c.event)
	if !c.wantsUsage() {
		if c.event.Kind == translate.EventUsage {
			c.pieces[1] = nil
		}
		return
	}
	if at, ok := within(c.pieces[1], data); ok && c.Record.CostKnown && !c.event.UsageSpan.Empty() {
		c.head = c.dialect.AppendUsageCost(c.head[:0], c.pieces[1], at+c.event.UsageSpan.End, c.Record.CostNano)
		c.pieces[1] = c.head
	}
}

// wantsUsage reports whether the client's stream has the usage in it: in
// OpenAI's older dialects only when it asks for it.
func (c *Call) wantsUsage() bool {
	return c.Request.Usage == translate.UsageTrue || c.Op == translate.OpMessages || c.Op == translate.OpResponses
}

// emit writes a run of events. The event that reports usage is left out for a
// client that did not ask for it, and carries the cost for one that did.
func (c *Call) emit(w io.Writer, b *batch) error {
	if len(b.bytes) == 0 {
		return nil
	}
	event := b.usage.event
	if !event.Empty() {
		c.price(&b.meter.tokens)
	}
	wanted := c.wantsUsage()
	if event.Empty() || (wanted && (b.usage.object == 0 || !c.Record.CostKnown)) || (!wanted && !b.usage.only) {
		_, err := w.Write(b.bytes)
		return err
	}
	c.head = append(c.head[:0], b.bytes[:event.Start]...)
	if wanted {
		c.head = c.dialect.AppendUsageCost(c.head, event.Of(b.bytes), b.usage.object, c.Record.CostNano)
	}
	c.head = append(c.head, b.bytes[event.End:]...)
	if len(c.head) == 0 {
		return nil
	}
	_, err := w.Write(c.head)
	return err
}

// finish ends a stream that failed with the error event, and never [DONE].
func (c *Call) finish(w io.Writer, failure *translate.Error) error {
	if failure == nil {
		return nil
	}
	if failure.Code == translate.CallerGone {
		failure = c.canceled()
	}
	c.failure = failure
	if failure.Code == translate.CallerGone {
		return upstream.ErrCanceled
	}
	if c.head = append(c.head[:0], failure.Frames...); len(c.head) == 0 {
		c.head = c.dialect.AppendErrorEvent(c.head, failure)
	}
	_, err := w.Write(c.head)
	return err
}
