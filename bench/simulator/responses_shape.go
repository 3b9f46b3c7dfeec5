package simulator

import (
	"strings"

	"github.com/tidwall/gjson"
)

// What OpenAI's Responses API takes (https://platform.openai.com/docs/api-reference/responses/create).
var (
	responseTextPart  = fields{"text!": anyText, "prompt_cache_breakpoint": anyObject}
	responseImagePart = fields{"image_url": anyText, "file_id": anyText, "detail": word("auto", "low", "high", "original"), "prompt_cache_breakpoint": anyObject}
	responseFilePart  = fields{"file_data": anyText, "file_id": anyText, "file_url": anyText, "filename": anyText, "detail": anyText, "prompt_cache_breakpoint": anyObject}
	responseInput     = either(anyText, array(0, 0, tagged("type", map[string]fields{
		"input_text": responseTextPart, "input_image": responseImagePart, "input_file": responseFilePart,
	})))
	responseOutput = either(anyText, array(0, 0, tagged("type", map[string]fields{
		"output_text": {"text!": anyText, "annotations": array(0, 0, anyObject), "logprobs": anything}, "refusal": {"refusal!": anyText},
	})))
	responseStatus = word("in_progress", "completed", "incomplete")
	responseItems  = map[string]fields{
		"function_call": {
			"id": like(`fc_.+`), "call_id!": someText(1, 64), "name!": responseName, "arguments!": anyText, "status": responseStatus,
			"namespace": anyText,
		},
		"function_call_output": {"id": anyText, "call_id!": someText(1, 64), "output!": responseInput, "status": responseStatus},
		"custom_tool_call":     {"id": anyText, "call_id!": someText(1, 64), "name!": responseName, "input!": anyText, "status": responseStatus},
		"custom_tool_call_output": {
			"id": anyText, "call_id!": someText(1, 64), "output!": responseInput, "status": responseStatus,
		},
		"reasoning": {
			"id": like(`rs_.+`), "encrypted_content": anyText, "status": responseStatus,
			"summary!": array(0, 0, tagged("type", map[string]fields{"summary_text": {"text!": anyText}})),
			"content":  array(0, 0, tagged("type", map[string]fields{"reasoning_text": {"text!": anyText}})),
		},
		"item_reference": {"id!": nonEmpty},
	}
	responseMessages = map[string]fields{
		"user": {"content!": responseInput}, "system": {"content!": responseInput}, "developer": {"content!": responseInput},
		"assistant": {"content!": responseOutput},
	}
	responseMessage = fields{"type": word("message"), "id": like(`msg_.+`), "status": responseStatus, "phase": word("commentary", "final_answer")}

	responseName = like(`[a-zA-Z0-9_-]{1,64}`)
	// A tool that OpenAI runs itself is taken and never used.
	responseTool  = hosted(`web_search.*|file_search|code_interpreter|image_generation|mcp|local_shell|shell|computer.*`, tagged("type", responseTools))
	responseTools = map[string]fields{
		"function": {"name!": responseName, "description": anyText, "parameters": jsonSchema, "strict": truth, "defer_loading": truth},
		"custom":   {"name!": responseName, "description": anyText, "format": anyObject, "defer_loading": truth},
	}
	responseChoice = either(word("auto", "none", "required"), tagged("type", map[string]fields{
		"function": {"name!": responseName}, "custom": {"name!": responseName},
		"allowed_tools": {"mode!": word("auto", "required"), "tools!": array(1, 0, tagged("type", map[string]fields{
			"function": {"name!": responseName}, "custom": {"name!": responseName},
		}))},
	}))
	responseRequest = object(fields{
		"model!": nonEmpty, "input!": either(anyText, array(1, 0, responseItem)), "instructions": anyText,
		"tools": array(0, 128, responseTool), "tool_choice": responseChoice, "parallel_tool_calls": truth,
		"max_tool_calls": positive, "max_output_tokens": integral(16, 1<<31), "temperature": decimal(0, 2), "top_p": decimal(0, 1),
		"top_logprobs": integral(0, 20), "stream": truth, "stream_options": object(fields{"include_obfuscation": truth}),
		"store": truth, "background": truth, "previous_response_id": anyText, "conversation": either(anyText, anyObject), "prompt": anyObject,
		"metadata": anyObject, "user": anyText, "safety_identifier": someText(0, 64), "prompt_cache_key": anyText,
		"prompt_cache_retention": anyText, "prompt_cache_options": anyObject, "truncation": word("auto", "disabled"),
		"service_tier": word("auto", "default", "flex", "scale", "priority", "fast", "ultrafast"),
		"include":      array(0, 0, anyText), "context_management": anything,
		"reasoning": object(fields{
			"effort": word("none", "minimal", "low", "medium", "high", "xhigh", "max"), "summary": word("auto", "concise", "detailed"),
			"generate_summary": anyText, "mode": anyText, "context": anyText,
		}),
		"text": object(fields{"verbosity": word("low", "medium", "high"), "format": tagged("type", map[string]fields{
			"text": {}, "json_object": {},
			"json_schema": {"name!": responseName, "schema!": anyObject, "strict": truth, "description": anyText},
		})}),
	})
)

