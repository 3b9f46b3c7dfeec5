package openai

import (
	"bytes"

	"github.com/ai-mcp-gateway/gateway/translate"
)

// reading is what one pass over an answer or a chunk finds.
type reading struct {
	failed     bool // there is an error
	data       bool // there is a data array
	choices    bool // there is a choices array
	count      int  // how many choices
	unfinished bool // one of them has no finish reason
	content    bool // one of them carries output of the model
	finish     translate.Finish
	usage      translate.Usage
	usageSpan  translate.Span // empty when the usage is not at the top level
}

// read reads body. ok is false when body is not one JSON object.
func read(body []byte) (r reading, ok bool) {
	o := translate.Members(body)
	for o.Next() {
		switch kind := o.Kind(); string(o.Key()) {
		case "choices":
			if r.choices = kind == translate.KindArray; r.choices {
				r.readChoices(o.Elements())
			}
		case "usage":
			if kind == translate.KindObject {
				r.usage = readUsage(o.Members())
				r.usageSpan = o.Span()
			}
		case "x_groq":
			r.readGroq(o.Members())
		case "data":
			r.data = kind == translate.KindArray
		case "error":
			r.failed = r.failed || filled(o.Value())
		case "object":
			r.failed = r.failed || string(o.Value()) == `"error"`
		}
	}
	return r, o.Complete()
}

func (r *reading) readChoices(choices translate.Array) {
	for choices.Next() {
		finish := translate.FinishNone
		o := choices.Members()
		for o.Next() {
			switch string(o.Key()) {
			case "finish_reason":
				finish = finishOf(o.Value())
			case "text":
				r.content = r.content || filled(o.Value())
			case "delta":
				r.content = carriesContent(o.Members()) || r.content
			}
		}
		r.count++
		r.unfinished = r.unfinished || finish == translate.FinishNone
		r.finish = max(r.finish, finish)
	}
}

// carriesContent reports whether a delta has output in it. Whatever it is
// named (content, refusal, reasoning, tool_calls, audio), it is not empty.
func carriesContent(delta translate.Object) bool {
	found := false
	for delta.Next() {
		found = found || string(delta.Key()) != "role" && filled(delta.Value())
	}
	return found
}

// readGroq reads the usage that Groq puts beside the usual one, or in its
// place.
func (r *reading) readGroq(o translate.Object) {
	for o.Next() {
		if string(o.Key()) == "usage" && r.usageSpan.Empty() {
			r.usage = readUsage(o.Members())
		}
	}
}

// filled reports whether raw is a string, an object or an array with
// something in it.
func filled(raw []byte) bool {
	switch translate.KindOf(raw) {
	case translate.KindString:
		return len(raw) > 2
	case translate.KindObject, translate.KindArray:
		return len(bytes.TrimLeft(raw[1:], " \t\r\n")) > 1
	default:
		return false
	}
}

func finishOf(raw []byte) translate.Finish {
	switch string(raw) {
	case `null`, `""`:
		return translate.FinishNone
	case `"stop"`:
		return translate.FinishStop
	case `"length"`:
		return translate.FinishLength
	case `"tool_calls"`, `"function_call"`:
		return translate.FinishTools
	case `"content_filter"`:
		return translate.FinishFilter
	default:
		return translate.FinishOther
	}
}

// readUsage reads a usage object. Numbers that cannot be are taken for zero.
func readUsage(o translate.Object) translate.Usage {
	var u translate.Usage
	var total int64
	for o.Next() {
		switch string(o.Key()) {
		case "prompt_tokens":
			u.In, u.Known = tokens(o.Value()), true
		case "completion_tokens":
			u.Out, u.Known = tokens(o.Value()), true
		case "total_tokens":
			total, u.Known = tokens(o.Value()), true
		case "prompt_tokens_details":
			readPromptDetails(o.Members(), &u)
		case "completion_tokens_details":
			readCompletionDetails(o.Members(), &u)
		case "prompt_cache_hit_tokens": // DeepSeek
			u.CacheRead = max(u.CacheRead, tokens(o.Value()))
		}
	}
	return reconcile(u, total)
}

func readPromptDetails(o translate.Object, u *translate.Usage) {
	for o.Next() {
		switch string(o.Key()) {
		case "cached_tokens":
			u.CacheRead = max(u.CacheRead, tokens(o.Value()))
		case "cache_write_tokens":
			u.CacheWrite = tokens(o.Value())
		}
	}
}

func readCompletionDetails(o translate.Object, u *translate.Usage) {
	for o.Next() {
		if string(o.Key()) == "reasoning_tokens" {
			u.Reasoning = tokens(o.Value())
		}
	}
}

// reconcile makes the parts agree. A total tells what is in the other
// numbers: some servers leave the reasoning tokens out of completion_tokens,
// and embeddings may come with nothing but a total.
func reconcile(u translate.Usage, total int64) translate.Usage {
	switch {
	case u.In == 0 && total > u.Out:
		u.In = total - u.Out
	case u.Reasoning > 0 && total == u.In+u.Out+u.Reasoning:
		u.Out += u.Reasoning
	}
	u.CacheRead = min(u.CacheRead, u.In)
	u.CacheWrite = min(u.CacheWrite, u.In-u.CacheRead)
	u.Reasoning = min(u.Reasoning, u.Out)
	return u
}

func tokens(raw []byte) int64 {
	n, ok := translate.Int(raw)
	if !ok || n < 0 || n > maxTokens {
		return 0
	}
	return n
}

// maxTokens is more than any call has; it keeps sums and prices in range.
const maxTokens = 1 << 40
