package anthropic

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"

	"github.com/ai-mcp-gateway/gateway/translate"
	"github.com/ai-mcp-gateway/gateway/translate/neutral"
)

const (
	// defaultMaxTokens is the limit of answers of models of which no limit is
	// known, for clients that set none: the API demands one.
	defaultMaxTokens = 8192
	// MaxName is the most characters that the name of a tool may have; see
	// neutral.NewNames.
	MaxName = 64
	// maxUser is the most characters that metadata.user_id may have.
	maxUser = 256
	// maxBreakpoints is the most cache breakpoints of a request.
	maxBreakpoints = 4
)

// writer writes one request.
type writer struct {
	dst   []byte
	q     *neutral.Request
	t     *neutral.Target
	names *neutral.Names
	drops neutral.Drops
	err   *translate.Error

	system []neutral.Block
	turns  []neutral.Turn
	tools  []neutral.Tool

	budget   int64 // of thinking; 0 is none
	adaptive bool
	effort   string
	answer   bool // the answer comes by the answer tool
	skip     int  // breakpoints that are too many, from the first on
}

// AppendRequest appends the body of a message request for q. What Anthropic
// cannot be told is in drops.
func (*Dialect) AppendRequest(dst []byte, q *neutral.Request, t *neutral.Target) ([]byte, neutral.Drops, *translate.Error) {
	w := &writer{dst: dst, q: q, t: t, names: neutral.NewNames(q, MaxName)}
	if q.N > 1 {
		return dst, nil, neutral.Unsupported("n", "This provider gives one answer at a time.")
	}
	w.plan()
	w.dst = append(w.dst, `{"model":`...)
	w.string(t.Model)
	w.limit()
	w.writeSystem()
	w.writeTurns()
	w.writeTools()
	w.writeThinking()
	w.writeSampling()
	w.writeRest()
	w.reportRest()
	if w.err != nil {
		return dst, nil, w.err
	}
	return append(w.dst, '}'), w.drops, nil
}

func (w *writer) add(text string)    { w.dst = append(w.dst, text...) }
func (w *writer) raw(raw []byte)     { w.dst = append(w.dst, raw...) }
func (w *writer) text(text []byte)   { w.dst = translate.AppendString(w.dst, text) }
func (w *writer) string(text string) { w.dst = translate.AppendString(w.dst, []byte(text)) }
func (w *writer) int(n int64)        { w.dst = strconv.AppendInt(w.dst, n, 10) }
func (w *writer) drop(path string)   { w.drops.Add(path) }

// fail keeps the first error.
func (w *writer) fail(param, format string, args ...any) {
	if w.err == nil {
		w.err = neutral.Unsupported(param, format, args...)
	}
}

// plan decides what depends on more than one field.
func (w *writer) plan() {
	w.system, w.turns = neutral.Arrange(w.q, neutral.Rules{
		Merge: true, ResultsFirst: true, Pair: true, NoBlank: true, NeedUser: true,
		MidSystem: w.t.Traits.System == "first" || !inPlace(w.q.Turns),
		Origin:    name,
	})
	w.tools = allowed(w.q)
	if w.q.Format.Kind == neutral.FormatSchema {
		switch w.t.Traits.Schema {
		case "tool":
			w.answer = true
		case "none":
			w.drop("response_format")
		}
	}
	w.planThinking()
	marks := w.countMarks()
	if w.skip = marks - maxBreakpoints; w.skip > 0 {
		w.drop("cache_control")
	}
}

// inPlace reports whether all system turns stand where models that take them
// do: after a user's turn, and before an assistant's or at the end.
func inPlace(turns []neutral.Turn) bool {
	for i := range turns {
		if turns[i].Role != neutral.System {
			continue
		}
		if i == 0 || turns[i-1].Role == neutral.Assistant || i+1 < len(turns) && turns[i+1].Role == neutral.User {
			return false
		}
	}
	return true
}

