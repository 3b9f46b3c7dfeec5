package openai

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ai-mcp-gateway/gateway/translate"
	"github.com/ai-mcp-gateway/gateway/translate/neutral"
)

// sends checks what becomes of members beside a user's message, and what is
// reported as lost.
func sends(t *testing.T, traits neutral.Traits, members, want string, lost ...string) {
	t.Helper()
	got, drops := compose(t, chat(t, user+members), traits)
	sameJSON(t, `{"model":"p",`+user+want+`}`, got)
	if diff := cmp.Diff(lost, []string(drops)); diff != "" {
		t.Errorf("%s: %s", members, diff)
	}
}

const oneTool = `"tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object","properties":{}}}}]`

func TestEdge050_ChoiceWithoutTools(t *testing.T) {
	sends(t, neutral.Traits{}, `,"tools":[],"tool_choice":"auto","parallel_tool_calls":true`, ``)
	sends(t, neutral.Traits{NoParallel: true}, `,`+oneTool+`,"parallel_tool_calls":false`, `,`+oneTool, "parallel_tool_calls")
}

func TestEdge051_LongToolNames(t *testing.T) {
	name := strings.Repeat("n", 65) + ".x"
	q := chat(t, user+`,"tools":[{"type":"function","function":{"name":"`+name+`"}}]`)
	got, _ := compose(t, q, neutral.Traits{})
	alias := neutral.NewNames(q, 64).Out(name)
	if strings.Contains(got, name) || !strings.Contains(got, alias) || len(alias) > 64 {
		t.Errorf("got %s", got)
	}
}

func TestEdge052_NoParameters(t *testing.T) {
	for _, parameters := range []string{``, `,"parameters":null`, `,"parameters":{}`} {
		sends(t, neutral.Traits{}, `,"tools":[{"type":"function","function":{"name":"f"`+parameters+`}}]`, `,`+oneTool)
	}
}

func TestEdge059_CustomToolAsFunction(t *testing.T) {
	q := chat(t, `"messages":[{"role":"user","content":"u"},{"role":"assistant","tool_calls":[{"id":"a","type":"custom","custom":{"name":"g","input":"x \"y\""}}]},`+
		`{"role":"tool","tool_call_id":"a","content":"r"}],"tools":[{"type":"custom","custom":{"name":"g"}}]`)
	got, _ := compose(t, q, neutral.Traits{Refuses: []string{"tools[].custom"}})
	sameJSON(t, `{"model":"p","messages":[{"role":"user","content":"u"},{"role":"assistant","content":null,"tool_calls":[`+
		`{"id":"a","type":"function","function":{"name":"g","arguments":"{\"input\":\"x \\\"y\\\"\"}"}}]},{"role":"tool","tool_call_id":"a","content":"r"}],`+
		`"tools":[{"type":"function","function":{"name":"g","parameters":`+wrappedInput+`}}]}`, got)

	a := answer(t, choiceOf(`"content":null,"tool_calls":[{"id":"b","type":"function","function":{"name":"g","arguments":"{\"input\":\"z\"}"}}]`, "tool_calls"))
	const want = `[{"id":"b","type":"custom","custom":{"name":"g","input":"z"}}]`
	whole := string(New().AppendReply(nil, translate.OpChat, q, a))
	merged, ok := New().AppendAnswer(nil, []byte(encode(translate.OpChat, q, neutral.Replay(nil, a))), translate.OpChat)
	if !strings.Contains(whole, want) || !ok || !strings.Contains(string(merged), want) {
		t.Errorf("got %s and %s", whole, merged)
	}
}

func TestEdge060_ServerTools(t *testing.T) {
	q := chat(t, user)
	q.Tools = []neutral.Tool{{Name: "web_search_20250305", Server: true, Dialect: "anthropic", Raw: []byte(`{}`)}}
	_, _, err := New().AppendRequest(nil, q, &neutral.Target{})
	if err == nil || err.Code != translate.CallerUnsupported || err.Param != "tools[0]" || !strings.Contains(err.Message, "web_search_20250305") {
		t.Errorf("got %+v", err)
	}
}

