package mcp

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"
)

// The fixtures of the official conformance suite
// (github.com/modelcontextprotocol/conformance): their names and what they say
// are its own. They are there with GATEWAY_MCP_CONFORMANCE=1 alone.

const (
	onePixel  = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg=="
	noSound   = "UklGRiYAAABXQVZFZm10IBAAAAABAAEAQB8AAAB9AAACABAAZGF0YQIAAAA="
	noInput   = `{"type":"object"}`
	schema20  = `{"$schema":"https://json-schema.org/draft/2020-12/schema","type":"object","$defs":{"address":{"$anchor":"addressDef","type":"object","properties":{"street":{"type":"string"},"city":{"type":"string"}}}},"properties":{"name":{"type":"string"},"address":{"$ref":"#/$defs/address"},"contactMethod":{"type":"string","enum":["phone","email"]},"phone":{"type":"string"},"email":{"type":"string"}},"allOf":[{"anyOf":[{"required":["phone"]},{"required":["email"]}]}],"if":{"properties":{"contactMethod":{"const":"phone"}},"required":["contactMethod"]},"then":{"required":["phone"]},"else":{"required":["email"]},"additionalProperties":false}`
	defaults  = `{"type":"object","properties":{"name":{"type":"string","default":"John Doe"},"age":{"type":"integer","default":30},"score":{"type":"number","default":95.5},"status":{"type":"string","enum":["active","inactive","pending"],"default":"active"},"verified":{"type":"boolean","default":true}}}`
	enums     = `{"type":"object","properties":{"untitledSingle":{"type":"string","enum":["option1","option2","option3"]},"titledSingle":{"type":"string","oneOf":[{"const":"value1","title":"First Option"},{"const":"value2","title":"Second Option"}]},"legacyEnum":{"type":"string","enum":["opt1","opt2"],"enumNames":["Option One","Option Two"]},"untitledMulti":{"type":"array","items":{"type":"string","enum":["option1","option2"]}},"titledMulti":{"type":"array","items":{"anyOf":[{"const":"value1","title":"First Choice"},{"const":"value2","title":"Second Choice"}]}}}}`
	userEmail = `{"type":"object","properties":{"username":{"type":"string"},"email":{"type":"string"}},"required":["username","email"]}`
)

var fixtureOptions = []server.ServerOption{
	server.WithLogging(), server.WithElicitation(), server.WithResourceCapabilities(true, false),
	server.WithPromptCompletionProvider(&server.DefaultPromptCompletionProvider{}),
}

// isFixture reports whether name is a tool of the suite's.
func (s *Server) isFixture(name string) bool {
	return s.options.Fixtures && (strings.HasPrefix(name, "test_") || name == "json_schema_2020_12_tool")
}

func addFixtures(library *server.MCPServer) {
	library.EnableSampling()
	addContentFixtures(library)
	addAskingFixtures(library)
	addReadingFixtures(library)
	addPromptFixtures(library)
	addRoundFixtures(library)
}

// fixture adds a tool.
func fixture(library *server.MCPServer, name, schema string, run func(ctx context.Context, arguments map[string]any) (*mcp.CallToolResult, error)) {
	library.AddTool(mcp.Tool{Name: name, Description: "A fixture of the conformance suite.", RawInputSchema: json.RawMessage(schema)},
		func(ctx context.Context, q mcp.CallToolRequest) (*mcp.CallToolResult, error) {
			return run(ctx, q.GetArguments())
		})
}

func addContentFixtures(library *server.MCPServer) {
	says := func(name string, content ...mcp.Content) {
		fixture(library, name, noInput, func(context.Context, map[string]any) (*mcp.CallToolResult, error) {
			return &mcp.CallToolResult{Content: content}, nil
		})
	}
	says("test_simple_text", mcp.NewTextContent("This is a simple text response for testing."))
	says("test_image_content", mcp.NewImageContent(onePixel, "image/png"))
	says("test_audio_content", mcp.NewAudioContent(noSound, "audio/wav"))
	says("test_embedded_resource", mcp.NewEmbeddedResource(mcp.TextResourceContents{URI: "test://embedded-resource", MIMEType: "text/plain", Text: "This is an embedded resource content."}))
	says("test_multiple_content_types", mcp.NewTextContent("Multiple content types test:"), mcp.NewImageContent(onePixel, "image/png"),
		mcp.NewEmbeddedResource(mcp.TextResourceContents{URI: "test://mixed-content-resource", MIMEType: "application/json", Text: `{"test":"data","value":123}`}))
	fixture(library, "json_schema_2020_12_tool", schema20, func(_ context.Context, a map[string]any) (*mcp.CallToolResult, error) {
		return mcp.NewToolResultText(fmt.Sprint(a)), nil
	})
	fixture(library, "test_error_handling", noInput, func(context.Context, map[string]any) (*mcp.CallToolResult, error) {
		return mcp.NewToolResultError("This tool intentionally returns an error for testing"), nil
	})
	fixture(library, "test_tool_with_logging", noInput, func(ctx context.Context, _ map[string]any) (*mcp.CallToolResult, error) {
		for _, text := range []string{"Tool execution started", "Tool processing data", "Tool execution completed"} {
			exchangeOf(ctx).notify("notifications/message", map[string]any{"level": "info", "data": text})
			pause(ctx)
		}
		return mcp.NewToolResultText("Tool with logging executed successfully"), nil
	})
	fixture(library, "test_tool_with_progress", noInput, func(ctx context.Context, _ map[string]any) (*mcp.CallToolResult, error) {
		for _, done := range []float64{0, 50, 100} {
			exchangeOf(ctx).progress(done, 100, "")
			pause(ctx)
		}
		return mcp.NewToolResultText("progress reported"), nil
	})
}

