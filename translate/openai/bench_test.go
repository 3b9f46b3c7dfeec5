package openai

import (
	"os"
	"strings"
	"testing"

	"github.com/ai-mcp-gateway/gateway/translate"
)

const contentChunk = `{"id":"chatcmpl-123456789","object":"chat.completion.chunk","created":1720000000,"model":"gpt-5-mini",` +
	`"system_fingerprint":"fp_1","choices":[{"index":0,"delta":{"content":" word"},"logprobs":null,"finish_reason":null}],"usage":null}`

const usageChunk = `{"id":"chatcmpl-123456789","object":"chat.completion.chunk","created":1720000000,"model":"gpt-5-mini",` +
	`"choices":[],"usage":{"prompt_tokens":12,"completion_tokens":34,"total_tokens":46,` +
	`"prompt_tokens_details":{"cached_tokens":0,"audio_tokens":0},` +
	`"completion_tokens_details":{"reasoning_tokens":0,"audio_tokens":0,"accepted_prediction_tokens":0}}}`

// answerOf returns a chat answer with a text of about size bytes.
func answerOf(size int) string {
	return `{"id":"chatcmpl-1","object":"chat.completion","created":1720000000,"model":"gpt-5-mini","choices":[{"index":0,` +
		`"message":{"role":"assistant","content":"` + strings.Repeat("Some words of text.\\n", size/21) + `"},"finish_reason":"stop"}],` +
		`"usage":{"prompt_tokens":12,"completion_tokens":34,"total_tokens":46}}`
}

func BenchmarkReadEvent(b *testing.B) {
	for _, c := range []struct{ name, data string }{{"content", contentChunk}, {"usage", usageChunk}, {"done", "[DONE]"}} {
		b.Run(c.name, func(b *testing.B) {
			data, d := []byte(c.data), New()
			var e translate.StreamEvent
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			for b.Loop() {
				d.ReadEvent(data, &e)
			}
		})
	}
}

func BenchmarkReadAnswer(b *testing.B) {
	embedding := `{"object":"list","data":[{"object":"embedding","index":0,"embedding":[0.0012345` +
		strings.Repeat(",-0.01234567", 1535) + `]}],"usage":{"prompt_tokens":8,"total_tokens":8}}`
	for _, c := range []struct {
		name, body string
		op         translate.Op
	}{
		{"chat_1KB", answerOf(700), translate.OpChat},
		{"chat_32KB", answerOf(32 << 10), translate.OpChat},
		{"embedding_18KB", embedding, translate.OpEmbedding},
	} {
		b.Run(c.name, func(b *testing.B) {
			body, d := []byte(c.body), New()
			var a translate.Answer
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			for b.Loop() {
				if d.ReadAnswer(c.op, body, &a); !a.Valid {
					b.Fatal("not valid")
				}
			}
		})
	}
}

func BenchmarkPrepare(b *testing.B) {
	var r translate.Request
	if err := r.Scan([]byte(`{"model":"L0","stream":true,"conversation_id":"c","messages":[]}`)); err != nil {
		b.Fatal(err)
	}
	var p translate.Plan
	d, model := New(), []byte("gpt-5-mini")
	b.ReportAllocs()
	for b.Loop() {
		p.Reset()
		d.Prepare(&p, &r, translate.OpChat, model, true)
	}
}

func BenchmarkAppendStream(b *testing.B) {
	answer, d := []byte(answerOf(2000)), New()
	var dst []byte
	b.ReportAllocs()
	for b.Loop() {
		dst, _, _ = d.AppendStream(dst[:0], answer, translate.OpChat)
	}
}

func BenchmarkAppendAnswer(b *testing.B) {
	stream, err := os.ReadFile("testdata/streams/text.sse")
	if err != nil {
		b.Fatal(err)
	}
	d := New()
	var dst []byte
	b.ReportAllocs()
	for b.Loop() {
		dst, _ = d.AppendAnswer(dst[:0], stream, translate.OpChat)
	}
}
