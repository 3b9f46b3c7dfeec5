package responses

import (
	"strconv"

	"github.com/ai-mcp-gateway/gateway/translate"
	"github.com/ai-mcp-gateway/gateway/translate/neutral"
)

// AppendStream appends the stream that a provider would have sent in place of
// answer, a complete answer that is valid. Each text and each call's arguments
// are one piece; strings keep their escapes. usage is the span of the last
// event, in which the usage is.
//
// ok is false, and dst as it was, for an answer that has not come to its end.
func (*Dialect) AppendStream(dst, answer []byte, _ translate.Op) (stream []byte, usage translate.Span, ok bool) {
	r, ok := scanResponse(answer)
	if !ok || r.failed() || translate.KindOf(r.output) != translate.KindArray {
		return dst, translate.Span{}, false
	}
	kind := "response.completed"
	switch string(r.status) {
	case `"completed"`, "":
	case `"incomplete"`:
		kind = "response.incomplete"
	default:
		return dst, translate.Span{}, false
	}
	s := streamer{dst: dst}
	s.begun("response.created", answer)
	s.begun("response.in_progress", answer)
	items := translate.Elements(r.output)
	for ; items.Next(); s.index++ {
		s.item(items.Value())
	}
	usage.Start = len(s.dst)
	s.dst = append(s.begin(s.dst, kind), `,"response":`...)
	s.dst = append(appendLine(s.dst, answer), endEvent...)
	usage.End = len(s.dst)
	return s.dst, usage, true
}

// streamer writes the events of one stream.
type streamer struct {
	numbered
	dst   []byte
	index int    // of the item
	id    []byte // of the item, raw
}

// begun writes an event with the response as it is before its output.
func (s *streamer) begun(kind string, answer []byte) {
	s.dst = append(s.begin(s.dst, kind), `,"response":`...)
	s.dst = append(appendReplaced(s.dst, answer,
		neutral.Member{Name: "status", Raw: []byte(`"in_progress"`)},
		neutral.Member{Name: "completed_at", Raw: []byte("null")},
		neutral.Member{Name: "incomplete_details", Raw: []byte("null")},
		neutral.Member{Name: "output", Raw: []byte("[]")},
		neutral.Member{Name: "usage", Raw: []byte("null")},
	), endEvent...)
}

var (
	emptyText = []byte(`""`)
	emptyList = []byte(`[]`)
)

// item writes the events of an output item.
func (s *streamer) item(raw []byte) {
	it, _ := scanItem(raw)
	if s.id = member(raw, "id"); s.id == nil {
		s.id = emptyText
	}
	s.output("response.output_item.added")
	s.dst = append(appendReplaced(s.dst, raw,
		neutral.Member{Name: "status", Raw: []byte(`"in_progress"`)},
		neutral.Member{Name: "content", Raw: emptyList},
		neutral.Member{Name: "summary", Raw: emptyList},
		neutral.Member{Name: "arguments", Raw: emptyText},
		neutral.Member{Name: "input", Raw: emptyText},
		neutral.Member{Name: "encrypted_content", Raw: []byte("null")},
	), endEvent...)
	switch string(it.kind) {
	case "message":
		parts := translate.Elements(it.content)
		for k := 0; parts.Next(); k++ {
			s.part(k, parts.Value())
		}
	case "function_call":
		s.call("response.function_call_arguments", "arguments", it.arguments, appendWord(nil, `,"name":`, string(it.name)))
	case "custom_tool_call":
		s.call("response.custom_tool_call_input", "input", it.input, nil)
	case "reasoning":
		s.thoughts("response.reasoning_summary_text", "response.reasoning_summary_part", `,"summary_index":`, it.summary)
		s.thoughts("response.reasoning_text", "response.content_part", `,"content_index":`, it.content)
	}
	s.output("response.output_item.done")
	s.dst = append(appendLine(s.dst, raw), endEvent...)
}

func (s *streamer) output(kind string) {
	s.dst = append(s.begin(s.dst, kind), `,"output_index":`...)
	s.dst = strconv.AppendInt(s.dst, int64(s.index), 10)
	s.dst = append(s.dst, `,"item":`...)
}

// about starts an event about the item.
func (s *streamer) about(kind string) {
	s.dst = append(s.begin(s.dst, kind), `,"output_index":`...)
	s.dst = strconv.AppendInt(s.dst, int64(s.index), 10)
	s.dst = append(append(s.dst, `,"item_id":`...), s.id...)
}

