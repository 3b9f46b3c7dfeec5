package routing

import (
	"encoding/json"
	"fmt"
	"go/parser"
	"go/token"
	"regexp"
	"strings"
)

// Answer is what a model said, as far as it can be judged without another one.
type Answer struct {
	Text string
	// Cut: it ended at a limit that the caller did not set. Filtered: the
	// provider has cut it.
	Cut, Filtered bool
	// Calls: it calls tools, so that it need not have a text.
	Calls bool
	// JSON: it has to be JSON. Schema checks its shape; nil takes any.
	JSON   bool
	Schema func(text []byte) error
}

// Inspect says what is wrong with an answer, a sentence for each fault, without
// asking anybody: that it is empty, cut, a refusal, no JSON where JSON was asked
// for, or code that does not parse.
func Inspect(a *Answer) (issues []string) {
	text := strings.TrimSpace(a.Text)
	switch {
	case a.Filtered:
		return []string{"The provider's filter cut the answer."}
	case a.Calls:
		return nil
	case text == "":
		return []string{"The answer is empty."}
	case a.Cut:
		return []string{"The answer was cut before its end."}
	case refusal.MatchString(text[:min(len(text), 200)]) && len(text) < 600:
		return []string{"The model refused to answer."}
	case a.JSON:
		return inspectJSON(a, text)
	}
	return inspectCode(text)
}

func inspectJSON(a *Answer, text string) []string {
	if !json.Valid([]byte(text)) {
		return []string{"The answer is not valid JSON."}
	}
	if a.Schema == nil {
		return nil
	}
	if err := a.Schema([]byte(text)); err != nil {
		return []string{fmt.Sprintf("The answer does not fit the schema: %.300s.", err)}
	}
	return nil
}

var refusal = regexp.MustCompile(`(?i)^\W*(i'?m (really |very |truly )?sorry,?( but)? (i )?(can(no|')t|am (unable|not able)|won'?t)|i('m| am) (sorry, but i('m| am) )?(unable|not able) to|i (can(no|')t|won'?t) (help|assist|comply|do that|provide|answer|fulfill|fulfil)|as an ai( language model)?,? i (can(no|')t|am unable|do(n'| no)t))`)

var fence = regexp.MustCompile("(?s)```([A-Za-z0-9+#]*)[^\n]*\n(.*?)```")

// inspectCode parses the blocks of code that say that they are in Go or JSON.
func inspectCode(text string) (issues []string) {
	if strings.Count(text, "```")%2 == 1 {
		issues = append(issues, "A block of code has no end.")
	}
	for _, m := range fence.FindAllStringSubmatch(text, -1) {
		switch strings.ToLower(m[1]) {
		case "go", "golang":
			if err := parseGo(m[2]); err != nil {
				issues = append(issues, fmt.Sprintf("The Go code does not parse: %.200s.", err))
			}
		case "json":
			if !json.Valid([]byte(m[2])) {
				issues = append(issues, "A block that is said to be JSON is not valid.")
			}
		}
	}
	return issues
}

// parseGo parses a file, or else declarations or statements.
func parseGo(code string) error {
	_, err := parser.ParseFile(token.NewFileSet(), "", code, parser.SkipObjectResolution)
	if err == nil {
		return nil
	}
	for _, form := range []string{"package p\n%s", "package p\nfunc f() {\n%s\n}"} {
		if _, again := parser.ParseFile(token.NewFileSet(), "", fmt.Sprintf(form, code), parser.SkipObjectResolution); again == nil {
			return nil
		}
	}
	return err
}
