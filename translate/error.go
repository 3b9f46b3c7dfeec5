package translate

import "fmt"

// Code is one of the closed list of error codes. Its text is what the header
// X-Gateway-Error and the field error.gateway_code carry; the prefix names
// whose fault it is.
type Code uint8

// The codes. codeTable gives each its text, HTTP status and OpenAI names.
const (
	CodeNone Code = iota

	CallerBadRequest       // framing or headers that no handler can make sense of
	CallerInvalidJSON      // the body is not one well-formed JSON object
	CallerInvalidField     // a field has the wrong type or value
	CallerMissingField     // a required field is absent
	CallerDuplicateField   // a control field stands twice
	CallerUnsupported      // what is asked for cannot be said to this provider
	CallerBodyTooLarge     // the body is over limits.body
	CallerHeaderTooLarge   // the header or the URI is over its limit
	CallerUnsupportedMedia // the content type or encoding is not accepted
	CallerUnauthenticated  // no credential, or one that is not known
	CallerForbidden        // a known caller that may not do this
	CallerModelNotFound    // no target serves the model
	CallerRouteNotFound    // no such route
	CallerNotFound         // what is asked for is not there, or not the caller's
	CallerMethodNotAllowed // the route exists, the method does not
	CallerConflict         // somebody else changed it, or is at it, in between
	CallerKeyReused        // an idempotency key came again with another request
	CallerTimeout          // the request did not arrive in time
	CallerGone             // the client left before the answer; logged only
	CallerVersion          // an HTTP version that is not served

	PolicyOnlyIfCached // Cache-Control: only-if-cached and nothing in the cache
	PolicyMaxCost      // no model is cheap enough for what the call may cost

	ProviderUnavailable // refused, unresolvable or broken connection
	ProviderTimeout     // no answer within a deadline
	ProviderTLS         // the TLS handshake failed
	ProviderAuth        // the provider refused our credential
	ProviderRateLimited // 429 by every target
	ProviderOverloaded  // 503 or 529 by every target
	ProviderFailed      // another 5xx by every target
	ProviderRejected    // the provider's own 4xx, passed through
	ProviderBadResponse // bytes that are not the API's answer
	ProviderRedirect    // a 3xx, which is never followed
	ProviderTooLarge    // the answer is over its limit
	ProviderTruncated   // the answer ended early
	ProviderReset       // the connection was reset in mid-answer
	ProviderStalled     // the stream went silent for too long

	GatewayInternal   // a bug; counted and logged
	GatewayStopping   // the process is shutting down
	GatewayOverloaded // shed to protect the calls under way
	GatewayNoState    // what has to be remembered cannot be stored now
	codeCount
)

// Error is an error that a caller is told, in the caller's dialect.
type Error struct {
	Code Code
	// Status overrides the code's HTTP status; zero keeps it.
	Status int
	// Message is one sentence for a person. It never holds a secret or a
	// prompt. That of ProviderRejected may be the provider's own.
	Message string
	// Reason is a provider's well-known word for what is wrong, in OpenAI's
	// terms (context_length_exceeded, content_filter ...), where it said one.
	Reason string
	// Param names the field at fault, as a path; empty when there is none.
	Param string
	// Attempts is how many upstream attempts were made.
	Attempts int
	// RetryAfter is in seconds; zero sends no header.
	RetryAfter int
	// Body, when set, is the provider's own error body in its own dialect,
	// passed through as it is where the caller speaks that one
	// (ProviderRejected only).
	Body []byte
	// Frames, when set, are what ends a stream in the caller's dialect with
	// this error, in place of the dialect's plain error event.
	Frames []byte
}

// Error implements error.
func (e *Error) Error() string { return e.Code.String() + ": " + e.Message }

// Errorf returns an Error with a formatted message.
func Errorf(code Code, param, format string, args ...any) *Error {
	return &Error{Code: code, Param: param, Message: fmt.Sprintf(format, args...)}
}

// HTTPStatus is the status the caller gets.
func (e *Error) HTTPStatus() int {
	if e.Status != 0 {
		return e.Status
	}
	return codeTable[e.Code].status
}

// String returns the code's text, such as "caller_invalid_json".
func (c Code) String() string { return codeTable[c].text }

// CallersFault reports whether the caller has to change something, or has
// left.
func (c Code) CallersFault() bool { return c >= CallerBadRequest && c <= CallerVersion }

// OpenAIType returns the "type" of OpenAI's error object for c.
func (c Code) OpenAIType() string { return codeTable[c].openaiType }

