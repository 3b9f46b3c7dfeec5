package bedrock

import (
	"slices"
	"strings"
	"testing"

	"github.com/ai-mcp-gateway/gateway/translate"
	"github.com/ai-mcp-gateway/gateway/translate/neutral"
)

func TestEdge004_OnlySystem(t *testing.T) {
	wrote(t, neutral.Request{System: []neutral.Block{text("a"), text("b")}}, neutral.Traits{},
		`{"system":[{"text":"a"}],"messages":[{"role":"user","content":[{"text":"b"}]}]}`)
}

func TestEdge006_ConsecutiveTurnsAreMerged(t *testing.T) {
	wrote(t, neutral.Request{Turns: []neutral.Turn{user(text("a")), user(text("b")), model(text("c")), model(text("d")), user(text("e"))}}, neutral.Traits{},
		`{"messages":[{"role":"user","content":[{"text":"a"},{"text":"b"}]},{"role":"assistant","content":[{"text":"c"},{"text":"d"}]},{"role":"user","content":[{"text":"e"}]}]}`)
}

func TestEdge007_AssistantFirst(t *testing.T) {
	q := neutral.Request{Turns: []neutral.Turn{model(text("a")), user(text("b"))}}
	got, _, err := New().AppendRequest(nil, &q, &neutral.Target{})
	if err != nil || !strings.HasPrefix(string(got), `{"messages":[{"role":"user","content":[{"text":"(`) {
		t.Errorf("%s %v", got, err)
	}
}

func TestEdge012_BlankTexts(t *testing.T) {
	wrote(t, neutral.Request{Turns: []neutral.Turn{user(text(" "), text("a"), text("")), model(text("")), user(text("b"))}}, neutral.Traits{},
		`{"messages":[{"role":"user","content":[{"text":"a"},{"text":"b"}]}]}`)
}

func TestEdge016_ResultWithImage(t *testing.T) {
	image := neutral.Block{Kind: neutral.Image, Media: neutral.Media{Data: []byte("iVBORw0KGgoA"), MIME: "image/png"}}
	failed := result("c1", text("see"), image)
	failed.Failed = true
	wrote(t, neutral.Request{
		Tools: []neutral.Tool{tool("t")},
		Turns: []neutral.Turn{user(text("hi")), model(call("c1", "t", `{}`)), user(failed)},
	}, neutral.Traits{}, `{"toolConfig":{"tools":[`+specOfT+`]},"messages":[{"role":"user","content":[{"text":"hi"}]},`+
		`{"role":"assistant","content":[{"toolUse":{"toolUseId":"c1","name":"t","input":{}}}]},`+
		`{"role":"user","content":[{"toolResult":{"toolUseId":"c1","content":[{"text":"see"},{"image":{"format":"png","source":{"bytes":"iVBORw0KGgoA"}}}],"status":"error"}}]}]}`)
}

func TestEdge021_ToolBlocksWithoutTools(t *testing.T) {
	q := neutral.Request{Turns: []neutral.Turn{user(text("hi")), model(call("c1", "t", `{"a":1}`)), user(result("c1", text("one")))}}
	for _, choice := range []neutral.ChoiceMode{neutral.ChoiceUnset, neutral.ChoiceNone} {
		if q.Choice.Mode = choice; choice == neutral.ChoiceNone { // edge 46
			q.Tools = []neutral.Tool{tool("t")}
		}
		got, _, err := New().AppendRequest(nil, &q, &neutral.Target{})
		if err != nil || strings.Contains(string(got), "toolUse") || strings.Contains(string(got), "toolConfig") {
			t.Errorf("%s %v", got, err)
		}
		for _, want := range []string{`{\"a\":1}`, "one"} {
			if !strings.Contains(string(got), want) {
				t.Errorf("%s lacks %s", got, want)
			}
		}
	}
}

