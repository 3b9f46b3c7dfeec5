package openai

import (
	"testing"

	"github.com/ai-mcp-gateway/gateway/translate"
	"github.com/ai-mcp-gateway/gateway/translate/neutral"
)

func BenchmarkCodec(b *testing.B) {
	b.Run("event", func(b *testing.B) {
		frame := []byte("data: " + contentChunk + "\n\n")
		d, s := New().NewDecoder(translate.OpChat), New().NewEncoder(translate.OpChat, &neutral.Request{})
		var events []neutral.Event
		var out []byte
		b.ReportAllocs()
		for b.Loop() {
			events, _, _ = d.Feed(events[:0], frame)
			for i := range events {
				out = s.Append(out[:0], &events[i])
			}
		}
	})
	b.Run("request", func(b *testing.B) {
		var r translate.Request
		if err := r.Scan([]byte(`{"model":"m",` + calling(`{"role":"tool","tool_call_id":"a","content":"1"}`) + `,` + oneTool + `,"temperature":1}`)); err != nil {
			b.Fatal(err)
		}
		var out []byte
		b.ReportAllocs()
		for b.Loop() {
			q, err := New().ReadRequest(translate.OpChat, &r)
			if err != nil {
				b.Fatal(err)
			}
			out, _, _ = New().AppendRequest(out[:0], q, &neutral.Target{Model: "p"})
		}
	})
	b.Run("reply", func(b *testing.B) {
		body := []byte(answerOf(1000))
		var a neutral.Reply
		var out []byte
		b.ReportAllocs()
		for b.Loop() {
			if err := New().ReadReply(translate.OpChat, body, &a); err != nil {
				b.Fatal(err)
			}
			out = New().AppendReply(out[:0], translate.OpChat, &neutral.Request{}, &a)
		}
	})
}
