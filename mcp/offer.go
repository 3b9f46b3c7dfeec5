package mcp

import (
	"context"
	"errors"
	"strings"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/mark3labs/mcp-go/server"

	"github.com/ai-mcp-gateway/gateway/mcp/tool"
)

// maxCompletions is how many values a completion may have.
const maxCompletions = 100

// offer tells the library of the resources and prompts.
func (s *Server) offer(library *server.MCPServer) {
	for _, r := range s.options.Resources {
		if r.Template {
			library.AddResourceTemplate(mcp.NewResourceTemplate(r.URI, r.Name, mcp.WithTemplateDescription(r.Description), mcp.WithTemplateMIMEType(r.Type)),
				server.ResourceTemplateHandlerFunc(s.readResource(r)))
			continue
		}
		library.AddResource(mcp.NewResource(r.URI, r.Name, mcp.WithResourceTitle(r.Title), mcp.WithResourceDescription(r.Description), mcp.WithMIMEType(r.Type)),
			s.readResource(r))
	}
	for _, p := range s.options.Prompts {
		described := mcp.Prompt{Name: p.Name, Title: p.Title, Description: p.Description}
		for _, a := range p.Arguments {
			described.Arguments = append(described.Arguments, mcp.PromptArgument{Name: a.Name, Description: a.Description, Required: a.Required})
		}
		library.AddPrompt(described, func(_ context.Context, request mcp.GetPromptRequest) (*mcp.GetPromptResult, error) {
			for _, a := range p.Arguments {
				if a.Required && request.Params.Arguments[a.Name] == "" {
					return nil, errors.New("the argument " + a.Name + " is missing")
				}
			}
			return &mcp.GetPromptResult{Description: p.Description, Messages: []mcp.PromptMessage{
				{Role: mcp.RoleUser, Content: mcp.NewTextContent(p.Text(request.Params.Arguments))},
			}}, nil
		})
	}
}

// readResource is the library's handler of a resource.
func (s *Server) readResource(r tool.Resource) server.ResourceHandlerFunc {
	return func(ctx context.Context, request mcp.ReadResourceRequest) ([]mcp.ResourceContents, error) {
		x := exchangeOf(ctx)
		text, err := r.Read(ctx, &tool.Call{Caller: x.caller, RequestID: x.id}, request.Params.URI)
		var told *tool.Error
		switch {
		case errors.As(err, &told):
			return nil, told
		case err != nil:
			s.options.Log.Error("resource", "uri", r.URI, "request_id", x.id, "error", err.Error())
			return nil, errors.New("the resource cannot be read at the moment")
		}
		return []mcp.ResourceContents{mcp.TextResourceContents{URI: request.Params.URI, MIMEType: r.Type, Text: text}}, nil
	}
}

// completer completes the arguments of prompts.
type completer struct{ prompts []tool.Prompt }

// CompletePromptArgument implements server.PromptCompletionProvider.
func (c completer) CompletePromptArgument(_ context.Context, name string, argument mcp.CompleteArgument, _ mcp.CompleteContext) (*mcp.Completion, error) {
	out := &mcp.Completion{Values: []string{}}
	for _, p := range c.prompts {
		for _, a := range p.Arguments {
			if p.Name != name || a.Name != argument.Name || a.Values == nil {
				continue
			}
			for _, v := range a.Values() {
				if !strings.HasPrefix(v, argument.Value) {
					continue
				}
				if out.Total++; len(out.Values) < maxCompletions {
					out.Values = append(out.Values, v)
				}
			}
		}
	}
	out.HasMore = out.Total > len(out.Values)
	return out, nil
}
