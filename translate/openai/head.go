package openai

import (
	"github.com/ai-mcp-gateway/gateway/translate"
)

// AppendHead appends the request line and the header lines of an attempt, all
// but the length of the body and the blank line. A base URL without a path
// means the usual one, /v1.
func (d *Dialect) AppendHead(dst []byte, v *translate.Envelope) []byte {
	base, accept := v.Base, "application/json"
	if base == "" {
		base = "/v1"
	}
	if v.Stream {
		accept = "text/event-stream"
	}
	dst = append(append(append(dst, "POST "...), base...), d.Path(v.Op)...)
	dst = append(append(dst, " HTTP/1.1\r\nHost: "...), v.Host...)
	dst = append(append(dst, "\r\nContent-Type: application/json\r\nAccept: "...), accept...)
	dst = append(dst, "\r\nAccept-Encoding: identity\r\n"...)
	if v.Key != "" {
		dst = append(append(append(dst, "Authorization: Bearer "...), v.Key...), "\r\n"...)
	}
	return dst
}
