package bedrock

import (
	"strings"

	"github.com/ai-mcp-gateway/gateway/translate"
	"github.com/ai-mcp-gateway/gateway/translate/neutral"
)

// rules are what Converse demands of a history.
var rules = neutral.Rules{
	Merge: true, ResultsFirst: true, Pair: true, UserFirst: true,
	MidSystem: true, NoBlank: true, NeedUser: true, Origin: name,
}

// maxName is the most characters that the name of a tool may have.
const maxName = 64

// maxMarks is the most cache points that a prompt may have.
const maxMarks = 4

// AppendRequest appends the body of a call. Whether it streams is said by its
// path alone.
func (*Dialect) AppendRequest(dst []byte, q *neutral.Request, t *neutral.Target) ([]byte, neutral.Drops, *translate.Error) {
	if q.N > 1 {
		return dst, nil, neutral.Unsupported("n", "This provider gives one answer to a call.")
	}
	w := writer{dst: append(dst, '{'), q: q, t: t, names: neutral.NewNames(q, maxName)}
	if err := w.planTools(); err != nil {
		return dst, nil, err
	}
	w.planThinking()
	arranged := rules
	arranged.FlattenTools = len(w.tools) == 0
	system, turns := neutral.Arrange(q, arranged)
	w.planMarks(system, turns)
	w.toolConfig()
	w.system(system)
	if err := w.messages(turns); err != nil {
		return dst, nil, err
	}
	w.inference()
	w.additional()
	w.format()
	w.rest()
	w.lose()
	return append(w.dst, '}'), w.drops, nil
}

// writer writes one request.
type writer struct {
	dst   []byte
	q     *neutral.Request
	t     *neutral.Target
	names *neutral.Names
	drops neutral.Drops

	tools     []*neutral.Tool // those that are sent
	synthetic bool            // the answer's form is asked for by a tool
	budget    int64           // of thinking, in tokens
	effort    string          // of thinking, in the model's words
	adaptive  bool            // the model sets the budget

	marks     int // cache points that are still to be left out
	documents int // that have been named
}

// drop notes that the parameter path is lost, if it was there.
func (w *writer) drop(there bool, path string) {
	if there {
		w.drops.Add(path)
	}
}

// key starts the member key of the object that is being written.
func (w *writer) key(key string) {
	w.dst = appendKey(w.dst, key)
}

// text appends a string.
func (w *writer) text(s []byte) { w.dst = translate.AppendString(w.dst, s) }

// raw appends what is JSON already.
func (w *writer) raw(s string) { w.dst = append(w.dst, s...) }

func appendKey(dst []byte, key string) []byte {
	dst = appendComma(dst)
	return append(append(append(dst, '"'), key...), '"', ':')
}

// appendComma appends the comma before the next member or element.
func appendComma(dst []byte) []byte {
	if c := dst[len(dst)-1]; c == '{' || c == '[' {
		return dst
	}
	return append(dst, ',')
}

// number appends a raw number as a member.
func (w *writer) number(key string, raw []byte) {
	if raw != nil {
		w.key(key)
		w.dst = append(w.dst, raw...)
	}
}

// thinks reports whether a model of Anthropic's family is to think, which
// rules out some other parameters.
func (w *writer) thinks() bool { return w.budget > 0 || w.adaptive }

// inference appends inferenceConfig.
func (w *writer) inference() {
	q := w.q
	temperature, topP := w.sampling()
	if q.MaxTokens == nil && temperature == nil && topP == nil && len(q.Stop) == 0 {
		return
	}
	w.key("inferenceConfig")
	w.raw("{")
	w.number("maxTokens", q.MaxTokens)
	w.number("temperature", temperature)
	w.number("topP", topP)
	w.stops()
	w.raw("}")
}

