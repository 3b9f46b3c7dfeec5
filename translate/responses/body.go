package responses

import (
	"strconv"

	"github.com/ai-mcp-gateway/gateway/translate"
	"github.com/ai-mcp-gateway/gateway/translate/neutral"
)

// maxName is the most characters that the name of a tool may have.
const maxName = 64

// body writes a request for a provider.
type body struct {
	dst   []byte
	q     *neutral.Request
	t     *neutral.Target
	names *neutral.Names
	drops neutral.Drops
	err   *translate.Error

	items  int                 // written so far
	custom map[string]struct{} // ids of the calls of custom tools
}

// AppendRequest appends the body for a provider. Nothing is kept there unless
// the client has asked for it: reasoning then travels sealed, and no item has
// an id that the provider would have to know.
func (*Dialect) AppendRequest(dst []byte, q *neutral.Request, t *neutral.Target) ([]byte, neutral.Drops, *translate.Error) {
	w := body{dst: dst, q: q, t: t, names: neutral.NewNames(q, maxName)}
	if q.N > 1 {
		return dst, nil, neutral.Unsupported("n", "The field %q must be 1 for this model.", "n")
	}
	w.dst = translate.AppendString(append(w.dst, `{"model":`...), []byte(t.Model))
	w.history()
	w.tools()
	w.settings()
	w.reasoning()
	w.include()
	w.extras()
	w.refuse()
	if w.err != nil {
		return dst, nil, w.err
	}
	return append(w.dst, '}'), w.drops, nil
}

// field writes a member unless there is no value for it, or the model refuses
// it. path is what it is called in a chat completion.
func (w *body) field(key, path string, raw []byte) {
	switch {
	case raw == nil:
	case !w.t.Traits.Takes(key):
		w.drops.Add(path)
	default:
		w.key(key)
		w.dst = append(w.dst, raw...)
	}
}

func (w *body) word(key, path, word string) {
	if word != "" {
		w.field(key, path, translate.AppendString(nil, []byte(word)))
	}
}

func (w *body) key(key string) {
	w.dst = append(append(append(w.dst, `,"`...), key...), `":`...)
}

// minOutput is the smallest limit that the API takes. Clients of other
// dialects ask for one token to see whether a model is there.
const minOutput = 16

// limit writes max_output_tokens.
func (w *body) limit() {
	limit := w.q.MaxTokens
	if n, whole := translate.Int(limit); whole && n > 0 && n < minOutput && w.t.Traits.Takes("max_output_tokens") {
		limit = strconv.AppendInt(nil, minOutput, 10)
		w.drops.Add("max_completion_tokens")
	}
	w.field("max_output_tokens", "max_completion_tokens", limit)
}

func (w *body) settings() {
	q := w.q
	w.limit()
	w.sampling()
	w.format()
	w.word("service_tier", "service_tier", q.ServiceTier)
	w.word("user", "user", q.User)
	w.word("prompt_cache_key", "prompt_cache_key", q.Cache.Key)
	w.word("prompt_cache_retention", "prompt_cache_retention", q.Cache.Retention)
	w.field("metadata", "metadata", q.Metadata)
	if w.t.Traits.Takes("store") {
		w.key("store")
		w.dst = appendBool(w.dst, q.Store == neutral.On)
	}
	if q.Stream {
		w.dst = append(w.dst, `,"stream":true`...)
	}
}

func (w *body) sampling() {
	q := w.q
	temperature, topP := q.Temperature, q.TopP
	switch w.t.Traits.Sampling {
	case "one":
		if temperature != nil && topP != nil {
			w.drops.Add("top_p")
			topP = nil
		}
	case "fixed", "reasoning":
		w.lack("temperature", temperature)
		w.lack("top_p", topP)
		temperature, topP = nil, nil
	}
	w.field("temperature", "temperature", temperature)
	w.field("top_p", "top_p", topP)
	if w.logprobs() {
		w.field("top_logprobs", "top_logprobs", q.TopLogprobs)
	} else {
		w.lack("top_logprobs", q.TopLogprobs)
	}
}

func (w *body) logprobs() bool {
	return w.q.Logprobs == neutral.On && w.t.Traits.Sampling != "reasoning"
}

// lack notes a parameter that the API does not have.
func (w *body) lack(path string, raw []byte) {
	if raw != nil {
		w.drops.Add(path)
	}
}

// refuse notes what the API has no field for.
func (w *body) refuse() {
	q := w.q
	w.lack("frequency_penalty", q.FrequencyPenalty)
	w.lack("presence_penalty", q.PresencePenalty)
	w.lack("seed", q.Seed)
	w.lack("top_k", q.TopK)
	if len(q.Stop) > 0 {
		w.drops.Add("stop")
	}
	if q.Logprobs == neutral.On && !w.logprobs() {
		w.drops.Add("logprobs")
	}
	if q.Cache.Auto.Set {
		w.drops.Add("cache_control")
	}
}

