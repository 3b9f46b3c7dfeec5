package conversation

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// eachTerm calls f with the terms of s that carry meaning: words without
// stopwords, in lower case and without their endings. Scripts that put no
// spaces between words give pairs of letters. The bytes are valid until f
// returns. Marked are words that tend to be facts: with a digit, or with a
// capital inside a sentence.
func eachTerm(s string, f func(term []byte, marked bool)) {
	var space [64]byte
	word := space[:0]
	var previous rune // of an unspaced script
	marked, starts := false, true
	flush := func() {
		if len(word) > 0 && !stopword[string(word)] {
			f(stem(word), marked)
		}
		if len(word) > 0 {
			starts = false
		}
		word, marked = word[:0], false
	}
	for _, r := range s {
		switch {
		case unspaced(r):
			flush()
			if previous != 0 {
				word = utf8.AppendRune(utf8.AppendRune(word, previous), r)
				f(word, false)
				word = word[:0]
			}
			previous = r
			continue
		case r < utf8.RuneSelf && ('a' <= r && r <= 'z'):
			word = append(word, byte(r))
		case unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r):
			marked = marked || unicode.IsDigit(r) || unicode.IsUpper(r) && (len(word) > 0 || !starts)
			word = utf8.AppendRune(word, unicode.ToLower(r))
		default:
			flush()
			starts = starts || r == '.' || r == '!' || r == '?' || r == '\n'
		}
		previous = 0
	}
	flush()
}

// unspaced: a letter of a script that is written without spaces.
func unspaced(r rune) bool {
	return r >= 0x0e00 && unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar)
}

// endings of English words, the longest that fits is cut.
var endings = []string{"ingly", "edly", "ings", "ing", "ies", "ied", "ed", "es", "ly", "s", "e", "y"}

// stem cuts the ending of a word so that its forms meet: paint, paints,
// painted, painting. Words with letters beyond ASCII keep their first five
// letters, which is what carries meaning in most languages that inflect.
func stem(word []byte) []byte {
	letters := 0
	for i := range word {
		if word[i] < utf8.RuneSelf {
			continue
		}
		for j := range string(word) {
			if letters == 5 {
				return word[:j]
			}
			letters++
		}
		return word
	}
	for _, ending := range endings {
		if len(word) > len(ending)+2 && string(word[len(word)-len(ending):]) == ending {
			word = word[:len(word)-len(ending)]
			break
		}
	}
	if n := len(word); n > 3 && word[n-1] == word[n-2] {
		word = word[:n-1] // running, run
	}
	return word
}

// stopword are the words of English grammar, and what apostrophes leave of them.
var stopword = func() map[string]bool {
	words := strings.Fields(`a about after all also am an and any are aren as at be because been
		before being both but by can could couldn d did didn do does doesn doing don down during
		each few for from further had hadn has hasn have haven having he her here hers herself
		him himself his how i if in into is isn it its itself just ll m me more most my myself
		no nor not now of off on once only or other our ours out over own re s same shan she
		should so some such t than that the their theirs them then there these they this those
		through to too under until up ve very was wasn we were weren what when where which while
		who whom why will with won would wouldn you your yours yourself`)
	set := make(map[string]bool, len(words))
	for _, w := range words {
		set[w] = true
	}
	return set
}()
