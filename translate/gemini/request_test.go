package gemini

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ai-mcp-gateway/gateway/translate"
	"github.com/ai-mcp-gateway/gateway/translate/neutral"
)

func textBlock(s string) neutral.Block { return neutral.Block{Kind: neutral.Text, Text: []byte(s)} }

func turn(role neutral.Role, blocks ...neutral.Block) neutral.Turn {
	return neutral.Turn{Role: role, Blocks: blocks}
}

func ask(text string) *neutral.Request {
	return &neutral.Request{Model: "m", Turns: []neutral.Turn{turn(neutral.User, textBlock(text))}}
}

func callBlock(id, tool, args string) neutral.Block {
	return neutral.Block{Kind: neutral.ToolUse, ID: id, Name: tool, Arguments: []byte(args)}
}

func resultBlock(id string, content ...neutral.Block) neutral.Block {
	return neutral.Block{Kind: neutral.ToolResult, ID: id, Content: content}
}

const hello = `{"contents":[{"role":"user","parts":[{"text":"hi"}]}]`

// wantBody checks the body of a request, byte for byte, and what was dropped.
func wantBody(t *testing.T, q *neutral.Request, traits neutral.Traits, want string, drops ...string) {
	t.Helper()
	got, gone, err := New().AppendRequest([]byte(">"), q, &neutral.Target{Model: "m", Traits: traits})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(">"+want, string(got)); diff != "" {
		t.Error(diff)
	}
	if !json.Valid(got[1:]) {
		t.Errorf("not JSON: %s", got)
	}
	if diff := cmp.Diff(neutral.Drops(drops), gone); diff != "" {
		t.Errorf("dropped: %s", diff)
	}
}

func wantRefused(t *testing.T, q *neutral.Request, traits neutral.Traits, param string) {
	t.Helper()
	got, _, err := New().AppendRequest([]byte(">"), q, &neutral.Target{Model: "m", Traits: traits})
	if err == nil || err.Code != translate.CallerUnsupported || err.Param != param || string(got) != ">" {
		t.Errorf("got %q, %v; want a refusal of %q", got, err, param)
	}
}

func TestAppendHead(t *testing.T) {
	f := func(v translate.Envelope, want string) {
		t.Helper()
		if diff := cmp.Diff(want, string(New().AppendHead(nil, &v))); diff != "" {
			t.Error(diff)
		}
	}
	rest := " HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\nAccept: application/json\r\nAccept-Encoding: identity\r\n"
	stream := " HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\nAccept: text/event-stream\r\nAccept-Encoding: identity\r\n"
	f(translate.Envelope{Host: "h", Op: translate.OpChat, Model: "m-1.5", Key: "k"},
		"POST /v1beta/models/m-1.5:generateContent"+rest+"x-goog-api-key: k\r\n")
	f(translate.Envelope{Host: "h", Base: "/v1beta", Op: translate.OpMessages, Model: "models/m", Stream: true},
		"POST /v1beta/models/m:streamGenerateContent?alt=sse"+stream)
	f(translate.Envelope{Host: "h", Base: "/v1", Op: translate.OpEmbedding, Model: "m"},
		"POST /v1/models/m:batchEmbedContents"+rest)
	f(translate.Envelope{Host: "h", Base: "/proxy", Op: translate.OpChat, Model: "tunedModels/t"},
		"POST /proxy/v1beta/tunedModels/t:generateContent"+rest)
	f(translate.Envelope{Host: "h", Base: "/v1/projects/p/locations/l/publishers/google", Op: translate.OpChat, Model: "m", Key: "k"},
		"POST /v1/projects/p/locations/l/publishers/google/models/m:generateContent"+rest+"Authorization: Bearer k\r\n")
}

func TestEdge155_ModelInPath(t *testing.T) {
	f := func(model, want string) {
		t.Helper()
		if got := string(appendModelPath(nil, model)); got != want {
			t.Errorf("%q: got %s, want %s", model, got, want)
		}
	}
	f("../../v1/files", "/models/..%2F..%2Fv1%2Ffiles")
	f("models/../x", "/models/..%2Fx")
	f("a:b?c#d e\r\n%é", "/models/a%3Ab%3Fc%23d%20e%0D%0A%25%C3%A9")
	f("a/b", "/models/a%2Fb")
}

