package simulator

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/packages/param"
	sdkresponses "github.com/openai/openai-go/v3/responses"
)

const responseToolsText = `,"tools":[{"type":"function","name":"get_weather","parameters":{"type":"object","properties":{"city":{"type":"string"}}}},{"type":"function","name":"get_time","parameters":null}]`

func responseAsk(text, more string) string {
	return `{"model":"sim-l0","input":"` + text + `"` + more + `}`
}

func TestResponse(t *testing.T) {
	c := dial(t, start(t, Config{}))
	f := func(body string, want ...string) {
		t.Helper()
		c.request(post("/v1/responses", body))
		_, got := c.ok()
		if !json.Valid([]byte(got)) {
			t.Errorf("no JSON: %s", got)
		}
		has(t, got, want...)
	}
	f(responseAsk("Hello", `,"instructions":"Be brief.","temperature":0.50`), `{"id":"resp_`, `"status":"completed"`, `"instructions":"Be brief."`, `"temperature":0.50`,
		`"content":[{"type":"output_text","annotations":[],"logprobs":[],"text":"[simulated sim-l0]`, `"usage":{"input_tokens":`)
	f(responseAsk("Hello", `,"max_output_tokens":16`), `"status":"incomplete"`, `"incomplete_details":{"reason":"max_output_tokens"}`)
	f(responseAsk("get_weather, get_time", responseToolsText), `"type":"function_call","status":"completed","arguments":"{\"city\":`, `"call_id":"call_`, `"name":"get_time"`)
	f(responseAsk("get_weather, get_time", responseToolsText+`,"tool_choice":{"type":"allowed_tools","mode":"required","tools":[{"type":"function","name":"get_time"}]}`), `"output":[{"id":"fc_`, `"name":"get_time"}],"parallel`)
	f(responseAsk("Hello", `,"text":{"format":{"type":"json_schema","name":"x","schema":{"const":{"a":1}}}}`), `"text":"{\"a\":1}"`)
	f(responseAsk("Hello", `,"reasoning":{"effort":"low","summary":"auto"},"include":["reasoning.encrypted_content"]`), `"type":"reasoning","summary":[{"type":"summary_text","text":"Let me think`, `"encrypted_content":"`)
	f(responseAsk("Hello", `,"reasoning":{"effort":"low"}`), `"type":"reasoning","summary":[]}`)
	f(responseAsk("[sim refusal]", ""), `"content":[{"type":"refusal","refusal":"I cannot`)
	f(responseAsk("[sim filter]", ""), `"incomplete_details":{"reason":"content_filter"}`)
	f(responseAsk("[sim cached-tokens=50]", ""), `"cached_tokens":50`)
	f(`{"model":"sim-l0","input":[{"role":"user","content":[{"type":"input_text","text":"x"},{"type":"input_image","image_url":"data:x"}]},`+
		`{"type":"function_call","call_id":"a","name":"f","arguments":"{}"},{"type":"function_call","call_id":"b","name":"f","arguments":"{}"},`+
		`{"type":"function_call_output","call_id":"a","output":"noon"},{"type":"function_call_output","call_id":"b","output":[{"type":"input_text","text":"rain"}]}]}`,
		"(images: 1, files: 0) The tool returned: noon | rain")
}

