package openai

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ai-mcp-gateway/gateway/translate"
	"github.com/ai-mcp-gateway/gateway/translate/neutral"
)

// TestRequest_RoundTrip has requests that come out as they went in.
func TestRequest_RoundTrip(t *testing.T) {
	f := func(members string) {
		t.Helper()
		got, drops := compose(t, chat(t, members), neutral.Traits{Thinking: "effort"})
		sameJSON(t, `{"model":"p",`+members+`}`, got)
		if drops != nil {
			t.Errorf("%s: lost %v", members, drops)
		}
	}
	const tools = `"tools":[{"type":"function","function":{"name":"f","description":"d","parameters":{"type":"object","properties":{"b":{},"a":{}}},"strict":true}},` +
		`{"type":"custom","custom":{"name":"g","description":"e","format":{"type":"grammar","grammar":{"syntax":"lark","definition":"x"}}}}]`
	f(user)
	f(`"messages":[{"role":"system","content":"be brief"},{"role":"user","content":"hi","name":"ann"},{"role":"system","content":"now"},` +
		`{"role":"assistant","content":"yes"},{"role":"user","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]}]`)
	f(`"messages":[{"role":"user","content":[{"type":"text","text":"a"},{"type":"image_url","image_url":{"url":"https://x/y.png","detail":"low"}},` +
		`{"type":"input_audio","input_audio":{"data":"UklGRg==","format":"wav"}},{"type":"file","file":{"file_id":"file-1"}}]}]`)
	f(user + `,` + tools + `,"tool_choice":"required","parallel_tool_calls":false`)
	f(user + `,` + tools + `,"tool_choice":{"type":"function","function":{"name":"f"}}`)
	f(user + `,` + tools + `,"tool_choice":{"type":"custom","custom":{"name":"g"}}`)
	f(user + `,` + tools + `,"tool_choice":{"type":"allowed_tools","allowed_tools":{"mode":"auto","tools":[{"type":"function","function":{"name":"f"}}]}}`)
	f(`"messages":[{"role":"user","content":"q"},{"role":"assistant","content":null,"tool_calls":[` +
		`{"id":"a","type":"function","function":{"name":"f","arguments":"{\"x\": 12345678901234567890}"}},` +
		`{"id":"b","type":"custom","custom":{"name":"g","input":"free \"text\""}}]},` +
		`{"role":"tool","tool_call_id":"a","content":"1"},{"role":"tool","tool_call_id":"b","content":"2"}],` + tools)
	f(user + `,"response_format":{"type":"json_schema","json_schema":{"name":"n","description":"d","schema":{"type":"object"},"strict":true}}`)
	f(user + `,"response_format":{"type":"json_object"}`)
	f(user + `,"max_completion_tokens":5,"temperature":0.5,"top_p":1,"frequency_penalty":-1,"presence_penalty":1e0,"seed":3,` +
		`"logprobs":true,"top_logprobs":2,"n":2,"stop":["a","b"],"reasoning_effort":"high","service_tier":"flex","user":"u",` +
		`"metadata":{"k":"v"},"store":true,"prompt_cache_key":"k","prompt_cache_retention":"24h","logit_bias":{"1":2},"verbosity":"low"`)
	f(user + `,"stream":true,"stream_options":{"include_usage":true}`)
}

