package simulator

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func cohereAsk(text, more string) string { return ollamaAsk(text, more) }

const cohereTools = ollamaTools

func TestCohere(t *testing.T) {
	c := dial(t, start(t, Config{}))
	f := func(body string, want ...string) {
		t.Helper()
		c.request(post("/v2/chat", body))
		_, got := c.ok()
		if !json.Valid([]byte(got)) {
			t.Errorf("no JSON: %s", got)
		}
		has(t, got, want...)
	}
	f(cohereAsk("Hello", ""), `"message":{"role":"assistant","content":[{"type":"text","text":"[simulated sim-l0]`, `"finish_reason":"COMPLETE"`, `"tokens":{"input_tokens":`)
	f(cohereAsk("Hello", `,"max_tokens":2`), `"MAX_TOKENS"`, `"output_tokens":2}`)
	f(cohereAsk("Hello", `,"stop_sequences":["-l0"]`), `"text":"[simulated sim"`, `"STOP_SEQUENCE"`)
	f(cohereAsk("get_weather and get_time", cohereTools), `"tool_plan":"I will use`, `"tool_calls":[{"id":"get_weather_`, `"arguments":"{\"city\":`, `"arguments":"null"`, `"TOOL_CALL"`)
	f(cohereAsk("Hello", `,"response_format":{"type":"json_object","json_schema":{"const":{"a":1}}}`), `"text":"{\"a\":1}"`)
	f(cohereAsk("Hello", `,"thinking":{"type":"enabled"}`), `"content":[{"type":"thinking","thinking":"Let me think`)
	f(cohereAsk("[sim cached-tokens=50]", ""), `"cached_tokens":50`)
	f(cohereAsk("[sim filter]", ""), `"ERROR_TOXIC"`)
	f(`{"model":"sim-l0","messages":[{"role":"user","content":[{"type":"text","text":"x"},{"type":"image_url","image_url":{"url":"data:x"}}]},`+
		`{"role":"assistant","tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":"null"}}]},{"role":"tool","tool_call_id":"a","content":[{"type":"document","document":{"data":"noon"}}]}]}`,
		"(images: 1, files: 0) The tool returned: noon")
	c.request(post("/v2/embed", `{"model":"sim-embed","input_type":"search_query","texts":["a b","c"],"embedding_types":["float","base64"],"output_dimension":2}`))
	_, got := c.ok()
	var out struct {
		Embeddings struct {
			Float  [][]float64
			Base64 []string
		}
	}
	if err := json.Unmarshal([]byte(got), &out); err != nil || len(out.Embeddings.Float) != 2 || len(out.Embeddings.Base64) != 2 {
		t.Errorf("%v: %s", err, got)
	}
}

func TestCohere_Stream(t *testing.T) {
	c := dial(t, start(t, Config{}))
	ask := func(body string) (names []string, text string) {
		t.Helper()
		c.request(post("/v2/chat", body))
		_, got := c.ok()
		for one := range strings.SplitSeq(strings.TrimSuffix(got, "\n\n"), "\n\n") {
			name, data, _ := strings.Cut(strings.TrimPrefix(one, "event: "), "\ndata: ")
			var e struct {
				Type  string
				Delta struct {
					Message struct {
						ToolPlan  string `json:"tool_plan"`
						Content   json.RawMessage
						ToolCalls json.RawMessage `json:"tool_calls"`
					}
				}
			}
			if err := json.Unmarshal([]byte(data), &e); err != nil || e.Type != name {
				t.Fatalf("%v: %q", err, one)
			}
			if name != "message-start" {
				var content struct{ Text, Thinking string }
				var call struct{ Function struct{ Arguments string } }
				_ = json.Unmarshal(e.Delta.Message.Content, &content)
				_ = json.Unmarshal(e.Delta.Message.ToolCalls, &call)
				text += content.Thinking + content.Text + call.Function.Arguments
			}
			if len(names) == 0 || names[len(names)-1] != name {
				names = append(names, name)
			}
		}
		return names, text
	}
	names, text := ask(cohereAsk("Hello", `,"stream":true,"thinking":{"type":"enabled"}`))
	block := []string{"content-start", "content-delta", "content-end"}
	want := append(append([]string{"message-start"}, block...), append(block, "message-end")...)
	if diff := cmp.Diff(want, names); diff != "" {
		t.Error(diff)
	}
	has(t, text, "Let me think", "[simulated sim-l0] You wrote")
	names, text = ask(cohereAsk("get_weather and get_time", `,"stream":true`+cohereTools))
	if diff := cmp.Diff([]string{
		"message-start", "tool-plan-delta", "tool-call-start", "tool-call-delta", "tool-call-end", "tool-call-start", "tool-call-end", "message-end",
	}, names); diff != "" {
		t.Error(diff)
	}
	has(t, text, `{"city":"`)
	c.request(post("/v2/chat", cohereAsk("[sim error-event=3]", `,"stream":true`)))
	_, got := c.ok()
	has(t, got, `{"type":"message-end","delta":{"error":"the stream failed (simulated)","finish_reason":"ERROR"}}`)
}

func TestCohere_Refused(t *testing.T) {
	s := start(t, Config{})
	f := wireRefuses(t, s, func(more string) string { return post("/v2/chat", cohereAsk("x", more)) })
	f(`,"top_p":0.5`, 400, `"message":"invalid request: top_p: is not a known field"`)
	f(`,"p":1`, 400, "0.01 to 0.99")
	f(`,"temperature":1.1`, 400, "from 0 to 1")
	f(`,"frequency_penalty":-1`, 400, "frequency_penalty")
	f(`,"tool_choice":"REQUIRED"`, 400, "only be specified with tools")
	f(`,"tool_choice":"auto"`+cohereTools, 400, "REQUIRED, NONE")
	f(`,"response_format":{"type":"json_object"}`+cohereTools, 400, "not supported together with tools")
	f = wireRefuses(t, s, func(messages string) string { return post("/v2/chat", `{"model":"sim-l0","messages":[`+messages+`]}`) })
	const call = `{"role":"user","content":"x"},{"role":"assistant","tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":"{}"}},{"id":"b","type":"function","function":{"name":"f","arguments":"{}"}}]},`
	result := func(id string) string { return `{"role":"tool","tool_call_id":"` + id + `","content":"1"}` }
	f(call+result("a")+`,`+result("b"), 200, "The tool returned: 1 | 1")
	f(call+result("a"), 400, "response messages: b")
	f(call+result("c"), 400, "must be a response")
	f(strings.Replace(call, `"{}"`, `{}`, 1)+result("a"), 400, "arguments")
	f(`{"role":"developer","content":"x"}`, 400, "role")
	f(`{"role":"user","content":"x"},{"role":"assistant","content":"y"}`, 400, "last message")
	f = wireRefuses(t, s, func(more string) string { return post("/v2/embed", `{"model":"sim-embed","texts":["a"]`+more+`}`) })
	f("", 400, "input_type: is required")
	f(`,"input_type":"query"`, 400, "input_type")
	f = wireRefuses(t, s, func(model string) string { return post("/v2/chat", `{"model":"`+model+`","messages":[]}`) })
	f("command", 404, `"message":"The model `)
	f("sim-l0!status=429", 429, `"message":"Too Many Requests (simulated)"`)
}
