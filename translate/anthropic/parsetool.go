package anthropic

import (
	"fmt"

	"github.com/ai-mcp-gateway/gateway/translate"
	"github.com/ai-mcp-gateway/gateway/translate/neutral"
)

func (p *reader) tools(raw []byte) *translate.Error {
	if translate.KindOf(raw) != translate.KindArray {
		return wrong("tools", "an array")
	}
	list := translate.Elements(raw)
	for list.Next() {
		if list.Kind() != translate.KindObject {
			return wrong(fmt.Sprintf("tools[%d]", len(p.q.Tools)), "an object")
		}
		t, err := p.tool(list.Value())
		if err != nil {
			return under(err, "tools[%d]", len(p.q.Tools))
		}
		p.q.Tools = append(p.q.Tools, t)
	}
	return nil
}

// tool reads a tool. One with a type of its own is run by the provider, or is
// one that its models know by heart.
func (p *reader) tool(raw []byte) (neutral.Tool, *translate.Error) {
	var t neutral.Tool
	var kind string
	var others []neutral.Member
	o := translate.Members(raw)
	for o.Next() {
		if o.Kind() == translate.KindNull {
			continue
		}
		switch v := o.Value(); string(o.Key()) {
		case "type":
			kind = textOf(v)
		case "name":
			t.Name = textOf(v)
		case "description":
			t.Description = textOf(v)
		case "input_schema":
			t.Schema = v
		case "strict":
			t.Strict = neutral.SwitchOf(string(v) == "true")
		case "cache_control":
			t.Breakpoint = breakpoint(v)
		default:
			others = append(others, neutral.Member{Name: "tools[]." + string(o.Key()), Raw: v})
		}
	}
	switch {
	case kind != "" && kind != "custom":
		return neutral.Tool{Name: orElse(t.Name, kind), Server: true, Raw: raw, Dialect: name}, nil
	case t.Name == "":
		return t, wrong("name", "a string that is not empty")
	case t.Schema != nil && translate.KindOf(t.Schema) != translate.KindObject:
		return t, wrong("input_schema", "an object")
	}
	for _, m := range others {
		p.extra(m.Name, m.Raw)
	}
	return t, nil
}

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

func (p *reader) choice(o translate.Object) *translate.Error {
	q := p.q
	kind, tool := "", ""
	for o.Next() {
		switch string(o.Key()) {
		case "type":
			kind = textOf(o.Value())
		case "name":
			tool = textOf(o.Value())
		case "disable_parallel_tool_use":
			q.Parallel = neutral.SwitchOf(string(o.Value()) == "false")
		}
	}
	switch kind {
	case "auto":
		q.Choice.Mode = neutral.ChoiceAuto
	case "any":
		q.Choice.Mode = neutral.ChoiceRequired
	case "none":
		q.Choice.Mode = neutral.ChoiceNone
	case "tool":
		if tool == "" {
			return wrong("tool_choice.name", "a string that is not empty")
		}
		q.Choice = neutral.ToolChoice{Mode: neutral.ChoiceNamed, Names: []string{tool}}
	default:
		return wrong("tool_choice.type", "auto, any, tool or none")
	}
	return nil
}
