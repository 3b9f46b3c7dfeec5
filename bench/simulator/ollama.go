package simulator

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/tidwall/gjson"
)

// What Ollama's own API takes (https://docs.ollama.com/api). Ollama ignores fields that it does not know; here they are
// refused.
var (
	ollamaCall = object(fields{
		"id": anyText, "type": anyText,
		"function!": object(fields{"index": natural, "name!": nonEmpty, "description": anyText, "arguments!": anyObject}),
	})
	ollamaMessage = object(fields{
		"role!": word("system", "user", "assistant", "tool"), "content": anyText, "thinking": anyText,
		"images": array(0, 0, packed), "tool_calls": array(0, 0, ollamaCall), "tool_name": anyText, "tool_call_id": anyText,
	})
	ollamaTool = object(fields{
		"type!":     word("function"),
		"function!": object(fields{"name!": nonEmpty, "description": anyText, "parameters!": jsonSchema}),
	})
	ollamaOptions = object(fields{
		"num_predict": integral(-2, 1<<31), "temperature": decimal(0, 100), "top_p": decimal(0, 1), "top_k": natural,
		"min_p": decimal(0, 1), "typical_p": decimal(0, 1), "stop": array(0, 0, anyText), "seed": integral(-1<<53, 1<<53),
		"repeat_penalty": anyNumber, "repeat_last_n": integral(-1, 1<<31), "presence_penalty": anyNumber,
		"frequency_penalty": anyNumber, "num_ctx": positive, "num_keep": natural, "num_batch": positive, "num_gpu": natural,
		"main_gpu": natural, "num_thread": natural, "use_mmap": truth, "penalize_newline": truth,
	})
	ollamaThink   = either(truth, word("low", "medium", "high"))
	ollamaRequest = object(fields{
		"model!": nonEmpty, "messages": array(0, 0, ollamaMessage), "tools": array(0, 0, ollamaTool), "options": ollamaOptions,
		"format": either(word("json", ""), anyObject), "stream": truth, "think": ollamaThink,
		"keep_alive": either(anyNumber, anyText), "logprobs": truth, "top_logprobs": integral(0, 20), "truncate": truth,
	})
	ollamaEmbedRequest = object(fields{
		"model!": nonEmpty, "input!": either(anyText, array(0, 0, anyText)), "truncate": truth, "options": ollamaOptions,
		"keep_alive": either(anyNumber, anyText), "dimensions": positive,
	})
)

// ollamaChat answers POST /api/chat, as a stream unless the request says otherwise.
func (s *Server) ollamaChat(q *request, p *plan) *reply {
	a, bad := s.readOllama(q)
	if bad != nil {
		return bad
	}
	out := s.compose(a, 0, p)
	end := ollamaEnd(a, out, p)
	if p.stream != "sse" && !a.stream || p.stream == "json" {
		return jsonReply(ollamaLine(a, strings.Join(out.thoughts, ""), out.text(), ollamaCalls(out.calls), end))
	}
	var events []event
	add := func(line []byte) { events = append(events, event{data: line}) }
	const more = `"done":false`
	for _, t := range out.thoughts {
		add(ollamaLine(a, t, "", "", more))
	}
	for _, t := range out.pieces {
		add(ollamaLine(a, "", t, "", more))
	}
	for _, c := range out.calls {
		add(ollamaLine(a, "", "", ollamaCalls([]call{c}), more))
	}
	add(ollamaLine(a, "", "", "", end))
	return jsonLines.reply(events)
}

func (s *Server) readOllama(q *request) (*ask, *reply) {
	in, a, refused := s.open(q, ollamaRequest)
	if refused != nil {
		return nil, refused
	}
	var turns []turn
	for n, m := range in.Get("messages").Array() {
		turns = append(turns, ollamaTurn(fmt.Sprintf("messages[%d]", n), m))
	}
	if len(turns) == 0 { // it loads the model and says nothing; nobody wants that of a gateway
		return nil, flawReply(ollama, wrong("messages", "must not be empty"))
	}
	a.stream = in.Get("stream").Type != gjson.False
	options := in.Get("options")
	a.maxTokens, a.stop = max(0, int(options.Get("num_predict").Int())), textsOf(options.Get("stop"))
	switch format := in.Get("format"); {
	case format.Str == "json":
		a.object = true
	case format.IsObject():
		a.schema = json.RawMessage(format.Raw)
	}
	think := in.Get("think")
	a.think = think.Bool() || think.Type == gjson.String
	for _, t := range in.Get("tools.#.function").Array() {
		a.tools = append(a.tools, tool{t.Get("name").Str, json.RawMessage(t.Get("parameters").Raw)})
	}
	a.follow(turns)
	return a, nil
}

