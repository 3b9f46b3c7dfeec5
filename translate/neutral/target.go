package neutral

// Target is the model that a request goes to, with what its provider's dialect
// has to know about it. The facts come from configs/models.json, never from
// code: they change from month to month.
type Target struct {
	// Model is the provider's name for it.
	Model string
	// MaxOutput is the most tokens that it answers with; 0 is not known.
	MaxOutput int64
	Traits    Traits
}

// Traits are what models of one dialect differ in. The zero value is the most
// usual and least demanding form.
type Traits struct {
	// Sampling is what the model takes of temperature, top_p and top_k:
	// "" all of them, "one" temperature or top_p but not both, "fixed" none,
	// "reasoning" none of the penalties and logprobs either.
	Sampling string `yaml:"sampling" json:"sampling,omitempty" enum:"one|fixed|reasoning"`
	// Thinking is how reasoning is asked for: "" not at all, "effort" by a
	// word, "budget" in tokens, "adaptive" by the model with a word, "level"
	// in Gemini's words, "switch" on or off.
	Thinking string `yaml:"thinking" json:"thinking,omitempty" enum:"effort|budget|adaptive|level|switch"`
	// Efforts are the words that Thinking "effort" and "adaptive" take, in
	// ascending order; nil for low, medium, high.
	Efforts []string `yaml:"efforts" json:"efforts,omitempty"`
	// Schema is how an answer by schema is asked for: "" natively, "tool" by
	// a tool that has to be called, "json" only JSON without a schema,
	// "none" not at all.
	Schema string `yaml:"schema" json:"schema,omitempty" enum:"tool|json|none"`
	// ToolSchema is "openapi" for a model that takes no JSON Schema.
	ToolSchema string `yaml:"tool_schema" json:"tool_schema,omitempty" enum:"openapi"`
	// MaxTokens is the name of the limit in OpenAI's dialect:
	// "" max_completion_tokens, "max_tokens".
	MaxTokens string `yaml:"max_tokens" json:"max_tokens,omitempty" enum:"max_tokens|max_completion_tokens"`
	// ToolIDs is the rule for ids of calls: "" any, "word" [A-Za-z0-9_-]{1,64},
	// "nine" exactly nine letters and digits.
	ToolIDs string `yaml:"tool_ids" json:"tool_ids,omitempty" enum:"word|nine"`
	// System is "" for a model that takes system turns anywhere, "first" for
	// one that takes them before the first turn only.
	System string `yaml:"system" json:"system,omitempty" enum:"first"`
	// TopK is where a model on Bedrock takes top_k: "" by that name,
	// "nested" as inferenceConfig.topK, both in its additional fields.
	TopK string `yaml:"top_k" json:"top_k,omitempty" enum:"nested"`
	// Refuses are top-level fields of the dialect that make the provider
	// refuse the request.
	Refuses []string `yaml:"refuses" json:"refuses,omitempty"`
	// NoURLs: media must be sent as bytes.
	NoURLs bool `yaml:"no_urls" json:"no_urls,omitempty"`
	// ResultMedia: the result of a tool may hold media; else Gemini is sent
	// them in a turn after it.
	ResultMedia bool `yaml:"result_media" json:"result_media,omitempty"`
	// NoParallel: parallel_tool_calls is not known.
	NoParallel bool `yaml:"no_parallel" json:"no_parallel,omitempty"`
	// Reasoned: assistant turns are sent back with their reasoning_content.
	Reasoned bool `yaml:"reasoned" json:"reasoned,omitempty"`
	// Answered: a user's message may not follow the result of a tool, the
	// assistant has to speak between them.
	Answered bool `yaml:"answered" json:"answered,omitempty"`
}

// Takes reports whether the dialect's top-level field may be sent.
func (t *Traits) Takes(field string) bool {
	for _, refused := range t.Refuses {
		if refused == field {
			return false
		}
	}
	return true
}

// Over returns t with what it leaves open taken from base.
func (t Traits) Over(base Traits) Traits {
	pick := func(own, other string) string {
		if own != "" {
			return own
		}
		return other
	}
	t.Sampling, t.Thinking = pick(t.Sampling, base.Sampling), pick(t.Thinking, base.Thinking)
	t.Schema, t.ToolSchema = pick(t.Schema, base.Schema), pick(t.ToolSchema, base.ToolSchema)
	t.MaxTokens, t.ToolIDs = pick(t.MaxTokens, base.MaxTokens), pick(t.ToolIDs, base.ToolIDs)
	t.System, t.TopK = pick(t.System, base.System), pick(t.TopK, base.TopK)
	if t.Efforts == nil {
		t.Efforts = base.Efforts
	}
	if t.Refuses == nil {
		t.Refuses = base.Refuses
	}
	t.ResultMedia, t.Answered = t.ResultMedia || base.ResultMedia, t.Answered || base.Answered
	t.NoURLs, t.NoParallel, t.Reasoned = t.NoURLs || base.NoURLs, t.NoParallel || base.NoParallel, t.Reasoned || base.Reasoned
	return t
}
