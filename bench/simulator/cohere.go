package simulator

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/tidwall/gjson"
)

// What Cohere's v2 API takes (https://docs.cohere.com/reference/chat).
var (
	cohereImage   = fields{"image_url!": object(fields{"url!": nonEmpty, "detail": word("auto", "low", "high")})}
	cohereText    = fields{"text!": anyText}
	cohereContent = func(kinds map[string]fields) shape {
		return either(anyText, array(1, 0, tagged("type", kinds)))
	}
	cohereCall = object(fields{
		"id!": nonEmpty, "type!": word("function"),
		"function!": object(fields{"name!": nonEmpty, "arguments!": either(objectText, word("null"))}),
	})
	cohereMessage = tagged("role", map[string]fields{
		"system": {"content!": cohereContent(map[string]fields{"text": cohereText})},
		"user":   {"content!": cohereContent(map[string]fields{"text": cohereText, "image_url": cohereImage})},
		"assistant": {
			"content":    cohereContent(map[string]fields{"text": cohereText, "thinking": {"thinking!": anyText}}),
			"tool_calls": array(1, 0, cohereCall), "tool_plan": anyText, "citations": array(0, 0, anyObject),
		},
		"tool": {
			"tool_call_id!": nonEmpty,
			"content!": cohereContent(map[string]fields{
				"text": cohereText, "document": {"document!": object(fields{"data!": either(anyText, anyObject), "id": anyText})},
			}),
		},
	})
	cohereTool = object(fields{
		"type!":     word("function"),
		"function!": object(fields{"name!": like(`[a-zA-Z0-9_-]+`), "description": anyText, "parameters": jsonSchema}),
	})
	cohereRequest = object(fields{
		"model!": nonEmpty, "messages!": array(1, 0, cohereMessage), "tools": array(1, 0, cohereTool), "strict_tools": truth,
		"tool_choice": word("REQUIRED", "NONE"), "documents": array(0, 0, anything), "citation_options": anyObject,
		"response_format": tagged("type", map[string]fields{"text": {}, "json_object": {"json_schema": anyObject, "schema": anyObject}}),
		"safety_mode":     word("CONTEXTUAL", "STRICT", "OFF", "NONE"), "stream": truth, "max_tokens": positive,
		"stop_sequences": array(0, 5, nonEmpty), "temperature": decimal(0, 1), "seed": natural, "k": integral(0, 500),
		"p": decimal(0.01, 0.99), "frequency_penalty": decimal(0, 1), "presence_penalty": decimal(0, 1), "logprobs": truth,
		"thinking": object(fields{"type!": word("enabled", "disabled"), "token_budget": positive}),
		"priority": integral(0, 999), "raw_prompting": truth,
	})
	cohereEmbedRequest = object(fields{
		"model!": nonEmpty, "input_type!": word("search_document", "search_query", "classification", "clustering", "image"),
		"texts!": array(1, 96, anyText), "embedding_types": array(0, 0, word("float", "base64")), "truncate": word("NONE", "START", "END"),
		"output_dimension": integral(1, 1536), "max_tokens": positive, "priority": integral(0, 999),
	})
)

// cohereChat answers POST /v2/chat.
func (s *Server) cohereChat(q *request, p *plan) *reply {
	a, bad := s.readCohere(q)
	if bad != nil {
		return bad
	}
	out := s.compose(a, 0, p)
	if out.finish == finishTools && out.pieces == nil {
		out.pieces = pieces("I will use the " + out.calls[0].name + " tool.") // the plan
	}
	end := cohereEnd(a, out, p)
	if p.stream == "sse" || a.stream && p.stream != "json" {
		return streamReply(cohereEvents(a, out, end))
	}
	return jsonReply(js(`{"id":%s,"message":%s,%s}`, quote(a.id("")), cohereWhole(out), end))
}

