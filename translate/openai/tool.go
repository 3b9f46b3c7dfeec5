package openai

import (
	"github.com/ai-mcp-gateway/gateway/translate"
	"github.com/ai-mcp-gateway/gateway/translate/neutral"
)

// readTools reads the tools. One that is neither a function nor free text is
// the provider's own to run.
func readTools(q *neutral.Request, v []byte) *flaw {
	if translate.KindOf(v) != translate.KindArray {
		return invalid("an array")
	}
	list := translate.Elements(v)
	for i := 0; list.Next(); i++ {
		var t neutral.Tool
		if f := readTool(&t, list.Value()); f != nil {
			return f.at(i)
		}
		q.Tools = append(q.Tools, t)
	}
	return nil
}

func readTool(t *neutral.Tool, raw []byte) *flaw {
	if translate.KindOf(raw) != translate.KindObject {
		return invalid("an object")
	}
	var kind string
	var function, custom []byte
	o := translate.Members(raw)
	for o.Next() {
		switch string(keyOf(&o)) {
		case "type":
			kind = stringOf(o.Value())
		case "function":
			function = o.Value()
		case "custom":
			custom = o.Value()
		case "cache_control":
			t.Breakpoint = readCacheControl(o.Value())
		}
	}
	switch {
	case kind == "function", kind == "" && function != nil:
		return readDeclaration(t, function).in(".function")
	case kind == "custom":
		t.Custom = true
		return readDeclaration(t, custom).in(".custom")
	case kind == "":
		return missing().in(".type")
	}
	t.Name, t.Server, t.Raw, t.Dialect = kind, true, raw, New().Name()
	return nil
}

// readDeclaration reads the object that declares a function or a custom tool.
func readDeclaration(t *neutral.Tool, raw []byte) *flaw {
	if translate.KindOf(raw) != translate.KindObject {
		return invalid("an object")
	}
	o := translate.Members(raw)
	for o.Next() {
		if o.Kind() == translate.KindNull {
			continue
		}
		var f *flaw
		switch string(keyOf(&o)) {
		case "name":
			f = readString(&t.Name, o.Value()).in(".name")
		case "description":
			f = readString(&t.Description, o.Value()).in(".description")
		case "parameters":
			if o.Kind() != translate.KindObject {
				f = invalid("an object").in(".parameters")
			} else if filled(o.Value()) {
				t.Schema = o.Value()
			}
		case "strict":
			f = readSwitch(&t.Strict, o.Value()).in(".strict")
		case "format":
			t.Grammar = o.Value()
		}
		if f != nil {
			return f
		}
	}
	if t.Name == "" {
		return missing().in(".name")
	}
	return nil
}

// readFunctions reads the legacy functions. What makes them legacy tools is
// that they have a Raw and are no Server's: see legacy. A function_call has
// room for one call.
func readFunctions(q *neutral.Request, v []byte) *flaw {
	if translate.KindOf(v) != translate.KindArray {
		return invalid("an array")
	}
	list := translate.Elements(v)
	for i := 0; list.Next(); i++ {
		t := neutral.Tool{Raw: list.Value(), Dialect: New().Name()}
		if f := readDeclaration(&t, t.Raw); f != nil {
			return f.at(i)
		}
		q.Tools = append(q.Tools, t)
		q.Parallel = neutral.Off
	}
	return nil
}

// legacy reports whether q has functions in the place of tools, so that its
// answer has a function_call in the place of tool_calls.
func legacy(q *neutral.Request) bool {
	return len(q.Tools) > 0 && !q.Tools[0].Server && q.Tools[0].Raw != nil && q.Tools[0].Dialect == New().Name()
}

var choiceModes = map[string]neutral.ChoiceMode{
	"auto":     neutral.ChoiceAuto,
	"none":     neutral.ChoiceNone,
	"required": neutral.ChoiceRequired,
	"any":      neutral.ChoiceRequired, // Mistral's word
}

