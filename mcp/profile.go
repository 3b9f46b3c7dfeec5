package mcp

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"github.com/ai-mcp-gateway/gateway/mcp/tool"
)

// The profiles: what tools/list has. Every tool can be called in any of them.
const (
	Core = "core" // a few, and the three that lead to the rest
	Full = "full" // all
)

// core are the tools of the core profile: what an agent needs all the time, in
// at most 1,500 tokens.
var core = []string{"find_tools", "describe_tool", "call_tool", "llm_chat", "read_text_file", "grep_files", "list_directory"}

func (s *Server) inProfile(t *tool.Tool) bool {
	return s.options.Profile == Full || slices.Contains(core, t.Name)
}

type findIn struct {
	Query string `json:"query,omitempty" doc:"words, such as git or file; all without it"`
}

type findOut struct {
	Tools []found `json:"tools"`
}

type found struct {
	Name        string `json:"name"`
	Description string `json:"description"`
}

type describeIn struct {
	Name string `json:"name"`
}

type describeOut struct {
	Tool json.RawMessage `json:"tool" doc:"as tools/list has it"`
}

type callIn struct {
	Name      string          `json:"name"`
	Arguments json.RawMessage `json:"arguments,omitempty" doc:"object, by the tool's inputSchema"`
}

// AddMeta adds the tools that lead to the others of set.
func AddMeta(set *tool.Set) {
	set.Add(
		tool.New(tool.Tool{
			Name: "find_tools", Title: "Find tools", Hints: tool.Reads,
			Description: "Search the tools that are not listed: files, git, tests, databases, Redis, models, conversations.",
		}, func(_ context.Context, _ *tool.Call, in *findIn) (*findOut, error) {
			return &findOut{find(set, in.Query)}, nil
		}),
		tool.New(tool.Tool{
			Name: "describe_tool", Title: "Describe a tool", Hints: tool.Reads,
			Description: "The schemas of a tool.",
		}, func(_ context.Context, _ *tool.Call, in *describeIn) (*describeOut, error) {
			t, err := set.Find(in.Name)
			if err != nil {
				return nil, tool.Errorf("%v", err)
			}
			b, err := json.Marshal(describe(t))
			return &describeOut{b}, err
		}),
		tool.Raw(tool.Tool{
			Name: "call_tool", Title: "Call a tool", Hints: tool.Hints{Destructive: true, OpenWorld: true},
			Description: "Call a tool by name.",
			Input:       tool.SchemaOf[callIn](), Output: &tool.Schema{Type: "object", Open: true},
		}, func(ctx context.Context, c *tool.Call, arguments []byte) (*tool.Result, error) {
			var in callIn
			if err := json.Unmarshal(arguments, &in); err != nil {
				return nil, tool.Errorf("The arguments cannot be read: %v", err)
			}
			t, err := set.Find(in.Name)
			if err != nil {
				return nil, tool.Errorf("%v", err)
			}
			if t.Name == "call_tool" {
				return nil, tool.Errorf("call_tool does not call itself.")
			}
			return set.Run(ctx, t, c, in.Arguments), nil
		}),
	)
}

// find returns the tools whose names or descriptions have all the words of the
// query.
func find(set *tool.Set, query string) []found {
	list := []found{}
	words := strings.Fields(strings.ToLower(query))
	for _, t := range set.Tools() {
		text := strings.ToLower(t.Name + " " + t.Title + " " + t.Description)
		missing := func(word string) bool { return !strings.Contains(text, word) }
		if !slices.ContainsFunc(words, missing) {
			list = append(list, found{t.Name, t.Description})
		}
	}
	return list
}
