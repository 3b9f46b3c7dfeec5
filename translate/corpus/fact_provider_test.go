package corpus

import (
	"strconv"
	"strings"
)

var geminiReasons = map[string]finish{
	"STOP": stop, "MAX_TOKENS": length,
	"SAFETY": filter, "RECITATION": filter, "BLOCKLIST": filter, "PROHIBITED_CONTENT": filter, "SPII": filter,
	"IMAGE_SAFETY": filter, "IMAGE_PROHIBITED_CONTENT": filter, "IMAGE_RECITATION": filter,
	"MALFORMED_FUNCTION_CALL": malformed, "UNEXPECTED_TOOL_CALL": malformed, "TOO_MANY_TOOL_CALLS": malformed,
	"LANGUAGE": malformed, "OTHER": malformed, "NO_IMAGE": malformed,
}

func geminiFact(t tree) fact { return geminiStream([]tree{t}) }

// geminiStream joins answers. Each has all that was counted so far. A call with
// willContinue comes in pieces, which the parts after it have.
func geminiStream(events []tree) (f fact) {
	var built tree // of the last call
	for _, e := range events {
		for i, c := range e.at("candidates").list() {
			at := i
			if c.has("index") {
				at = int(c.at("index").int())
			}
			for len(f.choices) <= at {
				f.choices = append(f.choices, said{finish: none})
			}
			s := &f.choices[at]
			for _, p := range c.at("content", "parts").list() {
				kind := "text"
				if p.at("thought").v == true {
					kind = "thought"
				}
				s.add(kind, p.at("text").text())
				if one := p.at("functionCall"); one.has("name") {
					s.calls = append(s.calls, call{name: one.at("name").text(), arguments: objectOf(one.at("args"))})
					built = tree{}
				}
				for _, piece := range p.at("functionCall", "partialArgs").list() {
					built.v = place(built.v, geminiPath(piece.at("jsonPath").text()), piece)
					s.calls[len(s.calls)-1].arguments = built.canonical()
				}
			}
			if c.has("finishReason") {
				s.finish = reason(geminiReasons, c.at("finishReason"))
			}
		}
		if e.at("promptFeedback").has("blockReason") && len(f.choices) == 0 {
			f.choices = append(f.choices, said{finish: filter})
		}
		if u := e.at("usageMetadata"); u.v != nil {
			thoughts := u.at("thoughtsTokenCount").int()
			f.usage = usage{
				in:   u.at("promptTokenCount").int() + u.at("toolUsePromptTokenCount").int(),
				read: u.at("cachedContentTokenCount").int(),
				out:  u.at("candidatesTokenCount").int() + thoughts, reasoning: thoughts,
			}
		}
	}
	return f
}

// geminiPath splits a path such as $.items[0].name.
func geminiPath(path string) []string {
	path = strings.NewReplacer("[", ".", "]", "").Replace(strings.TrimPrefix(path, "$"))
	return strings.Split(strings.TrimPrefix(path, "."), ".")
}

// place puts a piece of a call's arguments into v, and returns v. Texts come
// in several pieces.
func place(v any, path []string, piece tree) any {
	if len(path) == 0 {
		for _, key := range []string{"stringValue", "numberValue", "boolValue"} {
			if text, ok := piece.at(key).v.(string); ok {
				before, _ := v.(string)
				return before + text
			}
			if piece.has(key) {
				return piece.at(key).v
			}
		}
		return nil
	}
	if n, err := strconv.Atoi(path[0]); err == nil {
		list, _ := v.([]any)
		for len(list) <= n {
			list = append(list, nil)
		}
		list[n] = place(list[n], path[1:], piece)
		return list
	}
	m, _ := v.(map[string]any)
	if m == nil {
		m = map[string]any{}
	}
	m[path[0]] = place(m[path[0]], path[1:], piece)
	return m
}

func objectOf(t tree) string {
	if t.v == nil {
		return "{}"
	}
	return t.canonical()
}

var converseReasons = map[string]finish{
	"end_turn": stop, "stop_sequence": stopWord, "max_tokens": length, "tool_use": tools, "content_filtered": filter,
	"guardrail_intervened": filter, "model_context_window_exceeded": full,
	"malformed_model_output": malformed, "malformed_tool_use": malformed,
}

