package main

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/tidwall/gjson"
)

// What a model thought goes back to the provider that sealed it, and to no
// other: that one answers without it.
func TestMatrixThoughts(t *testing.T) {
	m := startMatrix(t, "", byName, "")
	for n, p := range matrixProviders {
		next := matrixProviders[(n+1)%len(matrixProviders)]
		for _, name := range []string{"chat", "responses", "messages"} {
			c := clientNamed(name)
			first := m.post(c.path, c.request(p.name+"/sim-l0", false, thinking[name](nil)))
			if first.status != http.StatusOK {
				t.Errorf("%s -> %s: status %d: %s", name, p.name, first.status, first.body)
				continue
			}
			said, err := c.readAnswer(first.body)
			if err != nil || len(said.Calls) != 1 {
				t.Errorf("%s -> %s: %v, %d calls: %s", name, p.name, err, len(said.Calls), first.body)
				continue
			}
			whole, _ := m.whole(m.upstream()[0])
			seals := sealsOf(p, whole)
			if sealed := len(seals) > 0; sealed != slices.Contains([]string{"anthropic", "responses", "bedrock", "gemini"}, p.name) {
				t.Errorf("%s -> %s: the provider has sealed nothing: %s", name, p.name, whole.Raw)
			}
			for _, to := range []matrixProvider{p, next} {
				again := m.post(c.path, c.request(to.name+"/sim-l0", false, thinking[name](answerOf(name, gjson.Parse(first.body)))))
				seen := m.upstream()
				if again.status != http.StatusOK || len(seen) != 1 {
					t.Errorf("%s -> %s -> %s: status %d: %s", name, p.name, to.name, again.status, again.body)
					continue
				}
				if _, err := c.readAnswer(again.body); err != nil {
					t.Errorf("%s -> %s -> %s: %v", name, p.name, to.name, err)
				}
				sent := string(seen[0].Body)
				if !strings.Contains(sent, "result-mark") {
					t.Errorf("%s -> %s -> %s: the result is not in %s", name, p.name, to.name, sent)
				}
				for _, seal := range seals {
					if kept := strings.Contains(sent, seal); kept != (to.name == p.name) {
						t.Errorf("%s -> %s -> %s: kept is %t for the seal %s in %s", name, p.name, to.name, kept, seal, sent)
					}
				}
			}
		}
	}
}

// sealsOf are the signatures in a provider's own answer.
func sealsOf(p matrixProvider, answer gjson.Result) (all []string) {
	path := map[string]string{
		"anthropic": "content.#.signature", "responses": "output.#.encrypted_content",
		"bedrock": "output.message.content.#.reasoningContent.reasoningText.signature",
		"gemini":  "candidates.0.content.parts.#.thoughtSignature",
	}[p.dialect]
	for _, v := range answer.Get(path).Array() {
		all = append(all, v.Str)
	}
	return all
}

// thinking are requests that make a model think and call, or that go on with
// the messages of before.
var thinking = map[string]func(before []string) string{
	"chat": func(before []string) string {
		return `"messages":[` + strings.Join(append([]string{`{"role":"user","content":"Think, and use get_time."}`}, before...), ",") + `],"reasoning_effort":"medium",` + chatTools
	},
	"responses": func(before []string) string {
		return `"input":[` + strings.Join(append([]string{`{"role":"user","content":"Think, and use get_time."}`}, before...), ",") +
			`],"store":false,"include":["reasoning.encrypted_content"],"reasoning":{"effort":"medium","summary":"auto"},` + responseTools
	},
	"messages": func(before []string) string {
		return `"max_tokens":4000,"thinking":{"type":"enabled","budget_tokens":2000},"messages":[` +
			strings.Join(append([]string{`{"role":"user","content":"Think, and use get_time."}`}, before...), ",") + `],` + messageTools
	},
}

// answerOf is an answer as a client sends it back, with the results of its
// calls.
func answerOf(client string, v gjson.Result) (messages []string) {
	const result = `"result-mark 12:00"`
	switch client {
	case "chat":
		messages = []string{v.Get("choices.0.message").Raw}
		for _, id := range v.Get("choices.0.message.tool_calls.#.id").Array() {
			messages = append(messages, `{"role":"tool","tool_call_id":`+id.Raw+`,"content":`+result+`}`)
		}
	case "responses":
		for _, item := range v.Get("output").Array() {
			messages = append(messages, item.Raw)
		}
		for _, id := range v.Get("output.#.call_id").Array() {
			messages = append(messages, `{"type":"function_call_output","call_id":`+id.Raw+`,"output":`+result+`}`)
		}
	case "messages":
		var results []string
		for _, id := range v.Get(`content.#(type=="tool_use")#.id`).Array() {
			results = append(results, `{"type":"tool_result","tool_use_id":`+id.Raw+`,"content":`+result+`}`)
		}
		messages = []string{`{"role":"assistant","content":` + v.Get("content").Raw + `}`, `{"role":"user","content":[` + strings.Join(results, ",") + `]}`}
	}
	return messages
}
