package ollama

import (
	"bytes"
	"time"

	"github.com/ai-mcp-gateway/gateway/translate"
	"github.com/ai-mcp-gateway/gateway/translate/neutral"
)

// answer is what is read from a whole answer, and from each line of a stream.
type answer struct {
	model, created        []byte // the text of both
	thinking, content     []byte // raw strings
	calls, logprobs       []byte // raw arrays
	images                []byte
	reason                string
	usage                 neutral.Usage
	done, message, failed bool
}

// readAnswer reports false when b is not one JSON object.
func readAnswer(b []byte) (a answer, ok bool) {
	o := translate.Members(b)
	for o.Next() {
		switch string(o.Key()) {
		case "model":
			a.model = textOf(o.Value())
		case "created_at":
			a.created = textOf(o.Value())
		case "message":
			if a.message = o.Kind() == translate.KindObject; a.message {
				a.readMessage(o.Value())
			}
		case "logprobs":
			if o.Kind() == translate.KindArray {
				a.logprobs = o.Value()
			}
		case "done":
			a.done = string(o.Value()) == "true"
		case "done_reason":
			a.reason = string(textOf(o.Value()))
		case "prompt_eval_count":
			a.usage.In, a.usage.Known = tokens(o.Value()), true
		case "eval_count":
			a.usage.Out, a.usage.Known = tokens(o.Value()), true
		case "error":
			a.failed = o.Kind() != translate.KindNull
		}
	}
	return a, o.Complete()
}

// readMessage takes the raw object, as a walk that is handed on is one that is
// allocated.
func (a *answer) readMessage(raw []byte) {
	o := translate.Members(raw)
	for o.Next() {
		switch kind := o.Kind(); string(o.Key()) {
		case "thinking":
			a.thinking = o.Value()
		case "content":
			a.content = o.Value()
		case "tool_calls":
			if kind == translate.KindArray {
				a.calls = o.Value()
			}
		case "images":
			if kind == translate.KindArray {
				a.images = o.Value()
			}
		}
	}
}

// finish is why the model stopped.
func (a *answer) finish(calls bool) neutral.Finish {
	said := neutral.FinishOther
	switch a.reason {
	case "", "stop":
		said = neutral.FinishStop
	case "length":
		said = neutral.FinishLength
	case "load", "unload": // nothing was asked
		said = neutral.FinishMalformed
	}
	return neutral.Reason(said, calls)
}

// ReadReply reads the answer of /api/chat. All it can it borrows from body. A
// prompt that was in the cache as a whole is not counted by Ollama.
func (*Dialect) ReadReply(_ translate.Op, body []byte, r *neutral.Reply) *translate.Error {
	*r = neutral.Reply{}
	a, ok := readAnswer(body)
	switch {
	case ok && a.failed:
		return readError(0, body)
	case !ok || !a.message:
		return translate.Errorf(translate.ProviderBadResponse, "", "The provider's answer is not one of its API.")
	}
	c := neutral.Choice{Blocks: a.blocks(), Native: a.reason, Logprobs: a.probabilities()}
	c.Finish = a.finish(len(c.Blocks) > 0 && c.Blocks[len(c.Blocks)-1].Kind == neutral.ToolUse)
	r.Model, r.Created, r.Usage = string(a.model), a.unix(), a.usage
	r.Choices = []neutral.Choice{c}
	return nil
}

// blocks are those of a whole answer, the calls at their end.
func (a *answer) blocks() []neutral.Block {
	var blocks []neutral.Block
	if text := textOf(a.thinking); len(text) > 0 {
		blocks = append(blocks, neutral.Block{Kind: neutral.Thinking, Text: text, Origin: name})
	}
	if text := textOf(a.content); len(text) > 0 {
		blocks = append(blocks, neutral.Block{Kind: neutral.Text, Text: text})
	}
	images := translate.Elements(a.images)
	for images.Next() {
		m := neutral.Media{Data: textOf(images.Value())}
		m.Sniff()
		blocks = append(blocks, neutral.Block{Kind: neutral.Image, Media: m})
	}
	calls := translate.Elements(a.calls)
	for n := 0; calls.Next(); n++ {
		blocks = append(blocks, readCall(calls.Value(), string(a.created), n))
	}
	return blocks
}

// readCall reads the raw call, which may be without an id: then its place in the
// answer gives it one.
func readCall(raw []byte, seed string, n int) neutral.Block {
	b := neutral.Block{Kind: neutral.ToolUse, Arguments: emptyObject}
	o := translate.Members(raw)
	for o.Next() {
		switch string(o.Key()) {
		case "id":
			b.ID = string(textOf(o.Value()))
		case "function":
			f := o.Members()
			for f.Next() {
				switch string(f.Key()) {
				case "name":
					b.Name = string(textOf(f.Value()))
				case "arguments":
					b.Arguments = argumentsOf(f.Value())
				}
			}
		}
	}
	if b.ID == "" {
		b.ID = neutral.MakeCallID(seed, 0, n)
	}
	return b
}

var emptyObject = []byte("{}")

// argumentsOf is a call's arguments; servers that copy Ollama's API may put
// their JSON in a string, as OpenAI does.
func argumentsOf(raw []byte) []byte {
	switch translate.KindOf(raw) {
	case translate.KindString:
		if text := textOf(raw); len(bytes.TrimSpace(text)) > 0 {
			return text
		}
		return emptyObject
	case translate.KindNone, translate.KindNull:
		return emptyObject
	default:
		return raw
	}
}

// probabilities are the log probabilities in OpenAI's form, whose tokens look
// the same; nil without any.
func (a *answer) probabilities() []byte {
	if len(a.logprobs) <= len("[]") {
		return nil
	}
	dst := append([]byte(`{"content":`), a.logprobs...)
	return append(dst, `,"refusal":null}`...)
}

func (a *answer) unix() int64 {
	created, err := time.Parse(time.RFC3339Nano, string(a.created))
	if err != nil || created.Unix() < 0 {
		return 0
	}
	return created.Unix()
}

// textOf returns the text of a JSON string, borrowed where it holds no
// escapes; nil of anything else.
func textOf(raw []byte) []byte {
	if translate.KindOf(raw) != translate.KindString {
		return nil
	}
	if bytes.IndexByte(raw, '\\') < 0 {
		return raw[1 : len(raw)-1]
	}
	return translate.AppendText(make([]byte, 0, len(raw)), raw)
}

func tokens(raw []byte) int64 {
	n, ok := translate.Int(raw)
	if !ok || n < 0 || n > maxTokens {
		return 0
	}
	return n
}

// maxTokens is more than any call has; it keeps sums and prices in range.
const maxTokens = 1 << 40
