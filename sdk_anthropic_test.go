package main

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/anthropics/anthropic-sdk-go"
	"github.com/anthropics/anthropic-sdk-go/option"

	"github.com/ai-mcp-gateway/gateway/bench/simulator"
)

// startJudged runs a gateway with every provider dialect, each of them twice:
// one that refuses is set aside after, and is called -busy.
func startJudged(t *testing.T) (*instance, *simulator.Server) {
	t.Helper()
	sim := startSimulator(t, simulator.Config{Keys: []string{matrixKey}})
	g := launch(t, matrixConfig(sim.URL(), "", func(p matrixProvider) []string {
		return []string{p.name, p.name + "-busy"}
	})+uncached)
	t.Cleanup(func() { g.stop(syscall.SIGTERM) })
	return g, sim
}

// messages is Anthropic's SDK with one model, streaming or not.
type messages struct {
	*anthropic.MessageService
	model  string
	stream bool
}

func TestAnthropicSDK(t *testing.T) {
	g, sim := startJudged(t)
	client := anthropic.NewClient(option.WithBaseURL(g.URL), option.WithAPIKey("any"), option.WithMaxRetries(0), option.WithHTTPClient(http.DefaultClient))
	for _, p := range matrixProviders {
		for _, stream := range []bool{false, true} {
			f := func(name, model string, test func(*testing.T, *messages)) {
				name += map[bool]string{true: ", streamed"}[stream]
				t.Run(p.name+"/"+name, func(t *testing.T) { test(t, &messages{&client.Messages, model, stream}) })
			}
			f("text", p.name+"/sim-l0", messagesText)
			f("thinking and tools", p.name+"/sim-l0", messagesTools)
			f("structured output", p.name+"/sim-l0", messagesStructured)
			f("error 400", p.name+"/sim-l0!status=400", func(t *testing.T, m *messages) {
				m.wantError(t, 400, "invalid_request_error")
			})
			f("error 429", p.name+"-busy/sim-l0!status=429,retry-after=7", func(t *testing.T, m *messages) {
				m.wantError(t, 429, "rate_limit_error")
			})
			f("abort", p.name+"/sim-l0!latency=30s", func(t *testing.T, m *messages) {
				wantAbort(t, sim, func(ctx context.Context) error {
					_, err := m.send(ctx, m.say("Hello"))
					return err
				})
			})
		}
	}
}

