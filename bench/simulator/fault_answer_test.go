package simulator

import (
	"strings"
	"testing"
	"time"
)

var answerTests = map[string]func(t *testing.T, s *Server){
	"thinking": func(t *testing.T, s *Server) {
		c := dial(t, s)
		c.chat("sim-l0!thinking", "")
		_, body := c.ok()
		has(t, body, `"reasoning_content":"Let me think`)
		hasNot(t, body, `"reasoning_tokens":0`)
		c.stream("sim-l0!thinking")
		_, body = c.ok()
		has(t, body, `"delta":{"reasoning_content":"Let"}`)
	},
	"refusal": func(t *testing.T, s *Server) {
		c := dial(t, s)
		c.chat("sim-l0!refusal", "")
		_, body := c.ok()
		has(t, body, `"content":null,"refusal":"I cannot help`, `"finish_reason":"stop"`)
		c.stream("sim-l0!refusal")
		_, body = c.ok()
		has(t, body, `"delta":{"refusal":"I"}`)
		c.request(post("/v1/messages", chatBody("sim-l0!refusal", `,"max_tokens":9`)))
		_, body = c.ok()
		has(t, body, `"content":[],"stop_reason":"refusal","stop_sequence":null,"stop_details":{"type":"refusal"`)
	},
	"filter": func(t *testing.T, s *Server) {
		c := dial(t, s)
		c.chat("sim-l0!filter", "")
		_, body := c.ok()
		has(t, body, `"content":"[simulated`, `"finish_reason":"content_filter"`)
	},
	"preamble": func(t *testing.T, s *Server) {
		c := dial(t, s)
		const tools = `,"tool_choice":"required","tools":[{"type":"function","function":{"name":"f"}}]`
		c.chat("sim-l0!preamble", tools)
		_, body := c.ok()
		has(t, body, `"content":"I will look that up.","tool_calls":[{"id":"call_`)
		c.chat("sim-l0!preamble", `,"stream":true`+tools)
		_, body = c.ok()
		has(t, body, `{"content":"I"}`, `"tool_calls":[{"index":0`)
	},
	"slow-tail": func(t *testing.T, s *Server) {
		slow := func(share string) (n int) {
			p := newPlan()
			if err := p.parse("slow-tail=" + share + ":1h"); err != nil {
				t.Fatal(err)
			}
			for draw := range uint64(10_000) {
				one := p
				one.happens(mix(s.config.Seed, draw))
				if one.latency == time.Hour {
					n++
				}
			}
			return n
		}
		if n := slow("0.05"); n < 400 || n > 600 {
			t.Errorf("%d of 10000 are slow", n)
		}
		if n := slow("1"); n != 10_000 {
			t.Errorf("%d of 10000 are slow", n)
		}
		c := dial(t, s)
		began := time.Now()
		c.chat("sim-l0!slow-tail=1:60ms,latency=60ms", "")
		if c.ok(); time.Since(began) < 120*time.Millisecond {
			t.Errorf("answered after %v", time.Since(began))
		}
	},
	"strict": func(t *testing.T, s *Server) {
		f := wireRefuses(t, s, func(more string) string { return post("/v1/chat/completions", chatBody("sim-l0!strict", more)) })
		f(`,"temperature":2,"stop":["a"],"stream_options":null`, 200)
		f(`,"top_k":5`, 400, `"Unknown parameter: 'top_k'."`, `"code":"unknown_parameter"`)
		f(`,"temperature":2.1`, 400, `"param":"temperature"`)
		f(`,"stop":["a","b","c","d","e"]`, 400, `"param":"stop"`)
		f(`,"tool_choice":"auto"`, 400, `only allowed when 'tools'`)
		f(`,"tools":[{"type":"function","function":{"name":"f","strict":true,"parameters":{"type":"object","properties":{"x":{}}}}}]`, 400, "additionalProperties")
		f = wireRefuses(t, s, func(more string) string {
			return post("/v1/chat/completions", `{"model":"sim-l0!strict","messages":[{"role":"user","content":"x"},{"role":"assistant","content":null,"tool_calls":[`+
				`{"id":"a","type":"function","function":{"name":"f","arguments":"{}"}},{"id":"b","type":"function","function":{"name":"f","arguments":"{}"}}]}`+more+`]}`)
		})
		f("", 400, "did not have response messages: a, b")
		f(`,{"role":"tool","tool_call_id":"a","content":"1"}`, 400, "did not have response messages: b")
		f(`,{"role":"tool","tool_call_id":"a","content":"1"},{"role":"user","content":"x"},{"role":"tool","tool_call_id":"b","content":"1"}`, 400, "response messages: b")
		f(`,{"role":"tool","tool_call_id":"a","content":"1"},{"role":"tool","tool_call_id":"b","content":"2"}`, 200, "The tool returned: 1 | 2")
		f(`,{"role":"tool","tool_call_id":"a","content":"1"},{"role":"tool","tool_call_id":"b","content":"1"},{"role":"tool","tool_call_id":"c","content":"1"}`, 400, "must be a response")
	},
	"mistral": func(t *testing.T, s *Server) {
		f := wireRefuses(t, s, func(more string) string { return post("/v1/chat/completions", chatBody("sim-l0!mistral", more)) })
		f(`,"max_tokens":5`, 200)
		f(`,"stream":true,"stream_options":{"include_usage":true}`, 422, `{"object":"error","message":{"detail":[{"type":"extra_forbidden","loc":["body","stream_options"]`)
		f(`,"max_completion_tokens":5`, 422, "max_completion_tokens")
		const tools = `,"tools":[{"type":"function","function":{"name":"f"}}]`
		f(tools+`,"tool_choice":"any"`, 200)
		c := dial(t, s)
		c.chat("sim-l0!mistral", tools+`,"tool_choice":"required"`)
		_, body := c.ok()
		_, id, _ := strings.Cut(body, `"tool_calls":[{"id":"`)
		if id, _, _ = strings.Cut(id, `"`); len(id) != 9 {
			t.Errorf("got the id %q", id)
		}
	},
}

// wireRefuses returns a check of the answer to request(more).
func wireRefuses(t *testing.T, s *Server, request func(more string) string) func(more string, status int, want ...string) {
	return func(more string, status int, want ...string) {
		t.Helper()
		c := dial(t, s)
		c.request(request(more))
		r, body, err := c.response()
		if r.StatusCode != status || err != nil {
			t.Errorf("%s: got %d, want %d: %s", more, r.StatusCode, status, brief(body))
		}
		has(t, body, want...)
	}
}

func TestFault_InPrompt(t *testing.T) {
	c := dial(t, start(t, Config{}))
	f := func(messages string, status int) {
		t.Helper()
		c.request(post("/v1/chat/completions", `{"model":"sim-l0","messages":[`+messages+`]}`))
		if r, body, _ := c.response(); r.StatusCode != status {
			t.Errorf("got %d %s", r.StatusCode, body)
		}
	}
	f(`{"role":"user","content":"Please [sim status=429,retry-after=3] now"}`, 429)
	f(`{"role":"user","content":"[sim status=429]"},{"role":"user","content":"[sim ok]"}`, 200)
	f(`{"role":"user","content":"[simulated] [sim]"}`, 200)
}
