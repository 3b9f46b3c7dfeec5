package anthropic

import (
	"bytes"
	"encoding/base64"
	"strings"
	"unicode/utf8"

	"github.com/ai-mcp-gateway/gateway/translate/neutral"
)

// countMarks counts the cache breakpoints that will be written.
func (w *writer) countMarks() int {
	n := 0
	for i := range w.tools {
		if w.tools[i].Breakpoint.Set {
			n++
		}
	}
	n += countIn(w.system)
	for i := range w.turns {
		n += countIn(w.turns[i].Blocks)
	}
	if w.q.Cache.Auto.Set {
		n++
	}
	return n
}

func countIn(blocks []neutral.Block) int {
	n := 0
	for i := range blocks {
		if blocks[i].Breakpoint.Set && blocks[i].Kind != neutral.Thinking && blocks[i].Kind != neutral.Foreign {
			n++
		}
		n += countIn(blocks[i].Content)
	}
	return n
}

// mark writes the member that makes a breakpoint, unless four come after it.
func (w *writer) mark(b neutral.Breakpoint) {
	if !b.Set {
		return
	}
	if w.skip > 0 {
		w.skip--
		return
	}
	w.add(`,"cache_control":{"type":"ephemeral"`)
	if b.TTL != "" && w.t.Traits.Takes("cache_control.ttl") { // some hosts know only one
		w.add(`,"ttl":`)
		w.string(b.TTL)
	}
	w.add(`}`)
}

// hint asks in words for JSON, where the model cannot be told otherwise.
func (w *writer) hint() []neutral.Block {
	f := &w.q.Format
	switch {
	case f.Kind == neutral.FormatJSON:
		return []neutral.Block{{Kind: neutral.Text, Text: []byte("Answer with one JSON object and nothing else.")}}
	case f.Kind == neutral.FormatSchema && w.t.Traits.Schema == "json":
		text := append([]byte("Answer with one JSON object and nothing else. It must conform to this JSON schema:\n"), f.Schema...)
		return []neutral.Block{{Kind: neutral.Text, Text: text}}
	default:
		return nil
	}
}

func (w *writer) writeSystem() {
	blocks := w.system
	if hint := w.hint(); hint != nil {
		blocks = append(blocks[:len(blocks):len(blocks)], hint...)
	}
	switch {
	case len(blocks) == 0:
	case len(blocks) == 1 && blocks[0].Kind == neutral.Text && !blocks[0].Breakpoint.Set:
		w.add(`,"system":`)
		w.text(blocks[0].Text)
	default:
		w.add(`,"system":`)
		w.blocks(blocks)
	}
}

func (w *writer) writeTurns() {
	w.add(`,"messages":[`)
	for i := range w.turns {
		turn := &w.turns[i]
		if i > 0 {
			w.add(",")
		}
		if turn.Name != "" {
			w.drop("messages[].name")
		}
		w.add(`{"role":"` + [...]string{neutral.User: "user", neutral.Assistant: "assistant", neutral.System: "system"}[turn.Role])
		w.add(`","content":`)
		blocks := turn.Blocks
		if i == len(w.turns)-1 && turn.Role == neutral.Assistant {
			blocks = prefill(blocks)
		}
		w.blocks(blocks)
		w.add("}")
	}
	w.add("]")
}

// prefill returns the blocks of an answer that the model is to go on with:
// without white space at its end, which the API refuses.
func prefill(blocks []neutral.Block) []neutral.Block {
	last := len(blocks) - 1
	if last < 0 || blocks[last].Kind != neutral.Text {
		return blocks
	}
	trimmed := append([]neutral.Block(nil), blocks...)
	trimmed[last].Text = bytes.TrimRight(trimmed[last].Text, " \t\r\n")
	return trimmed
}

// blocks writes an array of blocks. A block that has no form here is left out.
func (w *writer) blocks(blocks []neutral.Block) {
	w.add("[")
	start := len(w.dst)
	for i := range blocks {
		before := len(w.dst)
		if before > start {
			w.add(",")
		}
		if !w.block(&blocks[i]) {
			w.dst = w.dst[:before]
		}
	}
	w.add("]")
}