// OpenAICode returns the "code" of OpenAI's error object for c.
func (c Code) OpenAICode() string { return codeTable[c].openaiCode }

const (
	typeInvalid = "invalid_request_error"
	typeServer  = "server_error"
	typeUp      = "upstream_error"
)

// codeTable is indexed by Code: the one place that picks a status and the
// names that OpenAI clients branch on.
var codeTable = [codeCount]struct {
	text       string
	status     int
	openaiType string
	openaiCode string
}{
	CodeNone:               {"", 200, "", ""},
	CallerBadRequest:       {"caller_bad_request", 400, typeInvalid, "bad_request"},
	CallerInvalidJSON:      {"caller_invalid_json", 400, typeInvalid, "invalid_json"},
	CallerInvalidField:     {"caller_invalid_field", 400, typeInvalid, "invalid_value"},
	CallerMissingField:     {"caller_missing_field", 400, typeInvalid, "missing_required_parameter"},
	CallerDuplicateField:   {"caller_duplicate_field", 400, typeInvalid, "duplicate_parameter"},
	CallerUnsupported:      {"caller_unsupported", 400, typeInvalid, "unsupported_parameter"},
	CallerBodyTooLarge:     {"caller_body_too_large", 413, typeInvalid, "request_too_large"},
	CallerHeaderTooLarge:   {"caller_header_too_large", 431, typeInvalid, "header_too_large"},
	CallerUnsupportedMedia: {"caller_unsupported_media", 415, typeInvalid, "unsupported_media_type"},
	CallerUnauthenticated:  {"caller_unauthenticated", 401, typeInvalid, "invalid_api_key"},
	CallerForbidden:        {"caller_forbidden", 403, "permission_error", "forbidden"},
	CallerModelNotFound:    {"caller_model_not_found", 404, typeInvalid, "model_not_found"},
	CallerNotFound:         {"caller_not_found", 404, typeInvalid, "not_found"},
	CallerRouteNotFound:    {"caller_route_not_found", 404, typeInvalid, "unknown_url"},
	CallerMethodNotAllowed: {"caller_method_not_allowed", 405, typeInvalid, "method_not_allowed"},
	CallerConflict:         {"caller_conflict", 409, typeInvalid, "conflict"},
	CallerKeyReused:        {"caller_key_reused", 422, "idempotency_error", "idempotency_key_reused"},
	CallerTimeout:          {"caller_timeout", 408, typeInvalid, "request_timeout"},
	CallerGone:             {"caller_gone", 499, typeInvalid, "client_closed_request"},
	CallerVersion:          {"caller_version", 505, typeInvalid, "http_version_not_supported"},

	PolicyOnlyIfCached: {"policy_only_if_cached", 504, typeInvalid, "only_if_cached"},
	PolicyMaxCost:      {"policy_max_cost", 402, typeInvalid, "max_cost_exceeded"},

	ProviderUnavailable: {"provider_unavailable", 502, typeUp, "upstream_unavailable"},
	ProviderTimeout:     {"provider_timeout", 504, typeUp, "upstream_timeout"},
	ProviderTLS:         {"provider_tls", 502, typeUp, "upstream_tls"},
	ProviderAuth:        {"provider_auth", 502, typeUp, "provider_auth"},
	ProviderRateLimited: {"provider_rate_limited", 429, "rate_limit_error", "rate_limit_exceeded"},
	ProviderOverloaded:  {"provider_overloaded", 503, typeServer, "overloaded"},
	ProviderFailed:      {"provider_failed", 502, typeUp, "upstream_failed"},
	ProviderRejected:    {"provider_rejected", 400, typeInvalid, "upstream_rejected"},
	ProviderBadResponse: {"provider_bad_response", 502, typeUp, "upstream_bad_response"},
	ProviderRedirect:    {"provider_redirect", 502, typeUp, "upstream_redirect"},
	ProviderTooLarge:    {"provider_too_large", 502, typeUp, "upstream_too_large"},
	ProviderTruncated:   {"provider_truncated", 502, typeUp, "upstream_truncated"},
	ProviderReset:       {"provider_reset", 502, typeUp, "upstream_reset"},
	ProviderStalled:     {"provider_stalled", 504, typeUp, "upstream_stalled"},

	GatewayInternal:   {"gateway_internal", 500, typeServer, "internal_error"},
	GatewayStopping:   {"gateway_stopping", 503, typeServer, "shutting_down"},
	GatewayOverloaded: {"gateway_overloaded", 503, typeServer, "gateway_overloaded"},
	GatewayNoState:    {"gateway_no_state", 503, typeServer, "state_unavailable"},
}
