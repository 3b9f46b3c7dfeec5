package main

import (
	"encoding/json"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/ai-mcp-gateway/gateway/conversation"
)

// mostTokens is what the tool list of the core profile may cost a model.
const mostTokens = 1500

// listedTool is a tool as clients see it.
type listedTool struct {
	Name, Title, Description  string
	InputSchema, OutputSchema json.RawMessage
	Annotations               map[string]any
}

func (p *mcpProcess) tools() (list []listedTool, raw json.RawMessage) {
	p.t.Helper()
	var page struct{ Tools json.RawMessage }
	if a := p.ask("tools/list", "{}"); json.Unmarshal(a.Result, &page) != nil || json.Unmarshal(page.Tools, &list) != nil {
		p.t.Fatalf("tools/list: %s", a.Result)
	}
	return list, page.Tools
}

// TestMCPCoreIsSmall holds what the default profile costs, all of it: names,
// schemas of both sides and annotations.
func TestMCPCoreIsSmall(t *testing.T) {
	p := startMCP(t, "")
	list, raw := p.tools()
	n := conversation.Count(string(raw))
	t.Logf("%d tools, %d tokens", len(list), n)
	if n > mostTokens || len(list) < 4 {
		t.Errorf("the core profile has %d tools of %d tokens; %d is the most", len(list), n, mostTokens)
	}
}

// TestMCPToolsAreDescribed holds that every tool has what clients go by: a
// title, a description, strict schemas and all four annotations.
func TestMCPToolsAreDescribed(t *testing.T) {
	p := startMCP(t, "", "MCP_PROFILE=full", "MCP_WRITE=fs,git")
	list, _ := p.tools()
	if len(list) < 30 {
		t.Errorf("there are %d tools", len(list))
	}
	for _, tool := range list {
		if tool.Title == "" || tool.Description == "" {
			t.Errorf("%s has no title or description", tool.Name)
		}
		for _, hint := range []string{"readOnlyHint", "destructiveHint", "idempotentHint", "openWorldHint"} {
			if _, ok := tool.Annotations[hint].(bool); !ok {
				t.Errorf("%s does not say %s", tool.Name, hint)
			}
		}
		var input struct {
			Type                 string
			AdditionalProperties *bool
		}
		if json.Unmarshal(tool.InputSchema, &input) != nil || input.Type != "object" || input.AdditionalProperties == nil || *input.AdditionalProperties {
			t.Errorf("%s takes more than it says: %s", tool.Name, tool.InputSchema)
		}
		for side, schema := range map[string]json.RawMessage{"input": tool.InputSchema, "output": tool.OutputSchema} {
			if _, err := compileSchema(tool.Name+side, schema); err != nil {
				t.Errorf("%s: its %s schema: %v", tool.Name, side, err)
			}
		}
	}
}

// TestMCPOutputsFit holds that what tools answer is what their schemas say, by
// somebody else's validator.
func TestMCPOutputsFit(t *testing.T) {
	p := startMCP(t, "", "MCP_PROFILE=full", "MCP_WRITE=fs")
	list, _ := p.tools()
	schemas := map[string]*jsonschema.Schema{}
	for _, tool := range list {
		schema, err := compileSchema(tool.Name, tool.OutputSchema)
		if err != nil {
			t.Fatal(err)
		}
		schemas[tool.Name] = schema
	}
	for _, call := range [][2]string{
		{"write_file", `{"path":"d/../a.txt","content":"one\ntwo\n"}`},
		{"read_text_file", `{"path":"a.txt","head":1}`},
		{"read_multiple_files", `{"paths":["a.txt","b.txt"]}`},
		{"list_directory", `{"path":"."}`},
		{"directory_tree", `{"path":"."}`},
		{"search_files", `{"path":".","pattern":"*.txt"}`},
		{"grep_files", `{"path":".","pattern":"t.o"}`},
		{"get_file_info", `{"path":"a.txt","hash":true}`},
		{"list_allowed_directories", `{}`},
		{"edit_file", `{"path":"a.txt","edits":[{"oldText":"two","newText":"2"}]}`},
		{"llm_models", `{}`},
		{"llm_chat", `{"model":"auto","messages":[{"role":"user","content":"hi"}],"conversation_id":"c"}`},
		{"llm_usage", `{"group_by":"model","days":1}`},
		{"conversation_get", `{"id":"c"}`},
		{"conversation_list", `{"limit":1}`},
		{"context_put", `{"id":"c","summary":{"text":"so far"}}`},
		{"todo_write", `{"id":"c","todos":[{"id":1,"title":"t","description":"","status":"in-progress"}]}`},
		{"todo_list", `{"id":"c"}`},
		{"code_agent", `{"task":"do it","files":[{"path":"a.go","content":"package a"}]}`},
		{"find_tools", `{"query":"git"}`},
		{"describe_tool", `{"name":"git_log"}`},
		{"call_tool", `{"name":"todo_list","arguments":{"id":"c"}}`},
	} {
		r := p.call(call[0], call[1])
		var v any
		if r.IsError || json.Unmarshal(r.Structured, &v) != nil || r.text() == "" {
			t.Errorf("%s %s: %+v", call[0], call[1], r)
			continue
		}
		if err := schemas[call[0]].Validate(v); err != nil {
			t.Errorf("%s answers what its schema does not have: %v\n%s", call[0], err, r.Structured)
		}
	}
}

func compileSchema(name string, raw json.RawMessage) (*jsonschema.Schema, error) {
	var doc any
	if err := json.Unmarshal(raw, &doc); err != nil {
		return nil, err
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource(name, doc); err != nil {
		return nil, err
	}
	return c.Compile(name)
}
