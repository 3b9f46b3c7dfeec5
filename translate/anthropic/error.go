package anthropic

import (
	"bytes"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/ai-mcp-gateway/gateway/translate"
)

// reasonLength is the reason of a prompt that is too long, and threadReason
// the one of a thread that the provider does not keep.
const (
	reasonLength = "context_length_exceeded"
	threadReason = "thread_unsupported_request"
)

// statusOverloaded is Anthropic's own status for 503.
const statusOverloaded = 529

// HTTPStatus is the status that a client of this dialect gets for e.
func (*Dialect) HTTPStatus(e *translate.Error) int {
	if status := e.HTTPStatus(); status != 503 {
		return status
	}
	return statusOverloaded
}

// AppendError appends the body that tells a caller of e.
func (*Dialect) AppendError(dst []byte, e *translate.Error, requestID string) []byte {
	if e.Body != nil {
		return append(dst, e.Body...)
	}
	dst = append(dst, `{"type":"error","error":{"type":"`...)
	dst = append(dst, typeOf(e.HTTPStatus())...)
	dst = append(dst, `","message":`...)
	dst = translate.AppendString(dst, []byte(messageOf(e)))
	if e.Reason == threadReason {
		dst = append(dst, `,"details":{"error_code":"`+threadReason+`"}`...)
	}
	dst = append(dst, `,"gateway_code":"`...)
	dst = append(append(dst, e.Code.String()...), `"},"request_id":`...)
	dst = appendNullable(dst, requestID)
	return append(dst, '}')
}

// messageOf is e's message for clients of Anthropic. Theirs know a prompt that
// is too long by these words alone, and shorten it.
func messageOf(e *translate.Error) string {
	const tooLong = "prompt is too long"
	if e.Reason != reasonLength || strings.Contains(e.Message, tooLong) {
		return e.Message
	}
	return tooLong + ": " + e.Message
}

// AppendErrorEvent appends the event that ends a stream with e.
func (d *Dialect) AppendErrorEvent(dst []byte, e *translate.Error) []byte {
	dst = append(dst, "event: error\ndata: "...)
	start := len(dst)
	dst = d.AppendError(dst, e, "")
	oneLine(dst[start:])
	return append(dst, "\n\n"...)
}

// oneLine takes the line ends out of raw JSON: strings hold none.
func oneLine(raw []byte) {
	for i, c := range raw {
		if c == '\n' || c == '\r' {
			raw[i] = ' '
		}
	}
}

// typeOf names the fault of a status in Anthropic's words.
func typeOf(status int) string {
	switch status {
	case 401:
		return "authentication_error"
	case 402:
		return "billing_error"
	case 403:
		return "permission_error"
	case 404:
		return "not_found_error"
	case 408, 504:
		return "timeout_error"
	case 413:
		return "request_too_large"
	case 429:
		return "rate_limit_error"
	case 503, statusOverloaded:
		return "overloaded_error"
	}
	if status >= 400 && status < 500 {
		return "invalid_request_error"
	}
	return "api_error"
}

// statusOf is the status that an error of this type should have come with.
func statusOf(kind string) int {
	for _, status := range [...]int{400, 401, 402, 403, 404, 413, 429, 504, statusOverloaded} {
		if typeOf(status) == kind {
			return status
		}
	}
	return 500
}

// ReadError turns a provider's error into the one that the caller gets. body
// may be anything. A status below 400 means an error that came with a status
// of success, or in a stream: its type then tells what it is.
//
// Only what is the caller's affair (ProviderRejected) carries the provider's
// words, and the body itself where it is a sound error of Anthropic's. Nothing
// in the result is borrowed from body.
func (*Dialect) ReadError(status int, body []byte) *translate.Error {
	f := readFault(body)
	if status < 400 {
		status = statusOf(f.kind)
	}
	e := &translate.Error{Code: codeOf(status)}
	if e.Code != translate.ProviderRejected {
		e.Message = "The provider could not answer: status " + strconv.Itoa(status) + "."
		return e
	}
	e.Status, e.Message = status, f.message
	if e.Message == "" {
		e.Message = "The provider refused the request with status " + strconv.Itoa(status) + "."
	}
	e.Param, e.Reason = paramOf(f.message), reasonOf(f.message)
	if f.sound {
		e.Body = bytes.Clone(body)
	}
	return e
}

// codeOf names the fault of a provider's status.
func codeOf(status int) translate.Code {
	switch {
	case status == 401, status == 403:
		return translate.ProviderAuth
	case status == 429:
		return translate.ProviderRateLimited
	case status == 503, status == statusOverloaded:
		return translate.ProviderOverloaded
	case status == 408, status == 504:
		return translate.ProviderTimeout
	case status >= 400 && status < 500:
		return translate.ProviderRejected
	default:
		return translate.ProviderFailed
	}
}

// fault is what an error body says.
type fault struct {
	kind, message string
	sound         bool // it is an error of Anthropic's, type and message and all
}

// readFault reads an error body: Anthropic's {"type":"error","error":{...}},
// and what stands in for it at servers that speak its dialect: {"error":{...}},
// {"error":"..."} and {"message":"..."}.
func readFault(body []byte) (f fault) {
	typed, nested := false, false
	o := translate.Members(body)
	for o.Next() {
		switch v := o.Value(); string(o.Key()) {
		case "type":
			typed = string(v) == `"error"`
		case "message":
			if f.message == "" {
				f.message = textOf(v)
			}
		case "error":
			if nested = o.Kind() == translate.KindObject; nested {
				f.read(v)
			} else {
				f.message = textOf(v)
			}
		}
	}
	if !o.Complete() {
		return fault{}
	}
	f.sound = typed && nested && f.kind != "" && f.message != "" && utf8.Valid(body)
	return f
}

func (f *fault) read(raw []byte) {
	o := translate.Members(raw)
	for o.Next() {
		switch string(o.Key()) {
		case "type":
			f.kind = textOf(o.Value())
		case "message":
			f.message = textOf(o.Value())
		}
	}
}

// reasonOf knows a prompt that is too long, which has no type of its own.
func reasonOf(message string) string {
	for _, words := range [...]string{"prompt is too long", "exceed context limit"} {
		if strings.Contains(message, words) {
			return reasonLength
		}
	}
	return ""
}

// paramOf returns the path that a message starts with ("messages.0.content:
// ...") in OpenAI's form, or "".
func paramOf(message string) string {
	path, _, ok := strings.Cut(message, ": ")
	if !ok || path == "" || len(path) > 200 {
		return ""
	}
	var param []byte
	for part := range strings.SplitSeq(path, ".") {
		switch _, err := strconv.ParseUint(part, 10, 31); {
		case strings.Trim(part, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") != "" || part == "":
			return ""
		case err == nil:
			param = append(append(append(param, '['), part...), ']')
		case len(param) > 0:
			param = append(append(param, '.'), part...)
		default:
			param = append(param, part...)
		}
	}
	return string(param)
}
