package openai

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ai-mcp-gateway/gateway/translate"
)

func TestAppendError(t *testing.T) {
	f := func(e *translate.Error, want string) {
		t.Helper()
		if got := string(New().AppendError([]byte(">"), e, "req_1")); got != ">"+want {
			t.Errorf("got %s, want >%s", got, want)
		}
		event := "data: " + strings.ReplaceAll(want, "\n", " ") + "\n\n"
		if got := string(New().AppendErrorEvent([]byte(">"), e)); got != ">"+event {
			t.Errorf("got %q, want >%q", got, event)
		}
	}
	f(&translate.Error{Code: translate.CallerMissingField, Message: `The field "model" is missing.`, Param: "model"},
		`{"error":{"message":"The field \"model\" is missing.","type":"invalid_request_error","param":"model",`+
			`"code":"missing_required_parameter","gateway_code":"caller_missing_field"}}`)
	f(&translate.Error{Code: translate.ProviderReset, Message: "The stream <broke>."},
		`{"error":{"message":"The stream <broke>.","type":"upstream_error","param":null,`+
			`"code":"upstream_reset","gateway_code":"provider_reset"}}`)
	f(&translate.Error{Code: translate.ProviderRejected, Body: []byte("{\n \"error\": {\"message\": \"no\"}\n}")},
		"{\n \"error\": {\"message\": \"no\"}\n}")
}

func TestReadError_Exact(t *testing.T) {
	f := func(body, message, param, reason string) {
		t.Helper()
		got := New().ReadError(400, []byte(body))
		want := &translate.Error{
			Code: translate.ProviderRejected, Status: 400, Message: message, Param: param, Reason: reason, Body: []byte(body),
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", body, diff)
		}
	}
	f(`{"error":{"message":"bad","type":"invalid_request_error","param":"messages","code":null}}`, "bad", "messages", "")
	f("{\n  \"error\": {\n    \"message\": \"b\u00e4d\",\n    \"type\": \"invalid_request_error\"\n  }\n}\n", "b\u00e4d", "", "")
	f(`{"error":{"message":"filtered","type":null,"param":"prompt","code":"content_filter","status":400,`+
		`"innererror":{"code":"ResponsibleAIPolicyViolation"}}}`, "filtered", "prompt", "content_filter") // edge case 141
}