// planThinking decides how the model is made to think, if it is.
func (w *writer) planThinking() {
	r, traits := &w.q.Reasoning, &w.t.Traits
	if !r.Set || r.Effort == "none" {
		return
	}
	switch traits.Thinking {
	case "budget":
		limit := neutral.Int(w.q.MaxTokens)
		if w.q.MaxTokens == nil {
			limit = w.t.MaxOutput
		}
		w.budget = r.BudgetFor(limit)
		// With a forced tool the API refuses to think, and in a loop of tools
		// it wants to see the thought that led to the last call.
		if w.budget == 0 || w.forced() || w.unthought() {
			w.budget = 0
			w.drop("reasoning_effort")
		}
	case "adaptive":
		w.adaptive, w.effort = true, r.EffortFor(traits)
	case "effort":
		w.effort = r.EffortFor(traits)
	default:
		w.drop("reasoning_effort")
	}
}

// forced reports whether the model has to call a tool.
func (w *writer) forced() bool {
	mode := w.q.Choice.Mode
	return w.answer || len(w.tools) > 0 && (mode == neutral.ChoiceRequired || mode == neutral.ChoiceNamed)
}

// unthought reports whether the turns end with results of calls that no
// thinking of this dialect precedes.
func (w *writer) unthought() bool {
	last := len(w.turns) - 1
	return last > 0 && startsWith(&w.turns[last], neutral.ToolResult) && !startsWith(&w.turns[last-1], neutral.Thinking)
}

func startsWith(turn *neutral.Turn, kind neutral.BlockKind) bool {
	return len(turn.Blocks) > 0 && turn.Blocks[0].Kind == kind
}

// limit writes max_tokens.
func (w *writer) limit() {
	w.add(`,"max_tokens":`)
	n, whole := translate.Int(w.q.MaxTokens)
	switch {
	case w.q.MaxTokens != nil && !whole:
		w.raw(w.q.MaxTokens) // the provider will say what is wrong with it
	case w.q.MaxTokens != nil:
		w.int(n)
	case w.t.MaxOutput > 0:
		w.int(w.t.MaxOutput)
	default:
		w.int(defaultMaxTokens + w.budget)
	}
}

func (w *writer) writeThinking() {
	display := ""
	switch w.q.Reasoning.Summary {
	case "summarized", "omitted":
		display = w.q.Reasoning.Summary
	case "auto", "concise", "detailed":
		if w.adaptive {
			display = "summarized" // newer models say nothing of their thinking unless they are asked
		}
	}
	switch {
	case w.budget > 0:
		w.add(`,"thinking":{"type":"enabled","budget_tokens":`)
		w.int(w.budget)
	case w.adaptive:
		w.add(`,"thinking":{"type":"adaptive"`)
	default:
		return
	}
	if display != "" {
		w.add(`,"display":"` + display + `"`)
	}
	w.add("}")
}

// writeSampling writes temperature, top_p and top_k as far as the model takes
// them. A value that means what the model does anyway is no loss.
func (w *writer) writeSampling() {
	q := w.q
	fixed := w.t.Traits.Sampling == "fixed" || w.t.Traits.Sampling == "reasoning"
	thinking := w.budget > 0 || w.adaptive
	warm := q.Temperature != nil && !fixed && !thinking
	switch {
	case warm:
		clamped := neutral.Clamp(q.Temperature, 0, 1)
		if !bytes.Equal(clamped, q.Temperature) {
			w.drop("temperature")
		}
		w.add(`,"temperature":`)
		w.raw(clamped)
	case q.Temperature != nil && number(q.Temperature) != 1:
		w.drop("temperature")
	}
	switch p := number(q.TopP); {
	case q.TopP == nil:
	case fixed || warm && w.t.Traits.Sampling == "one" || thinking && p < 0.95:
		if p < 0.99 {
			w.drop("top_p")
		}
	default:
		w.add(`,"top_p":`)
		w.raw(q.TopP)
	}
	switch {
	case q.TopK == nil:
	case fixed || thinking:
		w.drop("top_k")
	default:
		w.add(`,"top_k":`)
		w.raw(q.TopK)
	}
}

