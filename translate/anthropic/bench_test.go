package anthropic

import (
	"strings"
	"testing"

	"github.com/ai-mcp-gateway/gateway/translate"
	"github.com/ai-mcp-gateway/gateway/translate/neutral"
)

const words = "Some words of text, and then a few more. "

func BenchmarkEvent(b *testing.B) {
	for _, c := range []struct{ name, block, delta string }{
		{"text", openText, `{"type":"text_delta","text":" word\n"}`},
		{"arguments", openCall, `{"type":"input_json_delta","partial_json":"{\"a\":1,"}`},
	} {
		b.Run(c.name, func(b *testing.B) {
			step, frame := relay(c.block), stream(blockDelta("0", c.delta))
			b.SetBytes(int64(len(frame)))
			b.ReportAllocs()
			for b.Loop() {
				step(frame)
			}
		})
	}
	for name, data := range map[string]string{"pass_text": blockDelta("0", `{"type":"text_delta","text":" word"}`), "pass_usage": messageDelta("end_turn")} {
		b.Run(name, func(b *testing.B) {
			d, data := New(), []byte(data)
			var e translate.StreamEvent
			b.ReportAllocs()
			for b.Loop() {
				d.ReadEvent(data, &e)
			}
		})
	}
}

// The blocks that deltas go to.
const (
	openText = `{"type":"text","text":""}`
	openCall = `{"type":"tool_use","id":"a","name":"f","input":{}}`
)

// relay returns what decodes a frame and encodes its events, in a stream where
// block is open.
func relay(block string) func(frame []byte) {
	d := New().NewDecoder(translate.OpMessages)
	c := New().NewEncoder(translate.OpMessages, &neutral.Request{})
	var events []neutral.Event
	var out []byte
	step := func(frame []byte) {
		events, _, _ = d.Feed(events[:0], frame)
		out = out[:0]
		for i := range events {
			out = c.Append(out, &events[i])
		}
	}
	step(stream(messageStart, blockStart("0", block)))
	return step
}

func BenchmarkRequest(b *testing.B) {
	var r translate.Request
	body := `{"model":"m","max_tokens":100,"system":"Be brief.","messages":[{"role":"user","content":"` + strings.Repeat(words, 22) +
		`"}],"tools":[{"name":"f","input_schema":{"type":"object","properties":{"a":{"type":"string"}}}}]}`
	if err := r.Scan([]byte(body)); err != nil {
		b.Fatal(err)
	}
	to := neutral.Target{Model: "m"}
	var out []byte
	b.Run("read_1KB", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := New().ReadRequest(translate.OpMessages, &r); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("append_1KB", func(b *testing.B) {
		q, _ := New().ReadRequest(translate.OpMessages, &r)
		b.ReportAllocs()
		for b.Loop() {
			out, _, _ = New().AppendRequest(out[:0], q, &to)
		}
	})
}

func BenchmarkReply(b *testing.B) {
	body := []byte(`{"id":"msg_1","type":"message","role":"assistant","model":"m","content":[{"type":"text","text":"` +
		strings.Repeat(words, 22) + `"}],"stop_reason":"end_turn","usage":{"input_tokens":10,"output_tokens":20}}`)
	var a neutral.Reply
	var out []byte
	b.Run("read_1KB", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if err := New().ReadReply(translate.OpMessages, body, &a); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("append_1KB", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			out = New().AppendReply(out[:0], translate.OpMessages, &neutral.Request{}, &a)
		}
	})
}