func converseFact(t tree) fact {
	var s said
	for _, b := range t.at("output", "message", "content").list() {
		s.text += b.at("text").text()
		s.thought += b.at("reasoningContent", "reasoningText", "text").text()
		if b.has("toolUse") {
			s.calls = append(s.calls, call{name: b.at("toolUse", "name").text(), arguments: b.at("toolUse", "input").canonical()})
		}
		for _, piece := range b.at("citationsContent", "content").list() {
			s.text += piece.at("text").text()
		}
	}
	s.finish = reason(converseReasons, t.at("stopReason"))
	return fact{choices: []said{s}, usage: converseUsage(t.at("usage"))}
}

func converseUsage(u tree) usage {
	n := usage{read: u.at("cacheReadInputTokens").int(), write: u.at("cacheWriteInputTokens").int(), out: u.at("outputTokens").int()}
	n.in = u.at("inputTokens").int() + n.read + n.write
	return n
}

// converseStream reads events in the form {"name of the event": payload}.
func converseStream(events []tree) (f fact) {
	s := said{finish: none}
	open := map[int64]int{}
	for _, e := range events {
		start, d := e.at("contentBlockStart"), e.at("contentBlockDelta")
		if start.at("start").has("toolUse") {
			open[start.at("contentBlockIndex").int()] = len(s.calls)
			s.calls = append(s.calls, call{name: start.at("start", "toolUse", "name").text()})
		}
		s.text += d.at("delta", "text").text()
		s.thought += d.at("delta", "reasoningContent", "text").text()
		if at, ok := open[d.at("contentBlockIndex").int()]; ok {
			s.calls[at].arguments += d.at("delta", "toolUse", "input").text()
		}
		if e.at("messageStop").has("stopReason") {
			s.finish = reason(converseReasons, e.at("messageStop", "stopReason"))
		}
		if e.at("metadata").has("usage") {
			f.usage = converseUsage(e.at("metadata", "usage"))
		}
	}
	f.choices = []said{s}
	f.canonical()
	return f
}

var cohereReasons = map[string]finish{
	"COMPLETE": stop, "STOP_SEQUENCE": stopWord, "MAX_TOKENS": length, "TOOL_CALL": tools, "ERROR_TOXIC": filter,
	"ERROR": malformed, "TIMEOUT": malformed,
}

func cohereFact(t tree) fact {
	s := said{finish: reason(cohereReasons, t.at("finish_reason"))}
	m := t.at("message")
	s.thought = m.at("tool_plan").text()
	for _, part := range m.at("content").list() {
		s.text += part.at("text").text()
		s.thought += part.at("thinking").text()
	}
	for _, one := range m.at("tool_calls").list() {
		s.calls = append(s.calls, chatCall(one))
	}
	return fact{choices: []said{s}, usage: cohereUsage(t.at("usage"))}
}

func cohereUsage(u tree) usage {
	return usage{in: u.at("tokens", "input_tokens").int(), out: u.at("tokens", "output_tokens").int(), read: u.at("cached_tokens").int()}
}

func cohereStream(events []tree) (f fact) {
	s := said{finish: none}
	for _, e := range events {
		m := e.at("delta", "message")
		s.thought += m.at("tool_plan").text() + m.at("content", "thinking").text()
		s.text += m.at("content", "text").text()
		one := m.at("tool_calls")
		switch e.at("type").text() {
		case "tool-call-start":
			s.calls = append(s.calls, call{name: one.at("function", "name").text(), arguments: one.at("function", "arguments").text()})
		case "tool-call-delta":
			if n := len(s.calls); n > 0 {
				s.calls[n-1].arguments += one.at("function", "arguments").text()
			}
		case "message-end":
			s.finish = reason(cohereReasons, e.at("delta", "finish_reason"))
			f.usage = cohereUsage(e.at("delta", "usage"))
		}
	}
	f.choices = []said{s}
	f.canonical()
	return f
}

var ollamaReasons = map[string]finish{"stop": stop, "length": length}

func ollamaFact(t tree) fact { return ollamaStream([]tree{t}) }

func ollamaStream(events []tree) (f fact) {
	s := said{finish: none}
	for _, e := range events {
		m := e.at("message")
		s.text += m.at("content").text()
		s.thought += m.at("thinking").text()
		for _, one := range m.at("tool_calls").list() {
			s.calls = append(s.calls, call{name: one.at("function", "name").text(), arguments: objectOf(one.at("function", "arguments"))})
		}
		if e.at("done").v == true {
			s.finish = reason(ollamaReasons, e.at("done_reason"))
			f.usage = usage{in: e.at("prompt_eval_count").int(), out: e.at("eval_count").int()}
		}
	}
	f.choices = []said{s}
	return f
}
