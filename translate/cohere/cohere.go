// Package cohere speaks the dialect of Cohere's API, version 2, as a
// provider: chat, its stream and embeddings.
//
// What a model plans before it calls tools (tool_plan) is thinking in the
// neutral form, and goes back as the plan of a turn with calls. Its citations
// are annotations of the text, as they stand.
//
// The reference is https://docs.cohere.com/reference/chat.
package cohere

import (
	"strings"

	"github.com/ai-mcp-gateway/gateway/translate"
)

// name is the dialect's name, and the Origin of its blocks.
const name = "cohere"

// Dialect reads and writes Cohere's wire forms. It has no state and may be
// used by many goroutines.
type Dialect struct{}

// New returns the dialect.
func New() *Dialect { return &Dialect{} }

// Name returns the dialect's name in the configuration.
func (*Dialect) Name() string { return name }

// Embeds reports that the dialect has embeddings.
func (*Dialect) Embeds() bool { return true }

// AppendHead appends the request line and the header lines of an attempt, all
// but Content-Length and the blank line. The base URL may end at the host's
// root or at the version.
func (*Dialect) AppendHead(dst []byte, v *translate.Envelope) []byte {
	dst = append(dst, "POST "...)
	dst = append(dst, v.Base...)
	if !strings.HasSuffix(v.Base, "/v2") {
		dst = append(dst, "/v2"...)
	}
	path, accept := "/chat", "application/json"
	switch {
	case v.Op == translate.OpEmbedding:
		path = "/embed"
	case v.Stream:
		accept = "text/event-stream"
	}
	dst = append(dst, path...)
	dst = append(dst, " HTTP/1.1\r\nHost: "...)
	dst = append(dst, v.Host...)
	dst = append(dst, "\r\nContent-Type: application/json\r\nAccept: "...)
	dst = append(dst, accept...)
	dst = append(dst, "\r\nAccept-Encoding: identity\r\n"...)
	if v.Key == "" {
		return dst
	}
	dst = append(dst, "Authorization: Bearer "...)
	dst = append(dst, v.Key...)
	return append(dst, '\r', '\n')
}
