package routing

import (
	"regexp"
	"strings"
	"unicode"
)

// longestClosed is the most bytes of an answer that is compared as a whole.
const longestClosed = 160

// Closed reports whether an answer is of the kind that a second model, asked the
// same, would give in the same words: a number, a name, a choice, a short list,
// or a text that ends in one that is marked as its answer.
func Closed(answer string) bool {
	text, marked := final(answer)
	if text == "" {
		return false
	}
	return marked || len(strings.Fields(text)) <= 3 || mostlyNumbers(text)
}

// Same compares two answers by what they come to. sure is false where different
// words may mean the same, or where nothing can be compared.
func Same(a, b string) (same, sure bool) {
	x, _ := final(a)
	y, _ := final(b)
	if x == "" || y == "" {
		return false, false
	}
	if x == y {
		return true, true
	}
	long, short := x, y
	if len(short) > len(long) {
		long, short = short, long
	}
	if strings.HasSuffix(long, " "+short) && !mostlyNumbers(long) && !negation.MatchString(long) {
		return true, true // Paris; the capital of France is Paris
	}
	return false, Closed(a) && Closed(b)
}

var (
	negation = regexp.MustCompile(`\b(not|no|never|neither|nor|none|without|isn t|aren t|wasn t|don t|doesn t|or)\b`)
	boxed    = regexp.MustCompile(`\\boxed\{([^{}]*)\}`)
	phrased  = regexp.MustCompile(`(?i)(?:final answer|answer|result)(?: is|:)[:\s]*([^\n]+)`)
)

// final is what an answer comes to, in a form in which equal answers are equal,
// and whether the answer marks it; empty when it is too long to say.
func final(answer string) (text string, marked bool) {
	text = strings.TrimSpace(answer)
	if all := boxed.FindAllStringSubmatch(text, -1); all != nil {
		text, marked = all[len(all)-1][1], true
	} else if all := phrased.FindAllStringSubmatch(text, -1); all != nil && len(text) > longestClosed {
		text, marked = all[len(all)-1][1], true
	}
	if len(text) > longestClosed {
		return "", false
	}
	return plain(text), marked
}

var (
	separator = regexp.MustCompile(`(\d),(\d{3})\b`)
	fraction  = regexp.MustCompile(`(\d)\.0+\b`)
)

// plain is a text in lower case, its words separated by single spaces, without
// marks, articles and the signs that dress up numbers.
func plain(text string) string {
	for {
		joined := separator.ReplaceAllString(text, "$1$2")
		if joined == text {
			break
		}
		text = joined
	}
	text = fraction.ReplaceAllString(text, "$1")
	var out []string
	for _, word := range strings.FieldsFunc(strings.ToLower(text), func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '-' && r != '.' && r != '/' && r != '%'
	}) {
		word = strings.TrimRight(word, ".-/")
		if digits := strings.TrimLeft(word, "-"); digits == "" || !unicode.IsDigit([]rune(digits)[0]) {
			word = strings.TrimLeft(word, ".-/")
		}
		if word != "" && word != "the" && word != "a" && word != "an" {
			out = append(out, word)
		}
	}
	if len(out) == 0 {
		return strings.ToLower(strings.TrimSpace(text)) // the article was the answer
	}
	return strings.Join(out, " ")
}

// mostlyNumbers reports whether a plain text is a number or a list of some.
func mostlyNumbers(text string) bool {
	words := strings.Fields(text)
	n := 0
	for _, w := range words {
		if unicode.IsDigit([]rune(strings.TrimLeft(w, "-"))[0]) {
			n++
		}
	}
	return n > 0 && n*4 >= len(words)*3
}
