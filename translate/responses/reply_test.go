package responses

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	openai "github.com/openai/openai-go/v3/responses"

	"github.com/ai-mcp-gateway/gateway/translate"
	"github.com/ai-mcp-gateway/gateway/translate/neutral"
)

// reply is one with everything in it.
func reply() *neutral.Reply {
	usage := neutral.Usage{}
	usage.In, usage.CacheRead, usage.Out, usage.Reasoning, usage.Known = 20, 5, 9, 4, true
	return &neutral.Reply{
		ID: "resp_1", Model: "served", Created: 1700000000, ServiceTier: "default", Usage: usage,
		Choices: []neutral.Choice{{Finish: neutral.FinishTools, Blocks: []neutral.Block{
			{Kind: neutral.Thinking, Text: []byte("Hm.\n"), Signature: []byte("sig"), Origin: "anthropic"},
			{Kind: neutral.Text, Text: []byte("A \"quote\" and é 😀")},
			{
				Kind: neutral.Text, Text: []byte("cited"), Origin: "openai",
				Annotations: []byte(`[{"type":"url_citation","url_citation":{"url":"https://example.com","title":"T","start_index":0,"end_index":5}}]`),
			},
			{Kind: neutral.ToolUse, ID: "call_1", Name: "f", Arguments: []byte(`{"b":1, "a":12345678901234567890}`), Signature: []byte("thought"), Origin: "gemini"},
			{Kind: neutral.ToolUse, ID: "call_2", Name: "f"},
			{Kind: neutral.ToolUse, ID: "call_3", Name: "sql", Arguments: []byte("SELECT 1"), Custom: true},
			{Kind: neutral.ToolUse, ID: "call_4", Name: "sql", Arguments: []byte(`{"input":"SELECT \"2\""}`)},
			{Kind: neutral.Refusal, Text: []byte("no")},
			{Kind: neutral.Image, Media: neutral.Media{Data: []byte("iVBORw0KGgo="), MIME: "image/png"}},
		}}},
	}
}

func replyRequest(t *testing.T) *neutral.Request {
	return mustRead(t, `{"model":"m","input":"x","instructions":"Be \"brief\".","temperature":0.25,"metadata":{"k":"v"},
		"tools":[{"type":"function","name":"f","parameters":{"type":"object"},"strict":false},
			{"type":"custom","name":"sql","format":{"type":"text"}}],
		"tool_choice":{"type":"custom","name":"sql"},"reasoning":{"effort":"low"},"max_output_tokens":64}`)
}

func TestAppendReply(t *testing.T) {
	body := New().AppendReply(nil, translate.OpResponses, replyRequest(t), reply())
	var r openai.Response
	if err := json.Unmarshal(body, &r); err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	checkRequired(t, reflect.ValueOf(r), "")
	var kinds []string
	for _, item := range r.Output {
		kinds = append(kinds, item.Type)
	}
	want := "reasoning message reasoning function_call function_call custom_tool_call custom_tool_call message image_generation_call"
	if got := strings.Join(kinds, " "); got != want {
		t.Fatalf("the items are %s", got)
	}
	if got := r.OutputText(); got != "A \"quote\" and é 😀cited" {
		t.Errorf("the text is %q", got)
	}
	if got := r.Output[1].Content[1].Annotations[0]; got.Type != "url_citation" || got.URL != "https://example.com" {
		t.Errorf("the annotation is %s", got.RawJSON())
	}
	if got := r.Output[0].EncryptedContent; got != "gw1.t.anthropic.sig" {
		t.Errorf("the seal is %q", got)
	}
	if got := r.Output[2].EncryptedContent; got != "gw1.c.gemini.thought" {
		t.Errorf("the seal of the call is %q", got)
	}
	call := r.Output[3].AsFunctionCall()
	if call.Arguments != `{"b":1, "a":12345678901234567890}` || call.CallID != "call_1" {
		t.Errorf("the call is %+v", call)
	}
	if got := r.Output[5].AsCustomToolCall(); got.Input != "SELECT 1" {
		t.Errorf("the custom call is %+v", got)
	}
	if r.Status != "completed" || r.CreatedAt != 1700000000 || r.Model != "served" || r.ID != "resp_1" || r.ServiceTier != "default" {
		t.Errorf("the head is wrong: %s", body)
	}
	if r.Usage.InputTokens != 20 || r.Usage.InputTokensDetails.CachedTokens != 5 || r.Usage.OutputTokensDetails.ReasoningTokens != 4 || r.Usage.TotalTokens != 29 {
		t.Errorf("the usage is %s", r.Usage.RawJSON())
	}
	if r.Instructions.OfString != "Be \"brief\"." || r.Temperature != 0.25 || r.TopP != 1 || r.MaxOutputTokens != 64 ||
		r.Metadata["k"] != "v" || r.Reasoning.Effort != "low" || !r.ParallelToolCalls ||
		r.ToolChoice.RawJSON() != `{"type":"custom","name":"sql"}` || len(r.Tools) != 2 {
		t.Errorf("the settings are not repeated: %s", body)
	}
}