// format writes what the text of the answer is to be like.
func (w *body) format() {
	verbosity := extra(w.q, "verbosity")
	if !w.t.Traits.Takes("text") {
		w.lack("verbosity", verbosity)
		if w.q.Format.Kind != neutral.FormatText {
			w.drops.Add("response_format")
		}
		return
	}
	format := w.q.Format
	switch {
	case format.Kind == neutral.FormatSchema && w.t.Traits.Schema == "json":
		format.Kind = neutral.FormatJSON
		w.drops.Add("response_format.json_schema")
	case format.Kind != neutral.FormatText && w.t.Traits.Schema == "none":
		format.Kind = neutral.FormatText
		w.drops.Add("response_format")
	}
	if format.Kind == neutral.FormatText && verbosity == nil {
		return
	}
	w.dst = append(w.dst, `,"text":{`...)
	if format.Kind != neutral.FormatText {
		w.dst = appendFormat(append(w.dst, `"format":`...), &format)
		if verbosity != nil {
			w.dst = append(w.dst, ',')
		}
	}
	if verbosity != nil {
		w.dst = append(append(w.dst, `"verbosity":`...), verbosity...)
	}
	w.dst = append(w.dst, '}')
}

// reasoning writes how much the model is to think. What it shows of it has to
// be asked for; clients of Anthropic's budgets expect to see it.
func (w *body) reasoning() {
	r := &w.q.Reasoning
	if !r.Set {
		return
	}
	effort := r.EffortFor(&w.t.Traits)
	summary := r.Summary
	switch summary {
	case "auto", "concise", "detailed":
	case "omitted":
		summary = ""
	case "":
		if r.Budget > 0 || r.Adaptive {
			summary = "auto"
		}
	default:
		summary = "auto"
	}
	if w.t.Traits.Thinking == "" || !w.t.Traits.Takes("reasoning") {
		w.drops.Add("reasoning_effort")
		return
	}
	if effort == "" && summary == "" {
		return
	}
	w.dst = append(w.dst, `,"reasoning":{`...)
	if effort != "" {
		w.dst = appendWord(w.dst, `"effort":`, effort)
		if summary != "" {
			w.dst = append(w.dst, ',')
		}
	}
	if summary != "" {
		w.dst = appendWord(w.dst, `"summary":`, summary)
	}
	w.dst = append(w.dst, '}')
}

// include writes what the answer is to have beside the usual: sealed
// reasoning, where nothing is kept at the provider.
func (w *body) include() {
	open := byte('[')
	add := func(raw []byte) {
		if open == '[' {
			w.key("include")
		}
		w.dst = append(append(w.dst, open), raw...)
		open = ','
	}
	if !w.t.Traits.Takes("include") {
		return
	}
	if w.t.Traits.Thinking != "" && w.q.Store != neutral.On {
		add([]byte(includeSealed))
	}
	if w.logprobs() {
		add([]byte(includeLogprobs))
	}
	a := translate.Elements(extra(w.q, "include"))
	for a.Next() {
		if v := string(a.Value()); v != includeSealed && v != includeLogprobs {
			add(a.Value())
		}
	}
	if open == ',' {
		w.dst = append(w.dst, ']')
	}
}

// extras writes the fields that the API has and the neutral form has not.
func (w *body) extras() {
	for i := range w.q.Extra {
		m := &w.q.Extra[i]
		switch m.Name {
		case "verbosity", "include":
		case "truncation", "max_tool_calls", "safety_identifier", "prompt_cache_options", "moderation":
			w.field(m.Name, m.Name, m.Raw)
		case "context_management": // Anthropic's, an object, is another thing
			if translate.KindOf(m.Raw) == translate.KindArray {
				w.field(m.Name, m.Name, m.Raw)
			} else {
				w.drops.Add(m.Name)
			}
		default:
			w.drops.Add(m.Name)
		}
	}
}

func (w *body) tools() {
	q := w.q
	if len(q.Tools) == 0 {
		return
	}
	separator := `,"tools":[`
	for i := range q.Tools {
		t := &q.Tools[i]
		if t.Server && t.Dialect != name {
			w.fail(neutral.Unsupported("tools", "The tool %q is not supported for this model: its provider does not run it.", t.Name))
			return
		}
		if t.Breakpoint.Set {
			w.drops.Add("cache_control")
		}
		w.dst = appendTool(append(w.dst, separator...), t, w.names.Out(t.Name))
		separator = ","
	}
	w.dst = append(w.dst, ']')
	if q.Choice.Mode != neutral.ChoiceUnset || q.Choice.Names != nil {
		w.key("tool_choice")
		w.dst = appendChoice(w.dst, q, w.names)
	}
	switch {
	case q.Parallel == neutral.Unset:
	case w.t.Traits.NoParallel:
		w.drops.Add("parallel_tool_calls")
	default:
		w.key("parallel_tool_calls")
		w.dst = appendBool(w.dst, q.Parallel == neutral.On)
	}
}

// fail notes the first error.
func (w *body) fail(err *translate.Error) {
	if w.err == nil {
		w.err = err
	}
}