func TestEdge042_ForeignIDs(t *testing.T) {
	id := "call|with:odd/characters" + strings.Repeat("x", 80)
	q := neutral.Request{
		Tools: []neutral.Tool{tool("t")},
		Turns: []neutral.Turn{user(text("hi")), model(call(id, "t", `{}`)), user(result(id, text("one")))},
	}
	got, _, err := New().AppendRequest(nil, &q, &neutral.Target{})
	if err != nil {
		t.Fatal(err)
	}
	parts := strings.Split(string(got), `"toolUseId":"`)
	if len(parts) != 3 {
		t.Fatalf("%s", got)
	}
	use, _, _ := strings.Cut(parts[1], `"`)
	res, _, _ := strings.Cut(parts[2], `"`)
	if use != res || len(use) > 64 || strings.ContainsAny(use, "|:/") {
		t.Errorf("%q and %q", use, res)
	}
}

func TestEdge047_ForcedToolsRuleOutThinking(t *testing.T) {
	wrote(t, neutral.Request{
		Turns: hello, Tools: []neutral.Tool{tool("t")}, Choice: neutral.ToolChoice{Mode: neutral.ChoiceRequired},
		Reasoning: neutral.Reasoning{Set: true, Effort: "high"},
	}, neutral.Traits{Thinking: "budget"}, `{"toolConfig":{"tools":[`+specOfT+`],"toolChoice":{"any":{}}},`+helloBody+`}`, "reasoning_effort")
}

// TestRequestLoopWithoutThought goes on with a conversation whose client has
// not kept what the model thought.
func TestRequestLoopWithoutThought(t *testing.T) {
	f := func(thought []neutral.Block, thinks bool) {
		t.Helper()
		call := neutral.Block{Kind: neutral.ToolUse, ID: "c", Name: "t", Arguments: []byte(`{}`)}
		result := neutral.Block{Kind: neutral.ToolResult, ID: "c", Content: []neutral.Block{text("r")}}
		got, drops, err := New().AppendRequest(nil, &neutral.Request{
			Turns: append(hello[:1:1],
				neutral.Turn{Role: neutral.Assistant, Blocks: append(thought, call)},
				neutral.Turn{Role: neutral.User, Blocks: []neutral.Block{result}}),
			Tools: []neutral.Tool{tool("t")}, Reasoning: neutral.Reasoning{Set: true, Effort: "high"},
		}, &neutral.Target{Traits: neutral.Traits{Thinking: "budget"}})
		if err != nil || strings.Contains(string(got), `"thinking"`) != thinks || slices.Contains(drops, "reasoning_effort") == thinks {
			t.Errorf("%s, dropped %v, %v", got, drops, err)
		}
	}
	f(nil, false)
	f([]neutral.Block{{Kind: neutral.Thinking, Text: []byte("hm"), Signature: []byte("s"), Origin: "anthropic"}}, false)
	f([]neutral.Block{{Kind: neutral.Thinking, Text: []byte("hm"), Signature: []byte("s"), Origin: name}}, true)
}

func TestEdge051_ToolNames(t *testing.T) {
	odd := "my.tool/" + strings.Repeat("n", 70)
	q := neutral.Request{
		Tools:  []neutral.Tool{tool(odd)},
		Choice: neutral.ToolChoice{Mode: neutral.ChoiceNamed, Names: []string{odd}},
		Turns:  []neutral.Turn{user(text("hi")), model(call("c1", odd, `{}`)), user(result("c1", text("one")))},
	}
	alias := neutral.NewNames(&q, maxName).Out(odd)
	got, _, err := New().AppendRequest(nil, &q, &neutral.Target{})
	if err != nil || strings.Count(string(got), `"name":"`+alias+`"`) != 3 || strings.Contains(string(got), odd) {
		t.Errorf("%s %v", got, err)
	}
}

func TestEdge058_EmptyDescription(t *testing.T) {
	described := tool("t")
	described.Description = "d"
	wrote(t, neutral.Request{Turns: hello, Tools: []neutral.Tool{tool("t"), described}}, neutral.Traits{},
		`{"toolConfig":{"tools":[`+specOfT+`,{"toolSpec":{"name":"t","description":"d","inputSchema":`+schemaOfT+`}}]},`+helloBody+`}`)
}

