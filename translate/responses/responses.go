// Package responses speaks the dialect of OpenAI's Responses API, as a client
// and as a provider speak it.
//
// Between the two of one dialect the bytes are relayed and only read in
// passing (Prepare, ReadAnswer, ReadEvent). Towards other dialects a call goes
// through the neutral form: ReadRequest, AppendReply and NewEncoder face the
// client, AppendRequest, ReadReply and NewDecoder the provider.
//
// The API has state where others have none: a request may go on from a stored
// response, and ExpandInput makes an ordinary request of such a one. What is
// stored where is not known here.
package responses

import (
	"strings"

	"github.com/ai-mcp-gateway/gateway/translate"
)

// name is the dialect's name in the configuration and in neutral.Block.Origin.
const name = "responses"

// Dialect reads and writes the wire forms. It has no state and may be used by
// many goroutines.
type Dialect struct{}

// New returns the dialect.
func New() *Dialect { return &Dialect{} }

// Name returns the dialect's name in the configuration.
func (*Dialect) Name() string { return name }

// Path returns the path of op below a provider's base URL, or "" for an
// operation that the dialect does not have.
func (*Dialect) Path(op translate.Op) string {
	if op == translate.OpResponses {
		return "/responses"
	}
	return ""
}

// Embeds reports whether the dialect has embeddings: it has none.
func (*Dialect) Embeds() bool { return false }

// AppendHead appends the request line and the header lines of an attempt, all
// but the length of the body and the blank line. A base URL without a path
// means the usual one, /v1; one with a query keeps it.
func (*Dialect) AppendHead(dst []byte, v *translate.Envelope) []byte {
	base, query, asks := strings.Cut(v.Base, "?")
	if base == "" {
		base = "/v1"
	}
	dst = append(append(append(dst, "POST "...), base...), "/responses"...)
	if asks {
		dst = append(append(dst, '?'), query...)
	}
	dst = append(append(dst, " HTTP/1.1\r\nHost: "...), v.Host...)
	dst = append(dst, "\r\nContent-Type: application/json\r\nAccept: "...)
	if v.Stream {
		dst = append(dst, "text/event-stream"...)
	} else {
		dst = append(dst, "application/json"...)
	}
	dst = append(dst, "\r\nAccept-Encoding: identity\r\n"...)
	if v.Key != "" {
		dst = append(append(append(dst, "Authorization: Bearer "...), v.Key...), "\r\n"...)
	}
	return dst
}
