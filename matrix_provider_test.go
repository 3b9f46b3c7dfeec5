package main

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/tidwall/gjson"
)

// matrixProvider is a provider dialect of the matrix: how it is configured,
// and how its own answers are read, apart from the code under test.
type matrixProvider struct {
	name    string
	dialect string
	path    string // of the base URL at the simulator
	traits  string // what a model of today needs, as YAML
	read    func(answer gjson.Result) said
	native  string // the client dialect that passes through, if any
	// listed are the traits that models.json has for the vendor, for when the
	// provider has another name.
	listed string
}

// matrixProviders are all that the gateway speaks, and one that speaks
// OpenAI's dialect in a way of its own. Their names bring the traits that
// models.json has for the vendor, where it has any.
var matrixProviders = []matrixProvider{
	{name: "openai", dialect: "openai", path: "/~strict/v1", traits: "{thinking: effort}", read: saidByChat, native: "chat"},
	{name: "responses", dialect: "responses", path: "/v1", traits: "{thinking: effort}", read: saidByResponses, native: "responses"},
	{name: "anthropic", dialect: "anthropic", path: "", traits: "{thinking: adaptive}", read: saidByMessages, native: "messages"},
	{name: "gemini", dialect: "gemini", path: "", traits: "{thinking: level}", read: saidByGemini},
	{name: "bedrock", dialect: "bedrock", path: "", traits: "{thinking: budget}", read: saidByBedrock},
	{name: "azure", dialect: "azure", path: "/~strict", traits: "{thinking: effort}", read: saidByChat, native: "chat"},
	{name: "ollama", dialect: "ollama", path: "", traits: "{thinking: effort}", read: saidByOllama},
	{name: "cohere", dialect: "cohere", path: "", traits: "{thinking: switch}", read: saidByCohere},
	{
		name: "mistral", dialect: "openai", path: "/~mistral,usage=last/v1", traits: "{thinking: effort}", read: saidByChat, native: "chat",
		listed: "{max_tokens: max_tokens, tool_ids: nine, refuses: [stream_options]}",
	},
}

// matrixKey is what every provider of the matrix wants to see: Bedrock as a
// signature, the others in their own header.
const matrixKey = "matrix:provider-secret"

// matrixConfig configures one provider for each of the given ones, named by
// name, with a fault of the simulator for all that it answers.
func matrixConfig(base, fault string, name func(p matrixProvider) []string) string {
	var b strings.Builder
	b.WriteString("providers:\n")
	for _, p := range matrixProviders {
		path := p.path
		if fault != "" {
			head, rest, found := strings.Cut(strings.TrimPrefix(path, "/~"), "/")
			if strings.HasPrefix(path, "/~") {
				path = "/~" + head + "," + fault
			} else {
				path, found, rest = "/~"+fault+path, false, ""
			}
			if found {
				path += "/" + rest
			}
		}
		for _, n := range name(p) {
			traits := p.traits
			if n != p.name && p.listed != "" {
				traits = p.listed
			}
			fmt.Fprintf(&b, "  %s: {dialect: %s, base_url: %q, keys: [%q], traits: %s}\n", n, p.dialect, base+path, matrixKey, traits)
		}
	}
	return b.String()
}

// said is what an answer says, in no dialect.
type said struct {
	Thoughts, Text, Refusal string
	Calls                   []saidCall
	Finish                  string // stop, length, tools or filter
	Usage                   saidUsage
}

type saidCall struct{ Name, Arguments string }

// saidUsage counts as the table of usage does: In with what came from the
// cache, Out with the reasoning.
type saidUsage struct{ In, Cached, Out, Reasoning int64 }

// join is the text at a path in every element of a list.
func join(list gjson.Result, path string) string {
	var b strings.Builder
	for _, v := range list.Array() {
		b.WriteString(v.Get(path).Str)
	}
	return b.String()
}

// callsAt reads calls whose name and arguments are at these paths.
func callsAt(list gjson.Result, name, arguments string) (all []saidCall) {
	for _, v := range list.Array() {
		if !v.Get(name).Exists() {
			continue
		}
		text := v.Get(arguments)
		raw := text.Raw
		if text.Type == gjson.String {
			raw = text.Str
		}
		if raw == "" || raw == "null" { // as some write it when there are none
			raw = "{}"
		}
		all = append(all, saidCall{v.Get(name).Str, gjson.Get(raw, "@ugly").Raw})
	}
	return all
}

// finishOf looks a reason up; one that says that the model stopped gives way
// to the calls.
func finishOf(reason string, calls []saidCall, words map[string]string) string {
	finish := cmp.Or(words[reason], "unknown reason "+reason)
	if finish == "stop" && len(calls) > 0 {
		return "tools"
	}
	return finish
}

func saidByChat(v gjson.Result) said {
	m := v.Get("choices.0.message")
	s := said{Thoughts: m.Get("reasoning_content").Str, Text: m.Get("content").Str, Refusal: m.Get("refusal").Str}
	s.Calls = callsAt(m.Get("tool_calls"), "function.name", "function.arguments")
	s.Finish = finishOf(v.Get("choices.0.finish_reason").Str, s.Calls, map[string]string{
		"stop": "stop", "length": "length", "tool_calls": "tools", "content_filter": "filter",
	})
	u := v.Get("usage")
	s.Usage = saidUsage{
		u.Get("prompt_tokens").Int(), u.Get("prompt_tokens_details.cached_tokens").Int(),
		u.Get("completion_tokens").Int(), u.Get("completion_tokens_details.reasoning_tokens").Int(),
	}
	return s
}

