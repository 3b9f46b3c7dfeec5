package bedrock

import (
	"bytes"
	"slices"

	"github.com/ai-mcp-gateway/gateway/translate"
	"github.com/ai-mcp-gateway/gateway/translate/neutral"
)

// planMarks counts the cache points of the prompt. It may have four; of more
// the last ones stay, as each covers all that is before it.
func (w *writer) planMarks(system []neutral.Block, turns []neutral.Turn) {
	n := 0
	for _, tool := range w.tools {
		n += count(tool.Breakpoint)
	}
	for i := range system {
		n += count(markOf(&system[i]))
	}
	for i := range turns {
		for j := range turns[i].Blocks {
			n += count(markOf(&turns[i].Blocks[j]))
		}
	}
	w.marks = max(0, n+count(w.q.Cache.Auto)-maxMarks)
}

func count(p neutral.Breakpoint) int {
	if p.Set {
		return 1
	}
	return 0
}

// markOf is the breakpoint of a block. In the content of a result there is no
// place for one, so it goes behind the result.
func markOf(b *neutral.Block) neutral.Breakpoint {
	mark := b.Breakpoint
	for i := range b.Content {
		if mark.Set {
			break
		}
		mark = b.Content[i].Breakpoint
	}
	return mark
}

// mark writes a cache point at the place at, if there is to be one.
func (w *writer) mark(p neutral.Breakpoint, path string, at int) {
	switch {
	case !p.Set:
		return
	case w.marks > 0:
		w.marks--
		return
	case at == 0 || !w.t.Traits.Takes("cachePoint"):
		w.drops.Add(path)
		return
	}
	point := `{"cachePoint":{"type":"default"}}`
	if p.TTL == "1h" && w.t.Traits.Takes("cachePoint.ttl") {
		point = `{"cachePoint":{"type":"default","ttl":"1h"}}`
	}
	if !bytes.HasSuffix(w.dst[:at], []byte(point)) {
		w.dst = slices.Insert(w.dst, at, []byte(","+point)...)
	}
}

// system appends the instructions. There is no way to ask for JSON without a
// schema, so they do.
func (w *writer) system(blocks []neutral.Block) {
	hint := w.hint()
	if len(blocks) == 0 && hint == nil {
		return
	}
	w.key("system")
	w.raw("[")
	for i := range blocks {
		b := &blocks[i]
		if b.Kind != neutral.Text {
			w.drops.Add("messages[].content[]")
			continue
		}
		w.textBlock(b.Text)
		w.mark(b.Breakpoint, "messages[].content[].cache_control", len(w.dst))
	}
	if hint != nil {
		w.textBlock(hint)
	}
	w.raw("]")
}

// hint is what the model is told about the form of its answer where nothing
// else does.
func (w *writer) hint() []byte {
	f := &w.q.Format
	switch schema := w.t.Traits.Schema; {
	case f.Kind == neutral.FormatJSON:
		return []byte("Answer with one JSON object and nothing else.")
	case f.Kind == neutral.FormatSchema && schema != "" && schema != "tool":
		w.drops.Add("response_format")
		return append([]byte("Answer with one JSON object and nothing else. It has to conform to this JSON schema: "), f.Schema...)
	default:
		return nil
	}
}

// messages appends the turns.
func (w *writer) messages(turns []neutral.Turn) *translate.Error {
	w.key("messages")
	w.raw("[")
	for i := range turns {
		if err := w.message(&turns[i], i == len(turns)-1); err != nil {
			return err
		}
	}
	w.raw("]")
	return nil
}

