package simulator

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/tidwall/gjson"
)

func (s *Server) message(q *request, p *plan) *reply {
	if r, ok := s.benchReply(q, anthropic, p); ok {
		return r
	}
	a, bad := s.readMessage(q, true)
	if bad != nil {
		return bad
	}
	out := s.compose(a, 0, p)
	if p.stream == "sse" || a.stream && p.stream != "json" {
		return streamReply(messageEvents(a, out, p))
	}
	return jsonReply(appendMessageJSON(nil, a, out, p))
}

func (s *Server) countTokens(q *request, _ *plan) *reply {
	a, bad := s.readMessage(q, false)
	if bad != nil {
		return bad
	}
	return jsonReply(append(strconv.AppendInt([]byte(`{"input_tokens":`), int64(a.promptTokens), 10), '}'))
}

func (s *Server) readMessage(q *request, answered bool) (*ask, *reply) {
	if q.version == "" {
		return nil, flawReply(anthropic, wrong("anthropic-version", "header is required"))
	}
	want := anthropicCount
	if answered {
		want = anthropicRequest
	}
	in, a, refused := s.open(q, want)
	if refused != nil {
		return nil, refused
	}
	a.stream, a.maxTokens, a.stop = in.Get("stream").Bool(), int(in.Get("max_tokens").Int()), textsOf(in.Get("stop_sequences"))
	for _, t := range in.Get("tools").Array() {
		if schema := t.Get("input_schema"); schema.Exists() {
			a.tools = append(a.tools, tool{t.Get("name").Str, json.RawMessage(schema.Raw)})
		}
	}
	if schema := in.Get("output_config.format.schema"); schema.Exists() {
		a.schema = json.RawMessage(schema.Raw)
	}
	choice := in.Get("tool_choice")
	a.parallel = !choice.Get("disable_parallel_tool_use").Bool()
	a.choose = map[string]string{
		"": "auto", "auto": "auto", "none": "none", "any": "required", "tool": namedTool + choice.Get("name").Str,
	}[choice.Get("type").Str]
	thinking := in.Get("thinking")
	a.think = thinking.Exists() && thinking.Get("type").Str != "disabled"
	a.hidden = thinking.Get("display").Str == "omitted"
	var turns []turn
	for n, m := range in.Get("messages").Array() {
		turns = append(turns, messageTurn(fmt.Sprintf("messages.%d", n), m))
	}
	if bad := messageRules(in, a, turns); bad != nil {
		return nil, flawReply(anthropic, bad)
	}
	if system := (turn{items: messageItems("system", in.Get("system"))}).text(); system != "" {
		a.texts = append(a.texts, system)
	}
	a.follow(turns)
	return a, nil
}

// messageTurn reads a message.
func messageTurn(path string, m gjson.Result) turn {
	return turn{m.Get("role").Str, path, messageItems(path+".content", m.Get("content"))}
}

func messageItems(path string, content gjson.Result) []item {
	if content.Type == gjson.String && content.Str == "" {
		return nil
	}
	if content.Type == gjson.String {
		return []item{{text: content.Str, path: path}}
	}
	var all []item
	for n, block := range content.Array() {
		i := item{path: fmt.Sprintf("%s.%d", path, n)}
		switch block.Get("type").Str {
		case "text":
			i.text = block.Get("text").Str
		case "image":
			i.kind = itemImage
		case "document":
			i.kind = itemFile
		case "tool_use":
			i.kind, i.id, i.name = itemCall, block.Get("id").Str, block.Get("name").Str
		case "tool_result":
			inner := turn{items: messageItems(i.path, block.Get("content"))}
			i.kind, i.id, i.text, i.pics = itemResult, block.Get("tool_use_id").Str, inner.text(), len(inner.of(itemImage))
		case "thinking":
			i.kind, i.text, i.sign = itemThought, block.Get("thinking").Str, block.Get("signature").Str
		default:
			continue // redacted thinking
		}
		all = append(all, i)
	}
	return all
}

func stopReason(f finish, p *plan) []byte {
	names := []string{finishStop: "end_turn", finishSequence: "stop_sequence", finishLength: "max_tokens", finishTools: "tool_use", finishRefusal: "refusal", finishFilter: "refusal"}
	switch p.finish {
	case "":
		return quote(names[f])
	case "none":
		return []byte("null")
	default:
		return quote(p.finish)
	}
}

// details say more of a refusal.
func (out output) details() string {
	if out.finish != finishRefusal && out.finish != finishFilter {
		return ""
	}
	return `,"stop_details":{"type":"refusal","category":"cyber","explanation":"refused by the simulator"}`
}

func appendMessageJSON(b []byte, a *ask, out output, p *plan) []byte {
	b = appendMessage(b, a, appendBlocks(nil, a, out), stopReason(out.finish, p), out.stop)
	b = append(b, out.details()...)
	if p.usage != "none" {
		b = appendMessageUsage(append(b, `,"usage":`...), a.usage([]output{out}, p))
	}
	return append(b, '}')
}

