package cohere

import (
	"encoding/base64"
	"strings"

	"github.com/ai-mcp-gateway/gateway/translate"
	"github.com/ai-mcp-gateway/gateway/translate/neutral"
)

func (w *writer) appendMessages(system []neutral.Block, turns []neutral.Turn) {
	w.key("messages")
	w.raw("[")
	if len(system) > 0 {
		w.appendMessage("system", system)
	}
	for i := range turns {
		turn := &turns[i]
		w.dropIf(turn.Name != "", "messages[].name")
		switch turn.Role {
		case neutral.Assistant:
			w.appendAssistant(turn.Blocks)
		case neutral.System:
			w.appendMessage("system", turn.Blocks)
		default:
			w.appendUser(turn.Blocks)
		}
	}
	w.raw("]")
}

// appendUser appends a message for each result at the start of the turn, and
// one for the rest. Results hold text only, so that their media come first in
// the rest.
func (w *writer) appendUser(blocks []neutral.Block) {
	var rest []neutral.Block
	for i := range blocks {
		b := &blocks[i]
		if b.Kind != neutral.ToolResult {
			continue
		}
		w.appendResult(b)
		told := false
		for _, inner := range b.Content {
			if !isMedia(inner.Kind) {
				continue
			}
			if !told {
				rest = append(rest, neutral.Block{Kind: neutral.Text, Text: []byte("From the result of " + b.ID + ":")})
				told = true
			}
			rest = append(rest, inner)
		}
	}
	for i := range blocks {
		if blocks[i].Kind != neutral.ToolResult {
			rest = append(rest, blocks[i])
		}
	}
	if len(rest) > 0 {
		w.appendMessage("user", rest)
	}
}

func (w *writer) appendResult(b *neutral.Block) {
	w.dropIf(b.Breakpoint.Set, "cache_control")
	w.dropIf(b.Failed, "messages[].is_error")
	w.comma()
	w.raw(`{"role":"tool"`)
	w.member("tool_call_id", neutral.CallID(b.ID, w.t.Traits.ToolIDs))
	w.key("content")
	w.text(neutral.JoinText(b.Content, "\n"))
	w.raw("}")
}

// appendMessage appends a message of text and images; a single text is a
// plain string. One whose blocks are all elsewhere (files become documents)
// says nothing but has to be there.
func (w *writer) appendMessage(role string, blocks []neutral.Block) {
	w.comma()
	w.raw(`{"role":"` + role + `","content":`)
	if len(blocks) == 1 && (blocks[0].Kind == neutral.Text || blocks[0].Kind == neutral.Refusal) {
		w.dropIf(blocks[0].Breakpoint.Set, "cache_control")
		w.text(blocks[0].Text)
		w.raw("}")
		return
	}
	w.raw("[")
	head := len(w.dst)
	for i := range blocks {
		w.appendPart(&blocks[i])
	}
	if len(w.dst) == head {
		w.raw(`{"type":"text","text":"(See the documents.)"}`)
	}
	w.raw("]}")
}

func (w *writer) appendPart(b *neutral.Block) {
	w.dropIf(b.Breakpoint.Set, "cache_control")
	switch b.Kind {
	case neutral.Text, neutral.Refusal:
		w.comma()
		w.raw(`{"type":"text","text":`)
		w.text(b.Text)
		w.raw("}")
	case neutral.Image:
		w.appendImage(&b.Media)
	case neutral.File:
		w.addFile(&b.Media)
	case neutral.Audio:
		w.unsupported("messages[].content[].input_audio", "This provider takes no audio.")
	case neutral.Thinking:
		w.comma()
		w.raw(`{"type":"thinking","thinking":`)
		w.text(b.Text)
		w.raw("}")
	default:
		w.drops.Add("messages[].content[]")
	}
}

// appendImage appends an image by its URL or as a data: URL.
func (w *writer) appendImage(m *neutral.Media) {
	w.comma()
	w.raw(`{"type":"image_url","image_url":{"url":`)
	switch {
	case len(m.Data) > 0:
		media := *m
		media.Sniff()
		w.text(media.AppendDataURL(nil))
	case m.URL == "":
		w.unsupported("messages[].content[].image_url.url", "Files of another provider cannot be sent to this one; send the image itself.")
	case w.t.Traits.NoURLs:
		w.unsupported("messages[].content[].image_url.url", "This model cannot fetch URLs; send the image itself.")
	default:
		w.string(m.URL)
	}
	if m.Detail != "" {
		w.member("detail", m.Detail)
	}
	w.raw("}}")
}

// addFile adds a file of text to the documents that the model may cite.
func (w *writer) addFile(m *neutral.Media) {
	text, err := base64.StdEncoding.AppendDecode(nil, m.Data)
	if len(m.Data) == 0 || err != nil || !strings.HasPrefix(m.MIME, "text/") && m.MIME != "application/json" {
		w.unsupported("messages[].content[].file.file_data", "This provider takes files of text only.")
		return
	}
	if len(w.documents) > 0 {
		w.documents = append(w.documents, ',')
	}
	w.documents = append(w.documents, `{"data":{"text":`...)
	w.documents = translate.AppendString(w.documents, text)
	if m.Name != "" {
		w.documents = append(w.documents, `,"title":`...)
		w.documents = translate.AppendString(w.documents, []byte(m.Name))
	}
	w.documents = append(w.documents, '}', '}')
}

func isMedia(kind neutral.BlockKind) bool {
	return kind == neutral.Image || kind == neutral.Audio || kind == neutral.File
}

// appendAssistant appends what the model said and called. In a turn with
// calls its thinking is the plan for them.
func (w *writer) appendAssistant(blocks []neutral.Block) {
	var calls, plan, said []neutral.Block
	for _, b := range blocks {
		switch {
		case b.Kind == neutral.ToolUse:
			calls = append(calls, b)
		case b.Kind == neutral.Thinking && b.Redacted:
		case b.Kind == neutral.Thinking:
			plan = append(plan, b)
		default:
			said = append(said, b)
		}
	}
	if len(calls) == 0 {
		if len(plan)+len(said) > 0 {
			w.appendMessage("assistant", append(plan, said...))
		}
		return
	}
	if len(said) > 0 {
		w.appendMessage("assistant", said)
		w.dst = w.dst[:len(w.dst)-1]
	} else {
		w.comma()
		w.raw(`{"role":"assistant"`)
	}
	if len(plan) > 0 {
		for i := range plan {
			plan[i].Kind = neutral.Text
		}
		w.key("tool_plan")
		w.text(neutral.JoinText(plan, "\n"))
	}
	w.appendCalls(calls)
	w.raw("}")
}

func (w *writer) appendCalls(calls []neutral.Block) {
	w.key("tool_calls")
	w.raw("[")
	for i := range calls {
		b := &calls[i]
		w.dropIf(b.Breakpoint.Set, "cache_control")
		w.comma()
		w.raw("{")
		w.member("id", neutral.CallID(b.ID, w.t.Traits.ToolIDs))
		w.raw(`,"type":"function","function":{`)
		w.member("name", w.names.Out(b.Name))
		w.key("arguments")
		w.text(neutral.ArgumentsObject(b))
		w.raw("}}")
	}
	w.raw("]")
}
