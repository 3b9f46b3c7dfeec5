package responses

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ai-mcp-gateway/gateway/translate"
)

func TestPrepare(t *testing.T) {
	f := func(body, want string) {
		t.Helper()
		var r translate.Request
		if err := r.Scan([]byte(body)); err != nil {
			t.Fatal(err)
		}
		var p translate.Plan
		if New().Prepare(&p, &r, translate.OpResponses, []byte("served"), true) {
			t.Error("the usage is to be stripped")
		}
		if got := string(p.Append(nil, r.Body)); got != want {
			t.Errorf("%s\nwant %s", got, want)
		}
	}
	f(`{"model":"served","input":"x", "stream":true}`, `{"model":"served","input":"x", "stream":true}`)
	f("\ufeff"+`{"model":"p/served","conversation_id":"c","input":[1e400],"conversationId":"d"}`, `{"model":"served","input":[1e400]}`)
	f(`{"model":"m","stream_options":{"include_obfuscation":false}}`, `{"model":"served","stream_options":{"include_obfuscation":false}}`)
}

func TestReadAnswer(t *testing.T) {
	f := func(body string, valid, failed bool, finish translate.Finish) {
		t.Helper()
		var a translate.Answer
		New().ReadAnswer(translate.OpResponses, []byte(body), &a)
		if a.Valid != valid || a.Failed != failed || a.Finish != finish {
			t.Errorf("%s: %+v", body, a)
		}
	}
	f(answer, true, false, translate.FinishTools)
	f(`{"output":[],"status":"completed"}`, true, false, translate.FinishStop)
	f(`{"output":[],"status":"incomplete","incomplete_details":{"reason":"content_filter"}}`, true, false, translate.FinishFilter)
	f(`{"output":[],"status":"queued"}`, true, false, translate.FinishOther)
	f(`{"output":[],"status":"failed","error":{"code":"server_error"}}`, false, true, translate.FinishNone)
	f(`{"error":"no"}`, false, true, translate.FinishNone)
	f(`{"error":{},"choices":[]}`, false, false, translate.FinishNone)
	f(`[]`, false, false, translate.FinishNone)
	f(``, false, false, translate.FinishNone)
	f(`{"output":[]} x`, false, false, translate.FinishNone)

	var a translate.Answer
	New().ReadAnswer(translate.OpResponses, []byte(answer), &a)
	if got := string(a.UsageSpan.Of([]byte(answer))); !strings.HasPrefix(got, `{"input_tokens":20`) || a.Usage.In != 20 || !a.Usage.Known {
		t.Errorf("the usage is %+v, at %s", a.Usage, got)
	}
}

func TestReadEvent(t *testing.T) {
	f := func(data string, kind translate.EventKind, content bool, finish translate.Finish) {
		t.Helper()
		var e translate.StreamEvent
		New().ReadEvent([]byte(data), &e)
		if e.Kind != kind || e.Content != content || e.Finish != finish {
			t.Errorf("%s: %+v", data, e)
		}
	}
	f(``, translate.EventNone, false, 0)
	f(`[DONE]`, translate.EventNone, false, 0)
	f(created, translate.EventData, false, 0)
	f(`{"type":"response.output_text.delta","delta":"x"}`, translate.EventData, true, 0)
	f(`{"type":"response.code_interpreter_call_code.delta","delta":"x"}`, translate.EventData, true, 0)
	f(`{"type":"response.output_text.delta","delta":""}`, translate.EventData, false, 0)
	f(completed, translate.EventDone, false, translate.FinishStop)
	f(`{"type":"response.incomplete","response":{"status":"incomplete","incomplete_details":{"reason":"max_output_tokens"},"output":[]}}`, translate.EventDone, false, translate.FinishLength)
	f(`{"type":"response.failed","response":{"status":"failed"}}`, translate.EventError, false, 0)
	f(`{"type":"error","message":"m"}`, translate.EventError, false, 0)
	f(`{"error":{"message":"m"}}`, translate.EventError, false, 0)
	f(`{"type":"response.output_text.delta","delta":"x`, translate.EventMalformed, false, 0)

	data := `{"response":` + answer + `,"type":"response.completed"}`
	var e translate.StreamEvent
	New().ReadEvent([]byte(data), &e)
	if got := string(e.UsageSpan.Of([]byte(data))); !strings.HasPrefix(got, `{"input_tokens":20`) || e.Usage.Out != 9 {
		t.Errorf("the usage is %+v, at %q", e.Usage, got)
	}
	priced := New().AppendUsageCost(nil, []byte("data: "+data), len("data: ")+e.UsageSpan.End, 12500)
	if !strings.Contains(string(priced), `"total_tokens":29,"cost":0.0000125}}`) {
		t.Errorf("%s", priced)
	}
}

func TestAppendUsageCost(t *testing.T) {
	f := func(event, want string) {
		t.Helper()
		end := strings.LastIndex(event, "}}") + 1
		if got := string(New().AppendUsageCost(nil, []byte(event), end, 2_000_000_000)); got != want {
			t.Errorf("%s\nwant %s", got, want)
		}
	}
	f(`{"usage":{}}`, `{"usage":{"cost":2}}`)
	f(`{"x":"\"usage\":{","usage": {"input_tokens":1,"cost":null}}`, `{"x":"\"usage\":{","usage": {"input_tokens":1,"cost":2}}`)
	f(`{"x":{}}`, `{"x":{}}`)
}

