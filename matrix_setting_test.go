package main

import (
	"bytes"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/tidwall/gjson"

	"github.com/ai-mcp-gateway/gateway/bench/simulator"
)

// setting is a member of a request, alone beside the least that there has to
// be. Where it is kept, one of the marks is in what the provider gets.
type setting struct {
	client, name string
	body         string
	marks        []string
}

// plain are the least bodies, by client.
var plain = askFor("Hello.", "", "", "", "")

// set is a setting of one member.
func set(client, member, value string, marks ...string) setting {
	if marks == nil {
		marks = []string{strings.Trim(value, `"`)}
	}
	return setting{client, member, plain[client] + `,"` + member + `":` + value, marks}
}

var settings = []setting{
	set("chat", "temperature", "0.625"),
	set("chat", "top_p", "0.875"),
	set("chat", "frequency_penalty", "0.375"),
	set("chat", "presence_penalty", "0.4375"),
	set("chat", "seed", "424242"),
	set("chat", "stop", `["zz-mark"]`, "zz-mark"),
	set("chat", "n", "2", `"n":2`, `"candidateCount":2`),
	set("chat", "max_completion_tokens", "1234"),
	{"chat", "logprobs", plain["chat"] + `,"logprobs":true,"top_logprobs":3`, []string{`ogprobs":`, "output_text.logprobs"}},
	set("chat", "logit_bias", `{"4242":-7}`, "4242"),
	set("chat", "user", `"user-mark"`),
	set("chat", "safety_identifier", `"safety-mark"`),
	set("chat", "metadata", `{"key":"metadata-mark"}`, "metadata-mark"),
	set("chat", "store", "true", `"store":true`),
	set("chat", "service_tier", `"flex"`),
	set("chat", "prompt_cache_key", `"cache-mark"`),
	set("chat", "verbosity", `"low"`, `"verbosity":"low"`),
	set("chat", "prediction", `{"type":"content","content":"prediction-mark"}`, "prediction-mark"),
	set("chat", "reasoning_effort", `"high"`, `"high"`, `"HIGH"`, `"budget_tokens":`, `"thinking":{"type":"enabled"`),
	set("chat", "response_format", `{"type":"json_object"}`, "json", "JSON"),
	set("chat", "web_search_options", `{"search_context_size":"low"}`, "search_context_size"),
	{"chat", "messages[].name", `"messages":[{"role":"user","name":"name-mark","content":"Hello."}]`, []string{"name-mark"}},
	{"chat", "image by URL", `"messages":[{"role":"user","content":[{"type":"text","text":"See."},{"type":"image_url","image_url":{"url":"https://example.com/mark.png"}}]}]`, []string{"mark.png"}},
	{"chat", "image detail", `"messages":[{"role":"user","content":[{"type":"text","text":"See."},{"type":"image_url","image_url":{"url":"data:image/png;base64,` + pixel + `","detail":"low"}}]}]`, []string{`"detail":"low"`}},
	{"chat", "input_audio", `"messages":[{"role":"user","content":[{"type":"text","text":"Hear."},{"type":"input_audio","input_audio":{"data":"UklGRg==","format":"wav"}}]}]`, []string{"UklGRg=="}},
	{"chat", "file with its name", `"messages":[{"role":"user","content":[{"type":"text","text":"Read."},{"type":"file","file":{"filename":"mark.pdf","file_data":"data:application/pdf;base64,JVBERi0xLjQ="}}]}]`, []string{"mark.pdf"}},
	{"chat", "parallel_tool_calls: false", plain["chat"] + "," + chatTools + `,"parallel_tool_calls":false`, []string{`"parallel_tool_calls":false`, `"disable_parallel_tool_use":true`}},
	{"chat", "tool_choice: required", plain["chat"] + "," + chatTools + `,"tool_choice":"required"`, []string{`"tool_choice":"required"`, `"any":{}`, `"type":"any"`, `"mode":"ANY"`, `"tool_choice":"REQUIRED"`, `"tool_choice":"any"`}},
	{"chat", "tool_choice: none", plain["chat"] + "," + chatTools + `,"tool_choice":"none"`, []string{`"none"`, `"NONE"`, `"content":"Hello."}]}`, `"messages":[{`}},
	{"chat", "tools[].strict", plain["chat"] + `,"tools":[{"type":"function","function":{"name":"f","strict":true,"parameters":` + placeSchema + `}}]`, []string{`"strict":true`, `"strict_tools":true`}},
	{"chat", "custom tool", plain["chat"] + `,"tools":[{"type":"custom","custom":{"name":"custom_mark","description":"Free."}}]`, []string{"custom_mark"}},
	{"chat", "modalities: audio", plain["chat"] + `,"modalities":["text","audio"],"audio":{"voice":"alloy","format":"mp3"}`, []string{"alloy"}},

	set("messages", "temperature", "0.625"),
	set("messages", "top_p", "0.875"),
	set("messages", "top_k", "37"),
	set("messages", "stop_sequences", `["zz-mark"]`, "zz-mark"),
	set("messages", "metadata", `{"user_id":"user-mark"}`, "user-mark"),
	set("messages", "cache_control", `{"type":"ephemeral"}`, "ephemeral", "cachePoint"),
	{"messages", "system[].cache_control", plain["messages"] + `,"system":[{"type":"text","text":"Be.","cache_control":{"type":"ephemeral"}}]`, []string{"ephemeral", "cachePoint"}},
	{"messages", "output_config.effort", plain["messages"] + `,"output_config":{"effort":"low"}`, []string{`"low"`, `"LOW"`, `"budget_tokens":`, `"thinking":{"type":"enabled"`}},
	{"messages", "disable_parallel_tool_use", plain["messages"] + "," + messageTools + `,"tool_choice":{"type":"auto","disable_parallel_tool_use":true}`, []string{`"parallel_tool_calls":false`, `"disable_parallel_tool_use":true`}},
	{"messages", "server tool", plain["messages"] + `,"tools":[{"type":"web_search_20250305","name":"web_search"}]`, []string{"web_search_20250305"}},
	{"messages", "tool_result.is_error", `"max_tokens":1000,"messages":[{"role":"user","content":"Go."},{"role":"assistant","content":[{"type":"tool_use","id":"call_one","name":"get_time","input":{}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"call_one","is_error":true,"content":"broken"}]}],` + messageTools, []string{`"is_error":true`, `"status":"error"`, `"error":"broken"`}},
	{"messages", "document with its title", `"max_tokens":1000,"messages":[{"role":"user","content":[{"type":"text","text":"Read."},{"type":"document","title":"Mark","source":{"type":"base64","media_type":"application/pdf","data":"JVBERi0xLjQ="}}]}]`, []string{`"Mark`}},

	set("responses", "temperature", "0.625"),
	set("responses", "top_p", "0.875"),
	set("responses", "max_output_tokens", "1234"),
	set("responses", "user", `"user-mark"`),
	set("responses", "safety_identifier", `"safety-mark"`),
	set("responses", "metadata", `{"key":"metadata-mark"}`, "metadata-mark"),
	set("responses", "service_tier", `"flex"`),
	set("responses", "prompt_cache_key", `"cache-mark"`),
	set("responses", "truncation", `"auto"`, `"truncation":"auto"`),
	set("responses", "max_tool_calls", "17"),
	{"responses", "text.verbosity", plain["responses"] + `,"text":{"verbosity":"low"}`, []string{`"verbosity":"low"`}},
	{"responses", "top_logprobs", plain["responses"] + `,"top_logprobs":3,"include":["message.output_text.logprobs"]`, []string{`ogprobs":`}},
	{"responses", "include: encrypted reasoning", plain["responses"] + `,"reasoning":{"effort":"low"},"include":["reasoning.encrypted_content"]`, nil},
	{"responses", "parallel_tool_calls: false", plain["responses"] + "," + responseTools + `,"parallel_tool_calls":false`, []string{`"parallel_tool_calls":false`, `"disable_parallel_tool_use":true`}},
	{"responses", "server tool", plain["responses"] + `,"tools":[{"type":"web_search"}]`, []string{`"web_search"`}},
	{"responses", "background", plain["responses"] + `,"background":true`, []string{`"background":true`}},
	{"responses", "conversation", plain["responses"] + `,"conversation":"conv_mark"`, []string{"conv_mark"}},

	set("completions", "suffix", `"suffix-mark"`),
	set("completions", "best_of", "2", `"best_of":2`),
	set("completions", "echo", "true", `"echo":true`),
	set("completions", "logprobs", "3", `ogprobs":`),
}

