package cohere

import (
	"slices"

	"github.com/ai-mcp-gateway/gateway/translate/neutral"
)

// inputSchema is that of a tool that takes free text, of which models here
// know nothing.
const inputSchema = `{"type":"object","properties":{"input":{"type":"string"}},"required":["input"]}`

// appendTools appends the tools that may be called. Cohere has no choice by
// name: where the client names tools, they are the only ones that are sent.
func (w *writer) appendTools() {
	q := w.q
	if len(q.Tools) == 0 {
		return
	}
	mode, names := q.Choice.Mode, q.Choice.Names
	filter := names != nil && mode != neutral.ChoiceNone
	if filter && len(names) == 0 {
		filter, mode = false, neutral.ChoiceNone
	}
	strict := 0
	w.key("tools")
	w.raw("[")
	head := len(w.dst)
	sent := 0
	for i := range q.Tools {
		tool := &q.Tools[i]
		switch {
		case tool.Server:
			w.unsupported("tools", "The tool %q is run by its provider, and this one does not have it.", tool.Name)
			return
		case filter && !slices.Contains(names, tool.Name):
			continue
		case tool.Strict == neutral.On:
			strict++
		}
		w.appendTool(tool)
		sent++
	}
	if len(w.dst) == head {
		w.unsupported("tool_choice", "The choice of tools names none of the tools.")
		return
	}
	w.raw("]")
	switch {
	case strict == sent:
		w.key("strict_tools")
		w.raw("true")
	case strict > 0: // it is for all of them or for none
		w.drops.Add("tools[].strict")
	}
	switch mode {
	case neutral.ChoiceNone:
		w.member("tool_choice", "NONE")
	case neutral.ChoiceRequired, neutral.ChoiceNamed:
		w.member("tool_choice", "REQUIRED")
	}
}

func (w *writer) appendTool(tool *neutral.Tool) {
	w.dropIf(tool.Grammar != nil, "tools[].custom.format")
	w.dropIf(tool.Breakpoint.Set, "cache_control")
	w.comma()
	w.raw(`{"type":"function","function":{`)
	w.member("name", w.names.Out(tool.Name))
	if tool.Description != "" {
		w.member("description", tool.Description)
	}
	w.key("parameters")
	if tool.Custom {
		w.raw(inputSchema)
	} else {
		w.bytes(neutral.ObjectSchema(tool.Schema))
	}
	w.raw("}}")
}
