package responses

import (
	"github.com/ai-mcp-gateway/gateway/translate"
	"github.com/ai-mcp-gateway/gateway/translate/neutral"
	"github.com/ai-mcp-gateway/gateway/translate/sse"
)

// AppendAnswer appends the answer that a provider would have sent in place of
// stream, the whole stream of a finished answer: its last event has it. Where
// that leaves the output out, it is put together from the items.
//
// ok is false, and dst as it was, when the stream failed or is not finished.
func (*Dialect) AppendAnswer(dst, stream []byte, _ translate.Op) (_ []byte, ok bool) {
	var frames sse.Reader
	items := []byte{'['}
	for len(stream) > 0 {
		frame, n := frames.Next(stream)
		if n == 0 {
			frame, n = frames.Tail(stream), len(stream)
		}
		stream = stream[n:]
		data, _ := sse.Data(frame, nil)
		if len(data) == 0 || string(data) == "[DONE]" {
			continue
		}
		m, ok := scanMessage(data)
		if !ok {
			return dst, false
		}
		switch m.kind {
		case "error", "response.failed":
			return dst, false
		case "response.output_item.done":
			if len(items) > 1 {
				items = append(items, ',')
			}
			items = append(items, m.item...)
		case "response.completed", "response.incomplete":
			return appendAnswer(dst, m.response, append(items, ']'))
		}
	}
	return dst, false
}

func appendAnswer(dst, answer, items []byte) ([]byte, bool) {
	r, ok := scanResponse(answer)
	if !ok || r.failed() {
		return dst, false
	}
	switch said := translate.Elements(r.output); {
	case said.Next():
		return append(dst, answer...), true
	case r.output != nil:
		return appendReplaced(dst, answer, neutral.Member{Name: "output", Raw: items}), true
	default:
		return dst, false
	}
}
