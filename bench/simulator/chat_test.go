package simulator

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"github.com/openai/openai-go/v3/packages/param"
)

func sdk(s *Server) openai.Client {
	return openai.NewClient(option.WithBaseURL(s.URL()+"/v1"), option.WithAPIKey("key"), option.WithMaxRetries(0))
}

func params(model, text string) openai.ChatCompletionNewParams {
	return openai.ChatCompletionNewParams{Model: model, Messages: []openai.ChatCompletionMessageParamUnion{openai.UserMessage(text)}}
}

var weather = openai.ChatCompletionFunctionTool(openai.FunctionDefinitionParam{
	Name: "get_weather",
	Parameters: openai.FunctionParameters{
		"type": "object", "properties": map[string]any{"city": map[string]any{"type": "string"}}, "required": []string{"city"},
	},
})

var clock = openai.ChatCompletionFunctionTool(openai.FunctionDefinitionParam{Name: "get_time"})

func TestChat_SDK(t *testing.T) {
	client := sdk(start(t, Config{}))
	got, err := client.Chat.Completions.New(t.Context(), params("sim-l1", "Hello?"))
	if err != nil {
		t.Fatal(err)
	}
	choice := got.Choices[0]
	if got.Model != "sim-l1" || choice.FinishReason != "stop" || !strings.HasPrefix(choice.Message.Content, "[simulated sim-l1] ") {
		t.Errorf("got %s", got.RawJSON())
	}
	if u := got.Usage; u.PromptTokens == 0 || u.CompletionTokens == 0 || u.TotalTokens != u.PromptTokens+u.CompletionTokens {
		t.Errorf("got %s", u.RawJSON())
	}
}

