// Package gemini speaks the dialect of Google's Gemini models as a provider:
// generateContent, its stream and batchEmbedContents, both of the Gemini API
// and of Vertex AI.
//
// An answer has no word for "the model calls tools", a stream has no mark of
// its end, and a call needs no id: all three are made up for here. What seals
// the thoughts of the model (thoughtSignature) may stand on any part. On a
// call it becomes the call's Signature; on a text, which has none in the
// neutral form, it becomes a Redacted block of thinking after the text, and
// goes back as an empty text with that signature, as Gemini itself writes it.
//
// The reference is https://ai.google.dev/api/generate-content.
package gemini

import (
	"bytes"
	"strings"

	"github.com/ai-mcp-gateway/gateway/translate"
)

// name is the dialect's name, and the Origin of its blocks.
const name = "gemini"

// Dialect reads and writes Gemini's wire forms. It has no state and may be
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
// root or at the version; one that names a publisher is Vertex AI's, whose
// credential is an OAuth token.
func (*Dialect) AppendHead(dst []byte, v *translate.Envelope) []byte {
	dst = append(dst, "POST "...)
	dst = append(dst, v.Base...)
	if !versioned(v.Base) {
		dst = append(dst, "/v1beta"...)
	}
	dst = appendModelPath(dst, v.Model)
	accept := "application/json"
	switch {
	case v.Op == translate.OpEmbedding:
		dst = append(dst, ":batchEmbedContents"...)
	case v.Stream:
		dst, accept = append(dst, ":streamGenerateContent?alt=sse"...), "text/event-stream"
	default:
		dst = append(dst, ":generateContent"...)
	}
	dst = append(dst, " HTTP/1.1\r\nHost: "...)
	dst = append(dst, v.Host...)
	dst = append(dst, "\r\nContent-Type: application/json\r\nAccept: "...)
	dst = append(dst, accept...)
	dst = append(dst, "\r\nAccept-Encoding: identity\r\n"...)
	if v.Key == "" {
		return dst
	}
	if strings.Contains(v.Base, "/publishers/") {
		dst = append(dst, "Authorization: Bearer "...)
	} else {
		dst = append(dst, "x-goog-api-key: "...) // never in the query, which is logged
	}
	dst = append(dst, v.Key...)
	return append(dst, '\r', '\n')
}

// versioned reports whether a segment of the base path is a version: v1,
// v1beta, v1beta1 ...
func versioned(base string) bool {
	for segment := range strings.SplitSeq(base, "/") {
		if len(segment) > 1 && segment[0] == 'v' && segment[1]-'0' <= 9 {
			return true
		}
	}
	return false
}

// modelResource returns the name of the model with its collection.
func modelResource(model string) []byte {
	if strings.HasPrefix(model, "models/") || strings.HasPrefix(model, "tunedModels/") {
		return []byte(model)
	}
	return append([]byte("models/"), model...)
}

// appendModelPath appends the resource of the model. Everything that could
// end the segment or climb out of it is escaped.
func appendModelPath(dst []byte, model string) []byte {
	resource := modelResource(model)
	slash := bytes.IndexByte(resource, '/')
	dst = append(append(dst, '/'), resource[:slash+1]...)
	const hex = "0123456789ABCDEF"
	for _, c := range resource[slash+1:] {
		switch {
		case c|0x20 >= 'a' && c|0x20 <= 'z', c >= '0' && c <= '9', c == '-', c == '.', c == '_', c == '~':
			dst = append(dst, c)
		default:
			dst = append(dst, '%', hex[c>>4], hex[c&15])
		}
	}
	return dst
}
