package ollama

import (
	"slices"

	"github.com/ai-mcp-gateway/gateway/translate"
	"github.com/ai-mcp-gateway/gateway/translate/neutral"
)

// AppendRequest appends the body of a chat. Ollama streams unless it is told
// not to, so it is told either way.
func (*Dialect) AppendRequest(dst []byte, q *neutral.Request, t *neutral.Target) ([]byte, neutral.Drops, *translate.Error) {
	if q.N > 1 {
		return dst, nil, neutral.Unsupported("n", "This provider gives one answer to a call.")
	}
	w := writer{dst: append(dst, '{'), q: q, t: t}
	w.key("model")
	w.text([]byte(t.Model))
	w.key("stream")
	w.boolean(q.Stream)
	if err := w.messages(); err != nil {
		return dst, nil, err
	}
	if err := w.tools(); err != nil {
		return dst, nil, err
	}
	w.format()
	w.think()
	w.logprobs()
	w.options()
	w.lose()
	return append(w.dst, '}'), w.drops, nil
}

// writer writes one request.
type writer struct {
	dst   []byte
	q     *neutral.Request
	t     *neutral.Target
	drops neutral.Drops
}

// drop notes that the parameter path is lost, if it was there.
func (w *writer) drop(there bool, path string) {
	if there {
		w.drops.Add(path)
	}
}

// key starts the member key of the object that is being written.
func (w *writer) key(key string) {
	w.comma()
	w.dst = append(append(append(w.dst, '"'), key...), '"', ':')
}

// comma appends the comma before the next member or element.
func (w *writer) comma() {
	if c := w.dst[len(w.dst)-1]; c != '{' && c != '[' {
		w.dst = append(w.dst, ',')
	}
}

// text appends a string.
func (w *writer) text(s []byte) { w.dst = translate.AppendString(w.dst, s) }

// raw appends what is JSON already.
func (w *writer) raw(s string) { w.dst = append(w.dst, s...) }

func (w *writer) boolean(on bool) {
	if on {
		w.raw("true")
	} else {
		w.raw("false")
	}
}

// number appends a raw number as a member.
func (w *writer) number(key string, raw []byte) {
	if raw != nil {
		w.key(key)
		w.dst = append(w.dst, raw...)
	}
}

// tools appends the tools. Ollama lets the model choose: what the client
// chose is done by leaving tools out, as far as that goes.
func (w *writer) tools() *translate.Error {
	q := w.q
	w.drop(q.Choice.Mode == neutral.ChoiceRequired || q.Choice.Mode == neutral.ChoiceNamed, "tool_choice")
	w.drop(q.Parallel == neutral.Off && len(q.Tools) > 0, "parallel_tool_calls")
	if q.Choice.Mode == neutral.ChoiceNone {
		return nil
	}
	first := true
	for i := range q.Tools {
		tool := &q.Tools[i]
		if tool.Server {
			return neutral.Unsupported("tools", "This provider does not have the tool %q.", tool.Name)
		}
		if q.Choice.Names != nil && !slices.Contains(q.Choice.Names, tool.Name) {
			continue
		}
		if first {
			w.key("tools")
			w.raw("[")
			first = false
		}
		w.tool(tool)
	}
	if !first {
		w.raw("]")
	}
	return nil
}

// customSchema is that of a tool that takes free text.
const customSchema = `{"type":"object","properties":{"input":{"type":"string"}},"required":["input"]}`

func (w *writer) tool(tool *neutral.Tool) {
	w.comma()
	w.raw(`{"type":"function","function":{`)
	w.key("name")
	w.text([]byte(tool.Name))
	if tool.Description != "" {
		w.key("description")
		w.text([]byte(tool.Description))
	}
	w.key("parameters")
	if tool.Custom {
		w.raw(customSchema)
		w.drop(tool.Grammar != nil, "tools[].custom.format")
	} else {
		w.dst = append(w.dst, neutral.ObjectSchema(tool.Schema)...)
	}
	w.raw("}}")
	w.drop(tool.Strict == neutral.On, "tools[].function.strict")
}

// format appends the form of the answer: a schema, or any JSON.
func (w *writer) format() {
	f, schema := &w.q.Format, w.t.Traits.Schema
	switch {
	case f.Kind == neutral.FormatText:
	case schema == "none":
		w.drops.Add("response_format")
	case f.Kind == neutral.FormatJSON || schema == "json":
		w.key("format")
		w.raw(`"json"`)
		w.drop(f.Kind == neutral.FormatSchema, "response_format.json_schema")
	default:
		w.key("format")
		w.dst = append(w.dst, f.Schema...)
	}
}

