package cohere

import (
	"testing"

	"github.com/ai-mcp-gateway/gateway/translate"
)

// A stream that ends with an error has no good end, whatever came before it.
func TestErrorAtEnd(t *testing.T) {
	f := func(delta string, fails bool) {
		t.Helper()
		stream := "data: {\"type\":\"message-start\",\"id\":\"a\"}\n\n" +
			"data: {\"type\":\"content-start\",\"index\":0,\"delta\":{\"message\":{\"content\":{\"type\":\"text\",\"text\":\"\"}}}}\n\n" +
			"data: {\"type\":\"content-delta\",\"index\":0,\"delta\":{\"message\":{\"content\":{\"text\":\"Half\"}}}}\n\n" +
			"data: {\"type\":\"message-end\",\"delta\":" + delta + "}\n\n"
		_, _, err := New().NewDecoder(translate.OpChat).Feed(nil, []byte(stream))
		if (err != nil) != fails {
			t.Errorf("%s: %v", delta, err)
		}
	}
	f(`{"finish_reason":"COMPLETE"}`, false)
	f(`{"error":"it broke","finish_reason":"ERROR"}`, true)
}
