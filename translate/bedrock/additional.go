package bedrock

import (
	"strconv"

	"github.com/ai-mcp-gateway/gateway/translate"
	"github.com/ai-mcp-gateway/gateway/translate/neutral"
)

// planThinking decides how the model is told to think. Anthropic's models do
// not think where they are forced to call a tool: the tool is kept.
func (w *writer) planThinking() {
	r, traits := &w.q.Reasoning, &w.t.Traits
	if !r.Set {
		return
	}
	wanted := r.Effort != "none" || r.Budget > 0 || r.Adaptive
	switch traits.Thinking {
	case "":
		w.drop(wanted, "reasoning_effort")
	case "budget", "adaptive":
		if wanted && w.forced() {
			w.drops.Add("reasoning_effort")
		} else if wanted {
			w.planClaude()
		}
	case "switch":
		if r.EffortFor(traits) == "on" {
			w.effort = "high"
			if r.Effort == "low" || r.Effort == "minimal" {
				w.effort = "low"
			}
		}
	default:
		w.effort = r.EffortFor(traits)
	}
}

// planClaude decides how one of Anthropic's models is told to think.
func (w *writer) planClaude() {
	r, traits := &w.q.Reasoning, &w.t.Traits
	if traits.Thinking == "adaptive" {
		w.adaptive, w.effort = true, r.EffortFor(traits)
		return
	}
	limit := neutral.Int(w.q.MaxTokens)
	if w.q.MaxTokens == nil {
		limit = w.t.MaxOutput
	}
	if !w.unthought() {
		w.budget = r.BudgetFor(limit)
	}
	w.drop(w.budget == 0, "reasoning_effort")
}

// unthought reports whether the turns end with results of calls that no
// thought of this dialect's model precedes. In a loop of tools the API wants
// to see the thought that led to the last call, or else none at all.
func (w *writer) unthought() bool {
	last := len(w.q.Turns) - 1
	k := last
	for k >= 0 && startsWith(&w.q.Turns[k], neutral.ToolResult) {
		k--
	}
	if k < 0 || k == last {
		return false
	}
	for k > 0 && w.q.Turns[k-1].Role == neutral.Assistant { // they go as one
		k--
	}
	turn := &w.q.Turns[k]
	return !startsWith(turn, neutral.Thinking) || turn.Blocks[0].Origin != name
}

func startsWith(turn *neutral.Turn, kind neutral.BlockKind) bool {
	return len(turn.Blocks) > 0 && turn.Blocks[0].Kind == kind
}

// forced reports whether the model has to call a tool.
func (w *writer) forced() bool {
	mode := w.q.Choice.Mode
	return w.synthetic || len(w.tools) > 0 && (mode == neutral.ChoiceRequired || mode == neutral.ChoiceNamed)
}

// additional appends additionalModelRequestFields: what only one family of
// models knows, and what the client itself wants there.
func (w *writer) additional() {
	fields := w.appendThinking([]byte{'{'})
	if k := w.q.TopK; k != nil {
		switch traits := &w.t.Traits; {
		case traits.Sampling == "fixed", traits.Sampling == "reasoning", w.thinks(), !traits.Takes("top_k"):
			w.drops.Add("top_k")
		case traits.TopK == "nested":
			fields = append(append(appendKey(fields, "inferenceConfig"), `{"topK":`...), k...)
			fields = append(fields, '}')
		default:
			fields = append(appendKey(fields, "top_k"), k...)
		}
	}
	for i := range w.q.Extra {
		if w.q.Extra[i].Name == "additionalModelRequestFields" {
			fields = appendMissing(fields, translate.Members(w.q.Extra[i].Raw))
		}
	}
	if len(fields) > 1 {
		w.key("additionalModelRequestFields")
		w.dst = append(append(w.dst, fields...), '}')
	}
}

// appendThinking appends how the families of models are told to think:
// Anthropic's with a budget or adaptively, OpenAI's open ones with a word,
// Qwen's with a switch, Amazon's with a level.
func (w *writer) appendThinking(dst []byte) []byte {
	switch {
	case w.budget > 0:
		dst = append(appendKey(dst, "thinking"), `{"type":"enabled","budget_tokens":`...)
		return append(strconv.AppendInt(dst, w.budget, 10), '}')
	case w.adaptive:
		dst = append(appendKey(dst, "thinking"), `{"type":"adaptive"`...)
		switch w.q.Reasoning.Summary {
		case "":
		case "omitted":
			dst = append(dst, `,"display":"omitted"`...)
		default:
			dst = append(dst, `,"display":"summarized"`...)
		}
		dst = append(dst, '}')
		if w.effort != "" {
			dst = append(appendKey(dst, "output_config"), `{"effort":`...)
			dst = append(translate.AppendString(dst, []byte(w.effort)), '}')
		}
		return dst
	case w.effort == "":
		return dst
	case w.t.Traits.Thinking == "level":
		dst = append(appendKey(dst, "reasoningConfig"), `{"type":"enabled","maxReasoningEffort":`...)
		return append(translate.AppendString(dst, []byte(w.effort)), '}')
	case w.t.Traits.Thinking == "switch":
		return translate.AppendString(appendKey(dst, "reasoning_config"), []byte(w.effort))
	default:
		return translate.AppendString(appendKey(dst, "reasoning_effort"), []byte(w.effort))
	}
}

// appendMissing appends the members of o that the object dst, which is still
// open, does not have.
func appendMissing(dst []byte, o translate.Object) []byte {
	for o.Next() {
		if !has(dst, o.Key()) {
			dst = append(appendKey(dst, string(o.Key())), o.Value()...)
		}
	}
	return dst
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

// metadata appends requestMetadata, by which the logs of Bedrock can be
// filtered: the client's metadata and its user, as far as they may stand
// there.
func (w *writer) metadata() {
	fields := []byte{'{'}
	o := translate.Members(w.q.Metadata)
	for o.Next() {
		value := textOf(o.Value())
		if value == nil || len(o.Key()) == 0 || !isLabel(o.Key()) || !isLabel(value) || has(fields, o.Key()) {
			w.drops.Add("metadata")
			continue
		}
		fields = translate.AppendString(appendKey(fields, string(o.Key())), value)
	}
	if user := w.q.User; user != "" {
		if isLabel([]byte(user)) && !has(fields, []byte("user")) {
			fields = translate.AppendString(appendKey(fields, "user"), []byte(user))
		} else {
			w.drops.Add("user")
		}
	}
	if len(fields) > 1 {
		w.key("requestMetadata")
		w.dst = append(append(w.dst, fields...), '}')
	}
}

// isLabel reports whether s may stand in requestMetadata.
func isLabel(s []byte) bool {
	if len(s) > 256 {
		return false
	}
	for _, c := range s {
		switch {
		case c|0x20 >= 'a' && c|0x20 <= 'z', c >= '0' && c <= '9':
		case c == ' ', c == ':', c == '_', c == '@', c == '$', c == '#', c == '=', c == '/', c == '+', c == ',', c == '-', c == '.':
		default:
			return false
		}
	}
	return true
}
