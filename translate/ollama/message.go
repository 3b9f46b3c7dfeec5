package ollama

import (
	"bytes"

	"github.com/ai-mcp-gateway/gateway/translate"
	"github.com/ai-mcp-gateway/gateway/translate/neutral"
)

// messages appends the system blocks and the turns. A turn is one message,
// but for the results of tools and for pictures between texts.
func (w *writer) messages() *translate.Error {
	system, turns := neutral.Arrange(w.q, neutral.Rules{
		ResultsFirst: true, MidSystem: w.t.Traits.System == "first", Origin: name,
	})
	w.key("messages")
	w.raw("[")
	for i := range system {
		if err := w.user("system", system[i:i+1]); err != nil {
			return err
		}
	}
	for i := range turns {
		if err := w.turn(turns, i); err != nil {
			return err
		}
	}
	w.raw("]")
	return nil
}

func (w *writer) turn(turns []neutral.Turn, i int) *translate.Error {
	switch turn := &turns[i]; turn.Role {
	case neutral.Assistant:
		return w.assistant(turn.Blocks)
	case neutral.System:
		return w.user("system", turn.Blocks)
	default:
		var pictures []neutral.Block
		rest := make([]neutral.Block, 0, len(turn.Blocks))
		for j := range turn.Blocks {
			if b := &turn.Blocks[j]; b.Kind == neutral.ToolResult {
				pictures = w.result(pictures, b, turns[:i])
			} else {
				rest = append(rest, *b)
			}
		}
		// A result is text, so its pictures come with the user's next words.
		return w.user("user", append(pictures, rest...))
	}
}

// result appends the message of a result and to pictures what in it is not
// text.
func (w *writer) result(pictures []neutral.Block, b *neutral.Block, before []neutral.Turn) []neutral.Block {
	w.message("tool")
	w.key("content")
	w.text(neutral.JoinText(b.Content, "\n"))
	w.key("tool_name")
	w.text([]byte(nameOf(b, before)))
	if b.ID != "" {
		w.key("tool_call_id")
		w.text([]byte(b.ID))
	}
	w.raw("}")
	w.drop(b.Failed, "messages[].is_error")
	for i := range b.Content {
		if b.Content[i].Kind != neutral.Text {
			pictures = append(pictures, b.Content[i])
		}
	}
	return pictures
}

// nameOf is the name of the tool that a result is of: of its call, where the
// result does not say it.
func nameOf(result *neutral.Block, before []neutral.Turn) string {
	if result.Name != "" {
		return result.Name
	}
	for i := len(before) - 1; i >= 0; i-- {
		for j := range before[i].Blocks {
			if b := &before[i].Blocks[j]; b.Kind == neutral.ToolUse && b.ID == result.ID {
				return b.Name
			}
		}
	}
	return ""
}

// message starts a message.
func (w *writer) message(role string) {
	w.comma()
	w.raw(`{"role":"` + role + `"`)
}

// user appends the messages of a user or of the system. In a message the
// pictures stand before the text, whatever comes first in the turn, so a
// picture between two texts starts a message of its own.
func (w *writer) user(role string, blocks []neutral.Block) *translate.Error {
	start, spoken := 0, false
	for i := range blocks {
		switch b := &blocks[i]; b.Kind {
		case neutral.Text, neutral.Refusal:
			spoken = spoken || len(b.Text) > 0
		case neutral.Image:
			if b.Media.Data == nil {
				return neutral.Unsupported("messages", "This provider takes the bytes of images, not their URL or id.")
			}
			w.drop(b.Media.Detail != "" && b.Media.Detail != "auto", "messages[].content[].image_url.detail")
			if spoken && hasText(blocks[i:]) {
				w.userMessage(role, blocks[start:i])
				start, spoken = i, false
			}
		case neutral.Audio:
			return neutral.Unsupported("messages", "This provider does not take audio.")
		case neutral.File:
			return neutral.Unsupported("messages", "This provider does not take files.")
		default:
			w.drops.Add("messages[].content[]")
		}
	}
	if len(blocks) > 0 {
		w.userMessage(role, blocks[start:])
	}
	return nil
}

func hasText(blocks []neutral.Block) bool {
	for i := range blocks {
		if len(blocks[i].Text) > 0 {
			return true
		}
	}
	return false
}

func (w *writer) userMessage(role string, blocks []neutral.Block) {
	w.message(role)
	w.key("content")
	w.text(spoken(blocks))
	first := true
	for i := range blocks {
		if blocks[i].Kind != neutral.Image {
			continue
		}
		if first {
			w.key("images")
			w.raw("[")
			first = false
		}
		w.comma()
		w.dst = append(append(append(w.dst, '"'), blocks[i].Media.Data...), '"')
	}
	if !first {
		w.raw("]")
	}
	w.raw("}")
}

// spoken is the text of blocks, refusals included.
func spoken(blocks []neutral.Block) []byte {
	var joined []byte
	for i := range blocks {
		if b := &blocks[i]; (b.Kind == neutral.Text || b.Kind == neutral.Refusal) && len(b.Text) > 0 {
			if len(joined) > 0 {
				joined = append(joined, '\n')
			}
			joined = append(joined, b.Text...)
		}
	}
	return joined
}

// assistant appends what the model said.
func (w *writer) assistant(blocks []neutral.Block) *translate.Error {
	var thought []byte
	for i := range blocks {
		switch b := &blocks[i]; b.Kind {
		case neutral.Text, neutral.Refusal, neutral.ToolUse:
		case neutral.Thinking:
			thought = append(thought, b.Text...)
		case neutral.Audio:
			return neutral.Unsupported("messages", "This provider does not take audio.")
		default:
			w.drops.Add("messages[].content[]")
		}
	}
	w.message("assistant")
	w.key("content")
	w.text(spoken(blocks))
	if len(thought) > 0 {
		w.key("thinking")
		w.text(thought)
	}
	w.calls(blocks)
	w.raw("}")
	return nil
}

// calls appends the model's calls. Their arguments are objects here.
func (w *writer) calls(blocks []neutral.Block) {
	first := true
	for i := range blocks {
		b := &blocks[i]
		if b.Kind != neutral.ToolUse {
			continue
		}
		if first {
			w.key("tool_calls")
			w.raw("[")
			first = false
		}
		w.comma()
		w.raw("{")
		if b.ID != "" {
			w.key("id")
			w.text([]byte(b.ID))
		}
		w.key("function")
		w.raw(`{"name":`)
		w.text([]byte(b.Name))
		w.key("arguments")
		w.dst = append(w.dst, bytes.TrimSpace(neutral.ArgumentsObject(b))...)
		w.raw("}}")
	}
	if !first {
		w.raw("]")
	}
}
