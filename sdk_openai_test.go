package main

import (
	"encoding/base64"
	endian "encoding/binary"
	"encoding/json"
	"math"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"

	"github.com/ai-mcp-gateway/gateway/bench/simulator"
)

// sdk is the official SDK as a client of the gateway: with its base URL and a
// key, without retries of its own, and on connections that the harness closes.
func sdk(g *instance, key string, opts ...option.RequestOption) openai.Client {
	return openai.NewClient(append([]option.RequestOption{
		option.WithBaseURL(g.URL + "/v1"), option.WithAPIKey(key),
		option.WithMaxRetries(0), option.WithHTTPClient(http.DefaultClient),
	}, opts...)...)
}

type chatParams = openai.ChatCompletionNewParams

// say is a call with one message.
func say(model, text string) chatParams {
	return chatParams{Model: model, Messages: []openai.ChatCompletionMessageParamUnion{openai.UserMessage(text)}}
}

// collect reads a stream to its end.
func collect(t *testing.T, client *openai.Client, params chatParams, opts ...option.RequestOption) (answer openai.ChatCompletion, last openai.ChatCompletionChunk) {
	t.Helper()
	stream := client.Chat.Completions.NewStreaming(t.Context(), params, opts...)
	defer stream.Close()
	var sum openai.ChatCompletionAccumulator
	for stream.Next() {
		last = stream.Current()
		if !sum.AddChunk(last) {
			t.Fatalf("the SDK can't add the chunk %s", last.RawJSON())
		}
	}
	if err := stream.Err(); err != nil {
		t.Fatal(err)
	}
	return sum.ChatCompletion, last
}

func TestSDK(t *testing.T) {
	sim := startSimulator(t, simulator.Config{})
	g := startGateway(t, config("shutdown: {drain: 10ms}\n", sim.URL()+"/v1"))
	client := sdk(g, "any")
	f := func(name string, test func(*testing.T, *openai.Client)) {
		t.Run(name, func(t *testing.T) { test(t, &client) })
	}
	f("chat", sdkChat)
	f("stream", sdkStream)
	f("tools", sdkTools)
	f("structured output", sdkStructured)
	f("completions", sdkCompletions)
	f("embeddings", sdkEmbeddings)
	f("models", sdkModels)
}

func sdkChat(t *testing.T, client *openai.Client) {
	var r *http.Response
	answer, err := client.Chat.Completions.New(t.Context(), say("auto", "Hello"), option.WithResponseInto(&r))
	if err != nil {
		t.Fatal(err)
	}
	if c := answer.Choices[0]; c.FinishReason != "stop" || !strings.Contains(c.Message.Content, `You wrote: "Hello"`) {
		t.Errorf("answer %s", answer.RawJSON())
	}
	if answer.Usage.TotalTokens == 0 || r.Header.Get("X-Gateway-Provider") != "sim" || r.Header.Get("X-Gateway-Model") != "sim/sim-l0" {
		t.Errorf("usage %s, header %v", answer.Usage.RawJSON(), r.Header)
	}
}

func sdkStream(t *testing.T, client *openai.Client) {
	params := say("L0", "Stream this")
	plain, _ := collect(t, client, params)
	if plain.Usage.TotalTokens != 0 {
		t.Errorf("usage that was not asked for: %s", plain.Usage.RawJSON())
	}
	params.StreamOptions.IncludeUsage = openai.Bool(true)
	asked, last := collect(t, client, params)
	if asked.Usage.TotalTokens == 0 || len(last.Choices) != 0 {
		t.Errorf("the last chunk is not usage: %s", last.RawJSON())
	}
	for _, answer := range []openai.ChatCompletion{plain, asked} {
		if c := answer.Choices[0]; c.FinishReason != "stop" || !strings.Contains(c.Message.Content, `You wrote: "Stream this"`) {
			t.Errorf("answer %+v", c)
		}
	}
}

// weatherTools are two functions that a user may name.
func weatherTools() []openai.ChatCompletionToolUnionParam {
	f := func(name, property string) openai.ChatCompletionToolUnionParam {
		return openai.ChatCompletionFunctionTool(openai.FunctionDefinitionParam{
			Name: name, Strict: openai.Bool(true),
			Parameters: openai.FunctionParameters{
				"type": "object", "additionalProperties": false, "required": []string{property},
				"properties": map[string]any{property: map[string]any{"type": "string"}},
			},
		})
	}
	return []openai.ChatCompletionToolUnionParam{f("get_weather", "city"), f("get_time", "zone")}
}

