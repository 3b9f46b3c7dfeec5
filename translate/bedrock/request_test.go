package bedrock

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ai-mcp-gateway/gateway/translate"
	"github.com/ai-mcp-gateway/gateway/translate/neutral"
)

func text(s string) neutral.Block { return neutral.Block{Kind: neutral.Text, Text: []byte(s)} }

func user(blocks ...neutral.Block) neutral.Turn {
	return neutral.Turn{Role: neutral.User, Blocks: blocks}
}

func model(blocks ...neutral.Block) neutral.Turn {
	return neutral.Turn{Role: neutral.Assistant, Blocks: blocks}
}

func call(id, name, arguments string) neutral.Block {
	return neutral.Block{Kind: neutral.ToolUse, ID: id, Name: name, Arguments: []byte(arguments)}
}

func result(id string, content ...neutral.Block) neutral.Block {
	return neutral.Block{Kind: neutral.ToolResult, ID: id, Content: content}
}

func tool(name string) neutral.Tool {
	return neutral.Tool{Name: name, Schema: []byte(`{"type":"object","properties":{"z":{},"a":{}}}`)}
}

var hello = []neutral.Turn{user(text("hi"))}

const (
	helloBody = `"messages":[{"role":"user","content":[{"text":"hi"}]}]`
	schemaOfT = `{"json":{"type":"object","properties":{"z":{},"a":{}}}}`
	specOfT   = `{"toolSpec":{"name":"t","inputSchema":` + schemaOfT + `}}`
)

// wrote holds that q for a model of traits becomes want, byte for byte, and
// loses drops.
func wrote(t *testing.T, q neutral.Request, traits neutral.Traits, want string, drops ...string) {
	t.Helper()
	target := neutral.Target{Model: "m", Traits: traits}
	got, lost, err := New().AppendRequest([]byte("before"), &q, &target)
	if err != nil {
		t.Fatalf("refused: %v", err)
	}
	if diff := cmp.Diff("before"+want, string(got)); diff != "" {
		t.Error(diff)
	}
	if !json.Valid(got[len("before"):]) {
		t.Errorf("no JSON: %s", got)
	}
	if diff := cmp.Diff(neutral.Drops(drops), lost); diff != "" {
		t.Error(diff)
	}
}

// refused holds that q is an error for the parameter param.
func refused(t *testing.T, q neutral.Request, param string) {
	t.Helper()
	_, _, err := New().AppendRequest(nil, &q, &neutral.Target{Model: "m"})
	if err == nil || err.Code != translate.CallerUnsupported || err.Param != param {
		t.Errorf("%v, want %s unsupported", err, param)
	}
}

func TestRequestScalars(t *testing.T) {
	wrote(t, neutral.Request{Turns: hello}, neutral.Traits{}, `{`+helloBody+`}`)
	wrote(t, neutral.Request{
		System: []neutral.Block{text("a"), text("b\n")}, Turns: hello,
		MaxTokens: []byte("100"), Temperature: []byte("0.5"), TopP: []byte("0.9"), TopK: []byte("40"),
		Stop: []string{"END", " "}, ServiceTier: "flex", User: "u1", Metadata: []byte(`{"team":"x","n":1,"bad":"{"}`),
		Seed: []byte("1"), FrequencyPenalty: []byte("1"), PresencePenalty: []byte("1"), Logprobs: neutral.On,
		Extra: []neutral.Member{
			{Name: "logit_bias", Raw: []byte(`{}`)},
			{Name: "prediction", Raw: []byte(`null`)},
			{Name: "guardrailConfig", Raw: []byte(`{"guardrailIdentifier":"g"}`)},
			{Name: "additionalModelRequestFields", Raw: []byte(`{"top_k":1,"x":2}`)},
		},
	}, neutral.Traits{}, `{"system":[{"text":"a"},{"text":"b\n"}],`+helloBody+
		`,"inferenceConfig":{"maxTokens":100,"temperature":0.5,"topP":0.9,"stopSequences":["END"]}`+
		`,"additionalModelRequestFields":{"top_k":40,"x":2}`+
		`,"additionalModelResponseFieldPaths":["/stop_sequence"],"serviceTier":{"type":"flex"}`+
		`,"requestMetadata":{"team":"x","user":"u1"},"guardrailConfig":{"guardrailIdentifier":"g"}}`,
		"stop", "metadata", "logit_bias", "frequency_penalty", "presence_penalty", "seed", "logprobs")
	wrote(t, neutral.Request{Turns: hello, TopK: []byte("3"), Stop: []string{"x"}, Stream: true}, neutral.Traits{TopK: "nested"},
		`{`+helloBody+`,"inferenceConfig":{"stopSequences":["x"]},"additionalModelRequestFields":{"inferenceConfig":{"topK":3}}`+
			`,"additionalModelResponseFieldPaths":["/delta/stop_sequence"]}`)
	refused(t, neutral.Request{Turns: hello, N: 2}, "n")
}

