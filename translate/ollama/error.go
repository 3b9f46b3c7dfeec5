package ollama

import (
	"strconv"

	"github.com/ai-mcp-gateway/gateway/translate"
)

// ReadError turns an error of Ollama's, {"error":"..."}, into the one that the
// caller gets. body may be anything. A status below 400 means an error that
// came with a status of success, or in a stream. No client speaks this
// dialect, so the result has no Body.
func (*Dialect) ReadError(status int, body []byte) *translate.Error { return readError(status, body) }

func readError(status int, body []byte) *translate.Error {
	message, said := readFault(body)
	if status < 400 {
		status = said
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
	if status == 404 {
		e.Reason = "model_not_found" // nothing else is looked for
	}
	return e
}

// readFault returns the words of an error and the status that it should have
// had. The error may be an object with a message, as OpenAI's is.
func readFault(body []byte) (message string, status int) {
	status = 502
	o := translate.Members(body)
	for o.Next() {
		switch string(o.Key()) {
		case "error":
			if o.Kind() != translate.KindObject {
				message = string(textOf(o.Value()))
				continue
			}
			inner := o.Members()
			for inner.Next() {
				if string(inner.Key()) == "message" {
					message = string(textOf(inner.Value()))
				}
			}
		case "status_code", "StatusCode":
			if n, ok := translate.Int(o.Value()); ok && n >= 400 && n <= 599 {
				status = int(n)
			}
		}
	}
	if !o.Complete() {
		return "", 502
	}
	return message, status
}

// codeOf names the fault of a status.
func codeOf(status int) translate.Code {
	switch {
	case status == 401, status == 403:
		return translate.ProviderAuth
	case status == 429:
		return translate.ProviderRateLimited
	case status == 503: // the server's queue is full
		return translate.ProviderOverloaded
	case status >= 400 && status < 500:
		return translate.ProviderRejected
	default:
		return translate.ProviderFailed
	}
}