// sampling returns the temperature and top_p that the model takes.
func (w *writer) sampling() (temperature, topP []byte) {
	temperature, topP = w.q.Temperature, w.q.TopP
	switch s := w.t.Traits.Sampling; {
	case s == "fixed", s == "reasoning", w.thinks():
		w.drop(temperature != nil && !isOne(temperature), "temperature")
		w.drop(topP != nil && !isOne(topP), "top_p")
		return nil, nil
	case s == "one" && temperature != nil && topP != nil:
		w.drops.Add("top_p")
		topP = nil
	}
	if temperature != nil {
		clamped := neutral.Clamp(temperature, 0, 1)
		w.drop(string(clamped) != string(temperature), "temperature")
		temperature = clamped
	}
	return temperature, topP
}

// isOne reports whether raw is the value that a model has without being told.
func isOne(raw []byte) bool {
	n, ok := translate.Int(raw)
	return ok && n == 1
}

// stops appends the stop sequences; blank ones are refused.
func (w *writer) stops() {
	first := true
	for _, stop := range w.q.Stop {
		if strings.TrimSpace(stop) == "" {
			w.drops.Add("stop")
			continue
		}
		if first {
			w.key("stopSequences")
			w.raw("[")
			first = false
		}
		w.dst = appendComma(w.dst)
		w.text([]byte(stop))
	}
	if !first {
		w.raw("]")
	}
}

// format appends outputConfig for an answer by schema. The schema is a
// string there.
func (w *writer) format() {
	f := &w.q.Format
	if f.Kind != neutral.FormatSchema || w.t.Traits.Schema != "" {
		return
	}
	w.key("outputConfig")
	w.raw(`{"textFormat":{"type":"json_schema","structure":{"jsonSchema":{`)
	if f.Name != "" {
		w.key("name")
		w.text([]byte(f.Name))
	}
	if f.Description != "" {
		w.key("description")
		w.text([]byte(f.Description))
	}
	w.key("schema")
	w.text(f.Schema)
	w.raw("}}}}")
}

// rest appends the members that stand for themselves.
func (w *writer) rest() {
	if len(w.q.Stop) > 0 && w.t.Traits.Takes("additionalModelResponseFieldPaths") {
		// The reason of the end alone does not say which one was met. Paths
		// that a model does not have are passed over.
		w.key("additionalModelResponseFieldPaths")
		if w.q.Stream {
			w.raw(`["/delta/stop_sequence"]`)
		} else {
			w.raw(`["/stop_sequence"]`)
		}
	}
	w.tier()
	w.metadata()
	for i := range w.q.Extra {
		switch m := &w.q.Extra[i]; m.Name {
		case "guardrailConfig", "performanceConfig", "promptVariables":
			w.number(m.Name, m.Raw)
		case "additionalModelRequestFields": // see additional
		default:
			w.drop(translate.KindOf(m.Raw) != translate.KindNull, m.Name)
		}
	}
}

// tier appends the service tier.
func (w *writer) tier() {
	tier := w.q.ServiceTier
	switch tier {
	case "", "auto":
		return
	case "standard_only":
		tier = "default"
	case "default", "flex", "priority", "reserved":
	default:
		w.drops.Add("service_tier")
		return
	}
	if !w.t.Traits.Takes("serviceTier") {
		w.drop(tier != "default", "service_tier")
		return
	}
	w.key("serviceTier")
	w.raw(`{"type":"` + tier + `"}`)
}

// lose notes what Converse has no place for.
func (w *writer) lose() {
	q := w.q
	w.drop(q.FrequencyPenalty != nil, "frequency_penalty")
	w.drop(q.PresencePenalty != nil, "presence_penalty")
	w.drop(q.Seed != nil, "seed")
	w.drop(q.Logprobs == neutral.On, "logprobs")
	w.drop(q.TopLogprobs != nil, "top_logprobs")
	w.drop(q.Parallel == neutral.Off && len(w.tools) > 0, "parallel_tool_calls")
	w.drop(q.Cache.Key != "", "prompt_cache_key")
	w.drop(q.Cache.Retention != "", "prompt_cache_retention")
	w.drop(q.Store == neutral.On, "store")
	for i := range q.Turns {
		w.drop(q.Turns[i].Name != "", "messages[].name")
	}
}
