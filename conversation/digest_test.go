package conversation

import (
	"testing"
)

func digestOf(dialect, raw string) [16]byte {
	it := readItem(dialect, []byte(raw))
	return it.digest()
}

// TestDigest_Same holds that an answer and what clients make of it are one.
func TestDigest_Same(t *testing.T) {
	f := func(dialect, a, b string) {
		t.Helper()
		if digestOf(dialect, a) != digestOf(dialect, b) {
			t.Errorf("%s: other digests:\n%s\n%s", dialect, a, b)
		}
	}
	f(OpenAI, `{"role":"assistant","content":"Hi \u00e9","refusal":null,"annotations":[],"reasoning_content":"hm"}`, "{ \"content\" : \"Hi é\\n\",\n\"role\":\"assistant\"}")
	f(OpenAI, `{"role":"user","content":"a"}`, `{"role":"user","content":[{"type":"text","text":"a","cache_control":{"type":"ephemeral"}}]}`)
	f(OpenAI, `{"role":"assistant","content":null,"tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":"{\"b\":1.0,\"a\":\"x\"}"}}]}`,
		`{"role":"assistant","content":"","tool_calls":[{"index":0,"function":{"arguments":"{\"a\": \"\\u0078\", \"b\": 1}","name":"f"},"id":"c","type":"function"}]}`)
	f(OpenAI, `{"role":"assistant","audio":{"id":"au","data":"AAAA","transcript":"x"}}`, `{"role":"assistant","audio":{"id":"au"}}`)
	f(Anthropic, `{"role":"assistant","content":[{"type":"thinking","thinking":"hm","signature":"s"},{"type":"text","text":"a","citations":null}]}`, `{"role":"assistant","content":"a"}`)
	f(Anthropic, `{"role":"assistant","content":[{"type":"tool_use","id":"c","name":"f","input":{"a":1,"b":[1,2]}}]}`,
		`{"role":"assistant","content":[{"type":"tool_use","caller":{"type":"direct"},"id":"c","name":"f","input":{"b":[1, 2],"a":1},"cache_control":{"type":"ephemeral"}}]}`)
	f(Anthropic, `{"role":"user","content":[{"type":"tool_result","tool_use_id":"c","content":"r"}]}`,
		`{"role":"user","content":[{"type":"tool_result","tool_use_id":"c","is_error":false,"content":[{"type":"text","text":"r"}]}]}`)
	f(Responses, `{"type":"message","id":"m","status":"completed","role":"assistant","content":[{"type":"output_text","text":"a","annotations":[],"logprobs":[]}]}`,
		`{"role":"assistant","content":"a"}`)
	f(Responses, `{"type":"function_call","id":"fc","call_id":"c","name":"f","arguments":"{\"a\":1}","status":"completed"}`,
		`{"type":"function_call","call_id":"c","name":"f","arguments":"{ \"a\": 1 }"}`)
	f(Responses, `{"type":"reasoning","id":"a"}`, `{"type":"reasoning","id":"b"}`)

	for _, role := range []string{"user", "assistant"} {
		raw := `{"role":"` + role + `","content":"the same"}`
		if digestOf(OpenAI, raw) != digestOf(Anthropic, raw) || digestOf(OpenAI, raw) != digestOf(Responses, raw) {
			t.Errorf("%s: the digest of text is another one in another dialect", role)
		}
	}
}

func TestDigest_Different(t *testing.T) {
	seen := map[[16]byte]string{}
	f := func(dialect, raw string) {
		t.Helper()
		d := digestOf(dialect, raw)
		if other, known := seen[d]; known {
			t.Errorf("one digest:\n%s\n%s", other, raw)
		}
		seen[d] = raw
	}
	f(OpenAI, `{"role":"user","content":"a"}`)
	f(OpenAI, `{"role":"user","content":"a "}`)
	f(OpenAI, `{"role":"user","name":"x","content":"a"}`)
	f(OpenAI, `{"role":"assistant","content":"a"}`)
	f(OpenAI, `{"role":"system","content":"a"}`)
	f(OpenAI, `{"role":"tool","tool_call_id":"c","content":"a"}`)
	f(OpenAI, `{"role":"tool","tool_call_id":"d","content":"a"}`)
	f(OpenAI, `{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:a"}}]}`)
	f(OpenAI, `{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:b"}}]}`)
	f(OpenAI, `{"role":"user","content":[{"type":"text","text":"a"},{"type":"image_url","image_url":{"url":"data:b"}}]}`)
	f(OpenAI, `{"role":"assistant","tool_calls":[{"id":"c","function":{"name":"f","arguments":"{\"a\":9007199254740992}"}}]}`)
	f(OpenAI, `{"role":"assistant","tool_calls":[{"id":"c","function":{"name":"f","arguments":"{\"a\":9007199254740993}"}}]}`)
	f(OpenAI, `{"role":"assistant","tool_calls":[{"id":"c","function":{"name":"f","arguments":"\"a\\"}}]}`)
	f(OpenAI, `{"role":"assistant","tool_calls":[{"id":"c","function":{"name":"f","arguments":"{\"a\":"}}]}`)
	f(Anthropic, `{"role":"user","content":[{"type":"tool_result","tool_use_id":"e","is_error":true,"content":"a"}]}`)
	f(Anthropic, `{"role":"user","content":[{"type":"tool_result","tool_use_id":"e","content":"a"}]}`)
	f(Responses, `{"type":"function_call","call_id":"c","name":"g","arguments":"{}"}`)
	f(Responses, `{"type":"web_search_call","id":"w","action":{"query":"a"}}`)

	it := readItem(OpenAI, []byte(`{"role":"system","content":"a"}`))
	if it.digest() == it.instructionDigest() {
		t.Error("instructions have the digest of a system message between turns")
	}
}

func FuzzReadItem(f *testing.F) {
	f.Add(OpenAI, []byte(`{"role":"assistant","content":[{"type":"text","text":"\ud800"}],"tool_calls":[{"function":{"arguments":"{\"a\":\"\\u00"}}]}`))
	f.Add(Anthropic, []byte(`{"role":"user","content":[{"type":"tool_result","content":[{}]},{"type":"x","source":{"b":[1e5,null]}}]}`))
	f.Add(Responses, []byte(`{"type":"function_call_output","output":[{"type":"input_text"}]}`))
	f.Fuzz(func(t *testing.T, dialect string, raw []byte) {
		if !valid(raw) {
			return
		}
		it, again := readItem(dialect, raw), readItem(dialect, raw)
		if it.role == "" {
			t.Error("no role")
		}
		if it.digest() != again.digest() || it.tokens(it.plain()) <= 0 {
			t.Error("not the same twice, or without tokens")
		}
	})
}