func TestEdge059_CustomTool(t *testing.T) {
	custom := neutral.Tool{Name: "t", Custom: true, Grammar: []byte(`{"type":"grammar"}`)}
	use := neutral.Block{Kind: neutral.ToolUse, ID: "c1", Name: "t", Custom: true, Arguments: []byte(`say "x"`)}
	wrote(t, neutral.Request{
		Tools: []neutral.Tool{custom},
		Turns: []neutral.Turn{user(text("hi")), model(use), user(result("c1", text("one")))},
	}, neutral.Traits{}, `{"toolConfig":{"tools":[{"toolSpec":{"name":"t","inputSchema":{"json":`+customSchema+`}}}]},"messages":[{"role":"user","content":[{"text":"hi"}]},`+
		`{"role":"assistant","content":[{"toolUse":{"toolUseId":"c1","name":"t","input":{"input":"say \"x\""}}}]},`+
		`{"role":"user","content":[{"toolResult":{"toolUseId":"c1","content":[{"text":"one"}],"status":"success"}}]}]}`, "tools[].custom.format")
}

func TestEdge060_ServerTool(t *testing.T) {
	q := neutral.Request{Turns: hello, Tools: []neutral.Tool{{Name: "web_search", Server: true}}}
	refused(t, q, "tools")
	_, _, err := New().AppendRequest(nil, &q, &neutral.Target{})
	if !strings.Contains(err.Message, "web_search") {
		t.Errorf("%q does not name the tool", err.Message)
	}
}

func TestEdge061_Strict(t *testing.T) {
	strict := tool("t")
	strict.Strict = neutral.On
	q := neutral.Request{Turns: hello, Tools: []neutral.Tool{strict}, Parallel: neutral.Off}
	wrote(t, q, neutral.Traits{}, `{"toolConfig":{"tools":[{"toolSpec":{"name":"t","inputSchema":`+schemaOfT+`,"strict":true}}]},`+helloBody+`}`, "parallel_tool_calls")
	wrote(t, q, neutral.Traits{Schema: "tool"}, `{"toolConfig":{"tools":[`+specOfT+`]},`+helloBody+`}`, "tools[].function.strict", "parallel_tool_calls")
}

func TestEdge065_Temperature(t *testing.T) {
	wrote(t, neutral.Request{Turns: hello, Temperature: []byte("1.7")}, neutral.Traits{}, `{`+helloBody+`,"inferenceConfig":{"temperature":1}}`, "temperature")
}

func TestEdge066_TemperatureOrTopP(t *testing.T) {
	wrote(t, neutral.Request{Turns: hello, Temperature: []byte("0.7"), TopP: []byte("0.9")}, neutral.Traits{Sampling: "one"},
		`{`+helloBody+`,"inferenceConfig":{"temperature":0.7}}`, "top_p")
}

func TestEdge067_FixedSampling(t *testing.T) {
	wrote(t, neutral.Request{Turns: hello, Temperature: []byte("1.0"), TopP: []byte("0.9"), TopK: []byte("5")}, neutral.Traits{Sampling: "fixed"},
		`{`+helloBody+`}`, "top_p", "top_k")
}

func TestEdge072_BudgetBelowLimit(t *testing.T) {
	wrote(t, neutral.Request{Turns: hello, MaxTokens: []byte("3000"), Reasoning: neutral.Reasoning{Set: true, Budget: 9000}}, neutral.Traits{Thinking: "budget"},
		`{`+helloBody+`,"inferenceConfig":{"maxTokens":3000},"additionalModelRequestFields":{"thinking":{"type":"enabled","budget_tokens":1976}}}`)
	wrote(t, neutral.Request{Turns: hello, MaxTokens: []byte("500"), Reasoning: neutral.Reasoning{Set: true, Budget: 9000}}, neutral.Traits{Thinking: "budget"},
		`{`+helloBody+`,"inferenceConfig":{"maxTokens":500}}`, "reasoning_effort")
}

func TestEdge094_DeclaredTypeIsCorrected(t *testing.T) {
	image := neutral.Block{Kind: neutral.Image, Media: neutral.Media{Data: []byte("iVBORw0KGgoA"), MIME: "image/jpeg", Detail: "high"}}
	wrote(t, neutral.Request{Turns: []neutral.Turn{user(image)}}, neutral.Traits{},
		`{"messages":[{"role":"user","content":[{"image":{"format":"png","source":{"bytes":"iVBORw0KGgoA"}}}]}]}`, "messages[].content[].image_url.detail")
}