// The stream made of an answer is a legal one, and gives the answer back.
func TestAppendStream(t *testing.T) {
	dst, usage, ok := New().AppendStream([]byte("x"), []byte(answer), translate.OpResponses)
	if !ok || string(dst[:1]) != "x" {
		t.Fatal("there is no stream")
	}
	last := string(dst[usage.Start:usage.End])
	if !strings.HasPrefix(last, "event: response.completed\n") || !strings.HasSuffix(last, answer+"}\n\n") || usage.End != len(dst) {
		t.Errorf("the last event is %s", last)
	}
	checkSequence(t, parseStream(t, dst[1:]))
	back, ok := New().AppendAnswer([]byte("y"), dst[1:], translate.OpResponses)
	if !ok || string(back) != "y"+answer {
		t.Errorf("%v %s", ok, back)
	}
	var indented strings.Builder
	var tree any
	if err := json.Unmarshal([]byte(answer), &tree); err != nil {
		t.Fatal(err)
	}
	enc := json.NewEncoder(&indented)
	enc.SetIndent("", "  ")
	if err := enc.Encode(tree); err != nil {
		t.Fatal(err)
	}
	spread, _, ok := New().AppendStream(nil, []byte(indented.String()), translate.OpResponses)
	if !ok {
		t.Fatal("there is no stream of an indented answer")
	}
	checkSequence(t, parseStream(t, spread))
}

func TestAppendStreamRefuses(t *testing.T) {
	for _, body := range []string{``, `{}`, `{"output":[],"status":"queued"}`, `{"output":[],"status":"failed"}`, `{"output":[],"error":{"code":"x"}}`, `{"output":[]`} {
		if dst, _, ok := New().AppendStream([]byte("x"), []byte(body), translate.OpResponses); ok || string(dst) != "x" {
			t.Errorf("%s: %v %s", body, ok, dst)
		}
	}
}

func TestAppendAnswer(t *testing.T) {
	const item = `{"type":"response.output_item.done","output_index":0,"item":{"type":"message","content":[]}}`
	f := func(want string, events ...string) {
		t.Helper()
		got, ok := New().AppendAnswer(nil, frames(events...), translate.OpResponses)
		if ok != (want != "") || string(got) != want {
			t.Errorf("%v %s\nwant %s", ok, got, want)
		}
	}
	f(`{"id":"resp_1","status":"completed","output":[{"type":"message","content":[]}]}`, created, item, completed)
	f(`{"id":"resp_1","status":"completed","output":[]}`, created, completed)
	f("", created, item)
	f("", created, item, `{"type":"error","message":"m"}`, completed)
	f("", created, `{"type":"response.completed","response":{"status":"completed"}}`)
	f("", created, `{"type":`)
}

func TestReadError(t *testing.T) {
	f := func(status int, body string, want *translate.Error) {
		t.Helper()
		got := New().ReadError(status, []byte(body))
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%d %s: %s", status, body, diff)
		}
	}
	sound := `{"error":{"message":"Too long.","type":"invalid_request_error","param":"input","code":"context_length_exceeded"}}`
	f(400, sound, &translate.Error{
		Code: translate.ProviderRejected, Status: 400, Message: "Too long.", Param: "input",
		Reason: "context_length_exceeded", Body: []byte(sound),
	})
	refused := func(status int, message string) *translate.Error {
		return &translate.Error{Code: translate.ProviderRejected, Status: status, Message: message}
	}
	f(422, `{"object":"error","message":"bad"}`, refused(422, "bad"))
	f(400, `{"error":"bad"}`, refused(400, "bad"))
	f(400, `[{"error":{"message":"bad","code":400}}]`, refused(400, "bad"))
	f(400, `{"detail":[{"loc":["x"]}]}`, refused(400, `[{"loc":["x"]}]`))
	for _, body := range []string{``, `<html>`, `{"error":{"message":"x"`, `7`} {
		f(404, body, refused(404, "The provider refused the request with status 404."))
	}
	code := func(status int, body string, want translate.Code) {
		t.Helper()
		if got := New().ReadError(status, []byte(body)); got.Code != want || got.Body != nil || strings.Contains(got.Message, "secret") {
			t.Errorf("%d %s: %+v", status, body, got)
		}
	}
	code(401, `{"error":{"message":"key secret","type":"x"}}`, translate.ProviderAuth)
	code(403, ``, translate.ProviderAuth)
	code(429, ``, translate.ProviderRateLimited)
	code(529, ``, translate.ProviderOverloaded)
	code(500, `secret`, translate.ProviderFailed)
	code(200, `{"error":{"message":"m","code":"insufficient_quota"}}`, translate.ProviderRateLimited)
	code(200, `{"error":{"message":"m","code":503}}`, translate.ProviderOverloaded)
	code(200, `{"type":"error","code":"server_error","message":"m"}`, translate.ProviderFailed)
}

func TestAppendError(t *testing.T) {
	e := &translate.Error{Code: translate.CallerInvalidField, Message: `The field "input" is "bad".`, Param: "input"}
	want := `{"error":{"message":"The field \"input\" is \"bad\".","type":"invalid_request_error","param":"input","code":"invalid_value","gateway_code":"caller_invalid_field"}}`
	if got := string(New().AppendError(nil, e, "req_1")); got != want {
		t.Error(got)
	}
	if got := string(New().AppendError(nil, &translate.Error{Body: []byte("{}")}, "")); got != "{}" {
		t.Error(got)
	}
}

func TestMixed(t *testing.T) {
	f := func(s seal, want bool) {
		t.Helper()
		body := append(s.append([]byte(`{"input":[{"type":"reasoning","encrypted_content":`)), `}]}`...)
		if got := New().Mixed(body); got != want {
			t.Errorf("%s: %v", body, got)
		}
	}
	f(seal{kind: sealThinking, origin: "anthropic", signature: []byte("s")}, true)
	f(seal{kind: sealCall, origin: name, signature: []byte("s")}, true)
	f(seal{kind: sealThinking, origin: name, signature: []byte("s")}, false)
}