// number returns the value of a raw number, 0 of anything else.
func number(raw []byte) float64 {
	n, err := strconv.ParseFloat(string(raw), 64)
	if err != nil {
		return 0
	}
	return n
}

// writeRest writes the fields that depend on nothing else.
func (w *writer) writeRest() {
	q := w.q
	w.writeOutput()
	w.writeStop()
	if q.Cache.Auto.Set {
		w.mark(q.Cache.Auto)
	}
	switch q.ServiceTier {
	case "":
	case "auto":
		w.add(`,"service_tier":"auto"`)
	case "default":
		w.add(`,"service_tier":"standard_only"`)
	default:
		w.drop("service_tier")
	}
	if q.User != "" {
		w.add(`,"metadata":{"user_id":`)
		w.string(userID(q.User))
		w.add("}")
	}
	if q.Stream {
		w.add(`,"stream":true`)
	}
	for _, m := range q.Extra {
		if own(&m, q) && w.t.Traits.Takes(m.Name) {
			w.add(`,`)
			w.string(m.Name)
			w.add(`:`)
			w.raw(m.Raw)
		} else {
			w.drop(m.Name)
		}
	}
}

// own reports whether a field without a neutral form is one of Anthropic's.
func own(m *neutral.Member, q *neutral.Request) bool {
	switch m.Name {
	case "container", "mcp_servers", "inference_geo", "speed":
		return true
	case "context_management": // that of OpenAI's responses, an array, is another thing
		return translate.KindOf(m.Raw) == translate.KindObject
	case "thinking": // that clients of OpenAI's dialect add
		return !q.Reasoning.Set && translate.KindOf(m.Raw) == translate.KindObject
	default:
		return false
	}
}

// writeOutput writes output_config: the effort, and the form of the answer
// where the model knows it.
func (w *writer) writeOutput() {
	native := w.q.Format.Kind == neutral.FormatSchema && w.t.Traits.Schema == "" && w.q.Format.Schema != nil
	if w.effort == "" && !native {
		return
	}
	w.add(`,"output_config":{`)
	if w.effort != "" {
		w.add(`"effort":`)
		w.string(w.effort)
	}
	if native {
		if w.effort != "" {
			w.add(`,`)
		}
		w.add(`"format":{"type":"json_schema","schema":`)
		w.raw(w.q.Format.Schema)
		w.add("}")
	}
	w.add("}")
}

// writeStop writes the stop sequences. The API refuses blank ones.
func (w *writer) writeStop() {
	head := `,"stop_sequences":[`
	for _, stop := range w.q.Stop {
		if strings.TrimSpace(stop) == "" {
			if stop != "" {
				w.drop("stop")
			}
			continue
		}
		w.add(head)
		w.string(stop)
		head = ","
	}
	if head == "," {
		w.add("]")
	}
}

// userID is user as the API takes it: an opaque name that is not too long and
// no address of a person.
func userID(user string) string {
	if len(user) <= maxUser && !strings.Contains(user, "@") {
		return user
	}
	sum := sha256.Sum256([]byte(user))
	return "user_" + hex.EncodeToString(sum[:16])
}

// reportRest reports the parameters that have no place here. One that is set
// to what it means when it is absent is no loss.
func (w *writer) reportRest() {
	q := w.q
	for _, p := range [...]struct {
		path string
		set  bool
	}{
		{"frequency_penalty", number(q.FrequencyPenalty) != 0},
		{"presence_penalty", number(q.PresencePenalty) != 0},
		{"seed", q.Seed != nil},
		{"logprobs", q.Logprobs == neutral.On},
		{"top_logprobs", number(q.TopLogprobs) != 0},
		{"metadata", q.Metadata != nil},
		{"store", q.Store == neutral.On},
		{"prompt_cache_key", q.Cache.Key != ""},
		{"prompt_cache_retention", q.Cache.Retention != ""},
	} {
		if p.set {
			w.drop(p.path)
		}
	}
}
