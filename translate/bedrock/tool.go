package bedrock

import (
	"slices"

	"github.com/ai-mcp-gateway/gateway/translate"
	"github.com/ai-mcp-gateway/gateway/translate/neutral"
)

// answerTool is the tool that a model has to call with its answer where it
// cannot be held to a schema in another way. Its arguments are the text of
// the answer, for the client there is no such call.
const answerTool = "gateway_structured_answer"

// planTools chooses the tools that are sent. There is no way to say that none
// may be called, so then there are none.
func (w *writer) planTools() *translate.Error {
	q := w.q
	if q.Choice.Mode != neutral.ChoiceNone {
		for i := range q.Tools {
			tool := &q.Tools[i]
			if tool.Server {
				return neutral.Unsupported("tools", "This provider does not have the tool %q.", tool.Name)
			}
			if q.Choice.Mode == neutral.ChoiceNamed || q.Choice.Names == nil || slices.Contains(q.Choice.Names, tool.Name) {
				w.tools = append(w.tools, tool)
			}
		}
	}
	if q.Format.Kind == neutral.FormatSchema && w.t.Traits.Schema == "tool" {
		w.synthetic = true
		w.tools = append(w.tools, &neutral.Tool{
			Name: answerTool, Description: "Takes the answer to the user.", Schema: q.Format.Schema,
		})
	}
	return nil
}

// toolConfig appends toolConfig.
func (w *writer) toolConfig() {
	if len(w.tools) == 0 {
		return
	}
	w.key("toolConfig")
	w.raw(`{"tools":[`)
	for _, tool := range w.tools {
		w.dst = appendComma(w.dst)
		w.tool(tool)
		w.mark(tool.Breakpoint, "tools[].cache_control", len(w.dst))
	}
	w.raw("]")
	w.toolChoice()
	w.raw("}")
}

func (w *writer) tool(tool *neutral.Tool) {
	w.raw(`{"toolSpec":{`)
	w.key("name")
	w.text([]byte(w.names.Out(tool.Name)))
	if tool.Description != "" { // an empty one is refused
		w.key("description")
		w.text([]byte(tool.Description))
	}
	w.key("inputSchema")
	w.raw(`{"json":`)
	if tool.Custom {
		w.raw(customSchema)
		w.drop(tool.Grammar != nil, "tools[].custom.format")
	} else {
		w.dst = append(w.dst, neutral.ObjectSchema(tool.Schema)...)
	}
	w.raw("}")
	if tool.Strict == neutral.On {
		if traits := &w.t.Traits; traits.Schema == "" && traits.Takes("strict") {
			w.raw(`,"strict":true`) // came with answers by schema
		} else {
			w.drops.Add("tools[].function.strict")
		}
	}
	w.raw("}}")
}

// customSchema is that of a tool that takes free text.
const customSchema = `{"type":"object","properties":{"input":{"type":"string"}},"required":["input"]}`

// toolChoice appends toolChoice. A named tool is the strongest word, so with
// it an answer by schema has to wait for its turn.
func (w *writer) toolChoice() {
	mode := w.q.Choice.Mode
	choice := ""
	switch {
	case mode == neutral.ChoiceNamed && len(w.q.Choice.Names) > 0:
		choice = w.q.Choice.Names[0]
	case w.synthetic && len(w.tools) == 1:
		choice = answerTool
	case w.synthetic, mode == neutral.ChoiceRequired:
		mode = neutral.ChoiceRequired
	case mode == neutral.ChoiceAuto:
	default:
		return
	}
	if !w.t.Traits.Takes("toolChoice") {
		w.drop(mode != neutral.ChoiceAuto && mode != neutral.ChoiceUnset, "tool_choice")
		return
	}
	w.key("toolChoice")
	switch {
	case choice != "":
		w.raw(`{"tool":{"name":`)
		w.text([]byte(w.names.Out(choice)))
		w.raw("}}")
	case mode == neutral.ChoiceRequired:
		w.raw(`{"any":{}}`)
	default:
		w.raw(`{"auto":{}}`)
	}
}
