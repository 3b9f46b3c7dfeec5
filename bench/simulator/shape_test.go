package simulator

import (
	"encoding/json"
	"testing"

	"github.com/tidwall/gjson"
)

func TestShape(t *testing.T) {
	all := object(fields{
		"name!": someText(1, 3), "n": integral(0, 5), "list": array(1, 2, decimal(0, 1)), "ok": truth, "color": word("red", "blue"),
		"one":  union(fields{"a": anyText, "b": anyText}, fields{"shared": anyText}),
		"kind": tagged("type", map[string]fields{"x": {"v!": anyText}, "y": {}}),
		"any":  either(anyText, array(0, 0, anyText)), "args": objectText, "hex": like(`[0-9a-f]+`),
	})
	f := func(body, path string, kind flawKind) {
		t.Helper()
		bad := all("", gjson.Parse(body))
		switch {
		case bad == nil && path != "-":
			t.Errorf("%s is taken", body)
		case bad != nil && (bad.path != path || bad.kind != kind):
			t.Errorf("%s: got %+v, want %s", body, bad, path)
		}
	}
	f(`{"name":"äöü","n":5,"list":[0,0.5],"ok":true,"color":"red","one":{"b":"","shared":""},"kind":{"type":"x","v":""},"any":["a"],"args":"{}","hex":"0f"}`, "-", 0)
	f(`{"name":"a","n":null,"one":{"a":"","b":null}}`, "-", 0)
	f(`[]`, "", flawInvalid)
	f(`{}`, "name", flawMissing)
	f(`{"name":null}`, "name", flawMissing)
	f(`{"name":"a","other":1}`, "other", flawUnknown)
	f(`{"name":"a","Name":"a"}`, "Name", flawUnknown)
	f(`{"name":"a","n":1,"n":1}`, "n", flawInvalid)
	f(`{"name":"abcd"}`, "name", flawInvalid)
	f(`{"name":"a","n":1.5}`, "n", flawInvalid)
	f(`{"name":"a","n":"1"}`, "n", flawInvalid)
	f(`{"name":"a","n":6}`, "n", flawInvalid)
	f(`{"name":"a","n":1e400}`, "n", flawInvalid)
	f(`{"name":"a","list":[]}`, "list", flawInvalid)
	f(`{"name":"a","list":[0,0,0]}`, "list", flawInvalid)
	f(`{"name":"a","list":[0,2]}`, "list[1]", flawInvalid)
	f(`{"name":"a","ok":"true"}`, "ok", flawInvalid)
	f(`{"name":"a","color":"green"}`, "color", flawInvalid)
	f(`{"name":"a","one":{}}`, "one", flawInvalid)
	f(`{"name":"a","one":{"a":"","b":""}}`, "one", flawInvalid)
	f(`{"name":"a","kind":{"v":""}}`, "kind.type", flawMissing)
	f(`{"name":"a","kind":{"type":"z"}}`, "kind.type", flawInvalid)
	f(`{"name":"a","kind":{"type":"y","v":""}}`, "kind.v", flawUnknown)
	f(`{"name":"a","any":[1]}`, "any[0]", flawInvalid)
	f(`{"name":"a","args":"[]"}`, "args", flawInvalid)
	f(`{"name":"a","args":{}}`, "args", flawInvalid)
	f(`{"name":"a","hex":"0g"}`, "hex", flawInvalid)
}

// FuzzAnswer gives any JSON to every API: there is an answer, and it is JSON.
func FuzzAnswer(f *testing.F) {
	paths := []string{
		"/v1/chat/completions", "/v1/messages", "/v1/messages/count_tokens", "/v1/responses", "/v2/chat", "/v2/embed", "/api/chat", "/api/embed",
		geminiPath, "/v1beta/models/sim-l0:streamGenerateContent", "/v1beta/models/sim-l0:batchEmbedContents", "/v1beta/models/sim-l0:countTokens",
		bedrockPath, "/model/sim-l0/converse-stream", "/openai/v1/chat/completions",
	}
	for _, body := range []string{
		chatBody("sim-l0", `,"max_tokens":2000,"stream":true`), geminiAsk("get_weather", geminiTools), bedrockAsk("get_time", bedrockTools),
		ollamaAsk("get_time", ollamaTools), responseAsk("get_time", responseToolsText), `{"model":"sim-l0","messages":[{"role":"user","content":[]}],"max_tokens":1}`,
		`{"contents":[{"parts":[{"functionCall":{"name":"f"}}]}]}`, `{"messages":[{"role":"user","content":[{"cachePoint":{"type":"default"}}]}]}`,
		`{"model":"sim-l0","input":[{"type":"reasoning","summary":[]}]}`,
	} {
		f.Add(body)
	}
	s := start(f, Config{})
	f.Fuzz(func(t *testing.T, body string) {
		if !gjson.Valid(body) {
			return
		}
		for _, path := range paths {
			at := targetOf(path)
			p := newPlan()
			q := &request{
				dialect: at.dialect, op: at.op, method: "POST", path: path, uri: path, model: "sim-l0", version: "2023-06-01",
				header: func(string) string { return "" }, body: []byte(body),
			}
			r := s.answer(q, &p)
			for _, e := range r.events {
				if string(e.data) != "[DONE]" && !json.Valid(e.data) {
					t.Errorf("%s: event %s", path, e.data)
				}
			}
			if r.events == nil && !json.Valid(r.body) {
				t.Errorf("%s: %s", path, r.body)
			}
		}
	})
}