// TestReadError_Edge146_Shapes has the shapes of error bodies that are not
// OpenAI's, and what the caller sees of them.
func TestReadError_Edge146_Shapes(t *testing.T) {
	type fields struct{ Message, Type, Param, Code string }
	f := func(status int, body string, want fields) {
		t.Helper()
		e := New().ReadError(status, []byte(body))
		if e.Code != translate.ProviderRejected || e.Status != status || e.Param != want.Param {
			t.Errorf("%s: got %+v", body, e)
		}
		var envelope struct {
			Error struct {
				fields
				GatewayCode string `json:"gateway_code"`
			} `json:"error"`
		}
		sent := New().AppendError(nil, e, "")
		if err := json.Unmarshal(sent, &envelope); err != nil {
			t.Errorf("%s: became %s: %v", body, sent, err)
		}
		if diff := cmp.Diff(want, envelope.Error.fields); diff != "" || envelope.Error.GatewayCode != "provider_rejected" {
			t.Errorf("%s: became %s: %s", body, sent, diff)
		}
	}
	const invalid, rejected = "invalid_request_error", "upstream_rejected"
	f(400, `{"error":{"message":"bad","type":"t","param":"p","code":400}}`, fields{"bad", "t", "p", "400"})
	f(400, `{"error":{"message":"bad","code":"c"}}`, fields{"bad", invalid, "", "c"})
	f(400, `[{"error":{"code":400,"message":"bad","status":"INVALID_ARGUMENT"}}]`, fields{"bad", invalid, "", "INVALID_ARGUMENT"})
	f(400, `{"error":{"message":{"a": "b"}}}`, fields{`{"a": "b"}`, invalid, "", rejected})
	f(404, `{"error":"model \"x\" not found, try pulling it first"}`, fields{`model "x" not found, try pulling it first`, invalid, "", rejected})
	f(404, `{"code":"The model does not exist","error":"Team may lack access"}`, fields{"Team may lack access", invalid, "", "The model does not exist"})
	f(422, `{"object":"error","message":{"detail":[{"msg":"Extra inputs"}]},"type":"invalid_request_error","param":null,"code":null}`,
		fields{`{"detail":[{"msg":"Extra inputs"}]}`, invalid, "", rejected})
	f(400, `{"object":"error","message":"too long","type":"BadRequestError","param":"messages","code":400}`,
		fields{"too long", "BadRequestError", "messages", "400"})
	f(400, `{"message":"bad"}`, fields{"bad", invalid, "", rejected})
	f(400, `{"Message":"b\u00e4d \ud83e\udd8a"}`, fields{"b\u00e4d 🦊", invalid, "", rejected})
	f(422, `{"detail":"bad"}`, fields{"bad", invalid, "", rejected})
	f(422, `{"detail":[{"loc":["body"],"msg":"bad"}]}`, fields{`[{"loc":["body"],"msg":"bad"}]`, invalid, "", rejected})
	f(400, "{\"error\":{\"message\":\"b\xffd\",\"type\":\"t\"}}", fields{"b\ufffdd", "t", "", rejected})

	silent := fields{"The provider refused the request with status 413.", invalid, "", rejected}
	for _, body := range []string{
		"", " ", "null", "{}", "[]", "[1]", "[[{}]]", `"secret"`, `{"error":null}`, `{"error":{}}`, // edge case 145
		"<html>secret</html>", `{"error":{"message":"secret"`, `{"error":{"message":""}}`,
	} {
		f(413, body, silent)
	}
}

func TestReadError_Status(t *testing.T) {
	f := func(status int, body string, code translate.Code, want int) {
		t.Helper()
		e := New().ReadError(status, []byte(body))
		if e.Code != code || e.HTTPStatus() != want {
			t.Errorf("%d %s: got %v %d, want %v %d", status, body, e.Code, e.HTTPStatus(), code, want)
		}
		if code != translate.ProviderRejected && e.Body != nil {
			t.Errorf("%d %s: the provider's words come out: %s", status, body, e.Body)
		}
	}
	const body = `{"error":{"message":"key sk-secret","type":"t"}}`
	f(401, body, translate.ProviderAuth, 502)
	f(403, body, translate.ProviderAuth, 502)
	f(404, body, translate.ProviderRejected, 404)
	f(422, body, translate.ProviderRejected, 422)
	f(429, body, translate.ProviderRateLimited, 429)
	f(500, body, translate.ProviderFailed, 502)
	f(503, body, translate.ProviderOverloaded, 503)
	f(529, body, translate.ProviderOverloaded, 503) // edge case 142

	// Errors that came with status 200, or in a stream (edge cases 111, 112, 147).
	f(200, body, translate.ProviderFailed, 502)
	f(200, `{"error":"no"}`, translate.ProviderFailed, 502)
	f(200, `{"error":{"message":"no","code":400}}`, translate.ProviderRejected, 400)
	f(200, `{"error":{"message":"no","code":403}}`, translate.ProviderAuth, 502)
	f(200, `{"error":{"message":"no","code":999}}`, translate.ProviderFailed, 502)
	f(200, `{"error":{"message":"no","type":"overloaded_error"}}`, translate.ProviderOverloaded, 503)
	f(200, `{"error":{"message":"no","type":"tokens","code":"rate_limit_exceeded"}}`, translate.ProviderRateLimited, 429)
	f(200, `{"error":{"message":"no","type":"invalid_request_error","code":"context_length_exceeded"}}`, translate.ProviderRejected, 400)
	f(0, "", translate.ProviderFailed, 502)
}