// block writes a block and reports whether it has written anything.
func (w *writer) block(b *neutral.Block) bool {
	switch b.Kind {
	case neutral.Text, neutral.Refusal:
		if len(b.Text) == 0 {
			return false
		}
		w.add(`{"type":"text","text":`)
		w.text(b.Text)
		if b.Annotations != nil && b.Origin == name {
			w.add(`,"citations":`)
			w.raw(b.Annotations)
		}
	case neutral.Image:
		w.image(b)
	case neutral.File:
		w.document(b)
	case neutral.Audio:
		w.fail("messages[].content[].input_audio", "This provider takes no audio.")
	case neutral.ToolUse:
		w.add(`{"type":"tool_use","id":`)
		w.string(w.callID(b.ID))
		w.add(`,"name":`)
		w.string(w.names.Out(b.Name))
		w.add(`,"input":`)
		w.raw(neutral.ArgumentsObject(b))
	case neutral.ToolResult:
		w.result(b)
	case neutral.Thinking:
		return w.thinking(b)
	case neutral.Foreign:
		return w.foreign(b)
	default:
		return false
	}
	w.mark(b.Breakpoint)
	w.add("}")
	return true
}

// callID is the id of a call as the API takes it.
func (w *writer) callID(id string) string {
	rule := w.t.Traits.ToolIDs
	if rule == "" {
		rule = "word"
	}
	return neutral.CallID(id, rule)
}

// result writes a tool's result, up to its last brace.
func (w *writer) result(b *neutral.Block) {
	w.add(`{"type":"tool_result","tool_use_id":`)
	w.string(w.callID(b.ID))
	if len(b.Content) > 0 {
		w.add(`,"content":`)
		w.blocks(b.Content)
	}
	if b.Failed {
		w.add(`,"is_error":true`)
	}
}

// thinking writes what this dialect has thought. Without its signature the API
// would refuse it.
func (w *writer) thinking(b *neutral.Block) bool {
	switch {
	case b.Origin != name || len(b.Signature) == 0:
		return false
	case b.Redacted:
		w.add(`{"type":"redacted_thinking","data":`)
	default:
		w.add(`{"type":"thinking","thinking":`)
		w.text(b.Text)
		w.add(`,"signature":`)
	}
	w.text(b.Signature)
	w.add("}")
	return true
}

// foreign writes a block of this dialect as it stands.
func (w *writer) foreign(b *neutral.Block) bool {
	if b.Dialect != name {
		w.drop("messages[].content[]")
		return false
	}
	w.raw(b.Raw)
	return true
}

// image writes an image, up to its last brace.
func (w *writer) image(b *neutral.Block) {
	const path = "messages[].content[].image_url"
	m := b.Media
	if m.Detail != "" && m.Detail != "auto" {
		w.drop(path + ".detail")
	}
	w.add(`{"type":"image","source":`)
	switch {
	case m.Data != nil:
		m.Sniff()
		switch m.MIME {
		case "image/jpeg", "image/png", "image/gif", "image/webp":
		default:
			w.fail(path, "This provider takes images as jpeg, png, gif or webp, and not as %q.", m.MIME)
		}
		w.data(m.MIME, m.Data)
	default:
		w.reference(path, &m)
	}
}

// reference writes the source of a file that is elsewhere.
func (w *writer) reference(path string, m *neutral.Media) {
	switch {
	case m.URL != "":
		if w.t.Traits.NoURLs || !strings.HasPrefix(m.URL, "http") {
			w.fail(path, "This provider takes no such URLs.")
		}
		w.add(`{"type":"url","url":`)
		w.string(m.URL)
	case strings.HasPrefix(m.FileID, "file_"): // as Anthropic's ids start; OpenAI's have a hyphen
		w.add(`{"type":"file","file_id":`)
		w.string(m.FileID)
	default:
		w.fail(path, "This provider does not have the file.")
	}
	w.add("}")
}

// data writes a source that holds base64.
func (w *writer) data(mime string, data []byte) {
	w.add(`{"type":"base64","media_type":`)
	w.string(mime)
	w.add(`,"data":"`)
	w.raw(data)
	w.add(`"}`)
}

// document writes a document, up to its last brace: a PDF as it is, anything
// that is text as text.
func (w *writer) document(b *neutral.Block) {
	const path = "messages[].content[].file"
	m := b.Media
	w.add(`{"type":"document","source":`)
	if m.Data == nil {
		w.reference(path, &m)
	} else if m.Sniff(); m.MIME == "application/pdf" {
		w.data(m.MIME, m.Data)
	} else {
		text, err := base64.StdEncoding.AppendDecode(nil, m.Data)
		if err != nil || !utf8.Valid(text) || bytes.IndexByte(text, 0) >= 0 {
			w.fail(path, "This provider takes documents as PDF or text, and not as %q.", m.MIME)
		}
		w.add(`{"type":"text","media_type":"text/plain","data":`)
		w.text(text)
		w.add("}")
	}
	if m.Name != "" {
		w.add(`,"title":`)
		w.string(m.Name)
	}
}
