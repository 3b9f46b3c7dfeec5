package engine

import (
	"bytes"

	"github.com/ai-mcp-gateway/gateway/translate"
)

// readSurfaceUsage finds the usage of a whole JSON answer. Usage that is not in
// tokens, as that of some transcriptions, is none that a price is known for.
func readSurfaceUsage(body []byte) (u translate.Usage) {
	o := translate.Members(body)
	for o.Next() {
		if string(o.Key()) == "usage" && o.Kind() == translate.KindObject {
			u = readTokens(o.Members())
		}
	}
	return u
}

// readTokens reads a usage object in any of the spellings that OpenAI's API
// has for it.
func readTokens(o translate.Object) (u translate.Usage) {
	var total int64
	for o.Next() {
		n, ok := translate.Int(o.Value())
		ok = ok && n >= 0
		switch string(o.Key()) {
		case "input_tokens", "prompt_tokens":
			if ok {
				u.In, u.Known = n, true
			}
		case "output_tokens", "completion_tokens":
			if ok {
				u.Out, u.Known = n, true
			}
		case "total_tokens":
			if ok {
				total, u.Known = n, true
			}
		case "input_tokens_details", "prompt_tokens_details":
			u.CacheRead = readCached(o.Members())
		}
	}
	if u.In == 0 {
		u.In = max(0, total-u.Out)
	}
	u.CacheRead = min(u.CacheRead, u.In)
	return u
}

func readCached(o translate.Object) (cached int64) {
	for o.Next() {
		if n, ok := translate.Int(o.Value()); ok && n > 0 && string(o.Key()) == "cached_tokens" {
			cached = n
		}
	}
	return cached
}

// maxUsageTail is how much of the end of a stream is kept for its usage, which
// stands at the end of the last event, behind what may be a whole picture.
const maxUsageTail = 4 << 10

var usageKey = []byte(`"usage":`)

// usageTail keeps the end of a stream of events. The zero value is ready.
type usageTail struct{ end []byte }

// add takes the next bytes of the stream.
func (u *usageTail) add(p []byte) {
	if over := len(u.end) + len(p) - maxUsageTail; over > 0 {
		drop := min(over, len(u.end))
		u.end = u.end[:copy(u.end, u.end[drop:])]
		p = p[over-drop:]
	}
	u.end = append(u.end, p...)
}

// usage is the last that was reported. The text of the key with its quotes can
// stand nowhere but at a key: in a string, its quotes are escaped.
func (u *usageTail) usage() translate.Usage {
	i := bytes.LastIndex(u.end, usageKey)
	if i < 0 {
		return translate.Usage{}
	}
	return readTokens(translate.Members(bytes.TrimLeft(u.end[i+len(usageKey):], " ")))
}