func TestChat_SDK_Stream(t *testing.T) {
	client := sdk(start(t, Config{}))
	in := params("sim-l0!utf8", "Hello?")
	in.N = param.NewOpt(int64(2))
	whole, err := client.Chat.Completions.New(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	in.StreamOptions.IncludeUsage = param.NewOpt(true)
	stream := client.Chat.Completions.NewStreaming(t.Context(), in)
	acc := openai.ChatCompletionAccumulator{}
	for stream.Next() {
		if !acc.AddChunk(stream.Current()) {
			t.Fatalf("the SDK does not take %s", stream.Current().RawJSON())
		}
	}
	if err := stream.Err(); err != nil {
		t.Fatal(err)
	}
	for i := range 2 {
		if diff := cmp.Diff(whole.Choices[i].Message.Content, acc.Choices[i].Message.Content); diff != "" {
			t.Errorf("choice %d: whole (-) and streamed (+):\n%s", i, diff)
		}
		if acc.Choices[i].FinishReason != "stop" {
			t.Errorf("got %q", acc.Choices[i].FinishReason)
		}
	}
	if whole.Choices[0].Message.Content == whole.Choices[1].Message.Content {
		t.Error("both choices are the same")
	}
	if acc.Usage.CompletionTokens != whole.Usage.CompletionTokens || acc.Usage.PromptTokens != whole.Usage.PromptTokens {
		t.Errorf("usage %s and %s", acc.Usage.RawJSON(), whole.Usage.RawJSON())
	}
}

func TestChat_SDK_Tools(t *testing.T) {
	client := sdk(start(t, Config{}))
	f := func(text string, change func(*openai.ChatCompletionNewParams), want ...string) {
		t.Helper()
		in := params("sim-l0", text)
		in.Tools = []openai.ChatCompletionToolUnionParam{weather, clock}
		if change != nil {
			change(&in)
		}
		got, err := client.Chat.Completions.New(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		stream := client.Chat.Completions.NewStreaming(t.Context(), in)
		acc := openai.ChatCompletionAccumulator{}
		for stream.Next() {
			acc.AddChunk(stream.Current())
		}
		for _, choice := range []openai.ChatCompletionChoice{got.Choices[0], acc.Choices[0]} {
			var names []string
			for _, call := range choice.Message.ToolCalls {
				names = append(names, call.Function.Name)
				var arguments map[string]any
				if err := json.Unmarshal([]byte(call.Function.Arguments), &arguments); err != nil || !strings.HasPrefix(call.ID, "call_") {
					t.Errorf("got %s", call.RawJSON())
				}
				if _, ok := arguments["city"]; !ok && call.Function.Name == "get_weather" {
					t.Errorf("got arguments %s", call.Function.Arguments)
				}
			}
			reason := "stop"
			if len(want) > 0 {
				reason = "tool_calls"
			}
			if diff := cmp.Diff(want, names); diff != "" || choice.FinishReason != reason {
				t.Errorf("%q: finish %q, calls\n%s", text, choice.FinishReason, diff)
			}
		}
	}
	choose := func(word string) func(*openai.ChatCompletionNewParams) {
		return func(in *openai.ChatCompletionNewParams) {
			in.ToolChoice = openai.ChatCompletionToolChoiceOptionUnionParam{OfAuto: param.NewOpt(word)}
		}
	}
	f("Good morning, get_weatherman, and toolbox", nil)
	f("What says get weather?", nil, "get_weather")
	f("Use a tool", nil, "get_weather")
	f("get_weather and get_time, please", nil, "get_weather", "get_time")
	f("get_weather and get_time, please", choose("none"))
	f("Good morning", choose("required"), "get_weather")
	f("get_weather and get_time, please", func(in *openai.ChatCompletionNewParams) {
		in.ParallelToolCalls = param.NewOpt(false)
	}, "get_weather")
	f("Good morning", func(in *openai.ChatCompletionNewParams) {
		in.ToolChoice = openai.ToolChoiceOptionFunctionToolChoice(openai.ChatCompletionNamedToolChoiceFunctionParam{Name: "get_time"})
	}, "get_time")
	f("get_weather", func(in *openai.ChatCompletionNewParams) {
		in.Messages = append(in.Messages, openai.ToolMessage("It rains.", "call_1"))
	})
}

func TestChat_Limits(t *testing.T) {
	c := dial(t, start(t, Config{}))
	f := func(more, want string) {
		t.Helper()
		c.chat("sim-l0", more)
		_, body := c.ok()
		has(t, body, want)
	}
	f(`,"max_tokens":2`, `"content":"[simulated sim-l0]","refusal":null,"annotations":[]},"logprobs":null,"finish_reason":"length"`)
	f(`,"max_completion_tokens":2`, `"completion_tokens":2,`)
	f(`,"stop":"-l0"`, `"content":"[simulated sim","refusal":null,"annotations":[]},"logprobs":null,"finish_reason":"stop"`)
	f(`,"stop":["nowhere","sim-","lated"]`, `"content":"[simu"`)
	f(`,"stop":null,"tools":null,"response_format":{"type":"text"}`, `[simulated`)
	f(`,"response_format":{"type":"json_object"}`, `"content":"{\"simulated\":true,`)
}

func TestChat_StreamOptions(t *testing.T) {
	c := dial(t, start(t, Config{}))
	c.stream("sim-l0")
	_, body := c.ok()
	hasNot(t, body, `"usage"`, `"choices":[]`)
	c.chat("sim-l0", `,"stream":true,"stream_options":{"include_usage":true}`)
	_, body = c.ok()
	chunks := strings.Count(body, "data: {")
	if n := strings.Count(body, `"usage":null`); n != chunks-1 {
		t.Errorf("%d of %d chunks have a null usage", n, chunks)
	}
	if !strings.Contains(body[strings.LastIndex(body, "data: {"):], `"choices":[],"usage":{"prompt_tokens":`) {
		t.Errorf("got %s", brief(body))
	}
	c.chat("sim-l0", `,"stream":true,"stream_options":{"include_usage":false}`)
	_, body = c.ok()
	hasNot(t, body, `"usage"`)
}

func TestChat_Refused(t *testing.T) {
	c := dial(t, start(t, Config{Keys: []string{"right"}}))
	f := func(path, key, body string, status int, want ...string) {
		t.Helper()
		raw := post(path, body)
		c.request(strings.Replace(raw, "\r\n", "\r\nAuthorization: Bearer "+key+"\r\n", 1))
		r, got, _ := c.response()
		if r.StatusCode != status {
			t.Errorf("got %d %s, want %d", r.StatusCode, got, status)
		}
		has(t, got, want...)
		hasNot(t, got, key)
	}
	const chat = "/v1/chat/completions"
	f(chat, "wrong", chatBody("sim-l0", ""), 401, `"code":"invalid_api_key"`)
	f("/v1/messages", "wrong", chatBody("sim-l0", ""), 401, `{"type":"error","error":{"type":"authentication_error"`)
	f(chat, "right", chatBody("sim-l0", ""), 200)
	f(chat, "right", chatBody("gpt-9", ""), 404, `"code":"model_not_found"`, `"param":"model"`)
	f(chat, "right", `{"messages":[]}`, 400, `"param":"model"`)
	f(chat, "right", `{"model":"sim-l0","messages":[]}`, 400, `"code":"empty_array"`)
	f(chat, "right", `{"model":"sim-l0","messages":`, 400, `parse the JSON`)
	f(chat, "right", `{"model":"sim-l0","messages":"x"}`, 400, `"param":"messages"`)
	f(chat, "right", chatBody("sim-l0", `,"n":0`), 400, `"param":"n"`)
	f(chat, "right", chatBody("sim-l0", `,"max_tokens":0`), 400, `"param":"max_tokens"`)
	f(chat, "right", chatBody("sim-l0", `,"tool_choice":5`), 400, `"param":"tool_choice"`)
	f(chat, "right", chatBody("sim-l0", `,"stream_options":{}`), 400, `"param":"stream_options"`)
	f("/v1/nothing", "right", `{}`, 404, `"code":"unknown_url"`)
	f("/v1/models", "right", `{}`, 405)
}

func TestConfig_Models(t *testing.T) {
	c := dial(t, start(t, Config{Models: map[string]int{"gpt-4o": 2}}))
	c.chat("gpt-4o", "")
	_, body := c.ok()
	has(t, body, "[simulated gpt-4o]", `"model":"gpt-4o"`)

	c = dial(t, start(t, Config{Models: map[string]int{"*": 0}}))
	c.chat("anything/at:all", "")
	_, body = c.ok()
	has(t, body, `"model":"anything/at:all"`)
	if _, err := Start(Config{Models: map[string]int{"x": 3}}); err == nil {
		t.Error("skill 3 is taken")
	}
}

// Same seed, same request: same bytes, also from another server and in another order.
func TestServer_Deterministic(t *testing.T) {
	bodies := []string{
		post("/v1/chat/completions", chatBody("sim-l0", "")),
		post("/v1/chat/completions", chatBody("sim-l2!utf8", `,"stream":true,"n":3,"stream_options":{"include_usage":true}`)),
		post("/v1/chat/completions", chatBody("sim-l0", `,"tool_choice":"required","tools":[{"type":"function","function":{"name":"f"}}]`)),
		post("/v1/messages", chatBody("sim-l1", `,"max_tokens":100,"stream":true`)),
		post("/v1/embeddings", `{"model":"sim-embed","input":["a b","c"]}`),
		post("/v1/completions", `{"model":"sim-l0","prompt":["a b","c"],"n":2}`),
	}
	ask := func(s *Server, raw string) string {
		c := dial(t, s)
		c.request(raw)
		r, body := c.ok()
		return fmt.Sprint(r.Header) + body
	}
	one, same, other := start(t, Config{Seed: 7}), start(t, Config{Seed: 7}), start(t, Config{Seed: 8})
	want := make([]string, len(bodies))
	for i, raw := range bodies {
		want[i] = ask(one, raw)
	}
	for i := len(bodies) - 1; i >= 0; i-- {
		if diff := cmp.Diff(want[i], ask(same, bodies[i])); diff != "" {
			t.Errorf("request %d:\n%s", i, diff)
		}
		if want[i] == ask(other, bodies[i]) {
			t.Errorf("request %d: another seed makes no difference", i)
		}
	}
}

func TestPieces(t *testing.T) {
	for _, text := range []string{"", "a", " a  b\n c ", strings.Repeat("x", 100), "Straße 你好世界你好世界 🙂🙂🙂🙂", "\xff\xfe\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80"} {
		all := pieces(text)
		if strings.Join(all, "") != text {
			t.Errorf("%q became %q", text, all)
		}
		for _, piece := range all {
			if len(piece) > maxPiece || piece == "" {
				t.Errorf("%q has the piece %q", text, piece)
			}
		}
	}
}

func hex(n int) string { return strconv.FormatInt(int64(n), 16) }
