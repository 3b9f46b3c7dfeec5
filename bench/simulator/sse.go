package simulator

import (
	"bytes"
	"cmp"
	"strconv"
)

// event is one event of a stream: server-sent, a line, an item of an array, or a binary frame.
type event struct {
	name   string // empty in OpenAI's streams
	data   []byte
	failed bool // an exception, where the notation tells them apart
}

// eventParts writes events in the plan's notation, one part each.
func eventParts(events []event, p *plan) []part {
	p.eol = cmp.Or(p.eol, "\n")
	badLine, badEvent := p.badLine.of(len(events)), p.badEvent.of(len(events))
	parts := make([]part, 0, len(events)+1)
	for i := range len(events) + 1 {
		var b []byte
		if i == 0 && p.bom {
			b = append(b, "\xef\xbb\xbf"...)
		}
		if i == badLine {
			b = append(append(b, "\xff\xfe this is no field of an event stream"...), p.eol+p.eol...)
		}
		if i == badEvent {
			b = append(append(b, `data: {"id":"broken","choices":[{"delta":{"cont`...), p.eol+p.eol...)
		}
		if i < len(events) {
			b = appendEvent(b, events[i], p, i)
		}
		if i == len(events)-1 && p.noFinalBlank {
			b = b[:len(b)-len(p.eol)]
		}
		if len(b) > 0 {
			parts = append(parts, part{lead: b})
		}
	}
	return parts
}

func appendEvent(dst []byte, e event, p *plan, number int) []byte {
	if p.comments {
		dst = append(append(dst, ": keep-alive"...), p.eol+p.eol...)
	}
	if p.fields {
		dst = strconv.AppendInt(append(dst, "id: "...), int64(number), 10)
		dst = append(append(dst, p.eol...), "retry: 3000"+p.eol+"unknown: field"+p.eol...)
	}
	if e.name != "" {
		dst = append(append(append(dst, "event: "...), e.name...), p.eol...)
	}
	data := e.data
	if p.multiLine {
		// The first comma before a quote follows an id or a type, which hold none: the break is outside of strings.
		if i := bytes.Index(data, []byte(`,"`)); i >= 0 {
			dst = appendData(dst, data[:i+1], p)
			data = data[i+1:]
		}
	}
	return append(appendData(dst, data, p), p.eol...)
}

func appendData(dst, data []byte, p *plan) []byte {
	dst = append(dst, "data:"...)
	if !p.noSpace {
		dst = append(dst, ' ')
	}
	return append(append(dst, data...), p.eol...)
}
