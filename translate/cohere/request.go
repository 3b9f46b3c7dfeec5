package cohere

import (
	"math"
	"strconv"

	"github.com/ai-mcp-gateway/gateway/translate"
	"github.com/ai-mcp-gateway/gateway/translate/neutral"
)

const (
	// MaxName is the most characters that the name of a tool may have; see
	// neutral.NewNames.
	MaxName = 64
	// maxStops is how many stop sequences are taken.
	maxStops = 5
)

// AppendRequest appends the body of a chat for q.
func (*Dialect) AppendRequest(dst []byte, q *neutral.Request, t *neutral.Target) ([]byte, neutral.Drops, *translate.Error) {
	if q.N > 1 {
		return dst, nil, neutral.Unsupported("n", "This provider gives one answer at a time.")
	}
	w := writer{dst: append(dst, '{'), q: q, t: t, names: neutral.NewNames(q, MaxName)}
	system, turns := neutral.Arrange(q, neutral.Rules{
		Merge: true, ResultsFirst: true, Pair: true, NoBlank: true, NeedUser: true,
		MidSystem: t.Traits.System == "first", Origin: name,
	})
	w.member("model", t.Model)
	w.key("stream")
	w.dst = strconv.AppendBool(w.dst, q.Stream)
	w.appendMessages(system, turns)
	w.appendTools()
	w.appendSampling()
	w.appendStops()
	w.appendFormat()
	w.appendReasoning()
	w.appendRest()
	if w.err != nil {
		return dst, nil, w.err
	}
	return append(w.dst, '}'), w.drops, nil
}

// writer writes one request. The first error is kept.
type writer struct {
	dst       []byte
	q         *neutral.Request
	t         *neutral.Target
	names     *neutral.Names
	documents []byte // elements of the list, from files among the messages
	drops     neutral.Drops
	err       *translate.Error
}

// key appends the name of a member, after a comma where it needs one.
func (w *writer) key(name string) {
	w.comma()
	w.dst = append(append(append(w.dst, '"'), name...), '"', ':')
}

// comma appends a comma unless a bracket has just been opened.
func (w *writer) comma() {
	if last := w.dst[len(w.dst)-1]; last != '{' && last != '[' {
		w.dst = append(w.dst, ',')
	}
}

func (w *writer) raw(s string)       { w.dst = append(w.dst, s...) }
func (w *writer) bytes(b []byte)     { w.dst = append(w.dst, b...) }
func (w *writer) text(b []byte)      { w.dst = translate.AppendString(w.dst, b) }
func (w *writer) string(s string)    { w.dst = translate.AppendString(w.dst, []byte(s)) }
func (w *writer) member(k, v string) { w.key(k); w.string(v) }

// unsupported ends the request with an error at param.
func (w *writer) unsupported(param, format string, args ...any) {
	if w.err == nil {
		w.err = neutral.Unsupported(param, format, args...)
	}
}

func (w *writer) dropIf(lost bool, path string) {
	if lost {
		w.drops.Add(path)
	}
}

// number appends a number that may be absent, between 0 and most. One
// that has to change for that, or that the model does not take, is noted by
// its path in the client's request.
func (w *writer) number(field, path string, raw []byte, most float64, taken bool) {
	switch {
	case raw == nil:
	case !taken || !w.t.Traits.Takes(field):
		w.drops.Add(path)
	default:
		allowed := neutral.Clamp(raw, 0, most)
		w.dropIf(string(allowed) != string(raw), path)
		w.key(field)
		w.bytes(allowed)
	}
}

