package openai

import (
	"strconv"
	"strings"

	"github.com/ai-mcp-gateway/gateway/translate"
)

// AppendStream appends the stream that a provider would have sent in place of
// answer, a complete answer to op that is valid. Every choice is a chunk with
// its role, one for each piece of output, and one with its finish reason; at
// the end stands the usage, whose event is at the span of the result, and
// [DONE]. Strings keep their escapes.
//
// ok is false, and dst as it was, when there is no such stream.
func (*Dialect) AppendStream(dst, answer []byte, op translate.Op) (_ []byte, usage translate.Span, ok bool) {
	s := streamer{dst: dst, op: op}
	choices, ok := s.readHead(answer)
	if !ok {
		return dst, translate.Span{}, false
	}
	list := translate.Elements(choices)
	for s.count = 0; list.Next(); s.count++ {
		if !s.choice(list.Value()) {
			return dst, translate.Span{}, false
		}
	}
	if s.count == 0 {
		return dst, translate.Span{}, false
	}
	if s.usage != nil {
		usage.Start = len(s.dst)
		s.dst = append(append(s.dst, s.head...), `],"usage":`...)
		s.dst = append(appendCompact(s.dst, s.usage), "}\n\n"...)
		usage.End = len(s.dst)
	}
	return append(s.dst, "data: [DONE]\n\n"...), usage, true
}

// streamer writes the chunks of one stream.
type streamer struct {
	dst   []byte
	op    translate.Op
	head  []byte // a chunk up to its first choice
	extra []byte // members for the first chunk
	usage []byte // the raw usage object, nil when there is none
	count int    // choices before this one
	index []byte // the raw index of this choice
}

// readHead reads what the chunks have in common and returns the raw choices.
func (s *streamer) readHead(answer []byte) (choices []byte, ok bool) {
	object := `"object":"chat.completion.chunk",`
	switch s.op {
	case translate.OpChat:
	case translate.OpCompletion:
		object = `"object":"text_completion",`
	default:
		return nil, false
	}
	if r, ok := read(answer); !ok || r.failed || !r.choices {
		return nil, false
	}
	s.head = append(s.head, "data: {"...)
	o := translate.Members(answer)
	for o.Next() {
		switch string(o.Key()) {
		case "id", "created", "model", "system_fingerprint", "service_tier":
			s.head = append(appendKeyed(s.head, "", &o), ',')
		case "object":
		case "choices":
			choices = o.Value()
		case "usage":
			if o.Kind() == translate.KindObject {
				s.usage = o.Value()
			}
		default:
			s.extra = appendKeyed(s.extra, ",", &o)
		}
	}
	s.head = append(append(s.head, object...), `"choices":[`...)
	return choices, true
}

// open starts a chunk of this choice; key is that of its first member.
func (s *streamer) open(key string) {
	s.dst = append(append(s.dst, s.head...), `{"index":`...)
	s.dst = append(append(s.dst, s.index...), key...)
}

// close ends a chunk after the members of its choice.
func (s *streamer) close(finish []byte) {
	s.dst = append(append(s.dst, `,"finish_reason":`...), finish...)
	s.dst = append(s.dst, "}]"...)
	s.dst = append(s.dst, s.extra...)
	s.extra = nil
	if s.usage != nil {
		s.dst = append(s.dst, `,"usage":null`...)
	}
	s.dst = append(s.dst, "}\n\n"...)
}

var null = []byte("null")

// answerChoice is one element of choices, raw.
type answerChoice struct {
	message, text, finish, logprobs []byte
	extra                           []byte // the other members
}

// choice writes the chunks of one choice.
func (s *streamer) choice(raw []byte) bool {
	var c answerChoice
	s.index = strconv.AppendInt(nil, int64(s.count), 10)
	o := translate.Members(raw)
	for o.Next() {
		switch string(o.Key()) {
		case "index":
			if _, ok := translate.Int(o.Value()); ok {
				s.index = o.Value()
			}
		case "message":
			c.message = o.Value()
		case "text":
			c.text = o.Value()
		case "finish_reason":
			c.finish = o.Value()
		case "logprobs":
			c.logprobs = appendKeyed(nil, ",", &o)
		default:
			c.extra = appendKeyed(c.extra, ",", &o)
		}
	}
	if translate.KindOf(c.finish) != translate.KindString || !filled(c.finish) {
		return false
	}
	if s.op == translate.OpCompletion {
		return s.textChoice(&c)
	}
	return s.chatChoice(&c)
}

func (s *streamer) textChoice(c *answerChoice) bool {
	if translate.KindOf(c.text) != translate.KindString {
		return false
	}
	s.open(`,"text":`)
	s.dst = append(append(s.dst, c.text...), c.logprobs...)
	s.close(null)
	s.open(`,"text":""`)
	s.dst = append(s.dst, c.extra...)
	s.close(c.finish)
	return true
}

