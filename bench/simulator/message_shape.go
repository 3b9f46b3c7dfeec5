package simulator

import (
	"strings"

	"github.com/tidwall/gjson"
)

// What Anthropic's Messages API takes (https://docs.claude.com/en/api/messages).
var (
	anthropicCache = object(fields{"type!": word("ephemeral"), "ttl": word("5m", "1h")})
	anthropicMarks = fields{"cache_control": anthropicCache}
	anthropicText  = anthropicMarks.and(fields{"text!": anyText, "citations": anything})
	anthropicImage = anthropicMarks.and(fields{"source!": tagged("type", map[string]fields{
		"base64": {"media_type!": word("image/png", "image/jpeg", "image/gif", "image/webp"), "data!": packed},
		"url":    {"url!": like(`https?://.+`)}, "file": {"file_id!": nonEmpty},
	})})
	anthropicPaper = anthropicMarks.and(fields{
		"title": anyText, "context": anyText, "citations": anyObject,
		"source!": tagged("type", map[string]fields{
			"base64": {"media_type!": word("application/pdf"), "data!": packed},
			"text":   {"media_type!": word("text/plain"), "data!": anyText},
			"url":    {"url!": like(`https?://.+`)}, "file": {"file_id!": nonEmpty}, "content": {"content!": anything},
		}),
	})
	anthropicName = like(`[a-zA-Z0-9_-]{1,128}`)
	anthropicUser = map[string]fields{
		"text": anthropicText, "image": anthropicImage, "document": anthropicPaper,
		"tool_result": anthropicMarks.and(fields{
			"tool_use_id!": anthropicName, "is_error": truth,
			"content": either(anyText, array(0, 0, tagged("type", map[string]fields{
				"text": anthropicText, "image": anthropicImage, "document": anthropicPaper,
			}))),
		}),
	}
	anthropicAssistant = map[string]fields{
		"text":              anthropicText,
		"tool_use":          anthropicMarks.and(fields{"id!": anthropicName, "name!": anthropicName, "input!": anyObject, "caller": anyObject}),
		"thinking":          {"thinking!": anyText, "signature!": nonEmpty},
		"redacted_thinking": {"data!": nonEmpty},
		"server_tool_use":   anthropicMarks.and(fields{"id!": anthropicName, "name!": anthropicName, "input!": anyObject, "caller": anyObject}),
		"web_search_tool_result": anthropicMarks.and(fields{
			"tool_use_id!": anthropicName, "content!": anything, "caller": anyObject,
		}),
	}
	anthropicMessage = tagged("role", map[string]fields{
		"user":      {"content!": either(anyText, array(0, 0, tagged("type", anthropicUser)))},
		"assistant": {"content!": either(anyText, array(0, 0, tagged("type", anthropicAssistant)))},
		"system":    {"content!": either(anyText, array(1, 0, tagged("type", map[string]fields{"text": anthropicText})))},
	})
	// A tool that Anthropic runs itself has its version in its type. It is taken and never used.
	anthropicTool = hosted(`[a-z_]+_20[0-9]{6}`, object(anthropicMarks.and(fields{
		"type": word("custom"), "name!": anthropicName, "description": anyText, "input_schema!": jsonSchema, "strict": truth,
		"defer_loading": truth, "eager_input_streaming": truth, "input_examples": anything, "allowed_callers": anything,
	})))
	anthropicAlone  = fields{"disable_parallel_tool_use": truth}
	anthropicChoice = tagged("type", map[string]fields{
		"auto": anthropicAlone, "any": anthropicAlone, "none": {}, "tool": anthropicAlone.and(fields{"name!": anthropicName}),
	})
	anthropicDisplay = fields{"display": word("summarized", "omitted")}
	anthropicThink   = tagged("type", map[string]fields{
		"enabled":  anthropicDisplay.and(fields{"budget_tokens!": positive}),
		"adaptive": anthropicDisplay, "disabled": {},
	})
	// anthropicCounted is what count_tokens takes.
	anthropicCounted = fields{
		"model!": nonEmpty, "messages!": array(1, 0, anthropicMessage), "thinking": anthropicThink,
		"system": either(anyText, array(0, 0, tagged("type", map[string]fields{"text": anthropicText}))),
		"tools":  array(0, 0, anthropicTool), "tool_choice": anthropicChoice, "cache_control": anthropicCache,
		"output_config": object(fields{
			"effort": word("low", "medium", "high", "xhigh", "max"),
			"format": tagged("type", map[string]fields{"json_schema": {"schema!": anyObject}}),
		}),
		"context_management": anyObject, "mcp_servers": anything,
	}
	anthropicCount   = object(anthropicCounted)
	anthropicRequest = object(anthropicCounted.and(fields{
		"max_tokens!": positive, "stream": truth, "stop_sequences": array(0, 0, anyText),
		"temperature": decimal(0, 1), "top_p": decimal(0, 1), "top_k": natural,
		"metadata":     object(fields{"user_id": someText(0, 256)}),
		"service_tier": word("auto", "standard_only"), "container": anything, "inference_geo": anyText,
	}))
)

// messageRules are what the shape does not say.
func messageRules(in gjson.Result, a *ask, turns []turn) *flaw {
	for _, v := range in.Get("system").Array() {
		if v.IsObject() && v.Get("text").Str == "" {
			return wrong("system", "text content blocks must be non-empty")
		}
	}
	for n, t := range turns {
		last := n == len(turns)-1
		switch {
		case n == 0 && t.role == "assistant":
			return wrong(t.path, "first message must use the \"user\" role")
		case t.role == "user" && len(t.items) == 0, t.role == "assistant" && len(t.items) == 0 && !last:
			return wrong(t.path, "all messages must have non-empty content except for the optional final assistant message")
		case last && t.role == "assistant" && strings.TrimRight(t.text(), " \n\t") != t.text():
			return wrong(t.path, "final assistant content cannot end with trailing whitespace")
		}
		if bad := messageTexts(t); bad != nil {
			return bad
		}
	}
	for n, stop := range a.stop {
		if strings.TrimSpace(stop) == "" {
			return wrong("stop_sequences", "each stop sequence must contain non-whitespace: %d", n)
		}
	}
	if strings.Count(in.Raw, `"cache_control"`) > 4 {
		return wrong("", "A maximum of 4 blocks with cache_control may be provided.")
	}
	if bad := grouped(joinTurns(turns)); bad != nil {
		return bad
	}
	forced := a.choose != "auto" && a.choose != "none"
	if bad := claudeRules(anthropic, in.Get("thinking"), in.Get("temperature"), in.Get("max_tokens"), forced, turns); bad != nil {
		return bad
	}
	return a.knownTools("tools")
}

// messageTexts wants no text block to be empty, and not all of them to be blank.
func messageTexts(t turn) *flaw {
	blank := len(t.items) > 0 && t.role == "user"
	for _, i := range t.items {
		if i.kind == itemText && i.text == "" {
			return wrong(i.path, "text content blocks must be non-empty")
		}
		blank = blank && i.kind == itemText && strings.TrimSpace(i.text) == ""
	}
	if blank {
		return wrong(t.path, "text content blocks must contain non-whitespace text")
	}
	return nil
}

// joinTurns makes one of turns in a row of the same role, as Anthropic does.
func joinTurns(turns []turn) []turn {
	var all []turn
	for _, t := range turns {
		if n := len(all); n > 0 && all[n-1].role == t.role {
			all[n-1].items = append(all[n-1].items[:len(all[n-1].items):len(all[n-1].items)], t.items...)
		} else {
			all = append(all, t)
		}
	}
	return all
}