func TestEdge062_DuplicateToolNames(t *testing.T) {
	_, err := ask(t, translate.OpChat, `{"model":"m",`+user+`,"tools":[{"type":"function","function":{"name":"f"}},{"type":"function","function":{"name":"f"}}]}`)
	if err == nil || err.Param != "tools" {
		t.Errorf("got %+v", err)
	}
}

func TestEdge063_Stop(t *testing.T) {
	sends(t, neutral.Traits{}, `,"stop":"a"`, `,"stop":["a"]`)
	sends(t, neutral.Traits{}, `,"stop":""`, ``)
	sends(t, neutral.Traits{}, `,"stop":null`, ``)
	sends(t, neutral.Traits{}, `,"stop":["","b"]`, `,"stop":["b"]`)
	sends(t, neutral.Traits{}, `,"stop":["1","2","3","4","5"]`, `,"stop":["1","2","3","4"]`, "stop")
}

func TestEdge068_ReasoningModels(t *testing.T) {
	const members = `,"max_tokens":9,"temperature":1,"top_p":1,"presence_penalty":0,"logprobs":true,"logit_bias":{"1":1},"seed":1`
	sends(t, neutral.Traits{Sampling: "reasoning"}, members, `,"max_completion_tokens":9,"seed":1`,
		"temperature", "top_p", "presence_penalty", "logprobs", "logit_bias")
	sends(t, neutral.Traits{Sampling: "fixed"}, members, `,"max_completion_tokens":9,"seed":1,"presence_penalty":0,"logprobs":true,"logit_bias":{"1":1}`,
		"temperature", "top_p")
	sends(t, neutral.Traits{Sampling: "one"}, `,"temperature":1,"top_p":1`, `,"temperature":1`, "top_p")
	sends(t, neutral.Traits{Sampling: "one"}, `,"top_p":1`, `,"top_p":1`)
}

func TestEdge070_BothLimits(t *testing.T) {
	sends(t, neutral.Traits{}, `,"max_completion_tokens":7,"max_tokens":9`, `,"max_completion_tokens":7`)
	sends(t, neutral.Traits{}, `,"max_tokens":9,"max_completion_tokens":7`, `,"max_completion_tokens":7`)
}

func TestEdge071_MaxTokens(t *testing.T) {
	sends(t, neutral.Traits{MaxTokens: "max_tokens"}, `,"max_completion_tokens":7`, `,"max_tokens":7`)
}

func TestEdge073_Efforts(t *testing.T) {
	effort := neutral.Traits{Thinking: "effort"}
	sends(t, effort, `,"reasoning_effort":"minimal"`, `,"reasoning_effort":"low"`)
	sends(t, effort, `,"reasoning_effort":"xhigh"`, `,"reasoning_effort":"high"`)
	sends(t, effort, `,"reasoning":{"effort":"medium","exclude":true}`, `,"reasoning_effort":"medium"`, "reasoning.summary")
	sends(t, effort, `,"thinking":{"type":"enabled","budget_tokens":4096}`, `,"reasoning_effort":"high"`)
	sends(t, neutral.Traits{}, `,"reasoning_effort":"high"`, ``, "reasoning_effort")
	sends(t, neutral.Traits{}, `,"reasoning_effort":"none"`, ``)
	sends(t, neutral.Traits{Thinking: "switch"}, `,"reasoning_effort":"none"`, `,"thinking":{"type":"disabled"}`)
	sends(t, neutral.Traits{Thinking: "switch"}, `,"reasoning":{"enabled":true}`, `,"thinking":{"type":"enabled"}`)
	sends(t, neutral.Traits{Thinking: "budget"}, `,"reasoning":{"max_tokens":2000}`, `,"thinking":{"type":"enabled","budget_tokens":2000}`)
}