// message appends one turn. A document wants a text beside it, and a cache
// point does not stand behind one.
func (w *writer) message(turn *neutral.Turn, last bool) *translate.Error {
	w.dst = appendComma(w.dst)
	role, text, file := "user", false, false
	if turn.Role == neutral.Assistant {
		role = "assistant"
	}
	w.raw(`{"role":"` + role + `","content":[`)
	place := 0
	for i := range turn.Blocks {
		b := &turn.Blocks[i]
		start := len(w.dst)
		if err := w.block(b, last && role == "assistant" && i == len(turn.Blocks)-1); err != nil {
			return err
		}
		text = text || b.Kind == neutral.Text
		switch {
		case len(w.dst) == start:
		case b.Kind == neutral.File:
			file = true
		case b.Kind != neutral.Thinking: // nor behind those
			place = len(w.dst)
		}
		before := len(w.dst)
		w.mark(markOf(b), "messages[].content[].cache_control", place)
		if place > 0 {
			place += len(w.dst) - before
		}
	}
	if file && !text {
		w.textBlock([]byte("See the attached file."))
		place = len(w.dst)
	}
	if last {
		w.mark(w.q.Cache.Auto, "cache_control", place)
	}
	w.raw("]}")
	return nil
}

func (w *writer) textBlock(text []byte) {
	w.dst = appendComma(w.dst)
	w.raw(`{"text":`)
	w.text(text)
	w.raw("}")
}

// block appends one block of a turn. An answer that the model is to go on
// with (final) must not end in white space.
func (w *writer) block(b *neutral.Block, final bool) *translate.Error {
	switch b.Kind {
	case neutral.Text, neutral.Refusal:
		text := b.Text
		if final {
			text = bytes.TrimRight(text, " \t\r\n")
		}
		w.textBlock(text)
	case neutral.Image, neutral.Audio, neutral.File:
		return w.media(b)
	case neutral.ToolUse:
		w.toolUse(b)
	case neutral.ToolResult:
		return w.toolResult(b)
	case neutral.Thinking:
		w.thinking(b)
	default:
		w.drops.Add("messages[].content[]")
	}
	return nil
}

// toolUse appends a call.
func (w *writer) toolUse(b *neutral.Block) {
	w.dst = appendComma(w.dst)
	w.raw(`{"toolUse":{"toolUseId":`)
	w.text([]byte(neutral.CallID(b.ID, "word")))
	w.key("name")
	w.text([]byte(w.names.Out(b.Name)))
	w.key("input")
	w.dst = append(w.dst, neutral.ArgumentsObject(b)...)
	w.raw("}}")
}

// toolResult appends a result. Some models take JSON for one and no text.
func (w *writer) toolResult(b *neutral.Block) *translate.Error {
	w.dst = appendComma(w.dst)
	w.raw(`{"toolResult":{"toolUseId":`)
	w.text([]byte(neutral.CallID(b.ID, "word")))
	w.raw(`,"content":[`)
	for i := range b.Content {
		switch part := &b.Content[i]; {
		case part.Kind == neutral.Text && !w.t.Traits.Takes("toolResult.text"):
			w.dst = appendComma(w.dst)
			w.raw(`{"json":`)
			w.dst = append(w.dst, resultObject(part.Text)...)
			w.raw("}")
		case part.Kind == neutral.Text:
			w.textBlock(part.Text)
		case part.Kind == neutral.Image, part.Kind == neutral.File:
			if err := w.media(part); err != nil {
				return err
			}
		default:
			w.drops.Add("messages[].content[]")
		}
	}
	if b.Failed {
		w.raw(`],"status":"error"}}`)
	} else {
		w.raw(`],"status":"success"}}`)
	}
	return nil
}

// resultObject returns a result's text as an object: itself where it is one.
func resultObject(text []byte) []byte {
	if isObject(text) {
		return text
	}
	return append(translate.AppendString([]byte(`{"output":`), text), '}')
}

// thinking appends what this dialect's model has thought, with its seal.
func (w *writer) thinking(b *neutral.Block) {
	if b.Origin != name {
		return
	}
	w.dst = appendComma(w.dst)
	if b.Redacted {
		w.raw(`{"reasoningContent":{"redactedContent":`)
		w.text(b.Signature)
		w.raw("}}")
		return
	}
	w.raw(`{"reasoningContent":{"reasoningText":{"text":`)
	w.text(b.Text)
	if len(b.Signature) > 0 {
		w.raw(`,"signature":`)
		w.text(b.Signature)
	}
	w.raw("}}}")
}
