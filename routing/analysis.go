package routing

// Request is what is known of a request before it is sent.
type Request struct {
	// Text is the last thing that its user says.
	Text []byte
	// Size is that of all messages, in bytes.
	Size int
	// Tools: it brings tools along. Schema: it wants JSON of a given shape.
	Tools, Schema bool
	// Quality is what the caller asks for.
	Quality Quality
}

// Analysis is what a request seems to be.
type Analysis struct {
	Task       Task
	Complexity Complexity
	// Quality is what the caller asks for, or the next better one where a
	// mistake would be dear (Risk).
	Quality Quality
	Risk    bool
	// Score is the prior's guess; Known, that it has met texts of this kind.
	Score float32
	Known bool
}

// Quality is how good an answer has to be.
type Quality uint8

// The qualities.
const (
	Normal Quality = iota
	High
	Critical
)

var qualities = [...]string{"normal", "high", "critical"}

// String returns the quality's name, as callers write it.
func (q Quality) String() string { return qualities[q] }

// ParseQuality reads a quality's name.
func ParseQuality(name []byte) (q Quality, ok bool) {
	for i, known := range qualities {
		if string(name) == known {
			return Quality(i), true
		}
	}
	return Normal, false
}

// Complexity is how hard a request seems.
type Complexity uint8

// The complexities.
const (
	Low Complexity = iota
	Medium
	Hard
)

// String returns the complexity's name: low, medium or high.
func (c Complexity) String() string { return [...]string{"low", "medium", "high"}[c] }

// Task is the kind of work that a request asks for.
type Task uint8

// The tasks. A request is of the first that fits, from the last to the first.
const (
	Chat Task = iota
	Extraction
	Reasoning
	Code
	ToolUse
	LongContext
)

// String returns the task's name.
func (t Task) String() string {
	return [...]string{"chat", "extraction", "reasoning", "code", "tools", "long_context"}[t]
}

const (
	// mediumScore and hardScore are above nine and ninety-eight of a hundred texts
	// that the prior was fitted on. Code, in which small models fall behind most,
	// is above both.
	mediumScore, hardScore = 0.175, 0.23
	// longText asks for several things at once, as a rule; longContext and
	// hugeContext have to be read before anything can be said, in bytes: about
	// 4,000 and 24,000 tokens.
	longText                 = 1500
	longContext, hugeContext = 16 << 10, 96 << 10
)

// Analyse says what a request seems to be. It does not allocate.
func (p *Prior) Analyse(r *Request) Analysis {
	g := p.guess(r.Text)
	c := &g.count
	a := Analysis{Score: g.score, Known: g.known, Quality: r.Quality, Risk: c.risks > 0, Task: c.task(r)}
	if a.Risk && a.Quality < Critical {
		a.Quality++
	}
	points := min(c.hard, 3)
	code := c.codes()
	if (g.known || code) && g.score >= mediumScore {
		points++
		if g.score >= hardScore {
			points++
		}
	}
	for _, more := range [...]bool{code, len(r.Text) > longText, r.Size > longContext, r.Size > hugeContext} {
		if more {
			points++
		}
	}
	a.Complexity = [...]Complexity{Low, Medium, Medium, Hard}[min(points, 3)]
	return a
}

// task is what the counted text asks for.
func (c *counter) task(r *Request) Task {
	switch {
	case r.Size > hugeContext:
		return LongContext
	case r.Tools:
		return ToolUse
	case c.codes():
		return Code
	case c.reckoning > 0 || c.operators > 0 && c.numbers > 1 || c.logic > 2:
		return Reasoning
	case c.extracts || r.Schema:
		return Extraction
	}
	return Chat
}

// weigh knows words that say what a mistake would cost, or that a task takes
// more than one thought.
func (c *counter) weigh(word []byte) {
	switch string(word) {
	case "diagnosis", "diagnose", "dosage", "medication", "ibuprofen", "prescription", "symptoms", "lawsuit", "legal", "liability", "contract",
		"compliance", "gdpr", "hipaa", "vulnerability", "exploit", "password", "credentials", "encryption", "payment", "payments", "payroll",
		"invoice", "tax", "taxes", "mortgage", "production", "outage", "irreversible", "suicide", "overdose", "emergency":
		c.risks++
	case "prove", "proof", "derive", "theorem", "architecture", "architect", "design", "distributed", "concurrent", "concurrency", "deadlock",
		"refactor", "optimize", "optimise", "migrate", "migration", "asymptotic", "complexity", "consistency", "trade", "strategy", "analyze",
		"analyse", "critique", "rigorous", "thoroughly", "comprehensive", "invariant", "formally":
		c.hard++
	case "extract", "summarize", "summarise", "summary", "translate", "classify", "list", "convert", "rewrite", "paraphrase", "label", "tag", "parse", "lie", "given":
		c.extracts = true
	}
}
