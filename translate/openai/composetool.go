package openai

import (
	"slices"
	"strconv"

	"github.com/ai-mcp-gateway/gateway/translate"
	"github.com/ai-mcp-gateway/gateway/translate/neutral"
)

// tools appends the tools and what steers their use: nothing where there are
// none.
func (c *composer) tools(dst []byte) ([]byte, *translate.Error) {
	q := c.q
	if len(q.Tools) == 0 {
		return dst, nil
	}
	allowed := c.narrowed()
	start := len(dst)
	dst = append(dst, `,"tools":`...)
	separator := byte('[')
	for i := range q.Tools {
		t := &q.Tools[i]
		if t.Server && t.Dialect != New().Name() {
			return nil, neutral.Unsupported("tools["+strconv.Itoa(i)+"]",
				"This provider has no tool %q of its own.", t.Name)
		}
		if allowed != nil && !slices.Contains(allowed, t.Name) {
			continue
		}
		dst = append(dst, separator)
		dst = c.tool(dst, t)
		separator = ','
	}
	if separator == '[' {
		return dst[:start], nil
	}
	dst = c.choice(append(dst, ']'))
	parallel := switchValue(q.Parallel)
	return c.unless(c.t.Traits.NoParallel, dst, "parallel_tool_calls", parallel), nil
}

// narrowed are the names of the only tools to declare, for a target that
// cannot be told which of them are allowed; nil declares all.
func (c *composer) narrowed() []string {
	choice := &c.q.Choice
	if choice.Mode == neutral.ChoiceNamed || c.t.Traits.Takes("allowed_tools") {
		return nil
	}
	return choice.Names
}

func (c *composer) tool(dst []byte, t *neutral.Tool) []byte {
	if t.Breakpoint.Set {
		c.drops.Add("tools[].cache_control")
	}
	if t.Server {
		return append(dst, t.Raw...)
	}
	custom := t.Custom && c.t.Traits.Takes("tools[].custom")
	if custom {
		dst = append(dst, `{"type":"custom","custom":{"name":`...)
	} else {
		dst = append(dst, `{"type":"function","function":{"name":`...)
	}
	dst = translate.AppendString(dst, []byte(c.names.Out(t.Name)))
	if t.Description != "" {
		dst = appendMember(dst, `,"description":`, t.Description)
	}
	switch {
	case custom && t.Grammar != nil:
		dst = appendGrammar(append(dst, `,"format":`...), t.Grammar)
	case custom:
	case t.Custom:
		if t.Grammar != nil {
			c.drops.Add("tools[].custom.format")
		}
		dst = append(dst, `,"parameters":`+wrappedInput...)
	default:
		dst = append(append(dst, `,"parameters":`...), neutral.ObjectSchema(t.Schema)...)
		dst = c.strict(dst, t.Strict)
	}
	return append(dst, "}}"...)
}

// wrappedInput is the schema of a function that stands for a custom tool: see
// neutral.ArgumentsObject.
const wrappedInput = `{"type":"object","properties":{"input":{"type":"string"}},"required":["input"],"additionalProperties":false}`

func (c *composer) strict(dst []byte, s neutral.Switch) []byte {
	strict := switchValue(s)
	switch {
	case strict == nil:
		return dst
	case !c.t.Traits.Takes("tools[].strict"):
		c.drops.Add("tools[].strict")
		return dst
	}
	return append(append(dst, `,"strict":`...), strict...)
}

// appendGrammar appends the format of a custom tool. That of the Responses API
// has the members of the grammar at the top.
func appendGrammar(dst, raw []byte) []byte {
	var kind string
	var nested bool
	var rest []byte
	o := translate.Members(raw)
	for o.Next() {
		switch string(o.Key()) {
		case "type":
			kind = stringOf(o.Value())
		case "grammar":
			nested = true
		default:
			if len(rest) > 0 {
				rest = append(rest, ',')
			}
			rest = appendKeyed(rest, "", &o)
		}
	}
	if kind != "grammar" || nested {
		return append(dst, raw...)
	}
	dst = append(append(dst, `{"type":"grammar","grammar":{`...), rest...)
	return append(dst, "}}"...)
}

// choice appends tool_choice.
func (c *composer) choice(dst []byte) []byte {
	choice := &c.q.Choice
	var value []byte
	switch choice.Mode {
	case neutral.ChoiceUnset:
		return dst
	case neutral.ChoiceNamed:
		value = c.appendNamed(nil, choice.Names[0])
	default:
		value = translate.AppendString(nil, []byte(choiceWord(choice.Mode)))
	}
	if choice.Mode != neutral.ChoiceNamed && choice.Names != nil && c.narrowed() == nil {
		value = c.appendAllowed(nil, choice)
	}
	return c.raw(dst, "tool_choice", value)
}

func choiceWord(mode neutral.ChoiceMode) string {
	switch mode {
	case neutral.ChoiceNone:
		return "none"
	case neutral.ChoiceRequired:
		return "required"
	default:
		return "auto"
	}
}

// appendNamed appends the object that names one tool.
func (c *composer) appendNamed(dst []byte, name string) []byte {
	kind := "function"
	if isCustom(c.q, name) && c.t.Traits.Takes("tools[].custom") {
		kind = "custom"
	}
	dst = append(append(append(dst, `{"type":"`...), kind...), `","`...)
	dst = append(append(dst, kind...), `":{"name":`...)
	dst = translate.AppendString(dst, []byte(c.names.Out(name)))
	return append(dst, "}}"...)
}

func (c *composer) appendAllowed(dst []byte, choice *neutral.ToolChoice) []byte {
	dst = appendMember(dst, `{"type":"allowed_tools","allowed_tools":{"mode":`, choiceWord(choice.Mode))
	dst = append(dst, `,"tools":[`...)
	for i, name := range choice.Names {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = c.appendNamed(dst, name)
	}
	return append(dst, "]}}"...)
}
