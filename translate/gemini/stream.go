package gemini

import (
	"bytes"

	"github.com/ai-mcp-gateway/gateway/translate"
	"github.com/ai-mcp-gateway/gateway/translate/neutral"
	"github.com/ai-mcp-gateway/gateway/translate/sse"
)

// NewDecoder returns a decoder of streamGenerateContent: server-sent events,
// or where a proxy has lost alt=sse from the path one JSON array that arrives
// piece by piece. The first byte tells.
func (*Dialect) NewDecoder(translate.Op) neutral.Decoder { return &decoder{} }

// decoder makes events of answers that each add to the one before.
//
// Nothing marks the end, and some servers give a reason to finish in every
// event: what finishes is told when the input ends.
type decoder struct {
	framing framing
	events  sse.Reader
	values  valueReader
	text    texts // until the next Feed

	started bool
	seed    string
	usage   neutral.Usage
	blocked string
	choices []choice
}

type framing uint8

const (
	framingUnknown framing = iota
	framingSSE
	framingJSON
)

// Feed implements neutral.Decoder.
func (d *decoder) Feed(dst []neutral.Event, b []byte) (events []neutral.Event, taken int, err *translate.Error) {
	d.text = d.text[:0]
	if d.framing == framingUnknown && !d.detect(b) {
		return dst, 0, nil
	}
	for {
		var data []byte
		var n int
		if d.framing == framingJSON {
			data, n = d.values.next(b[taken:])
		} else {
			data, n = d.events.Next(b[taken:])
			data, _ = sse.Data(data, nil)
		}
		if n == 0 {
			return dst, taken, nil
		}
		taken += n
		if dst, err = d.take(dst, data); err != nil {
			return dst, taken, err
		}
	}
}

// detect finds out the framing by the first byte that is not white space, and
// reports whether there is one.
func (d *decoder) detect(b []byte) bool {
	b = bytes.TrimLeft(bytes.TrimPrefix(b, []byte("\ufeff")), " \t\r\n")
	if len(b) == 0 {
		return false
	}
	d.framing = framingSSE
	if b[0] == '[' || b[0] == '{' {
		d.framing = framingJSON
	}
	return true
}

// Close implements neutral.Decoder.
func (d *decoder) Close(dst []neutral.Event, rest []byte) ([]neutral.Event, *translate.Error) {
	d.text = d.text[:0]
	if d.framing == framingSSE { // the blank line after the last event may be missing
		data, _ := sse.Data(d.events.Tail(rest), nil)
		var err *translate.Error
		if dst, err = d.take(dst, data); err == nil {
			rest = nil
		} else if err.Code != translate.ProviderBadResponse {
			return dst, err
		}
	}
	whole := len(d.choices) > 0 && len(bytes.Trim(rest, " \t\r\n]")) == 0
	for i := range d.choices {
		whole = whole && d.choices[i].native != ""
	}
	switch {
	case whole:
		for i := range d.choices {
			dst = d.choices[i].end(dst)
		}
	case d.blocked != "" && len(d.choices) == 0:
		dst = append(dst, neutral.Event{Kind: neutral.Finished, Finish: neutral.FinishFilter, Native: d.blocked})
	default:
		return dst, translate.Errorf(translate.ProviderTruncated, "", "The provider's stream ended before the answer did.")
	}
	return append(dst, neutral.Event{Kind: neutral.End}), nil
}

// take appends the events of one answer.
func (d *decoder) take(dst []neutral.Event, data []byte) ([]neutral.Event, *translate.Error) {
	data = bytes.TrimSpace(data)
	if len(data) == 0 || string(data) == "[DONE]" { // the end mark of proxies
		return dst, nil
	}
	a, ok := readAnswer(data)
	switch {
	case !ok:
		return dst, badResponse("An event of the provider's stream is not one JSON object.")
	case a.failed:
		return dst, New().ReadError(200, data)
	}
	if !d.started {
		dst = d.start(dst, &a, data)
	}
	list := translate.Elements(a.candidates)
	for position := 0; list.Next(); position++ {
		c := readCandidate(list.Value(), position)
		dst = d.choice(c.index).take(dst, &c)
	}
	if a.blocked != nil {
		d.blocked = textOf(a.blocked)
	}
	if a.usage.Known && a.usage != d.usage {
		d.usage = a.usage
		dst = append(dst, neutral.Event{Kind: neutral.UsageReport, Usage: a.usage})
	}
	return dst, nil
}

func (d *decoder) start(dst []neutral.Event, a *answer, data []byte) []neutral.Event {
	d.started, d.seed = true, a.seed(data)
	e := neutral.Event{Kind: neutral.Start, ID: textOf(a.id), Model: textOf(a.model), Created: a.createdAt()}
	if a.tier != nil {
		e.ServiceTier = a.tierOf()
	}
	return append(dst, e)
}

// choice returns the state of the choice with an index.
func (d *decoder) choice(index int) *choice {
	for i := range d.choices {
		if d.choices[i].index == index {
			return &d.choices[i]
		}
	}
	d.choices = append(d.choices, choice{d: d, index: index})
	return &d.choices[len(d.choices)-1]
}

// valueReader finds the objects of an array that is not there yet in full.
// Bytes are looked at once. What stands between objects is skipped.
type valueReader struct {
	at, start int // how far it has looked, and where the open object begins
	depth     int
	quoted    bool
}

// next returns the first whole object in b and how many bytes end with it, or
// 0 when there is none yet.
func (r *valueReader) next(b []byte) (value []byte, n int) {
	for ; r.at < len(b); r.at++ {
		c := b[r.at]
		switch {
		case r.quoted && c == '\\':
			if r.at+1 == len(b) {
				return nil, 0 // what it escapes is to come
			}
			r.at++
		case c == '"' && r.depth > 0:
			r.quoted = !r.quoted
		case r.quoted:
		case c == '{':
			if r.depth == 0 {
				r.start = r.at
			}
			r.depth++
		case c == '}' && r.depth > 0:
			if r.depth--; r.depth == 0 {
				value, n = b[r.start:r.at+1], r.at+1
				*r = valueReader{}
				return value, n
			}
		}
	}
	return nil, 0
}
