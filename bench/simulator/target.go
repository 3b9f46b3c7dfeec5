package simulator

import (
	"net/url"
	"slices"
	"strings"
)

// target is what a path asks for.
type target struct {
	dialect dialect
	op      string // the path without the model, or the last part of it
	model   string // if it stands in the path; with its faults
}

// geminiOps are Gemini's methods of a model.
var geminiOps = []string{"generateContent", "streamGenerateContent", "countTokens", "embedContent", "batchEmbedContents"}

// pathPrefixes are the beginnings of paths without a model; none is the beginning of another.
var pathPrefixes = map[string]dialect{
	"/v1/messages": anthropic, "/v1beta/": gemini, "/v2/": cohere, "/api/": ollama, "/v1/responses": responses,
}

// targetOf reads a path without query. The dialect follows from it alone.
func targetOf(path string) target {
	if op, ok := strings.CutPrefix(path, "/openai/v1/"); ok { // Azure's, where the model is in the body
		return target{dialect: azure, op: op}
	}
	if rest, ok := strings.CutPrefix(path, "/openai/deployments/"); ok {
		name, op, _ := strings.Cut(rest, "/")
		return target{azure, op, unescape(name)}
	}
	if rest, ok := strings.CutPrefix(path, "/model/"); ok {
		name, op, _ := strings.Cut(rest, "/")
		return target{bedrock, op, unescape(name)}
	}
	if i := strings.LastIndexByte(path, ':'); i >= 0 && slices.Contains(geminiOps, path[i+1:]) {
		name := path[strings.LastIndexByte(path[:i], '/')+1 : i]
		return target{gemini, path[i+1:], unescape(name)}
	}
	for prefix, d := range pathPrefixes {
		if strings.HasPrefix(path, prefix) {
			return target{dialect: d, op: path}
		}
	}
	return target{dialect: openAI, op: path}
}

func unescape(s string) string {
	plain, err := url.PathUnescape(s)
	if err != nil {
		return s
	}
	return plain
}