func TestResponse_SDK(t *testing.T) {
	client := sdk(start(t, Config{}))
	in := sdkresponses.ResponseNewParams{
		Model: "sim-l0", Input: sdkresponses.ResponseNewParamsInputUnion{OfString: param.NewOpt("use get_weather")},
		Reasoning: openai.ReasoningParam{Effort: "low", Summary: "auto"},
		Tools:     []sdkresponses.ToolUnionParam{sdkresponses.ToolParamOfFunction("get_weather", map[string]any{"type": "object"}, false)},
	}
	f := func(want string) {
		t.Helper()
		whole, err := client.Responses.New(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		stream := client.Responses.NewStreaming(t.Context(), in)
		var text, arguments, last string
		for n := int64(0); stream.Next(); n++ {
			e := stream.Current()
			if e.SequenceNumber != n {
				t.Errorf("event %d has number %d", n, e.SequenceNumber)
			}
			switch e.Type {
			case "response.output_text.delta":
				text += e.Delta
			case "response.function_call_arguments.delta":
				arguments += e.Delta
			}
			last = e.Type
			if e.Type == "response.completed" && len(e.Response.Output) != len(whole.Output) {
				t.Errorf("streamed %s, whole %s", e.Response.RawJSON(), whole.RawJSON())
			}
		}
		if stream.Err() != nil || last != want || text != whole.OutputText() {
			t.Errorf("%v, ends with %s: %q and %q", stream.Err(), last, text, whole.OutputText())
		}
		for _, item := range whole.Output {
			if item.Type == "function_call" && item.Arguments.OfString != arguments {
				t.Errorf("streamed %q, whole %q", arguments, item.Arguments.OfString)
			}
		}
	}
	f("response.completed")
	in.Tools = nil
	f("response.completed")
	in.MaxOutputTokens = param.NewOpt(int64(16))
	f("response.incomplete")
}

func TestResponse_Stream(t *testing.T) {
	c := dial(t, start(t, Config{}))
	ask := func(text, more string) string {
		c.request(post("/v1/responses", responseAsk(text, `,"stream":true`+more)))
		_, got := c.ok()
		var names []string
		for line := range strings.Lines(got) {
			if name, ok := strings.CutPrefix(line, "event: response."); ok && (len(names) == 0 || names[len(names)-1] != strings.TrimSpace(name)) {
				names = append(names, strings.TrimSpace(name))
			} else if strings.HasPrefix(line, "event: error") {
				names = append(names, "ERROR")
			}
		}
		return strings.Join(names, " ")
	}
	f := func(got, want string) {
		t.Helper()
		if got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
	const message = "output_item.added content_part.added output_text.delta output_text.done content_part.done output_item.done "
	f(ask("Hello", ""), "created in_progress "+message+"completed")
	f(ask("[sim refusal]", ""), "created in_progress output_item.added content_part.added refusal.delta refusal.done content_part.done output_item.done completed")
	f(ask("get_weather", responseToolsText+`,"reasoning":{"effort":"low","summary":"auto"}`), "created in_progress output_item.added reasoning_summary_part.added reasoning_summary_text.delta "+
		"reasoning_summary_text.done reasoning_summary_part.done output_item.done output_item.added function_call_arguments.delta function_call_arguments.done output_item.done completed")
	f(ask("[sim error-event=4]", ""), "created in_progress output_item.added content_part.added ERROR failed")
}

func TestResponse_Refused(t *testing.T) {
	s := start(t, Config{})
	f := wireRefuses(t, s, func(more string) string { return post("/v1/responses", responseAsk("x", more)) })
	f(`,"messages":[]`, 400, `"message":"Unknown parameter: 'messages'."`, `"param":"messages"`, `"code":"unknown_parameter"`)
	f(`,"max_output_tokens":15`, 400, "max_output_tokens")
	f(`,"tools":[{"type":"function","function":{"name":"f"}}]`, 400, "tools[0]")
	f(`,"text":{"format":{"type":"json_schema","json_schema":{}}}`, 400, "text.format")
	f(`,"tool_choice":"required"`, 400, "tool_choice")
	f(`,"previous_response_id":"resp_1"`, 400, `"code":"previous_response_not_found"`)
	f = wireRefuses(t, s, func(items string) string {
		return post("/v1/responses", `{"model":"sim-l0","store":false,"input":[`+items+`]}`)
	})
	f(`{"role":"assistant","content":[{"type":"input_text","text":"x"}]}`, 400, "output_text, refusal")
	f(`{"role":"user","content":[{"type":"text","text":"x"}]}`, 400, "input_text")
	f(`{"type":"function_call","call_id":"a","name":"f","arguments":"{}"}`, 400, "No tool output found for function call a.")
	f(`{"type":"function_call_output","call_id":"a","output":"x"}`, 400, "No tool call found")
	f(`{"type":"function_call","call_id":"a","name":"f","arguments":{}}`, 400, "arguments")
	f(`{"role":"user","content":"x"},{"type":"reasoning","id":"rs_1","summary":[]}`, 400, "not persisted")
	f(`{"role":"user","content":"x"},{"type":"reasoning","summary":[],"encrypted_content":"foreign"}`, 400, "could not be verified")
	f(`{"role":"user","content":"x"},{"type":"reasoning","id":"rs_1","summary":[],"encrypted_content":"foreign"}`, 400, "could not be verified")
}

func TestAzure(t *testing.T) {
	s := start(t, Config{Keys: []string{"right"}})
	key := func(path, body string) string {
		return strings.Replace(post(path, body), "\r\n", "\r\nApi-Key: right\r\n", 1)
	}
	const path = "/openai/deployments/sim-l1/chat/completions"
	f := wireRefuses(t, s, func(path string) string { return key(path, chatBody("gpt-9", "")) })
	f(path+"?api-version=2024-10-21", 200, `"model":"sim-l1"`, `"content_filter_results":{"hate"`)
	f(path, 404, "Resource not found")
	f("/openai/deployments/other/chat/completions?api-version=1", 404, "DeploymentNotFound")
	f("/openai/v1/chat/completions", 404, `"code"`)
	f = wireRefuses(t, s, func(more string) string { return key(path+"?api-version=1", chatBody("", more)) })
	f(`,"n":0`, 400, `"param":"n"`)
	f(`,"stream":true`, 200, `data: {"id":"","object":"","created":0,"model":"","choices":[],"prompt_filter_results":`, "data: [DONE]")
	f(`,"user":"[sim filter]"`, 400, `"code":"content_filter"`, `"innererror":`)
	f = wireRefuses(t, s, func(path string) string { return key(path, `{"input":"a","model":"sim-embed"}`) })
	f("/openai/deployments/sim-embed/embeddings?api-version=1", 200, `"embedding"`)
	f("/openai/v1/embeddings", 200, `"embedding"`)
	f = wireRefuses(t, s, func(string) string { return post(path+"?api-version=1", chatBody("", "")) })
	f("", 401, `"error"`)
}
