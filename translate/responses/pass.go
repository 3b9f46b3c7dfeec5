package responses

import (
	"bytes"

	"github.com/ai-mcp-gateway/gateway/translate"
)

// Prepare plans what has to change in the scanned request r for a provider of
// this dialect: model becomes the provider's name for it, and members that are
// the gateway's own go. Streams always report their usage, in the last event:
// stripUsage is false.
func (*Dialect) Prepare(p *translate.Plan, r *translate.Request, _ translate.Op, model []byte, _ bool) (stripUsage bool) {
	if bytes.HasPrefix(r.Body, byteOrderMark) {
		p.Replace(translate.Span{Start: 0, End: len(byteOrderMark)}, nil) // RFC 8259 8.1: not to be sent
	}
	if !bytes.Equal(r.Model, model) {
		p.Replace(r.Members[translate.FieldModel].Value, p.Quote(model))
	}
	r.RemoveConversationID(p)
	return false
}

// ReadAnswer reads the body of a complete answer that came with a status of
// success. It is valid when it is one JSON object with an output. One that is
// made in the background has no reason to end yet.
func (*Dialect) ReadAnswer(_ translate.Op, body []byte, a *translate.Answer) {
	*a = translate.Answer{}
	r, ok := scanResponse(body)
	switch {
	case !ok:
		return
	case r.failed():
		a.Failed = true
		return
	case translate.KindOf(r.output) != translate.KindArray:
		return
	}
	a.Valid = true
	finish, _ := r.finish(r.calls())
	a.Finish = finish.Brief()
	a.Usage, a.UsageSpan = readUsage(r.usage).Usage, r.usageSpan
}

// ReadEvent reads the data of one event of a stream. The whole of it is
// validated, so that one cut short or garbled is told from a sound one.
func (*Dialect) ReadEvent(data []byte, e *translate.StreamEvent) {
	*e = translate.StreamEvent{}
	switch trimmed := bytes.TrimSpace(data); {
	case len(trimmed) == 0, string(trimmed) == "[DONE]": // which some servers send after the end
		return
	}
	m, ok := scanMessage(data)
	if !ok {
		e.Kind = translate.EventMalformed
		return
	}
	e.Kind = translate.EventData
	switch m.kind {
	case "error", "response.failed":
		e.Kind = translate.EventError
	case "response.completed", "response.incomplete":
		readEnd(e, &m)
	default:
		e.Content = len(given(m.delta)) > len(`""`)
	}
}

// readEnd reads the event that ends a stream.
func readEnd(e *translate.StreamEvent, m *message) {
	r, ok := scanResponse(m.response)
	if ok && r.failed() {
		e.Kind = translate.EventError
		return
	}
	e.Kind = translate.EventDone
	finish, _ := r.finish(r.calls())
	e.Finish = finish.Brief()
	e.Usage = readUsage(r.usage).Usage
	if r.usage != nil {
		e.UsageSpan = translate.Span{Start: m.responseAt + r.usageSpan.Start, End: m.responseAt + r.usageSpan.End}
	}
}

// AppendUsageCost appends event with the member "cost", in USD, in the usage
// object that ends before usageEnd. nano is the cost in billionths of a
// dollar. A cost that the provider has put there itself is replaced. event may
// be the data of an event, or a whole answer, as well.
func (*Dialect) AppendUsageCost(dst, event []byte, usageEnd int, nano int64) []byte {
	start := usageStart(event, usageEnd)
	if start < 0 {
		return append(dst, event...)
	}
	at, lead := translate.Span{Start: usageEnd - 1, End: usageEnd - 1}, `"cost":`
	o := translate.Members(event[start:usageEnd])
	for o.Next() {
		lead = `,"cost":`
		if s := o.Span(); string(o.Key()) == "cost" {
			at, lead = translate.Span{Start: start + s.Start, End: start + s.End}, ""
			break
		}
	}
	dst = append(append(dst, event[:at.Start]...), lead...)
	dst = translate.AppendUSD(dst, nano)
	return append(dst, event[at.End:]...)
}

// usageStart returns where the usage object that ends before end starts,
// or -1.
func usageStart(event []byte, end int) int {
	const key = `"usage"`
	for from := min(end, len(event)); ; {
		from = bytes.LastIndex(event[:from], []byte(key))
		if from < 0 {
			return -1
		}
		value := bytes.TrimLeft(event[from+len(key):end], " \t\r\n:")
		o := translate.Members(value)
		for o.Next() {
		}
		if o.Complete() {
			return end - len(value)
		}
	}
}

// AppendDone appends nothing: the last event of a stream has the whole
// response, which only its maker can write.
func (*Dialect) AppendDone(dst []byte) ([]byte, bool) { return dst, false }