func TestReadRequest_Refused(t *testing.T) {
	f := func(members, param string, code translate.Code) {
		t.Helper()
		_, err := ask(t, translate.OpChat, `{"model":"m",`+members+`}`)
		if err == nil || err.Param != param || err.Code != code {
			t.Errorf("%s: got %+v, want %v of %q", members, err, code, param)
		}
	}
	const wrong, absent, cannot = translate.CallerInvalidField, translate.CallerMissingField, translate.CallerUnsupported
	message := func(m string) string { return `"messages":[{"role":"user","content":"a"},` + m + `]` }
	f(`"messages":{}`, "messages", wrong)
	f(`"messages":[1]`, "messages[0]", wrong)
	f(message(`{"content":"a"}`), "messages[1].role", absent)
	f(message(`{"role":"wizard","content":"a"}`), "messages[1].role", wrong)
	f(message(`{"role":"user"}`), "messages[1].content", absent)
	f(message(`{"role":"user","content":5}`), "messages[1].content", wrong)
	f(message(`{"role":"user","content":[{"type":"text"}]}`), "messages[1].content[0].text", wrong)
	f(message(`{"role":"user","content":[{"type":"image_url","image_url":{}}]}`), "messages[1].content[0].image_url.url", wrong)
	f(message(`{"role":"user","content":[{"type":"input_audio","input_audio":{"format":"wav"}}]}`), "messages[1].content[0].input_audio.data", absent)
	f(message(`{"role":"tool","content":"a"}`), "messages[1].tool_call_id", absent)
	f(message(`{"role":"assistant","tool_calls":[{"id":"a","function":{}}]}`), "messages[1].tool_calls[0].function.name", absent)
	f(user+`,"tools":{}`, "tools", wrong)
	f(user+`,"tools":[{"type":"function","function":{}}]`, "tools[0].function.name", absent)
	f(user+`,"tools":[{"type":"function"}]`, "tools[0].function", wrong)
	f(user+`,"tool_choice":"maybe"`, "tool_choice", wrong)
	f(user+`,"tool_choice":{"type":"function"}`, "tool_choice.function.name", absent)
	f(user+`,"response_format":{"type":"xml"}`, "response_format.type", wrong)
	f(user+`,"response_format":{"type":"json_schema"}`, "response_format.json_schema", wrong)
	f(user+`,"reasoning_effort":""`, "reasoning_effort", wrong) // edge case 73
	f(user+`,"reasoning":{"effort":"lots"}`, "reasoning.effort", wrong)
	f(user+`,"n":129`, "n", wrong)
	f(user+`,"temperature":"1"`, "temperature", wrong) // edge case 65

	// Edge case 26: audio of an earlier answer.
	f(message(`{"role":"assistant","audio":{"id":"audio_1"}}`), "messages[1].audio", cannot)
}

func TestEdge003_DeveloperRole(t *testing.T) {
	got, _ := compose(t, chat(t, `"messages":[{"role":"developer","content":"d"},{"role":"user","content":"u"}]`), neutral.Traits{})
	sameJSON(t, `{"model":"p","messages":[{"role":"system","content":"d"},{"role":"user","content":"u"}]}`, got)
}

func TestEdge001_SeveralSystemMessages(t *testing.T) {
	q := chat(t, `"messages":[{"role":"system","content":"a"},{"role":"developer","content":"b"},{"role":"user","content":"u"}]`)
	want := []neutral.Block{{Kind: neutral.Text, Text: []byte("a")}, {Kind: neutral.Text, Text: []byte("b")}}
	if diff := cmp.Diff(want, q.System); diff != "" {
		t.Error(diff)
	}
	got, _ := compose(t, q, neutral.Traits{})
	sameJSON(t, `{"model":"p","messages":[{"role":"system","content":"a\n\nb"},{"role":"user","content":"u"}]}`, got)
}

func TestEdge002_SystemInMidConversation(t *testing.T) {
	q := chat(t, `"messages":[{"role":"user","content":"u"},{"role":"system","content":"s"},{"role":"user","content":"v"}]`)
	if len(q.System) != 0 || len(q.Turns) != 3 || q.Turns[1].Role != neutral.System {
		t.Errorf("got %+v", q)
	}
	got, _ := compose(t, q, neutral.Traits{System: "first"})
	sameJSON(t, `{"model":"p","messages":[{"role":"user","content":"u"},`+
		`{"role":"user","content":"<system>\ns\n</system>"},{"role":"user","content":"v"}]}`, got)
}

func TestEdge005_NoMessages(t *testing.T) {
	_, err := ask(t, translate.OpChat, `{"model":"m","messages":[]}`)
	if err == nil || err.Param != "messages" || err.Reason != "empty_array" || err.HTTPStatus() != 400 {
		t.Fatalf("got %+v", err)
	}
	sent := New().AppendError(nil, err, "")
	if code := parse(t, string(sent)).(map[string]any)["error"].(map[string]any)["code"]; code != "empty_array" {
		t.Errorf("got %s", sent)
	}
}

