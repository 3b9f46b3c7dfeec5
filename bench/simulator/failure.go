package simulator

import (
	"cmp"
	"encoding/base64"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/tidwall/gjson"
)

// statusOverloaded is Anthropic's own status.
const statusOverloaded = 529

// errorReply is an error in the vendor's shape. param and code may be empty; then they are null or follow the status.
func errorReply(d dialect, status int, message, param, code string) *reply {
	return vendorError(d, status, errorTypeOf(d, status), message, param, cmp.Or(code, codeOf(status)))
}

// flawReply says in the vendor's words what is wrong with a request.
func flawReply(d dialect, f *flaw) *reply {
	at := f.path
	if d == anthropic || d == bedrock {
		at = f.dotted()
	}
	text := strings.TrimPrefix(at+": "+f.text, ": ")
	switch d {
	case anthropic:
		switch f.kind {
		case flawUnknown:
			text = at + ": Extra inputs are not permitted"
		case flawMissing:
			text = at + ": Field required"
		}
	case gemini:
		text = "* GenerateContentRequest." + f.path + ": " + f.text
		if f.kind == flawUnknown {
			i := strings.LastIndexByte(at, '.')
			text = fmt.Sprintf("Invalid JSON payload received. Unknown name %q at '%s': Cannot find field.", at[i+1:], at[:max(i, 0)])
		}
	case bedrock:
		text = "1 validation error detected: Value at '" + at + "' failed to satisfy constraint: " + f.text
	case cohere:
		text = "invalid request: " + text
	case openAI, responses, azure:
		return openAIFlaw(d, f)
	}
	return errorReply(d, http.StatusBadRequest, text, "", "")
}

func openAIFlaw(d dialect, f *flaw) *reply {
	switch f.kind {
	case flawUnknown:
		return errorReply(d, http.StatusBadRequest, "Unknown parameter: '"+f.path+"'.", f.path, "unknown_parameter")
	case flawMissing:
		return errorReply(d, http.StatusBadRequest, "Missing required parameter: '"+f.path+"'.", f.path, "missing_required_parameter")
	}
	return errorReply(d, http.StatusBadRequest, "Invalid value for '"+f.path+"': "+f.text, f.path, "invalid_value")
}

func statusText(status int) string {
	if text := http.StatusText(status); text != "" {
		return text + " (simulated)"
	}
	return "Overloaded (simulated)"
}

// errorTypes and what follow are the vendors' words for statuses. Cohere and Ollama have none.
var errorTypes = map[dialect]map[int]string{
	openAI: {
		0: "server_error", 400: "invalid_request_error", 401: "authentication_error", 402: "insufficient_quota",
		403: "permission_error", 408: "timeout", 429: "rate_limit_error", 504: "timeout",
	},
	anthropic: {
		0: "api_error", 400: "invalid_request_error", 401: "authentication_error", 402: "billing_error",
		403: "permission_error", 404: "not_found_error", 408: "timeout_error", 413: "request_too_large",
		429: "rate_limit_error", 504: "timeout_error", 529: "overloaded_error",
	},
	gemini: {
		0: "INTERNAL", 400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED", 404: "NOT_FOUND",
		408: "DEADLINE_EXCEEDED", 429: "RESOURCE_EXHAUSTED", 503: "UNAVAILABLE", 504: "DEADLINE_EXCEEDED",
	},
	bedrock: {
		0: "InternalServerException", 400: "ValidationException", 403: "AccessDeniedException",
		404: "ResourceNotFoundException", 408: "ModelTimeoutException", 424: "ModelErrorException",
		429: "ThrottlingException", 503: "ServiceUnavailableException",
	},
}

// errorTypeOf falls back to the words for 400 and 500.
func errorTypeOf(d dialect, status int) string {
	if d == responses || d == azure {
		d = openAI
	}
	fallback := errorTypes[d][0]
	if status < 500 {
		fallback = errorTypes[d][400]
	}
	return cmp.Or(errorTypes[d][status], fallback)
}

func codeOf(status int) string {
	return map[int]string{
		401: "invalid_api_key", 402: "insufficient_quota", 413: "request_too_large", 429: "rate_limit_exceeded",
		503: "overloaded", 529: "overloaded",
	}[status]
}

