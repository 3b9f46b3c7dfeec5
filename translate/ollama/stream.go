package ollama

import (
	"bytes"

	"github.com/ai-mcp-gateway/gateway/translate"
	"github.com/ai-mcp-gateway/gateway/translate/neutral"
)

// NewDecoder returns a decoder for the stream of /api/chat.
func (*Dialect) NewDecoder(translate.Op) neutral.Decoder { return &decoder{} }

// decoder turns lines into events. A line has a piece of the thinking or of
// the text, or whole calls; the last one says done and counts the tokens.
type decoder struct {
	searched int    // of the line that is not whole yet
	text     []byte // holds what had to be unescaped, until the next Feed

	started, ended bool
	seed           string            // of the ids that calls are given
	kind           neutral.BlockKind // of the open block, 0 for none
	index          int               // of the open block, or of the next one
	calls          int
}

// Feed implements neutral.Decoder.
func (d *decoder) Feed(dst []neutral.Event, b []byte) (events []neutral.Event, taken int, err *translate.Error) {
	d.text = d.text[:0]
	for {
		end := bytes.IndexByte(b[taken+d.searched:], '\n')
		if end < 0 {
			d.searched = len(b) - taken
			return dst, taken, nil
		}
		line := b[taken : taken+d.searched+end]
		taken, d.searched = taken+d.searched+end+1, 0
		if dst, err = d.line(dst, line); err != nil {
			return dst, taken, err
		}
	}
}

// Close implements neutral.Decoder. The last line may lack its end.
func (d *decoder) Close(dst []neutral.Event, rest []byte) ([]neutral.Event, *translate.Error) {
	d.text = d.text[:0]
	truncated := translate.Errorf(translate.ProviderTruncated, "", "The provider's stream ended before the answer did.")
	dst, err := d.line(dst, rest)
	switch {
	case err != nil && err.Code == translate.ProviderBadResponse: // a line that was cut
		return dst, truncated
	case err != nil:
		return dst, err
	case !d.ended:
		return dst, truncated
	}
	return dst, nil
}

// line appends the events of one line.
func (d *decoder) line(dst []neutral.Event, line []byte) ([]neutral.Event, *translate.Error) {
	if line = bytes.TrimSpace(line); len(line) == 0 || d.ended {
		return dst, nil
	}
	a, ok := readAnswer(line)
	switch {
	case !ok:
		return dst, translate.Errorf(translate.ProviderBadResponse, "", "A line of the provider's stream is not one JSON object.")
	case a.failed:
		return dst, readError(0, line)
	}
	if !d.started {
		d.started, d.seed = true, string(a.created)
		dst = append(dst, neutral.Event{Kind: neutral.Start, Model: string(a.model), Created: a.unix()})
	}
	dst = d.say(dst, neutral.Thinking, a.thinking)
	dst = d.say(dst, neutral.Text, a.content)
	if probabilities := a.probabilities(); probabilities != nil {
		dst = append(dst, neutral.Event{Kind: neutral.LogprobsDelta, Index: d.index, Text: probabilities})
	}
	calls := translate.Elements(a.calls)
	for calls.Next() {
		dst = d.call(dst, readCall(calls.Value(), d.seed, d.calls))
	}
	if a.done {
		dst = d.end(dst, &a)
	}
	return dst, nil
}

// say appends the piece that the raw string holds of a block of kind.
func (d *decoder) say(dst []neutral.Event, kind neutral.BlockKind, raw []byte) []neutral.Event {
	text := d.textOf(raw)
	if len(text) == 0 {
		return dst
	}
	if d.kind != kind {
		dst = d.close(dst)
		d.kind = kind
		e := neutral.Event{Kind: neutral.BlockStart, Index: d.index, Block: kind}
		if kind == neutral.Thinking {
			e.Origin = name
		}
		dst = append(dst, e)
	}
	return append(dst, neutral.Event{Kind: neutral.TextDelta, Index: d.index, Text: text})
}

// call appends a call, which comes whole.
func (d *decoder) call(dst []neutral.Event, b neutral.Block) []neutral.Event {
	dst = d.close(dst)
	dst = append(dst,
		neutral.Event{Kind: neutral.BlockStart, Index: d.index, Block: neutral.ToolUse, ToolID: b.ID, Name: b.Name},
		neutral.Event{Kind: neutral.ArgumentsDelta, Index: d.index, Text: b.Arguments},
		neutral.Event{Kind: neutral.BlockStop, Index: d.index})
	d.index++
	d.calls++
	return dst
}

func (d *decoder) close(dst []neutral.Event) []neutral.Event {
	if d.kind == 0 {
		return dst
	}
	dst = append(dst, neutral.Event{Kind: neutral.BlockStop, Index: d.index})
	d.kind = 0
	d.index++
	return dst
}

// end appends what the last line says.
func (d *decoder) end(dst []neutral.Event, a *answer) []neutral.Event {
	d.ended = true
	dst = d.close(dst)
	if a.usage.Known {
		dst = append(dst, neutral.Event{Kind: neutral.UsageReport, Usage: a.usage})
	}
	return append(dst,
		neutral.Event{Kind: neutral.Finished, Finish: a.finish(d.calls > 0), Native: a.reason},
		neutral.Event{Kind: neutral.End})
}

// textOf is textOf with what is unescaped in the decoder's own memory. When
// that grows, texts that were handed out stay in the old one.
func (d *decoder) textOf(raw []byte) []byte {
	if translate.KindOf(raw) != translate.KindString {
		return nil
	}
	if bytes.IndexByte(raw, '\\') < 0 {
		return raw[1 : len(raw)-1]
	}
	start := len(d.text)
	d.text = translate.AppendText(d.text, raw)
	return d.text[start:]
}
