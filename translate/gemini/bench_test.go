package gemini

import (
	"testing"

	"github.com/ai-mcp-gateway/gateway/translate"
	"github.com/ai-mcp-gateway/gateway/translate/neutral"
)

const textChunk = "data: {\"candidates\": [{\"content\": {\"parts\": [{\"text\": \" is Paris. The city is\\nwell-known for its\"}],\"role\": \"model\"},\"index\": 0}]," +
	"\"usageMetadata\": {\"promptTokenCount\": 15,\"candidatesTokenCount\": 29,\"totalTokenCount\": 1556,\"promptTokensDetails\": [{\"modality\": \"TEXT\",\"tokenCount\": 15}]," +
	"\"thoughtsTokenCount\": 742},\"modelVersion\": \"m-1\",\"responseId\": \"6hkqaYC5BbGEz7IPwb3ggA8\"}\r\n\r\n"

func BenchmarkDecoder(b *testing.B) {
	for _, c := range []struct{ name, event string }{
		{"text", textChunk},
		{"call", stream(parts(`{"functionCall":{"id":"c","name":"a","args":{"x":"a"}},"thoughtSignature":"s"}`))},
	} {
		b.Run(c.name, func(b *testing.B) {
			event := []byte(c.event)
			d := New().NewDecoder(translate.OpChat)
			var events []neutral.Event
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

func BenchmarkReadReply(b *testing.B) {
	body := []byte(fullAnswer)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		var a neutral.Reply
		if err := New().ReadReply(translate.OpChat, body, &a); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAppendRequest(b *testing.B) {
	q := ask("hi")
	q.System = []neutral.Block{textBlock("Be brief.")}
	q.Tools = []neutral.Tool{{Name: "weather", Description: "d", Schema: []byte(`{"type":"object","properties":{"city":{"type":"string"}}}`)}}
	q.Turns = append(q.Turns, turn(neutral.Assistant, callBlock("c", "weather", `{"city":"x"}`)), turn(neutral.User, resultBlock("c", textBlock("rain"))))
	t := &neutral.Target{Model: "m"}
	var dst []byte
	b.ReportAllocs()
	for b.Loop() {
		dst, _, _ = New().AppendRequest(dst[:0], q, t)
	}
}
