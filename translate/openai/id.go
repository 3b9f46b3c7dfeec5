package openai

import (
	"crypto/rand"

	"github.com/ai-mcp-gateway/gateway/translate"
)

// newID makes an id for an answer whose provider has given it none.
func newID(op translate.Op) string {
	if op == translate.OpCompletion {
		return "cmpl-" + rand.Text()
	}
	return "chatcmpl-" + rand.Text()
}