// think appends whether, or how hard, the model thinks.
func (w *writer) think() {
	r, traits := &w.q.Reasoning, &w.t.Traits
	if !r.Set {
		return
	}
	off := r.Effort == "none" && r.Budget == 0 && !r.Adaptive
	switch traits.Thinking {
	case "":
		w.drop(!off, "reasoning_effort")
	case "effort", "level":
		if word := r.EffortFor(traits); word != "" {
			w.key("think")
			w.text([]byte(word))
		}
	default:
		w.key("think")
		w.boolean(!off)
	}
}

func (w *writer) logprobs() {
	if w.q.Logprobs == neutral.On {
		w.key("logprobs")
		w.raw("true")
		w.number("top_logprobs", w.q.TopLogprobs)
	}
}

// options appends the options of the runner: what the client asked for in
// OpenAI's words, and then in Ollama's own.
func (w *writer) options() {
	q := w.q
	w.key("options")
	start := len(w.dst)
	w.raw("{")
	w.number("num_predict", q.MaxTokens)
	w.sampling()
	w.number("seed", q.Seed)
	if len(q.Stop) > 0 {
		w.key("stop")
		w.raw("[")
		for _, stop := range q.Stop {
			w.comma()
			w.text([]byte(stop))
		}
		w.raw("]")
	}
	for i := range q.Extra {
		if q.Extra[i].Name == "options" {
			w.missing(start, translate.Members(q.Extra[i].Raw))
		}
	}
	if len(w.dst) == start+1 {
		w.dst = w.dst[:start-len(`,"options":`)]
		return
	}
	w.raw("}")
}

func (w *writer) sampling() {
	q := w.q
	if s := w.t.Traits.Sampling; s == "fixed" || s == "reasoning" {
		w.drop(q.Temperature != nil, "temperature")
		w.drop(q.TopP != nil, "top_p")
		w.drop(q.TopK != nil, "top_k")
		w.drop(q.FrequencyPenalty != nil, "frequency_penalty")
		w.drop(q.PresencePenalty != nil, "presence_penalty")
		return
	}
	w.number("temperature", q.Temperature)
	w.number("top_p", q.TopP)
	w.number("top_k", q.TopK)
	w.number("frequency_penalty", q.FrequencyPenalty)
	w.number("presence_penalty", q.PresencePenalty)
}

// missing appends the members of o that the object that starts at start, and
// is still open, does not have.
func (w *writer) missing(start int, o translate.Object) {
	for o.Next() {
		if !has(w.dst[start:], o.Key()) {
			w.key(string(o.Key()))
			w.dst = append(w.dst, o.Value()...)
		}
	}
}

func has(open, key []byte) bool {
	o := translate.Members(open)
	for o.Next() {
		if string(o.Key()) == string(key) {
			return true
		}
	}
	return false
}

// lose appends what stands for itself, and notes what Ollama has no place
// for. Its prompt cache needs no marks.
func (w *writer) lose() {
	q := w.q
	for i := range q.Extra {
		switch m := &q.Extra[i]; m.Name {
		case "keep_alive":
			w.number(m.Name, m.Raw)
		case "options": // see options
		default:
			w.drop(translate.KindOf(m.Raw) != translate.KindNull, m.Name)
		}
	}
	w.drop(q.User != "", "user")
	w.drop(q.Metadata != nil, "metadata")
	w.drop(q.ServiceTier != "" && q.ServiceTier != "auto" && q.ServiceTier != "default", "service_tier")
	w.drop(q.Cache.Key != "", "prompt_cache_key")
	w.drop(q.Cache.Retention != "", "prompt_cache_retention")
	w.drop(q.Store == neutral.On, "store")
	w.drop(q.Cache.Auto.Set, "cache_control")
	w.unmark(q.System)
	for i := range q.Tools {
		w.drop(q.Tools[i].Breakpoint.Set, "cache_control")
	}
	for i := range q.Turns {
		w.drop(q.Turns[i].Name != "", "messages[].name")
		w.unmark(q.Turns[i].Blocks)
	}
}

// unmark notes that the ends of prefixes to cache are lost: Ollama caches
// what it likes.
func (w *writer) unmark(blocks []neutral.Block) {
	for i := range blocks {
		w.drop(blocks[i].Breakpoint.Set, "cache_control")
	}
}
