package bedrock

import (
	"github.com/ai-mcp-gateway/gateway/translate"
	"github.com/ai-mcp-gateway/gateway/translate/neutral"
)

// finish is how an answer ended.
type finish struct {
	said             neutral.Finish
	native, sequence string
}

func (f *finish) read(raw []byte) {
	f.native = stringOf(raw)
	switch f.native {
	case "end_turn":
		f.said = neutral.FinishStop
	case "stop_sequence":
		f.said = neutral.FinishStopSequence
	case "tool_use":
		f.said = neutral.FinishTools
	case "max_tokens":
		f.said = neutral.FinishLength
	case "model_context_window_exceeded":
		f.said = neutral.FinishContext
	case "content_filtered", "guardrail_intervened":
		f.said = neutral.FinishFilter
	case "malformed_model_output", "malformed_tool_use":
		f.said = neutral.FinishMalformed
	default:
		f.said = neutral.FinishOther
	}
}

// readExtra reads what was asked for in additionalModelResponseFieldPaths: the
// stop sequence, which stands in a delta where the model streamed.
func (f *finish) readExtra(o translate.Object) {
	for o.Next() {
		switch string(o.Key()) {
		case "stop_sequence":
			f.sequence = stringOf(o.Value())
		case "delta":
			f.readExtra(o.Members())
		}
	}
}

// reason is why the model stopped, given whether it calls tools. One that
// "calls" the tool that stands for the form of its answer has just answered.
func (f *finish) reason(calls bool) neutral.Finish {
	if f.said == neutral.FinishTools && !calls {
		return neutral.FinishStop
	}
	return neutral.Reason(f.said, calls)
}

// readUsage reads a usage object. The input tokens leave out what the cache
// took part in; of the models for which they do not, the total tells.
func readUsage(o translate.Object) neutral.Usage {
	var u neutral.Usage
	for o.Next() {
		switch string(o.Key()) {
		case "inputTokens":
			u.In, u.Known = tokens(o.Value()), true
		case "outputTokens":
			u.Out, u.Known = tokens(o.Value()), true
		case "totalTokens":
			u.Total = tokens(o.Value())
		case "cacheReadInputTokens", "cacheReadInputTokenCount":
			u.CacheRead = max(u.CacheRead, tokens(o.Value()))
		case "cacheWriteInputTokens", "cacheWriteInputTokenCount":
			u.CacheWrite = max(u.CacheWrite, tokens(o.Value()))
		case "cacheDetails":
			u.CacheWriteHour = readCacheDetails(o.Elements())
		}
	}
	cached := u.CacheRead + u.CacheWrite
	if inclusive := u.Total == u.In+u.Out && u.In >= cached; !inclusive {
		u.In += cached
	}
	u.CacheWriteHour = min(u.CacheWriteHour, u.CacheWrite)
	return u
}

// readCacheDetails returns how much was written for an hour.
func readCacheDetails(list translate.Array) (hour int64) {
	for list.Next() {
		var n int64
		long := false
		o := list.Members()
		for o.Next() {
			switch string(o.Key()) {
			case "ttl":
				long = string(o.Value()) == `"1h"`
			case "inputTokens":
				n = tokens(o.Value())
			}
		}
		if long {
			hour += n
		}
	}
	return hour
}

func readTier(o translate.Object) (tier string) {
	for o.Next() {
		if string(o.Key()) == "type" {
			tier = stringOf(o.Value())
		}
	}
	return tier
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
