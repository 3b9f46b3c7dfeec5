package simulator

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/tidwall/gjson"
)

// converse answers Bedrock's /model/{id}/converse and /converse-stream.
func (s *Server) converse(q *request, p *plan) *reply {
	a, bad := s.readConverse(q)
	if bad != nil {
		return bad
	}
	out := s.compose(a, 0, p)
	if p.stream == "sse" || a.stream && p.stream != "json" {
		return binaryFrames.reply(converseEvents(a, out, p))
	}
	var blocks []string
	for _, b := range converseBlocks(out) {
		blocks = append(blocks, b.whole)
	}
	usage := ""
	if p.usage != "none" {
		usage = `"usage":` + converseUsage(a.usage([]output{out}, p)) + ","
	}
	return jsonReply(js(`{"metrics":{"latencyMs":412},"output":{"message":{"content":[%s],"role":"assistant"}},%s"stopReason":%s}`,
		strings.Join(blocks, ","), usage, converseReason(out.finish, p)))
}

func (s *Server) readConverse(q *request) (*ask, *reply) {
	in, a, refused := s.open(q, bedrockRequest)
	if refused != nil {
		return nil, refused
	}
	var turns []turn
	for n, m := range in.Get("messages").Array() {
		turns = append(turns, converseTurn(fmt.Sprintf("messages.%d", n), m))
	}
	a.stream = q.op == "converse-stream"
	config := in.Get("inferenceConfig")
	a.maxTokens, a.stop = int(config.Get("maxTokens").Int()), textsOf(config.Get("stopSequences"))
	for _, t := range in.Get("toolConfig.tools.#.toolSpec").Array() {
		a.tools = append(a.tools, tool{t.Get("name").Str, json.RawMessage(t.Get("inputSchema.json").Raw)})
	}
	switch choice := in.Get("toolConfig.toolChoice"); {
	case choice.Get("any").Exists():
		a.choose = "required"
	case choice.Get("tool").Exists():
		a.choose = namedTool + choice.Get("tool.name").Str
	}
	if schema := in.Get("outputConfig.textFormat.structure.jsonSchema.schema"); schema.Exists() {
		a.schema = json.RawMessage(schema.Str)
	}
	more := in.Get("additionalModelRequestFields")
	thinking := more.Get("thinking")
	a.think = thinking.Exists() && thinking.Get("type").Str != "disabled" || more.Get("reasoning_config").Exists() || more.Get("reasoning_effort").Exists()
	a.hidden = thinking.Get("display").Str == "omitted"
	if bad := bedrockRules(in, a, turns); bad != nil {
		return nil, flawReply(bedrock, bad)
	}
	for _, v := range in.Get("system").Array() {
		a.texts = append(a.texts, v.Get("text").Str)
	}
	a.follow(turns)
	return a, nil
}

func converseTurn(path string, m gjson.Result) turn {
	t := turn{role: m.Get("role").Str, path: path}
	for n, block := range m.Get("content").Array() {
		i := item{path: fmt.Sprintf("%s.content.%d", path, n)}
		kind, v := onlyMember(block)
		switch kind {
		case "text":
			i.text = v.Str
		case "image":
			i.kind = itemImage
		case "document":
			i.kind, i.name = itemFile, v.Get("name").Str
		case "toolUse":
			i.kind, i.id, i.name = itemCall, v.Get("toolUseId").Str, v.Get("name").Str
		case "toolResult":
			i.kind, i.id = itemResult, v.Get("toolUseId").Str
			i.text, i.pics = converseResult(v.Get("content"))
		case "reasoningContent":
			i.kind, i.text, i.sign = itemThought, v.Get("reasoningText.text").Str, v.Get("reasoningText.signature").Str
		default:
			continue // cachePoint and what else has no content
		}
		t.items = append(t.items, i)
	}
	return t
}

// onlyMember is the member of a union that is there.
func onlyMember(v gjson.Result) (name string, value gjson.Result) {
	v.ForEach(func(key, inner gjson.Result) bool {
		if inner.Type != gjson.Null {
			name, value = key.Str, inner
		}
		return true
	})
	return name, value
}