func (s *Server) readCohere(q *request) (*ask, *reply) {
	in, a, refused := s.open(q, cohereRequest)
	if refused != nil {
		return nil, refused
	}
	var turns []turn
	for n, m := range in.Get("messages").Array() {
		turns = append(turns, cohereTurn(fmt.Sprintf("messages[%d]", n), m))
	}
	for _, t := range in.Get("tools.#.function").Array() {
		a.tools = append(a.tools, tool{t.Get("name").Str, json.RawMessage(t.Get("parameters").Raw)})
	}
	a.stream, a.maxTokens, a.stop = in.Get("stream").Bool(), int(in.Get("max_tokens").Int()), textsOf(in.Get("stop_sequences"))
	switch in.Get("tool_choice").Str {
	case "REQUIRED":
		a.choose = "required"
	case "NONE":
		a.choose = "none"
	}
	a.think = in.Get("thinking.type").Str == "enabled"
	format := in.Get("response_format")
	a.object = format.Get("type").Str == "json_object"
	for _, name := range []string{"json_schema", "schema"} {
		if v := format.Get(name); v.Exists() {
			a.schema = json.RawMessage(v.Raw)
		}
	}
	if bad := cohereRules(in, a, turns); bad != nil {
		return nil, flawReply(cohere, bad)
	}
	a.follow(turns)
	return a, nil
}

// cohereRules are what the shape does not say.
func cohereRules(in gjson.Result, a *ask, turns []turn) *flaw {
	for _, t := range turns {
		if t.role == "assistant" && len(t.items) == 0 {
			return wrong(t.path, "must have at least one of content and tool_calls")
		}
	}
	last := turns[len(turns)-1]
	switch {
	case in.Get("tool_choice").Exists() && len(a.tools) == 0:
		return wrong("tool_choice", "can only be specified with tools")
	case a.object && len(a.tools) > 0:
		return wrong("response_format", "JSON mode is not supported together with tools")
	case last.role != "user" && last.role != "tool":
		return wrong(last.path, "the last message must have the role user or tool")
	}
	if bad := paired(turns); bad != nil {
		return bad
	}
	return a.knownTools("tools")
}

func cohereTurn(path string, m gjson.Result) turn {
	t := turn{role: m.Get("role").Str, path: path}
	content := m.Get("content")
	if t.role == "tool" {
		r := item{kind: itemResult, id: m.Get("tool_call_id").Str, text: content.Str, path: path}
		for _, part := range content.Array() {
			r.text += part.Get("text").Str
			if data := part.Get("document.data"); data.Exists() {
				r.text += data.String()
			}
		}
		t.items = append(t.items, r)
		return t
	}
	if content.Type == gjson.String {
		t.items = append(t.items, item{text: content.Str, path: path})
	}
	for n, part := range content.Array() {
		i := item{path: fmt.Sprintf("%s.content[%d]", path, n)}
		switch part.Get("type").Str {
		case "text":
			i.text = part.Get("text").Str
		case "image_url":
			i.kind = itemImage
		case "thinking":
			i.kind, i.text = itemThought, part.Get("thinking").Str
		default:
			continue
		}
		t.items = append(t.items, i)
	}
	for _, c := range m.Get("tool_calls").Array() {
		t.items = append(t.items, item{kind: itemCall, id: c.Get("id").Str, name: c.Get("function.name").Str, path: path})
	}
	return t
}

// cohereArguments has null where there is nothing to give, as Cohere does.
func cohereArguments(c call) string {
	if c.arguments == "{}" {
		return "null"
	}
	return c.arguments
}

func cohereID(c call) []byte { return quote(c.name + "_" + strings.ToLower(c.id[:12])) }

func cohereWhole(out output) []byte {
	var blocks, calls []string
	if len(out.thoughts) > 0 {
		blocks = append(blocks, string(js(`{"type":"thinking","thinking":%s}`, quote(strings.Join(out.thoughts, "")))))
	}
	plan := ""
	switch {
	case len(out.calls) > 0:
		plan = string(js(`,"tool_plan":%s`, quote(out.text())))
	case len(out.pieces) > 0:
		blocks = append(blocks, string(js(`{"type":"text","text":%s}`, quote(out.text()))))
	}
	for _, c := range out.calls {
		calls = append(calls, string(js(`{"id":%s,"type":"function","function":{"name":%s,"arguments":%s}}`,
			cohereID(c), quote(c.name), quote(cohereArguments(c)))))
	}
	b := js(`{"role":"assistant"%s`, plan)
	if blocks != nil {
		b = js(`%s,"content":[%s]`, b, strings.Join(blocks, ","))
	}
	if calls != nil {
		b = js(`%s,"tool_calls":[%s]`, b, strings.Join(calls, ","))
	}
	return append(b, '}')
}

