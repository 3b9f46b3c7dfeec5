// Package sse frames server-sent events (WHATWG HTML, section 9.2) in bytes
// that the caller owns: nothing is copied and nothing is read ahead, so an
// event can be relayed as it came while its data is looked at.
package sse

import "bytes"

// Reader splits a stream into events. The caller appends what it receives to
// a buffer that starts where the last event ended, and asks for the next one:
//
//	for event, n := r.Next(buf); n > 0; event, n = r.Next(buf) {
//		relay(event)
//		buf = buf[n:]
//	}
//
// The events are the same for every way the stream is cut into reads. The
// zero value is ready for the start of a stream.
type Reader struct {
	at      int // what lies before it has been searched
	line    int // the start of the line that at is in
	started bool
}

// Next returns the first event in buf, blank line included, and its length;
// or nil and 0 when buf does not hold a whole one. An event is all bytes up
// to a blank line, so it may be a comment or the blank line alone. It is
// borrowed from buf.
//
// Between two calls buf may only grow, or lose the event that was returned.
// Bytes are searched once, however often Next is called.
//
// A line that ends in CR is complete only when its next byte is known, as
// that may be the LF that belongs to it.
func (r *Reader) Next(buf []byte) ([]byte, int) {
	for {
		end, next := lineEnd(buf, r.at)
		if next < 0 {
			r.at = end
			return nil, 0
		}
		blank := end == r.line || r.line == 0 && !r.started && string(buf[:end]) == bom
		r.at, r.line = next, next
		if blank {
			r.at, r.line, r.started = 0, 0, true
			return buf[:next], next
		}
	}
}

// Tail returns what is left in buf at the end of the stream as a last event:
// servers forget the blank line after it. It is nil when nothing is left but
// line ends. An event cut short looks the same; only its data can tell.
func (r *Reader) Tail(buf []byte) []byte {
	*r = Reader{}
	if len(bytes.Trim(buf, "\r\n")) == 0 {
		return nil
	}
	return buf
}

const bom = "\ufeff"

// window bounds how far lineEnd looks for one kind of line end before it
// looks for the other, so that a stream with many of the one and none of the
// other is not searched again and again.
const window = 512

// lineEnd searches buf from at for the end of a line and returns where its
// terminator starts and ends. While there is none, next is -1 and end is
// where to search on.
func lineEnd(buf []byte, at int) (end, next int) {
	for at < len(buf) {
		part := buf[at:min(at+window, len(buf))]
		lf := bytes.IndexByte(part, '\n')
		if lf >= 0 {
			part = part[:lf]
		}
		cr := bytes.IndexByte(part, '\r')
		switch {
		case cr >= 0 && at+cr+1 == len(buf):
			return at + cr, -1
		case cr >= 0 && buf[at+cr+1] == '\n':
			return at + cr, at + cr + 2
		case cr >= 0:
			return at + cr, at + cr + 1
		case lf >= 0:
			return at + lf, at + lf + 1
		}
		at += len(part)
	}
	return at, -1
}

// Data returns the data and the name of an event that Next or Tail has
// returned. The data of one data line is borrowed from the event; several
// lines are joined by LF in scratch, which is no part of event and grows if it
// must. data is nil when the event has no data line: it is no message at all.
func Data(event, scratch []byte) (data, name []byte) {
	event = bytes.TrimPrefix(event, []byte(bom))
	joined := false
	for len(event) > 0 {
		end, next := lineEnd(event, 0)
		if next < 0 {
			next = len(event)
		}
		field, value := splitField(event[:end])
		event = event[next:]
		switch {
		case string(field) == "event":
			name = value
		case string(field) != "data":
		case data == nil:
			data = value
		default:
			if !joined {
				data = append(scratch[:0], data...)
				joined = true
			}
			data = append(append(data, '\n'), value...)
		}
	}
	return data, name
}

// splitField splits a line at its colon, less one space after it. The value
// of a line without colon is empty, and so is the field of a comment.
func splitField(line []byte) (field, value []byte) {
	colon := bytes.IndexByte(line, ':')
	if colon < 0 {
		return line, line[len(line):]
	}
	value = line[colon+1:]
	if len(value) > 0 && value[0] == ' ' {
		value = value[1:]
	}
	return line[:colon], value
}
