package responses

import (
	"bytes"

	"github.com/ai-mcp-gateway/gateway/translate"
	"github.com/ai-mcp-gateway/gateway/translate/neutral"
)

// maxCallID is the most bytes that the id of a call may have.
const maxCallID = 64

// history writes the instructions and the input. The first block of the
// system prompt is the instructions, the others are messages before the rest.
func (w *body) history() {
	system, turns := neutral.Arrange(w.q, neutral.Rules{
		Origin: name, Pair: true, NeedUser: true,
		MidSystem: w.t.Traits.System == "first",
	})
	if len(system) > 0 {
		w.key("instructions")
		w.dst = translate.AppendString(w.dst, system[0].Text)
		w.mark(&system[0])
		system = system[1:]
	}
	w.dst = append(w.dst, `,"input":[`...)
	if len(system) > 0 {
		w.message(neutral.System, system)
	}
	for i := range turns {
		if turns[i].Name != "" {
			w.drops.Add("messages[].name")
		}
		w.turn(turns[i].Role, turns[i].Blocks)
	}
	w.dst = append(w.dst, ']')
}

// turn writes the items of a turn: a run of content is one message.
func (w *body) turn(role neutral.Role, blocks []neutral.Block) {
	for i := 0; i < len(blocks); {
		b := &blocks[i]
		switch b.Kind {
		case neutral.ToolUse:
			w.call(b)
		case neutral.ToolResult:
			w.result(b)
		case neutral.Thinking:
			w.thinking(b)
		case neutral.Foreign:
			w.foreign(b)
		default:
			end := i + 1
			for end < len(blocks) && isContent(blocks[end].Kind) {
				end++
			}
			w.message(role, blocks[i:end])
			i = end
			continue
		}
		i++
	}
}

func isContent(kind neutral.BlockKind) bool {
	switch kind {
	case neutral.ToolUse, neutral.ToolResult, neutral.Thinking, neutral.Foreign:
		return false
	default:
		return true
	}
}

// item starts an item.
func (w *body) item(head string) {
	if w.items++; w.items > 1 {
		w.dst = append(w.dst, ',')
	}
	w.dst = append(w.dst, head...)
}

func (w *body) message(role neutral.Role, blocks []neutral.Block) {
	switch role {
	case neutral.Assistant:
		w.item(`{"type":"message","role":"assistant","content":`)
	case neutral.System:
		w.item(`{"type":"message","role":"system","content":`)
	default:
		w.item(`{"type":"message","role":"user","content":`)
	}
	w.content(role, blocks)
	w.dst = append(w.dst, '}')
}

// content writes a text as a string and everything else as parts.
func (w *body) content(role neutral.Role, blocks []neutral.Block) {
	if len(blocks) == 1 && blocks[0].Kind == neutral.Text {
		w.mark(&blocks[0])
		w.dst = translate.AppendString(w.dst, blocks[0].Text)
		return
	}
	w.dst = append(w.dst, '[')
	written := 0
	for i := range blocks {
		before := len(w.dst)
		if written > 0 {
			w.dst = append(w.dst, ',')
		}
		body := len(w.dst)
		w.part(role, &blocks[i])
		if len(w.dst) == body {
			w.dst = w.dst[:before]
			continue
		}
		written++
		w.mark(&blocks[i])
	}
	w.dst = append(w.dst, ']')
}

// mark notes a cache breakpoint: the API finds prefixes by itself.
func (w *body) mark(b *neutral.Block) {
	if b.Breakpoint.Set {
		w.drops.Add("cache_control")
	}
}

func (w *body) part(role neutral.Role, b *neutral.Block) {
	switch {
	case b.Kind == neutral.Text && role == neutral.Assistant:
		w.dst = translate.AppendString(append(w.dst, `{"type":"output_text","text":`...), b.Text)
		w.dst = append(w.dst, `,"annotations":[]}`...)
	case b.Kind == neutral.Refusal && role == neutral.Assistant:
		w.dst = translate.AppendString(append(w.dst, `{"type":"refusal","refusal":`...), b.Text)
		w.dst = append(w.dst, '}')
	case b.Kind == neutral.Text, b.Kind == neutral.Refusal:
		w.dst = translate.AppendString(append(w.dst, `{"type":"input_text","text":`...), b.Text)
		w.dst = append(w.dst, '}')
	case b.Kind == neutral.Audio:
		w.fail(neutral.Unsupported("messages", "The field %q has audio, which is not supported for this model.", "messages"))
	case role == neutral.Assistant:
		w.drops.Add("messages[].content[]") // what a model has drawn is not sent back
	case b.Kind == neutral.Image:
		w.image(&b.Media)
	case b.Kind == neutral.File:
		w.file(&b.Media)
	}
}

