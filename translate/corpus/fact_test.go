package corpus

// fact is what an answer says, read by nothing that is under test: from the
// recording, and from what clients get.
type fact struct {
	choices []said
	usage   usage
}

type said struct {
	text, thought string // all pieces, joined
	calls         []call
	finish        finish
}

type call struct {
	name, arguments string
	custom          bool // arguments are free text
}

// usage is counted as the contract has it: in includes the caches, out the
// reasoning.
type usage struct{ in, read, write, out, reasoning int64 }

// finish is a reason in the words of the contract.
type finish string

const (
	none      finish = "none"
	stop      finish = "stop"
	stopWord  finish = "stop_seq"
	tools     finish = "tools"
	length    finish = "length"
	full      finish = "context full"
	filter    finish = "filter"
	pause     finish = "pause"
	malformed finish = "malformed"
)

// brief is what all clients can tell of f.
func (s *said) brief() finish {
	switch s.finish {
	case stop, stopWord, tools, none:
		if len(s.calls) > 0 {
			return tools
		}
		return stop
	case pause:
		return stop
	case full:
		return length
	}
	return s.finish
}

func (s *said) add(kind, text string) {
	switch kind {
	case "text":
		s.text += text
	case "thought":
		s.thought += text
	}
}

// wholeOf and streamOf read an answer, and the events of a stream, of each
// wire.
var wholeOf = map[wire]func(tree) fact{
	chat: chatFact, completion: completionFact, messages: messageFact, responses: responseFact,
	gemini: geminiFact, converse: converseFact, cohere: cohereFact, ollama: ollamaFact,
}

var streamOf = map[wire]func([]tree) fact{
	chat: chatStream, completion: completionStream, messages: messageStream, responses: responseStream,
	gemini: geminiStream, converse: converseStream, cohere: cohereStream, ollama: ollamaStream,
}

var chatReasons = map[string]finish{
	"stop": stop, "length": length, "tool_calls": tools, "function_call": tools, "content_filter": filter,
}

// chatFact also reads what compatible servers add: reasoning under either name,
// and thinking as a part of the content.
func chatFact(t tree) (f fact) {
	for _, c := range t.at("choices").list() {
		var s said
		m := c.at("message")
		s.text, s.thought = chatText(m.at("content"))
		s.text += m.at("audio", "transcript").text() + m.at("refusal").text()
		if s.thought == "" {
			s.thought = thoughtOf(m).text()
		}
		for _, one := range m.at("tool_calls").list() {
			s.calls = append(s.calls, chatCall(one))
		}
		if m.at("function_call", "name").text() != "" {
			s.calls = append(s.calls, call{name: m.at("function_call", "name").text(), arguments: arguments(m.at("function_call", "arguments").text())})
		}
		s.finish = reason(chatReasons, c.at("finish_reason"))
		f.choices = append(f.choices, s)
	}
	f.usage = chatUsage(t)
	return f
}

func reason(words map[string]finish, word tree) finish {
	if word.v == nil {
		return none
	}
	if f, ok := words[word.text()]; ok {
		return f
	}
	return stop // an unknown reason fails nothing
}

func chatText(content tree) (text, thought string) {
	text = content.text()
	for _, part := range content.list() {
		text += part.at("text").text()
		for _, piece := range part.at("thinking").list() {
			thought += piece.at("text").text()
		}
	}
	return text, thought
}

// thoughts are those of a message in each of the spellings, of which servers
// send several side by side.
type thoughts [3]string

func thoughtOf(m tree) (t thoughts) {
	t[0], t[1] = m.at("reasoning_content").text(), m.at("reasoning").text()
	for _, piece := range m.at("reasoning_details").list() {
		t[2] += piece.at("text").text() + piece.at("summary").text()
	}
	return t
}

func (t thoughts) text() string {
	for _, s := range t {
		if s != "" {
			return s
		}
	}
	return ""
}

func chatCall(one tree) call {
	if one.at("type").text() == "custom" {
		return call{name: one.at("custom", "name").text(), arguments: one.at("custom", "input").text(), custom: true}
	}
	return call{name: one.at("function", "name").text(), arguments: arguments(one.at("function", "arguments").text())}
}