// TestEdge009_NoContentBesideCalls covers edge cases 9, 10 and 11.
func TestEdge009_NoContentBesideCalls(t *testing.T) {
	const call = `"tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":"{}"}}]`
	for _, content := range []string{`"content":"",`, `"content":null,`, ``} {
		q := chat(t, `"messages":[{"role":"user","content":"u"},{"role":"assistant",`+content+call+`},{"role":"tool","tool_call_id":"a","content":"r"}]`)
		if blocks := q.Turns[1].Blocks; len(blocks) != 1 || blocks[0].Kind != neutral.ToolUse {
			t.Errorf("%q: got %+v", content, blocks)
		}
		got, _ := compose(t, q, neutral.Traits{})
		sameJSON(t, `{"model":"p","messages":[{"role":"user","content":"u"},{"role":"assistant","content":null,`+call+`},`+
			`{"role":"tool","tool_call_id":"a","content":"r"}]}`, got)
	}
}

func TestEdge010_AssistantWithoutContent(t *testing.T) {
	q := chat(t, `"messages":[{"role":"user","content":"u"},{"role":"assistant","content":null},{"role":"assistant"}]`)
	if len(q.Turns) != 3 || len(q.Turns[1].Blocks) != 0 || len(q.Turns[2].Blocks) != 0 {
		t.Errorf("got %+v", q.Turns)
	}
	got, _ := compose(t, q, neutral.Traits{})
	sameJSON(t, `{"model":"p","messages":[{"role":"user","content":"u"},{"role":"assistant","content":""},{"role":"assistant","content":""}]}`, got)
}

func TestEdge013_OneTextPart(t *testing.T) {
	got, _ := compose(t, chat(t, `"messages":[{"role":"user","content":[{"type":"text","text":"a"}]}]`), neutral.Traits{})
	sameJSON(t, `{"model":"p","messages":[{"role":"user","content":"a"}]}`, got)
}

func TestEdge014_OrderOfParts(t *testing.T) {
	q := chat(t, `"messages":[{"role":"user","content":[{"type":"text","text":"a"},{"type":"image_url","image_url":{"url":"http://x"}},{"type":"text","text":"b"}]}]`)
	var kinds []neutral.BlockKind
	for _, b := range q.Turns[0].Blocks {
		kinds = append(kinds, b.Kind)
	}
	if diff := cmp.Diff([]neutral.BlockKind{neutral.Text, neutral.Image, neutral.Text}, kinds); diff != "" {
		t.Error(diff)
	}
}

// calling is a history with two calls, and the results given.
func calling(results string) string {
	return `"messages":[{"role":"user","content":"u"},{"role":"assistant","content":null,"tool_calls":[` +
		`{"id":"a","type":"function","function":{"name":"f","arguments":"{}"}},` +
		`{"id":"b","type":"function","function":{"name":"f","arguments":"{}"}}]},` + results + `]`
}

func TestEdge015_ToolContentParts(t *testing.T) {
	q := chat(t, calling(`{"role":"tool","tool_call_id":"a","content":[{"type":"text","text":"1"},{"type":"text","text":"2"}]},{"role":"tool","tool_call_id":"b","content":"3"}`))
	if b := q.Turns[2].Blocks[0]; len(b.Content) != 2 || b.Name != "f" {
		t.Errorf("got %+v", b)
	}
	got, _ := compose(t, q, neutral.Traits{})
	sameJSON(t, `{"model":"p",`+calling(`{"role":"tool","tool_call_id":"a","content":"1\n2"},{"role":"tool","tool_call_id":"b","content":"3"}`)+`}`, got)
}

func TestEdge016_ImageInToolResult(t *testing.T) {
	const image = `{"type":"image_url","image_url":{"url":"https://x/i.png"}}`
	q := chat(t, calling(`{"role":"tool","tool_call_id":"a","content":[{"type":"text","text":"1"},`+image+`]},`+
		`{"role":"tool","tool_call_id":"b","content":"2"},{"role":"user","content":"go on"}`))
	got, _ := compose(t, q, neutral.Traits{})
	sameJSON(t, `{"model":"p",`+calling(`{"role":"tool","tool_call_id":"a","content":"1"},{"role":"tool","tool_call_id":"b","content":"2"},`+
		`{"role":"user","content":[{"type":"text","text":"Content of the result of a:"},`+image+`]},{"role":"user","content":"go on"}`)+`}`, got)
}

// TestEdge018_ResultsOutOfOrder covers edge cases 17 to 20 as far as they
// concern what goes out in this dialect.
func TestEdge018_ResultsOutOfOrder(t *testing.T) {
	f := func(in, want string) {
		t.Helper()
		got, _ := compose(t, chat(t, calling(in)), neutral.Traits{})
		sameJSON(t, `{"model":"p",`+calling(want)+`}`, got)
	}
	const a, b, text = `{"role":"tool","tool_call_id":"a","content":"1"}`, `{"role":"tool","tool_call_id":"b","content":"2"}`, `{"role":"user","content":"x"}`
	f(b+`,`+text+`,`+a, a+`,`+b+`,`+text)
	f(a, a+`,{"role":"tool","tool_call_id":"b","content":"This call has no result: it was interrupted."}`)
}

