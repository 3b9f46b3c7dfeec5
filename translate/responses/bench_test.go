package responses

import (
	"testing"

	"github.com/ai-mcp-gateway/gateway/translate"
	"github.com/ai-mcp-gateway/gateway/translate/neutral"
)

const delta = `{"type":"response.output_text.delta","sequence_number":4,"item_id":"msg_68c4000000000000","output_index":0,"content_index":0,"delta":" word\n","logprobs":[],"obfuscation":"abcdef"}`

// relay is a stream in its middle: what decodes a provider's event and encodes
// it for a client.
type relay struct {
	dec    neutral.Decoder
	enc    neutral.Encoder
	events []neutral.Event
	out    []byte
}

func newRelay(tb testing.TB) *relay {
	tb.Helper()
	r := &relay{dec: New().NewDecoder(translate.OpResponses), enc: New().NewEncoder(translate.OpResponses, &neutral.Request{})}
	r.step(tb, frames(created))
	return r
}

func (r *relay) step(tb testing.TB, b []byte) {
	events, _, err := r.dec.Feed(r.events[:0], b)
	if err != nil {
		tb.Fatal(err)
	}
	r.events, r.out = events, r.out[:0]
	for i := range events {
		r.out = r.enc.Append(r.out, &events[i])
	}
}

func BenchmarkEvent(b *testing.B) {
	f := func(name, data string) {
		b.Run(name, func(b *testing.B) {
			event := frames(data)
			r := newRelay(b)
			b.ReportAllocs()
			b.SetBytes(int64(len(event)))
			for n := 0; b.Loop(); n++ {
				if n%1000 == 999 {
					r = newRelay(b)
				}
				r.step(b, event)
			}
		})
	}
	f("text", delta)
	f("ignored", `{"type":"response.web_search_call.searching","item_id":"ws_1","output_index":0,"sequence_number":3}`)
}

func BenchmarkReadEvent(b *testing.B) {
	d, data := New(), []byte(delta)
	var e translate.StreamEvent
	b.ReportAllocs()
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		d.ReadEvent(data, &e)
	}
}

func BenchmarkReadRequest(b *testing.B) {
	body := []byte(`{"model":"m","instructions":"Be brief.","input":[{"role":"user","content":"` + string(make1K()) + `"}],"temperature":0.5,"max_output_tokens":100}`)
	var r translate.Request
	if err := r.Scan(body); err != nil {
		b.Fatal(err)
	}
	target := neutral.Target{Model: "m"}
	b.ReportAllocs()
	b.SetBytes(int64(len(body)))
	var dst []byte
	for b.Loop() {
		q, err := New().ReadRequest(translate.OpResponses, &r)
		if err != nil {
			b.Fatal(err)
		}
		dst, _, _ = New().AppendRequest(dst[:0], q, &target)
	}
}

func BenchmarkReply(b *testing.B) {
	body, q := []byte(answer), &neutral.Request{}
	b.ReportAllocs()
	b.SetBytes(int64(len(body)))
	var dst []byte
	for b.Loop() {
		var a neutral.Reply
		if err := New().ReadReply(translate.OpResponses, body, &a); err != nil {
			b.Fatal(err)
		}
		dst = New().AppendReply(dst[:0], translate.OpResponses, q, &a)
	}
}

func make1K() []byte {
	text := make([]byte, 1024)
	for i := range text {
		text[i] = 'a' + byte(i%26)
	}
	return text
}
