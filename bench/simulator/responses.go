package simulator

import (
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/tidwall/gjson"
)

// response answers OpenAI's POST /v1/responses. Nothing is stored: an answer's id is not known afterwards.
func (s *Server) response(q *request, p *plan) *reply {
	in, a, bad := s.open(q, responseRequest)
	if bad != nil {
		return bad
	}
	if id := in.Get("previous_response_id"); id.Exists() && id.Type != gjson.Null {
		return errorReply(responses, http.StatusBadRequest, "Previous response with id '"+id.Str+"' not found.", "previous_response_id", "previous_response_not_found")
	}
	if bad := a.readResponse(in); bad != nil {
		return openAIFlaw(responses, bad)
	}
	r := newResponseAnswer(in, a, s.compose(a, 0, p), p)
	if p.stream == "sse" || a.stream && p.stream != "json" {
		return streamReply(r.events())
	}
	return jsonReply(r.body(r.status, r.wholes(), true))
}

func (a *ask) readResponse(in gjson.Result) *flaw {
	items := in.Get("input").Array()
	var turns []turn
	for n, v := range items {
		turns = append(turns, responseTurn(fmt.Sprintf("input[%d]", n), v))
	}
	a.stream, a.maxTokens = in.Get("stream").Bool(), int(in.Get("max_output_tokens").Int())
	a.parallel = in.Get("parallel_tool_calls").Type != gjson.False
	for _, t := range in.Get("tools").Array() {
		if t.Get("type").Str == "function" {
			a.tools = append(a.tools, tool{t.Get("name").Str, json.RawMessage(t.Get("parameters").Raw)})
		}
	}
	a.chooseResponse(in.Get("tool_choice"))
	effort := in.Get("reasoning.effort").Str
	a.think, a.hidden = effort != "" && effort != "none", !in.Get("reasoning.summary").Exists()
	switch format := in.Get("text.format"); format.Get("type").Str {
	case "json_object":
		a.object = true
	case "json_schema":
		a.schema = json.RawMessage(format.Get("schema").Raw)
	}
	if bad := responseRules(in, a, items); bad != nil {
		return bad
	}
	if text := in.Get("instructions").Str; text != "" {
		a.texts = append(a.texts, text)
	}
	a.follow(turns)
	return nil
}

// chooseResponse reads tool_choice. Of allowed tools only those are left.
func (a *ask) chooseResponse(choice gjson.Result) {
	switch {
	case choice.Type == gjson.String:
		a.choose = choice.Str
	case choice.Get("type").Str == "allowed_tools":
		a.choose = choice.Get("mode").Str
		var allowed []tool
		for _, t := range a.tools {
			for _, one := range choice.Get("tools.#.name").Array() {
				if one.Str == t.name {
					allowed = append(allowed, t)
				}
			}
		}
		a.tools = allowed
	case choice.IsObject():
		a.choose = namedTool + choice.Get("name").Str
	}
}

func responseTurn(path string, v gjson.Result) turn {
	t := turn{role: v.Get("role").Str, path: path}
	i := item{path: path}
	if v.Type == gjson.String { // the whole input
		return turn{"user", "input", []item{{text: v.Str, path: "input"}}}
	}
	switch v.Get("type").Str {
	case "function_call", "custom_tool_call":
		t.role, i.kind, i.id, i.name = "assistant", itemCall, v.Get("call_id").Str, v.Get("name").Str
		t.items = []item{i}
		return t
	case "function_call_output", "custom_tool_call_output":
		t.role, i.kind, i.id = "tool", itemResult, v.Get("call_id").Str
		for _, part := range responseParts(path, v.Get("output")) {
			i.text += part.text
			if part.kind == itemImage {
				i.pics++
			}
		}
		t.items = []item{i}
		return t
	case "reasoning":
		t.role = "thought" // it says nothing of whose turn it is
		return t
	}
	t.items = responseParts(path, v.Get("content"))
	return t
}

func responseParts(path string, content gjson.Result) []item {
	if content.Type == gjson.String {
		return []item{{text: content.Str, path: path}}
	}
	var all []item
	for _, part := range content.Array() {
		i := item{path: path, text: part.Get("text").Str}
		switch part.Get("type").Str {
		case "input_image":
			i.kind = itemImage
		case "input_file":
			i.kind = itemFile
		}
		all = append(all, i)
	}
	return all
}
