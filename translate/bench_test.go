package translate

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

// chatBody returns a chat request of about size bytes of English text.
func chatBody(size int) []byte {
	const text = "The quick brown fox jumps over the lazy dog, and then it rests in the shade of a tree. "
	head := `{"model":"gpt-5-mini","stream":true,"temperature":0.7,"max_completion_tokens":512,"user":"u-1",` +
		`"messages":[{"role":"system","content":"You are a helpful assistant."},` +
		`{"role":"user","content":"What is the capital of France?"},` +
		`{"role":"assistant","content":"Paris.\nAnything else?"},{"role":"user","content":"`
	tail := `"}]}`
	return []byte(head + strings.Repeat(text, size/len(text)+1)[:max(0, size-len(head)-len(tail))] + tail)
}

func BenchmarkScan(b *testing.B) {
	bodies := []struct {
		name string
		body []byte
	}{
		{"chat_1KB", chatBody(1 << 10)},
		{"chat_32KB", chatBody(32 << 10)},
		{"chat_1MB", chatBody(1 << 20)},
		{"emoji_1MB", bytes.ReplaceAll(chatBody(1<<20), []byte("fox"), []byte("🦊"))},
		{"code_32KB", bytes.ReplaceAll(chatBody(32<<10), []byte(", "), []byte(`\n\t`))},
		{"tokens_32KB", []byte(`{"model":"m","input":[1` + strings.Repeat(",1234", 6500) + `]}`)},
	}
	for _, c := range bodies {
		b.Run(c.name, func(b *testing.B) {
			var r Request
			b.SetBytes(int64(len(c.body)))
			b.ReportAllocs()
			for b.Loop() {
				if err := r.Scan(c.body); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkPlan(b *testing.B) {
	for _, size := range []int{1 << 10, 32 << 10} {
		b.Run(fmt.Sprintf("append_%dKB", size>>10), func(b *testing.B) {
			body := chatBody(size)
			var r Request
			if err := r.Scan(body); err != nil {
				b.Fatal(err)
			}
			var p Plan
			var out []byte
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				p.Reset()
				p.Replace(r.Members[FieldModel].Value, p.Quote([]byte("another-model")))
				r.Remove(&p, FieldUser)
				out = p.Append(out[:0], body)
			}
		})
	}
}
