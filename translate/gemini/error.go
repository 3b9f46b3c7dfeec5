package gemini

import (
	"bytes"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/ai-mcp-gateway/gateway/translate"
)

// ReadError turns a provider's error into the one that the caller gets. body
// may be anything. A status below 400 means an error that came with a status
// of success, or in a stream: its own fields then tell what it is. Nothing in
// the result is borrowed from body.
func (*Dialect) ReadError(status int, body []byte) *translate.Error {
	f, exact := readFault(body)
	if status < 400 {
		status = f.httpStatus()
	}
	e := &translate.Error{Code: f.codeOf(status), RetryAfter: f.retryAfter}
	if e.Code != translate.ProviderRejected {
		e.Message = "The provider could not answer: status " + strconv.Itoa(status) + "."
		return e
	}
	e.Status, e.Reason, e.Param = status, f.reasonOf(status), f.field
	e.Message = f.message
	if e.Message == "" {
		e.Message = "The provider refused the request with status " + strconv.Itoa(status) + "."
	}
	if exact {
		e.Body = bytes.Clone(body)
	}
	return e
}

// fault is what a google.rpc.Status says.
type fault struct {
	code                    int
	status, message, reason string
	field                   string
	retryAfter              int // seconds
}

// codeOf names the fault. A key that does not exist is a bad argument to
// Google.
func (f *fault) codeOf(status int) translate.Code {
	switch {
	case status == 401, status == 403, f.reason == "API_KEY_INVALID", f.reason == "API_KEY_EXPIRED":
		return translate.ProviderAuth
	case status == 429:
		return translate.ProviderRateLimited
	case status == 503:
		return translate.ProviderOverloaded
	case status >= 400 && status < 500:
		return translate.ProviderRejected
	default:
		return translate.ProviderFailed
	}
}

// reasonOf is OpenAI's word for what is wrong, where it has one.
func (f *fault) reasonOf(status int) string {
	switch {
	case status == 404:
		return "model_not_found"
	case strings.Contains(f.message, "exceeds the maximum number of tokens"):
		return "context_length_exceeded"
	default:
		return ""
	}
}

// httpStatus is the status that the fault should have come with.
func (f *fault) httpStatus() int {
	if f.code >= 400 && f.code <= 599 {
		return f.code
	}
	if status, ok := statuses[f.status]; ok {
		return status
	}
	return 502
}

// statuses are the canonical codes: https://cloud.google.com/apis/design/errors
var statuses = map[string]int{
	"INVALID_ARGUMENT":    400,
	"FAILED_PRECONDITION": 400,
	"OUT_OF_RANGE":        400,
	"UNAUTHENTICATED":     401,
	"PERMISSION_DENIED":   403,
	"NOT_FOUND":           404,
	"ABORTED":             409,
	"ALREADY_EXISTS":      409,
	"RESOURCE_EXHAUSTED":  429,
	"CANCELLED":           499,
	"INTERNAL":            500,
	"UNKNOWN":             500,
	"UNIMPLEMENTED":       501,
	"UNAVAILABLE":         503,
	"DEADLINE_EXCEEDED":   504,
}

// readFault reads an error body: {"error":{...}}, the same in an array,
// {"error":"..."} or {"message":"..."}. exact is true for a sound envelope of
// the first form.
func readFault(body []byte) (f fault, exact bool) {
	plain := utf8.Valid(body)
	if list := translate.Elements(body); list.Next() {
		body, plain = list.Value(), false
	}
	o := translate.Members(body)
	for o.Next() {
		switch string(o.Key()) {
		case "error":
			if o.Kind() == translate.KindString {
				f.message = textOf(o.Value())
				continue
			}
			f.read(o.Members())
			exact = f.message != ""
		case "message":
			if f.message == "" {
				f.message = textOf(o.Value())
			}
		}
	}
	if !o.Complete() {
		return fault{}, false
	}
	return f, exact && plain
}

func (f *fault) read(o translate.Object) {
	for o.Next() {
		switch v := o.Value(); string(o.Key()) {
		case "code":
			n, _ := translate.Int(v)
			f.code = int(n)
		case "message":
			f.message = textOf(v)
		case "status":
			f.status = textOf(v)
		case "details":
			list := translate.Elements(v)
			for list.Next() {
				f.readDetail(list.Members())
			}
		}
	}
}

// readDetail reads one of google.rpc's RetryInfo, ErrorInfo and BadRequest.
func (f *fault) readDetail(o translate.Object) {
	for o.Next() {
		switch v := o.Value(); string(o.Key()) {
		case "retryDelay":
			f.retryAfter = wholeSeconds(textOf(v))
		case "reason":
			f.reason = textOf(v)
		case "fieldViolations":
			list := translate.Elements(v)
			for list.Next() {
				f.readViolation(list.Members())
			}
		}
	}
}

// readViolation takes the first field that is at fault.
func (f *fault) readViolation(o translate.Object) {
	for o.Next() {
		if string(o.Key()) == "field" && f.field == "" {
			f.field = textOf(o.Value())
		}
	}
}

// maxRetryAfter keeps a wrong delay from lasting for ever.
const maxRetryAfter = 24 * 3600

// wholeSeconds rounds a protobuf duration, such as "34.4s", up.
func wholeSeconds(s string) int {
	s, ok := strings.CutSuffix(s, "s")
	n, err := strconv.ParseFloat(s, 64)
	if !ok || err != nil || !(n > 0) {
		return 0
	}
	return int(min(math.Ceil(n), maxRetryAfter))
}