func TestRequestThinking(t *testing.T) {
	f := func(r neutral.Reasoning, traits neutral.Traits, want string, drops ...string) {
		t.Helper()
		r.Set = true
		wrote(t, neutral.Request{Turns: hello, Reasoning: r}, traits, `{`+helloBody+want+`}`, drops...)
	}
	const fields = `,"additionalModelRequestFields":`
	f(neutral.Reasoning{Effort: "high"}, neutral.Traits{}, ``, "reasoning_effort")
	f(neutral.Reasoning{Effort: "none"}, neutral.Traits{}, ``)
	f(neutral.Reasoning{Budget: 3000}, neutral.Traits{Thinking: "budget"}, fields+`{"thinking":{"type":"enabled","budget_tokens":3000}}`)
	f(neutral.Reasoning{Effort: "high", Summary: "auto"}, neutral.Traits{Thinking: "adaptive"},
		fields+`{"thinking":{"type":"adaptive","display":"summarized"},"output_config":{"effort":"high"}}`)
	f(neutral.Reasoning{Effort: "none"}, neutral.Traits{Thinking: "adaptive"}, ``)
	f(neutral.Reasoning{Effort: "medium"}, neutral.Traits{Thinking: "effort"}, fields+`{"reasoning_effort":"medium"}`)
	f(neutral.Reasoning{Effort: "medium"}, neutral.Traits{Thinking: "switch"}, fields+`{"reasoning_config":"high"}`)
	f(neutral.Reasoning{Effort: "low"}, neutral.Traits{Thinking: "level"}, fields+`{"reasoningConfig":{"type":"enabled","maxReasoningEffort":"low"}}`)
}

func TestRequestFormat(t *testing.T) {
	q := neutral.Request{Turns: hello, Format: neutral.Format{Kind: neutral.FormatSchema, Name: "n", Description: "d", Schema: []byte(`{"type":"object","properties":{"b":{},"a":{}}}`)}}
	wrote(t, q, neutral.Traits{}, `{`+helloBody+`,"outputConfig":{"textFormat":{"type":"json_schema","structure":{"jsonSchema":{`+
		`"name":"n","description":"d","schema":"{\"type\":\"object\",\"properties\":{\"b\":{},\"a\":{}}}"}}}}}`)
	answer := `{"toolSpec":{"name":"` + answerTool + `","description":"Takes the answer to the user.","inputSchema":{"json":{"type":"object","properties":{"b":{},"a":{}}}}}}`
	wrote(t, q, neutral.Traits{Schema: "tool"}, `{"toolConfig":{"tools":[`+answer+`],"toolChoice":{"tool":{"name":"`+answerTool+`"}}},`+helloBody+`}`)
	q.Tools = []neutral.Tool{tool("t")}
	wrote(t, q, neutral.Traits{Schema: "tool"}, `{"toolConfig":{"tools":[`+specOfT+`,`+answer+`],"toolChoice":{"any":{}}},`+helloBody+`}`)
	q.Tools = nil
	wrote(t, q, neutral.Traits{Schema: "none"}, `{"system":[{"text":"Answer with one JSON object and nothing else. It has to conform to this JSON schema: {\"type\":\"object\",\"properties\":{\"b\":{},\"a\":{}}}"}],`+helloBody+`}`, "response_format")
	wrote(t, neutral.Request{Turns: hello, Format: neutral.Format{Kind: neutral.FormatJSON}}, neutral.Traits{},
		`{"system":[{"text":"Answer with one JSON object and nothing else."}],`+helloBody+`}`)
}

