package responses

import (
	"strconv"

	"github.com/ai-mcp-gateway/gateway/translate"
	"github.com/ai-mcp-gateway/gateway/translate/neutral"
)

// output is an item of a response while it is made. Texts are escaped JSON
// without quotes, so that the pieces of a stream can be put together.
type output struct {
	kind  neutral.BlockKind // Text for a message, ToolUse, Thinking, Image or Foreign; 0 for none
	index int
	tail  string // of the id, as the response has it

	text []byte // of the open part, the arguments or the thoughts

	// A message's.
	part     neutral.BlockKind // Text or Refusal, 0 when none is open
	parts    []byte            // that are closed
	count    int               // of parts, the open one not included
	notes    []byte            // annotations of the open part
	noted    int               // how many
	logprobs []byte            // elements, of the open part

	callID, name    string
	custom, wrapped bool // wrapped: the free text is in a JSON object

	seal seal
	raw  []byte // Foreign; of an Image the bytes in base64
}

// reset makes o a new item of the kind.
func (o *output) reset(kind neutral.BlockKind, index int, tail string) {
	*o = output{
		kind: kind, index: index, tail: tail,
		text: o.text[:0], parts: o.parts[:0], notes: o.notes[:0], logprobs: o.logprobs[:0],
	}
}

// setCall makes o a call. A tool of free text that the provider knows as a
// function has its text in the member input of the arguments.
func (o *output) setCall(kinds toolKinds, id, called string, custom bool) {
	o.callID, o.name, o.custom = id, called, custom
	if o.callID == "" {
		o.callID = neutral.MakeCallID(o.tail, 0, o.index)
	}
	if !custom && kinds[called] == customTool {
		o.custom, o.wrapped = true, true
	}
}

// appendID appends the id as a JSON string.
func (o *output) appendID(dst []byte) []byte {
	prefix := "msg_"
	switch {
	case o.kind == neutral.Thinking:
		prefix = "rs_"
	case o.kind == neutral.Image:
		prefix = "ig_"
	case o.kind == neutral.ToolUse && o.custom:
		prefix = "ctc_"
	case o.kind == neutral.ToolUse:
		prefix = "fc_"
	}
	dst = append(append(append(dst, '"'), prefix...), o.tail...)
	return append(strconv.AppendInt(append(dst, '_'), int64(o.index), 10), '"')
}

// append appends the item. One in_progress has nothing in it yet.
func (o *output) append(dst []byte, status string) []byte {
	if o.kind == neutral.Foreign {
		return appendLine(dst, o.raw)
	}
	begun := status != "in_progress"
	dst = o.appendID(append(dst, `{"id":`...))
	if o.kind == neutral.Thinking {
		return o.appendThoughts(dst, begun)
	}
	dst = append(append(dst, `,"status":"`...), status...)
	if o.kind == neutral.Image {
		dst = append(dst, `","type":"image_generation_call","result":`...)
		if !begun {
			return append(dst, "null}"...)
		}
		return append(translate.AppendString(dst, o.raw), '}')
	}
	if o.kind == neutral.Text {
		dst = append(dst, `","type":"message","role":"assistant","content":[`...)
		if begun {
			dst = append(dst, o.parts...)
		}
		return append(dst, "]}"...)
	}
	kind, field := `","type":"function_call","call_id":`, `,"arguments":"`
	if o.custom {
		kind, field = `","type":"custom_tool_call","call_id":`, `,"input":"`
	}
	dst = translate.AppendString(append(dst, kind...), []byte(o.callID))
	dst = translate.AppendString(append(dst, `,"name":`...), []byte(o.name))
	dst = append(dst, field...)
	if begun {
		dst = append(dst, o.text...)
	}
	return append(dst, `"}`...)
}