func sdkTools(t *testing.T, client *openai.Client) {
	params := say("auto", "Use get_weather and get_time for Oslo.")
	params.Tools = weatherTools()
	both, err := client.Chat.Completions.New(t.Context(), params)
	if err != nil {
		t.Fatal(err)
	}
	wantCalls(t, both, "get_weather", "get_time")
	streamed, _ := collect(t, client, params) // the plain answer from the cache
	wantCalls(t, &streamed, "get_weather", "get_time")
	params.ParallelToolCalls = openai.Bool(false)
	one, err := client.Chat.Completions.New(t.Context(), params)
	if err != nil {
		t.Fatal(err)
	}
	wantCalls(t, one, "get_weather")
	params.ToolChoice = openai.ToolChoiceOptionFunctionToolChoice(openai.ChatCompletionNamedToolChoiceFunctionParam{Name: "get_time"})
	streamed, _ = collect(t, client, params)
	wantCalls(t, &streamed, "get_time")
	plain, err := client.Chat.Completions.New(t.Context(), params) // the stream from the cache
	if err != nil {
		t.Fatal(err)
	}
	wantCalls(t, plain, "get_time")

	params = say("auto", "Use get_weather and get_time for Oslo.")
	params.Tools = weatherTools()
	params.Messages = append(params.Messages, both.Choices[0].Message.ToParam())
	for _, call := range both.Choices[0].Message.ToolCalls {
		params.Messages = append(params.Messages, openai.ToolMessage("result of "+call.Function.Name, call.ID))
	}
	final, err := client.Chat.Completions.New(t.Context(), params)
	if err != nil {
		t.Fatal(err)
	}
	if c := final.Choices[0]; c.FinishReason != "stop" || !strings.Contains(c.Message.Content, "result of get_time") {
		t.Errorf("answer to the tools' results: %s", final.RawJSON())
	}
}

// wantCalls checks the names of the functions that are called, and that each
// call has an id and arguments.
func wantCalls(t *testing.T, answer *openai.ChatCompletion, names ...string) {
	t.Helper()
	var got []string
	for _, call := range answer.Choices[0].Message.ToolCalls {
		got = append(got, call.Function.Name)
		var arguments map[string]string
		if err := json.Unmarshal([]byte(call.Function.Arguments), &arguments); err != nil || len(arguments) != 1 || call.ID == "" {
			t.Errorf("call %q of %s with arguments %q", call.ID, call.Function.Name, call.Function.Arguments)
		}
	}
	if !slices.Equal(got, names) || answer.Choices[0].FinishReason != "tool_calls" {
		t.Errorf("calls %q, finish %q, want %q", got, answer.Choices[0].FinishReason, names)
	}
}

func sdkStructured(t *testing.T, client *openai.Client) {
	params := say("auto", "Invent a person.")
	params.ResponseFormat.OfJSONSchema = &openai.ResponseFormatJSONSchemaParam{
		JSONSchema: openai.ResponseFormatJSONSchemaJSONSchemaParam{
			Name: "person", Strict: openai.Bool(true),
			Schema: map[string]any{
				"type": "object", "additionalProperties": false, "required": []string{"name", "age", "tags"},
				"properties": map[string]any{
					"name": map[string]any{"type": "string"},
					"age":  map[string]any{"type": "integer", "minimum": 0},
					"tags": map[string]any{"type": "array", "items": map[string]any{"enum": []string{"a", "b"}}},
				},
			},
		},
	}
	plain, err := client.Chat.Completions.New(t.Context(), params)
	if err != nil {
		t.Fatal(err)
	}
	streamed, _ := collect(t, client, params)
	for _, answer := range []*openai.ChatCompletion{plain, &streamed} {
		var person struct {
			Name *string
			Age  *uint
			Tags []string
		}
		d := json.NewDecoder(strings.NewReader(answer.Choices[0].Message.Content))
		d.DisallowUnknownFields()
		if err := d.Decode(&person); err != nil || person.Name == nil || person.Age == nil || person.Tags == nil {
			t.Errorf("%v: %s", err, answer.Choices[0].Message.Content)
		}
	}
}

