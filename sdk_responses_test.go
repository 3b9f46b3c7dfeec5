package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/packages/param"
	"github.com/openai/openai-go/v3/responses"
)

// responder is the SDK's Responses service with one model, streaming or not.
type responder struct {
	*responses.ResponseService
	model  string
	stream bool
}

func TestResponsesSDK(t *testing.T) {
	g, sim := startJudged(t)
	client := sdk(g, "any")
	for _, p := range matrixProviders {
		for _, stream := range []bool{false, true} {
			f := func(name, model string, test func(*testing.T, *responder)) {
				name += map[bool]string{true: ", streamed"}[stream]
				t.Run(p.name+"/"+name, func(t *testing.T) { test(t, &responder{&client.Responses, model, stream}) })
			}
			f("text", p.name+"/sim-l0", responsesText)
			f("thinking and tools", p.name+"/sim-l0", responsesTools)
			f("structured output", p.name+"/sim-l0", responsesStructured)
			f("error 400", p.name+"/sim-l0!status=400", func(t *testing.T, r *responder) { r.wantError(t, 400) })
			f("error 429", p.name+"-busy/sim-l0!status=429,retry-after=7", func(t *testing.T, r *responder) { r.wantError(t, 429) })
			f("abort", p.name+"/sim-l0!latency=30s", func(t *testing.T, r *responder) {
				wantAbort(t, sim, func(ctx context.Context) error {
					_, err := r.send(ctx, r.say("Hello"))
					return err
				})
			})
			if p.native != "responses" { // which keeps them itself; the simulator does not
				f("state", p.name+"/sim-l0", responsesState)
			}
		}
	}
}

func (r *responder) say(text string) responses.ResponseNewParams {
	return responses.ResponseNewParams{Model: r.model, Input: inputItems(responses.ResponseInputItemParamOfMessage(text, "user"))}
}

func inputItems(items ...responses.ResponseInputItemUnionParam) responses.ResponseNewParamsInputUnion {
	return responses.ResponseNewParamsInputUnion{OfInputItemList: items}
}

// send returns the response, that of a stream's last event.
func (r *responder) send(ctx context.Context, params responses.ResponseNewParams) (*responses.Response, error) {
	if !r.stream {
		return r.New(ctx, params)
	}
	stream := r.NewStreaming(ctx, params)
	defer stream.Close()
	var last *responses.Response
	var text strings.Builder
	for next := int64(0); stream.Next(); next++ {
		event := stream.Current()
		if event.SequenceNumber != next {
			return nil, fmt.Errorf("event %d has the number %d", next, event.SequenceNumber)
		}
		switch event.Type {
		case "response.output_text.delta":
			text.WriteString(event.Delta)
		case "response.completed", "response.incomplete":
			last = &event.Response
		}
	}
	switch {
	case stream.Err() != nil:
		return nil, stream.Err()
	case last == nil:
		return nil, errors.New("the stream has no last event")
	case last.OutputText() != text.String():
		return nil, fmt.Errorf("text %q in the response, %q in the stream", last.OutputText(), text.String())
	}
	return last, nil
}

func (r *responder) answer(t *testing.T, params responses.ResponseNewParams) *responses.Response {
	t.Helper()
	answer, err := r.send(t.Context(), params)
	if err != nil {
		t.Fatal(err)
	}
	if answer.Usage.InputTokens == 0 || answer.Usage.OutputTokens == 0 {
		t.Errorf("usage %s", answer.Usage.RawJSON())
	}
	return answer
}

func responsesText(t *testing.T, r *responder) {
	a := r.answer(t, r.say("Hello"))
	if a.Status != responses.ResponseStatusCompleted || !strings.Contains(a.OutputText(), `You wrote: "Hello"`) {
		t.Errorf("status %q, text %q", a.Status, a.OutputText())
	}
	params := r.say("Hello")
	params.MaxOutputTokens = openai.Int(16)
	a = r.answer(t, params)
	if a.Status != responses.ResponseStatusIncomplete || a.IncompleteDetails.Reason != "max_output_tokens" || a.Usage.OutputTokens != 16 {
		t.Errorf("status %q, usage %s", a.Status, a.Usage.RawJSON())
	}
}