func TestEdge095_ImageTypes(t *testing.T) {
	for _, mime := range []string{"image/svg+xml", "image/tiff", "image/heic", ""} {
		refused(t, neutral.Request{Turns: []neutral.Turn{user(neutral.Block{Kind: neutral.Image, Media: neutral.Media{Data: []byte("AAAA"), MIME: mime}})}}, "messages")
	}
}

func TestEdge096_ImageByURL(t *testing.T) {
	refused(t, neutral.Request{Turns: []neutral.Turn{user(neutral.Block{Kind: neutral.Image, Media: neutral.Media{URL: "https://x/y.png"}})}}, "messages")
}

func TestEdge153_FourCachePoints(t *testing.T) {
	marked := func(s string) neutral.Block {
		b := text(s)
		b.Breakpoint.Set = true
		return b
	}
	first := tool("t")
	first.Breakpoint.Set = true
	const point = `,{"cachePoint":{"type":"default"}}`
	wrote(t, neutral.Request{
		Tools: []neutral.Tool{first}, System: []neutral.Block{marked("s")},
		Turns: []neutral.Turn{user(marked("a"), marked("b"), marked("c"), marked("d"))},
	}, neutral.Traits{}, `{"toolConfig":{"tools":[`+specOfT+`]},"system":[{"text":"s"}],"messages":[{"role":"user","content":[`+
		`{"text":"a"}`+point+`,{"text":"b"}`+point+`,{"text":"c"}`+point+`,{"text":"d"}`+point+`]}]}`)
}

func TestEdge159_ForeignThinking(t *testing.T) {
	foreign := neutral.Block{Kind: neutral.Thinking, Text: []byte("hm"), Signature: []byte("sig"), Origin: "anthropic"}
	q := neutral.Request{Tools: []neutral.Tool{tool("t")}, Turns: []neutral.Turn{user(text("hi")), model(foreign, call("c1", "t", `{}`)), user(result("c1"))}}
	got, _, err := New().AppendRequest(nil, &q, &neutral.Target{})
	if err != nil || strings.Contains(string(got), "hm") || !strings.Contains(string(got), `"toolUse"`) {
		t.Errorf("%s %v", got, err)
	}
}

func TestEdge030_EmptyArguments(t *testing.T) {
	var a neutral.Reply
	for _, input := range []string{``, `,"input":{}`, `,"input":null`, `,"input":""`} {
		body := `{"output":{"message":{"content":[{"toolUse":{"toolUseId":"c","name":"t"` + input + `}}]}},"stopReason":"tool_use"}`
		if err := New().ReadReply(translate.OpChat, []byte(body), &a); err != nil || string(a.Choices[0].Blocks[0].Arguments) != "{}" {
			t.Errorf("%s: %v, %+v", input, err, a)
		}
	}
	events := decode(t, start, blockStart(0, "c", "t"), delta(0, `"toolUse":{"input":""}`), blockStop(0), stop("tool_use"))
	if got := gather(events).Choices[0].Blocks[0]; string(got.Arguments) != "{}" {
		t.Errorf("streamed: %q", got.Arguments)
	}
}

func TestEdge043_TextAndTool(t *testing.T) {
	var a neutral.Reply
	body := `{"output":{"message":{"content":[{"text":"ok"},{"toolUse":{"toolUseId":"c","name":"t","input":{}}}]}},"stopReason":"end_turn"}`
	if err := New().ReadReply(translate.OpChat, []byte(body), &a); err != nil || a.Choices[0].Finish != neutral.FinishTools {
		t.Errorf("%v, %+v", err, a)
	}
}

func TestEdge138_UnknownStopReason(t *testing.T) {
	var a neutral.Reply
	body := `{"output":{"message":{"content":[{"text":"ok"},{"newThing":{"x":1}}]}},"stopReason":"tired"}`
	err := New().ReadReply(translate.OpChat, []byte(body), &a)
	if err != nil || a.Choices[0].Finish != neutral.FinishOther || a.Choices[0].Native != "tired" || a.Choices[0].Blocks[1].Kind != neutral.Foreign {
		t.Errorf("%v, %+v", err, a)
	}
}