// TestEdge022_LegacyFunctions covers edge cases 22 and 23.
func TestEdge022_LegacyFunctions(t *testing.T) {
	q := chat(t, `"messages":[{"role":"user","content":"u"},{"role":"assistant","content":null,"function_call":{"name":"f","arguments":"{\"a\":1}"}},`+
		`{"role":"function","name":"f","content":"r"}],"functions":[{"name":"f","parameters":{"type":"object"}}],"function_call":{"name":"f"}`)
	call, result := q.Turns[1].Blocks[0], q.Turns[2].Blocks[0]
	if call.ID == "" || call.ID != result.ID || result.Name != "f" || q.Parallel != neutral.Off {
		t.Errorf("got %+v and %+v", call, result)
	}
	got, drops := compose(t, q, neutral.Traits{})
	sameJSON(t, `{"model":"p","messages":[{"role":"user","content":"u"},`+
		`{"role":"assistant","content":null,"tool_calls":[{"id":"`+call.ID+`","type":"function","function":{"name":"f","arguments":"{\"a\":1}"}}]},`+
		`{"role":"tool","tool_call_id":"`+call.ID+`","content":"r"}],`+
		`"tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object","properties":{}}}}],`+
		`"tool_choice":{"type":"function","function":{"name":"f"}},"parallel_tool_calls":false}`, got)
	if drops != nil {
		t.Errorf("lost %v", drops)
	}

	a := answer(t, choiceOf(`"content":null,"tool_calls":[{"id":"x","type":"function","function":{"name":"f","arguments":""}}]`, "tool_calls"))
	sameJSON(t, `{"id":"c1","object":"chat.completion","created":7,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":null,`+
		`"refusal":null,"function_call":{"name":"f","arguments":"{}"}},"logprobs":null,"finish_reason":"function_call","native_finish_reason":"tool_calls"}]}`,
		string(New().AppendReply(nil, translate.OpChat, q, a)))
	stream := encode(translate.OpChat, q, neutral.Replay(nil, a))
	var merged []byte
	merged, ok := New().AppendAnswer(merged, []byte(stream), translate.OpChat)
	if !ok {
		t.Fatalf("%s", stream)
	}
	back := answer(t, string(merged))
	if b := back.Choices[0].Blocks; len(b) != 1 || b[0].Name != "f" || string(b[0].Arguments) != "{}" {
		t.Errorf("%s: got %+v", stream, b)
	}
}

func TestEdge024_NameOfUser(t *testing.T) {
	q := chat(t, `"messages":[{"role":"user","content":"u","name":"ann"}]`)
	got, drops := compose(t, q, neutral.Traits{Refuses: []string{"messages[].name"}})
	sameJSON(t, `{"model":"p","messages":[{"role":"user","content":"u"}]}`, got)
	if diff := cmp.Diff(neutral.Drops{"messages[].name"}, drops); diff != "" {
		t.Error(diff)
	}
}

func TestEdge025_RefusalInHistory(t *testing.T) {
	q := chat(t, `"messages":[{"role":"user","content":"u"},{"role":"assistant","content":null,"refusal":"no"}]`)
	got, _ := compose(t, q, neutral.Traits{})
	sameJSON(t, `{"model":"p","messages":[{"role":"user","content":"u"},{"role":"assistant","content":null,"refusal":"no"}]}`, got)
	got, _ = compose(t, q, neutral.Traits{Refuses: []string{"messages[].refusal"}})
	sameJSON(t, `{"model":"p","messages":[{"role":"user","content":"u"},{"role":"assistant","content":"no"}]}`, got)
}

func TestEdge027_UnknownPart(t *testing.T) {
	_, err := ask(t, translate.OpChat, `{"model":"m","messages":[{"role":"user","content":[{"type":"text","text":"a"},{"type":"hologram"}]}]}`)
	if err == nil || err.Param != "messages[0].content[1].type" || err.HTTPStatus() != 400 {
		t.Errorf("got %+v", err)
	}
}