// fate is what becomes of a setting.
type fate string

const (
	kept    fate = "kept"
	dropped fate = "dropped"
	refused fate = "refused"
)

// trySetting makes the call and finds out; an error says that the gateway has
// lied about it.
func (m *matrix) trySetting(p matrixProvider, s setting) (fate, string, error) {
	c := clientNamed(s.client)
	body := c.request(p.name+"/sim-l0", false, s.body)
	r := m.post(c.path, body)
	seen := m.upstream()
	drops := r.header.Get("X-Gateway-Dropped")
	gone := !slices.ContainsFunc(s.marks, func(mark string) bool { return len(seen) > 0 && bytes.Contains(seen[0].Body, []byte(mark)) })
	switch {
	case r.status == http.StatusBadRequest && len(seen) == 0:
		if param := gjson.Get(r.body, "error.param"); c.name != "messages" && param.Str == "" {
			return refused, "", fmt.Errorf("no param is named: %s", r.body)
		}
		return refused, "", nil
	case r.status != http.StatusOK:
		return refused, "", fmt.Errorf("status %d: %s to %s", r.status, r.body, sentOf(seen))
	case drops == "" && s.marks != nil && gone:
		return kept, "", fmt.Errorf("it is lost without a word: %s", sentOf(seen))
	case drops == "":
		return kept, "", nil
	case !gone && s.marks != nil:
		return dropped, drops, fmt.Errorf("%s is listed as dropped, but there: %s", drops, sentOf(seen))
	}
	return dropped, drops, m.strictly(p, c, matrixCase{bodies: map[string]string{c.name: s.body}}, false, cell{drops: drops})
}

func sentOf(seen []simulator.Seen) string {
	if len(seen) == 0 {
		return "nobody"
	}
	return string(seen[0].Body)
}

// trySettings asks of every parameter what becomes of it at every provider: it
// arrives, or the client is told.
func (m *matrix) trySettings(d *dialectsDoc) {
	m.t.Helper()
	for _, s := range settings {
		for _, p := range matrixProviders {
			f, drops, err := m.trySetting(p, s)
			if err != nil {
				m.t.Errorf("%s -> %s, %s: %v", s.client, p.name, s.name, err)
			}
			d.set(p, s, f, drops, err)
		}
	}
}