func TestAppendRequest_Text(t *testing.T) {
	q := ask("hi")
	wantBody(t, q, neutral.Traits{}, hello+"}")
	q.System = []neutral.Block{textBlock("Be brief."), textBlock("Be kind.")}
	q.Turns = append(q.Turns, turn(neutral.Assistant, textBlock("a \"b\"")), turn(neutral.User, textBlock("<c>")))
	wantBody(t, q, neutral.Traits{}, `{"systemInstruction":{"parts":[{"text":"Be brief."},{"text":"Be kind."}]},`+
		`"contents":[{"role":"user","parts":[{"text":"hi"}]},{"role":"model","parts":[{"text":"a \"b\""}]},{"role":"user","parts":[{"text":"<c>"}]}]}`)
}

func TestAppendRequest_Config(t *testing.T) {
	q := ask("hi")
	q.MaxTokens, q.Temperature, q.TopP, q.TopK = []byte("100"), []byte("1.70"), []byte("0.9"), []byte("40")
	q.FrequencyPenalty, q.PresencePenalty, q.Seed = []byte("0.5"), []byte("-1"), []byte("7")
	q.N, q.Stop = 2, []string{"END"}
	q.Logprobs, q.TopLogprobs = neutral.On, []byte("3")
	full := hello + `,"generationConfig":{"temperature":1.70,"topP":0.9,"topK":40,"frequencyPenalty":0.5,"presencePenalty":-1,"seed":7,` +
		`"responseLogprobs":true,"logprobs":3,"maxOutputTokens":100,"candidateCount":2,"stopSequences":["END"]}}`
	wantBody(t, q, neutral.Traits{}, full)
	wantBody(t, q, neutral.Traits{Sampling: "one"}, hello+`,"generationConfig":{"temperature":1.70,"topK":40,"frequencyPenalty":0.5,`+
		`"presencePenalty":-1,"seed":7,"responseLogprobs":true,"logprobs":3,"maxOutputTokens":100,"candidateCount":2,"stopSequences":["END"]}}`, "top_p")
	wantBody(t, q, neutral.Traits{Sampling: "reasoning", Refuses: []string{"seed"}},
		hello+`,"generationConfig":{"maxOutputTokens":100,"candidateCount":2,"stopSequences":["END"]}}`,
		"temperature", "top_p", "top_k", "frequency_penalty", "presence_penalty", "seed", "logprobs")
	q = ask("hi")
	q.Seed = []byte("9007199254740993")
	wantBody(t, q, neutral.Traits{}, hello+`,"generationConfig":{"seed":2147483647}}`, "seed")
}

func TestAppendRequest_Rest(t *testing.T) {
	q := ask("hi")
	q.User, q.Metadata, q.Store, q.Parallel = "u", []byte(`{"a":"b"}`), neutral.On, neutral.Off
	q.Cache = neutral.Cache{Key: "k", Retention: "24h", Auto: neutral.Breakpoint{Set: true}}
	q.ServiceTier = "flex"
	q.Turns[0].Name = "bob"
	q.Extra = []neutral.Member{
		{Name: "logit_bias", Raw: []byte(`{"1":2}`)},
		{Name: "safety_settings", Raw: []byte(`[{"category":"c","threshold":"OFF"}]`)},
		{Name: "modalities", Raw: []byte(`["text","image"]`)},
	}
	wantBody(t, q, neutral.Traits{}, hello+`,"generationConfig":{"responseModalities":["TEXT","IMAGE"]},"serviceTier":"flex",`+
		`"safetySettings":[{"category":"c","threshold":"OFF"}]}`,
		"messages[].name", "logit_bias", "user", "metadata", "store", "prompt_cache_key", "prompt_cache_retention", "cache_control")
	q = ask("hi")
	q.ServiceTier = "scale"
	wantBody(t, q, neutral.Traits{}, hello+"}", "service_tier")
}

