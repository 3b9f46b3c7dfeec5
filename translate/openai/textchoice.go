package openai

import (
	"unicode/utf8"

	"github.com/ai-mcp-gateway/gateway/translate"
	"github.com/ai-mcp-gateway/gateway/translate/neutral"
)

// appendTextChoice appends one choice of a legacy completion. It has room for
// text only.
func appendTextChoice(dst []byte, c *neutral.Choice, index int) []byte {
	m := contentOf(c.Blocks)
	dst = append(dst, `{"text":`...)
	dst = translate.AppendString(dst, join(m.text, m.refusal))
	dst = appendInt(append(dst, `,"index":`...), int64(index))
	dst = append(dst, `,"logprobs":`...)
	if c.Logprobs == nil {
		dst = append(dst, null...)
	} else {
		var l textLogprobs
		dst = l.append(dst, c.Logprobs)
	}
	dst = appendFinish(dst, finishWord(c.Finish, false, false), c.Native)
	return append(dst, '}')
}

// textLogprobs turns the log probabilities of a chat into those of a legacy
// completion: arrays side by side. offset is how much text came before.
type textLogprobs struct{ offset int64 }

func (l *textLogprobs) append(dst, raw []byte) []byte {
	var tokens, probs, tops, offsets []byte
	separator := ""
	list := translate.Elements(contentLogprobs(raw))
	for list.Next() {
		token, prob, top := readLogprob(list.Value())
		tokens = append(append(tokens, separator...), token...)
		probs = append(append(probs, separator...), prob...)
		tops = append(appendTopLogprobs(append(append(tops, separator...), '{'), top), '}')
		offsets = appendInt(append(offsets, separator...), l.offset)
		l.offset += int64(utf8.RuneCount(textBytes(token)))
		separator = ","
	}
	dst = append(append(dst, `{"tokens":[`...), tokens...)
	dst = append(append(dst, `],"token_logprobs":[`...), probs...)
	dst = append(append(dst, `],"top_logprobs":[`...), tops...)
	dst = append(append(dst, `],"text_offset":[`...), offsets...)
	return append(dst, "]}"...)
}

// contentLogprobs is the raw array in {"content":[...]}.
func contentLogprobs(raw []byte) (list []byte) {
	o := translate.Members(raw)
	for o.Next() {
		if string(o.Key()) == "content" {
			list = o.Value()
		}
	}
	return list
}

// readLogprob reads {"token","logprob","top_logprobs"}, raw.
func readLogprob(raw []byte) (token, prob, top []byte) {
	token, prob = []byte(`""`), null
	o := translate.Members(raw)
	for o.Next() {
		switch kind := o.Kind(); string(o.Key()) {
		case "token":
			if kind == translate.KindString {
				token = o.Value()
			}
		case "logprob":
			if kind == translate.KindNumber {
				prob = o.Value()
			}
		case "top_logprobs":
			top = o.Value()
		}
	}
	return token, prob, top
}

// appendTopLogprobs appends the members of {"token":logprob,...}.
func appendTopLogprobs(dst, raw []byte) []byte {
	separator := ""
	list := translate.Elements(raw)
	for list.Next() {
		token, prob, _ := readLogprob(list.Value())
		dst = append(append(append(dst, separator...), token...), ':')
		dst = append(dst, prob...)
		separator = ","
	}
	return dst
}