// appendMessage appends a message without its usage and end.
func appendMessage(b []byte, a *ask, blocks, reason []byte, stop string) []byte {
	b = append(append(b, `{"id":"`...), a.id("msg_")...)
	b = append(append(b, `","type":"message","role":"assistant","model":`...), quote(a.model)...)
	b = append(append(append(b, `,"content":[`...), blocks...), `],"stop_reason":`...)
	b = append(append(b, reason...), `,"stop_sequence":`...)
	return append(b, quoteOrNull(stop)...)
}

func appendBlocks(b []byte, a *ask, out output) []byte {
	for i, block := range blocksOf(a, out) {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, block.whole()...)
	}
	return b
}

// appendToolUse appends a block up to its input.
func appendToolUse(b []byte, c call) []byte {
	b = append(append(b, `{"type":"tool_use","id":"toolu_`...), c.id...)
	return append(append(append(b, `","name":`...), quote(c.name)...), `,"input":`...)
}

func appendMessageUsage(b []byte, u usage) []byte {
	b = strconv.AppendInt(append(b, `{"input_tokens":`...), int64(u.prompt-u.cached), 10)
	b = strconv.AppendInt(append(b, `,"cache_creation_input_tokens":0,"cache_read_input_tokens":`...), int64(u.cached), 10)
	b = strconv.AppendInt(append(b, `,"output_tokens":`...), int64(u.completion), 10)
	return append(b, `,"service_tier":"standard"}`...)
}

func messageEvents(a *ask, out output, p *plan) []event {
	u := a.usage([]output{out}, p)
	var events []event
	add := func(name string, data []byte) { events = append(events, event{name: name, data: data}) }

	b := appendMessage([]byte(`{"type":"message_start","message":`), a, nil, []byte("null"), "")
	if p.usage != "none" {
		start := u
		start.completion = 1
		b = appendMessageUsage(append(b, `,"usage":`...), start)
	}
	add("message_start", append(b, `}}`...))
	add("ping", []byte(`{"type":"ping"}`))
	for i, block := range blocksOf(a, out) {
		index := `"index":` + strconv.Itoa(i)
		add("content_block_start", []byte(`{"type":"content_block_start",`+index+`,"content_block":`+block.start()+`}`))
		for _, delta := range block.deltas {
			add("content_block_delta", []byte(`{"type":"content_block_delta",`+index+`,"delta":`+delta+`}`))
		}
		add("content_block_stop", []byte(`{"type":"content_block_stop",`+index+`}`))
	}
	b = append([]byte(`{"type":"message_delta","delta":{"stop_reason":`), stopReason(out.finish, p)...)
	b = append(append(b, `,"stop_sequence":`...), quoteOrNull(out.stop)...)
	b = append(append(b, out.details()...), '}')
	if p.usage != "none" {
		b = appendMessageUsage(append(b, `,"usage":`...), u)
	}
	add("message_delta", append(b, '}'))
	add("message_stop", []byte(`{"type":"message_stop"}`))
	return events
}

// block is a block of content. A text is the text, with the thought's signature or the call's head beside it.
type block struct {
	kind   itemKind
	pieces []string // of the text or the arguments
	sign   string
	call   call
	deltas []string
}

func (b block) whole() string {
	text := strings.Join(b.pieces, "")
	switch b.kind {
	case itemThought:
		return string(js(`{"type":"thinking","thinking":%s,"signature":%s}`, quote(text), quote(b.sign)))
	case itemCall:
		return string(appendToolUse(nil, b.call)) + text + "}"
	}
	return string(js(`{"type":"text","text":%s}`, quote(text)))
}

// start is the block as a stream opens it.
func (b block) start() string {
	b.pieces, b.sign = nil, ""
	if b.kind == itemCall {
		b.pieces = []string{"{}"}
	}
	return b.whole()
}

// blocksOf makes the blocks. The text of a refused answer is not given.
func blocksOf(a *ask, out output) []block {
	var blocks []block
	if len(out.thoughts) > 0 {
		t := block{kind: itemThought, pieces: out.thoughts}
		if a.hidden {
			t.pieces = nil
		}
		for _, one := range t.pieces {
			t.deltas = append(t.deltas, `{"type":"thinking_delta","thinking":`+string(quote(one))+`}`)
		}
		t.sign = signature(anthropic, strings.Join(t.pieces, ""))
		t.deltas = append(t.deltas, `{"type":"signature_delta","signature":`+string(quote(t.sign))+`}`)
		blocks = append(blocks, t)
	}
	refused := out.finish == finishRefusal || out.finish == finishFilter
	if !refused && (len(out.calls) == 0 || len(out.pieces) > 0) {
		t := block{pieces: out.pieces}
		for _, one := range out.pieces {
			t.deltas = append(t.deltas, `{"type":"text_delta","text":`+string(quote(one))+`}`)
		}
		blocks = append(blocks, t)
	}
	for _, c := range out.calls {
		b := block{kind: itemCall, call: c, pieces: pieces(c.arguments), deltas: []string{`{"type":"input_json_delta","partial_json":""}`}}
		for _, one := range b.pieces {
			b.deltas = append(b.deltas, `{"type":"input_json_delta","partial_json":`+string(quote(one))+`}`)
		}
		blocks = append(blocks, b)
	}
	return blocks
}
