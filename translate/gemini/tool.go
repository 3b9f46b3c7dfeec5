package gemini

import (
	"bytes"

	"github.com/ai-mcp-gateway/gateway/translate"
	"github.com/ai-mcp-gateway/gateway/translate/neutral"
)

// inputSchema is that of a tool that takes free text, of which models here
// know nothing.
const inputSchema = `{"type":"object","properties":{"input":{"type":"string"}},"required":["input"]}`

func (w *writer) appendTools() {
	if len(w.q.Tools) == 0 {
		return
	}
	w.key("tools")
	w.raw("[")
	functions := w.appendFunctions()
	for i := range w.q.Tools {
		tool := &w.q.Tools[i]
		if !tool.Server {
			continue
		}
		if tool.Dialect != name {
			w.unsupported("tools", "The tool %q is run by its provider, and this one does not have it.", tool.Name)
			return
		}
		w.comma()
		w.bytes(tool.Raw)
	}
	w.raw("]")
	if functions {
		w.appendChoice()
	}
}

// appendFunctions appends the declarations and reports whether there are any.
func (w *writer) appendFunctions() bool {
	start := len(w.dst)
	w.raw(`{"functionDeclarations":[`)
	head := len(w.dst)
	for i := range w.q.Tools {
		if tool := &w.q.Tools[i]; !tool.Server {
			w.appendFunction(tool)
		}
	}
	if len(w.dst) == head {
		w.dst = w.dst[:start]
		return false
	}
	w.raw("]}")
	return true
}

func (w *writer) appendFunction(tool *neutral.Tool) {
	w.dropIf(tool.Strict == neutral.On, "tools[].strict")
	w.dropIf(tool.Grammar != nil, "tools[].custom.format")
	w.dropIf(tool.Breakpoint.Set, "cache_control")
	w.comma()
	w.raw("{")
	w.member("name", w.names.Out(tool.Name))
	if tool.Description != "" {
		w.member("description", tool.Description)
	}
	schema := tool.Schema
	if tool.Custom {
		schema = []byte(inputSchema)
	}
	w.appendParameters(schema)
	w.raw("}")
}

// appendParameters appends the schema of the arguments. A function without
// arguments has none: older models refuse an object without properties.
func (w *writer) appendParameters(schema []byte) {
	openapi := w.t.Traits.ToolSchema == "openapi"
	if empty := emptyObject(schema); empty || openapi && !hasProperties(schema) {
		return
	}
	schema = neutral.ObjectSchema(schema)
	if openapi {
		w.key("parameters")
		w.dst = neutral.OpenAPISchema(w.dst, schema)
		return
	}
	w.key("parametersJsonSchema")
	w.bytes(schema)
}

// emptyObject reports whether raw says nothing: absent, null or {}.
func emptyObject(raw []byte) bool {
	raw = bytes.TrimSpace(raw)
	if len(raw) == 0 || string(raw) == "null" {
		return true
	}
	o := translate.Members(raw)
	return !o.Next() && o.Complete()
}

// hasProperties reports whether the schema needs to be said: it is not an
// object without properties.
func hasProperties(schema []byte) bool {
	other := false
	o := translate.Members(schema)
	for o.Next() {
		switch string(o.Key()) {
		case "properties":
			if !emptyObject(o.Value()) {
				return true
			}
		case "anyOf", "oneOf", "allOf", "$ref":
			other = true
		}
	}
	return other
}

// appendChoice appends how the functions are to be used; that the model may
// choose is what it does anyway.
func (w *writer) appendChoice() {
	choice := &w.q.Choice
	mode := ""
	switch choice.Mode {
	case neutral.ChoiceNone:
		mode = "NONE"
	case neutral.ChoiceRequired, neutral.ChoiceNamed:
		mode = "ANY"
	case neutral.ChoiceAuto:
		if choice.Names != nil {
			mode = "VALIDATED" // AUTO takes no list of names
		}
	}
	if choice.Names != nil && len(choice.Names) == 0 {
		mode = "NONE"
	}
	if mode == "" {
		return
	}
	w.key("toolConfig")
	w.raw(`{"functionCallingConfig":{"mode":"` + mode + `"`)
	if choice.Names != nil && mode != "NONE" {
		w.key("allowedFunctionNames")
		w.raw("[")
		for _, allowed := range choice.Names {
			w.comma()
			w.string(w.names.Out(allowed))
		}
		w.raw("]")
	}
	w.raw("}}")
}