func (w *writer) appendSampling() {
	q, sampling := w.q, w.t.Traits.Sampling
	free, soft := sampling == "" || sampling == "one", sampling != "reasoning"
	w.number("max_tokens", "max_completion_tokens", q.MaxTokens, math.MaxInt64, true)
	w.number("temperature", "temperature", q.Temperature, 1, free)
	topP := neutral.Clamp(q.TopP, 0.01, 0.99) // as good as 0 and 1, which are refused
	w.number("p", "top_p", topP, 1, free && (sampling == "" || q.Temperature == nil))
	w.number("k", "top_k", q.TopK, 500, free)
	w.number("frequency_penalty", "frequency_penalty", q.FrequencyPenalty, 1, soft)
	w.number("presence_penalty", "presence_penalty", q.PresencePenalty, 1, soft)
	w.number("seed", "seed", q.Seed, math.MaxUint64, true)
	// They come without the texts of the tokens, which clients need.
	w.dropIf(q.Logprobs == neutral.On, "logprobs")
	w.dropIf(q.TopLogprobs != nil, "top_logprobs")
}

func (w *writer) appendStops() {
	stops := 0
	for _, stop := range w.q.Stop {
		if stop == "" {
			continue
		}
		if stops == maxStops {
			w.drops.Add("stop")
			break
		}
		if stops == 0 {
			w.key("stop_sequences")
			w.raw("[")
		}
		w.comma()
		w.string(stop)
		stops++
	}
	if stops > 0 {
		w.raw("]")
	}
}

func (w *writer) appendFormat() {
	f := &w.q.Format
	switch {
	case f.Kind == neutral.FormatText:
		return
	case w.t.Traits.Schema == "none":
		w.drops.Add("response_format")
		return
	}
	w.key("response_format")
	w.raw(`{"type":"json_object"`)
	switch {
	case f.Kind != neutral.FormatSchema || f.Schema == nil:
	case w.t.Traits.Schema != "":
		w.drops.Add("response_format.json_schema.schema")
	default:
		w.key("json_schema")
		w.bytes(f.Schema)
	}
	w.raw("}")
}

func (w *writer) appendReasoning() {
	r, how := &w.q.Reasoning, w.t.Traits.Thinking
	if !r.Set {
		return
	}
	if how != "budget" && how != "switch" {
		w.drops.Add("reasoning_effort")
		return
	}
	w.key("thinking")
	if r.Effort == "none" {
		w.raw(`{"type":"disabled"}`)
		return
	}
	w.raw(`{"type":"enabled"`)
	if how == "budget" {
		if budget := r.BudgetFor(neutral.Int(w.q.MaxTokens)); budget > 0 {
			w.key("token_budget")
			w.dst = strconv.AppendInt(w.dst, budget, 10)
		}
	}
	w.raw("}")
}

// appendRest appends the fields of Cohere's own, and notes what it has none
// for.
func (w *writer) appendRest() {
	q := w.q
	for _, m := range q.Extra {
		switch m.Name {
		case "citation_options", "safety_mode", "priority":
			w.key(m.Name)
			w.bytes(m.Raw)
		case "documents":
			w.addDocuments(m.Raw)
		default:
			w.dropIf(translate.KindOf(m.Raw) != translate.KindNull, m.Name)
		}
	}
	if len(w.documents) > 0 {
		w.key("documents")
		w.raw("[")
		w.bytes(w.documents)
		w.raw("]")
	}
	w.dropIf(q.ServiceTier != "" && q.ServiceTier != "auto" && q.ServiceTier != "default", "service_tier")
	w.dropIf(q.User != "", "user")
	w.dropIf(q.Metadata != nil, "metadata")
	w.dropIf(q.Store == neutral.On, "store")
	w.dropIf(q.Cache.Key != "", "prompt_cache_key")
	w.dropIf(q.Cache.Retention != "", "prompt_cache_retention")
	w.dropIf(q.Cache.Auto.Set, "cache_control")
	w.dropIf(q.Parallel == neutral.Off && len(q.Tools) > 0, "parallel_tool_calls")
}

// addDocuments adds those that the client sends in Cohere's own field.
func (w *writer) addDocuments(raw []byte) {
	list := translate.Elements(raw)
	for list.Next() {
		if len(w.documents) > 0 {
			w.documents = append(w.documents, ',')
		}
		w.documents = append(w.documents, list.Value()...)
	}
}
