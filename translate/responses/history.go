package responses

import (
	"github.com/ai-mcp-gateway/gateway/translate"
	"github.com/ai-mcp-gateway/gateway/translate/neutral"
)

// history makes turns of items. What a model says in several items (reasoning,
// messages, calls) is one turn, and so are the results of its calls.
type history struct {
	system []neutral.Block
	turns  []neutral.Turn
	open   openTurn
	seal   seal // of the next call
}

// openTurn says which items go on with the last turn.
type openTurn uint8

const (
	openNone openTurn = iota
	openAssistant
	openResults
)

// readInput reads a request's input.
func (h *history) readInput(raw []byte) *flaw {
	switch translate.KindOf(raw) {
	case translate.KindNone:
		return nil
	case translate.KindString:
		h.add(neutral.User, openNone, neutral.Block{Kind: neutral.Text, Text: text(raw)})
		return nil
	case translate.KindArray:
	default:
		return wrong("", "a string or an array")
	}
	items := translate.Elements(raw)
	for k := 0; items.Next(); k++ {
		if f := h.item(items.Value()); f != nil {
			return f.at(k)
		}
	}
	return nil
}

func (h *history) item(raw []byte) *flaw {
	it, ok := scanItem(raw)
	if !ok {
		return wrong("", "an object")
	}
	switch string(it.kind) {
	case "", "message":
		return h.message(&it)
	case "function_call", "custom_tool_call":
		b, f := it.call()
		b.Signature, b.Origin, h.seal = h.seal.signature, h.seal.origin, seal{}
		h.add(neutral.Assistant, openAssistant, b)
		return f
	case "function_call_output", "custom_tool_call_output":
		b, f := it.result()
		h.add(neutral.User, openResults, b)
		return f
	case "reasoning":
		b, s, ok := it.thinking()
		if s.kind == sealCall {
			h.seal = s
		}
		if ok {
			h.add(neutral.Assistant, openAssistant, b)
		}
		return nil
	case "item_reference":
		return wrong("id", "that of an item of a kept response")
	}
	if it.answers() {
		h.add(neutral.User, openResults, it.foreign())
	} else {
		h.add(neutral.Assistant, openAssistant, it.foreign())
	}
	return nil
}

func (h *history) message(it *item) *flaw {
	blocks, f := appendContent(nil, it.content)
	if f != nil {
		return f.in("content")
	}
	switch string(it.role) {
	case "user":
		if len(blocks) == 0 {
			return missing("content")
		}
		h.add(neutral.User, openNone, blocks...)
	case "assistant":
		h.add(neutral.Assistant, openAssistant, blocks...)
	case "system", "developer":
		if len(h.turns) == 0 {
			h.system = append(h.system, blocks...)
			return nil
		}
		h.add(neutral.System, openNone, blocks...)
	case "":
		if it.kind == nil {
			return missing("type")
		}
		return missing("role")
	default:
		return wrong("role", "user, assistant, system or developer")
	}
	return nil
}

// add appends blocks to the last turn where that is open for them, else a turn
// of their own.
func (h *history) add(role neutral.Role, open openTurn, blocks ...neutral.Block) {
	if open != openNone && open == h.open {
		last := &h.turns[len(h.turns)-1]
		last.Blocks = append(last.Blocks, blocks...)
		return
	}
	h.turns = append(h.turns, neutral.Turn{Role: role, Blocks: blocks})
	h.open = open
}
