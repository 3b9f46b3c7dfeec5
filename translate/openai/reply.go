package openai

import (
	"strconv"
	"time"

	"github.com/ai-mcp-gateway/gateway/translate"
	"github.com/ai-mcp-gateway/gateway/translate/neutral"
)

// AppendReply appends the answer a to q as the body of a chat completion, or
// of a legacy completion.
func (*Dialect) AppendReply(dst []byte, op translate.Op, q *neutral.Request, a *neutral.Reply) []byte {
	h := head{id: a.ID, model: a.Model, created: a.Created, tier: a.ServiceTier, fingerprint: a.Fingerprint}
	dst = h.append(append(dst, '{'), op, wholeObject)
	dst = append(dst, `,"choices":[`...)
	for i := range a.Choices {
		if i > 0 {
			dst = append(dst, ',')
		}
		if op == translate.OpCompletion {
			dst = appendTextChoice(dst, &a.Choices[i], i)
		} else {
			dst = appendChoice(dst, q, &a.Choices[i], i)
		}
	}
	dst = append(dst, ']')
	if a.Usage.Known {
		dst = appendUsage(append(dst, `,"usage":`...), &a.Usage)
	}
	return append(dst, '}')
}

// The objects of a whole answer and of a chunk; legacy completions have one
// name for both.
const (
	wholeObject = "chat.completion"
	chunkObject = "chat.completion.chunk"
	textObject  = "text_completion"
)

// head is what an answer, or every chunk of it, starts with.
type head struct {
	id, model, tier, fingerprint string
	created                      int64
}

func (h *head) append(dst []byte, op translate.Op, object string) []byte {
	id, created := h.id, h.created
	if op == translate.OpCompletion {
		object = textObject
	}
	if id == "" {
		id = newID(op)
	}
	if created == 0 {
		created = time.Now().Unix()
	}
	dst = appendMember(dst, `"id":`, id)
	dst = appendMember(dst, `,"object":`, object)
	dst = appendInt(append(dst, `,"created":`...), created)
	dst = append(dst, `,"model":`...)
	dst = translate.AppendString(dst, []byte(h.model))
	if h.tier != "" {
		dst = appendMember(dst, `,"service_tier":`, h.tier)
	}
	if h.fingerprint != "" {
		dst = appendMember(dst, `,"system_fingerprint":`, h.fingerprint)
	}
	return dst
}

func appendInt(dst []byte, n int64) []byte { return strconv.AppendInt(dst, n, 10) }

// content is what the blocks of one choice come to: each of the members of a
// message has its text in one piece.
type content struct {
	text, refusal, thinking []byte
	texts, calls            int
	sealed, images, notes   bool
}

func contentOf(blocks []neutral.Block) (c content) {
	for i := range blocks {
		b := &blocks[i]
		c.sealed = c.sealed || sealed(b)
		switch b.Kind {
		case neutral.Text:
			c.text = join(c.text, b.Text)
			c.texts++
			c.notes = c.notes || filled(b.Annotations)
		case neutral.Refusal:
			c.refusal = join(c.refusal, b.Text)
		case neutral.Thinking:
			c.thinking = join(c.thinking, b.Text)
		case neutral.ToolUse:
			c.calls++
		case neutral.Image:
			c.images = true
		}
	}
	return c
}

// join puts text after joined, which it copies only when it has to.
func join(joined, text []byte) []byte {
	if len(joined) == 0 {
		return text
	}
	return append(joined[:len(joined):len(joined)], text...)
}

func appendChoice(dst []byte, q *neutral.Request, c *neutral.Choice, index int) []byte {
	dst = appendInt(append(dst, `{"index":`...), int64(index))
	m := contentOf(c.Blocks)
	dst = append(dst, `,"message":{"role":"assistant","content":`...)
	if m.texts > 0 || m.calls == 0 && len(m.refusal) == 0 {
		dst = translate.AppendString(dst, m.text)
	} else {
		dst = append(dst, null...)
	}
	dst = appendMember(dst, `,"refusal":`, string(m.refusal))
	if len(m.thinking) > 0 {
		dst = translate.AppendString(append(dst, `,"reasoning_content":`...), m.thinking)
	}
	if m.sealed {
		dst = appendThoughtsOf(append(dst, `,"reasoning_details":`...), c.Blocks)
	}
	if m.images {
		dst = appendImages(append(dst, `,"images":`...), c.Blocks)
	}
	if m.notes {
		dst = appendAnnotations(append(dst, `,"annotations":`...), c.Blocks)
	}
	if m.calls > 0 {
		dst = appendCalls(dst, q, c.Blocks)
	}
	dst = append(dst, `},"logprobs":`...)
	dst = appendRaw(dst, c.Logprobs)
	dst = appendFinish(dst, finishWord(c.Finish, m.calls > 0, legacy(q)), c.Native)
	return append(dst, '}')
}

// appendFinish appends the reason, and the provider's own word for it where
// it is another.
func appendFinish(dst []byte, reason, native string) []byte {
	dst = appendMember(dst, `,"finish_reason":`, reason)
	if native != "" && native != reason {
		dst = appendMember(dst, `,"native_finish_reason":`, native)
	}
	return dst
}

func appendRaw(dst, raw []byte) []byte {
	if raw == nil {
		return append(dst, null...)
	}
	return appendCompact(dst, raw)
}

func appendThoughtsOf(dst []byte, blocks []neutral.Block) []byte {
	dst = append(dst, '[')
	n := 0
	for i := range blocks {
		if !sealed(&blocks[i]) {
			continue
		}
		if n > 0 {
			dst = append(dst, ',')
		}
		dst = appendThought(dst, &blocks[i], n)
		n++
	}
	return append(dst, ']')
}

