package openai

import (
	"bytes"

	"github.com/ai-mcp-gateway/gateway/translate"
)

// ReadAnswer reads the body of a complete answer to op that came with a
// status of success. It is valid when it is one JSON object with choices, or
// with data for embeddings.
func (*Dialect) ReadAnswer(op translate.Op, body []byte, a *translate.Answer) {
	*a = translate.Answer{}
	r, ok := read(body)
	switch {
	case !ok:
		return
	case r.failed:
		a.Failed = true
		return
	case op == translate.OpEmbedding:
		a.Valid = r.data
	default:
		a.Valid, a.Finish = r.choices, r.finish
	}
	if r.unfinished {
		a.Finish = max(a.Finish, translate.FinishOther) // it will not be said any more
	}
	a.Usage, a.UsageSpan = r.usage, r.usageSpan
}

// ReadEvent reads the data of one event of a stream. The whole of it is
// validated, so that a chunk cut short or garbled is told from a sound one.
func (*Dialect) ReadEvent(data []byte, e *translate.StreamEvent) {
	*e = translate.StreamEvent{}
	switch text := bytes.TrimSpace(data); {
	case len(text) == 0:
		return
	case string(text) == "[DONE]":
		e.Kind = translate.EventDone
		return
	}
	r, ok := read(data)
	switch {
	case !ok:
		e.Kind = translate.EventMalformed
		return
	case r.failed:
		e.Kind = translate.EventError
	case r.count == 0 && !r.usageSpan.Empty():
		e.Kind = translate.EventUsage
	default:
		e.Kind = translate.EventData
	}
	e.Content, e.Finish = r.content, r.finish
	e.Usage, e.UsageSpan = r.usage, r.usageSpan
}
