package openai

import (
	"bytes"
	"strconv"
	"unicode/utf8"

	"github.com/ai-mcp-gateway/gateway/translate"
)

// AppendError appends the body that tells a caller of e. OpenAI's errors
// carry the request id in a header only.
func (*Dialect) AppendError(dst []byte, e *translate.Error, _ string) []byte {
	if e.Body != nil {
		return append(dst, e.Body...)
	}
	f := fault{
		message: e.Message, kind: e.Code.OpenAIType(), param: e.Param,
		code: orElse(e.Reason, e.Code.OpenAICode()),
	}
	return f.append(dst, e.Code)
}

// AppendErrorEvent appends the event that ends a stream with e.
func (d *Dialect) AppendErrorEvent(dst []byte, e *translate.Error) []byte {
	dst = append(dst, "data: "...)
	start := len(dst)
	dst = d.AppendError(dst, e, "")
	for i, c := range dst[start:] {
		if c == '\n' || c == '\r' { // white space between tokens: strings hold none
			dst[start+i] = ' '
		}
	}
	return append(dst, "\n\n"...)
}

// AppendDone appends the event that ends a stream well.
func (*Dialect) AppendDone(dst []byte) ([]byte, bool) {
	return append(dst, "data: [DONE]\n\n"...), true
}

// ReadError turns a provider's error into the one that the caller gets. body
// may be anything. A status below 400 means an error that came with a status
// of success, or in a stream: its own fields then tell what it is.
//
// Only what is the caller's affair (ProviderRejected) carries the provider's
// words, as the Message and in Body: the bytes as they came where they are an
// envelope of OpenAI's, else an envelope made from them. The Reason is the
// provider's code where that is a word. Nothing in the result is borrowed from
// body.
func (*Dialect) ReadError(status int, body []byte) *translate.Error {
	f, exact := readFault(body)
	if status < 400 {
		status = f.httpStatus()
	}
	e := &translate.Error{Code: codeOf(status)}
	if e.Code != translate.ProviderAuth { // that word would blame the caller's own credential
		e.Reason = f.reason()
	}
	if e.Code != translate.ProviderRejected {
		e.Message = "The provider could not answer: status " + strconv.Itoa(status) + "."
		return e
	}
	e.Status = status
	e.Message = orElse(f.message, "The provider refused the request with status "+strconv.Itoa(status)+".")
	e.Param = f.param
	switch {
	case exact:
		e.Body = bytes.Clone(body)
	case f.message != "":
		f.kind = orElse(f.kind, e.Code.OpenAIType())
		f.code = orElse(f.code, e.Code.OpenAICode())
		e.Body = f.append(nil, e.Code)
	}
	return e
}

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

// codeOf names the fault of a provider's status.
func codeOf(status int) translate.Code {
	switch {
	case status == 401, status == 403:
		return translate.ProviderAuth
	case status == 429:
		return translate.ProviderRateLimited
	case status == 503, status == 529: // 529 is Anthropic's, which others use too
		return translate.ProviderOverloaded
	case status >= 400 && status < 500:
		return translate.ProviderRejected
	default:
		return translate.ProviderFailed
	}
}

// fault is what an error body says, in OpenAI's terms.
type fault struct {
	message, kind, param, code string
	status                     int // the number some servers send as the code
}

// append appends the envelope.
func (f *fault) append(dst []byte, code translate.Code) []byte {
	dst = append(dst, `{"error":{"message":`...)
	dst = translate.AppendString(dst, []byte(f.message))
	dst = appendMember(dst, `,"type":`, f.kind)
	dst = appendMember(dst, `,"param":`, f.param)
	dst = appendMember(dst, `,"code":`, f.code)
	dst = appendMember(dst, `,"gateway_code":`, code.String())
	return append(dst, "}}"...)
}

// appendMember appends a member that is null when there is no text.
func appendMember(dst []byte, head, text string) []byte {
	dst = append(dst, head...)
	if text == "" {
		return append(dst, "null"...)
	}
	return translate.AppendString(dst, []byte(text))
}

