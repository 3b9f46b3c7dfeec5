package simulator

import (
	"encoding/json"
	"strings"
	"testing"
)

func ollamaAsk(text, more string) string {
	return `{"model":"sim-l0","messages":[{"role":"user","content":"` + text + `"}]` + more + `}`
}

const ollamaTools = `,"tools":[{"type":"function","function":{"name":"get_weather","parameters":{"type":"object","properties":{"city":{"type":"string"}}}}},{"type":"function","function":{"name":"get_time","parameters":{"type":"object"}}}]`

func TestOllama(t *testing.T) {
	c := dial(t, start(t, Config{}))
	f := func(body string, want ...string) {
		t.Helper()
		c.request(post("/api/chat", strings.Replace(body, "{", `{"stream":false,`, 1)))
		_, got := c.ok()
		if !json.Valid([]byte(got)) {
			t.Errorf("no JSON: %s", got)
		}
		has(t, got, want...)
	}
	f(ollamaAsk("Hello", ""), `{"model":"sim-l0","created_at":"2025-`, `"message":{"role":"assistant","content":"[simulated sim-l0]`, `"done":true,"done_reason":"stop"`, `"prompt_eval_count":`)
	f(ollamaAsk("Hello", `,"options":{"num_predict":2}`), `"done_reason":"length"`, `"eval_count":2`)
	f(ollamaAsk("Hello", `,"options":{"stop":["-l0"]}`), `"content":"[simulated sim"`)
	f(ollamaAsk("get_weather and get_time", ollamaTools), `"content":"","tool_calls":[{"function":{"name":"get_weather","arguments":{"city":`, `{"name":"get_time","arguments":{}}`, `"done_reason":"stop"`)
	f(ollamaAsk("Hello", `,"format":{"const":[1]}`), `"content":"[1]"`)
	f(ollamaAsk("Hello", `,"format":"json"`), `"content":"{\"simulated\":true`)
	f(ollamaAsk("Hello", `,"think":"high"`), `"thinking":"Let me think`)
	f(`{"model":"sim-l0","messages":[{"role":"user","content":"x","images":["AA=="]},{"role":"assistant","content":"","tool_calls":[{"function":{"name":"get_time","arguments":{}}}]},{"role":"tool","tool_name":"get_time","content":"noon"}]}`,
		"(images: 1, files: 0) The tool returned: noon")
	c.request("GET /api/tags HTTP/1.1\r\nHost: x\r\n\r\n")
	_, got := c.ok()
	has(t, got, `{"models":[{"name":"sim-l0","model":"sim-l0"`)
	c.request(post("/api/embed", `{"model":"sim-embed","input":["a b","c"],"dimensions":3}`))
	_, got = c.ok()
	var out struct {
		Embeddings [][]float64
		Count      int `json:"prompt_eval_count"`
	}
	if err := json.Unmarshal([]byte(got), &out); err != nil || len(out.Embeddings) != 2 || len(out.Embeddings[0]) != 3 || out.Count != 3 {
		t.Errorf("%v: %s", err, got)
	}
	c.request(post("/api/embed", `{"model":"sim-embed","input":"a"}`))
	_, got = c.ok()
	has(t, got, `"embeddings":[[`)
}

func TestOllama_Stream(t *testing.T) {
	c := dial(t, start(t, Config{}))
	ask := func(body string) (text, thought, calls string, last bool) {
		t.Helper()
		c.request(post("/api/chat", body))
		r, got := c.ok()
		if r.Header.Get("Content-Type") != "application/x-ndjson" {
			t.Errorf("got %v", r.Header)
		}
		for line := range strings.Lines(got) {
			var e struct {
				Message struct {
					Content, Thinking string
					ToolCalls         []struct{ Function struct{ Name string } } `json:"tool_calls"`
				}
				Done bool
			}
			if err := json.Unmarshal([]byte(line), &e); err != nil || last {
				t.Fatalf("%v in %q", err, line)
			}
			text, thought, last = text+e.Message.Content, thought+e.Message.Thinking, e.Done
			for _, call := range e.Message.ToolCalls {
				calls += call.Function.Name + " "
			}
		}
		return text, thought, calls, last
	}
	text, thought, _, last := ask(ollamaAsk("Hello", `,"think":true`))
	if !strings.HasPrefix(text, "[simulated sim-l0] You wrote") || !strings.HasPrefix(thought, "Let me think") || !last {
		t.Errorf("got %q, %q, %v", text, thought, last)
	}
	if _, _, calls, last := ask(ollamaAsk("get_time, get_weather", ollamaTools)); calls != "get_weather get_time " || !last {
		t.Errorf("got %q, %v", calls, last)
	}
	c.request(post("/api/chat", ollamaAsk("[sim error-event=1]", "")))
	_, got := c.ok()
	if !strings.HasSuffix(got, "\n"+`{"error":"the stream failed (simulated)"}`+"\n") {
		t.Errorf("got %q", got)
	}
}

func TestOllama_Refused(t *testing.T) {
	f := wireRefuses(t, start(t, Config{}), func(more string) string { return post("/api/chat", ollamaAsk("x", more)) })
	f(`,"max_tokens":5`, 400, `{"error":"max_tokens: is not a known field"}`)
	f(`,"options":{"max_tokens":5}`, 400, "options.max_tokens")
	f(`,"think":"max"`, 400, "think")
	f(`,"tool_choice":"auto"`, 400, "tool_choice")
	f = wireRefuses(t, start(t, Config{}), func(message string) string {
		return post("/api/chat", `{"model":"sim-l0","messages":[`+message+`]}`)
	})
	f(``, 400, "must not be empty")
	f(`{"role":"user","content":[{"type":"text","text":"x"}]}`, 400, "content: must be a string")
	f(`{"role":"developer","content":"x"}`, 400, "role")
	f(`{"role":"user","content":"x","images":["data:image/png;base64,AA=="]}`, 400, "images[0]")
	f(`{"role":"assistant","tool_calls":[{"function":{"name":"f","arguments":"{}"}}]}`, 400, "arguments: must be an object")
	f = wireRefuses(t, start(t, Config{}), func(model string) string { return post("/api/chat", `{"model":"`+model+`","messages":[]}`) })
	f("llama", 404, `{"error":"model 'llama' not found"}`)
	f("sim-l0!status=500", 500, `{"error":"Internal Server Error (simulated)"}`)
}
