package routing

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Handoff is what a higher tier is told in place of the conversation when the
// answer of a lower one was not good enough.
type Handoff struct {
	// ContextSummary is what was said before the task, shortened; empty when
	// nothing was.
	ContextSummary string `json:"contextSummary"`
	// CurrentTask is what the user wants, word for word.
	CurrentTask string `json:"currentTask"`
	// AttemptsSoFar has a line for each answer that was given up.
	AttemptsSoFar []string `json:"attemptsSoFar"`
	// KnownIssues are what was found wrong with them.
	KnownIssues []string `json:"knownIssues"`
	// OpenQuestions are what is to be answered.
	OpenQuestions []string `json:"openQuestions"`
	// RequestToHigherLayer is what is to be done now.
	RequestToHigherLayer string `json:"requestToHigherLayer"`
	// RelevantFiles are paths that the task or the conversation names.
	RelevantFiles []string `json:"relevantFiles,omitempty"`
	// TestResults are lines of the task that tell how tests went.
	TestResults []string `json:"testResults,omitempty"`
}

// Given is an answer that was given up, with what was found wrong with it.
type Given struct {
	Tier, Model, Answer string
	Issues              []string
	// Faulty: it was found wrong without asking anybody.
	Faulty bool
}

const (
	// mostShown is how much of an answer that was given up is repeated, in bytes,
	// and mostNamed how many questions and files are.
	mostShown = 1200
	mostNamed = 6
)

// NewHandoff puts together what is passed on. summary is what was said before,
// shortened, and task what the user wants.
func NewHandoff(summary, task string, given []Given) *Handoff {
	h := &Handoff{
		ContextSummary: summary, CurrentTask: task,
		AttemptsSoFar: []string{}, KnownIssues: []string{}, OpenQuestions: questions(task),
		RequestToHigherLayer: "Do the current task. Check what was tried before and do not repeat its mistakes. Answer the user directly, as if nobody had answered before, and in the form that the task asks for.",
		RelevantFiles:        namedFiles(task + "\n" + summary), TestResults: testLines(task),
	}
	for i := range given {
		g := &given[i]
		answer := strings.TrimSpace(g.Answer)
		if len(answer) > mostShown {
			answer = strings.ToValidUTF8(answer[:mostShown], "") + " ..."
		}
		if answer == "" {
			answer = "(nothing)"
		}
		h.AttemptsSoFar = append(h.AttemptsSoFar, fmt.Sprintf("%s (%s) answered: %s", g.Tier, g.Model, answer))
		for _, issue := range g.Issues {
			if !slices.Contains(h.KnownIssues, issue) {
				h.KnownIssues = append(h.KnownIssues, issue)
			}
		}
	}
	return h
}

// JSON is the handoff as it is stored.
func (h *Handoff) JSON() []byte {
	b, _ := json.Marshal(h) // strings always marshal
	return b
}

// Text is the handoff as a model is told it.
func (h *Handoff) Text() string {
	var b strings.Builder
	list := func(title string, items []string) {
		if len(items) == 0 {
			return
		}
		b.WriteString("\n" + title + ":\n")
		for _, item := range items {
			b.WriteString("- " + item + "\n")
		}
	}
	b.WriteString(h.RequestToHigherLayer + "\n")
	if h.ContextSummary != "" {
		b.WriteString("\nWhat was said before, shortened:\n" + strings.TrimSpace(h.ContextSummary) + "\n")
	}
	list("Attempts so far", h.AttemptsSoFar)
	list("Known issues", h.KnownIssues)
	list("Relevant files", h.RelevantFiles)
	list("Test results", h.TestResults)
	if len(h.OpenQuestions) > 1 { // one alone is the task's own
		list("Open questions", h.OpenQuestions)
	}
	b.WriteString("\nCurrent task:\n" + h.CurrentTask + "\n")
	return b.String()
}

var sentenceEnd = regexp.MustCompile(`[^.!?\n]*[.!?\n]|[^.!?\n]+$`)

// questions are those that a task asks or, where it asks none, its first line.
func questions(task string) (out []string) {
	for _, s := range sentenceEnd.FindAllString(task, -1) {
		if s = strings.TrimSpace(s); strings.HasSuffix(s, "?") && len(s) > 1 && len(out) < mostNamed {
			out = append(out, s)
		}
	}
	if len(out) == 0 {
		line, _, _ := strings.Cut(strings.TrimSpace(task), "\n")
		out = append(out, strings.ToValidUTF8(line[:min(len(line), 200)], ""))
	}
	return out
}

var filePath = regexp.MustCompile(`\b(?:[\w-]+/)*[\w-]+\.(?:go|py|js|ts|tsx|jsx|rs|java|c|h|cpp|hpp|cs|rb|php|swift|kt|sql|sh|yaml|yml|json|toml|md|html|css|proto|tf)\b`)

func namedFiles(text string) (out []string) {
	for _, path := range filePath.FindAllString(text, -1) {
		if len(out) < mostNamed && !slices.Contains(out, path) {
			out = append(out, path)
		}
	}
	return out
}

var testLine = regexp.MustCompile(`(?m)^.*(?:--- FAIL|--- PASS|^FAIL\b|^PASS\b|\bpanic:|AssertionError|\d+ (?:passed|failed)|Tests?:? +\d+).*$`)

func testLines(text string) (out []string) {
	for _, line := range testLine.FindAllString(text, mostNamed) {
		out = append(out, strings.ToValidUTF8(line[:min(len(line), 200)], ""))
	}
	return out
}