func TestEdge074_SeveralAnswers(t *testing.T) {
	q := chat(t, user+`,"n":2`)
	_, _, err := New().AppendRequest(nil, q, &neutral.Target{Traits: neutral.Traits{Refuses: []string{"n"}}})
	if err == nil || err.Param != "n" || err.Code != translate.CallerUnsupported {
		t.Errorf("got %+v", err)
	}
	const two = `{"index":1,"delta":{"content":"B"},"finish_reason":null}`
	events, failure := listen(chunks(piece(`"content":"A"`), two, stop("stop"), `{"index":1,"delta":{},"finish_reason":"length"}`), 0)
	if failure != nil {
		t.Fatal(failure)
	}
	stream := encode(translate.OpChat, q, events)
	merged, ok := New().AppendAnswer(nil, []byte(stream), translate.OpChat)
	if !ok {
		t.Fatal(stream)
	}
	sameJSON(t, `{"id":"c1","object":"chat.completion","created":7,"model":"m","choices":[`+
		`{"index":0,"message":{"role":"assistant","content":"A"},"finish_reason":"stop"},`+
		`{"index":1,"message":{"role":"assistant","content":"B"},"finish_reason":"length"}]}`, string(merged))
}

func TestEdge075_Logprobs(t *testing.T) {
	sends(t, neutral.Traits{}, `,"logprobs":true`, `,"logprobs":true`)
	const probs = `{"content":[{"token":"a","logprob":-0.5,"bytes":[97],"top_logprobs":[]}],"refusal":null}`
	a := answer(t, `{"id":"c","created":1,"model":"m","choices":[{"message":{"content":"a"},"logprobs":`+probs+`,"finish_reason":"stop"}]}`)
	sameJSON(t, `{"id":"c","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,`+
		`"message":{"role":"assistant","content":"a","refusal":null},"logprobs":`+probs+`,"finish_reason":"stop"}]}`,
		string(New().AppendReply(nil, translate.OpChat, &neutral.Request{}, a)))
	c := collect(t, chunks(`{"index":0,"delta":{"content":"a"},"logprobs":`+probs+`,"finish_reason":null}`, stop("stop")))
	sameJSON(t, probs, string(c.Choices[0].Logprobs))
}

func TestEdge076_RefusedParameters(t *testing.T) {
	sends(t, neutral.Traits{Refuses: []string{"seed", "logit_bias"}}, `,"seed":1,"logit_bias":{"1":1}`, ``, "seed", "logit_bias")
}

func TestEdge077_ExplicitNulls(t *testing.T) {
	sends(t, neutral.Traits{}, `,"temperature":null,"tools":null,"stop":null,"stream_options":null,"n":null,"unknown":null`, ``)
}

func TestEdge078_WholeNumbers(t *testing.T) {
	sends(t, neutral.Traits{}, `,"max_tokens":100.0`, `,"max_completion_tokens":100`)
	for _, bad := range []string{`"100"`, `1.5`, `-1`, `[]`} {
		if _, err := ask(t, translate.OpChat, `{"model":"m",`+user+`,"max_tokens":`+bad+`}`); err == nil || err.Param != "max_tokens" {
			t.Errorf("%s: got %v", bad, err)
		}
	}
}

func TestEdge079_StreamIsBoolean(t *testing.T) {
	var r translate.Request
	if err := r.Scan([]byte(`{"model":"m","stream":"true"}`)); err == nil || err.Param != "stream" {
		t.Errorf("got %v", err)
	}
}

func TestEdge080_User(t *testing.T) {
	sends(t, neutral.Traits{Refuses: []string{"user"}}, `,"user":"u"`, `,"safety_identifier":"u"`)
	sends(t, neutral.Traits{Refuses: []string{"user", "safety_identifier"}}, `,"user":"u"`, ``, "safety_identifier")
	sends(t, neutral.Traits{}, `,"user":"u","safety_identifier":"s"`, `,"user":"s"`, "user")
}

func TestEdge081_UnknownFields(t *testing.T) {
	sends(t, neutral.Traits{}, `,"guided_json":{"a":1},"stream_options":{"include_obfuscation":true}`, ``,
		"guided_json", "stream_options.include_obfuscation")
}

func TestEdge082_StrictProviders(t *testing.T) {
	refuses := []string{"stream_options", "store", "metadata", "user", "safety_identifier", "prompt_cache_key"}
	sends(t, neutral.Traits{Refuses: refuses}, `,"stream":true,"store":true,"metadata":{},"prompt_cache_key":"k"`, `,"stream":true`,
		"metadata", "store", "prompt_cache_key")
}