// checkRequired checks that the members which the SDK's types call required
// are there, nulls included.
func checkRequired(t *testing.T, v reflect.Value, path string) {
	t.Helper()
	switch v.Kind() {
	case reflect.Slice:
		for i := range v.Len() {
			checkRequired(t, v.Index(i), path+"[]")
		}
	case reflect.Struct:
		meta := v.FieldByName("JSON")
		for i := range v.NumField() {
			f := v.Type().Field(i)
			if !meta.IsValid() || !meta.FieldByName(f.Name).IsValid() {
				continue
			}
			raw := meta.FieldByName(f.Name).MethodByName("Raw").Call(nil)[0].String()
			// access_programs came after the rest, and no server but the API's own has it.
			if raw == "" && f.Tag.Get("api") == "required" && f.Name != "AccessPrograms" {
				t.Errorf("%s.%s is missing", path, f.Name)
			}
			if raw != "" && (f.Name == "Output" || f.Name == "Usage" || strings.HasSuffix(f.Name, "Details")) {
				checkRequired(t, v.Field(i), path+"."+f.Name)
			}
		}
	}
}

// A stream's last response is what the answer would have been.
func TestStreamEqualsReply(t *testing.T) {
	q := replyRequest(t)
	var want, got map[string]any
	if err := json.Unmarshal(New().AppendReply(nil, translate.OpResponses, q, reply()), &want); err != nil {
		t.Fatal(err)
	}
	events := parseStream(t, encode(q, reply()))
	got = checkSequence(t, events)
	if events[len(events)-1].name != "response.completed" {
		t.Errorf("the last event is %s", events[len(events)-1].name)
	}
	delete(want, "completed_at")
	delete(got, "completed_at")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// What goes to the client and comes back is what it was.
func TestReplyComesBack(t *testing.T) {
	q := replyRequest(t)
	body := New().AppendReply(nil, translate.OpResponses, q, reply())
	back := mustRead(t, string(New().ExpandInput(nil, nil, body, []byte(`{"model":"m"}`))))
	blocks := reply().Choices[0].Blocks
	blocks[8] = neutral.Block{ // a picture is the provider's own call here
		Kind: neutral.Foreign, Origin: name, Dialect: name,
		Raw: []byte(`{"status":"completed","type":"image_generation_call","result":"iVBORw0KGgo="}`),
	}
	blocks[4].Arguments = []byte("{}")
	blocks[6].Arguments, blocks[6].Custom = []byte(`SELECT "2"`), true
	blocks[2].Annotations, blocks[2].Origin = []byte(`[{"type":"url_citation","url":"https://example.com","title":"T","start_index":0,"end_index":5}]`), name
	if diff := cmp.Diff([]neutral.Turn{{Role: neutral.Assistant, Blocks: blocks}}, back.Turns); diff != "" {
		t.Error(diff)
	}
}

func TestFinish(t *testing.T) {
	f := func(finish neutral.Finish, status, reason string) {
		t.Helper()
		a := &neutral.Reply{ID: "resp_1", Choices: []neutral.Choice{{Finish: finish, Blocks: []neutral.Block{{Kind: neutral.Text, Text: []byte("x")}}}}}
		q := &neutral.Request{}
		var r openai.Response
		if err := json.Unmarshal(New().AppendReply(nil, translate.OpResponses, q, a), &r); err != nil {
			t.Fatal(err)
		}
		item := "completed"
		if status != "completed" {
			item = "incomplete"
		}
		if string(r.Status) != status || r.IncompleteDetails.Reason != reason || r.Output[0].Status != item {
			t.Errorf("%d: %s, %s, the item %s", finish, r.Status, r.IncompleteDetails.Reason, r.Output[0].Status)
		}
		if (status == "failed") != (r.Error.Message != "") {
			t.Errorf("%d: the error is %s", finish, r.Error.RawJSON())
		}
		events := parseStream(t, encode(q, a))
		if last := events[len(events)-1]; last.name != "response."+status {
			t.Errorf("%d: the stream ends with %s", finish, last.name)
		}
		checkSequence(t, events)
	}
	f(neutral.FinishNone, "completed", "")
	f(neutral.FinishStop, "completed", "")
	f(neutral.FinishStopSequence, "completed", "")
	f(neutral.FinishTools, "completed", "")
	f(neutral.FinishLength, "incomplete", "max_output_tokens")
	f(neutral.FinishContext, "incomplete", "max_output_tokens")
	f(neutral.FinishFilter, "incomplete", "content_filter")
	f(neutral.FinishPause, "completed", "")
	f(neutral.FinishMalformed, "failed", "")
	f(neutral.FinishOther, "completed", "")
	f(neutral.Finish(200), "completed", "")
}

func TestNewID(t *testing.T) {
	a, b := NewID(), NewID()
	if a == b || len(a) != len("resp_")+48 || !strings.HasPrefix(a, "resp_") {
		t.Errorf("%s and %s", a, b)
	}
	var r openai.Response
	body := New().AppendReply(nil, translate.OpResponses, &neutral.Request{}, &neutral.Reply{ID: "chatcmpl-1"})
	if err := json.Unmarshal(body, &r); err != nil || !strings.HasPrefix(r.ID, "resp_") || r.CreatedAt == 0 {
		t.Errorf("%v: %s", err, body)
	}
}