func readChoice(c *neutral.ToolChoice, v []byte) *flaw {
	if translate.KindOf(v) == translate.KindString {
		return readMode(c, v)
	}
	var kind string
	var allowed []byte
	o := translate.Members(v)
	for o.Next() {
		switch string(keyOf(&o)) {
		case "type":
			kind = stringOf(o.Value())
		case "allowed_tools":
			allowed = o.Value()
		}
	}
	if kind == "" && toolName(v) != "" {
		kind = "function" // some clients leave it out
	}
	switch kind {
	case "function", "custom":
		name := toolName(v)
		if name == "" {
			return missing().in("." + kind + ".name")
		}
		c.Mode, c.Names = neutral.ChoiceNamed, []string{name}
		return nil
	case "allowed_tools":
		return readAllowed(c, allowed).in(".allowed_tools")
	default:
		return invalid("function, custom or allowed_tools").in(".type")
	}
}

func readMode(c *neutral.ToolChoice, v []byte) *flaw {
	mode, ok := choiceModes[stringOf(v)]
	if !ok {
		return invalid("auto, none, required or an object")
	}
	c.Mode = mode
	return nil
}

func readAllowed(c *neutral.ToolChoice, v []byte) *flaw {
	if translate.KindOf(v) != translate.KindObject {
		return invalid("an object")
	}
	c.Mode, c.Names = neutral.ChoiceAuto, []string{}
	o := translate.Members(v)
	for o.Next() {
		switch string(keyOf(&o)) {
		case "mode":
			if f := readMode(c, o.Value()); f != nil {
				return f.in(".mode")
			}
		case "tools":
			list := o.Elements()
			for i := 0; list.Next(); i++ {
				name := toolName(list.Value())
				if name == "" {
					return missing().in(".function.name").at(i).in(".tools")
				}
				c.Names = append(c.Names, name)
			}
		}
	}
	return nil
}

// toolName is the name in {"function":{"name":...}} or {"custom":{...}}.
func toolName(raw []byte) (name string) {
	o := translate.Members(raw)
	for o.Next() {
		if key := string(keyOf(&o)); key == "function" || key == "custom" {
			name = orElse(nameOf(o.Value()), name)
		}
	}
	return name
}

// nameOf is the name in {"name":...}.
func nameOf(raw []byte) (name string) {
	o := translate.Members(raw)
	for o.Next() {
		if string(keyOf(&o)) == "name" {
			name = stringOf(o.Value())
		}
	}
	return name
}

// readFunctionChoice reads the legacy function_call of a request.
func readFunctionChoice(c *neutral.ToolChoice, v []byte) *flaw {
	if translate.KindOf(v) == translate.KindString {
		return readMode(c, v)
	}
	name := nameOf(v)
	if name == "" {
		return missing().in(".name")
	}
	c.Mode, c.Names = neutral.ChoiceNamed, []string{name}
	return nil
}

// readCall reads one element of tool_calls. What is missing stays empty.
func readCall(raw []byte) neutral.Block {
	var id, origin string
	var signature, function, custom []byte
	o := translate.Members(raw)
	for o.Next() {
		switch string(keyOf(&o)) {
		case "id":
			id = stringOf(o.Value())
		case "function":
			function = o.Value()
		case "custom":
			custom = o.Value()
		case "extra_content":
			if signature = readThoughtSignature(o.Value()); signature != nil {
				origin = originGemini
			}
		}
	}
	b := readFunction(function)
	if b.Name == "" && filled(custom) {
		b = readFunction(custom)
		b.Custom = true
	}
	b.ID, b.Signature, b.Origin = id, signature, origin
	return b
}

// readFunction reads the object with the name and the arguments of a call.
// Arguments that are no string, but JSON, are taken as they stand.
func readFunction(raw []byte) neutral.Block {
	b := neutral.Block{Kind: neutral.ToolUse}
	o := translate.Members(raw)
	for o.Next() {
		switch string(keyOf(&o)) {
		case "name":
			b.Name = stringOf(o.Value())
		case "arguments", "input":
			b.Arguments = argumentsOf(o.Value())
		}
	}
	return b
}

func argumentsOf(raw []byte) []byte {
	switch translate.KindOf(raw) {
	case translate.KindNull:
		return nil
	case translate.KindString:
		return textBytes(raw)
	default:
		return raw
	}
}

// readThoughtSignature reads {"google":{"thought_signature":"..."}}.
func readThoughtSignature(raw []byte) []byte {
	o := translate.Members(raw)
	for o.Next() {
		if string(o.Key()) != "google" {
			continue
		}
		inner := o.Members()
		for inner.Next() {
			if string(inner.Key()) == "thought_signature" && filled(inner.Value()) {
				return textBytes(inner.Value())
			}
		}
	}
	return nil
}