func (w *body) image(m *neutral.Media) {
	w.dst = append(w.dst, `{"type":"input_image"`...)
	if m.FileID != "" {
		w.dst = appendWord(w.dst, `,"file_id":`, m.FileID)
	} else {
		w.dst = append(w.dst, `,"image_url":`...)
		w.url(m)
	}
	detail := m.Detail
	if detail == "" {
		detail = "auto" // required here
	}
	w.dst = append(appendWord(w.dst, `,"detail":`, detail), '}')
}

// url writes where the bytes are, or the bytes themselves.
func (w *body) url(m *neutral.Media) {
	if m.Data == nil {
		w.dst = translate.AppendString(w.dst, []byte(m.URL))
		return
	}
	w.dst = append(w.dst, '"')
	w.dst = append(m.AppendDataURL(w.dst), '"')
}

func (w *body) file(m *neutral.Media) {
	w.dst = append(w.dst, `{"type":"input_file"`...)
	switch {
	case m.FileID != "":
		w.dst = appendWord(w.dst, `,"file_id":`, m.FileID)
	case m.Data == nil:
		w.dst = appendWord(w.dst, `,"file_url":`, m.URL)
	default:
		called := m.Name
		if called == "" {
			called = "document" // required here
		}
		w.dst = appendWord(w.dst, `,"filename":`, called)
		w.dst = append(w.dst, `,"file_data":`...)
		w.url(m)
	}
	w.dst = append(w.dst, '}')
}

// callID returns the id of a call as the provider takes it.
func (w *body) callID(id string) string {
	rule := w.t.Traits.ToolIDs
	if rule == "" && len(id) > maxCallID {
		rule = "word"
	}
	return neutral.CallID(id, rule)
}

func (w *body) call(b *neutral.Block) {
	kind, field := `{"type":"function_call","call_id":`, `,"arguments":`
	arguments := b.Arguments
	if b.Custom {
		kind, field = `{"type":"custom_tool_call","call_id":`, `,"input":`
		if w.custom == nil {
			w.custom = make(map[string]struct{})
		}
		w.custom[b.ID] = struct{}{}
	} else if len(bytes.TrimSpace(arguments)) == 0 {
		arguments = []byte("{}")
	}
	w.item("")
	w.dst = appendWord(w.dst, kind, w.callID(b.ID))
	w.dst = appendWord(w.dst, `,"name":`, w.names.Out(b.Name))
	w.dst = append(translate.AppendString(append(w.dst, field...), arguments), '}')
	w.mark(b)
}

func (w *body) result(b *neutral.Block) {
	kind := `{"type":"function_call_output","call_id":`
	if _, custom := w.custom[b.ID]; custom || b.Custom {
		kind = `{"type":"custom_tool_call_output","call_id":`
	}
	w.item("")
	w.dst = appendWord(w.dst, kind, w.callID(b.ID))
	w.dst = append(w.dst, `,"output":`...)
	if len(b.Content) == 0 {
		w.dst = append(w.dst, `""`...)
	} else {
		w.content(neutral.User, b.Content)
	}
	w.dst = append(w.dst, '}')
	w.mark(b)
	if b.Failed {
		w.drops.Add("messages[].is_error")
	}
}

// thinking writes a reasoning item. Without its seal the provider would look
// for the item by its id, and there is none.
func (w *body) thinking(b *neutral.Block) {
	if len(b.Signature) == 0 {
		return
	}
	w.item(`{"type":"reasoning","summary":[`)
	if len(b.Text) > 0 {
		w.dst = translate.AppendString(append(w.dst, `{"type":"summary_text","text":`...), b.Text)
		w.dst = append(w.dst, '}')
	}
	w.dst = translate.AppendString(append(w.dst, `],"encrypted_content":`...), b.Signature)
	w.dst = append(w.dst, '}')
}

// foreign writes an item of this dialect without its id.
func (w *body) foreign(b *neutral.Block) {
	if b.Dialect != name {
		w.drops.Add("messages[].content[]")
		return
	}
	w.item("")
	w.dst = appendWithoutID(w.dst, b.Raw)
}

// appendWithoutID appends an item without the id that the provider would look
// for. An approval is about an item whose id the client repeats, which has to
// be there.
func appendWithoutID(dst, raw []byte) []byte {
	dst = append(dst, '{')
	separator := `"`
	o := translate.Members(raw)
	for o.Next() {
		if string(o.Key()) == "id" && !isApproval(raw) {
			continue
		}
		dst = append(append(append(dst, separator...), o.Key()...), `":`...)
		dst = appendLine(dst, o.Value())
		separator = `,"`
	}
	return append(dst, '}')
}

func isApproval(raw []byte) bool {
	it, _ := scanItem(raw)
	return string(it.kind) == "mcp_approval_request"
}
