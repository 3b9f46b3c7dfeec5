package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/tidwall/gjson"
)

// shape checks a JSON value and says what is wrong with it, by its path.
type shape func(path string, v gjson.Result) error

// members are those of an object by name; one that ends in "?" may be absent.
type members map[string]shape

// object wants all its members, each once, and no others.
func object(want members) shape {
	return func(path string, v gjson.Result) (err error) {
		if !v.IsObject() {
			return fmt.Errorf("%s is no object: %.80s", path, v.Raw)
		}
		seen := map[string]bool{}
		v.ForEach(func(key, value gjson.Result) bool {
			check, at := want[key.Str], path+"."+key.Str
			if check == nil {
				check = want[key.Str+"?"]
			}
			switch {
			case seen[key.Str]:
				err = fmt.Errorf("%s is there twice", at)
			case check == nil:
				err = fmt.Errorf("%s is unknown", at)
			default:
				err = check(at, value)
			}
			seen[key.Str] = true
			return err == nil
		})
		for name := range want {
			if err == nil && !strings.HasSuffix(name, "?") && !seen[name] {
				return fmt.Errorf("%s.%s is missing", path, name)
			}
		}
		return err
	}
}

// list wants an array of a shape.
func list(each shape) shape {
	return func(path string, v gjson.Result) error {
		if !v.IsArray() {
			return fmt.Errorf("%s is no array: %.80s", path, v.Raw)
		}
		for i, one := range v.Array() {
			if err := each(path+"["+strconv.Itoa(i)+"]", one); err != nil {
				return err
			}
		}
		return nil
	}
}

// union wants an object of the shape that its member tag names.
func union(tag string, kinds map[string]members) shape {
	return func(path string, v gjson.Result) error {
		kind := v.Get(tag).Str
		want, ok := kinds[kind]
		if !ok {
			return fmt.Errorf("%s.%s is %q", path, tag, kind)
		}
		all := members{tag: str}
		for name, check := range want {
			all[name] = check
		}
		return object(all)(path, v)
	}
}

// word wants one of some strings.
func word(words ...string) shape {
	return func(path string, v gjson.Result) error {
		if v.Type != gjson.String || !slices.Contains(words, v.Str) {
			return fmt.Errorf("%s is %s, want one of %q", path, v.Raw, words)
		}
		return nil
	}
}

// starts wants a string with a beginning and more.
func starts(prefix string) shape {
	return func(path string, v gjson.Result) error {
		if v.Type != gjson.String || !strings.HasPrefix(v.Str, prefix) || v.Str == prefix {
			return fmt.Errorf("%s is %s, want %q and more", path, v.Raw, prefix)
		}
		return nil
	}
}

func kind(what string, is func(v gjson.Result) bool) shape {
	return func(path string, v gjson.Result) error {
		if !is(v) {
			return fmt.Errorf("%s is no %s: %.80s", path, what, v.Raw)
		}
		return nil
	}
}

// orNull takes null too.
func orNull(other shape) shape {
	return func(path string, v gjson.Result) error {
		if v.Type == gjson.Null {
			return nil
		}
		return other(path, v)
	}
}

var (
	str      = kind("string", func(v gjson.Result) bool { return v.Type == gjson.String })
	filled   = kind("text", func(v gjson.Result) bool { return v.Type == gjson.String && v.Str != "" })
	number   = kind("number", func(v gjson.Result) bool { return v.Type == gjson.Number })
	natural  = kind("natural number", func(v gjson.Result) bool { return v.Type == gjson.Number && !strings.ContainsAny(v.Raw, "-.eE") })
	boolean  = kind("boolean", gjson.Result.IsBool)
	anObject = kind("object", gjson.Result.IsObject)
	null     = kind("null", func(v gjson.Result) bool { return v.Type == gjson.Null })
	nothing  = kind("empty array", func(v gjson.Result) bool { return v.Raw == "[]" })
	anything = kind("value", gjson.Result.Exists)
	objText  = kind("JSON object in a string", func(v gjson.Result) bool {
		return v.Type == gjson.String && gjson.Valid(v.Str) && gjson.Parse(v.Str).IsObject()
	})
)

