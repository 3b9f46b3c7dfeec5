package simulator

import (
	"strings"

	"github.com/tidwall/gjson"
)

// What Bedrock's Converse takes (https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html).
// AWS ignores fields that it does not know; here they are refused.
var (
	bedrockSource = union(fields{"bytes": packed, "s3Location": object(fields{"uri!": like(`s3://.+`), "bucketOwner": anyText})}, nil)
	bedrockImage  = object(fields{"format!": word("png", "jpeg", "gif", "webp"), "source!": bedrockSource})
	bedrockVideo  = object(fields{"format!": word("mkv", "mov", "mp4", "webm", "flv", "mpeg", "mpg", "wmv", "three_gp"), "source!": bedrockSource})
	bedrockPaper  = object(fields{
		"format": word("pdf", "csv", "doc", "docx", "xls", "xlsx", "html", "txt", "md"),
		"name!":  bedrockPaperName, "context": anyText, "citations": anyObject,
		"source!": union(fields{"bytes": packed, "s3Location": anyObject, "text": nonEmpty, "content": array(1, 0, anyObject)}, nil),
	})
	bedrockCache  = object(fields{"type!": word("default"), "ttl": word("5m", "1h")})
	bedrockName   = like(`[a-zA-Z0-9_-]{1,64}`)
	bedrockResult = object(fields{
		"toolUseId!": bedrockName, "status": word("success", "error"), "type": anyText,
		"content!": array(0, 0, union(fields{
			"text": anyText, "json": anyObject, "image": bedrockImage, "document": bedrockPaper, "video": bedrockVideo, "searchResult": anyObject,
		}, nil)),
	})
	bedrockThought = union(fields{
		"reasoningText":   object(fields{"text!": anyText, "signature": anyText}),
		"redactedContent": packed,
	}, nil)
	bedrockBlock = union(fields{
		"text": anyText, "image": bedrockImage, "document": bedrockPaper, "video": bedrockVideo, "toolResult": bedrockResult,
		"audio":            object(fields{"format!": anyText, "source!": bedrockSource}),
		"toolUse":          object(fields{"toolUseId!": bedrockName, "name!": bedrockName, "input!": anyObject, "type": anyText}),
		"reasoningContent": bedrockThought, "cachePoint": bedrockCache, "guardContent": anyObject, "citationsContent": anyObject,
		"searchResult": anyObject,
	}, nil)
	bedrockMessage = object(fields{"role!": word("user", "assistant"), "content!": array(0, 0, bedrockBlock)})
	bedrockTool    = union(fields{
		"toolSpec": object(fields{
			"name!": bedrockName, "description": nonEmpty, "strict": truth,
			"inputSchema!": object(fields{"json!": jsonSchema}),
		}),
		"cachePoint": bedrockCache, "systemTool": object(fields{"name!": bedrockName}),
	}, nil)
	bedrockChoice  = union(fields{"auto": object(nil), "any": object(nil), "tool": object(fields{"name!": bedrockName})}, nil)
	bedrockRequest = object(fields{
		"messages!": array(1, 0, bedrockMessage),
		"system":    array(0, 0, union(fields{"text": nonEmpty, "cachePoint": bedrockCache, "guardContent": anyObject}, nil)),
		"inferenceConfig": object(fields{
			"maxTokens": positive, "temperature": decimal(0, 1), "topP": decimal(0, 1), "stopSequences": array(0, 2500, nonEmpty),
		}),
		"toolConfig":                   object(fields{"tools!": array(1, 0, bedrockTool), "toolChoice": bedrockChoice}),
		"additionalModelRequestFields": anyObject, "additionalModelResponseFieldPaths": array(0, 10, nonEmpty),
		"guardrailConfig": anyObject, "promptVariables": anyObject, "requestMetadata": bedrockTags,
		"performanceConfig": object(fields{"latency": word("standard", "optimized")}),
		"serviceTier":       object(fields{"type!": word("priority", "default", "flex", "reserved")}),
		"outputConfig": object(fields{"textFormat": object(fields{
			"type!": word("json_schema"),
			"structure!": union(fields{"jsonSchema": object(fields{
				"schema!": objectText, "name": nonEmpty, "description": anyText,
			})}, nil),
		})}),
	})
)

