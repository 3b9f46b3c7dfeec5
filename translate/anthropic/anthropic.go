// Package anthropic speaks the dialect of Anthropic's Messages API: towards
// providers, for clients, and as it is where both sides speak it.
//
// Thinking and its signatures go back to nobody but their maker. A signature
// that another provider made is handed to a client with a tag that names that
// provider, and is known by it when the client sends it back.
package anthropic

import (
	"bytes"
	"strings"

	"github.com/ai-mcp-gateway/gateway/translate"
)

// Dialect reads and writes Anthropic's wire forms. It has no state and may be
// used by many goroutines.
type Dialect struct{}

// New returns the dialect.
func New() *Dialect { return &Dialect{} }

const name = "anthropic"

// Name returns the dialect's name in the configuration.
func (*Dialect) Name() string { return name }

// Path returns the path of op below a provider's base URL, or "" for an
// operation that the dialect does not have.
func (*Dialect) Path(op translate.Op) string {
	switch op {
	case translate.OpMessages:
		return "/v1/messages"
	case translate.OpCountTokens:
		return "/v1/messages/count_tokens"
	default:
		return ""
	}
}

// defaultVersion is the version of the API that these forms belong to.
const defaultVersion = "2023-06-01"

// AppendHead appends the request line and the header lines of an attempt. The
// base URL may end with the API's own /v1. Any operation but the counting of
// tokens is a message.
func (d *Dialect) AppendHead(dst []byte, v *translate.Envelope) []byte {
	op := translate.OpMessages
	if v.Op == translate.OpCountTokens {
		op = v.Op
	}
	dst = append(dst, "POST "...)
	dst = append(dst, strings.TrimSuffix(v.Base, "/v1")...)
	dst = append(dst, d.Path(op)...)
	dst = append(dst, " HTTP/1.1\r\nHost: "...)
	dst = append(dst, v.Host...)
	dst = append(dst, "\r\nContent-Type: application/json\r\nAccept-Encoding: identity\r\nAccept: "...)
	if v.Stream {
		dst = append(dst, "text/event-stream\r\n"...)
	} else {
		dst = append(dst, "application/json\r\n"...)
	}
	version := v.Version
	if len(version) == 0 {
		version = []byte(defaultVersion)
	}
	dst = appendHeader(dst, "anthropic-version: ", version)
	dst = appendHeader(dst, "anthropic-beta: ", v.Betas)
	return appendHeader(dst, "x-api-key: ", []byte(v.Key))
}

// appendHeader appends a header line, unless there is nothing to say or the
// value would make more than one.
func appendHeader(dst []byte, head string, value []byte) []byte {
	if len(value) == 0 || bytes.ContainsAny(value, "\r\n") {
		return dst
	}
	dst = append(append(dst, head...), value...)
	return append(dst, "\r\n"...)
}
