package openai

import (
	"bytes"

	"github.com/ai-mcp-gateway/gateway/translate"
	"github.com/ai-mcp-gateway/gateway/translate/neutral"
)

// The functions here read one raw value into its place in the neutral form,
// or say what it must be.

func readString(s *string, raw []byte) *flaw {
	if translate.KindOf(raw) != translate.KindString {
		return invalid("a string")
	}
	*s = stringOf(raw)
	return nil
}

func readSwitch(s *neutral.Switch, raw []byte) *flaw {
	if translate.KindOf(raw) != translate.KindBool {
		return invalid("a boolean")
	}
	*s = neutral.SwitchOf(raw[0] == 't')
	return nil
}

func readNumber(n *[]byte, raw []byte) *flaw {
	if translate.KindOf(raw) != translate.KindNumber {
		return invalid("a number")
	}
	*n = raw
	return nil
}

// readWhole reads a whole number that is not negative; 100.0 becomes 100.
func readWhole(n *[]byte, raw []byte) *flaw {
	if count, ok := translate.Int(raw); !ok || count < 0 {
		return invalid("a whole number that is not negative")
	}
	*n, _, _ = bytes.Cut(raw, []byte{'.'})
	return nil
}

// textBytes is the text of the raw string, borrowed where it has no escapes;
// nil of any other value.
func textBytes(raw []byte) []byte {
	if translate.KindOf(raw) != translate.KindString {
		return nil
	}
	if bytes.IndexByte(raw, '\\') < 0 {
		return raw[1 : len(raw)-1]
	}
	return translate.AppendText(make([]byte, 0, len(raw)), raw)
}

func textBlock(raw []byte) neutral.Block {
	return neutral.Block{Kind: neutral.Text, Text: textBytes(raw)}
}

// compact is raw without white space between its tokens.
func compact(raw []byte) []byte { return appendCompact(nil, raw) }

// readCacheControl reads Anthropic's mark, which some servers take in this
// dialect too: {"type":"ephemeral","ttl":"1h"}.
func readCacheControl(raw []byte) neutral.Breakpoint {
	if translate.KindOf(raw) != translate.KindObject {
		return neutral.Breakpoint{}
	}
	mark := neutral.Breakpoint{Set: true}
	o := translate.Members(raw)
	for o.Next() {
		if string(o.Key()) == "ttl" {
			mark.TTL = stringOf(o.Value())
		}
	}
	return mark
}
