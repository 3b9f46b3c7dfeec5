package responses

import (
	"bytes"
	"strconv"
	"unicode/utf8"

	"github.com/ai-mcp-gateway/gateway/translate"
	"github.com/ai-mcp-gateway/gateway/translate/neutral"
)

// AppendError appends the body that tells a caller of e. Requests are told
// their id in a header only.
func (*Dialect) AppendError(dst []byte, e *translate.Error, _ string) []byte {
	if e.Body != nil {
		return append(dst, e.Body...)
	}
	return append(appendFault(append(dst, `{"error":`...), e), '}')
}

// AppendErrorEvent appends the events that end a stream of which nothing is
// known with e: there are clients that know only one of the two. The numbers
// of the events before it are not known here; an Encoder's Fail has them.
func (d *Dialect) AppendErrorEvent(dst []byte, e *translate.Error) []byte {
	failing := encoder{q: &neutral.Request{}, started: true, head: newHead("", "", "", 0)}
	failing.head.echo = echoOf(failing.q)
	return failing.Fail(dst, e)
}

// AppendFailure is AppendErrorEvent for a stream that is known: first is the
// data of its first event, which has the response as it began, and events is
// how many there were.
func (d *Dialect) AppendFailure(dst, first []byte, events int, e *translate.Error) []byte {
	m, _ := scanMessage(first)
	r, _ := scanResponse(m.response)
	failing := encoder{
		q: &neutral.Request{}, started: true, numbered: numbered{next: events},
		head: newHead(string(text(r.id)), string(text(r.model)), string(text(r.tier)), neutral.Int(r.created)),
	}
	failing.head.echo = echoOf(failing.q)
	return failing.Fail(dst, e)
}

// appendFault appends the error object of OpenAI's envelope.
func appendFault(dst []byte, e *translate.Error) []byte {
	dst = appendWord(dst, `{"message":`, e.Message)
	dst = appendWord(dst, `,"type":`, e.Code.OpenAIType())
	dst = appendWord(dst, `,"param":`, e.Param)
	dst = appendWord(dst, `,"code":`, codeWord(e))
	dst = appendWord(dst, `,"gateway_code":`, e.Code.String())
	return append(dst, '}')
}

// codeWord is the well-known word for what is wrong.
func codeWord(e *translate.Error) string {
	if e.Reason != "" {
		return e.Reason
	}
	return e.Code.OpenAICode()
}

// appendErrorMembers appends the members of an error event: the API's own, and
// the envelope in which clients look as well.
func appendErrorMembers(dst []byte, e *translate.Error) []byte {
	dst = appendWord(dst, `,"code":`, codeWord(e))
	dst = appendWord(dst, `,"message":`, e.Message)
	dst = appendWord(dst, `,"param":`, e.Param)
	return appendFault(append(dst, `,"error":`...), e)
}

// ReadError turns a provider's error into the one that the caller gets. body
// may be anything: an envelope, the data of an error event, a failed response.
// A status below 400 means an error that came with a status of success, or in
// a stream: its own fields then tell what it is.
//
// Only what is the caller's affair (ProviderRejected) carries the provider's
// words, and in Body the bytes as they came where they are a sound envelope.
// Nothing in the result is borrowed from body.
func (*Dialect) ReadError(status int, body []byte) *translate.Error {
	var f fault
	sound := f.readBody(body)
	if status < 400 {
		status = f.httpStatus()
	}
	e := &translate.Error{Code: codeOf(status), Reason: f.reason()}
	if e.Code != translate.ProviderRejected {
		e.Message = "The provider could not answer: status " + strconv.Itoa(status) + "."
		return e
	}
	e.Status, e.Message, e.Param = status, f.message, f.param
	if e.Message == "" {
		e.Message = "The provider refused the request with status " + strconv.Itoa(status) + "."
	}
	if sound && utf8.Valid(body) {
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
	case status == 503, status == 529:
		return translate.ProviderOverloaded
	case status >= 400 && status < 500:
		return translate.ProviderRejected
	default:
		return translate.ProviderFailed
	}
}

