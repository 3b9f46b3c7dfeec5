package bedrock

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ai-mcp-gateway/gateway/translate"
)

func TestReadError(t *testing.T) {
	f := func(status int, body string, want translate.Error) {
		t.Helper()
		if diff := cmp.Diff(&want, New().ReadError(status, []byte(body))); diff != "" {
			t.Errorf("%d %s: %s", status, body, diff)
		}
	}
	failed := func(code translate.Code, status string) translate.Error {
		return translate.Error{Code: code, Message: "The provider could not answer: status " + status + "."}
	}
	rejected := func(status int, message, reason string) translate.Error {
		return translate.Error{Code: translate.ProviderRejected, Status: status, Message: message, Reason: reason}
	}
	f(400, `{"message":"The provided model identifier is invalid."}`,
		rejected(400, "The provided model identifier is invalid.", "model_not_found"))
	f(400, `{"message":"Input is too long for requested model."}`,
		rejected(400, "Input is too long for requested model.", "context_length_exceeded"))
	f(404, `{"__type":"com.amazon.coral#ResourceNotFoundException:http://x/","Message":"gone"}`,
		rejected(404, "gone", "model_not_found"))
	f(400, `<html>`, rejected(400, "The provider refused the request with status 400.", ""))
	f(413, ``, rejected(413, "The provider refused the request with status 413.", ""))
	f(403, `{"message":"arn:aws:iam::1:user/x may not"}`, failed(translate.ProviderAuth, "403"))
	f(400, `{"__type":"ExpiredTokenException","message":"x"}`, failed(translate.ProviderAuth, "400"))
	f(408, `{}`, failed(translate.ProviderTimeout, "408"))
	f(424, `{"message":"x"}`, failed(translate.ProviderFailed, "424"))
	f(429, `{"message":"Too many tokens"}`, failed(translate.ProviderRateLimited, "429"))
	f(503, `{"message":"x"}`, failed(translate.ProviderOverloaded, "503"))
	f(500, `null`, failed(translate.ProviderFailed, "500"))
	f(200, `{"__type":"ThrottlingException","message":"x"}`, failed(translate.ProviderRateLimited, "429"))
	f(200, `{"__type":"NewException","message":"x"}`, failed(translate.ProviderFailed, "502"))
}
