package telemetry

import (
	"strconv"
	"time"
	"unicode/utf8"
)

// maxValue is the most bytes of a value in a call line, before escaping.
const maxValue = 256

// appendCall appends c as one JSON line in the shape of slog's handler. It is
// written out by hand because every call pays for it.
func appendCall(dst []byte, c *Call) []byte {
	dst = append(dst, `{"time":"`...)
	dst = c.Time.Add(c.Duration).UTC().AppendFormat(dst, time.RFC3339Nano)
	dst = append(dst, `","level":"`...)
	dst = append(dst, callLevel(c).String()...)
	dst = append(dst, `","msg":"call"`...)
	dst = appendText(dst, `,"request_id":`, c.RequestID)
	dst = appendText(dst, `,"trace_id":`, c.TraceID)
	dst = appendText(dst, `,"method":`, c.Method)
	dst = appendText(dst, `,"route":`, c.Route)
	dst = appendText(dst, `,"op":`, c.Op)
	dst = appendNumber(dst, `,"status":`, int64(c.Status))
	dst = appendText(dst, `,"error":`, c.ErrorCode)
	dst = appendText(dst, `,"tenant":`, c.Tenant)
	dst = appendText(dst, `,"project":`, c.Project)
	dst = appendText(dst, `,"user":`, c.User)
	dst = appendText(dst, `,"key_id":`, c.KeyID)
	dst = appendText(dst, `,"model":`, c.Model)
	dst = appendText(dst, `,"target_model":`, c.TargetModel)
	dst = appendText(dst, `,"provider":`, c.Provider)
	dst = appendText(dst, `,"tier":`, c.Tier)
	dst = appendText(dst, `,"reason":`, c.Reason)
	dst = appendText(dst, `,"complexity":`, c.Complexity)
	dst = appendText(dst, `,"quality":`, c.Quality)
	dst = appendText(dst, `,"task":`, c.Task)
	dst = appendText(dst, `,"check":`, c.Check)
	if c.Escalated {
		dst = append(dst, `,"escalated":true`...)
	}
	dst = appendText(dst, `,"cache":`, c.Cache)
	dst = appendText(dst, `,"cache_reason":`, c.CacheReason)
	if c.Stream {
		dst = append(dst, `,"stream":true`...)
	}
	if c.Op != "" || len(c.Attempts) > 0 {
		dst = appendBill(dst, c)
	}
	dst = appendMicros(dst, `,"duration_us":`, c.Duration)
	dst = appendMicros(dst, `,"first_byte_us":`, c.FirstByte)
	dst = appendMicros(dst, `,"overhead_us":`, c.Overhead)
	dst = appendNumber(dst, `,"bytes_in":`, c.BytesIn)
	dst = appendNumber(dst, `,"bytes_out":`, c.BytesOut)
	return append(dst, "}\n"...)
}

// appendBill appends what the call used and cost, and each attempt when there
// was more than one.
func appendBill(dst []byte, c *Call) []byte {
	dst = appendTokens(dst, &c.Tokens)
	dst = appendCost(dst, c.CostNano, c.CostKnown)
	if c.Estimated {
		dst = append(dst, `,"estimated":true`...)
	}
	dst = appendNumber(dst, `,"attempts":`, int64(len(c.Attempts)))
	if len(c.Attempts) < 2 {
		return dst
	}
	dst = append(dst, `,"tries":[`...)
	for i := range c.Attempts {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendAttempt(dst, &c.Attempts[i])
	}
	return append(dst, ']')
}

func appendAttempt(dst []byte, a *Attempt) []byte {
	dst = appendNumber(dst, `{"status":`, int64(a.Status))
	dst = appendText(dst, `,"provider":`, a.Provider)
	dst = appendText(dst, `,"model":`, a.Model)
	dst = appendText(dst, `,"error":`, a.ErrorCode)
	dst = appendTokens(dst, &a.Tokens)
	dst = appendCost(dst, a.CostNano, a.CostKnown)
	dst = appendMicros(dst, `,"duration_us":`, a.Duration)
	return append(dst, '}')
}

func appendTokens(dst []byte, t *Tokens) []byte {
	dst = appendNumber(dst, `,"tokens_in":`, t.In)
	dst = appendNumber(dst, `,"tokens_out":`, t.Out)
	if t.CacheRead != 0 {
		dst = appendNumber(dst, `,"tokens_cache_read":`, t.CacheRead)
	}
	if t.CacheWrite != 0 {
		dst = appendNumber(dst, `,"tokens_cache_write":`, t.CacheWrite)
	}
	if t.Reasoning != 0 {
		dst = appendNumber(dst, `,"tokens_reasoning":`, t.Reasoning)
	}
	return dst
}

func appendCost(dst []byte, nano int64, known bool) []byte {
	dst = appendNumber(dst, `,"cost_nano":`, nano)
	if !known {
		dst = append(dst, `,"cost_known":false`...)
	}
	return dst
}

func appendMicros(dst []byte, key string, d time.Duration) []byte {
	if d == 0 {
		return dst
	}
	return appendNumber(dst, key, d.Microseconds())
}

func appendNumber(dst []byte, key string, n int64) []byte {
	return strconv.AppendInt(append(dst, key...), n, 10)
}

// appendText appends a key, ready for the wire, and a value to be quoted; an
// empty value appends nothing.
func appendText(dst []byte, key, value string) []byte {
	if value == "" {
		return dst
	}
	dst = append(dst, key...)
	dst = append(dst, '"')
	if len(value) > maxValue {
		dst = appendEscaped(dst, cut(value))
		dst = append(dst, "…"...)
	} else {
		dst = appendEscaped(dst, value)
	}
	return append(dst, '"')
}

// cut shortens s to maxValue bytes less an ellipsis, between two characters.
func cut(s string) string {
	n := maxValue - len("…")
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// appendEscaped appends s as the inside of a JSON string. Whatever does not
// print (control, bidirectional and zero-width characters, broken UTF-8) is
// escaped, so that a line is safe to show on a terminal.
func appendEscaped(dst []byte, s string) []byte {
	start := 0
	for i := 0; i < len(s); {
		if plain[s[i]] {
			i++
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		if size > 1 && strconv.IsPrint(r) {
			i += size
			continue
		}
		dst = append(dst, s[start:i]...)
		dst = appendRune(dst, r)
		i += size
		start = i
	}
	return append(dst, s[start:]...)
}

// appendRune appends r as a JSON escape.
func appendRune(dst []byte, r rune) []byte {
	if r == '"' || r == '\\' {
		return append(dst, '\\', byte(r))
	}
	if r > 0xFFFF {
		dst = appendUnit(dst, 0xD800+(r-0x10000)>>10)
		r = 0xDC00 + (r-0x10000)&0x3FF
	}
	return appendUnit(dst, r)
}

func appendUnit(dst []byte, u rune) []byte {
	const hex = "0123456789abcdef"
	return append(dst, '\\', 'u', hex[u>>12&0xF], hex[u>>8&0xF], hex[u>>4&0xF], hex[u&0xF])
}

// plain marks the bytes that stand for themselves in a JSON string.
var plain = func() (t [256]bool) {
	for c := ' '; c < 0x7F; c++ {
		t[c] = c != '"' && c != '\\'
	}
	return t
}()
