package openai

import (
	"bytes"

	"github.com/ai-mcp-gateway/gateway/translate"
)

var (
	includeUsageValue  = []byte(`true`)
	includeUsageFirst  = []byte(`"include_usage":true,`)
	includeUsageOnly   = []byte(`"include_usage":true`)
	streamOptionsValue = []byte(`{"include_usage":true}`)
	streamOptions      = []byte(`,"stream_options":{"include_usage":true}`)

	byteOrderMark = []byte("\ufeff")
)

// Prepare plans what has to change in the scanned request r for a provider:
// model becomes the provider's name for it, members that are the gateway's
// own go, and with askUsage a stream is made to report its usage.
// stripUsage is true when the client did not ask for that report, so that
// events of kind EventUsage are to be kept from it.
func (*Dialect) Prepare(p *translate.Plan, r *translate.Request, op translate.Op, model []byte, askUsage bool) (stripUsage bool) {
	if bytes.HasPrefix(r.Body, byteOrderMark) {
		p.Replace(translate.Span{Start: 0, End: len(byteOrderMark)}, nil) // RFC 8259 8.1: not to be sent
	}
	if !bytes.Equal(r.Model, model) {
		p.Replace(r.Members[translate.FieldModel].Value, p.Quote(model))
	}
	r.RemoveConversationID(p)
	if !askUsage || !r.Stream || op != translate.OpChat && op != translate.OpCompletion {
		return false
	}
	return includeUsage(p, r)
}

// includeUsage plans stream_options.include_usage and reports whether it was
// missing.
func includeUsage(p *translate.Plan, r *translate.Request) bool {
	options := r.Members[translate.FieldStreamOptions].Value
	switch r.Usage {
	case translate.UsageTrue:
		return false
	case translate.UsageAbsent:
		at := r.Members[translate.FieldStream].Value.End
		p.Replace(translate.Span{Start: at, End: at}, streamOptions)
	case translate.UsageNull:
		p.Replace(options, streamOptionsValue)
	case translate.UsageFalse:
		p.Replace(r.IncludeUsage, includeUsageValue)
	case translate.UsageObject:
		member := includeUsageFirst
		inside := r.Body[options.Start+1 : options.End-1]
		if len(bytes.TrimLeft(inside, " \t\r\n")) == 0 {
			member = includeUsageOnly
		}
		p.Replace(translate.Span{Start: options.Start + 1, End: options.Start + 1}, member)
	}
	return true
}