func converseResult(content gjson.Result) (text string, images int) {
	var texts []string
	for _, block := range content.Array() {
		switch kind, v := onlyMember(block); kind {
		case "text":
			texts = append(texts, v.Str)
		case "json":
			texts = append(texts, v.Raw)
		case "image":
			images++
		}
	}
	return strings.Join(texts, "\n"), images
}

func converseReason(f finish, p *plan) []byte {
	switch p.finish {
	case "":
		return quote([]string{
			finishStop: "end_turn", finishSequence: "stop_sequence", finishLength: "max_tokens", finishTools: "tool_use",
			finishRefusal: "content_filtered", finishFilter: "guardrail_intervened",
		}[f])
	case "none":
		return []byte("null")
	default:
		return quote(p.finish)
	}
}

// converseUsage counts the cached tokens apart from the others, as Bedrock does.
func converseUsage(u usage) string {
	return string(js(`{"cacheReadInputTokenCount":%d,"cacheReadInputTokens":%[1]d,"cacheWriteInputTokenCount":0,"cacheWriteInputTokens":0,"inputTokens":%d,"outputTokens":%d,"serverToolUsage":{},"totalTokens":%d}`,
		u.cached, u.prompt-u.cached, u.completion, u.prompt+u.completion))
}

// converseBlock is a block of content: whole, or as a stream has it.
type converseBlock struct {
	whole  string
	start  string // of a tool's call; other blocks have none
	deltas []string
}

func converseBlocks(out output) []converseBlock {
	var all []converseBlock
	if len(out.thoughts) > 0 {
		b, text := converseBlock{}, strings.Join(out.thoughts, "")
		sign := quote(signature(bedrock, text))
		for _, t := range out.thoughts {
			b.deltas = append(b.deltas, string(js(`{"reasoningContent":{"text":%s}}`, quote(t))))
		}
		b.deltas = append(b.deltas, string(js(`{"reasoningContent":{"signature":%s}}`, sign)))
		b.whole = string(js(`{"reasoningContent":{"reasoningText":{"signature":%s,"text":%s}}}`, sign, quote(text)))
		all = append(all, b)
	}
	if len(out.pieces) > 0 {
		b := converseBlock{whole: string(js(`{"text":%s}`, quote(out.text())))}
		for _, t := range out.pieces {
			b.deltas = append(b.deltas, string(js(`{"text":%s}`, quote(t))))
		}
		all = append(all, b)
	}
	for _, c := range out.calls {
		id, name := quote("tooluse_"+c.id[:22]), quote(c.name)
		b := converseBlock{
			whole: string(js(`{"toolUse":{"input":%s,"name":%s,"toolUseId":%s}}`, c.arguments, name, id)),
			start: string(js(`{"toolUse":{"name":%s,"toolUseId":%s}}`, name, id)),
		}
		for _, t := range pieces(c.arguments) {
			b.deltas = append(b.deltas, string(js(`{"toolUse":{"input":%s}}`, quote(t))))
		}
		all = append(all, b)
	}
	return all
}

// converseEvents have padding, in p, of a length that hides how long the text is.
func converseEvents(a *ask, out output, p *plan) []event {
	var all []event
	padding := random(a.seed)
	add := func(name, format string, args ...any) {
		pad := "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"[:padding.between(1, 62)]
		all = append(all, event{name: name, data: js(`{%s,"p":%s}`, js(format, args...), quote(pad))})
	}
	add("messageStart", `"role":"assistant"`)
	for i, b := range converseBlocks(out) {
		if b.start != "" {
			add("contentBlockStart", `"contentBlockIndex":%d,"start":%s`, i, b.start)
		}
		for _, delta := range b.deltas {
			add("contentBlockDelta", `"contentBlockIndex":%d,"delta":%s`, i, delta)
		}
		add("contentBlockStop", `"contentBlockIndex":%d`, i)
	}
	add("messageStop", `"stopReason":%s`, converseReason(out.finish, p))
	if p.usage != "none" {
		add("metadata", `"metrics":{"latencyMs":412},"usage":%s`, converseUsage(a.usage([]output{out}, p)))
	}
	return all
}