// responseItem takes an item of the input. A message need not say that it is one.
func responseItem(path string, v gjson.Result) *flaw {
	if kind := member(v, "type"); kind.Exists() && kind.Str != "message" {
		return tagged("type", responseItems)(path, v)
	}
	all := map[string]fields{}
	for role, f := range responseMessages {
		all[role] = f.and(responseMessage)
	}
	return tagged("role", all)(path, v)
}

// responseRules are what the shape does not say.
func responseRules(in gjson.Result, a *ask, items []gjson.Result) *flaw {
	calls, outputs := map[string]bool{}, map[string]bool{}
	for _, v := range items {
		id := v.Get("call_id").Str
		switch v.Get("type").Str {
		case "function_call", "custom_tool_call":
			calls[id] = true
		case "function_call_output", "custom_tool_call_output":
			if !calls[id] {
				return wrong("input", "No tool call found for function call output with call_id %s.", id)
			}
			outputs[id] = true
		case "reasoning":
			if bad := responseThought(in, v); bad != nil {
				return bad
			}
		case "item_reference":
			return wrong("input", "Item with id '%s' not found.", v.Get("id").Str)
		}
	}
	for id := range calls {
		if !outputs[id] {
			return wrong("input", "No tool output found for function call %s.", id)
		}
	}
	if len(a.tools) == 0 && in.Get("tool_choice").Exists() && in.Get("tool_choice").Str != "none" && in.Get("tool_choice").Str != "auto" {
		return wrong("tool_choice", "Tool choice may only be set when tools are provided.")
	}
	for _, t := range in.Get("tools").Array() {
		if bad := strictSchema("tools", t.Get("parameters")); t.Get("strict").Bool() && bad != nil {
			return bad
		}
	}
	if format := in.Get("text.format"); format.Get("strict").Bool() {
		if bad := strictSchema("text.format.schema", format.Get("schema")); bad != nil {
			return bad
		}
	}
	return a.knownTools("tool_choice")
}

// responseThought wants a thought's encrypted content to be ours, and to be there if nothing is stored. Without an id it
// stands for itself.
func responseThought(in, v gjson.Result) *flaw {
	sealed := v.Get("encrypted_content")
	id := v.Get("id").Str
	switch {
	case sealed.Type == gjson.String && id == "" && sealOf(responses, sealed.Str):
		return nil
	case sealed.Type == gjson.String && sealed.Str != signature(responses, strings.TrimPrefix(id, "rs_")):
		return wrong("input", "The encrypted content for item %s could not be verified.", id)
	case sealed.Type != gjson.String && in.Get("store").Type == gjson.False && id != "":
		return wrong("input", "Item with id '%s' not found. Items are not persisted when `store` is set to false.", id)
	}
	return nil
}

// strictSchema wants every object in a schema to be closed and all its properties to be required, as OpenAI does where
// strict is set. (https://platform.openai.com/docs/guides/structured-outputs#supported-schemas)
func strictSchema(path string, schema gjson.Result) (bad *flaw) {
	if !schema.IsObject() && !schema.IsArray() {
		return nil
	}
	if properties := member(schema, "properties"); schema.IsObject() && properties.IsObject() {
		required := map[string]bool{}
		for _, name := range member(schema, "required").Array() {
			required[name.Str] = true
		}
		if member(schema, "additionalProperties").Type != gjson.False {
			return wrong(path, "Invalid schema: In context=(), 'additionalProperties' is required to be supplied and to be false.")
		}
		properties.ForEach(func(name, _ gjson.Result) bool {
			if !required[name.Str] {
				bad = wrong(path, "Invalid schema: In context=(), 'required' is required to be supplied and to be an array including every key in properties. Missing '%s'.", name.Str)
			}
			return bad == nil
		})
	}
	schema.ForEach(func(key, inner gjson.Result) bool {
		if bad == nil && key.Str != "enum" && key.Str != "const" {
			bad = strictSchema(path, inner)
		}
		return bad == nil
	})
	return bad
}