func TestAppendRequest_Reasoning(t *testing.T) {
	f := func(r neutral.Reasoning, traits neutral.Traits, want string, drops ...string) {
		t.Helper()
		q := ask("hi")
		q.Reasoning = r
		if want != "" {
			want = `,"generationConfig":{"thinkingConfig":` + want + `}`
		}
		wantBody(t, q, traits, hello+want+"}", drops...)
	}
	level := neutral.Traits{Thinking: "level", Efforts: []string{"low", "high"}}
	budget := neutral.Traits{Thinking: "budget"}
	f(neutral.Reasoning{}, level, "")
	f(neutral.Reasoning{Set: true, Effort: "high"}, neutral.Traits{}, "", "reasoning_effort")
	f(neutral.Reasoning{Set: true, Effort: "high"}, level, `{"thinkingLevel":"HIGH","includeThoughts":true}`)
	f(neutral.Reasoning{Set: true, Effort: "max"}, level, `{"thinkingLevel":"HIGH","includeThoughts":true}`)
	f(neutral.Reasoning{Set: true, Effort: "low", Summary: "omitted"}, level, `{"thinkingLevel":"LOW"}`)
	f(neutral.Reasoning{Set: true, Effort: "medium"}, budget, `{"thinkingBudget":8192,"includeThoughts":true}`)
	f(neutral.Reasoning{Set: true, Effort: "none"}, budget, `{"thinkingBudget":0}`)
	f(neutral.Reasoning{Set: true, Budget: 3000}, budget, `{"thinkingBudget":3000,"includeThoughts":true}`)
	f(neutral.Reasoning{Set: true, Adaptive: true}, budget, `{"thinkingBudget":-1,"includeThoughts":true}`)
	budget.Efforts = []string{"low", "high"}
	f(neutral.Reasoning{Set: true, Effort: "none"}, budget, `{"thinkingBudget":128}`)

	q := ask("hi") // an effort leaves half of the limit
	q.Reasoning, q.MaxTokens = neutral.Reasoning{Set: true, Effort: "high"}, []byte("4000")
	wantBody(t, q, budget, hello+`,"generationConfig":{"maxOutputTokens":4000,"thinkingConfig":{"thinkingBudget":2000,"includeThoughts":true}}}`)
}

func TestAppendRequest_Format(t *testing.T) {
	f := func(format neutral.Format, traits neutral.Traits, want string, drops ...string) {
		t.Helper()
		q := ask("hi")
		q.Format = format
		if want != "" {
			want = `,"generationConfig":` + want
		}
		wantBody(t, q, traits, hello+want+"}", drops...)
	}
	schema := neutral.Format{Kind: neutral.FormatSchema, Name: "n", Schema: []byte(`{"type":"object","properties":{"b":{"type":"string"},"a":{"type":"integer"}}}`), Strict: neutral.On}
	f(neutral.Format{Kind: neutral.FormatJSON}, neutral.Traits{}, `{"responseMimeType":"application/json"}`)
	f(schema, neutral.Traits{}, `{"responseMimeType":"application/json","responseJsonSchema":`+string(schema.Schema)+`}`)
	f(schema, neutral.Traits{Schema: "json"}, `{"responseMimeType":"application/json"}`, "response_format.json_schema.schema")
	f(schema, neutral.Traits{Schema: "none"}, "", "response_format")
	openapi := `{"type":"OBJECT","properties":{"b":{"type":"STRING"},"a":{"type":"INTEGER"}}}`
	f(schema, neutral.Traits{ToolSchema: "openapi"}, `{"responseMimeType":"application/json","responseSchema":`+openapi+`}`)
}

