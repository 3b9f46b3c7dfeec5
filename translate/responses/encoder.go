package responses

import (
	"strconv"

	"github.com/ai-mcp-gateway/gateway/translate"
	"github.com/ai-mcp-gateway/gateway/translate/neutral"
)

// NewEncoder returns an encoder of the stream that answers q.
func (*Dialect) NewEncoder(_ translate.Op, q *neutral.Request) neutral.Encoder {
	return &encoder{q: q, kinds: kindsOf(q)}
}

// encoder writes the events of one response. One item is open at a time; it is
// closed when the next one starts or the stream ends, as only then its status
// is known. So is a part: logprobs may come after its text has ended.
type encoder struct {
	q      *neutral.Request
	kinds  toolKinds
	serial neutral.Serial
	events []neutral.Event

	head    head
	started bool
	ended   bool
	numbered

	open   output
	items  int    // that are closed
	output []byte // they, with commas between them
	// arguments of a call that has to be unwrapped, delta and item are scratch.
	arguments, delta, item []byte

	finish neutral.Finish
	usage  neutral.Usage
}

// Append implements neutral.Encoder.
func (e *encoder) Append(dst []byte, event *neutral.Event) []byte {
	e.events = e.serial.Add(e.events[:0], event)
	for i := range e.events {
		if ev := &e.events[i]; ev.Choice == 0 && !e.ended {
			dst = e.event(dst, ev)
		}
	}
	return dst
}

func (e *encoder) event(dst []byte, ev *neutral.Event) []byte {
	if ev.Kind == neutral.Ping {
		return dst
	}
	dst = e.start(dst, ev)
	switch ev.Kind {
	case neutral.BlockStart:
		return e.blockStart(dst, ev)
	case neutral.TextDelta:
		return e.textDelta(dst, ev.Text)
	case neutral.ArgumentsDelta:
		return e.argumentsDelta(dst, ev.Text)
	case neutral.SignatureDelta:
		e.open.seal.signature = append(e.open.seal.signature, ev.Text...)
	case neutral.AnnotationDelta:
		return e.annotation(dst, ev.Text)
	case neutral.LogprobsDelta:
		e.open.addLogprobs(ev.Text)
	case neutral.UsageReport:
		e.usage = ev.Usage
	case neutral.Finished:
		e.finish = ev.Finish
	case neutral.End:
		return e.end(dst)
	}
	return dst
}

// start writes the events that a stream begins with, once.
func (e *encoder) start(dst []byte, ev *neutral.Event) []byte {
	if e.started {
		return dst
	}
	e.started = true
	e.head = newHead(ev.ID, ev.Model, ev.ServiceTier, ev.Created)
	if e.head.model == "" {
		e.head.model = e.q.Model
	}
	e.head.echo = echoOf(e.q)
	dst = e.response(dst, "response.created")
	return e.response(dst, "response.in_progress")
}

// numbered counts the events of a stream.
type numbered struct{ next int }

// begin starts an event; the caller writes the rest of the members and ends it.
func (n *numbered) begin(dst []byte, kind string) []byte {
	dst = append(append(dst, "event: "...), kind...)
	dst = append(append(append(dst, "\ndata: {\"type\":\""...), kind...), `","sequence_number":`...)
	dst = strconv.AppendInt(dst, int64(n.next), 10)
	n.next++
	return dst
}

const endEvent = "}\n\n"

// response writes an event with the whole response.
func (e *encoder) response(dst []byte, kind string) []byte {
	dst = append(e.begin(dst, kind), `,"response":`...)
	return append(e.head.append(dst, e.output, &e.usage), endEvent...)
}

// beginItem starts an event about the open item.
func (e *encoder) beginItem(dst []byte, kind string) []byte {
	dst = append(e.begin(dst, kind), `,"output_index":`...)
	dst = strconv.AppendInt(dst, int64(e.open.index), 10)
	return e.open.appendID(append(dst, `,"item_id":`...))
}

// beginPart starts an event about the open part of a message.
func (e *encoder) beginPart(dst []byte, kind string) []byte {
	dst = append(e.beginItem(dst, kind), `,"content_index":`...)
	return strconv.AppendInt(dst, int64(e.open.count), 10)
}

// end ends the stream as the reason to finish demands.
func (e *encoder) end(dst []byte) []byte {
	e.head.finish(e.finish)
	dst = e.closeItem(dst, e.head.itemStatus())
	e.ended = true
	return e.response(dst, "response."+e.head.status)
}

// Fail implements neutral.Encoder. There are clients that know only one of
// the two events.
func (e *encoder) Fail(dst []byte, err *translate.Error) []byte {
	if e.ended {
		return dst
	}
	dst = e.start(dst, &neutral.Event{})
	e.ended = true
	dst = appendErrorMembers(e.begin(dst, "error"), err)
	dst = append(dst, endEvent...)
	e.head.status, e.head.failure = "failed", err
	return e.response(dst, "response.failed")
}
