// Package ollama speaks the native API of Ollama: /api/chat, whose streams are
// lines of JSON, and /api/embed. Unlike Ollama's copy of OpenAI's API it takes
// the options of the model runner (num_ctx and the like), thinking and any
// JSON schema.
//
// https://github.com/ollama/ollama/blob/main/docs/api.md
package ollama

import (
	"strings"

	"github.com/ai-mcp-gateway/gateway/translate"
)

// name is the dialect's, and the Origin of its models' thinking.
const name = "ollama"

// Dialect writes requests to Ollama and reads its answers. It has no state
// and may be used by many goroutines.
type Dialect struct{}

// New returns the dialect.
func New() *Dialect { return &Dialect{} }

// Name returns the dialect's name in the configuration.
func (*Dialect) Name() string { return name }

// TakesURL reports that Ollama fetches nothing.
func (*Dialect) TakesURL(string) bool { return false }

// AppendHead appends the request line and the header lines of a call. The
// base may end in /api, or in the /v1 of the other API. A local server needs
// no key.
func (*Dialect) AppendHead(dst []byte, v *translate.Envelope) []byte {
	base := strings.TrimSuffix(v.Base, "/")
	base = strings.TrimSuffix(strings.TrimSuffix(base, "/v1"), "/api")
	dst = append(append(append(dst, "POST "...), base...), "/api/"...)
	if v.Op == translate.OpEmbedding {
		dst = append(dst, "embed"...)
	} else {
		dst = append(dst, "chat"...)
	}
	dst = append(append(append(dst, " HTTP/1.1\r\nHost: "...), v.Host...), "\r\nContent-Type: application/json\r\nAccept: "...)
	if v.Stream {
		dst = append(dst, "application/x-ndjson"...)
	} else {
		dst = append(dst, "application/json"...)
	}
	dst = append(dst, "\r\nAccept-Encoding: identity\r\n"...)
	if v.Key != "" {
		dst = append(append(append(dst, "Authorization: Bearer "...), v.Key...), "\r\n"...)
	}
	return dst
}