// aboutPart starts an event about a part of the item.
func (s *streamer) aboutPart(kind, key string, part int) {
	s.about(kind)
	s.dst = strconv.AppendInt(append(s.dst, key...), int64(part), 10)
}

func (s *streamer) member(key string, raw []byte) {
	s.dst = append(append(append(s.dst, `,"`...), key...), `":`...)
	s.dst = appendLine(s.dst, raw)
}

// part writes the events of a part of a message.
func (s *streamer) part(k int, raw []byte) {
	const key = `,"content_index":`
	p := scanPart(raw)
	kind, field, words := "response.output_text", "text", p.text
	if string(p.kind) == "refusal" {
		kind, field, words = "response.refusal", "refusal", p.refusal
	}
	s.aboutPart("response.content_part.added", key, k)
	s.dst = append(s.dst, `,"part":`...)
	s.dst = append(appendReplaced(s.dst, raw,
		neutral.Member{Name: field, Raw: emptyText},
		neutral.Member{Name: "annotations", Raw: emptyList},
		neutral.Member{Name: "logprobs", Raw: emptyList},
	), endEvent...)
	logprobs := member(raw, "logprobs")
	if logprobs == nil {
		logprobs = emptyList
	}
	said := func(suffix, field string) {
		s.aboutPart(kind+suffix, key, k)
		s.member(field, words)
		if kind == "response.output_text" {
			s.member("logprobs", logprobs)
		}
		s.dst = append(s.dst, endEvent...)
	}
	if len(words) > len(emptyText) {
		said(".delta", "delta")
	}
	notes := translate.Elements(p.annotations)
	for n := 0; notes.Next(); n++ {
		s.aboutPart("response.output_text.annotation.added", key, k)
		s.member("annotation_index", strconv.AppendInt(nil, int64(n), 10))
		s.member("annotation", notes.Value())
		s.dst = append(s.dst, endEvent...)
	}
	if words != nil {
		said(".done", field)
	}
	s.aboutPart("response.content_part.done", key, k)
	s.member("part", raw)
	s.dst = append(s.dst, endEvent...)
}

// call writes the arguments of a call; rest are members of the last event.
func (s *streamer) call(kind, field string, words, rest []byte) {
	if translate.KindOf(words) != translate.KindString {
		return
	}
	if len(words) > len(emptyText) {
		s.about(kind + ".delta")
		s.member("delta", words)
		s.dst = append(s.dst, endEvent...)
	}
	s.about(kind + ".done")
	s.dst = append(s.dst, rest...)
	s.member(field, words)
	s.dst = append(s.dst, endEvent...)
}

// thoughts writes the parts of a reasoning or of its summary.
func (s *streamer) thoughts(kind, partKind, key string, parts []byte) {
	list := translate.Elements(parts)
	for k := 0; list.Next(); k++ {
		words := scanPart(list.Value()).text
		if words == nil {
			continue
		}
		s.aboutPart(partKind+".added", key, k)
		s.dst = append(s.dst, `,"part":`...)
		s.dst = append(appendReplaced(s.dst, list.Value(), neutral.Member{Name: "text", Raw: emptyText}), endEvent...)
		if len(words) > len(emptyText) {
			s.aboutPart(kind+".delta", key, k)
			s.member("delta", words)
			s.dst = append(s.dst, endEvent...)
		}
		s.aboutPart(kind+".done", key, k)
		s.member("text", words)
		s.dst = append(s.dst, endEvent...)
		s.aboutPart(partKind+".done", key, k)
		s.member("part", list.Value())
		s.dst = append(s.dst, endEvent...)
	}
}

// appendReplaced appends an object with other values for some of the members
// that it has.
func appendReplaced(dst, object []byte, values ...neutral.Member) []byte {
	dst = append(dst, '{')
	separator := `"`
	o := translate.Members(object)
	for o.Next() {
		v := o.Value()
		for i := range values {
			if values[i].Name == string(o.Key()) {
				v = values[i].Raw
			}
		}
		dst = append(append(append(dst, separator...), o.Key()...), `":`...)
		dst = appendLine(dst, v)
		separator = `,"`
	}
	return append(dst, '}')
}
