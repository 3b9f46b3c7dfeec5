package simulator

import (
	"bytes"
	"strings"

	"github.com/tidwall/gjson"
)

// responseAnswer is an answer in the Responses API's shape.
type responseAnswer struct {
	in     gjson.Result
	ask    *ask
	plan   *plan
	out    output
	status string
	items  []responseOut
	all    []event // of a stream, so far
}

// responseOut is an item of the output: whole, as it starts, and what happens in between.
type responseOut struct {
	id, whole, start string
	stream           func(r *responseAnswer, index int)
}

func newResponseAnswer(in gjson.Result, a *ask, out output, p *plan) *responseAnswer {
	r := &responseAnswer{in: in, ask: a, plan: p, out: out, status: "completed"}
	if out.finish == finishLength || out.finish == finishFilter {
		r.status = "incomplete"
	}
	if len(out.thoughts) > 0 {
		r.items = append(r.items, r.thought())
	}
	if len(out.pieces) > 0 {
		r.items = append(r.items, r.message())
	}
	for n, c := range out.calls {
		r.items = append(r.items, r.call(n, c))
	}
	return r
}

// add appends an event with its number.
func (r *responseAnswer) add(name, format string, args ...any) {
	r.all = append(r.all, event{name: name, data: js(`{"type":"%s",%s,"sequence_number":%d}`, name, js(format, args...), len(r.all))})
}

func (r *responseAnswer) thought() responseOut {
	plain := letters(mix(r.ask.seed, 1), 24)
	o := responseOut{id: "rs_" + plain}
	sealed := ""
	if strings.Contains(r.in.Get("include").Raw, `"reasoning.encrypted_content"`) {
		sealed = `,"encrypted_content":` + string(quote(signature(responses, plain)))
	}
	var summary []string
	if !r.ask.hidden || r.plan.thinking {
		summary = r.out.thoughts
	}
	text := strings.Join(summary, "")
	part := string(js(`{"type":"summary_text","text":%s}`, quote(text)))
	listed := part
	if summary == nil {
		listed = ""
	}
	o.start = string(js(`{"id":%s,"type":"reasoning","summary":[]%s}`, quote(o.id), sealed))
	o.whole = string(js(`{"id":%s,"type":"reasoning","summary":[%s]%s}`, quote(o.id), listed, sealed))
	o.stream = func(r *responseAnswer, index int) {
		if summary == nil {
			return
		}
		at := js(`"item_id":%s,"output_index":%d,"summary_index":0`, quote(o.id), index)
		r.add("response.reasoning_summary_part.added", `%s,"part":{"type":"summary_text","text":""}`, at)
		for _, t := range summary {
			r.add("response.reasoning_summary_text.delta", `%s,"delta":%s`, at, quote(t))
		}
		r.add("response.reasoning_summary_text.done", `%s,"text":%s`, at, quote(text))
		r.add("response.reasoning_summary_part.done", `%s,"part":%s`, at, part)
	}
	return o
}

func (r *responseAnswer) message() responseOut {
	o := responseOut{id: "msg_" + letters(mix(r.ask.seed, 2), 24)}
	text := quote(r.out.text())
	kind, more, name := "output_text", `,"annotations":[],"logprobs":[]`, "text"
	if r.out.finish == finishRefusal {
		kind, more, name = "refusal", "", "refusal"
	}
	part := func(text []byte) []byte { return js(`{"type":"%s"%s,"%s":%s}`, kind, more, name, text) }
	item := func(status string, content []byte) string {
		return string(js(`{"id":%s,"type":"message","status":"%s","content":[%s],"role":"assistant"}`, quote(o.id), status, content))
	}
	o.start, o.whole = item("in_progress", nil), item(r.status, part(text))
	o.stream = func(r *responseAnswer, index int) {
		at := js(`"item_id":%s,"output_index":%d,"content_index":0`, quote(o.id), index)
		logprobs := ""
		if kind == "output_text" {
			logprobs = `,"logprobs":[]`
		}
		r.add("response.content_part.added", `%s,"part":%s`, at, part([]byte(`""`)))
		for _, t := range r.out.pieces {
			r.add("response."+kind+".delta", `%s,"delta":%s%s`, at, quote(t), logprobs)
		}
		r.add("response."+kind+".done", `%s,"%s":%s%s`, at, name, text, logprobs)
		r.add("response.content_part.done", `%s,"part":%s`, at, part(text))
	}
	return o
}