// wantAbort leaves a call as soon as it is at the provider, which has to see it.
func wantAbort(t *testing.T, sim *simulator.Server, call func(context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	id := sim.Requests() + 1
	left := make(chan error, 1)
	go func() { left <- call(ctx) }()
	if _, err := sim.Wait(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := <-left; !errors.Is(err, context.Canceled) {
		t.Errorf("the call ends with %v", err)
	}
	seen, err := sim.WaitEnd(t.Context(), id)
	if err != nil || !seen.Aborted {
		t.Errorf("the provider was not told: %v", err)
	}
}

func (m *messages) say(text string) anthropic.MessageNewParams {
	return anthropic.MessageNewParams{
		Model: m.model, MaxTokens: 4096,
		Messages: []anthropic.MessageParam{anthropic.NewUserMessage(anthropic.NewTextBlock(text))},
	}
}

// send returns the answer, which in a stream is the SDK's own sum of it.
func (m *messages) send(ctx context.Context, params anthropic.MessageNewParams) (*anthropic.Message, error) {
	if !m.stream {
		return m.New(ctx, params)
	}
	stream := m.NewStreaming(ctx, params)
	defer stream.Close()
	var sum anthropic.Message
	for stream.Next() {
		if err := sum.Accumulate(stream.Current()); err != nil {
			return nil, err
		}
	}
	return &sum, stream.Err()
}

// answer is what a message has of text, thoughts and calls.
func (m *messages) answer(t *testing.T, params anthropic.MessageNewParams) (a *anthropic.Message, text, thoughts string, calls []anthropic.ToolUseBlock) {
	t.Helper()
	a, err := m.send(t.Context(), params)
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range a.Content {
		switch b := b.AsAny().(type) {
		case anthropic.TextBlock:
			text += b.Text
		case anthropic.ThinkingBlock:
			thoughts += b.Thinking
		case anthropic.ToolUseBlock:
			calls = append(calls, b)
		}
	}
	if a.Usage.InputTokens == 0 || a.Usage.OutputTokens == 0 {
		t.Errorf("usage %s", a.Usage.RawJSON())
	}
	return a, text, thoughts, calls
}

func messagesText(t *testing.T, m *messages) {
	a, text, _, _ := m.answer(t, m.say("Hello"))
	if a.StopReason != anthropic.StopReasonEndTurn || !strings.Contains(text, `You wrote: "Hello"`) {
		t.Errorf("stop %q, text %q", a.StopReason, text)
	}
	params, limit := m.say("Hello"), int64(5)
	params.MaxTokens = limit
	if strings.HasPrefix(m.model, "responses/") {
		limit = 16 // its smallest
	}
	if a, _, _, _ := m.answer(t, params); a.StopReason != anthropic.StopReasonMaxTokens || a.Usage.OutputTokens != limit {
		t.Errorf("stop %q, usage %s", a.StopReason, a.Usage.RawJSON())
	}
}

func messagesTools(t *testing.T, m *messages) {
	params := m.say("Use get_weather and get_time for Oslo.")
	for _, tool := range weatherTools() {
		f := tool.OfFunction.Function
		params.Tools = append(params.Tools, anthropic.ToolUnionParamOfTool(anthropic.ToolInputSchemaParam{
			Properties: f.Parameters["properties"], Required: f.Parameters["required"].([]string),
		}, f.Name))
	}
	params.Thinking = anthropic.ThinkingConfigParamOfEnabled(1024)
	first, _, thoughts, calls := m.answer(t, params)
	var names []string
	var results []anthropic.ContentBlockParamUnion
	for _, call := range calls {
		var input map[string]string
		if err := json.Unmarshal(call.Input, &input); err != nil || len(input) != 1 {
			t.Errorf("input %s: %v", call.Input, err)
		}
		names = append(names, call.Name)
		results = append(results, anthropic.NewToolResultBlock(call.ID, "result of "+call.Name, false))
	}
	if !slices.Equal(names, []string{"get_weather", "get_time"}) || first.StopReason != anthropic.StopReasonToolUse {
		t.Fatalf("calls %q, stop %q", names, first.StopReason)
	}
	if !strings.HasPrefix(thoughts, "Let me think") && !strings.HasPrefix(m.model, "mistral/") {
		t.Errorf("thoughts %q", thoughts)
	}
	params.Messages = append(params.Messages, first.ToParam(), anthropic.NewUserMessage(results...))
	if _, text, _, _ := m.answer(t, params); !strings.HasSuffix(text, "The tool returned: result of get_weather | result of get_time") {
		t.Errorf("text %q", text)
	}
}

func messagesStructured(t *testing.T, m *messages) {
	params := m.say("Invent a person.")
	params.OutputConfig.Format.Schema = personSchema
	_, text, _, _ := m.answer(t, params)
	wantPerson(t, text)
}

// personSchema is of the person that wantPerson reads.
var personSchema = map[string]any{
	"type": "object", "additionalProperties": false, "required": []string{"name", "age"},
	"properties": map[string]any{"name": map[string]any{"type": "string"}, "age": map[string]any{"type": "integer"}},
}

func wantPerson(t *testing.T, text string) {
	t.Helper()
	var person struct {
		Name *string
		Age  *int
	}
	d := json.NewDecoder(strings.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&person); err != nil || person.Name == nil || person.Age == nil {
		t.Errorf("%v: %s", err, text)
	}
}

func (m *messages) wantError(t *testing.T, status int, kind string) {
	t.Helper()
	_, err := m.send(t.Context(), m.say("Hello"))
	var e *anthropic.Error
	if !errors.As(err, &e) {
		t.Fatalf("error %v is none of the API", err)
	}
	if e.StatusCode != status || string(e.Type()) != kind || e.RequestID == "" || e.Response.Header.Get("X-Gateway-Error") == "" {
		t.Errorf("status %d, type %q, request %q: %s", e.StatusCode, e.Type(), e.RequestID, e.RawJSON())
	}
	if after := e.Response.Header.Get("Retry-After"); status == 429 && (after < "1" || after > "7") { // it counts down
		t.Errorf("Retry-After %q", after)
	}
}
