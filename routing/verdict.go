package routing

import (
	"encoding/json"
	"regexp"
	"strings"
)

// Verdict is what a reviewer says of an answer.
type Verdict struct {
	Agree bool
	// Issues are what is wrong with it, a sentence each.
	Issues []string
	// Confidence is from 0 to 1.
	Confidence float64
}

// mostIssues and longestIssue bound what is kept of a verdict.
const (
	mostIssues   = 8
	longestIssue = 500
)

// ParseVerdict reads a reviewer's answer: a JSON object {"agree", "issues",
// "confidence"}, which may have words or a fence around it, or a text that says
// nothing but that nothing is wrong. ok is false for anything else. An issue that
// says that there is none is not one, and without an issue there is agreement.
func ParseVerdict(text string) (v Verdict, ok bool) {
	var said struct {
		Agree      *bool    `json:"agree"`
		Issues     []string `json:"issues"`
		Confidence *float64 `json:"confidence"`
	}
	if json.Unmarshal(ObjectIn(text), &said) != nil || said.Agree == nil {
		return Verdict{Agree: true, Confidence: 0.5}, isNone(text)
	}
	v = Verdict{Agree: *said.Agree, Confidence: 0.5}
	if said.Confidence != nil {
		v.Confidence = min(max(*said.Confidence, 0), 1)
	}
	denied := false
	for _, issue := range said.Issues {
		switch issue = strings.TrimSpace(issue); {
		case isNone(issue):
			denied = denied || issue != ""
		case len(v.Issues) < mostIssues:
			v.Issues = append(v.Issues, strings.ToValidUTF8(issue[:min(len(issue), longestIssue)], ""))
		}
	}
	if denied && len(v.Issues) == 0 {
		v.Agree = true
	}
	if v.Agree {
		v.Issues = nil
	}
	return v, true
}

// ObjectIn is the JSON object in a text that may have words, or a fence, around
// it; nil without one.
func ObjectIn(text string) []byte {
	first, last := strings.IndexByte(text, '{'), strings.LastIndexByte(text, '}')
	if first < 0 || last < first {
		return nil
	}
	return []byte(text[first : last+1])
}

// none is how people say that nothing is wrong.
var none = regexp.MustCompile(`(?i)^(there (is|are) )?(no|not any|nothing)( (obvious|major|real|factual|other))?( (issues?|problems?|errors?|mistakes?|faults?|concerns?|wrong|incorrect|missing))?( (were |was )?(found|detected|identified|to report|at all|with it|with the answer|here))?$|^(none|n/?a|lgtm|looks good( to me)?|all good|(it is |it's |the answer is |this is )?(correct|right|fine)|i agree|agreed?|yes)$`)

// isNone reports whether a text says that nothing is wrong, or nothing at all.
func isNone(text string) bool {
	text = strings.TrimRight(strings.TrimSpace(text), ".! ")
	return text == "" || none.MatchString(text)
}