// fault is what an error body says.
type fault struct {
	message, kind, param, code string
	status                     int // where the code is a number
}

// readBody reads an error body in any of the shapes that are in use: the
// envelope, the same in an array, an error that is a string, the members
// without an envelope, and a response with an error in it. sound is true for
// the envelope as OpenAI sends it.
func (f *fault) readBody(body []byte) (sound bool) {
	if list := translate.Elements(body); list.Next() {
		f.readBody(list.Value())
		return false
	}
	var inner []byte
	plain := false
	o := translate.Members(body)
	for o.Next() {
		switch v := o.Value(); string(o.Key()) {
		case "response":
			f.readBody(v)
		case "error":
			inner = v
		case "detail":
			f.message = orElse(f.message, words(v))
		case "message", "type", "param", "code", "status":
			plain = true
			f.read(string(o.Key()), v)
		}
	}
	switch {
	case !o.Complete():
		*f = fault{}
		return false
	case translate.KindOf(inner) == translate.KindString:
		f.message = words(inner)
		return false
	case translate.KindOf(inner) != translate.KindObject:
		return false
	}
	*f = fault{}
	return f.readObject(inner) && !plain
}

// readObject reads the object in an envelope, and reports whether its members
// have the types that clients expect.
func (f *fault) readObject(raw []byte) (sound bool) {
	sound, typed := true, false
	o := translate.Members(raw)
	for o.Next() {
		key, kind := string(o.Key()), o.Kind()
		switch key {
		case "message":
			sound = sound && kind == translate.KindString
		case "type", "param", "code":
			sound = sound && (kind == translate.KindString || kind == translate.KindNull)
			typed = typed || key == "type"
		}
		f.read(key, o.Value())
	}
	return sound && typed && f.message != ""
}

func (f *fault) read(key string, v []byte) {
	switch key {
	case "message":
		f.message = words(v)
	case "type":
		f.kind = string(text(v))
	case "param":
		f.param = string(text(v))
	case "code", "status":
		if n, ok := translate.Int(v); ok {
			f.status = int(n)
		} else if key == "code" {
			f.code = string(text(v))
		}
	}
}

// words returns the text of a string, and an object or array as it stands.
func words(raw []byte) string {
	switch translate.KindOf(raw) {
	case translate.KindObject, translate.KindArray:
		return string(raw)
	default:
		return string(text(raw))
	}
}

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

// httpStatus guesses the status that the fault should have come with.
func (f *fault) httpStatus() int {
	if f.status >= 400 && f.status <= 599 {
		return f.status
	}
	for _, word := range [...]string{f.code, f.kind} {
		switch word {
		case "context_length_exceeded", "content_filter", "invalid_prompt", "bio_policy",
			"invalid_image", "invalid_image_format", "invalid_base64_image", "invalid_image_url",
			"image_too_large", "image_too_small", "image_parse_error", "image_content_policy_violation",
			"image_file_too_large", "unsupported_image_media_type", "empty_image_file",
			"failed_to_download_image", "image_file_not_found", "invalid_request_error",
			"previous_response_not_found":
			return 400
		case "model_not_found", "not_found_error":
			return 404
		case "authentication_error", "invalid_api_key":
			return 401
		case "permission_error":
			return 403
		case "rate_limit_error", "rate_limit_exceeded", "insufficient_quota", "tokens", "requests":
			return 429
		case "overloaded_error", "overloaded":
			return 503
		}
	}
	return 502
}

// reason is the code where it is one of OpenAI's words.
func (f *fault) reason() string {
	for i := range len(f.code) {
		if c := f.code[i]; c != '_' && c|0x20-'a' > 'z'-'a' {
			return ""
		}
	}
	return f.code
}