func chatUsage(t tree) usage {
	u := t.at("usage")
	if u.v == nil {
		u = t.at("x_groq", "usage")
	}
	n := usage{
		in: u.at("prompt_tokens").int(), out: u.at("completion_tokens").int(),
		read:      u.at("prompt_tokens_details", "cached_tokens").int(),
		write:     u.at("prompt_tokens_details", "cache_write_tokens").int(),
		reasoning: u.at("completion_tokens_details", "reasoning_tokens").int(),
	}
	if n.read == 0 {
		n.read = u.at("prompt_cache_hit_tokens").int()
	}
	// Some count the reasoning beside the output, as their total shows, and
	// the same tokens as read and as written: in and out have to hold both.
	if n.reasoning > 0 && u.at("total_tokens").int() == n.in+n.out+n.reasoning {
		n.out += n.reasoning
	}
	n.write = min(n.write, n.in-n.read)
	return n
}

// chatStream joins the chunks. A piece of a call belongs to the one with its
// index; where the index is missing, or a new id comes under it, a new call
// has started.
func chatStream(events []tree) (f fact) {
	type place struct {
		choice int
		index  int64
	}
	last := map[place]int{}
	ids := map[place]string{}
	var spelt []thoughts
	for _, e := range events {
		if e.has("usage") || e.at("x_groq").has("usage") {
			f.usage = chatUsage(e)
		}
		for _, c := range e.at("choices").list() {
			at := int(c.at("index").int())
			for len(f.choices) <= at {
				f.choices = append(f.choices, said{finish: none})
				spelt = append(spelt, thoughts{})
			}
			s, d := &f.choices[at], c.at("delta")
			text, thought := chatText(d.at("content"))
			s.text += text + d.at("audio", "transcript").text() + d.at("refusal").text()
			s.thought += thought
			for i, piece := range thoughtOf(d) {
				spelt[at][i] += piece
			}
			for _, one := range d.at("tool_calls").list() {
				p := place{at, one.at("index").int()}
				id := one.at("id").text()
				n, known := last[p]
				if !known || id != "" && ids[p] != "" && id != ids[p] {
					n = len(s.calls)
					s.calls = append(s.calls, call{custom: one.at("type").text() == "custom"})
				}
				last[p] = n
				if id != "" {
					ids[p] = id
				}
				part := one.at("function")
				if s.calls[n].custom {
					part = one.at("custom")
				}
				if s.calls[n].name == "" {
					s.calls[n].name = part.at("name").text()
				}
				s.calls[n].arguments += part.at("arguments").text() + part.at("input").text()
			}
			if c.has("finish_reason") {
				s.finish = reason(chatReasons, c.at("finish_reason"))
			}
		}
	}
	for i := range f.choices {
		f.choices[i].thought += spelt[i].text()
	}
	f.canonical()
	return f
}

// canonical makes the arguments that a stream has brought comparable.
func (f *fact) canonical() {
	for i := range f.choices {
		for k := range f.choices[i].calls {
			if c := &f.choices[i].calls[k]; !c.custom {
				c.arguments = arguments(c.arguments)
			}
		}
	}
}

func completionFact(t tree) (f fact) {
	for _, c := range t.at("choices").list() {
		f.choices = append(f.choices, said{text: c.at("text").text(), finish: reason(chatReasons, c.at("finish_reason"))})
	}
	f.usage = chatUsage(t)
	return f
}

func completionStream(events []tree) (f fact) {
	for _, e := range events {
		if e.has("usage") {
			f.usage = chatUsage(e)
		}
		for _, c := range e.at("choices").list() {
			at := int(c.at("index").int())
			for len(f.choices) <= at {
				f.choices = append(f.choices, said{finish: none})
			}
			f.choices[at].text += c.at("text").text()
			if c.has("finish_reason") {
				f.choices[at].finish = reason(chatReasons, c.at("finish_reason"))
			}
		}
	}
	return f
}
