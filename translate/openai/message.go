package openai

import (
	"github.com/ai-mcp-gateway/gateway/translate"
	"github.com/ai-mcp-gateway/gateway/translate/neutral"
)

// message is one element of messages, raw; what is null or absent is nil.
type message struct {
	role, name, callID             string
	content, refusal               []byte
	toolCalls, functionCall, audio []byte
	thoughts                       thoughts
	failed                         bool
}

// messages reads the array of messages.
func (s *requestReader) messages(raw []byte) *flaw {
	if translate.KindOf(raw) != translate.KindArray {
		return invalid("an array")
	}
	list := translate.Elements(raw)
	for i := 0; list.Next(); i++ {
		if list.Kind() != translate.KindObject {
			return invalid("an object").at(i)
		}
		var m message
		f := s.readMessage(&m, list.Members())
		if f == nil {
			f = s.message(&m)
		}
		if f != nil {
			return f.at(i)
		}
	}
	return nil
}

func (s *requestReader) readMessage(m *message, o translate.Object) *flaw {
	for o.Next() {
		if o.Kind() == translate.KindNull {
			continue
		}
		var f *flaw
		switch key := string(keyOf(&o)); key {
		case "role":
			f = readString(&m.role, o.Value()).in(".role")
		case "name":
			f = readString(&m.name, o.Value()).in(".name")
		case "tool_call_id":
			f = readString(&m.callID, o.Value()).in(".tool_call_id")
		case "content":
			m.content = o.Value()
		case "refusal":
			m.refusal = o.Value()
		case "tool_calls":
			m.toolCalls = o.Value()
		case "function_call":
			m.functionCall = o.Value()
		case "audio":
			m.audio = o.Value()
		case "is_error":
			m.failed = string(o.Value()) == "true"
		default:
			if !m.thoughts.take(key, o.Value()) && !isEmpty(o.Value()) {
				s.lose("messages[]." + key)
			}
		}
		if f != nil {
			return f
		}
	}
	return nil
}

// message adds the turn, or the system blocks, that m is.
func (s *requestReader) message(m *message) *flaw {
	switch m.role {
	case "system", "developer":
		return s.system(m)
	case "user":
		return s.userTurn(m)
	case "assistant":
		return s.assistant(m)
	case "tool":
		if m.callID == "" {
			return missing().in(".tool_call_id")
		}
		return s.result(m, m.callID, callName(s.q.Turns, m.callID))
	case "function":
		if m.name == "" {
			return missing().in(".name")
		}
		return s.result(m, openFunctionCall(s.q.Turns, m.name), m.name)
	case "":
		return missing().in(".role")
	default:
		return invalid("system, developer, user, assistant, tool or function").in(".role")
	}
}

func (s *requestReader) system(m *message) *flaw {
	blocks, f := readContent(nil, m.content)
	if f != nil {
		return f.in(".content")
	}
	if m.name != "" {
		s.lose("messages[].name")
	}
	if len(s.q.Turns) == 0 {
		s.q.System = append(s.q.System, blocks...)
		return nil
	}
	s.q.Turns = append(s.q.Turns, neutral.Turn{Role: neutral.System, Blocks: blocks})
	return nil
}

func (s *requestReader) userTurn(m *message) *flaw {
	if m.content == nil {
		return missing().in(".content")
	}
	blocks, f := readContent(nil, m.content)
	s.q.Turns = append(s.q.Turns, neutral.Turn{Role: neutral.User, Name: m.name, Blocks: blocks})
	return f.in(".content")
}

// assistant adds what the model said: its thoughts, its text, its calls.
func (s *requestReader) assistant(m *message) *flaw {
	if m.audio != nil {
		return unsupported("An earlier answer in audio is known to the provider that gave it only: %q.").in(".audio")
	}
	blocks := m.thoughts.appendBlocks(nil)
	if filled(m.content) {
		var f *flaw
		if blocks, f = readContent(blocks, m.content); f != nil {
			return f.in(".content")
		}
	}
	if filled(m.refusal) {
		blocks = append(blocks, neutral.Block{Kind: neutral.Refusal, Text: textBytes(m.refusal)})
	}
	blocks, f := s.calls(blocks, m)
	if f != nil {
		return f
	}
	s.q.Turns = append(s.q.Turns, neutral.Turn{Role: neutral.Assistant, Name: m.name, Blocks: seal(blocks)})
	return nil
}

// calls appends the calls of a message of the assistant's.
func (s *requestReader) calls(blocks []neutral.Block, m *message) ([]neutral.Block, *flaw) {
	if m.toolCalls != nil {
		if translate.KindOf(m.toolCalls) != translate.KindArray {
			return blocks, invalid("an array").in(".tool_calls")
		}
		list := translate.Elements(m.toolCalls)
		for i := 0; list.Next(); i++ {
			c := readCall(list.Value())
			if c.Name == "" {
				return blocks, missing().in(".function.name").at(i).in(".tool_calls")
			}
			if c.ID == "" {
				c.ID = neutral.MakeCallID(c.Name, len(s.q.Turns), i)
			}
			blocks = append(blocks, c)
		}
	}
	if filled(m.functionCall) {
		c := readFunction(m.functionCall)
		if c.Name == "" {
			return blocks, missing().in(".function_call.name")
		}
		c.ID = neutral.MakeCallID(functionCallSeed+c.Name, len(s.q.Turns), 0)
		blocks = append(blocks, c)
	}
	return blocks, nil
}

// functionCallSeed tells the ids of legacy calls from those of other calls
// that came without one.
const functionCallSeed = "function_call "

// result adds the result of the call id as a user's turn.
func (s *requestReader) result(m *message, id, name string) *flaw {
	b := neutral.Block{Kind: neutral.ToolResult, ID: id, Name: name, Failed: m.failed}
	var f *flaw
	if m.content != nil {
		b.Content, f = readContent(nil, m.content)
	}
	s.q.Turns = append(s.q.Turns, neutral.Turn{Role: neutral.User, Blocks: []neutral.Block{b}})
	return f.in(".content")
}

// callName is the name of the last call id in turns, "" when there is none.
func callName(turns []neutral.Turn, id string) string {
	for t := len(turns) - 1; t >= 0; t-- {
		for i := range turns[t].Blocks {
			if b := &turns[t].Blocks[i]; b.Kind == neutral.ToolUse && b.ID == id {
				return b.Name
			}
		}
	}
	return ""
}

// openFunctionCall is the id of the last call of name: a legacy result names
// its function only. A result without a call gets an id of its own.
func openFunctionCall(turns []neutral.Turn, name string) string {
	for t := len(turns) - 1; t >= 0; t-- {
		for i := range turns[t].Blocks {
			if b := &turns[t].Blocks[i]; b.Kind == neutral.ToolUse && b.Name == name {
				return b.ID
			}
		}
	}
	return neutral.MakeCallID(functionCallSeed+name, len(turns), 0)
}