// reason is the code where it is a word as OpenAI's are; others write numbers,
// sentences or names in capitals there.
func (f *fault) reason() string {
	letters := false
	for _, c := range []byte(f.code) {
		letter := c-'a' <= 'z'-'a'
		if !letter && c != '_' && c-'0' > 9 {
			return ""
		}
		letters = letters || letter
	}
	if !letters {
		return ""
	}
	return f.code
}

// httpStatus guesses the status that the fault should have come with.
func (f *fault) httpStatus() int {
	if f.status >= 400 && f.status <= 599 {
		return f.status
	}
	for _, name := range []string{f.code, f.kind} {
		if status, ok := namedStatus[name]; ok {
			return status
		}
	}
	return 502
}

// namedStatus has the codes and types that providers use in their streams.
var namedStatus = map[string]int{
	"invalid_request_error":   400,
	"context_length_exceeded": 400,
	"content_filter":          400,
	"model_not_found":         404,
	"not_found_error":         404,
	"authentication_error":    401,
	"invalid_api_key":         401,
	"permission_error":        403,
	"rate_limit_error":        429,
	"rate_limit_exceeded":     429,
	"insufficient_quota":      429,
	"overloaded_error":        503,
	"overloaded":              503,
}

// readFault reads an error body in any of the shapes that are in use:
//
//	{"error":{"message":...,"type":...,"param":...,"code":...}}   OpenAI; code may be a number
//	[{"error":{...}}]                                             Gemini's compatible API
//	{"error":"..."}                                               Ollama, xAI
//	{"object":"error","message":...,"type":...,"code":...}        vLLM, Mistral
//	{"message":"..."}, {"detail":...}                             Cohere, FastAPI
//
// exact is true for a sound envelope of OpenAI's, which can be passed on.
func readFault(body []byte) (f fault, exact bool) {
	var top, inner fault
	var detail string
	nested, sound := false, utf8.Valid(body)
	if list := translate.Elements(body); list.Next() {
		body, sound = list.Value(), false
	}
	o := translate.Members(body)
	for o.Next() {
		switch v := o.Value(); string(o.Key()) {
		case "error":
			if nested = o.Kind() == translate.KindObject; nested {
				inner, exact = readFaultObject(v)
			} else {
				inner.message = textOf(v)
			}
		case "detail":
			detail = textOf(v)
		default:
			top.read(string(o.Key()), v)
		}
	}
	if !o.Complete() {
		return fault{}, false
	}
	if !nested {
		top.message = orElse(inner.message, orElse(top.message, detail))
		return top, false
	}
	return inner, sound && exact
}

// readFaultObject reads the object in an envelope. sound is true when its
// members have the types that OpenAI's clients expect.
func readFaultObject(raw []byte) (f fault, sound bool) {
	typed, sound := false, true
	o := translate.Members(raw)
	for o.Next() {
		key := string(o.Key())
		switch kind := o.Kind(); key {
		case "message":
			sound = sound && kind == translate.KindString
		case "type", "param", "code":
			sound = sound && (kind == translate.KindString || kind == translate.KindNull)
			typed = typed || key == "type" // Azure's is null
		}
		f.read(key, o.Value())
	}
	return f, sound && typed && f.message != ""
}

// read takes one member of an error object.
func (f *fault) read(key string, v []byte) {
	number, isNumber := translate.Int(v)
	switch key {
	case "message", "Message":
		f.message = textOf(v)
	case "type":
		f.kind = stringOf(v)
	case "param":
		f.param = stringOf(v)
	case "code":
		if isNumber {
			f.status = int(number)
			f.code = orElse(f.code, strconv.FormatInt(number, 10))
		} else {
			f.code = stringOf(v)
		}
	case "status": // Google's name of the code
		if name := stringOf(v); name != "" && (f.code == "" || f.status != 0) {
			f.code = name
		}
	}
}

// stringOf returns the text of a JSON string, "" of anything else.
func stringOf(raw []byte) string {
	if translate.KindOf(raw) != translate.KindString {
		return ""
	}
	return string(translate.AppendText(nil, raw))
}

// textOf returns the text of a JSON string, and an object or an array as it
// is written.
func textOf(raw []byte) string {
	switch translate.KindOf(raw) {
	case translate.KindObject, translate.KindArray:
		return string(raw)
	default:
		return stringOf(raw)
	}
}