// appendImages appends pictures that a model has made. OpenAI has no such
// member; this is the one that routers of models and their clients use.
func appendImages(dst []byte, blocks []neutral.Block) []byte {
	separator := byte('[')
	for i := range blocks {
		if blocks[i].Kind != neutral.Image {
			continue
		}
		dst = append(dst, separator)
		dst = appendImage(dst, &blocks[i].Media)
		separator = ','
	}
	return append(dst, ']')
}

// appendCalls appends the member with the calls. Legacy functions have room
// for the first one.
func appendCalls(dst []byte, q *neutral.Request, blocks []neutral.Block) []byte {
	old := legacy(q)
	n := 0
	for i := range blocks {
		b := &blocks[i]
		if b.Kind != neutral.ToolUse {
			continue
		}
		switch {
		case old:
			dst = append(dst, `,"function_call":`...)
			return appendFunction(dst, b.Name, callArguments(b.Arguments))
		case n == 0:
			dst = append(dst, `,"tool_calls":[`...)
		default:
			dst = append(dst, ',')
		}
		dst = appendCall(dst, unwrap(q, b), n)
		n++
	}
	return append(dst, ']')
}

// appendCall appends one element of tool_calls.
func appendCall(dst []byte, b *neutral.Block, index int) []byte {
	dst = appendMember(dst, `{"id":`, callID(b.ID, b.Name, 0, index))
	if b.Custom {
		dst = appendMember(dst, `,"type":"custom","custom":{"name":`, b.Name)
		dst = translate.AppendString(append(dst, `,"input":`...), b.Arguments)
		return append(dst, "}}"...)
	}
	dst = append(dst, `,"type":"function","function":`...)
	dst = appendFunction(dst, b.Name, callArguments(b.Arguments))
	dst = appendSignature(dst, b.Signature, b.Origin)
	return append(dst, '}')
}

func callID(id, name string, choice, index int) string {
	if id == "" {
		return neutral.MakeCallID(name, choice, index)
	}
	return id
}

func appendFunction(dst []byte, name string, arguments []byte) []byte {
	dst = appendMember(dst, `{"name":`, name)
	dst = translate.AppendString(append(dst, `,"arguments":`...), arguments)
	return append(dst, '}')
}

// appendSignature appends the seal of a call in the place that Google's own
// compatible API has for it.
func appendSignature(dst, signature []byte, origin string) []byte {
	if len(signature) == 0 || origin != originGemini {
		return dst
	}
	dst = append(dst, `,"extra_content":{"google":{"thought_signature":`...)
	dst = translate.AppendString(dst, signature)
	return append(dst, "}}"...)
}

// callArguments are arguments as a client can parse them: none are {}.
func callArguments(raw []byte) []byte {
	if isBlankArguments(raw) {
		return emptyArguments
	}
	return raw
}

var emptyArguments = []byte("{}")

func isBlankArguments(raw []byte) bool {
	for _, c := range raw {
		if c != ' ' && c != '\n' && c != '\r' && c != '\t' {
			return string(raw) == "null"
		}
	}
	return true
}

// unwrap makes a call of a function the call of the custom tool that the
// client has declared, where the provider knew functions only: see
// neutral.ArgumentsObject.
func unwrap(q *neutral.Request, b *neutral.Block) *neutral.Block {
	if b.Custom || !isCustom(q, b.Name) {
		return b
	}
	plain := *b
	plain.Custom, plain.Arguments = true, customInput(b.Arguments)
	return &plain
}

func isCustom(q *neutral.Request, name string) bool {
	for i := range q.Tools {
		if q.Tools[i].Custom && q.Tools[i].Name == name {
			return true
		}
	}
	return false
}

// customInput is the text in {"input":...}; what is none stays as it is.
func customInput(arguments []byte) []byte {
	var text []byte
	o := translate.Members(arguments)
	for o.Next() {
		if string(o.Key()) == "input" && o.Kind() == translate.KindString {
			text = textBytes(o.Value())
		}
	}
	if text == nil || !o.Complete() {
		return arguments
	}
	return text
}

// finishWord is f in OpenAI's closed list.
func finishWord(f neutral.Finish, calls, old bool) string {
	switch neutral.Reason(f, calls) {
	case neutral.FinishTools:
		switch {
		case !calls:
			return "stop"
		case old:
			return "function_call"
		}
		return "tool_calls"
	case neutral.FinishLength, neutral.FinishContext:
		return "length"
	case neutral.FinishFilter:
		return "content_filter"
	default:
		return "stop"
	}
}

func appendUsage(dst []byte, u *neutral.Usage) []byte {
	dst = appendInt(append(dst, `{"prompt_tokens":`...), u.In)
	dst = appendInt(append(dst, `,"completion_tokens":`...), u.Out)
	dst = appendInt(append(dst, `,"total_tokens":`...), u.Sum())
	dst = appendInt(append(dst, `,"prompt_tokens_details":{"cached_tokens":`...), u.CacheRead)
	if u.CacheWrite > 0 {
		dst = appendInt(append(dst, `,"cache_write_tokens":`...), u.CacheWrite)
	}
	dst = appendInt(append(dst, `,"audio_tokens":`...), u.AudioIn)
	dst = appendInt(append(dst, `},"completion_tokens_details":{"reasoning_tokens":`...), u.Reasoning)
	dst = appendInt(append(dst, `,"audio_tokens":`...), u.AudioOut)
	return append(dst, "}}"...)
}
