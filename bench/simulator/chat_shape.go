package simulator

import (
	"fmt"
	"net/http"
	"slices"

	"github.com/tidwall/gjson"
)

// What OpenAI's chat completions take (https://platform.openai.com/docs/api-reference/chat/create), where a plan is
// strict. Others who speak this dialect take more, or less.
var (
	chatMarks = fields{"prompt_cache_breakpoint": anyObject}
	chatText  = chatMarks.and(fields{"text!": anyText})
	chatParts = func(kinds map[string]fields) shape { return either(anyText, array(1, 0, tagged("type", kinds))) }
	chatTexts = chatParts(map[string]fields{"text": chatText})
	chatUser  = chatParts(map[string]fields{
		"text":        chatText,
		"image_url":   chatMarks.and(fields{"image_url!": object(fields{"url!": nonEmpty, "detail": word("auto", "low", "high", "original")})}),
		"input_audio": chatMarks.and(fields{"input_audio!": object(fields{"data!": packed, "format!": word("wav", "mp3")})}),
		"file":        chatMarks.and(fields{"file!": object(fields{"file_data": anyText, "file_id": anyText, "filename": anyText})}),
	})
	chatName    = like(`[a-zA-Z0-9_-]{1,64}`)
	chatMessage = tagged("role", map[string]fields{
		"system": {"content!": chatTexts, "name": anyText}, "developer": {"content!": chatTexts, "name": anyText},
		"user": {"content!": chatUser, "name": anyText},
		"assistant": {
			"content": chatParts(map[string]fields{"text": chatText, "refusal": {"refusal!": anyText}}), "name": anyText,
			"refusal": anyText, "audio": anyObject, "function_call": anyObject,
			// The official clients send answers back as they have them: with what only answers have, and with a field
			// of their own.
			"annotations": array(0, 0, anyObject), "parsed": anyObject,
			"tool_calls": array(1, 0, tagged("type", map[string]fields{
				"function": {"id!": nonEmpty, "function!": object(fields{"name!": chatName, "arguments!": anyText})},
				"custom":   {"id!": nonEmpty, "custom!": object(fields{"name!": chatName, "input!": anyText})},
			})),
		},
		"tool":     {"content!": chatTexts, "tool_call_id!": nonEmpty},
		"function": {"content!": anyText, "name!": chatName},
	})
	chatFunction = object(fields{"name!": chatName, "description": anyText, "parameters": jsonSchema, "strict": truth})
	chatTool     = tagged("type", map[string]fields{
		"function": {"function!": chatFunction},
		"custom":   {"custom!": object(fields{"name!": chatName, "description": anyText, "format": anyObject})},
	})
	chatFormat = tagged("type", map[string]fields{
		"text": {}, "json_object": {},
		"json_schema": {"json_schema!": object(fields{"name!": chatName, "description": anyText, "schema": anyObject, "strict": truth})},
	})
	chatNamed  = fields{"function!": object(fields{"name!": chatName})}
	chatChoose = either(word("none", "auto", "required"), tagged("type", map[string]fields{
		"function": chatNamed, "custom": {"custom!": anyObject}, "allowed_tools": {"allowed_tools!": anyObject},
	}))
	chatShared = fields{
		"model!": nonEmpty, "messages!": array(1, 0, chatMessage), "stream": truth, "max_tokens": positive,
		"temperature": decimal(0, 2), "top_p": decimal(0, 1), "stop": either(anyText, array(0, 4, anyText)),
		"tools": array(1, 128, chatTool), "tool_choice": chatChoose, "parallel_tool_calls": truth, "response_format": chatFormat,
		"frequency_penalty": decimal(-2, 2), "presence_penalty": decimal(-2, 2), "n": integral(1, 128), "prediction": anyObject,
		"reasoning_effort": word("none", "minimal", "low", "medium", "high", "xhigh", "max"),
	}
	chatStrict = object(chatShared.and(fields{
		"stream_options":        object(fields{"include_usage": truth, "include_obfuscation": truth}),
		"max_completion_tokens": positive, "seed": integral(-1<<53, 1<<53), "logprobs": truth, "top_logprobs": integral(0, 20),
		"logit_bias": anyObject, "user": anyText, "safety_identifier": someText(0, 64), "store": truth, "metadata": anyObject,
		"service_tier":     word("auto", "default", "flex", "scale", "priority", "fast"),
		"prompt_cache_key": anyText, "prompt_cache_retention": anyText, "prompt_cache_options": anyObject,
		"modalities": array(0, 0, word("text", "audio")), "audio": anyObject, "verbosity": word("low", "medium", "high"),
		"web_search_options": anyObject, "functions": array(1, 128, chatFunction), "function_call": anything, "moderation": anything,
	}))
	chatMistral = object(chatShared.and(fields{
		"random_seed": natural, "safe_prompt": truth, "prompt_mode": word("reasoning"), "tool_choice": either(word("none", "auto", "any", "required"), anyObject),
	}))
)