// TestEdge083_OpaqueJSON covers edge cases 83 and 84.
func TestEdge083_OpaqueJSON(t *testing.T) {
	const schema = `{"type":"object","properties":{"z":{"const":9007199254740993,"default":1e400},"a":{"enum":[1.0,-0]}},"required":["z"]}`
	got, _ := compose(t, chat(t, user+`,"tools":[{"type":"function","function":{"name":"f","parameters":`+schema+`}}]`), neutral.Traits{})
	if !strings.Contains(got, schema) {
		t.Errorf("got %s", got)
	}
}

func TestEdge086_EscapedKeys(t *testing.T) {
	q, err := ask(t, translate.OpChat, `{"mod\u0065l":"m","mess\u0061ges":[{"r\u006fle":"user","content":"hi"}],"t\u0065mperature":1}`)
	if err != nil || q.Model != "m" || len(q.Turns) != 1 || string(q.Temperature) != "1" {
		t.Errorf("got %+v, %v", q, err)
	}
}

// TestEdge087_Surrogates covers edge cases 87, 88 and 90.
func TestEdge087_Surrogates(t *testing.T) {
	got, _ := compose(t, chat(t, `"messages":[{"role":"user","content":"a\ud83d <b>&\u0000\ud83e\udd8a"}]`), neutral.Traits{})
	if want := "\"a\ufffd <b>&\\u0000🦊\""; !strings.Contains(got, want) {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestEdge093_DataURLs(t *testing.T) {
	q := chat(t, `"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/PNG;charset=x;BASE64,iVBORw0KGgo\n="}}]}]`)
	if m := q.Turns[0].Blocks[0].Media; m.MIME != "image/png" || string(m.Data) != "iVBORw0KGgo=" {
		t.Errorf("got %+v", m)
	}
}

func TestEdge096_NoURLs(t *testing.T) {
	q := chat(t, `"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"https://x/y.png"}}]}]`)
	_, _, err := New().AppendRequest(nil, q, &neutral.Target{Traits: neutral.Traits{NoURLs: true}})
	if err == nil || err.Code != translate.CallerUnsupported {
		t.Errorf("got %+v", err)
	}
}

func TestEdge161_ReasonedHistory(t *testing.T) {
	f := func(message, want string) {
		t.Helper()
		got, _ := compose(t, chat(t, `"messages":[{"role":"user","content":"u"},{"role":"assistant",`+message+`"content":"a"}]`), neutral.Traits{Reasoned: true})
		sameJSON(t, `{"model":"p","messages":[{"role":"user","content":"u"},{"role":"assistant","content":"a","reasoning_content":"`+want+`"}]}`, got)
	}
	f(``, "")
	f(`"reasoning_content":"t","reasoning":"t",`, "t")
	f(`"reasoning":"t",`, "t")
	f(`"thinking_blocks":[{"type":"thinking","thinking":"t","signature":"s"}],`, "t")
	f(`"reasoning_details":[{"type":"reasoning.text","text":"t","signature":"s","format":"openai"}],`, "t")
	f(`"reasoning_details":[{"type":"reasoning.text","text":"t","signature":"s","format":"anthropic"}],`, "") // edge case 159
}

func TestAppendHead(t *testing.T) {
	f := func(v translate.Envelope, want string) {
		t.Helper()
		if got := string(New().AppendHead(nil, &v)); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	f(translate.Envelope{Host: "h", Base: "/v1", Op: translate.OpChat, Key: "k", Stream: true},
		"POST /v1/chat/completions HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\nAccept: text/event-stream\r\n"+
			"Accept-Encoding: identity\r\nAuthorization: Bearer k\r\n")
	f(translate.Envelope{Host: "h", Op: translate.OpEmbedding},
		"POST /v1/embeddings HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\nAccept: application/json\r\nAccept-Encoding: identity\r\n")
}

// TestChoiceWithoutType reads a choice as clients of some compatible servers
// write it.
func TestChoiceWithoutType(t *testing.T) {
	sends(t, neutral.Traits{}, `,`+oneTool+`,"tool_choice":{"function":{"name":"f"}}`, `,`+oneTool+`,"tool_choice":{"type":"function","function":{"name":"f"}}`)
}
