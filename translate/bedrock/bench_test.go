package bedrock

import (
	"testing"

	"github.com/ai-mcp-gateway/gateway/translate"
	"github.com/ai-mcp-gateway/gateway/translate/neutral"
)

func BenchmarkDecoder(b *testing.B) {
	f := func(name string, m message) {
		b.Run(name, func(b *testing.B) {
			piece := frames(b, m)
			d := New().NewDecoder(translate.OpChat)
			var events []neutral.Event
			b.ReportAllocs()
			b.SetBytes(int64(len(piece)))
			for b.Loop() {
				var err *translate.Error
				if events, _, err = d.Feed(events[:0], piece); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	f("text", delta(0, `"text":"some text"`))
	f("escaped", delta(0, `"text":"some \"text\"\n"`))
	f("metadata", metadata)
}

func BenchmarkAppendRequest(b *testing.B) {
	q := neutral.Request{System: []neutral.Block{text("be brief")}, Turns: hello, MaxTokens: []byte("100"), Temperature: []byte("0.5")}
	var dst []byte
	b.ReportAllocs()
	for b.Loop() {
		var err *translate.Error
		if dst, _, err = New().AppendRequest(dst[:0], &q, &neutral.Target{Model: "m"}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAppendHead(b *testing.B) {
	d := New()
	v := translate.Envelope{
		Host: "bedrock-runtime.us-east-1.amazonaws.com", Model: "m-v1:0", Key: "AKID:secret", Time: noon,
		Body: [][]byte{make([]byte, 1024)},
	}
	var dst []byte
	b.ReportAllocs()
	for b.Loop() {
		dst = d.AppendHead(dst[:0], &v)
	}
}
