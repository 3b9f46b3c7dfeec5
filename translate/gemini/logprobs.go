package gemini

import (
	"strconv"

	"github.com/ai-mcp-gateway/gateway/translate"
)

// appendLogprobs appends a logprobsResult in OpenAI's form. The alternatives
// stand beside the tokens that were chosen, in the same order.
func appendLogprobs(dst, raw []byte) []byte {
	var chosen, top []byte
	o := translate.Members(raw)
	for o.Next() {
		switch string(o.Key()) {
		case "chosenCandidates":
			chosen = o.Value()
		case "topCandidates":
			top = o.Value()
		}
	}
	dst = append(dst, `{"content":[`...)
	tokens, tops := translate.Elements(chosen), translate.Elements(top)
	for first := true; tokens.Next(); first = false {
		if !first {
			dst = append(dst, ',')
		}
		dst = appendToken(dst, tokens.Members())
		dst = append(dst, `,"top_logprobs":[`...)
		if tops.Next() {
			dst = appendTop(dst, tops.Members())
		}
		dst = append(dst, `]}`...)
	}
	return append(dst, `],"refusal":null}`...)
}

// appendTop appends the alternatives of one place.
func appendTop(dst []byte, o translate.Object) []byte {
	for o.Next() {
		if string(o.Key()) != "candidates" {
			continue
		}
		list := o.Elements()
		for first := true; list.Next(); first = false {
			if !first {
				dst = append(dst, ',')
			}
			dst = append(appendToken(dst, list.Members()), '}')
		}
	}
	return dst
}

// appendToken appends the object of one token, without its closing bracket.
func appendToken(dst []byte, o translate.Object) []byte {
	token, probability := "", []byte("0")
	for o.Next() {
		switch v := o.Value(); string(o.Key()) {
		case "token":
			token = textOf(v)
		case "logProbability":
			if translate.KindOf(v) == translate.KindNumber {
				probability = v
			}
		}
	}
	dst = append(dst, `{"token":`...)
	dst = translate.AppendString(dst, []byte(token))
	dst = append(append(dst, `,"logprob":`...), probability...)
	dst = append(dst, `,"bytes":[`...)
	for i := range len(token) {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = strconv.AppendUint(dst, uint64(token[i]), 10)
	}
	return append(dst, ']')
}
