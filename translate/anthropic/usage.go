package anthropic

import (
	"strconv"

	"github.com/ai-mcp-gateway/gateway/translate"
	"github.com/ai-mcp-gateway/gateway/translate/neutral"
)

// counts are the numbers of a usage object. In a stream each report is a
// snapshot of the whole, which may leave fields out: a later value takes the
// place of the earlier one, and nothing is added up.
type counts struct {
	input, cacheRead, cacheWrite int64
	short, hour                  int64 // the parts of cacheWrite
	output, thinking             int64
	tier                         string // in OpenAI's words
	known                        bool
}

// read takes what the usage object o has.
func (n *counts) read(o translate.Object) {
	for o.Next() {
		if o.Kind() == translate.KindNull {
			continue
		}
		switch string(o.Key()) {
		case "input_tokens":
			n.input, n.known = tokens(o.Value()), true
		case "cache_read_input_tokens":
			n.cacheRead, n.known = tokens(o.Value()), true
		case "cache_creation_input_tokens":
			n.cacheWrite, n.known = tokens(o.Value()), true
		case "output_tokens":
			n.output, n.known = tokens(o.Value()), true
		case "cache_creation":
			n.readCreation(o.Members())
		case "output_tokens_details":
			n.readDetails(o.Members())
		case "service_tier":
			n.tier = tierIn(unquoted(o.Value()))
		}
	}
}

func (n *counts) readCreation(o translate.Object) {
	for o.Next() {
		switch string(o.Key()) {
		case "ephemeral_5m_input_tokens":
			n.short = tokens(o.Value())
		case "ephemeral_1h_input_tokens":
			n.hour = tokens(o.Value())
		}
	}
}

func (n *counts) readDetails(o translate.Object) {
	for o.Next() {
		if string(o.Key()) == "thinking_tokens" {
			n.thinking = tokens(o.Value())
		}
	}
}

// usage is what has been counted: In with the caches, which Anthropic counts
// beside it.
func (n *counts) usage() neutral.Usage {
	write := max(n.cacheWrite, n.short+n.hour)
	return neutral.Usage{
		Usage: translate.Usage{
			In:         n.input + n.cacheRead + write,
			CacheRead:  n.cacheRead,
			CacheWrite: write,
			Out:        n.output,
			Reasoning:  min(n.thinking, n.output),
			Known:      n.known,
		},
		CacheWriteHour: n.hour,
	}
}

// maxTokens is more than any call has; it keeps sums and prices in range.
const maxTokens = 1 << 40

// tokens returns a raw count; numbers that cannot be are taken for zero.
func tokens(raw []byte) int64 {
	n, ok := translate.Int(raw)
	if !ok || n < 0 || n > maxTokens {
		return 0
	}
	return n
}

// tierIn and tierOut turn the service tier of an answer into OpenAI's words
// and back.
func tierIn(tier []byte) string {
	if string(tier) == "standard" {
		return "default"
	}
	return string(tier)
}

func tierOut(tier string) string {
	if tier == "default" {
		return "standard"
	}
	return tier
}

// appendUsage appends u as a usage object. whole adds what a message says and
// the end of a stream does not.
func appendUsage(dst []byte, u *neutral.Usage, tier string, whole bool) []byte {
	dst = append(dst, `{"input_tokens":`...)
	dst = strconv.AppendInt(dst, max(0, u.In-u.CacheRead-u.CacheWrite), 10)
	dst = append(dst, `,"cache_creation_input_tokens":`...)
	dst = strconv.AppendInt(dst, u.CacheWrite, 10)
	dst = append(dst, `,"cache_read_input_tokens":`...)
	dst = strconv.AppendInt(dst, u.CacheRead, 10)
	if whole {
		dst = append(dst, `,"cache_creation":{"ephemeral_5m_input_tokens":`...)
		dst = strconv.AppendInt(dst, max(0, u.CacheWrite-u.CacheWriteHour), 10)
		dst = append(dst, `,"ephemeral_1h_input_tokens":`...)
		dst = strconv.AppendInt(dst, u.CacheWriteHour, 10)
		dst = append(dst, '}')
	}
	dst = append(dst, `,"output_tokens":`...)
	dst = strconv.AppendInt(dst, u.Out, 10)
	if u.Reasoning > 0 {
		dst = append(dst, `,"output_tokens_details":{"thinking_tokens":`...)
		dst = append(strconv.AppendInt(dst, u.Reasoning, 10), '}')
	}
	dst = append(dst, `,"server_tool_use":null`...)
	if whole {
		dst = appendNullable(append(dst, `,"service_tier":`...), tierOut(tier))
	}
	return append(dst, '}')
}

// appendNullable appends text as a string, or null where there is none.
func appendNullable(dst []byte, text string) []byte {
	if text == "" {
		return append(dst, "null"...)
	}
	return translate.AppendString(dst, []byte(text))
}
