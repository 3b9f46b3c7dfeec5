package gemini

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ai-mcp-gateway/gateway/translate/neutral"
)

func TestEdge004_OnlySystem(t *testing.T) {
	q := &neutral.Request{System: []neutral.Block{textBlock("a"), textBlock("b")}}
	wantBody(t, q, neutral.Traits{}, `{"systemInstruction":{"parts":[{"text":"a"}]},"contents":[{"role":"user","parts":[{"text":"b"}]}]}`)
}

func TestEdge024_Name(t *testing.T) {
	q := ask("hi")
	q.Turns[0].Name = "bob"
	wantBody(t, q, neutral.Traits{}, hello+"}", "messages[].name")
}

func TestEdge025_Refusal(t *testing.T) {
	q := ask("hi")
	q.Turns = append(q.Turns, turn(neutral.Assistant, neutral.Block{Kind: neutral.Refusal, Text: []byte("no")}), turn(neutral.User, textBlock("why")))
	wantBody(t, q, neutral.Traits{}, `{"contents":[{"role":"user","parts":[{"text":"hi"}]},{"role":"model","parts":[{"text":"no"}]},{"role":"user","parts":[{"text":"why"}]}]}`)
}

func TestEdge034_BrokenArguments(t *testing.T) {
	q := ask("hi")
	q.Turns = append(q.Turns, turn(neutral.Assistant, callBlock("c", "a", `{"x":`)), turn(neutral.User, resultBlock("c", textBlock("r"))))
	wantBody(t, q, neutral.Traits{}, `{"contents":[{"role":"user","parts":[{"text":"hi"}]},{"role":"model","parts":[{"functionCall":{"id":"c","name":"a","args":{"_raw":"{\"x\":"}}}]},`+
		`{"role":"user","parts":[{"functionResponse":{"id":"c","name":"a","response":{"output":"r"}}}]}]}`)
}

func TestEdge051_ToolNames(t *testing.T) {
	q := ask("hi")
	q.Tools = []neutral.Tool{{Name: "a.b/" + strings.Repeat("c", 80)}}
	body, _, err := New().AppendRequest(nil, q, &neutral.Target{})
	if err != nil {
		t.Fatal(err)
	}
	alias := neutral.NewNames(q, MaxName).Out(q.Tools[0].Name)
	if !strings.Contains(string(body), `"name":"`+alias+`"`) || len(alias) > MaxName || strings.ContainsAny(alias, "./") {
		t.Errorf("alias %q in %s", alias, body)
	}
}

func TestEdge052_NoArguments(t *testing.T) {
	f := func(schema, toolSchema, want string) {
		t.Helper()
		q := ask("hi")
		q.Tools = []neutral.Tool{{Name: "a", Schema: []byte(schema)}}
		wantBody(t, q, neutral.Traits{ToolSchema: toolSchema}, hello+`,"tools":[{"functionDeclarations":[{"name":"a"`+want+`}]}]}`)
	}
	f(``, "", "")
	f(`null`, "", "")
	f(`{ }`, "", "")
	f(`{"type":"object","properties":{}}`, "openapi", "")
	f(`{"type":"object","properties":{},"additionalProperties":false}`, "", `,"parametersJsonSchema":{"type":"object","properties":{},"additionalProperties":false}`)
}

func TestEdge053_RootType(t *testing.T) {
	q := ask("hi")
	q.Tools = []neutral.Tool{{Name: "a", Schema: []byte(`{"properties":{"x":{"type":"string"}}}`)}}
	body, _, err := New().AppendRequest(nil, q, &neutral.Target{})
	if err != nil || !strings.Contains(string(body), `"type":"object"`) {
		t.Errorf("%s, %v", body, err)
	}
}

// TestEdge054_Schemas holds that a schema goes out as it is, and for older
// models without what they refuse.
func TestEdge054_Schemas(t *testing.T) {
	schema := `{"$schema":"s","type":"object","properties":{"a":{"const":"x"},"n":{"type":["string","null"]}},"additionalProperties":false}`
	q := ask("hi")
	q.Tools = []neutral.Tool{{Name: "a", Schema: []byte(schema)}}
	wantBody(t, q, neutral.Traits{}, hello+`,"tools":[{"functionDeclarations":[{"name":"a","parametersJsonSchema":`+schema+`}]}]}`)
	body, _, err := New().AppendRequest(nil, q, &neutral.Target{Traits: neutral.Traits{ToolSchema: "openapi"}})
	if err != nil {
		t.Fatal(err)
	}
	for _, refused := range []string{"$schema", "const", "additionalProperties", "[\"string\""} {
		if strings.Contains(string(body), refused) {
			t.Errorf("%s in %s", refused, body)
		}
	}
}