func TestRequestToolChoice(t *testing.T) {
	f := func(choice neutral.ToolChoice, traits neutral.Traits, tools, word string, drops ...string) {
		t.Helper()
		other := tool("u")
		want := `{"toolConfig":{"tools":[` + tools + `]` + word + `},` + helloBody + `}`
		if tools == "" {
			want = `{` + helloBody + `}`
		}
		wrote(t, neutral.Request{Turns: hello, Tools: []neutral.Tool{tool("t"), other}, Choice: choice}, traits, want, drops...)
	}
	both := specOfT + `,{"toolSpec":{"name":"u","inputSchema":` + schemaOfT + `}}`
	f(neutral.ToolChoice{}, neutral.Traits{}, both, ``)
	f(neutral.ToolChoice{Mode: neutral.ChoiceAuto}, neutral.Traits{}, both, `,"toolChoice":{"auto":{}}`)
	f(neutral.ToolChoice{Mode: neutral.ChoiceRequired}, neutral.Traits{}, both, `,"toolChoice":{"any":{}}`)
	f(neutral.ToolChoice{Mode: neutral.ChoiceRequired}, neutral.Traits{Refuses: []string{"toolChoice"}}, both, ``, "tool_choice")
	f(neutral.ToolChoice{Mode: neutral.ChoiceNamed, Names: []string{"t"}}, neutral.Traits{}, both, `,"toolChoice":{"tool":{"name":"t"}}`)
	f(neutral.ToolChoice{Mode: neutral.ChoiceAuto, Names: []string{"t"}}, neutral.Traits{}, specOfT, `,"toolChoice":{"auto":{}}`)
	f(neutral.ToolChoice{Mode: neutral.ChoiceNone}, neutral.Traits{}, ``, ``)
}

func TestRequestHistory(t *testing.T) {
	thought := neutral.Block{Kind: neutral.Thinking, Text: []byte("hm"), Signature: []byte("sig"), Origin: name}
	foreign := neutral.Block{Kind: neutral.Thinking, Text: []byte("hm"), Signature: []byte("sig"), Origin: "anthropic"}
	sealed := neutral.Block{Kind: neutral.Thinking, Redacted: true, Signature: []byte("blob=="), Origin: name}
	wrote(t, neutral.Request{
		Tools: []neutral.Tool{tool("t")},
		Turns: []neutral.Turn{
			user(text("hi")),
			model(foreign, thought, sealed, text("ok"), call("c1", "t", `{"b":1,"a":12345678901234567890}`), call("c2", "t", ``)),
			user(result("c2", text("two")), result("c1", text("one"))),
		},
	}, neutral.Traits{}, `{"toolConfig":{"tools":[`+specOfT+`]},"messages":[{"role":"user","content":[{"text":"hi"}]},`+
		`{"role":"assistant","content":[{"reasoningContent":{"reasoningText":{"text":"hm","signature":"sig"}}},{"reasoningContent":{"redactedContent":"blob=="}},{"text":"ok"},`+
		`{"toolUse":{"toolUseId":"c1","name":"t","input":{"b":1,"a":12345678901234567890}}},{"toolUse":{"toolUseId":"c2","name":"t","input":{}}}]},`+
		`{"role":"user","content":[{"toolResult":{"toolUseId":"c1","content":[{"text":"one"}],"status":"success"}},{"toolResult":{"toolUseId":"c2","content":[{"text":"two"}],"status":"success"}}]}]}`)
	// An answer that is to go on does not end in white space.
	wrote(t, neutral.Request{Turns: []neutral.Turn{user(text("hi")), model(text("Well, "))}}, neutral.Traits{},
		`{"messages":[{"role":"user","content":[{"text":"hi"}]},{"role":"assistant","content":[{"text":"Well,"}]}]}`)
}

