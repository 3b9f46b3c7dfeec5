package openai

import (
	"bytes"

	"github.com/ai-mcp-gateway/gateway/translate"
	"github.com/ai-mcp-gateway/gateway/translate/neutral"
	"github.com/ai-mcp-gateway/gateway/translate/sse"
)

// NewDecoder returns the decoder of one stream.
func (*Dialect) NewDecoder(translate.Op) neutral.Decoder { return new(decoder) }

// decoder turns chunks into events. Why a choice has stopped is told at the
// very end: servers say it early, twice, or before what still belongs to it.
type decoder struct {
	frames  sse.Reader
	joint   []byte // data of an event of several lines
	texts   []byte // what had to be unescaped, until the next Feed
	id      string
	started bool
	ended   bool
	choices []spoken
}

// Feed implements neutral.Decoder.
func (d *decoder) Feed(dst []neutral.Event, b []byte) ([]neutral.Event, int, *translate.Error) {
	d.texts = d.texts[:0]
	taken := 0
	for {
		event, n := d.frames.Next(b[taken:])
		if n == 0 {
			return dst, taken, nil
		}
		taken += n
		var err *translate.Error
		if dst, err = d.event(dst, event); err != nil {
			return dst, taken, err
		}
	}
}

// Close implements neutral.Decoder. A stream whose choices have all come to
// their end lacks nothing but the mark.
func (d *decoder) Close(dst []neutral.Event, rest []byte) ([]neutral.Event, *translate.Error) {
	d.texts = d.texts[:0]
	if tail := d.frames.Tail(rest); tail != nil {
		var err *translate.Error
		if dst, err = d.event(dst, tail); err != nil && err.Code != translate.ProviderBadResponse {
			return dst, err
		}
	}
	switch {
	case d.ended:
		return dst, nil
	case !d.finished():
		return dst, &translate.Error{Code: translate.ProviderTruncated, Message: "The provider's answer ended early."}
	}
	return d.end(dst), nil
}

// finished reports whether every choice has said why it stopped.
func (d *decoder) finished() bool {
	any := false
	for i := range d.choices {
		if d.choices[i].seen {
			if any = true; !d.choices[i].stopped {
				return false
			}
		}
	}
	return any
}

// event decodes one event of the stream.
func (d *decoder) event(dst []neutral.Event, event []byte) ([]neutral.Event, *translate.Error) {
	if d.ended {
		return dst, nil
	}
	data, name := sse.Data(event, d.joint)
	switch trimmed := bytes.TrimSpace(data); {
	case data == nil && event[0] == ':':
		return append(dst, neutral.Event{Kind: neutral.Ping}), nil
	case len(trimmed) == 0:
		return dst, nil
	case string(trimmed) == "[DONE]":
		if len(d.choices) == 0 {
			return dst, noAnswer()
		}
		return d.end(dst), nil
	}
	c, ok := readChunk(data)
	switch {
	case ok && (c.failed || string(name) == "error"):
		return dst, New().ReadError(200, data)
	case !ok:
		return dst, noAnswer()
	}
	return d.chunk(dst, &c), nil
}

func (d *decoder) chunk(dst []neutral.Event, c *chunk) []neutral.Event {
	if !d.started && filled(c.choices) { // Azure's first chunk has neither id nor choices
		d.started = true
		d.id = stringOf(c.id)
		dst = append(dst, neutral.Event{
			Kind: neutral.Start, ID: d.id, Model: stringOf(c.model), Created: seconds(c.created),
			ServiceTier: stringOf(c.tier), Fingerprint: stringOf(c.fingerprint),
		})
	}
	list := translate.Elements(c.choices)
	for i := int64(0); list.Next(); i++ {
		p := readChoicePiece(list.Value(), i)
		if p.index >= 0 && p.index < maxChoices {
			dst = d.piece(dst, &p)
		}
	}
	if c.usage != nil {
		if u := fullUsage(c.usage); u.Known {
			dst = append(dst, neutral.Event{Kind: neutral.UsageReport, Usage: u})
		}
	}
	return dst
}

// piece takes what a chunk says of one choice.
func (d *decoder) piece(dst []neutral.Event, p *choicePiece) []neutral.Event {
	for int64(len(d.choices)) <= p.index {
		d.choices = append(d.choices, spoken{open: -1})
	}
	c := &d.choices[p.index]
	c.seen, c.number = true, int(p.index)
	if p.said != nil {
		dst = d.delta(dst, c, p.said)
	}
	if filled(p.text) {
		dst = d.text(dst, c, neutral.Text, p.text)
	}
	if translate.KindOf(p.logprobs) == translate.KindObject && filled(p.logprobs) {
		dst = append(dst, neutral.Event{Kind: neutral.LogprobsDelta, Choice: c.number, Text: p.logprobs})
	}
	if f, native := p.finish(); f != neutral.FinishNone {
		c.stopped, c.finish, c.native = true, f, native
	}
	return dst
}

// end closes what is open and ends the stream.
func (d *decoder) end(dst []neutral.Event) []neutral.Event {
	d.ended = true
	for i := range d.choices {
		c := &d.choices[i]
		if !c.seen {
			continue
		}
		dst = d.closeAll(dst, c)
		said := c.finish
		if !c.stopped {
			said = neutral.FinishOther // it will not be said any more
		}
		dst = append(dst, neutral.Event{
			Kind: neutral.Finished, Choice: c.number, Finish: neutral.Reason(said, c.called()), Native: c.native,
		})
	}
	return append(dst, neutral.Event{Kind: neutral.End})
}

// unquote is the text of the raw string, valid until the next Feed.
func (d *decoder) unquote(raw []byte) []byte {
	if translate.KindOf(raw) != translate.KindString {
		return nil
	}
	if bytes.IndexByte(raw, '\\') < 0 {
		return raw[1 : len(raw)-1]
	}
	start := len(d.texts)
	d.texts = translate.AppendText(d.texts, raw)
	return d.texts[start:len(d.texts):len(d.texts)]
}