// pause is the time that the suite wants between two notifications.
func pause(ctx context.Context) {
	timer := time.NewTimer(50 * time.Millisecond)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

func addAskingFixtures(library *server.MCPServer) {
	const asking = `{"type":"object","properties":{"prompt":{"type":"string"},"message":{"type":"string"}}}`
	fixture(library, "test_sampling", asking, func(ctx context.Context, a map[string]any) (*mcp.CallToolResult, error) {
		text, _ := a["prompt"].(string)
		raw, err := exchangeOf(ctx).question(ctx, "sampling/createMessage", map[string]any{
			"messages": []any{map[string]any{"role": "user", "content": map[string]string{"type": "text", "text": text}}}, "maxTokens": 100,
		})
		if err != nil {
			return mcp.NewToolResultError(err.Error()), nil
		}
		var answer struct{ Content struct{ Text string } }
		_ = json.Unmarshal(raw, &answer) // the suite looks at what it has sent
		return mcp.NewToolResultText("LLM response: " + answer.Content.Text), nil
	})
	asks := func(name, schema, prefix, text string) {
		fixture(library, name, asking, func(ctx context.Context, a map[string]any) (*mcp.CallToolResult, error) {
			if said, ok := a["message"].(string); ok {
				text = said
			}
			raw, err := exchangeOf(ctx).question(ctx, "elicitation/create", map[string]any{"message": text, "requestedSchema": json.RawMessage(schema)})
			if err != nil {
				return mcp.NewToolResultError(err.Error()), nil
			}
			var answer struct {
				Action  string
				Content json.RawMessage
			}
			_ = json.Unmarshal(raw, &answer)
			return mcp.NewToolResultText(fmt.Sprintf("%s: action=%s, content=%s", prefix, answer.Action, answer.Content)), nil
		})
	}
	asks("test_elicitation", userEmail, "User response", "")
	asks("test_elicitation_sep1034_defaults", defaults, "Elicitation completed", "Please review and update the form fields with defaults")
	asks("test_elicitation_sep1330_enums", enums, "Elicitation completed", "Please select options from the enum fields")
}

func addReadingFixtures(library *server.MCPServer) {
	reads := func(uri string, content mcp.ResourceContents) {
		library.AddResource(mcp.NewResource(uri, strings.TrimPrefix(uri, "test://"), mcp.WithResourceDescription("A fixture of the conformance suite.")),
			func(context.Context, mcp.ReadResourceRequest) ([]mcp.ResourceContents, error) {
				return []mcp.ResourceContents{content}, nil
			})
	}
	reads("test://static-text", mcp.TextResourceContents{URI: "test://static-text", MIMEType: "text/plain", Text: "This is the content of the static text resource."})
	reads("test://static-binary", mcp.BlobResourceContents{URI: "test://static-binary", MIMEType: "image/png", Blob: onePixel})
	reads("test://watched-resource", mcp.TextResourceContents{URI: "test://watched-resource", MIMEType: "text/plain", Text: "Watched resource content"})
	library.AddResourceTemplate(mcp.NewResourceTemplate("test://template/{id}/data", "template", mcp.WithTemplateMIMEType("application/json")),
		func(_ context.Context, q mcp.ReadResourceRequest) ([]mcp.ResourceContents, error) {
			id := strings.TrimSuffix(strings.TrimPrefix(q.Params.URI, "test://template/"), "/data")
			return []mcp.ResourceContents{mcp.TextResourceContents{
				URI: q.Params.URI, MIMEType: "application/json", Text: fmt.Sprintf(`{"id":%q,"templateTest":true,"data":"Data for ID: %s"}`, id, id),
			}}, nil
		})
}

func addPromptFixtures(library *server.MCPServer) {
	says := func(name string, arguments []mcp.PromptArgument, content func(a map[string]string) []mcp.Content) {
		library.AddPrompt(mcp.Prompt{Name: name, Description: "A fixture of the conformance suite.", Arguments: arguments},
			func(_ context.Context, q mcp.GetPromptRequest) (*mcp.GetPromptResult, error) {
				out := &mcp.GetPromptResult{}
				for _, c := range content(q.Params.Arguments) {
					out.Messages = append(out.Messages, mcp.PromptMessage{Role: mcp.RoleUser, Content: c})
				}
				return out, nil
			})
	}
	required := func(names ...string) (list []mcp.PromptArgument) {
		for _, name := range names {
			list = append(list, mcp.PromptArgument{Name: name, Required: true})
		}
		return list
	}
	says("test_simple_prompt", nil, func(map[string]string) []mcp.Content {
		return []mcp.Content{mcp.NewTextContent("This is a simple prompt for testing.")}
	})
	says("test_prompt_with_arguments", required("arg1", "arg2"), func(a map[string]string) []mcp.Content {
		return []mcp.Content{mcp.NewTextContent(fmt.Sprintf("Prompt with arguments: arg1='%s', arg2='%s'", a["arg1"], a["arg2"]))}
	})
	says("test_prompt_with_embedded_resource", required("resourceUri"), func(a map[string]string) []mcp.Content {
		return []mcp.Content{
			mcp.NewEmbeddedResource(mcp.TextResourceContents{URI: a["resourceUri"], MIMEType: "text/plain", Text: "Embedded resource content for testing."}),
			mcp.NewTextContent("Please process the embedded resource above."),
		}
	})
	says("test_prompt_with_image", nil, func(map[string]string) []mcp.Content {
		return []mcp.Content{mcp.NewImageContent(onePixel, "image/png"), mcp.NewTextContent("Please analyze the image above.")}
	})
}
