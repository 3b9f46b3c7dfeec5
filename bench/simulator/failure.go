package simulator

import (
	"cmp"
	"net/http"
	"strconv"

	"github.com/tidwall/gjson"
)

// statusOverloaded is Anthropic's own status.
const statusOverloaded = 529

// errorReply is an error in the vendor's shape. param and code may be empty; then they are null or follow the status.
func errorReply(d dialect, status int, message, param, code string) *reply {
	body := vendorError(d, errorTypeOf(d, status), message, param, cmp.Or(code, codeOf(status)))
	return &reply{status: status, contentType: jsonType, body: body}
}

func statusText(status int) string {
	if text := http.StatusText(status); text != "" {
		return text + " (simulated)"
	}
	return "Overloaded (simulated)"
}

// errorTypes and what follow are the vendors' words for statuses.
var errorTypes = [2]map[int]string{
	openAI: {
		400: "invalid_request_error", 401: "authentication_error", 402: "insufficient_quota", 403: "permission_error",
		404: "invalid_request_error", 408: "timeout", 413: "invalid_request_error", 422: "invalid_request_error",
		429: "rate_limit_error", 500: "server_error", 502: "server_error", 503: "server_error", 504: "timeout",
	},
	anthropic: {
		400: "invalid_request_error", 401: "authentication_error", 402: "billing_error", 403: "permission_error",
		404: "not_found_error", 408: "timeout_error", 413: "request_too_large", 422: "invalid_request_error",
		429: "rate_limit_error", 504: "timeout_error", 529: "overloaded_error",
	},
}

func errorTypeOf(d dialect, status int) string {
	fallback := "server_error"
	if d == anthropic {
		fallback = "api_error"
	}
	if status < 500 {
		fallback = "invalid_request_error"
	}
	return cmp.Or(errorTypes[d][status], fallback)
}

func codeOf(status int) string {
	return map[int]string{
		401: "invalid_api_key", 402: "insufficient_quota", 413: "request_too_large", 429: "rate_limit_exceeded",
		503: "overloaded", 529: "overloaded",
	}[status]
}

// vendorError is {"error":{...}} as OpenAI writes it, or Anthropic's {"type":"error","error":{...}}.
func vendorError(d dialect, kind, message, param, code string) []byte {
	if d == anthropic {
		b := append([]byte(`{"type":"error","error":{"type":`), quote(kind)...)
		b = append(append(b, `,"message":`...), quote(message)...)
		return append(b, `},"request_id":"req_simulated"}`...)
	}
	b := append([]byte(`{"error":{"message":`), quote(message)...)
	b = append(append(b, `,"type":`...), quote(kind)...)
	b = append(append(b, `,"param":`...), quoteOrNull(param)...)
	b = append(append(b, `,"code":`...), quoteOrNull(code)...)
	return append(b, `}}`...)
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
		body = string(vendorError(d, kind, message, "", codeOf(status)))
	}
	return &reply{status: status, contentType: contentType, body: []byte(body), fields: fields}
}

// errorEvent is an error in the middle of a stream.
func errorEvent(d dialect, p *plan) event {
	kind := cmp.Or(p.errorType, errorTypeOf(d, http.StatusInternalServerError))
	e := event{data: vendorError(d, kind, "the stream failed (simulated)", "", "")}
	if d == anthropic {
		e.name = "error"
	}
	return e
}

func quote(s string) []byte { return gjson.AppendJSONString(nil, s) }

func quoteOrNull(s string) []byte {
	if s == "" {
		return []byte("null")
	}
	return quote(s)
}
