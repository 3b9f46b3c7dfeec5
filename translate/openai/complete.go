package openai

import (
	"slices"
	"strconv"

	"github.com/ai-mcp-gateway/gateway/translate"
)

// complete turns the chunks of a stream that have been merged into an answer.
// It reports false when a choice has not come to its end.
func (o *object) complete(op translate.Op) bool {
	if kind := o.member([]byte("object")); kind != nil && op == translate.OpChat {
		kind.raw = []byte(`"chat.completion"`)
	}
	o.members = slices.DeleteFunc(o.members, func(v *value) bool {
		return string(v.key) == "usage" && v.isNull()
	})
	choices := o.member([]byte("choices"))
	if choices == nil || len(choices.objects) == 0 {
		return false
	}
	for _, choice := range choices.objects {
		choice.require("index", strconv.FormatInt(choice.index, 10))
		finish := choice.member([]byte("finish_reason"))
		if finish == nil || !filled(finish.raw) {
			return false
		}
		if op == translate.OpChat && !choice.completeMessage() {
			return false
		}
	}
	return true
}

// completeMessage makes the merged deltas of a choice its message.
func (o *object) completeMessage() bool {
	delta := o.member([]byte("delta"))
	if delta == nil || !delta.set {
		return false
	}
	delta.key = []byte("message")
	message := &delta.object
	message.require("role", `"assistant"`)
	content := message.require("content", "null")
	if len(content.text) == 0 && message.speaksOtherwise() {
		content.set, content.raw = false, null // a stream says "" where an answer says null
	}
	return true
}

// require returns the member key, which has the value raw if it was absent.
func (o *object) require(key, raw string) *value {
	v := o.member([]byte(key))
	if v == nil {
		v = &value{key: []byte(key), raw: []byte(raw)}
		o.members = append(o.members, v)
	}
	return v
}

// speaksOtherwise reports whether the message has a refusal or calls a tool.
func (o *object) speaksOtherwise() bool {
	return slices.ContainsFunc(o.members, func(v *value) bool {
		switch string(v.key) {
		case "refusal":
			return len(v.text) > 0
		case "tool_calls":
			return len(v.objects) > 0
		case "function_call":
			return v.set
		default:
			return false
		}
	})
}

// append appends the object as JSON.
func (o *object) append(dst []byte) []byte {
	dst = append(dst, '{')
	for i, v := range o.members {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(append(append(dst, '"'), v.key...), '"', ':')
		dst = v.append(dst)
	}
	return append(dst, '}')
}

func (v *value) append(dst []byte) []byte {
	if !v.set {
		return append(dst, v.raw...)
	}
	switch v.rule {
	case ruleText:
		return append(append(append(dst, '"'), v.text...), '"')
	case ruleArray:
		return append(append(append(dst, '['), v.text...), ']')
	case ruleObject:
		return v.object.append(dst)
	default:
		dst = append(dst, '[')
		for i, o := range v.objects {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = o.append(dst)
		}
		return append(dst, ']')
	}
}