func (r *responseAnswer) call(n int, c call) responseOut {
	o := responseOut{id: "fc_" + letters(mix(r.ask.seed, 3, uint64(n)), 24)}
	item := func(status, arguments string) string {
		return string(js(`{"id":%s,"type":"function_call","status":"%s","arguments":%s,"call_id":%s,"name":%s}`,
			quote(o.id), status, quote(arguments), quote("call_"+c.id), quote(c.name)))
	}
	o.start, o.whole = item("in_progress", ""), item("completed", c.arguments)
	o.stream = func(r *responseAnswer, index int) {
		at := js(`"item_id":%s,"output_index":%d`, quote(o.id), index)
		for _, t := range pieces(c.arguments) {
			r.add("response.function_call_arguments.delta", `%s,"delta":%s`, at, quote(t))
		}
		r.add("response.function_call_arguments.done", `%s,"name":%s,"arguments":%s`, at, quote(c.name), quote(c.arguments))
	}
	return o
}

func (r *responseAnswer) wholes() string {
	var all []string
	for _, o := range r.items {
		all = append(all, o.whole)
	}
	return strings.Join(all, ",")
}

func (r *responseAnswer) events() []event {
	opening := r.body("in_progress", "", false)
	r.add("response.created", `"response":%s`, opening)
	r.add("response.in_progress", `"response":%s`, opening)
	for index, o := range r.items {
		r.add("response.output_item.added", `"output_index":%d,"item":%s`, index, o.start)
		o.stream(r, index)
		r.add("response.output_item.done", `"output_index":%d,"item":%s`, index, o.whole)
	}
	r.add("response."+r.status, `"response":%s`, r.body(r.status, r.wholes(), true))
	return r.all
}

// body is the Response object, with what the request set.
func (r *responseAnswer) body(status, items string, done bool) []byte {
	completed, usage, details := "null", "null", "null"
	if done && r.plan.usage != "none" {
		u := r.ask.usage([]output{r.out}, r.plan)
		usage = string(js(`{"input_tokens":%d,"input_tokens_details":{"cached_tokens":%d},"output_tokens":%d,"output_tokens_details":{"reasoning_tokens":%d},"total_tokens":%d}`,
			u.prompt, u.cached, u.completion, u.reasoning, u.prompt+u.completion))
	}
	switch {
	case status == "completed":
		completed = string(js("%d", r.ask.created()+1))
	case done && r.out.finish == finishFilter:
		details = `{"reason":"content_filter"}`
	case done:
		details = `{"reason":"max_output_tokens"}`
	}
	echo := func(path, fallback string) string {
		if v := r.in.Get(path); v.Exists() {
			return compact(v.Raw)
		}
		return fallback
	}
	b := js(`{"id":%s,"object":"response","created_at":%d,"status":"%s","background":false,"completed_at":%s,"error":null,"incomplete_details":%s`,
		quote(r.ask.id("resp_")), r.ask.created(), status, completed, details)
	b = js(`%s,"instructions":%s,"max_output_tokens":%s,"max_tool_calls":null,"model":%s,"output":[%s],"parallel_tool_calls":%s,"previous_response_id":null`,
		b, echo("instructions", "null"), echo("max_output_tokens", "null"), quote(r.ask.model), items, echo("parallel_tool_calls", "true"))
	b = js(`%s,"reasoning":{"effort":%s,"summary":%s},"safety_identifier":%s,"service_tier":"default","store":%s,"temperature":%s,"text":%s`,
		b, echo("reasoning.effort", "null"), echo("reasoning.summary", "null"), echo("safety_identifier", "null"), echo("store", "true"),
		echo("temperature", "1.0"), echo("text", `{"format":{"type":"text"}}`))
	return js(`%s,"tool_choice":%s,"tools":%s,"top_logprobs":0,"top_p":%s,"truncation":%s,"usage":%s,"user":%s,"metadata":%s}`,
		b, echo("tool_choice", `"auto"`), echo("tools", "[]"), echo("top_p", "1.0"), echo("truncation", `"disabled"`), usage,
		echo("user", "null"), echo("metadata", "{}"))
}

// failedResponse ends a stream that has sent these events: with an error, and with the response that failed.
func failedResponse(before []event, kind, message string) []event {
	body := []byte(`{"id":"resp_failed","object":"response","status":"in_progress","error":null,"output":[]}`)
	if len(before) > 0 {
		body = []byte(gjson.GetBytes(before[0].data, "response").Raw)
	}
	body = bytes.Replace(body, []byte(`"status":"in_progress"`), []byte(`"status":"failed"`), 1)
	body = bytes.Replace(body, []byte(`"error":null`), js(`"error":{"code":%s,"message":%s}`, quote(kind), quote(message)), 1)
	r := responseAnswer{all: before[:len(before):len(before)]}
	r.add("error", `"code":%s,"message":%s,"param":null`, quote(kind), quote(message))
	r.add("response.failed", `"response":%s`, body)
	return r.all[len(before):]
}
