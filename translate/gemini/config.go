package gemini

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/ai-mcp-gateway/gateway/translate"
	"github.com/ai-mcp-gateway/gateway/translate/neutral"
)

// maxStops is how many stop sequences are taken.
const maxStops = 5

// appendConfig appends generationConfig, unless it would be empty.
func (w *writer) appendConfig() {
	start := len(w.dst)
	w.key("generationConfig")
	w.raw("{")
	head := len(w.dst)
	w.appendSampling()
	w.appendLimits()
	w.appendFormat()
	w.appendModalities()
	w.appendReasoning()
	if len(w.dst) == head {
		w.dst = w.dst[:start]
		return
	}
	w.raw("}")
}

// number appends a number that may be absent. One that the model does not
// take is dropped by its path in the client's request.
func (w *writer) number(field, path string, raw []byte, taken bool) {
	switch {
	case raw == nil:
	case !taken || !w.t.Traits.Takes(field):
		w.drops.Add(path)
	default:
		w.key(field)
		w.bytes(raw)
	}
}

func (w *writer) appendSampling() {
	q, sampling := w.q, w.t.Traits.Sampling
	free := sampling == "" || sampling == "one"
	w.number("temperature", "temperature", q.Temperature, free)
	w.number("topP", "top_p", q.TopP, free && (sampling == "" || q.Temperature == nil))
	w.number("topK", "top_k", q.TopK, free)
	soft := sampling != "reasoning"
	w.number("frequencyPenalty", "frequency_penalty", q.FrequencyPenalty, soft)
	w.number("presencePenalty", "presence_penalty", q.PresencePenalty, soft)
	if q.Seed != nil {
		seed := neutral.Clamp(q.Seed, math.MinInt32, math.MaxInt32)
		w.dropIf(string(seed) != string(q.Seed), "seed")
		w.number("seed", "seed", seed, true)
	}
	if q.Logprobs != neutral.On {
		return
	}
	if !soft || !w.t.Traits.Takes("responseLogprobs") {
		w.drops.Add("logprobs")
		return
	}
	w.key("responseLogprobs")
	w.raw("true")
	w.number("logprobs", "top_logprobs", q.TopLogprobs, true)
}

func (w *writer) appendLimits() {
	q := w.q
	w.number("maxOutputTokens", "max_completion_tokens", q.MaxTokens, true)
	if q.N > 1 {
		w.key("candidateCount")
		w.dst = strconv.AppendInt(w.dst, int64(q.N), 10)
	}
	stops := 0
	for _, stop := range q.Stop {
		if stop == "" {
			continue
		}
		if stops == maxStops {
			w.drops.Add("stop")
			break
		}
		if stops == 0 {
			w.key("stopSequences")
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
	w.member("responseMimeType", "application/json")
	switch {
	case f.Kind != neutral.FormatSchema || f.Schema == nil:
	case w.t.Traits.Schema != "":
		w.drops.Add("response_format.json_schema.schema")
	case w.t.Traits.ToolSchema == "openapi":
		w.key("responseSchema")
		w.dst = neutral.OpenAPISchema(w.dst, f.Schema)
	default:
		w.key("responseJsonSchema")
		w.bytes(f.Schema)
	}
}

// appendModalities appends what the model may answer with. Text alone is what
// it does anyway.
func (w *writer) appendModalities() {
	for _, m := range w.q.Extra {
		if m.Name != "modalities" || string(m.Raw) == `["text"]` || translate.KindOf(m.Raw) != translate.KindArray {
			continue
		}
		w.key("responseModalities")
		w.raw("[")
		list := translate.Elements(m.Raw)
		for list.Next() {
			if list.Kind() == translate.KindString {
				w.comma()
				w.string(strings.ToUpper(textOf(list.Value())))
			}
		}
		w.raw("]")
	}
}

// appendReasoning appends thinkingConfig: a level or a budget, never both,
// which is refused.
func (w *writer) appendReasoning() {
	r, traits := &w.q.Reasoning, &w.t.Traits
	if !r.Set {
		return
	}
	if traits.Thinking != "level" && traits.Thinking != "budget" {
		w.drops.Add("reasoning_effort")
		return
	}
	w.key("thinkingConfig")
	w.raw("{")
	switch traits.Thinking {
	case "level":
		if word := r.EffortFor(traits); word != "" && word != "none" {
			w.member("thinkingLevel", strings.ToUpper(word))
		}
	case "budget":
		if budget, ok := budgetFor(r, traits, neutral.Int(w.q.MaxTokens)); ok {
			w.key("thinkingBudget")
			w.dst = strconv.AppendInt(w.dst, budget, 10)
		}
	}
	if r.Effort != "none" && r.Summary != "omitted" {
		w.key("includeThoughts")
		w.raw("true")
	}
	w.raw("}")
}

// The budgets that Google's own compatible API makes of efforts, and the
// least budget of models that cannot stop thinking.
const (
	budgetMinimal = 512
	budgetLow     = 1024
	budgetMedium  = 8192
	budgetHigh    = 24576
	budgetLeast   = 128
	budgetFree    = -1 // the model decides
)

// budgetFor returns the budget in tokens, false when nothing is asked for.
// The client's own number stands; one made of a word leaves half of the limit
// for the answer, as the limit includes the thoughts.
func budgetFor(r *neutral.Reasoning, t *neutral.Traits, limit int64) (int64, bool) {
	var budget int64
	switch {
	case r.Budget > 0:
		return r.Budget, true
	case r.Effort == "" && r.Adaptive:
		return budgetFree, true
	case r.Effort == "":
		return 0, false
	case r.Effort == "none" && t.Efforts != nil && !slices.Contains(t.Efforts, "none"):
		return budgetLeast, true
	case r.Effort == "none":
		return 0, true
	case r.Effort == "minimal":
		budget = budgetMinimal
	case r.Effort == "low":
		budget = budgetLow
	case r.Effort == "medium":
		budget = budgetMedium
	default:
		budget = budgetHigh
	}
	if limit > 0 {
		budget = min(budget, max(limit/2, budgetLeast))
	}
	return budget, true
}
