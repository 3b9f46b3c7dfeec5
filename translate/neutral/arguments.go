package neutral

import (
	"bytes"

	"github.com/ai-mcp-gateway/gateway/translate"
)

// ArgumentsObject returns a call's arguments as one raw JSON object, borrowed
// from b where they are one. Nothing, white space and null are {}, another
// JSON value is {"value":...}, and what is no JSON is {"_raw":"..."}. The free
// text of a Custom call is {"input":"..."}.
func ArgumentsObject(b *Block) []byte {
	if b.Custom {
		return wrapText("input", b.Arguments)
	}
	raw := bytes.Trim(b.Arguments, " \t\r\n")
	switch {
	case len(raw) == 0 || string(raw) == "null":
		return []byte("{}")
	case raw[0] == '{' && members(raw) >= 0:
		return raw
	}
	value := append([]byte(`{"value":`), raw...)
	value = append(value, '}')
	// Two members are text that would break out of the wrapping.
	if members(value) == 1 {
		return value
	}
	return wrapText("_raw", b.Arguments)
}

// members counts the members of the object raw; it is negative when raw is
// not one well-formed object.
func members(raw []byte) int {
	n := 0
	o := translate.Members(raw)
	for o.Next() {
		n++
	}
	if !o.Complete() {
		return -1
	}
	return n
}

func wrapText(name string, text []byte) []byte {
	dst := make([]byte, 0, len(name)+len(text)+len(`{"":""}`))
	dst = append(dst, '{', '"')
	dst = append(dst, name...)
	dst = append(dst, '"', ':')
	dst = translate.AppendString(dst, text)
	return append(dst, '}')
}
