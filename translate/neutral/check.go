package neutral

import "github.com/ai-mcp-gateway/gateway/translate"

// Check reports what no provider could make sense of: no messages, two tools
// of one name, a choice of a tool that is not there. It clears what is said
// about tools where there are none.
func Check(r *Request) *translate.Error {
	if len(r.Turns) == 0 && len(r.System) == 0 {
		err := translate.Errorf(translate.CallerInvalidField, "messages",
			"The field %q must have at least one message.", "messages")
		err.Reason = "empty_array"
		return err
	}
	if len(r.Tools) == 0 && r.Choice.Mode != ChoiceNamed {
		r.Tools, r.Choice, r.Parallel = nil, ToolChoice{}, Unset
		return nil
	}
	if err := checkTools(r.Tools); err != nil {
		return err
	}
	return checkChoice(r)
}

// checkTools lets tools of providers share a name: it is only their type.
func checkTools(tools []Tool) *translate.Error {
	if len(tools) < 2 {
		return nil
	}
	seen := make(map[string]struct{}, len(tools))
	for i := range tools {
		name := tools[i].Name
		if tools[i].Server {
			continue
		}
		if _, found := seen[name]; found {
			return translate.Errorf(translate.CallerInvalidField, "tools",
				"The tool of index %d has the name %q of another one.", i, name)
		}
		seen[name] = struct{}{}
	}
	return nil
}

func checkChoice(r *Request) *translate.Error {
	if r.Choice.Mode == ChoiceNamed && len(r.Choice.Names) != 1 {
		return translate.Errorf(translate.CallerInvalidField, "tool_choice", "The field %q must name one tool.", "tool_choice")
	}
	if len(r.Choice.Names) == 0 {
		return nil
	}
	known := make(map[string]struct{}, len(r.Tools))
	for i := range r.Tools {
		known[r.Tools[i].Name] = struct{}{}
	}
	for _, name := range r.Choice.Names {
		if _, found := known[name]; !found {
			return translate.Errorf(translate.CallerInvalidField, "tool_choice",
				"The field %q names the tool %q, which is not in %q.", "tool_choice", name, "tools")
		}
	}
	return nil
}