func TestRequestResultAsJSON(t *testing.T) {
	wrote(t, neutral.Request{
		Tools: []neutral.Tool{tool("t")},
		Turns: []neutral.Turn{user(text("hi")), model(call("c1", "t", `{}`)), user(result("c1", text(`{"b":1}`), text("plain")))},
	}, neutral.Traits{Refuses: []string{"toolResult.text"}}, `{"toolConfig":{"tools":[`+specOfT+`]},"messages":[{"role":"user","content":[{"text":"hi"}]},`+
		`{"role":"assistant","content":[{"toolUse":{"toolUseId":"c1","name":"t","input":{}}}]},`+
		`{"role":"user","content":[{"toolResult":{"toolUseId":"c1","content":[{"json":{"b":1}},{"json":{"output":"plain"}}],"status":"success"}}]}]}`)
}

func TestRequestMedia(t *testing.T) {
	pdf := neutral.Block{Kind: neutral.File, Media: neutral.Media{Data: []byte("JVBERi0x"), Name: "my secret.pdf"}}
	film := neutral.Block{Kind: neutral.File, Media: neutral.Media{URL: "s3://b/k.mp4", MIME: "video/mp4"}}
	wrote(t, neutral.Request{Turns: []neutral.Turn{user(pdf, pdf, film)}}, neutral.Traits{},
		`{"messages":[{"role":"user","content":[`+
			`{"document":{"format":"pdf","name":"Document 1","source":{"bytes":"JVBERi0x"}}},`+
			`{"document":{"format":"pdf","name":"Document 2","source":{"bytes":"JVBERi0x"}}},`+
			`{"video":{"format":"mp4","source":{"s3Location":{"uri":"s3://b/k.mp4"}}}},{"text":"See the attached file."}]}]}`,
		"messages[].content[].file.filename")
	refused(t, neutral.Request{Turns: []neutral.Turn{user(neutral.Block{Kind: neutral.File, Media: neutral.Media{FileID: "f"}})}}, "messages")
	refused(t, neutral.Request{Turns: []neutral.Turn{user(neutral.Block{Kind: neutral.Audio, Media: neutral.Media{Data: []byte("AAAA"), MIME: "audio/odd"}})}}, "messages")
}

func TestRequestCachePoints(t *testing.T) {
	marked := func(b neutral.Block, ttl string) neutral.Block {
		b.Breakpoint = neutral.Breakpoint{Set: true, TTL: ttl}
		return b
	}
	const point = `{"cachePoint":{"type":"default"}}`
	file := neutral.Block{Kind: neutral.File, Media: neutral.Media{Data: []byte("JVBERi0x")}}
	q := neutral.Request{
		System: []neutral.Block{marked(text("s"), "1h")},
		Turns:  []neutral.Turn{user(text("hi"), marked(file, "5m"))},
		Cache:  neutral.Cache{Auto: neutral.Breakpoint{Set: true}, Key: "k"},
	}
	wrote(t, q, neutral.Traits{}, `{"system":[{"text":"s"},{"cachePoint":{"type":"default","ttl":"1h"}}],"messages":[{"role":"user","content":[{"text":"hi"},`+
		point+`,{"document":{"format":"pdf","name":"Document 1","source":{"bytes":"JVBERi0x"}}}]}]}`, "prompt_cache_key")
	wrote(t, q, neutral.Traits{Refuses: []string{"cachePoint"}}, `{"system":[{"text":"s"}],"messages":[{"role":"user","content":[{"text":"hi"},`+
		`{"document":{"format":"pdf","name":"Document 1","source":{"bytes":"JVBERi0x"}}}]}]}`,
		"messages[].content[].cache_control", "cache_control", "prompt_cache_key")
}
