package gemini

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ai-mcp-gateway/gateway/translate"
)

func TestReadError(t *testing.T) {
	f := func(status int, body string, want *translate.Error) {
		t.Helper()
		if diff := cmp.Diff(want, New().ReadError(status, []byte(body))); diff != "" {
			t.Errorf("%s: %s", body, diff)
		}
	}
	body := `{"error":{"code":400,"message":"bad \"x\"","status":"INVALID_ARGUMENT","details":[{"@type":"type.googleapis.com/google.rpc.BadRequest","fieldViolations":[{"field":"contents[0]","description":"d"}]}]}}`
	f(400, body, &translate.Error{Code: translate.ProviderRejected, Status: 400, Message: `bad "x"`, Param: "contents[0]", Body: []byte(body)})
	body = `{"error":{"code":404,"message":"models/x is not found","status":"NOT_FOUND"}}`
	f(404, body, &translate.Error{Code: translate.ProviderRejected, Status: 404, Message: "models/x is not found", Reason: "model_not_found", Body: []byte(body)})
	body = `{"error":{"code":400,"message":"The input token count (9) exceeds the maximum number of tokens allowed (8).","status":"INVALID_ARGUMENT"}}`
	f(400, body, &translate.Error{Code: translate.ProviderRejected, Status: 400, Reason: "context_length_exceeded", Message: "The input token count (9) exceeds the maximum number of tokens allowed (8).", Body: []byte(body)})
	f(400, `{"error":{"code":400,"message":"API key not valid.","status":"INVALID_ARGUMENT","details":[{"reason":"API_KEY_INVALID"}]}}`,
		&translate.Error{Code: translate.ProviderAuth, Message: "The provider could not answer: status 400."})
	f(200, `{"error":{"status":"UNAVAILABLE"}}`, &translate.Error{Code: translate.ProviderOverloaded, Message: "The provider could not answer: status 503."})
	f(500, `<html>`, &translate.Error{Code: translate.ProviderFailed, Message: "The provider could not answer: status 500."})
}

func TestEdge143_RetryInfo(t *testing.T) {
	f := func(delay string, want int) {
		t.Helper()
		e := New().ReadError(429, []byte(`{"error":{"code":429,"message":"m","status":"RESOURCE_EXHAUSTED","details":[`+
			`{"@type":"type.googleapis.com/google.rpc.QuotaFailure"},{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"`+delay+`"}]}}`))
		if e.Code != translate.ProviderRateLimited || e.RetryAfter != want {
			t.Errorf("%s: %v, %d", delay, e.Code, e.RetryAfter)
		}
	}
	f("34.4s", 35)
	f("34s", 34)
	f("0s", 0)
	f("-3s", 0)
	f("1e300s", maxRetryAfter)
	f("NaNs", 0)
	f("soon", 0)
}

func TestEdge145_NotJSON(t *testing.T) {
	for _, body := range []string{"", "<html>", "{", "null", "[]", `{"error":{}}`} {
		if e := New().ReadError(400, []byte(body)); e.Code != translate.ProviderRejected || e.Message == "" || e.Body != nil {
			t.Errorf("%q: %+v", body, e)
		}
	}
}

func TestEdge146_Shapes(t *testing.T) {
	f := func(body string, exact bool) {
		t.Helper()
		e := New().ReadError(422, []byte(body))
		if e.Message != "m" || e.Status != 422 || (e.Body != nil) != exact {
			t.Errorf("%s: %+v", body, e)
		}
	}
	f(`{"error":{"code":422,"message":"m","status":"X"}}`, true)
	f(`[{"error":{"code":422,"message":"m","status":"X"}}]`, false)
	f(`{"error":"m"}`, false)
	f(`{"message":"m"}`, false)
}
