package neutral

import "github.com/ai-mcp-gateway/gateway/translate"

// Replay appends the events of a whole answer: what a stream of it would have
// had, with the usage at the start, where it is known. A Collector of them
// gives r back. The bytes are r's.
func Replay(dst []Event, r *Reply) []Event {
	dst = append(dst, Event{
		Kind: Start, ID: r.ID, Model: r.Model, Created: r.Created,
		ServiceTier: r.ServiceTier, Fingerprint: r.Fingerprint,
	})
	if r.Usage != (Usage{}) {
		dst = append(dst, Event{Kind: UsageReport, Usage: r.Usage})
	}
	for i := range r.Choices {
		choice := &r.Choices[i]
		for j := range choice.Blocks {
			dst = replayBlock(dst, &choice.Blocks[j], i, j)
		}
		if len(choice.Logprobs) > 0 {
			dst = append(dst, Event{Kind: LogprobsDelta, Choice: i, Text: choice.Logprobs})
		}
		dst = append(dst, Event{
			Kind: Finished, Choice: i,
			Finish: choice.Finish, Native: choice.Native, StopSequence: choice.StopSequence,
		})
	}
	return append(dst, Event{Kind: End})
}

func replayBlock(dst []Event, b *Block, choice, index int) []Event {
	start := Event{
		Kind: BlockStart, Choice: choice, Index: index, Block: b.Kind,
		ToolID: b.ID, Name: b.Name, Custom: b.Custom, Redacted: b.Redacted, Origin: b.Origin,
		Signature: b.Signature, Raw: b.Raw, Dialect: b.Dialect,
	}
	if b.Kind == Thinking {
		start.Signature = nil // it comes after the text
	}
	if b.Kind == Image || b.Kind == Audio || b.Kind == File {
		start.Media = &b.Media
	}
	dst = append(dst, start)
	delta := func(kind EventKind, text []byte) {
		if len(text) > 0 {
			dst = append(dst, Event{Kind: kind, Choice: choice, Index: index, Block: b.Kind, Text: text})
		}
	}
	delta(TextDelta, b.Text)
	delta(ArgumentsDelta, b.Arguments)
	for a := translate.Elements(b.Annotations); a.Next(); {
		delta(AnnotationDelta, a.Value())
	}
	if b.Kind == Thinking {
		delta(SignatureDelta, b.Signature)
	}
	return append(dst, Event{Kind: BlockStop, Choice: choice, Index: index, Block: b.Kind})
}
