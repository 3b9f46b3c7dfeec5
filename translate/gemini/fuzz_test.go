package gemini

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ai-mcp-gateway/gateway/translate"
	"github.com/ai-mcp-gateway/gateway/translate/neutral"
)

// FuzzDecoder checks that no bytes break the decoder, that events come in
// order, and that they are the same however the bytes arrive.
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
		if err != nil {
			return
		}
		for _, c := range a.Choices {
			checkBlocks(t, c.Blocks)
		}
	})
}

// checkBlocks checks what encoders rely on.
func checkBlocks(t *testing.T, blocks []neutral.Block) {
	for _, b := range blocks {
		switch {
		case b.Kind == 0:
			t.Fatalf("a block of no kind: %+v", b)
		case b.Kind == neutral.ToolUse && (b.ID == "" || !json.Valid(b.Arguments)):
			t.Fatalf("call %q with %q", b.ID, b.Arguments)
		case b.Annotations != nil && !json.Valid(b.Annotations):
			t.Fatalf("annotations %q", b.Annotations)
		}
	}
}

func FuzzReadReply(f *testing.F) {
	f.Add([]byte(fullAnswer))
	f.Add([]byte(stopped))
	f.Add([]byte(`[{"error":{"code":429,"status":"X","message":"m","details":[{"retryDelay":"3s"},{"fieldViolations":[{"field":"f"}]}]}}]`))
	f.Add([]byte(`{"promptFeedback":{"blockReason":"X"}}`))
	f.Add([]byte(`{"embeddings":[{"values":[1,2]}],"usageMetadata":{"promptTokenCount":1}}`))
	f.Add([]byte(`{"candidates":[{"logprobsResult":{"chosenCandidates":[{"token":"a","logProbability":-1}],"topCandidates":[{"candidates":[{}]}]}}]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		var a neutral.Reply
		if New().ReadReply(translate.OpChat, body, &a) == nil {
			if len(a.Choices) == 0 {
				t.Fatal("no choices")
			}
			for _, c := range a.Choices {
				checkBlocks(t, c.Blocks)
				if c.Logprobs != nil && !json.Valid(c.Logprobs) {
					t.Fatalf("logprobs %q", c.Logprobs)
				}
			}
		}
		var v neutral.Vectors
		_ = New().ReadVectors(body, &v)
		for _, status := range []int{200, 400, 429} {
			if e := New().ReadError(status, body); e.Code == translate.CodeNone || e.Message == "" || e.RetryAfter < 0 {
				t.Fatalf("%+v", e)
			}
		}
	})
}