// strictChat is the answer of a provider that takes nothing that it does not know, or nil. kind is openai, mistral, or
// empty for one that takes everything.
func strictChat(q *request, kind string) *reply {
	if kind == "" {
		return nil
	}
	want := chatStrict
	if kind == "mistral" {
		want = chatMistral
	}
	in := gjson.ParseBytes(q.body)
	bad := want("", in)
	if bad == nil {
		bad = chatRules(in, kind)
	}
	switch {
	case bad == nil:
		return nil
	case kind == "mistral":
		return mistralFlaw(bad)
	}
	return openAIFlaw(q.dialect, bad)
}

// mistralFlaw is a 422 as Mistral writes it.
func mistralFlaw(f *flaw) *reply {
	kind := map[flawKind]string{flawInvalid: "value_error", flawUnknown: "extra_forbidden", flawMissing: "missing"}[f.kind]
	return &reply{status: http.StatusUnprocessableEntity, contentType: jsonType, body: js(
		`{"object":"error","message":{"detail":[{"type":"%s","loc":["body",%s],"msg":%s,"input":null}]},"type":"invalid_request_error","param":null,"code":null}`,
		kind, quote(f.dotted()), quote(f.text))}
}

// chatRules are what the shape does not say.
func chatRules(in gjson.Result, kind string) *flaw {
	var turns []turn
	for n, m := range in.Get("messages").Array() {
		t := chatTurn(fmt.Sprintf("messages[%d]", n), m)
		if t.role == "assistant" && len(t.items) == 0 && m.Get("content").Type == gjson.Null && !m.Get("refusal").Exists() && !m.Get("function_call").Exists() {
			return wrong(t.path+".content", "Expected a string, got null.")
		}
		turns = append(turns, t)
	}
	if bad := paired(turns); bad != nil {
		return bad
	}
	hasTools := in.Get("tools").IsArray()
	switch {
	case !hasTools && in.Get("tool_choice").IsObject(), !hasTools && slices.Contains([]string{"auto", "required", "any"}, in.Get("tool_choice").Str):
		return wrong("tool_choice", "'tool_choice' is only allowed when 'tools' are specified.")
	case !hasTools && in.Get("parallel_tool_calls").IsBool():
		return wrong("parallel_tool_calls", "'parallel_tool_calls' is only allowed when 'tools' are specified.")
	case in.Get("top_logprobs").Exists() && !in.Get("logprobs").Bool():
		return wrong("top_logprobs", "'top_logprobs' is only allowed when 'logprobs' is enabled.")
	}
	if format := in.Get("response_format.json_schema"); format.Get("strict").Bool() {
		if bad := strictSchema("response_format", format.Get("schema")); bad != nil {
			return bad
		}
	}
	a := &ask{choose: "auto"}
	for _, t := range in.Get("tools.#.function").Array() {
		if bad := strictSchema("tools", t.Get("parameters")); t.Get("strict").Bool() && bad != nil {
			return bad
		}
		a.tools = append(a.tools, tool{name: t.Get("name").Str})
	}
	if name := in.Get("tool_choice.function.name"); name.Exists() {
		a.choose = namedTool + name.Str
	}
	if bad := a.knownTools("tool_choice"); bad != nil || kind != "mistral" {
		return bad
	}
	return mistralRules(turns)
}

// mistralRules are those of ids and of whose turn it is.
func mistralRules(turns []turn) *flaw {
	id := like(`[a-zA-Z0-9]{9}`)
	before := ""
	for _, t := range turns {
		for _, i := range t.items {
			if i.id != "" && id("", gjson.Result{Type: gjson.String, Str: i.id}) != nil {
				return wrong(t.path, "Tool call id was %s but must be a-z, A-Z, 0-9, with a length of 9.", i.id)
			}
		}
		if t.role == "user" && before == "tool" {
			return wrong(t.path, "Unexpected role 'user' after role 'tool'")
		}
		before = t.role
	}
	if before == "assistant" {
		return wrong(turns[len(turns)-1].path, "Expected last role User or Tool for serving but got assistant")
	}
	return nil
}

func chatTurn(path string, m gjson.Result) turn {
	t := turn{role: m.Get("role").Str, path: path}
	if t.role == "tool" {
		t.items = []item{{kind: itemResult, id: m.Get("tool_call_id").Str, path: path}}
		return t
	}
	if content := m.Get("content"); content.Type != gjson.Null {
		t.items = append(t.items, item{text: content.String(), path: path})
	}
	for _, c := range m.Get("tool_calls").Array() {
		t.items = append(t.items, item{kind: itemCall, id: c.Get("id").Str, path: path})
	}
	return t
}
