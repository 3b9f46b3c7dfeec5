package llm

import (
	"context"
	"encoding/json"
	"net/url"
	"strings"

	"github.com/ai-mcp-gateway/gateway/mcp/tool"
)

// Resources returns what can be read by URI.
func Resources(options Options) []tool.Resource {
	l := &llm{options}
	return []tool.Resource{
		{
			URI: "gateway://models", Name: "models", Title: "Models", Type: "application/json",
			Description: "The names that a model may have.",
			Read: func(ctx context.Context, c *tool.Call, _ string) (string, error) {
				out, err := l.models(ctx, c, nil)
				return asText(out, err)
			},
		},
		{
			URI: "gateway://usage", Name: "usage", Title: "Usage", Type: "application/json",
			Description: "Calls, tokens and cost so far.",
			Read: func(ctx context.Context, c *tool.Call, _ string) (string, error) {
				out, err := l.usageOf(ctx, c, &usageIn{})
				return asText(out, err)
			},
		},
		{
			URI: "conversation://{id}", Template: true, Name: "conversation", Title: "A conversation", Type: "application/json",
			Description: "What is remembered of a conversation.",
			Read: func(ctx context.Context, c *tool.Call, uri string) (string, error) {
				id, err := url.PathUnescape(strings.TrimPrefix(uri, "conversation://"))
				if err != nil {
					return "", tool.Errorf("The URI cannot be read.")
				}
				out, failed := l.conversation(ctx, c, &idIn{id})
				return asText(out, failed)
			},
		},
	}
}

func asText(v any, err error) (string, error) {
	if err != nil {
		return "", err
	}
	b, err := json.Marshal(v)
	return string(b), err
}

// Prompts returns the texts that a user may begin with.
func Prompts(options Options) []tool.Prompt {
	l := &llm{options}
	model := tool.Argument{Name: "model", Description: "who is asked, by llm_chat; nobody without it", Values: l.names}
	asked := func(text string, a map[string]string) string {
		if a["model"] != "" {
			text += "\n\nAsk " + a["model"] + " for a second opinion with llm_chat before you answer."
		}
		return text
	}
	return []tool.Prompt{
		{
			Name: "code_review", Title: "Review code", Description: "A review of the changes in a repository.",
			Arguments: []tool.Argument{{Name: "repo_path", Description: "directory of the repository", Required: true}, model},
			Text: func(a map[string]string) string {
				return asked("Review the changes in "+a["repo_path"]+": read them with git_diff, and what they touch with read_text_file. "+
					"Name mistakes first, each with its file and line, then what is hard to read. Say so when there is nothing.", a)
			},
		},
		{
			Name: "fix_tests", Title: "Fix failing tests", Description: "Find out why tests fail, and mend it.",
			Arguments: []tool.Argument{{Name: "path", Description: "the project's directory", Required: true}, {Name: "runner", Description: "go, pytest, vitest, jest, playwright or cargo", Required: true, Values: runners}, model},
			Text: func(a map[string]string) string {
				return asked("Run the tests in "+a["path"]+" with run_tests (runner "+a["runner"]+"). For each that fails, find the cause in the code, mend that and not the test, and run them again.", a)
			},
		},
		{
			Name: "explain_diff", Title: "Explain a change", Description: "What a commit changes, and why.",
			Arguments: []tool.Argument{{Name: "repo_path", Description: "directory of the repository", Required: true}, {Name: "revision", Description: "branch, tag or commit", Required: true}, model},
			Text: func(a map[string]string) string {
				return asked("Show "+a["revision"]+" of "+a["repo_path"]+" with git_show, and explain in plain words what it changes, why, and what could break.", a)
			},
		},
	}
}

func (l *llm) names() []string {
	var names []string
	for _, m := range l.Engine.Models() {
		names = append(names, m.ID)
	}
	return names
}

func runners() []string { return []string{"go", "pytest", "vitest", "jest", "playwright", "cargo"} }