func sdkCompletions(t *testing.T, client *openai.Client) {
	params := openai.CompletionNewParams{
		Model: "auto", Prompt: openai.CompletionNewParamsPromptUnion{OfArrayOfStrings: []string{"One", "Two"}},
		N: openai.Int(2), MaxTokens: openai.Int(5),
	}
	answer, err := client.Completions.New(t.Context(), params)
	if err != nil {
		t.Fatal(err)
	}
	if len(answer.Choices) != 4 || answer.Choices[3].Index != 3 || answer.Choices[0].FinishReason != "length" {
		t.Errorf("answer %s", answer.RawJSON())
	}
	params.StreamOptions.IncludeUsage = openai.Bool(true)
	stream := client.Completions.NewStreaming(t.Context(), params)
	texts, usage := make([]string, 4), int64(0)
	for stream.Next() {
		for _, c := range stream.Current().Choices {
			texts[c.Index] += c.Text
		}
		usage = stream.Current().Usage.TotalTokens
	}
	for i, c := range answer.Choices {
		if texts[i] != c.Text {
			t.Errorf("choice %d: %q in a stream, %q in one piece", i, texts[i], c.Text)
		}
	}
	if err := stream.Err(); err != nil || usage == 0 {
		t.Errorf("stream: %v, usage %d", err, usage)
	}
}

func sdkEmbeddings(t *testing.T, client *openai.Client) {
	params := openai.EmbeddingNewParams{
		Model: "sim/sim-embed", Dimensions: openai.Int(8),
		Input: openai.EmbeddingNewParamsInputUnion{OfArrayOfStrings: []string{"red", "green"}},
	}
	numbers, err := client.Embeddings.New(t.Context(), params)
	if err != nil {
		t.Fatal(err)
	}
	params.EncodingFormat = openai.EmbeddingNewParamsEncodingFormatBase64
	encoded, err := client.Embeddings.New(t.Context(), params)
	if err != nil {
		t.Fatal(err)
	}
	var r *http.Response
	again, err := client.Embeddings.New(t.Context(), params, option.WithResponseInto(&r))
	if err != nil || again.RawJSON() != encoded.RawJSON() || r.Header.Get("X-Gateway-Cache") != "hit" {
		t.Errorf("the same call again: %v, %v", err, r)
	}
	if len(numbers.Data) != 2 || len(encoded.Data) != 2 || numbers.Usage.PromptTokens == 0 {
		t.Fatalf("%d and %d vectors, usage %s", len(numbers.Data), len(encoded.Data), numbers.Usage.RawJSON())
	}
	for i, want := range numbers.Data {
		var text string
		if err := json.Unmarshal([]byte(encoded.Data[i].JSON.Embedding.Raw()), &text); err != nil {
			t.Fatal(err)
		}
		b, err := base64.StdEncoding.DecodeString(text)
		if err != nil || len(b) != 4*8 || len(want.Embedding) != 8 || want.Index != int64(i) {
			t.Fatalf("vector %d: %d bytes, %v; %d numbers, index %d", i, len(b), err, len(want.Embedding), want.Index)
		}
		for k, number := range want.Embedding {
			if got := math.Float32frombits(endian.LittleEndian.Uint32(b[4*k:])); got != float32(number) {
				t.Errorf("vector %d at %d: %v in base64, %v as a number", i, k, got, number)
			}
		}
	}
}

func sdkModels(t *testing.T, client *openai.Client) {
	page, err := client.Models.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, m := range page.Data {
		ids = append(ids, m.ID)
		one, err := client.Models.Get(t.Context(), m.ID) // sim/sim-l0 is sent as sim%2Fsim-l0
		if err != nil || one.RawJSON() != m.RawJSON() {
			t.Errorf("model %s: %v, %v, want %s", m.ID, one, err, m.RawJSON())
		}
	}
	if want := []string{"auto", "L0", "sim/sim-l0", "sim-l0"}; !slices.Equal(ids, want) {
		t.Errorf("models %q, want %q", ids, want)
	}
	_, err = client.Models.Get(t.Context(), "sim/none")
	wantAPIError(t, err, 404, "model_not_found", "caller_model_not_found")
}