// bedrockTags takes up to 16 short texts.
func bedrockTags(path string, v gjson.Result) *flaw {
	if bad := anyObject(path, v); bad != nil {
		return bad
	}
	n := 0
	bad := (*flaw)(nil)
	v.ForEach(func(key, value gjson.Result) bool {
		n++
		bad = like(`[a-zA-Z0-9\s:_@$#=/+,.-]{0,256}`)(under(path, key.Str), value)
		return bad == nil
	})
	if n > 16 {
		return wrong(path, "must have at most 16 entries")
	}
	return bad
}

// bedrockPaperName takes letters, digits, single spaces, hyphens, parentheses and brackets.
func bedrockPaperName(path string, v gjson.Result) *flaw {
	if bad := like(`[a-zA-Z0-9\s()\[\]-]{1,200}`)(path, v); bad != nil {
		return bad
	}
	if strings.Contains(v.Str, "  ") {
		return wrong(path, "The document file name can't contain more than one consecutive whitespace character")
	}
	return nil
}

// bedrockRules are what the shape does not say.
func bedrockRules(in gjson.Result, a *ask, turns []turn) *flaw {
	for n, t := range turns {
		papers := map[string]bool{}
		if len(t.items) == 0 {
			return wrong(t.path, "The content field in the Message object at messages.%d is empty. Add a ContentBlock object to the content field and try again.", n)
		}
		for _, i := range t.items {
			switch {
			case i.kind == itemText && strings.TrimSpace(i.text) == "":
				return wrong(i.path, "The text field in the ContentBlock object at %s is blank. Add text to the text field, and try again.", i.path)
			case i.kind == itemFile && len(t.of(itemText)) == 0:
				return wrong(i.path, "A text block is required alongside a document")
			case i.kind == itemFile && papers[i.name]:
				return wrong(i.path, "Document names must be unique")
			case i.kind == itemFile:
				papers[i.name] = true
			}
		}
		if !in.Get("toolConfig").Exists() && len(t.of(itemCall))+len(t.of(itemResult)) > 0 {
			return wrong("toolConfig", "The toolConfig field must be defined when using toolUse and toolResult content blocks.")
		}
	}
	for _, check := range []func([]turn) *flaw{alternating, grouped} {
		if bad := check(turns); bad != nil {
			return bad
		}
	}
	more := in.Get("additionalModelRequestFields")
	forced := a.choose != "auto"
	config := in.Get("inferenceConfig")
	if bad := claudeRules(bedrock, more.Get("thinking"), config.Get("temperature"), config.Get("maxTokens"), forced, turns); bad != nil {
		return bad
	}
	return a.knownTools("toolConfig")
}

// claudeRules are those of thinking: on Anthropic's own API and on Bedrock.
// (https://docs.claude.com/en/docs/build-with-claude/extended-thinking)
func claudeRules(d dialect, thinking, temperature, maxTokens gjson.Result, forced bool, turns []turn) *flaw {
	if bad := signed(d, turns); bad != nil {
		return bad
	}
	kind := thinking.Get("type").Str
	if kind != "enabled" && kind != "adaptive" {
		return nil
	}
	budget := thinking.Get("budget_tokens")
	last := turns[len(turns)-1]
	switch {
	case kind == "enabled" && budget.Int() < 1024:
		return wrong("thinking.enabled.budget_tokens", "Input should be greater than or equal to 1024")
	case kind == "adaptive" && budget.Exists():
		return &flaw{"thinking.adaptive.budget_tokens", "", flawUnknown}
	case maxTokens.Exists() && budget.Int() >= maxTokens.Int():
		return wrong("max_tokens", "`max_tokens` must be greater than `thinking.budget_tokens`.")
	case temperature.Exists() && temperature.Num != 1:
		return wrong("temperature", "`temperature` may only be set to 1 when thinking is enabled.")
	case forced:
		return wrong("tool_choice", "Thinking may not be enabled when tool_choice forces tool use.")
	case last.role == "assistant":
		return wrong(last.path, "When thinking is enabled, the conversation must not end with an assistant message.")
	}
	if kind == "adaptive" || len(last.of(itemResult)) == 0 || len(turns) < 2 {
		return nil
	}
	if before := turns[len(turns)-2]; len(before.items) > 0 && before.items[0].kind != itemThought {
		return wrong(before.items[0].path, "Expected `thinking` or `redacted_thinking`, but found `tool_use`. When `thinking` is enabled, a final `assistant` message must start with a thinking block.")
	}
	return nil
}