// OpenAI's chat completions, with the members that those have who can tell
// what a model thought, and why it stopped in their own words.
var (
	chatUsage = object(members{
		"prompt_tokens": natural, "completion_tokens": natural, "total_tokens": natural,
		"prompt_tokens_details?": object(members{
			"cached_tokens?": natural, "audio_tokens?": natural, "cache_write_tokens?": natural,
		}),
		"completion_tokens_details?": object(members{
			"reasoning_tokens?": natural, "audio_tokens?": natural, "accepted_prediction_tokens?": natural, "rejected_prediction_tokens?": natural,
		}),
		"cost?": number,
	})
	chatThought = object(members{
		"type": word("reasoning.text", "reasoning.encrypted", "reasoning.summary"), "text?": str, "data?": filled,
		"signature?": filled, "format?": filled, "index?": natural, "id?": orNull(filled),
	})
	chatReason  = word("stop", "length", "tool_calls", "content_filter")
	chatMessage = object(members{
		"role": word("assistant"), "content": orNull(str), "refusal": orNull(filled), "annotations?": list(anything),
		"reasoning_content?": filled, "reasoning_details?": list(chatThought),
		"tool_calls?": list(union("type", map[string]members{"function": {
			"id": filled, "function": object(members{"name": filled, "arguments": objText}), "extra_content?": anObject,
		}})),
	})
	chatAnswer = object(members{
		"id": filled, "object": word("chat.completion"), "created": natural, "model": filled, "usage": chatUsage,
		"service_tier?": filled, "system_fingerprint?": filled,
		"choices": list(object(members{
			"index": natural, "message": chatMessage, "logprobs": null, "finish_reason": chatReason, "native_finish_reason?": filled,
			"content_filter_results?": anObject,
		})),
	})
	chatChunk = object(members{
		"id": filled, "object": word("chat.completion.chunk"), "created": natural, "model": filled, "usage?": orNull(chatUsage),
		"service_tier?": filled, "system_fingerprint?": filled,
		"choices": list(object(members{
			"index": natural, "logprobs?": null, "finish_reason": orNull(chatReason), "native_finish_reason?": filled,
			"content_filter_results?": anObject,
			"delta": object(members{
				"role?": word("assistant"), "content?": orNull(str), "refusal?": orNull(str), "annotations?": list(anything),
				"reasoning_content?": filled, "reasoning_details?": list(chatThought),
				"tool_calls?": list(object(members{
					"index": natural, "id?": filled, "type?": word("function"), "extra_content?": anObject,
					"function": object(members{"name?": filled, "arguments": str}),
				})),
			}),
		})),
	})
	completionAnswer = object(members{
		"id": filled, "object": word("text_completion"), "created": natural, "model": filled, "usage": chatUsage,
		"service_tier?": filled, "system_fingerprint?": filled,
		"choices": list(object(members{
			"index": natural, "text": str, "logprobs": null, "finish_reason": word("stop", "length", "content_filter"),
			"native_finish_reason?": filled, "content_filter_results?": anObject,
		})),
	})
	completionChunk = object(members{
		"id": filled, "object": word("text_completion"), "created": natural, "model": filled, "usage?": orNull(chatUsage),
		"service_tier?": filled, "system_fingerprint?": filled,
		"choices": list(object(members{
			"index": natural, "text": str, "logprobs": null, "finish_reason": orNull(word("stop", "length", "content_filter")),
			"native_finish_reason?": filled, "content_filter_results?": anObject,
		})),
	})
)