func ollamaTurn(path string, m gjson.Result) turn {
	t := turn{role: m.Get("role").Str, path: path}
	text := item{text: m.Get("content").Str, path: path}
	if t.role == "tool" {
		text.kind, text.name = itemResult, m.Get("tool_name").Str
	}
	t.items = append(t.items, text)
	for range m.Get("images").Array() {
		t.items = append(t.items, item{kind: itemImage, path: path})
	}
	return t
}

// ollamaTime is when the answer was made, as it is in each line.
func ollamaTime(a *ask) []byte {
	return quote(time.Unix(a.created(), 123456789).UTC().Format(time.RFC3339Nano))
}

func ollamaLine(a *ask, thought, text, calls, end string) []byte {
	more := ""
	if thought != "" {
		more = `,"thinking":` + string(quote(thought))
	}
	return js(`{"model":%s,"created_at":%s,"message":{"role":"assistant","content":%s%s%s},%s}`,
		quote(a.model), ollamaTime(a), quote(text), more, calls, end)
}

// ollamaCalls has no ids: older versions give none.
func ollamaCalls(calls []call) string {
	var all []string
	for _, c := range calls {
		all = append(all, string(js(`{"function":{"name":%s,"arguments":%s}}`, quote(c.name), c.arguments)))
	}
	if all == nil {
		return ""
	}
	return `,"tool_calls":[` + strings.Join(all, ",") + `]`
}

// ollamaEnd are the last members of the last line. Calls end with "stop" too.
func ollamaEnd(a *ask, out output, p *plan) string {
	reason := string(quote("stop"))
	switch {
	case p.finish == "none":
		reason = "null"
	case p.finish != "":
		reason = string(quote(p.finish))
	case out.finish == finishLength:
		reason = string(quote("length"))
	}
	usage := ""
	if p.usage != "none" {
		u := a.usage([]output{out}, p)
		// What the cache has is not counted.
		usage = string(js(`,"prompt_eval_count":%d,"prompt_eval_duration":20000000,"eval_count":%d,"eval_duration":400000000`, u.prompt-u.cached, u.completion))
	}
	return `"done":true,"done_reason":` + reason + `,"total_duration":450000000,"load_duration":30000000` + usage
}

func (s *Server) ollamaEmbed(q *request, p *plan) *reply {
	in, a, bad := s.open(q, ollamaEmbedRequest)
	if bad != nil {
		return bad
	}
	dimensions := defaultDimensions
	if v := in.Get("dimensions"); v.Exists() {
		dimensions = int(v.Int())
	}
	var b []byte
	for n, v := range in.Get("input").Array() { // a string alone is an array of one to gjson
		if n > 0 {
			b = append(b, ',')
		}
		a.promptTokens += len(pieces(v.Str))
		b = appendVector(b, embed(s.config.Seed, v.Str, dimensions), false)
	}
	usage := ""
	if p.usage != "none" {
		usage = fmt.Sprintf(`,"prompt_eval_count":%d`, a.promptTokens)
	}
	return jsonReply(js(`{"model":%s,"embeddings":[%s],"total_duration":14000000,"load_duration":1000000%s}`, quote(a.model), b, usage))
}

func (s *Server) ollamaTags(*request) *reply {
	var all []string
	for _, name := range s.modelNames() {
		all = append(all, string(js(`{"name":%s,"model":%[1]s,"modified_at":"2025-06-15T15:06:40Z","size":1000000,"digest":"%064x","details":{"parent_model":"","format":"gguf","family":"simulated","families":["simulated"],"parameter_size":"1B","quantization_level":"Q4_0"}}`,
			quote(name), hash([]byte(name)))))
	}
	return jsonReply(js(`{"models":[%s]}`, strings.Join(all, ",")))
}
