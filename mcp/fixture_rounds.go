package mcp

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"
)

// stateKey signs how far a call of several rounds is, so that a client cannot
// say that it is further.
var stateKey = rand.Text()

func signState(name string, round int) string {
	mac := hmac.New(sha256.New, []byte(stateKey))
	fmt.Fprintf(mac, "%s\x00%d", name, round)
	return strconv.Itoa(round) + "." + hex.EncodeToString(mac.Sum(nil))
}

// roundOf is the round that a state belongs to: 0 without one.
func roundOf(name, state string) (int, error) {
	if state == "" {
		return 0, nil
	}
	text, _, _ := strings.Cut(state, ".")
	round, err := strconv.Atoi(text)
	if err != nil || !hmac.Equal([]byte(state), []byte(signState(name, round))) {
		return 0, errors.New("the requestState is not one that this server has given out")
	}
	return round, nil
}

// elicits is a builder that asks for one field.
func elicits(b *server.InputRequestBuilder, id, text, field, kind string) *server.InputRequestBuilder {
	return b.Elicit(id, mcp.ElicitationParams{Message: text, RequestedSchema: map[string]any{
		"type": "object", "properties": map[string]any{field: map[string]any{"type": kind}}, "required": []string{field},
	}})
}

func samples(b *server.InputRequestBuilder, id, text string) *server.InputRequestBuilder {
	return b.Sample(id, mcp.CreateMessageParams{
		Messages: []mcp.SamplingMessage{{Role: mcp.RoleUser, Content: mcp.NewTextContent(text)}}, MaxTokens: 100,
	})
}

// addRoundFixtures adds those that ask their client in 2026-07-28.
func addRoundFixtures(library *server.MCPServer) {
	const prefix = "test_input_required_result_"
	one := func(name string, build func(b *server.InputRequestBuilder)) { addRounds(library, name, false, build) }
	signed := func(name string, build ...func(b *server.InputRequestBuilder)) {
		addRounds(library, name, true, build...)
	}
	confirm := func(b *server.InputRequestBuilder) { elicits(b, "confirm", "Please confirm", "ok", "boolean") }
	one(prefix+"elicitation", func(b *server.InputRequestBuilder) {
		elicits(b, "user_name", "What is your name?", "name", "string")
	})
	one("test_streaming_elicitation", func(b *server.InputRequestBuilder) {
		elicits(b, "user_name", "What is your name?", "name", "string")
	})
	one(prefix+"sampling", func(b *server.InputRequestBuilder) { samples(b, "capital_question", "What is the capital of France?") })
	one(prefix+"list_roots", func(b *server.InputRequestBuilder) { b.Roots("client_roots") })
	signed(prefix+"request_state", confirm)
	signed(prefix+"tampered_state", confirm)
	signed(prefix+"multiple_inputs", func(b *server.InputRequestBuilder) {
		samples(elicits(b, "user_name", "What is your name?", "name", "string"), "greeting", "Generate a greeting").Roots("client_roots")
	})
	signed(prefix+"multi_round",
		func(b *server.InputRequestBuilder) {
			elicits(b, "step1", "Step 1: What is your name?", "name", "string")
		},
		func(b *server.InputRequestBuilder) {
			elicits(b, "step2", "Step 2: What is your favorite color?", "color", "string")
		})
	addCapabilityFixtures(library, prefix)
	library.AddPrompt(mcp.Prompt{Name: prefix + "prompt", Description: "A fixture of the conformance suite."},
		func(_ context.Context, q mcp.GetPromptRequest) (*mcp.GetPromptResult, error) {
			if answer := server.ElicitationResponse(q.Params.InputResponses, "user_context"); answer != nil {
				return &mcp.GetPromptResult{Messages: []mcp.PromptMessage{{Role: mcp.RoleUser, Content: mcp.NewTextContent(fmt.Sprint(answer.Content))}}}, nil
			}
			b := elicits(server.NewInputRequestBuilder(""), "user_context", "What context should the prompt use?", "context", "string")
			return b.PromptResult(), nil
		})
}

// addRounds adds a tool that asks once for each of build, and then says what it
// was told.
func addRounds(library *server.MCPServer, name string, signed bool, build ...func(b *server.InputRequestBuilder)) {
	library.AddTool(mcp.Tool{Name: name, Description: "A fixture of the conformance suite.", RawInputSchema: json.RawMessage(noInput)},
		func(_ context.Context, q mcp.CallToolRequest) (*mcp.CallToolResult, error) {
			round, err := roundOf(name, q.Params.RequestState)
			if err != nil {
				return nil, err
			}
			if !signed && len(q.Params.InputResponses) > 0 {
				round = 1
			}
			state := ""
			if signed {
				state = signState(name, round+1)
			}
			asked := server.NewInputRequestBuilder(state)
			last := min(round, len(build)) - 1
			if last >= 0 && !answers(q.Params.InputResponses, build[last]) {
				round = last // it has not told what it was asked
				asked.RequestState(stateOf(signed, name, round+1))
			}
			if round < len(build) {
				build[round](asked)
				return asked.ToolResult(), nil
			}
			told, err := json.Marshal(q.Params.InputResponses)
			if err != nil {
				return nil, err
			}
			return mcp.NewToolResultText(greeting(q.Params.InputResponses) + "state-ok " + string(told)), nil
		})
}

func stateOf(signed bool, name string, round int) string {
	if !signed {
		return ""
	}
	return signState(name, round)
}

// answers reports whether responses have one for each of what build asks.
func answers(responses mcp.InputResponses, build func(b *server.InputRequestBuilder)) bool {
	b := server.NewInputRequestBuilder("")
	build(b)
	for id := range b.ToolResult().InputRequests {
		if _, ok := responses[id]; !ok {
			return false
		}
	}
	return true
}

func greeting(responses mcp.InputResponses) string {
	answer := server.ElicitationResponse(responses, "user_name")
	if answer == nil {
		return ""
	}
	fields, _ := answer.Content.(map[string]any)
	return fmt.Sprintf("Hello, %v! ", fields["name"])
}

// addCapabilityFixtures adds those that look at what the client can do.
func addCapabilityFixtures(library *server.MCPServer, prefix string) {
	fixture(library, "test_missing_capability", noInput, func(context.Context, map[string]any) (*mcp.CallToolResult, error) {
		return mcp.NewToolResultText("the client can sample"), nil
	})
	fixture(library, "test_logging_tool", noInput, func(ctx context.Context, _ map[string]any) (*mcp.CallToolResult, error) {
		if info := server.RequestProtocolInfoFromContext(ctx); info == nil || !info.Modern || info.LogLevel != "" {
			exchangeOf(ctx).notify("notifications/message", map[string]any{"level": "info", "data": "a message"})
		}
		return mcp.NewToolResultText("logged"), nil
	})
	fixture(library, prefix+"capabilities", noInput, func(ctx context.Context, _ map[string]any) (*mcp.CallToolResult, error) {
		b := server.NewInputRequestBuilder("")
		can := capabilities(ctx)
		if can.Elicitation != nil {
			elicits(b, "user_name", "What is your name?", "name", "string")
		}
		if can.Sampling != nil {
			samples(b, "capital_question", "What is the capital of France?")
		}
		return b.ToolResult(), nil
	})
}

// capabilities are those that the client has declared in its request.
func capabilities(ctx context.Context) mcp.ClientCapabilities {
	if info := server.RequestProtocolInfoFromContext(ctx); info != nil && info.ClientCapabilities != nil {
		return *info.ClientCapabilities
	}
	return mcp.ClientCapabilities{}
}
