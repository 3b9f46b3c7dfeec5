package anthropic

import (
	"slices"

	"github.com/ai-mcp-gateway/gateway/translate/neutral"
)

// allowed returns the tools that the choice leaves to the model.
func allowed(q *neutral.Request) []neutral.Tool {
	if q.Choice.Mode == neutral.ChoiceNamed || q.Choice.Names == nil {
		return q.Tools
	}
	var tools []neutral.Tool
	for i := range q.Tools {
		if slices.Contains(q.Choice.Names, q.Tools[i].Name) {
			tools = append(tools, q.Tools[i])
		}
	}
	return tools
}

// writeTools writes the tools and what is said of their use.
func (w *writer) writeTools() {
	if len(w.tools) == 0 && !w.answer {
		return
	}
	w.add(`,"tools":[`)
	for i := range w.tools {
		if i > 0 {
			w.add(",")
		}
		w.tool(&w.tools[i])
	}
	if w.answer {
		if len(w.tools) > 0 {
			w.add(",")
		}
		w.answerTool()
	}
	w.add("]")
	w.writeChoice()
}

func (w *writer) tool(t *neutral.Tool) {
	if t.Server {
		if t.Dialect != name {
			w.fail("tools", "This provider does not have the tool %q.", t.Name)
		}
		w.raw(t.Raw)
		return
	}
	w.add(`{"name":`)
	w.string(w.names.Out(t.Name))
	if t.Description != "" {
		w.add(`,"description":`)
		w.string(t.Description)
	}
	w.add(`,"input_schema":`)
	switch {
	case t.Custom:
		w.add(`{"type":"object","properties":{"input":{"type":"string"}},"required":["input"]}`)
		if t.Grammar != nil {
			w.drop("tools[].custom.format")
		}
	default:
		w.raw(neutral.ObjectSchema(t.Schema))
	}
	if t.Strict == neutral.On {
		if w.t.Traits.Schema == "" { // models that answer by schema call by one too
			w.add(`,"strict":true`)
		} else {
			w.drop("tools[].strict")
		}
	}
	w.mark(t.Breakpoint)
	w.add("}")
}

// answerTool writes the tool that stands in for an answer by schema.
func (w *writer) answerTool() {
	f := &w.q.Format
	w.add(`{"name":"` + answerTool + `","description":`)
	if f.Description != "" {
		w.string(f.Description)
	} else {
		w.string("Gives the final answer.")
	}
	w.add(`,"input_schema":`)
	w.raw(neutral.ObjectSchema(f.Schema))
	w.add("}")
}

// writeChoice writes tool_choice. The answer tool has to be called unless
// another tool is.
func (w *writer) writeChoice() {
	choice := &w.q.Choice
	mode := choice.Mode
	alone := w.q.Parallel == neutral.Off
	if alone && w.t.Traits.NoParallel {
		w.drop("parallel_tool_calls")
		alone = false
	}
	switch {
	case w.answer && (len(w.tools) == 0 || mode == neutral.ChoiceNone):
		w.add(`,"tool_choice":{"type":"tool","name":"` + answerTool + `","disable_parallel_tool_use":true}`)
		return
	case w.answer && mode != neutral.ChoiceNamed:
		mode, alone = neutral.ChoiceRequired, true
	}
	switch mode {
	case neutral.ChoiceNone:
		w.add(`,"tool_choice":{"type":"none"}`)
		return
	case neutral.ChoiceRequired:
		w.add(`,"tool_choice":{"type":"any"`)
	case neutral.ChoiceNamed:
		w.add(`,"tool_choice":{"type":"tool","name":`)
		w.string(w.names.Out(choice.Names[0]))
	case neutral.ChoiceAuto:
		w.add(`,"tool_choice":{"type":"auto"`)
	default:
		if !alone {
			return
		}
		w.add(`,"tool_choice":{"type":"auto"`)
	}
	if alone {
		w.add(`,"disable_parallel_tool_use":true`)
	}
	w.add("}")
}
