package anthropic

import (
	"bytes"

	"github.com/ai-mcp-gateway/gateway/translate"
)

// ReadAnswer reads the body of a complete answer to op that came with a
// status of success. It is valid when it is a message with content or, of a
// count of tokens, has a number.
func (*Dialect) ReadAnswer(op translate.Op, body []byte, a *translate.Answer) {
	*a = translate.Answer{}
	if op == translate.OpCountTokens {
		readCount(body, a)
		return
	}
	m, ok := readMessage(body)
	switch {
	case !ok:
		return
	case m.failed():
		a.Failed = true
		return
	}
	a.Valid = string(m.kind) == "message" && translate.KindOf(m.content) == translate.KindArray
	if a.Finish = brief(m.stopReason); a.Finish == translate.FinishNone {
		a.Finish = translate.FinishOther // it will not be said any more
	}
	if translate.KindOf(m.usage) == translate.KindObject {
		a.Usage, a.UsageSpan = readUsage(m.usage), m.usageSpan
	}
}

func readCount(body []byte, a *translate.Answer) {
	o := translate.Members(body)
	for o.Next() {
		switch string(o.Key()) {
		case "input_tokens":
			a.Valid = o.Kind() == translate.KindNumber
		case "error":
			a.Failed = a.Failed || o.Kind() != translate.KindNull
		}
	}
	a.Failed = a.Failed && o.Complete()
	a.Valid = a.Valid && o.Complete() && !a.Failed
}

// readUsage reads the raw usage object of one report.
func readUsage(raw []byte) translate.Usage {
	var n counts
	n.read(translate.Members(raw))
	return n.usage().Usage
}

// brief is a raw stop_reason as the engine needs it.
func brief(stopReason []byte) translate.Finish {
	return finishFor(stopReason, false, false).Brief()
}

// ReadEvent reads the data of one event of a stream.
//
// The usage of message_start and that of message_delta are snapshots that need
// not have the same fields; what an event leaves out is zero here. Only the
// latter has a span, as it alone is final.
func (*Dialect) ReadEvent(data []byte, e *translate.StreamEvent) {
	*e = translate.StreamEvent{}
	if len(bytes.TrimSpace(data)) == 0 {
		return
	}
	var kind, delta, block, message []byte
	failed := false
	o := translate.Members(data)
	for o.Next() {
		switch v := o.Value(); string(o.Key()) {
		case "type":
			kind = unquoted(v)
		case "delta":
			delta = v
		case "content_block":
			block = v
		case "message":
			message = v
		case "error":
			failed = failed || o.Kind() != translate.KindNull
		case "usage":
			if o.Kind() == translate.KindObject {
				e.Usage, e.UsageSpan = readUsage(v), o.Span()
			}
		}
	}
	switch {
	case !o.Complete():
		*e = translate.StreamEvent{Kind: translate.EventMalformed}
		return
	case failed || string(kind) == "error":
		e.Kind = translate.EventError
		return
	}
	e.Kind = translate.EventData
	switch string(kind) {
	case "message_start":
		m, _ := readMessage(message)
		e.Usage, e.UsageSpan = readUsage(m.usage), translate.Span{}
	case "message_delta":
		e.Finish = brief(readPiece(delta).stopReason)
	case "message_stop":
		e.Kind = translate.EventDone
	case "content_block_start":
		f := readFields(translate.Members(block))
		e.Content = string(f.kind) != "text" && string(f.kind) != "thinking" || len(f.text) > 2 || len(f.thinking) > 2
	case "content_block_delta":
		p := readPiece(delta)
		e.Content = max(len(p.text), len(p.thinking), len(p.partial), len(p.content)) > 2
	}
}

// AppendUsageCost appends event with the member "cost", in USD, at the end of
// the usage object that ends before usageEnd. nano is the cost in billionths
// of a dollar. A cost that the provider has put there itself is replaced.
// event may be the data of an event, or a whole answer, as well.
func (*Dialect) AppendUsageCost(dst, event []byte, usageEnd int, nano int64) []byte {
	usage, ok := usageBefore(event, usageEnd)
	if !ok {
		return append(dst, event...)
	}
	at, member := translate.Span{Start: usageEnd - 1, End: usageEnd - 1}, `"cost":`
	o := translate.Members(usage.Of(event))
	for o.Next() {
		if s := o.Span(); string(o.Key()) == "cost" {
			at, member = translate.Span{Start: usage.Start + s.Start, End: usage.Start + s.End}, ""
			break
		}
		member = `,"cost":`
	}
	dst = append(append(dst, event[:at.Start]...), member...)
	dst = translate.AppendUSD(dst, nano)
	return append(dst, event[at.End:]...)
}

// usageBefore finds the usage object that ends at end.
func usageBefore(event []byte, end int) (translate.Span, bool) {
	const key = `"usage"`
	for from := end; ; {
		from = bytes.LastIndex(event[:from], []byte(key))
		if from < 0 {
			return translate.Span{}, false
		}
		value := bytes.TrimLeft(event[from+len(key):end], " \t\r\n:")
		o := translate.Members(value)
		for o.Next() {
		}
		if o.Complete() {
			return translate.Span{Start: end - len(value), End: end}, true
		}
	}
}

// AppendDone appends the event that ends a stream well.
func (*Dialect) AppendDone(dst []byte) ([]byte, bool) {
	return append(dst, "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n"...), true
}
