package simulator

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
)

// notation is how a stream's events are written.
type notation int

const (
	serverSent notation = iota
	serverSentCRLF
	jsonArray
	jsonLines
	binaryFrames
)

var streamTypes = [...]string{
	serverSent: sseType, serverSentCRLF: "text/event-stream", jsonArray: "application/json; charset=UTF-8",
	jsonLines: "application/x-ndjson", binaryFrames: "application/vnd.amazon.eventstream",
}

func (n notation) reply(events []event) *reply {
	return &reply{status: 200, contentType: streamTypes[n], events: events, notation: n}
}

// parts writes the events, one part each. Of the faults of streams, bad-event and bad-line are for every notation, the
// other ways of writing only for server-sent events.
func (n notation) parts(events []event, p *plan) []part {
	switch n {
	case serverSent:
		return eventParts(events, p)
	case serverSentCRLF:
		if p.eol == "" {
			p.eol = "\r\n"
		}
		return eventParts(events, p)
	}
	badLine, badEvent := p.badLine.of(len(events)), p.badEvent.of(len(events))
	parts := make([]part, 0, len(events)+1)
	for i := range len(events) + 1 {
		var b []byte
		if i == badLine {
			b = append(b, "\xff\xfe\x00\x00 this is no event\n"...)
		}
		if i == badEvent {
			b = append(b, n.broken()...)
		}
		switch {
		case i == len(events) && n == jsonArray:
			b = append(b, ']')
		case i < len(events):
			b = n.appendEvent(b, events[i], i)
		}
		if len(b) > 0 {
			parts = append(parts, part{lead: b})
		}
	}
	return parts
}

func (n notation) appendEvent(b []byte, e event, number int) []byte {
	switch n {
	case jsonArray:
		lead := ",\r\n"
		if number == 0 {
			lead = "["
		}
		return append(append(b, lead...), e.data...)
	case jsonLines:
		return append(append(b, e.data...), '\n')
	default:
		return appendFrame(b, e)
	}
}

// broken is an event that cannot be read.
func (n notation) broken() []byte {
	if n != binaryFrames {
		return []byte(`{"id":"broken","mess` + "\n")
	}
	frame := appendFrame(nil, event{name: "contentBlockDelta", data: []byte(`{"broken":true}`)})
	frame[len(frame)-1] ^= 0xff
	return frame
}

// appendFrame appends a message of application/vnd.amazon.eventstream
// (https://docs.aws.amazon.com/AmazonS3/latest/API/RESTSelectObjectAppendix.html): the lengths of all and of the
// headers, their checksum, headers, payload, and the checksum of all before it.
func appendFrame(b []byte, e event) []byte {
	headers := [][2]string{{":event-type", e.name}, {":content-type", jsonType}, {":message-type", "event"}}
	if e.failed {
		headers[0][0], headers[2][1] = ":exception-type", "exception"
	}
	var head []byte
	for _, h := range headers {
		head = append(append(head, byte(len(h[0]))), h[0]...)
		head = append(head, 7) // a string
		head = append(binary.BigEndian.AppendUint16(head, uint16(len(h[1]))), h[1]...)
	}
	start := len(b)
	b = binary.BigEndian.AppendUint32(b, uint32(4+4+4+len(head)+len(e.data)+4))
	b = binary.BigEndian.AppendUint32(b, uint32(len(head)))
	b = binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b[start:]))
	b = append(append(b, head...), e.data...)
	return binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b[start:]))
}

// js writes JSON. %s takes what is JSON already, such as quote's.
func js(format string, args ...any) []byte { return fmt.Appendf(nil, format, args...) }
