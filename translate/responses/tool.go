package responses

import (
	"github.com/ai-mcp-gateway/gateway/translate"
	"github.com/ai-mcp-gateway/gateway/translate/neutral"
)

func (in *reader) readTools(v []byte) *flaw {
	if translate.KindOf(v) != translate.KindArray {
		return wrong("", "an array")
	}
	a := translate.Elements(v)
	for k := 0; a.Next(); k++ {
		t, f := readTool(a.Value())
		if f != nil {
			return f.at(k)
		}
		in.q.Tools = append(in.q.Tools, t)
	}
	return nil
}

// readTool reads one tool. A server's is named by its type, which is how a
// choice names it.
func readTool(raw []byte) (neutral.Tool, *flaw) {
	t := neutral.Tool{Raw: raw, Dialect: name}
	if translate.KindOf(raw) != translate.KindObject {
		return t, wrong("", "an object")
	}
	var kind []byte
	o := translate.Members(raw)
	for o.Next() {
		switch v := given(o.Value()); string(o.Key()) {
		case "type":
			kind = text(v)
		case "name":
			t.Name = string(text(v))
		case "description":
			t.Description = string(text(v))
		case "parameters":
			t.Schema = v
		case "format":
			t.Grammar = v
		case "strict":
			if v == nil {
				continue
			}
			if f := readSwitch(&t.Strict, v); f != nil {
				return t, f.in("strict")
			}
		}
	}
	switch string(kind) {
	case "":
		return t, missing("type")
	case "function", "custom":
		t.Custom = string(kind) == "custom"
		if t.Name == "" {
			return t, missing("name")
		}
		if t.Schema != nil && translate.KindOf(t.Schema) != translate.KindObject {
			return t, wrong("parameters", "an object")
		}
		return t, nil
	default:
		return neutral.Tool{Name: string(kind), Server: true, Raw: raw, Dialect: name}, nil
	}
}

func (in *reader) readChoice(v []byte) *flaw {
	c := &in.q.Choice
	switch translate.KindOf(v) {
	case translate.KindString:
		mode, ok := modeOf(text(v))
		if !ok {
			return wrong("", "none, auto, required or an object")
		}
		c.Mode = mode
		return nil
	case translate.KindObject:
	default:
		return wrong("", "a string or an object")
	}
	var kind, mode, tools []byte
	o := translate.Members(v)
	for o.Next() {
		switch string(o.Key()) {
		case "type":
			kind = text(o.Value())
		case "mode":
			mode = text(o.Value())
		case "tools":
			tools = o.Value()
		}
	}
	if string(kind) == "allowed_tools" {
		return readAllowed(c, mode, tools)
	}
	chosen, f := toolName(v)
	if f != nil {
		return f
	}
	*c = neutral.ToolChoice{Mode: neutral.ChoiceNamed, Names: []string{chosen}}
	return nil
}

func modeOf(word []byte) (neutral.ChoiceMode, bool) {
	switch string(word) {
	case "auto":
		return neutral.ChoiceAuto, true
	case "none":
		return neutral.ChoiceNone, true
	case "required":
		return neutral.ChoiceRequired, true
	default:
		return 0, false
	}
}

func readAllowed(c *neutral.ToolChoice, mode, tools []byte) *flaw {
	m, ok := modeOf(mode)
	if !ok || m == neutral.ChoiceNone {
		return wrong("mode", "auto or required")
	}
	c.Mode = m
	a := translate.Elements(tools)
	for k := 0; a.Next(); k++ {
		allowed, f := toolName(a.Value())
		if f != nil {
			return f.at(k).in("tools")
		}
		c.Names = append(c.Names, allowed)
	}
	if len(c.Names) == 0 {
		return wrong("tools", "an array of tools")
	}
	return nil
}

// toolName returns the name by which a choice refers to a tool.
func toolName(raw []byte) (string, *flaw) {
	var kind, called []byte
	o := translate.Members(raw)
	for o.Next() {
		switch string(o.Key()) {
		case "type":
			kind = text(o.Value())
		case "name":
			called = text(o.Value())
		}
	}
	switch string(kind) {
	case "":
		return "", missing("type")
	case "function", "custom":
		if called == nil {
			return "", missing("name")
		}
		return string(called), nil
	default:
		return string(kind), nil
	}
}
