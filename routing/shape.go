package routing

import "math"

// The shape of a text: what can be said of it without knowing its words.
const (
	shapeBytes = iota
	shapeWords
	shapeNumbers
	shapeNumberShare
	shapeOperators
	shapeOperatorShare
	shapeLines
	shapeWordLength
	shapeLongWords
	shapeFormula
	shapeCode
	shapeCapitals
	shapeQuotes
	shapeQuestion
	shapeBlank
	shapeNegation
	shapeLogic
	shapeReckoning
	shapeLookup
	shapeOptions
	shapeSentences
	shapeShort
	shapeVeryShort
	shapes
)

// shape is a text's, each figure of the order of one.
type shape [shapes]float32

// counter adds up what the shape is made of, word by word.
type counter struct {
	words, letters, long, numbers, operators, lines, capitals int
	quotes, dollars, backslashes, blanks, sentences           int
	negations, logic, reckoning, code, options                int

	question, lookup, writes bool

	// What is counted for Analyse alone, see weigh.
	risks, hard int
	extracts    bool

	first    bool
	verb     int  // the word at which somebody was last asked to write
	previous byte // the mark before
}

// asked is how many words may stand between "write" and "function".
const asked = 12

// add counts the current word of w. newline says that it begins a line.
func (c *counter) add(w *words, newline bool) {
	c.words++
	switch w.kind {
	case digits:
		c.numbers++
	case mark:
		c.addMark(w.buf[0])
		return
	case letters:
		c.letters += w.length
		if w.length >= 9 {
			c.long++
		}
		if w.capped {
			c.capitals++
		}
		c.addLetters(w, newline)
	}
	c.previous = 0
}

func (c *counter) addMark(b byte) {
	switch b {
	case '=', '+', '*', '/', '^', '<', '>', '%', '-':
		c.operators++
	case '"':
		c.quotes++
	case '$':
		c.dollars++
	case '\\':
		c.backslashes++
	case '?':
		c.question = true
		c.sentences++
	case '.', '!':
		c.sentences++
	case '_':
		if c.previous == '_' {
			c.blanks++
		}
	case '{', '}', ';':
		c.code++
	case ')':
		if c.previous == '(' {
			c.code++
		}
	case '`':
		if c.previous == '`' {
			c.code++
		}
	}
	if b == '>' && (c.previous == '>' || c.previous == '=' || c.previous == '-') || b == ':' && c.previous == ':' {
		c.code++
	}
	c.previous = b
}

// addLetters knows some words by what they are used for.
func (c *counter) addLetters(w *words, newline bool) {
	word := w.word()
	c.weigh(word)
	if newline && len(word) == 1 && word[0] < 'f' && w.capped && w.at < len(w.text) && (w.text[w.at] == '.' || w.text[w.at] == ')') {
		c.options++
	}
	switch string(word) {
	case "not", "except", "never", "false", "incorrect", "least", "cannot":
		c.negations++
	case "if", "then", "all", "some", "every", "each", "unless", "either", "neither", "exactly", "only", "must", "therefore", "implies", "statement":
		c.logic++
	case "prove", "derive", "compute", "calculate", "solve", "simplify", "evaluate", "determine", "many", "much", "ratio", "probability",
		"integral", "equation", "polynomial", "integer", "triangle", "percent", "total", "average", "sum", "remainder", "product":
		c.reckoning++
	case "def", "elif", "lambda", "printf", "println", "struct", "func", "const", "async", "await", "void", "typing", "stdin", "stdout",
		"regex", "sql", "javascript", "python", "typescript", "golang", "java", "bash", "kubernetes", "dockerfile", "traceback", "stacktrace":
		c.code++
	case "write", "implement", "create", "build", "design", "develop", "refactor", "debug", "fix", "optimize", "optimise", "generate":
		c.verb = c.words
	case "function", "program", "script", "class", "method", "algorithm", "code", "query", "test", "tests", "module", "api", "endpoint", "component", "parser":
		if c.verb > 0 && c.words-c.verb <= asked {
			c.writes = true
		}
	case "who", "when", "where", "which", "what", "whose", "whom":
		if c.first {
			c.lookup = true
		}
	}
	c.first = false
}

// shape is what the count comes to, for a text of so many bytes.
func (c *counter) shape(size int) (s shape) {
	words := float32(max(c.words, 1))
	s[shapeBytes] = log(size)
	s[shapeWords] = log(c.words)
	s[shapeNumbers] = log(c.numbers)
	s[shapeNumberShare] = 5 * float32(c.numbers) / words
	s[shapeOperators] = log(c.operators)
	s[shapeOperatorShare] = 5 * float32(c.operators) / words
	s[shapeLines] = log(c.lines)
	s[shapeWordLength] = float32(c.letters) / words
	s[shapeLongWords] = 5 * float32(c.long) / words
	s[shapeFormula] = yes(c.dollars > 1 || c.backslashes > 0)
	s[shapeCode] = yes(c.codes())
	s[shapeCapitals] = 5 * float32(c.capitals) / words
	s[shapeQuotes] = float32(min(c.quotes, 8)) / 4
	s[shapeQuestion] = yes(c.question)
	s[shapeBlank] = yes(c.blanks > 0)
	s[shapeNegation] = float32(min(c.negations, 4))
	s[shapeLogic] = log(c.logic)
	s[shapeReckoning] = log(c.reckoning)
	s[shapeLookup] = yes(c.lookup)
	s[shapeOptions] = yes(c.options > 1)
	s[shapeSentences] = log(c.sentences)
	s[shapeShort] = yes(size < 100)
	s[shapeVeryShort] = yes(size < 60)
	return s
}

func yes(b bool) float32 {
	if b {
		return 1
	}
	return 0
}

// codes reports whether the text is code, or asks for some.
func (c *counter) codes() bool { return c.writes || c.code >= 3 && c.code*12 >= c.words }

// log is ln(1+n).
func log(n int) float32 {
	if n < len(logs) {
		return logs[n]
	}
	return float32(math.Log1p(float64(n)))
}

var logs = func() (t [512]float32) {
	for n := range t {
		t[n] = float32(math.Log1p(float64(n)))
	}
	return t
}()
