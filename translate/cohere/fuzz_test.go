package cohere

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ai-mcp-gateway/gateway/translate"
	"github.com/ai-mcp-gateway/gateway/translate/neutral"
)

// FuzzDecoder checks that no bytes break the decoder, and that the events are
// the same however the bytes arrive.
func FuzzDecoder(f *testing.F) {
	for _, s := range streams {
		f.Add([]byte(s), 3)
	}
	f.Fuzz(func(t *testing.T, s []byte, size int) {
		if size < 1 || len(s) > 1<<11 {
			return
		}
		_, want, wantErr := decode(string(s), len(s)+1)
		a, got, err := decode(string(s), size)
		if diff := cmp.Diff(want, got); diff != "" || (err == nil) != (wantErr == nil) {
			t.Fatalf("pieces of %d: %v, %v %s", size, err, wantErr, diff)
		}
		if err == nil && len(a.Choices) != 1 {
			t.Fatalf("%d choices", len(a.Choices))
		}
	})
}

func FuzzReadReply(f *testing.F) {
	f.Add([]byte(`{"id":"i","message":{"content":[{"type":"text","text":"a"}],"tool_plan":"p","tool_calls":[{"id":"c","function":{"name":"f","arguments":"{}"}}],"citations":[{}]},"finish_reason":"COMPLETE",` + usage + `}`))
	f.Add([]byte(`{"message":"m"}`))
	f.Add([]byte(`{"embeddings":{"float":[[1]]},"meta":{"billed_units":{"input_tokens":10}}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		var a neutral.Reply
		if New().ReadReply(translate.OpChat, body, &a) == nil {
			for _, b := range a.Choices[0].Blocks {
				if b.Kind == neutral.ToolUse && (b.ID == "" || !json.Valid(b.Arguments)) || b.Annotations != nil && !json.Valid(b.Annotations) {
					t.Fatalf("%+v", b)
				}
			}
		}
		var v neutral.Vectors
		_ = New().ReadVectors(body, &v)
		for _, status := range []int{200, 400, 429} {
			if e := New().ReadError(status, body); e.Code == translate.CodeNone || e.Message == "" {
				t.Fatalf("%+v", e)
			}
		}
	})
}