func responsesTools(t *testing.T, r *responder) {
	params := r.say("Use get_weather and get_time for Oslo.")
	params.Store = openai.Bool(false)
	params.Include = []responses.ResponseIncludable{responses.ResponseIncludableReasoningEncryptedContent}
	for _, tool := range weatherTools() {
		f := tool.OfFunction.Function
		params.Tools = append(params.Tools, responses.ToolParamOfFunction(f.Name, f.Parameters, true))
	}
	params.Reasoning = openai.ReasoningParam{Effort: openai.ReasoningEffortHigh, Summary: openai.ReasoningSummaryAuto}
	var names []string
	var thoughts string
	var results []responses.ResponseInputItemUnionParam
	input := &params.Input.OfInputItemList
	for _, item := range r.answer(t, params).Output {
		*input = append(*input, param.Override[responses.ResponseInputItemUnionParam](json.RawMessage(item.RawJSON())))
		switch item := item.AsAny().(type) {
		case responses.ResponseReasoningItem:
			for _, part := range item.Summary {
				thoughts += part.Text
			}
		case responses.ResponseFunctionToolCall:
			names = append(names, item.Name)
			result := responses.ResponseInputItemParamOfFunctionCallOutput("result of " + item.Name)
			result.OfFunctionCallOutput.CallID = openai.String(item.CallID)
			results = append(results, result)
		}
	}
	if !slices.Equal(names, []string{"get_weather", "get_time"}) {
		t.Fatalf("calls %q", names)
	}
	if !strings.HasPrefix(thoughts, "Let me think") && !strings.HasPrefix(r.model, "mistral/") {
		t.Errorf("thoughts %q", thoughts)
	}
	*input = append(*input, results...)
	if text := r.answer(t, params).OutputText(); !strings.HasSuffix(text, "The tool returned: result of get_weather | result of get_time") {
		t.Errorf("text %q", text)
	}
}

func responsesStructured(t *testing.T, r *responder) {
	params := r.say("Invent a person.")
	params.Text.Format = responses.ResponseFormatTextConfigParamOfJSONSchema("person", personSchema)
	params.Text.Format.OfJSONSchema.Strict = openai.Bool(true)
	wantPerson(t, r.answer(t, params).OutputText())
}

// responsesState goes on from an answer, by its id and by those of its items,
// reads it again, and has it forgotten.
func responsesState(t *testing.T, r *responder) {
	first := r.answer(t, r.say("Say one"))
	more := r.say("Say two")
	more.PreviousResponseID = openai.String(first.ID)
	second := r.answer(t, more)
	if !strings.Contains(second.OutputText(), `"Say two"`) || second.PreviousResponseID != first.ID || second.Usage.InputTokens <= first.Usage.InputTokens {
		t.Errorf("the second answer: %s", second.RawJSON())
	}
	more = r.say("Say one")
	more.Input.OfInputItemList = append(more.Input.OfInputItemList,
		responses.ResponseInputItemParamOfItemReference(first.Output[0].ID),
		responses.ResponseInputItemParamOfMessage("Say two", "user"))
	if a := r.answer(t, more); a.OutputText() != second.OutputText() || a.Usage.InputTokens != second.Usage.InputTokens {
		t.Errorf("with a reference to an item: %s", a.RawJSON())
	}
	again, err := r.Get(t.Context(), first.ID, responses.ResponseGetParams{})
	if err != nil || again.OutputText() != first.OutputText() {
		t.Errorf("read again: %v, %v", again, err)
	}
	items, err := r.InputItems.List(t.Context(), second.ID, responses.InputItemListParams{})
	if err != nil || len(items.Data) != 3 {
		t.Errorf("items %v, %v", items, err)
	}
	if err := r.Delete(t.Context(), first.ID); err != nil {
		t.Error(err)
	}
	_, err = r.Get(t.Context(), first.ID, responses.ResponseGetParams{})
	var e *openai.Error
	if !errors.As(err, &e) || e.StatusCode != 404 {
		t.Errorf("read after it was deleted: %v", err)
	}
}

func (r *responder) wantError(t *testing.T, status int) {
	t.Helper()
	_, err := r.send(t.Context(), r.say("Hello"))
	var e *openai.Error
	if !errors.As(err, &e) {
		t.Fatalf("error %v is none of the API", err)
	}
	if e.StatusCode != status || e.Message == "" || e.Response.Header.Get("X-Gateway-Error") == "" {
		t.Errorf("status %d: %s", e.StatusCode, e.RawJSON())
	}
	if after := e.Response.Header.Get("Retry-After"); status == 429 && (after < "1" || after > "7") { // it counts down
		t.Errorf("Retry-After %q", after)
	}
}
