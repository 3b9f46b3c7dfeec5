package openai

import (
	"bytes"

	"github.com/ai-mcp-gateway/gateway/translate"
)

// AppendUsageCost appends event with the member "cost", in USD, at the end of
// the usage object that ends before usageEnd. nano is the cost in billionths
// of a dollar. A cost that the provider has put there itself is replaced.
// event may be the data of an event, or a whole answer, as well.
func (*Dialect) AppendUsageCost(dst, event []byte, usageEnd int, nano int64) []byte {
	start := usageStart(event, usageEnd)
	if start < 0 {
		return append(dst, event...)
	}
	at, member := costPlace(event, translate.Span{Start: start, End: usageEnd})
	dst = append(dst, event[:at.Start]...)
	dst = append(dst, member...)
	dst = translate.AppendUSD(dst, nano)
	return append(dst, event[at.End:]...)
}

// costPlace returns the bytes that the cost replaces and what stands before
// its value: nothing when there is a value already.
func costPlace(event []byte, usage translate.Span) (at translate.Span, member string) {
	member = `"cost":`
	o := translate.Members(usage.Of(event))
	for o.Next() {
		if s := o.Span(); string(o.Key()) == "cost" {
			return translate.Span{Start: usage.Start + s.Start, End: usage.Start + s.End}, ""
		}
		member = `,"cost":`
	}
	return translate.Span{Start: usage.End - 1, End: usage.End - 1}, member
}

// usageStart returns where the usage object that ends before end starts,
// or -1.
func usageStart(event []byte, end int) int {
	const key = `"usage"`
	for from := end; ; {
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