func saidByResponses(v gjson.Result) said {
	var s said
	for _, item := range v.Get("output").Array() {
		switch item.Get("type").Str {
		case "reasoning":
			s.Thoughts += join(item.Get("summary"), "text")
		case "message":
			for _, part := range item.Get("content").Array() {
				s.Text += part.Get("text").Str
				s.Refusal += part.Get("refusal").Str
			}
		}
	}
	s.Calls = callsAt(v.Get("output"), "name", "arguments")
	reason := cmp.Or(v.Get("incomplete_details.reason").Str, v.Get("status").Str)
	s.Finish = finishOf(reason, s.Calls, map[string]string{
		"completed": "stop", "max_output_tokens": "length", "content_filter": "filter",
	})
	u := v.Get("usage")
	s.Usage = saidUsage{
		u.Get("input_tokens").Int(), u.Get("input_tokens_details.cached_tokens").Int(),
		u.Get("output_tokens").Int(), u.Get("output_tokens_details.reasoning_tokens").Int(),
	}
	return s
}

func saidByMessages(v gjson.Result) said {
	content := v.Get("content")
	s := said{Thoughts: join(content, "thinking"), Text: join(content, "text"), Refusal: v.Get("stop_details.explanation").Str}
	s.Calls = callsAt(content, "name", "input")
	s.Finish = finishOf(v.Get("stop_reason").Str, s.Calls, map[string]string{
		"end_turn": "stop", "stop_sequence": "stop", "max_tokens": "length", "tool_use": "tools", "refusal": "filter",
	})
	u := v.Get("usage")
	cached := u.Get("cache_read_input_tokens").Int()
	s.Usage = saidUsage{
		u.Get("input_tokens").Int() + cached + u.Get("cache_creation_input_tokens").Int(), cached,
		u.Get("output_tokens").Int(), u.Get("output_tokens_details.thinking_tokens").Int(),
	}
	return s
}

func saidByGemini(v gjson.Result) said {
	var s said
	parts := v.Get("candidates.0.content.parts")
	for _, part := range parts.Array() {
		if part.Get("thought").Bool() {
			s.Thoughts += part.Get("text").Str
		} else {
			s.Text += part.Get("text").Str
		}
	}
	s.Calls = callsAt(parts, "functionCall.name", "functionCall.args")
	reason := cmp.Or(v.Get("promptFeedback.blockReason").Str, v.Get("candidates.0.finishReason").Str)
	s.Finish = finishOf(reason, s.Calls, map[string]string{
		"STOP": "stop", "MAX_TOKENS": "length", "SAFETY": "filter", "PROHIBITED_CONTENT": "filter",
	})
	u := v.Get("usageMetadata")
	thoughts := u.Get("thoughtsTokenCount").Int()
	s.Usage = saidUsage{
		u.Get("promptTokenCount").Int() + u.Get("toolUsePromptTokenCount").Int(), u.Get("cachedContentTokenCount").Int(),
		u.Get("candidatesTokenCount").Int() + thoughts, thoughts,
	}
	return s
}

func saidByBedrock(v gjson.Result) said {
	content := v.Get("output.message.content")
	s := said{Thoughts: join(content, "reasoningContent.reasoningText.text"), Text: join(content, "text")}
	s.Calls = callsAt(content, "toolUse.name", "toolUse.input")
	s.Finish = finishOf(v.Get("stopReason").Str, s.Calls, map[string]string{
		"end_turn": "stop", "stop_sequence": "stop", "max_tokens": "length", "tool_use": "tools",
		"content_filtered": "filter", "guardrail_intervened": "filter",
	})
	u := v.Get("usage")
	cached := u.Get("cacheReadInputTokens").Int()
	s.Usage = saidUsage{
		In: u.Get("inputTokens").Int() + cached + u.Get("cacheWriteInputTokens").Int(), Cached: cached,
		Out: u.Get("outputTokens").Int(),
	}
	return s
}

func saidByOllama(v gjson.Result) said {
	m := v.Get("message")
	s := said{Thoughts: m.Get("thinking").Str, Text: m.Get("content").Str}
	s.Calls = callsAt(m.Get("tool_calls"), "function.name", "function.arguments")
	s.Finish = finishOf(v.Get("done_reason").Str, s.Calls, map[string]string{"stop": "stop", "length": "length"})
	s.Usage = saidUsage{In: v.Get("prompt_eval_count").Int(), Out: v.Get("eval_count").Int()}
	return s
}

func saidByCohere(v gjson.Result) said {
	m := v.Get("message")
	// The plan for tools is what the model thinks before it calls them.
	s := said{Thoughts: join(m.Get("content"), "thinking") + m.Get("tool_plan").Str, Text: join(m.Get("content"), "text")}
	s.Calls = callsAt(m.Get("tool_calls"), "function.name", "function.arguments")
	s.Finish = finishOf(v.Get("finish_reason").Str, s.Calls, map[string]string{
		"COMPLETE": "stop", "STOP_SEQUENCE": "stop", "MAX_TOKENS": "length", "TOOL_CALL": "tools", "ERROR_TOXIC": "filter",
	})
	u := v.Get("usage")
	s.Usage = saidUsage{
		In: u.Get("tokens.input_tokens").Int(), Cached: u.Get("cached_tokens").Int(), Out: u.Get("tokens.output_tokens").Int(),
	}
	return s
}
