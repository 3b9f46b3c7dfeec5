package cohere

import (
	"bytes"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/ai-mcp-gateway/gateway/translate"
)

// statusInvalidToken is Cohere's own status for a key that is not valid.
const statusInvalidToken = 498

// ReadError turns a provider's error into the one that the caller gets. body
// may be anything. A status below 400 means an error that came with a status
// of success, or in a stream. Nothing in the result is borrowed from body.
func (*Dialect) ReadError(status int, body []byte) *translate.Error {
	message, exact := readFault(body)
	if status < 400 {
		status = 502 // the body does not say
	}
	e := &translate.Error{Code: codeOf(status)}
	if e.Code != translate.ProviderRejected {
		e.Message = "The provider could not answer: status " + strconv.Itoa(status) + "."
		return e
	}
	e.Status, e.Message = status, message
	if message == "" {
		e.Message = "The provider refused the request with status " + strconv.Itoa(status) + "."
	}
	switch {
	case status == 404:
		e.Reason = "model_not_found"
	case strings.Contains(message, "too many tokens"):
		e.Reason = "context_length_exceeded"
	}
	if exact {
		e.Body = bytes.Clone(body)
	}
	return e
}

func codeOf(status int) translate.Code {
	switch {
	case status == 401, status == 403, status == statusInvalidToken:
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

// readFault reads {"message":"..."}, and what proxies make of it:
// {"error":"..."} or {"error":{"message":"..."}}. exact is true for a sound
// body of the first form.
func readFault(body []byte) (message string, exact bool) {
	o := translate.Members(body)
	for o.Next() {
		switch v := o.Value(); string(o.Key()) {
		case "message":
			if text := textOf(v); text != "" {
				message, exact = text, true
			}
		case "error":
			if text := textOf(v); text != "" && message == "" {
				message = text
			}
			for inner := translate.Members(v); inner.Next(); {
				if text := textOf(inner.Value()); string(inner.Key()) == "message" && message == "" {
					message = text
				}
			}
		}
	}
	if !o.Complete() {
		return "", false
	}
	return message, exact && utf8.Valid(body)
}