func (s *streamer) chatChoice(c *answerChoice) bool {
	if translate.KindOf(c.message) != translate.KindObject {
		return false
	}
	s.role(c.message)
	for _, reasoning := range [...]bool{true, false} { // it comes before the rest
		o := translate.Members(c.message)
		for o.Next() {
			if strings.HasPrefix(string(o.Key()), "reasoning") == reasoning && !s.output(&o, c) {
				return false
			}
		}
	}
	s.open(`,"delta":{}`)
	s.dst = append(append(s.dst, c.logprobs...), c.extra...)
	s.close(c.finish)
	return true
}

// role writes the first chunk of a choice: the role, and what is null or
// empty.
func (s *streamer) role(message []byte) {
	s.open(`,"delta":{`)
	separator := ""
	o := translate.Members(message)
	for o.Next() {
		switch key := string(o.Key()); {
		case key == "role", isEmpty(o.Value()):
			s.dst = appendKeyed(s.dst, separator, &o)
		case key == "content":
			s.dst = append(s.dst, separator+`"content":""`...)
		default:
			continue
		}
		separator = ","
	}
	s.dst = append(s.dst, '}')
	s.close(null)
}

// output writes the chunks of one member of the message. The log
// probabilities go with the text that they are about.
func (s *streamer) output(o *translate.Object, c *answerChoice) bool {
	key := string(o.Key())
	switch {
	case key == "role", isEmpty(o.Value()):
		return true // the first chunk has it
	case key == "tool_calls":
		return s.toolCalls(o.Value())
	case key == "function_call":
		return s.call(`"function_call":`, `"function_call":`, o.Value(), "")
	}
	s.open(`,"delta":{`)
	s.dst = append(appendKeyed(s.dst, "", o), '}')
	if key == "content" || key == "refusal" {
		s.dst = append(s.dst, c.logprobs...)
		c.logprobs = nil
	}
	s.close(null)
	return true
}

// toolCalls writes two chunks for each call: one without and one with its
// arguments.
func (s *streamer) toolCalls(raw []byte) bool {
	calls := translate.Elements(raw)
	for k := 0; calls.Next(); k++ {
		if calls.Kind() != translate.KindObject {
			return false
		}
		head := `"tool_calls":[{"index":` + strconv.Itoa(k)
		var rest, body []byte
		var name string
		o := translate.Members(calls.Value())
		for o.Next() {
			switch string(o.Key()) {
			case "index":
			case "function", "custom":
				if name != "" {
					return false // some servers send both, one of them empty
				}
				name, body = string(o.Key()), o.Value()
			default:
				rest = appendKeyed(rest, ",", &o)
			}
		}
		if name == "" || !s.call(head+string(rest)+`,"`+name+`":`, head+`,"`+name+`":`, body, "}]") {
			return false
		}
	}
	return calls.Complete()
}

// call writes the two chunks of one call, whose object is body: after head
// with the text of its arguments taken out, and after again with nothing but
// that text.
func (s *streamer) call(head, again string, body []byte, end string) bool {
	var arguments []byte
	var key string
	s.open(`,"delta":{`)
	s.dst = append(append(s.dst, head...), '{')
	separator := ""
	o := translate.Members(body)
	for o.Next() {
		switch string(o.Key()) {
		case "arguments", "input":
			key, arguments = string(o.Key()), o.Value()
			s.dst = append(s.dst, separator+`"`+key+`":""`...)
		default:
			s.dst = appendKeyed(s.dst, separator, &o)
		}
		separator = ","
	}
	s.dst = append(append(s.dst, '}'), end+"}"...)
	s.close(null)
	if !o.Complete() || arguments != nil && translate.KindOf(arguments) != translate.KindString {
		return false
	}
	if filled(arguments) {
		s.open(`,"delta":{`)
		s.dst = append(append(s.dst, again...), `{"`+key+`":`...)
		s.dst = append(append(append(s.dst, arguments...), '}'), end+"}"...)
		s.close(null)
	}
	return true
}

// appendKeyed appends the member that o is at.
func appendKeyed(dst []byte, separator string, o *translate.Object) []byte {
	dst = append(append(dst, separator...), '"')
	dst = append(append(dst, o.Key()...), '"', ':')
	return appendCompact(dst, o.Value())
}

// appendCompact appends raw without the white space between its tokens: an
// event is one line.
func appendCompact(dst, raw []byte) []byte {
	if translate.KindOf(raw) == translate.KindString {
		return append(dst, raw...)
	}
	quoted := false
	for i := 0; i < len(raw); i++ {
		switch c := raw[i]; {
		case quoted && c == '\\':
			dst = append(dst, c)
			i++
		case c == '"':
			quoted = !quoted
		case !quoted && (c == ' ' || c == '\n' || c == '\r' || c == '\t'):
			continue
		}
		dst = append(dst, raw[i])
	}
	return dst
}
