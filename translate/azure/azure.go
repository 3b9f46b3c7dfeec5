// Package azure speaks Azure OpenAI: the bodies of OpenAI's dialect behind
// other paths and another credential. So it is that dialect, handed in, with a
// head of its own.
//
// https://learn.microsoft.com/azure/ai-services/openai/reference
package azure

import (
	"strings"

	"github.com/ai-mcp-gateway/gateway/translate"
	"github.com/ai-mcp-gateway/gateway/translate/neutral"
)

// defaultVersion is the api-version where the base URL has none: the last of
// the dated ones that is not a preview. The v1 paths need none.
const defaultVersion = "2024-10-21"

// Inner is OpenAI's dialect, as far as Azure has the same.
type Inner interface {
	Path(op translate.Op) string
	Mixed(body []byte) bool
	Prepare(p *translate.Plan, r *translate.Request, op translate.Op, model []byte, askUsage bool) (stripUsage bool)
	ReadAnswer(op translate.Op, body []byte, a *translate.Answer)
	ReadEvent(data []byte, e *translate.StreamEvent)
	ReadError(status int, body []byte) *translate.Error
	AppendErrorEvent(dst []byte, e *translate.Error) []byte
	AppendDone(dst []byte) ([]byte, bool)
	AppendUsageCost(dst, event []byte, usageEnd int, nano int64) []byte
	AppendStream(dst, answer []byte, op translate.Op) (stream []byte, usage translate.Span, ok bool)
	AppendAnswer(dst, stream []byte, op translate.Op) (answer []byte, ok bool)

	AppendRequest(dst []byte, q *neutral.Request, t *neutral.Target) ([]byte, neutral.Drops, *translate.Error)
	ReadReply(op translate.Op, body []byte, a *neutral.Reply) *translate.Error
	NewDecoder(op translate.Op) neutral.Decoder
	Embeds() bool
	AppendEmbedding(dst []byte, q *neutral.Embedding, t *neutral.Target) ([]byte, neutral.Drops, *translate.Error)
	ReadVectors(body []byte, v *neutral.Vectors) *translate.Error
}

// Dialect is OpenAI's with Azure's paths and credentials. It has no state of
// its own.
type Dialect struct{ Inner }

// New returns the dialect around OpenAI's.
func New(inner Inner) *Dialect { return &Dialect{Inner: inner} }

// Name returns the dialect's name in the configuration.
func (*Dialect) Name() string { return "azure" }

// AppendHead appends the request line and the header lines of a call. The
// base may have a query, which is kept: its api-version is taken in place of
// the default. A key that starts with "Bearer " is a token of Entra's.
//
//	.../openai/v1                 the model is in the body
//	.../openai/deployments/name   that deployment, whatever the model is
//	any other, with /openai or not: the deployment is named as the model
func (d *Dialect) AppendHead(dst []byte, v *translate.Envelope) []byte {
	dst = append(dst, "POST "...)
	dst = d.appendTarget(dst, v)
	dst = append(append(dst, " HTTP/1.1\r\nHost: "...), v.Host...)
	dst = append(dst, "\r\nContent-Type: application/json\r\nAccept: "...)
	if v.Stream {
		dst = append(dst, "text/event-stream"...)
	} else {
		dst = append(dst, "application/json"...)
	}
	dst = append(dst, "\r\nAccept-Encoding: identity\r\n"...)
	switch {
	case v.Key == "":
		return dst
	case strings.HasPrefix(v.Key, "Bearer "):
		dst = append(dst, "Authorization: "...)
	default:
		dst = append(dst, "api-key: "...)
	}
	return append(append(dst, v.Key...), "\r\n"...)
}

// appendTarget appends the path and the query.
func (d *Dialect) appendTarget(dst []byte, v *translate.Envelope) []byte {
	base, query, _ := strings.Cut(v.Base, "?")
	base = strings.TrimSuffix(base, "/")
	dst = append(dst, base...)
	versioned := hasPath(base, "/openai/v1")
	if !versioned && !hasPath(base, "/deployments") {
		if !strings.HasSuffix(base, "/openai") {
			dst = append(dst, "/openai"...)
		}
		dst = appendSegment(append(dst, "/deployments/"...), v.Model)
	}
	dst = append(dst, d.Path(v.Op)...)
	separator := "?"
	if query != "" {
		dst = append(append(dst, '?'), query...)
		separator = "&"
	}
	if versioned || hasVersion(query) {
		return dst
	}
	return append(dst, separator+"api-version="+defaultVersion...)
}

// hasPath reports whether the segments path stand in base.
func hasPath(base, path string) bool { return strings.Contains(base+"/", path+"/") }

func hasVersion(query string) bool {
	for pair := range strings.SplitSeq(query, "&") {
		if strings.HasPrefix(pair, "api-version=") {
			return true
		}
	}
	return false
}

// appendSegment appends s as one segment of a path. A name of nothing but dots
// would climb, so its dots are escaped.
func appendSegment(dst []byte, s string) []byte {
	const digits = "0123456789ABCDEF"
	climbs := strings.Trim(s, ".") == ""
	for i := range len(s) {
		switch c := s[i]; {
		case c|0x20 >= 'a' && c|0x20 <= 'z', c >= '0' && c <= '9', c == '-', c == '_', c == '~', c == '.' && !climbs:
			dst = append(dst, c)
		default:
			dst = append(dst, '%', digits[c>>4], digits[c&15])
		}
	}
	return dst
}

// filtered is the code of a prompt that Azure's filter refuses.
const filtered = "content_filter"

// ReadError is OpenAI's. The body of a prompt that the filter refused, with
// its findings in innererror, is passed on as it is where the client speaks
// OpenAI's dialect; its code is a reason that every client is told.
func (d *Dialect) ReadError(status int, body []byte) *translate.Error {
	e := d.Inner.ReadError(status, body)
	if e.Code == translate.ProviderRejected && e.Reason == "" && isFiltered(body) {
		e.Reason = filtered
	}
	return e
}

// isFiltered reports whether body is the error of a refused prompt.
func isFiltered(body []byte) bool {
	found := false
	o := translate.Members(body)
	for o.Next() {
		if string(o.Key()) != "error" {
			continue
		}
		fault := o.Members()
		for fault.Next() {
			if string(fault.Key()) == "code" {
				found = string(fault.Value()) == `"`+filtered+`"`
			}
		}
	}
	return found && o.Complete()
}