// vendorError is an error as the vendor writes it.
func vendorError(d dialect, status int, kind, message, param, code string) *reply {
	r := &reply{status: status, contentType: jsonType}
	switch d {
	case anthropic:
		r.body = js(`{"type":"error","error":{"type":%s,"message":%s},"request_id":"req_simulated"}`, quote(kind), quote(message))
	case gemini:
		details := ""
		if code == "API_KEY_INVALID" {
			details = `,"details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"API_KEY_INVALID","domain":"googleapis.com"}]`
		}
		r.body = js(`{"error":{"code":%d,"message":%s,"status":%s%s}}`, status, quote(message), quote(kind), details)
	case bedrock:
		r.body = js(`{"message":%s}`, quote(message))
		r.fields = []field{{"X-Amzn-Errortype", kind + ":http://internal.amazon.com/coral/com.amazon.bedrock/"}}
	case cohere:
		r.body = js(`{"id":"00000000-0000-0000-0000-000000000000","message":%s}`, quote(message))
	case ollama:
		r.body = js(`{"error":%s}`, quote(message))
	default:
		r.body = js(`{"error":{"message":%s,"type":%s,"param":%s,"code":%s}}`, quote(message), quote(kind), quoteOrNull(param), quoteOrNull(code))
	}
	return r
}

// errorShapes are the ways in which providers write errors; vendor is the default.
var errorShapes = []string{"vendor", "bare", "detail", "message", "string", "array", "int-code", "azure", "text", "empty"}

// shapedError is an error in the shape that the plan asks for. key is put into it if the plan asks for that.
func shapedError(d dialect, status int, message string, p *plan, key string) *reply {
	kind := cmp.Or(p.errorType, errorTypeOf(d, status))
	var fields []field
	if p.echoKey {
		message += ": incorrect API key provided: " + key
		fields = []field{{"X-Debug-Key", key}, {"Www-Authenticate", `Bearer error="` + key + `"`}}
	}
	text, number := string(quote(message)), strconv.Itoa(status)
	contentType, body := jsonType, ""
	switch p.errorShape {
	case "bare":
		body = `{"object":"error","message":` + text + `,"type":` + string(quote(kind)) + `,"param":null,"code":` + number + `}`
	case "detail":
		body = `{"object":"error","message":{"detail":[{"type":"extra_forbidden","loc":["body","x"],"msg":` + text +
			`,"input":1}]},"type":` + kind + `,"param":null,"code":null}`
	case "message":
		body = `{"message":` + text + `}`
	case "string":
		body = `{"error":` + text + `}`
	case "array":
		body = `[{"error":{"code":` + number + `,"message":` + text + `,"status":"INVALID_ARGUMENT"}}]`
	case "int-code":
		body = `{"error":{"message":` + text + `,"code":` + number + `}}`
	case "azure":
		body = `{"error":{"message":` + text + `,"type":null,"param":"prompt","code":"content_filter","status":` + number +
			`,"innererror":{"code":"ResponsibleAIPolicyViolation","content_filter_result":{"violence":{"filtered":true,"severity":"high"}}}}}`
	case "text":
		contentType, body = "text/plain", message
	case "empty":
		contentType = ""
	default:
		r := vendorError(d, status, kind, message, "", codeOf(status))
		if wait, err := strconv.Atoi(p.retryAfter); d == gemini && err == nil {
			r.body = js(`%s,"details":[{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"%ds"}]}}`, r.body[:len(r.body)-2], wait)
		}
		r.fields = append(r.fields, fields...)
		return r
	}
	return &reply{status: status, contentType: contentType, body: []byte(body), fields: fields}
}

// errorEvents are an error in the middle of a stream, after the events so far.
func errorEvents(d dialect, before []event, p *plan) []event {
	const message = "the stream failed (simulated)"
	kind := cmp.Or(p.errorType, errorTypeOf(d, http.StatusInternalServerError))
	switch d {
	case cohere:
		return []event{{name: "message-end", data: js(`{"type":"message-end","delta":{"error":%s,"finish_reason":"ERROR"}}`, quote(message))}}
	case bedrock:
		name := strings.ToLower(kind[:1]) + kind[1:]
		return []event{{name: name, data: js(`{"message":%s}`, quote(message)), failed: true}}
	case responses:
		return failedResponse(before, kind, message)
	}
	e := event{data: vendorError(d, http.StatusInternalServerError, kind, message, "", "").body}
	if d == anthropic {
		e.name = "error"
	}
	return []event{e}
}

// signature is what proves that a thought came from this dialect as it is.
func signature(d dialect, thought string) string {
	return base64.StdEncoding.EncodeToString(js("simulated %d %s", d, letters(hash([]byte(thought)), 24)))
}

// sealOf reports whether a text can be a signature of the dialect, whatever it signs.
func sealOf(d dialect, sign string) bool {
	plain, err := base64.StdEncoding.DecodeString(sign)
	return err == nil && strings.HasPrefix(string(plain), string(js("simulated %d ", d)))
}

func quote(s string) []byte { return gjson.AppendJSONString(nil, s) }

func quoteOrNull(s string) []byte {
	if s == "" {
		return []byte("null")
	}
	return quote(s)
}
