//go:build !race

package openai

import (
	"testing"

	"github.com/ai-mcp-gateway/gateway/translate"
)

// TestAllocations holds everything that each request or chunk passes through
// to zero allocations, once the buffers have grown.
func TestAllocations(t *testing.T) {
	request := []byte(`{"model":"L0","stream":true,"stream_options":{"include_usage":false},"conversation_id":"c","messages":[]}`)
	model, answer := []byte("gpt-5-mini"), []byte(answerOf(1000))
	content, usage, done := []byte(contentChunk), []byte(usageChunk), []byte("[DONE]")
	failure := &translate.Error{Code: translate.ProviderReset, Message: "The stream broke."}
	d := New()
	var r translate.Request
	var p translate.Plan
	var a translate.Answer
	var e translate.StreamEvent
	var out []byte
	allocs := testing.AllocsPerRun(100, func() {
		if r.Scan(request) != nil || r.Check(translate.OpChat) != nil {
			t.Fatal("refused")
		}
		p.Reset()
		if !d.Prepare(&p, &r, translate.OpChat, model, true) {
			t.Fatal("usage was asked for")
		}
		out = p.Append(out[:0], request)
		if d.ReadAnswer(translate.OpChat, answer, &a); !a.Valid {
			t.Fatal("no answer")
		}
		if d.ReadEvent(content, &e); !e.Content {
			t.Fatal("no content")
		}
		if d.ReadEvent(done, &e); e.Kind != translate.EventDone {
			t.Fatal("not done")
		}
		if d.ReadEvent(usage, &e); e.Kind != translate.EventUsage {
			t.Fatal("no usage")
		}
		out = d.AppendUsageCost(out[:0], usage, e.UsageSpan.End, 12500)
		out = d.AppendErrorEvent(out[:0], failure)
	})
	if allocs != 0 {
		t.Errorf("%v allocations, want 0", allocs)
	}
}
