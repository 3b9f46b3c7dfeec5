package bedrock

import (
	"bytes"
	"strconv"
	"strings"

	"github.com/ai-mcp-gateway/gateway/translate"
)

// ReadError turns an error of Bedrock's into the one that the caller gets.
// body may be anything. A status below 400 means an error that came with a
// status of success: its type then tells what it is.
//
// The type stands in the header x-amzn-errortype, which is not seen here, and
// only sometimes in the body; the status tells nearly as much. No client
// speaks this dialect, so the result has no Body.
func (*Dialect) ReadError(status int, body []byte) *translate.Error {
	return readFault(body).toError(status)
}

// fault is what an error says.
type fault struct{ kind, message string }

// readFault reads the error object body.
func readFault(body []byte) fault {
	var f fault
	o := translate.Members(body)
	for o.Next() {
		switch string(o.Key()) {
		case "message", "Message", "errorMessage":
			f.message = stringOf(o.Value())
		case "__type", "code", "errorType":
			f.kind = kindOf(stringOf(o.Value()))
		}
	}
	if !o.Complete() {
		return fault{}
	}
	return f
}

// kindOf returns the bare name of an exception, which may stand behind a
// namespace ("com.amazon...#") and before a link (":http...").
func kindOf(s string) string {
	s, _, _ = strings.Cut(s, ":")
	return s[strings.LastIndexByte(s, '#')+1:]
}

func (f fault) toError(status int) *translate.Error {
	code, natural := f.code()
	if status < 400 {
		status = natural
	}
	if code == translate.CodeNone {
		code = codeOf(status)
	}
	e := &translate.Error{Code: code}
	if code != translate.ProviderRejected {
		e.Message = "The provider could not answer: status " + strconv.Itoa(status) + "."
		return e
	}
	e.Status, e.Message, e.Reason = status, f.message, f.reason()
	if e.Message == "" {
		e.Message = "The provider refused the request with status " + strconv.Itoa(status) + "."
	}
	return e
}

// code is what the exception's name says, with its usual status; CodeNone
// where there is no name that is known.
func (f fault) code() (translate.Code, int) {
	for i := range exceptions {
		if e := &exceptions[i]; strings.EqualFold(e.name, f.kind) {
			return e.code, e.status
		}
	}
	return translate.CodeNone, 502
}

// codeOf names the fault of a status.
func codeOf(status int) translate.Code {
	switch {
	case status == 401, status == 403:
		return translate.ProviderAuth
	case status == 408:
		return translate.ProviderTimeout // the model's, not the caller's
	case status == 424:
		return translate.ProviderFailed // the model's failure
	case status == 429:
		return translate.ProviderRateLimited
	case status == 503, status == 529:
		return translate.ProviderOverloaded
	case status >= 400 && status < 500:
		return translate.ProviderRejected
	default:
		return translate.ProviderFailed
	}
}

// reason is OpenAI's word for what is wrong. Bedrock has one exception for
// all of these, so its words have to tell.
func (f fault) reason() string {
	message := bytes.ToLower([]byte(f.message))
	for _, phrase := range [...][2]string{
		{"too long for requested model", "context_length_exceeded"},
		{"prompt is too long", "context_length_exceeded"},
		{"maximum context length", "context_length_exceeded"},
		{"too many input tokens", "context_length_exceeded"},
		{"model identifier is invalid", "model_not_found"},
	} {
		if bytes.Contains(message, []byte(phrase[0])) {
			return phrase[1]
		}
	}
	if strings.EqualFold(f.kind, "ResourceNotFoundException") {
		return "model_not_found"
	}
	return ""
}

// stringOf returns the text of a JSON string, "" of anything else.
func stringOf(raw []byte) string {
	if translate.KindOf(raw) != translate.KindString {
		return ""
	}
	return string(translate.AppendText(nil, raw))
}

// exceptions are the names that Converse and ConverseStream use; a stream
// spells them with a small first letter.
// https://docs.aws.amazon.com/bedrock/latest/userguide/troubleshooting-api-error-codes.html
var exceptions = [...]struct {
	name   string
	code   translate.Code
	status int
}{
	{"ValidationException", translate.ProviderRejected, 400},
	{"ConflictException", translate.ProviderRejected, 400},
	{"ServiceQuotaExceededException", translate.ProviderRejected, 400},
	{"ResourceNotFoundException", translate.ProviderRejected, 404},
	{"AccessDeniedException", translate.ProviderAuth, 403},
	{"UnrecognizedClientException", translate.ProviderAuth, 403},
	{"InvalidSignatureException", translate.ProviderAuth, 403},
	{"IncompleteSignatureException", translate.ProviderAuth, 403},
	{"ExpiredTokenException", translate.ProviderAuth, 403},
	{"MissingAuthenticationTokenException", translate.ProviderAuth, 403},
	{"ModelTimeoutException", translate.ProviderTimeout, 408},
	{"ModelErrorException", translate.ProviderFailed, 424},
	{"ModelStreamErrorException", translate.ProviderFailed, 424},
	{"ThrottlingException", translate.ProviderRateLimited, 429},
	{"ModelNotReadyException", translate.ProviderRateLimited, 429},
	{"InternalServerException", translate.ProviderFailed, 500},
	{"ServiceUnavailableException", translate.ProviderOverloaded, 503},
}