// OpenAI's Responses.
var (
	responsePart = union("type", map[string]members{
		"output_text": {"text": str, "annotations": list(anything), "logprobs?": nothing}, "refusal": {"refusal": filled},
	})
	responseItem = union("type", map[string]members{
		"message": {
			"id": starts("msg_"), "status": word("completed", "incomplete"), "role": word("assistant"), "content": list(responsePart),
		},
		"function_call": {
			"id": starts("fc_"), "status": word("completed", "incomplete"), "call_id": filled, "name": filled, "arguments": objText,
		},
		"reasoning": {
			"id": starts("rs_"), "encrypted_content?": orNull(filled), "status?": filled,
			"summary": list(object(members{"type": word("summary_text"), "text": str})),
		},
	})
	responseUsage = object(members{
		"input_tokens": natural, "input_tokens_details": object(members{"cached_tokens": natural, "cache_write_tokens?": natural}),
		"output_tokens": natural, "output_tokens_details": object(members{"reasoning_tokens": natural}), "total_tokens": natural,
		"cost?": number,
	})
	// responseBody leaves out what depends on how far the response is.
	responseBody = members{
		"id": starts("resp_"), "object": word("response"), "created_at": natural, "background?": boolean, "conversation?": null, "prompt?": null, "prompt_cache_options?": null,
		"frequency_penalty?": orNull(number), "presence_penalty?": orNull(number), "model": filled,
		"instructions": orNull(str), "max_output_tokens": orNull(natural), "max_tool_calls?": orNull(natural),
		"metadata": orNull(anObject), "parallel_tool_calls": boolean, "previous_response_id": orNull(filled),
		"reasoning":          object(members{"effort": orNull(filled), "summary": orNull(filled)}),
		"safety_identifier?": orNull(filled), "service_tier?": orNull(filled), "store": boolean, "temperature": orNull(number),
		"text":        object(members{"format": anObject, "verbosity?": orNull(filled)}),
		"tool_choice": anything, "tools": list(anObject), "top_logprobs?": orNull(natural), "top_p": orNull(number),
		"truncation": orNull(filled), "user": orNull(filled), "prompt_cache_key?": orNull(filled), "prompt_cache_retention?": orNull(filled),
	}
	responseAnswer = object(with(responseBody, members{
		"status": word("completed", "incomplete"), "completed_at?": orNull(natural), "error": null, "usage": responseUsage,
		"incomplete_details": orNull(object(members{"reason": word("max_output_tokens", "content_filter")})), "output": list(responseItem),
	}))
	responseBegun = object(with(responseBody, members{
		"status": word("in_progress"), "completed_at?": null, "error": null, "usage": null, "incomplete_details": null, "output": nothing,
	}))
)

// Anthropic's Messages.
var (
	messageUsage = members{
		"cache_creation_input_tokens?": orNull(natural), "cache_read_input_tokens?": orNull(natural), "output_tokens": natural,
		"cache_creation?":        orNull(object(members{"ephemeral_5m_input_tokens": natural, "ephemeral_1h_input_tokens": natural})),
		"output_tokens_details?": object(members{"thinking_tokens": natural}), "server_tool_use?": null,
		"service_tier?": orNull(word("standard", "priority", "batch")), "cost?": number, "inference_geo?": orNull(filled),
	}
	messageBlock = union("type", map[string]members{
		"text":              {"text": filled, "citations?": orNull(list(anything))},
		"thinking":          {"thinking": str, "signature": filled},
		"redacted_thinking": {"data": filled},
		"tool_use":          {"id": filled, "name": filled, "input": anObject},
	})
	stopDetails   = orNull(object(members{"type": word("refusal"), "category": orNull(filled), "explanation": orNull(filled)}))
	messageAnswer = object(members{
		"id": filled, "type": word("message"), "role": word("assistant"), "model": filled, "content": list(messageBlock),
		"stop_reason": word("end_turn", "stop_sequence", "max_tokens", "tool_use", "refusal"), "stop_sequence": orNull(filled),
		"stop_details?": stopDetails, "container?": null, "usage": object(with(messageUsage, members{"input_tokens": natural})),
	})
	messageBegun = object(members{
		"id": filled, "type": word("message"), "role": word("assistant"), "model": filled, "content": nothing,
		"stop_reason": null, "stop_sequence": null, "stop_details?": null, "container?": null,
		"usage": object(with(messageUsage, members{"input_tokens": natural})),
	})
	messageEvent = union("type", map[string]members{
		"message_start":      {"message": messageBegun},
		"ping":               {},
		"content_block_stop": {"index": natural},
		"message_stop":       {},
		"content_block_start": {"index": natural, "content_block": union("type", map[string]members{
			"text": {"text": word(""), "citations?": null}, "thinking": {"thinking": word(""), "signature": word("")},
			"redacted_thinking": {"data": filled}, "tool_use": {"id": filled, "name": filled, "input": anObject},
		})},
		"content_block_delta": {"index": natural, "delta": union("type", map[string]members{
			"text_delta": {"text": filled}, "thinking_delta": {"thinking": filled}, "signature_delta": {"signature": filled},
			"input_json_delta": {"partial_json": str}, "citations_delta": {"citation": anObject},
		})},
		"message_delta": {
			"delta": object(members{
				"stop_reason":   word("end_turn", "stop_sequence", "max_tokens", "tool_use", "refusal"),
				"stop_sequence": orNull(filled), "stop_details?": stopDetails, "container?": null,
			}),
			"usage": object(with(messageUsage, members{"input_tokens?": natural})),
		},
	})
)

func with(a, b members) members {
	all := members{}
	for name, check := range a {
		all[name] = check
	}
	for name, check := range b {
		all[name] = check
	}
	return all
}