func openAPI(t *testing.T, schema string) string {
	t.Helper()
	q := ask("hi")
	q.Tools = []neutral.Tool{{Name: "a", Schema: []byte(schema)}}
	body, _, err := New().AppendRequest(nil, q, &neutral.Target{Traits: neutral.Traits{ToolSchema: "openapi"}})
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

func TestEdge055_PropertyNames(t *testing.T) {
	body := openAPI(t, `{"type":"object","properties":{"title":{"type":"string"},"default":{"type":"string"},"const":{"type":"string"}}}`)
	for _, property := range []string{"title", "default", "const"} {
		if !strings.Contains(body, `"`+property+`":{"type":"STRING"}`) {
			t.Errorf("%s is not in %s", property, body)
		}
	}
}

func TestEdge056_RecursiveSchema(t *testing.T) {
	body := openAPI(t, `{"type":"object","properties":{"n":{"$ref":"#/$defs/n"}},"$defs":{"n":{"type":"object","properties":{"next":{"$ref":"#/$defs/n"}}}}}`)
	if strings.Contains(body, "$ref") || len(body) > 1<<16 {
		t.Errorf("%d bytes: %.500s", len(body), body)
	}
}

func TestEdge057_IntegerEnum(t *testing.T) {
	if body := openAPI(t, `{"type":"object","properties":{"n":{"type":"integer","enum":[1,2]}}}`); !strings.Contains(body, `"enum":["1","2"]`) {
		t.Error(body)
	}
}

func TestEdge059_CustomTool(t *testing.T) {
	q := ask("hi")
	q.Tools = []neutral.Tool{{Name: "sql", Custom: true}}
	call := callBlock("c", "sql", `select "a"`)
	call.Custom = true
	q.Turns = append(q.Turns, turn(neutral.Assistant, call), turn(neutral.User, resultBlock("c", textBlock("1"))))
	wantBody(t, q, neutral.Traits{}, `{"contents":[{"role":"user","parts":[{"text":"hi"}]},`+
		`{"role":"model","parts":[{"functionCall":{"id":"c","name":"sql","args":{"input":"select \"a\""}}}]},`+
		`{"role":"user","parts":[{"functionResponse":{"id":"c","name":"sql","response":{"output":"1"}}}]}],`+
		`"tools":[{"functionDeclarations":[{"name":"sql","parametersJsonSchema":`+inputSchema+`}]}]}`)
}

func TestEdge060_ServerTools(t *testing.T) {
	q := ask("hi")
	q.Tools = []neutral.Tool{{Name: "web_search", Server: true, Raw: []byte(`{"type":"web_search"}`), Dialect: "responses"}}
	wantRefused(t, q, neutral.Traits{}, "tools")
	q.Tools = []neutral.Tool{{Name: "a"}, {Name: "googleSearch", Server: true, Raw: []byte(`{"googleSearch":{}}`), Dialect: name}}
	wantBody(t, q, neutral.Traits{}, hello+`,"tools":[{"functionDeclarations":[{"name":"a"}]},{"googleSearch":{}}]}`)
}

func TestEdge061_StrictTools(t *testing.T) {
	q := ask("hi")
	q.Tools = []neutral.Tool{{Name: "a", Strict: neutral.On}}
	wantBody(t, q, neutral.Traits{}, hello+`,"tools":[{"functionDeclarations":[{"name":"a"}]}]}`, "tools[].strict")
}

func TestEdge063_Stops(t *testing.T) {
	q := ask("hi")
	q.Stop = []string{"", "a", "b", "c", "", "d", "e"}
	wantBody(t, q, neutral.Traits{}, hello+`,"generationConfig":{"stopSequences":["a","b","c","d","e"]}}`)
	q.Stop = append(q.Stop, "f")
	wantBody(t, q, neutral.Traits{}, hello+`,"generationConfig":{"stopSequences":["a","b","c","d","e"]}}`, "stop")
	q.Stop = []string{""}
	wantBody(t, q, neutral.Traits{}, hello+`}`)
}

func TestEdge075_Logprobs(t *testing.T) {
	q := ask("hi")
	q.Logprobs = neutral.On
	wantBody(t, q, neutral.Traits{}, hello+`,"generationConfig":{"responseLogprobs":true}}`)
	a := reply(t, `{"candidates":[{"content":{"parts":[{"text":"é"}]},"finishReason":"STOP","logprobsResult":{`+
		`"topCandidates":[{"candidates":[{"token":"é","logProbability":-0.1,"tokenId":1},{"token":"e","logProbability":-3}]}],`+
		`"chosenCandidates":[{"token":"é","logProbability":-0.1,"tokenId":1}]}}]}`)
	want := `{"content":[{"token":"é","logprob":-0.1,"bytes":[195,169],"top_logprobs":[` +
		`{"token":"é","logprob":-0.1,"bytes":[195,169]},{"token":"e","logprob":-3,"bytes":[101]}]}],"refusal":null}`
	if diff := cmp.Diff(want, string(a.Choices[0].Logprobs)); diff != "" {
		t.Error(diff)
	}
}

func TestEdge083_KeyOrder(t *testing.T) {
	schema := `{"type":"object","required":["z"],"properties":{"z":{"type":"number","maximum":1e400},"a":{"type":"string"}}}`
	q := ask("hi")
	q.Tools = []neutral.Tool{{Name: "a", Schema: []byte(schema)}}
	wantBody(t, q, neutral.Traits{}, hello+`,"tools":[{"functionDeclarations":[{"name":"a","parametersJsonSchema":`+schema+`}]}]}`)
}

func TestEdge084_Numbers(t *testing.T) {
	args := `{"z":9007199254740993,"a":1.0,"b":-0,"c":1e400}`
	a := reply(t, `{"candidates":[{"content":{"parts":[{"functionCall":{"name":"f","args":`+args+`}}]},"finishReason":"STOP"}],"responseId":"r"}`)
	if got := string(a.Choices[0].Blocks[0].Arguments); got != args {
		t.Error(got)
	}
}

func TestEdge159_ForeignThinking(t *testing.T) {
	q := ask("hi")
	call := callBlock("c", "a", "{}")
	call.Signature, call.Origin = []byte("theirs"), "anthropic"
	q.Turns = append(q.Turns,
		turn(neutral.Assistant, neutral.Block{Kind: neutral.Thinking, Text: []byte("hm"), Signature: []byte("s"), Origin: "anthropic"}, call),
		turn(neutral.User, resultBlock("c", textBlock("r"))))
	wantBody(t, q, neutral.Traits{}, `{"contents":[{"role":"user","parts":[{"text":"hi"}]},{"role":"model","parts":[{"functionCall":{"id":"c","name":"a","args":{}}}]},`+
		`{"role":"user","parts":[{"functionResponse":{"id":"c","name":"a","response":{"output":"r"}}}]}]}`)
}

func TestEdge160_LostSignature(t *testing.T) {
	q := ask("hi")
	q.Turns = append(q.Turns,
		turn(neutral.Assistant, callBlock("c1", "a", "{}"), callBlock("c2", "a", "{}")),
		turn(neutral.User, resultBlock("c1", textBlock("r")), resultBlock("c2", textBlock("r"))))
	wantBody(t, q, neutral.Traits{Thinking: "level"}, `{"contents":[{"role":"user","parts":[{"text":"hi"}]},`+
		`{"role":"model","parts":[{"functionCall":{"id":"c1","name":"a","args":{}},"thoughtSignature":"skip_thought_signature_validator"},{"functionCall":{"id":"c2","name":"a","args":{}}}]},`+
		`{"role":"user","parts":[{"functionResponse":{"id":"c1","name":"a","response":{"output":"r"}}},{"functionResponse":{"id":"c2","name":"a","response":{"output":"r"}}}]}]}`)
}

// TestSignaturesComeBack sends an answer back as the history of the next
// request: each signature stands where the model had put it.
func TestSignaturesComeBack(t *testing.T) {
	parts := `[{"thought":true,"text":"hm","thoughtSignature":"A"},{"text":"so"},{"text":"","thoughtSignature":"B"},{"functionCall":{"id":"c","name":"f","args":{"a":1}},"thoughtSignature":"C="}]`
	a := reply(t, `{"candidates":[{"content":{"parts":`+parts+`},"finishReason":"STOP"}],"responseId":"r"}`)
	q := ask("hi")
	q.Turns = append(q.Turns, turn(neutral.Assistant, a.Choices[0].Blocks...), turn(neutral.User, resultBlock("c", textBlock("{}"))))
	wantBody(t, q, neutral.Traits{Thinking: "level"}, `{"contents":[{"role":"user","parts":[{"text":"hi"}]},{"role":"model","parts":`+parts+`},`+
		`{"role":"user","parts":[{"functionResponse":{"id":"c","name":"f","response":{}}}]}]}`)
}