// cohereEnd has the members that end an answer and a stream.
func cohereEnd(a *ask, out output, p *plan) string {
	reason := string(quote([]string{
		finishStop: "COMPLETE", finishSequence: "STOP_SEQUENCE", finishLength: "MAX_TOKENS", finishTools: "TOOL_CALL",
		finishRefusal: "COMPLETE", finishFilter: "ERROR_TOXIC",
	}[out.finish]))
	switch p.finish {
	case "":
	case "none":
		reason = "null"
	default:
		reason = string(quote(p.finish))
	}
	if p.usage == "none" {
		return `"finish_reason":` + reason
	}
	u := a.usage([]output{out}, p)
	return string(js(`"finish_reason":%s,"usage":{"billed_units":{"input_tokens":%d,"output_tokens":%d},"tokens":{"input_tokens":%d,"output_tokens":%d},"cached_tokens":%d}`,
		reason, u.prompt, u.completion, u.prompt, u.completion, u.cached))
}

func cohereEvents(a *ask, out output, end string) []event {
	var all []event
	add := func(name, format string, args ...any) {
		all = append(all, event{name: name, data: js(`{"type":"%s",%s}`, name, js(format, args...))})
	}
	add("message-start", `"id":%s,"delta":{"message":{"role":"assistant","content":[],"tool_plan":"","tool_calls":[],"citations":[]}}`, quote(a.id("")))
	index := 0
	block := func(kind string, texts []string) {
		add("content-start", `"index":%d,"delta":{"message":{"content":{"type":"%s","%[2]s":""}}}`, index, kind)
		for _, t := range texts {
			add("content-delta", `"index":%d,"delta":{"message":{"content":{"%s":%s}}}`, index, kind, quote(t))
		}
		add("content-end", `"index":%d`, index)
		index++
	}
	if len(out.thoughts) > 0 {
		block("thinking", out.thoughts)
	}
	switch {
	case len(out.calls) > 0:
		for _, t := range out.pieces {
			add("tool-plan-delta", `"delta":{"message":{"tool_plan":%s}}`, quote(t))
		}
	case len(out.pieces) > 0:
		block("text", out.pieces)
	}
	for i, c := range out.calls {
		add("tool-call-start", `"index":%d,"delta":{"message":{"tool_calls":{"id":%s,"type":"function","function":{"name":%s,"arguments":""}}}}`, i, cohereID(c), quote(c.name))
		if c.arguments != "{}" { // without arguments there are no deltas
			for _, t := range pieces(c.arguments) {
				add("tool-call-delta", `"index":%d,"delta":{"message":{"tool_calls":{"function":{"arguments":%s}}}}`, i, quote(t))
			}
		}
		add("tool-call-end", `"index":%d`, i)
	}
	add("message-end", `"delta":{%s}`, end)
	return all
}

// cohereEmbed answers POST /v2/embed.
func (s *Server) cohereEmbed(q *request, _ *plan) *reply {
	in, a, bad := s.open(q, cohereEmbedRequest)
	if bad != nil {
		return bad
	}
	dimensions := defaultDimensions
	if v := in.Get("output_dimension"); v.Exists() {
		dimensions = int(v.Int())
	}
	kinds := textsOf(in.Get("embedding_types"))
	if len(kinds) == 0 {
		kinds = []string{"float"}
	}
	var all []string
	for _, kind := range kinds {
		var b []byte
		for n, v := range in.Get("texts").Array() {
			if n > 0 {
				b = append(b, ',')
			}
			b = appendVector(b, embed(s.config.Seed, v.Str, dimensions), kind == "base64")
		}
		all = append(all, fmt.Sprintf(`%q:[%s]`, kind, b))
	}
	for _, v := range in.Get("texts").Array() {
		a.promptTokens += len(pieces(v.Str))
	}
	return jsonReply(js(`{"id":%s,"texts":%s,"embeddings":{%s},"meta":{"api_version":{"version":"2"},"billed_units":{"input_tokens":%d}},"response_type":"embeddings_by_type"}`,
		quote(a.id("")), compact(in.Get("texts").Raw), strings.Join(all, ","), a.promptTokens))
}