func (o *output) appendThoughts(dst []byte, begun bool) []byte {
	dst = append(dst, `,"type":"reasoning","summary":[`...)
	if begun && len(o.text) > 0 {
		dst = append(dst, `{"type":"summary_text","text":"`...)
		dst = append(append(dst, o.text...), `"}`...)
	}
	dst = append(dst, ']')
	if begun && o.seal.made() {
		dst = o.seal.append(append(dst, `,"encrypted_content":`...))
	}
	return append(dst, '}')
}

// appendPart appends the open part of a message; empty is its first form.
func (o *output) appendPart(dst []byte, empty bool) []byte {
	if o.part == neutral.Refusal {
		dst = append(dst, `{"type":"refusal","refusal":"`...)
		if !empty {
			dst = append(dst, o.text...)
		}
		return append(dst, `"}`...)
	}
	dst = append(dst, `{"type":"output_text","text":"`...)
	if empty {
		return append(dst, `","annotations":[],"logprobs":[]}`...)
	}
	dst = append(append(dst, o.text...), `","annotations":[`...)
	dst = append(append(dst, o.notes...), `],"logprobs":[`...)
	return append(append(dst, o.logprobs...), "]}"...)
}

// closePart puts the open part to those that are closed.
func (o *output) closePart() {
	if o.count > 0 {
		o.parts = append(o.parts, ',')
	}
	o.parts = o.appendPart(o.parts, false)
	o.count++
	o.part, o.noted = 0, 0
	o.text, o.notes, o.logprobs = o.text[:0], o.notes[:0], o.logprobs[:0]
}

// note takes an annotation in any dialect and reports whether it can be told
// here.
func (o *output) note(raw []byte) bool {
	start := len(o.notes)
	if start > 0 {
		o.notes = append(o.notes, ',')
	}
	body := len(o.notes)
	if o.notes = appendNote(o.notes, raw); len(o.notes) == body {
		o.notes = o.notes[:start]
		return false
	}
	o.noted++
	return true
}

// appendNote appends an annotation: as it is, or from the form that it has in
// chat completions, where its members are an object of their own.
func appendNote(dst, raw []byte) []byte {
	var kind, nested []byte
	m := translate.Members(raw)
	for m.Next() {
		switch string(m.Key()) {
		case "type":
			kind = text(m.Value())
		case "url_citation":
			nested = m.Value()
		}
	}
	switch string(kind) {
	case "url_citation":
		if translate.KindOf(nested) == translate.KindObject {
			return appendTyped(dst, "url_citation", nested)
		}
		return appendLine(dst, raw)
	case "file_citation", "container_file_citation", "file_path":
		return appendLine(dst, raw)
	default:
		return dst
	}
}

// appendTyped appends object with a member "type" before its own.
func appendTyped(dst []byte, kind string, object []byte) []byte {
	dst = append(append(append(dst, `{"type":"`...), kind...), '"')
	m := translate.Members(object)
	for m.Next() {
		dst = append(append(append(dst, `,"`...), m.Key()...), `":`...)
		dst = appendLine(dst, m.Value())
	}
	return append(dst, '}')
}

// addLogprobs takes logprobs of a choice, as chat completions have them.
func (o *output) addLogprobs(raw []byte) {
	m := translate.Members(raw)
	for m.Next() {
		key := string(m.Key())
		if key != "content" && key != "refusal" {
			continue
		}
		a := m.Elements()
		for a.Next() {
			if len(o.logprobs) > 0 {
				o.logprobs = append(o.logprobs, ',')
			}
			o.logprobs = appendLine(o.logprobs, a.Value())
		}
	}
}

// unwrap puts the free text in the place of the arguments that it is in.
func (o *output) unwrap(arguments []byte) []byte {
	m := translate.Members(arguments)
	for m.Next() {
		if string(m.Key()) == "input" && m.Kind() == translate.KindString {
			return text(m.Value())
		}
	}
	return arguments
}

// appendEscaped appends s as it stands between the quotes of a JSON string.
func appendEscaped(dst, s []byte) []byte {
	start := len(dst)
	dst = translate.AppendString(dst, s)
	copy(dst[start:], dst[start+1:])
	return dst[:len(dst)-2]
}