func TestAppendRequest_Tools(t *testing.T) {
	tools := []neutral.Tool{
		{Name: "weather", Description: "d", Schema: []byte(`{"type":"object","properties":{"city":{"type":"string"}}}`)},
		{Name: "now"},
		{Name: "sql", Custom: true, Grammar: []byte(`{"type":"grammar"}`), Description: "free"},
	}
	declared := hello + `,"tools":[{"functionDeclarations":[{"name":"weather","description":"d","parametersJsonSchema":{"type":"object","properties":{"city":{"type":"string"}}}},` +
		`{"name":"now"},{"name":"sql","description":"free","parametersJsonSchema":` + inputSchema + `}]}]`
	f := func(choice neutral.ToolChoice, want string) {
		t.Helper()
		q := ask("hi")
		q.Tools, q.Choice = tools, choice
		if want != "" {
			want = `,"toolConfig":{"functionCallingConfig":` + want + `}`
		}
		wantBody(t, q, neutral.Traits{}, declared+want+"}", "tools[].custom.format")
	}
	f(neutral.ToolChoice{}, "")
	f(neutral.ToolChoice{Mode: neutral.ChoiceAuto}, "")
	f(neutral.ToolChoice{Mode: neutral.ChoiceNone}, `{"mode":"NONE"}`)
	f(neutral.ToolChoice{Mode: neutral.ChoiceRequired}, `{"mode":"ANY"}`)
	f(neutral.ToolChoice{Mode: neutral.ChoiceNamed, Names: []string{"now"}}, `{"mode":"ANY","allowedFunctionNames":["now"]}`)
}

func TestEdge048_AllowedTools(t *testing.T) {
	f := func(choice neutral.ToolChoice, want string) {
		t.Helper()
		q := ask("hi")
		q.Tools, q.Choice = []neutral.Tool{{Name: "a"}, {Name: "b"}}, choice
		wantBody(t, q, neutral.Traits{}, hello+`,"tools":[{"functionDeclarations":[{"name":"a"},{"name":"b"}]}],"toolConfig":{"functionCallingConfig":`+want+`}}`)
	}
	f(neutral.ToolChoice{Mode: neutral.ChoiceAuto, Names: []string{"a"}}, `{"mode":"VALIDATED","allowedFunctionNames":["a"]}`)
	f(neutral.ToolChoice{Mode: neutral.ChoiceRequired, Names: []string{"a", "b"}}, `{"mode":"ANY","allowedFunctionNames":["a","b"]}`)
	f(neutral.ToolChoice{Mode: neutral.ChoiceAuto, Names: []string{}}, `{"mode":"NONE"}`)
}

func TestAppendRequest_Calls(t *testing.T) {
	q := ask("hi")
	signed := callBlock("c1", "a", `{"x":1,"b":9007199254740993}`)
	signed.Signature, signed.Origin = []byte("sig"), name
	failed := resultBlock("c2", textBlock("no"))
	failed.Failed = true
	q.Turns = append(q.Turns,
		turn(neutral.Assistant, textBlock("wait"), signed, callBlock("c2", "a", "")),
		turn(neutral.User, failed, resultBlock("c1", textBlock(`{"ok":true}`)), textBlock("so?")))
	wantBody(t, q, neutral.Traits{}, `{"contents":[{"role":"user","parts":[{"text":"hi"}]},`+
		`{"role":"model","parts":[{"text":"wait"},{"functionCall":{"id":"c1","name":"a","args":{"x":1,"b":9007199254740993}},"thoughtSignature":"sig"},`+
		`{"functionCall":{"id":"c2","name":"a","args":{}}}]},`+
		`{"role":"user","parts":[{"functionResponse":{"id":"c1","name":"a","response":{"ok":true}}},{"functionResponse":{"id":"c2","name":"a","response":{"error":"no"}}}]},`+
		`{"role":"user","parts":[{"text":"so?"}]}]}`)
}

func TestAppendRequest_ResponseIsObject(t *testing.T) {
	f := func(text, want string) {
		t.Helper()
		q := ask("hi")
		q.Turns = append(q.Turns, turn(neutral.Assistant, callBlock("c", "a", "{}")), turn(neutral.User, resultBlock("c", textBlock(text))))
		wantBody(t, q, neutral.Traits{}, `{"contents":[{"role":"user","parts":[{"text":"hi"}]},{"role":"model","parts":[{"functionCall":{"id":"c","name":"a","args":{}}}]},`+
			`{"role":"user","parts":[{"functionResponse":{"id":"c","name":"a","response":`+want+`}}]}]}`)
	}
	f(`{"b":1e400,"a":-0}`, `{"b":1e400,"a":-0}`)
	f(`[1]`, `{"output":"[1]"}`)
	f(`{"a":1} {}`, `{"output":"{\"a\":1} {}"}`)
	f(`null`, `{"output":"null"}`)
	f(``, `{"output":""}`)
}
