package cohere

import (
	"testing"

	"github.com/ai-mcp-gateway/gateway/translate"
	"github.com/ai-mcp-gateway/gateway/translate/neutral"
)

func BenchmarkDecoder(b *testing.B) {
	for _, c := range []struct{ name, event string }{
		{"text", content("text", ` word\n`)},
		{"arguments", callDelta(`{\"a\":1}`)},
	} {
		b.Run(c.name, func(b *testing.B) {
			event := []byte(stream(c.event))
			d := New().NewDecoder(translate.OpChat)
			events, _, _ := d.Feed(nil, []byte(stream(messageStart, callStart("c", ""))))
			b.SetBytes(int64(len(event)))
			b.ReportAllocs()
			for b.Loop() {
				var err *translate.Error
				if events, _, err = d.Feed(events[:0], event); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkAppendRequest(b *testing.B) {
	q := ask("hi")
	q.Turns = append(q.Turns, turn(neutral.Assistant, callBlock("c", "weather", `{"city":"x"}`)), turn(neutral.User, resultBlock("c", textBlock("rain"))))
	t := &neutral.Target{Model: "m"}
	var dst []byte
	b.ReportAllocs()
	for b.Loop() {
		dst, _, _ = New().AppendRequest(dst[:0], q, t)
	}
}
