package conversation

import (
	"bytes"
	"strings"

	"github.com/ai-mcp-gateway/gateway/translate"
)

// The roles of store.Message.
const (
	system    = "system"
	user      = "user"
	assistant = "assistant"
	tool      = "tool"
)

// item is a message in any dialect, read as far as it has to be understood.
// Its bytes are borrowed from the raw message, unless escapes had to be undone.
type item struct {
	role string
	name []byte
	// silent items are not compared: clients may leave them out of what they
	// send again.
	silent bool
	pieces []piece
}

// piece is a part of what a message says.
type piece struct {
	kind pieceKind
	// id joins a call and its result; name is the called tool's.
	id, name []byte
	// text of textPiece; the arguments of a callPiece, which may be JSON; the
	// raw JSON of a mediaPiece.
	text []byte
}

type pieceKind byte

const (
	textPiece   pieceKind = 'T'
	callPiece   pieceKind = 'C'
	resultPiece pieceKind = 'R' // the pieces behind it, up to the next call or result, are its content
	failedPiece pieceKind = 'F' // the same of a tool that failed
	mediaPiece  pieceKind = 'M' // whatever is not text
)

// readItem reads a message. What is none has no pieces but itself.
func readItem(dialect string, raw []byte) item {
	it := item{role: user}
	if translate.KindOf(raw) != translate.KindObject {
		it.media(raw)
		return it
	}
	switch dialect {
	case Responses:
		it.readResponses(raw)
	default:
		it.readMessage(raw)
	}
	return it
}

// readMessage reads a message of Chat Completions or of the Messages API. Their
// members do not contradict each other.
func (it *item) readMessage(raw []byte) {
	var content, calls, call, refusal, audio, resultOf []byte
	o := translate.Members(raw)
	for o.Next() {
		switch v := o.Value(); string(o.Key()) {
		case "role":
			it.role = roleOf(textOf(v))
		case "name":
			it.name = textOf(v)
		case "content":
			content = v
		case "tool_calls":
			calls = v
		case "function_call":
			call = v
		case "tool_call_id":
			resultOf = textOf(v)
		case "refusal":
			refusal = textOf(v)
		case "audio":
			audio = v
		}
	}
	if it.role == tool {
		if resultOf == nil {
			resultOf = it.name // of function_call, which has no ids
		}
		it.add(piece{kind: resultPiece, id: resultOf})
		it.name = nil
	}
	it.content(content)
	it.text(refusal)
	if translate.KindOf(audio) == translate.KindObject {
		// An answer has the sound, its echo only the id.
		it.add(piece{kind: mediaPiece, text: member(audio, "id")})
	}
	for a := translate.Elements(calls); a.Next(); {
		it.chatCall(a.Value())
	}
	if translate.KindOf(call) == translate.KindObject {
		it.chatCall(call)
	}
	if it.role == user && len(it.pieces) > 0 && isResult(it.pieces[0].kind) {
		it.role = tool
	}
}

// chatCall reads an element of tool_calls, or a function_call.
func (it *item) chatCall(raw []byte) {
	p := piece{kind: callPiece}
	var read func(raw []byte)
	read = func(raw []byte) {
		for o := translate.Members(raw); o.Next(); {
			switch v := o.Value(); string(o.Key()) {
			case "id":
				p.id = textOf(v)
			case "function", "custom":
				read(v)
			case "name":
				p.name = textOf(v)
			case "arguments", "input":
				p.text = textOrRaw(v)
			}
		}
	}
	read(raw)
	it.add(p)
}

// content reads what a message or a result holds: text, parts or blocks.
func (it *item) content(raw []byte) {
	switch translate.KindOf(raw) {
	case translate.KindString:
		it.text(textOf(raw))
	case translate.KindArray:
		for a := translate.Elements(raw); a.Next(); {
			it.part(a.Value())
		}
	case translate.KindObject:
		it.media(raw)
	}
}

// part reads an element of a content.
func (it *item) part(raw []byte) {
	kind := textOf(member(raw, "type"))
	switch string(kind) {
	case "text", "input_text", "output_text":
		it.text(textOf(member(raw, "text")))
	case "refusal":
		it.text(textOf(member(raw, "refusal")))
	case "thinking", "redacted_thinking":
	case "tool_use", "server_tool_use", "mcp_tool_use":
		it.add(piece{
			kind: callPiece, id: textOf(member(raw, "id")), name: textOf(member(raw, "name")), text: member(raw, "input"),
		})
	default:
		if !bytes.HasSuffix(kind, []byte("tool_result")) {
			it.media(raw)
			return
		}
		p := piece{kind: resultPiece, id: textOf(member(raw, "tool_use_id"))}
		if string(member(raw, "is_error")) == "true" {
			p.kind = failedPiece
		}
		it.add(p)
		it.content(member(raw, "content"))
	}
}

// readResponses reads an item of the Responses API.
func (it *item) readResponses(raw []byte) {
	switch kind := string(textOf(member(raw, "type"))); {
	case kind == "" || kind == "message":
		it.readMessage(raw)
	case kind == "reasoning":
		it.role, it.silent = assistant, true
	case kind == "function_call" || kind == "custom_tool_call":
		it.role = assistant
		arguments := member(raw, "arguments")
		if arguments == nil {
			arguments = member(raw, "input")
		}
		it.add(piece{
			kind: callPiece, id: textOf(member(raw, "call_id")), name: textOf(member(raw, "name")), text: textOrRaw(arguments),
		})
	case kind == "function_call_output" || kind == "custom_tool_call_output":
		it.role = tool
		it.add(piece{kind: resultPiece, id: textOf(member(raw, "call_id"))})
		it.content(member(raw, "output"))
	case strings.HasSuffix(kind, "_output") || strings.HasSuffix(kind, "_response"):
		it.role = tool
		it.add(piece{kind: resultPiece, id: textOf(member(raw, "call_id"))})
		it.media(raw)
	case kind == "item_reference":
		it.role = assistant
		it.media(raw)
	default:
		it.role = assistant
		if id := textOf(member(raw, "call_id")); id != nil {
			it.add(piece{kind: callPiece, id: id})
		}
		it.media(raw)
	}
}

func (it *item) add(p piece) { it.pieces = append(it.pieces, p) }

func (it *item) text(text []byte) {
	if len(text) > 0 {
		it.add(piece{kind: textPiece, text: text})
	}
}

func (it *item) media(raw []byte) { it.add(piece{kind: mediaPiece, text: raw}) }

func isResult(k pieceKind) bool { return k == resultPiece || k == failedPiece }

// plain is what the item says as text, for counting and selecting. Media are
// named, not spelled out.
func (it *item) plain() string {
	var b strings.Builder
	for i := range it.pieces {
		p := &it.pieces[i]
		if b.Len() > 0 {
			b.WriteByte('\n')
		}
		switch p.kind {
		case textPiece:
			b.Write(p.text)
		case callPiece:
			b.Write(p.name)
			b.WriteByte(' ')
			b.Write(p.text)
		case mediaPiece:
			b.WriteString("[attachment]")
		}
	}
	return b.String()
}

// mediaTokens is what an attachment is taken for: about what the large
// providers count for a picture of middle size.
const mediaTokens = 800

// frameTokens is what stands around a message.
const frameTokens = 4

// tokens is how long the item is for a model, its frame included.
func (it *item) tokens(plain string) int {
	n := Count(plain) + frameTokens
	for i := range it.pieces {
		if it.pieces[i].kind == mediaPiece {
			n += mediaTokens
		}
	}
	return n
}

// roleOf returns the role of store.Message for one of a dialect.
func roleOf(text []byte) string {
	switch string(text) {
	case "assistant", "model":
		return assistant
	case "system", "developer":
		return system
	case "tool", "function":
		return tool
	default:
		return user
	}
}

// member returns a member of an object that is there and not null.
func member(raw []byte, key string) []byte {
	for o := translate.Members(raw); o.Next(); {
		if string(o.Key()) != key {
			continue
		}
		if v := o.Value(); translate.KindOf(v) != translate.KindNull {
			return v
		}
	}
	return nil
}

// textOf returns the text of a JSON string, or nil.
func textOf(raw []byte) []byte {
	switch {
	case translate.KindOf(raw) != translate.KindString:
		return nil
	case bytes.IndexByte(raw, '\\') < 0:
		return raw[1 : len(raw)-1 : len(raw)-1]
	default:
		return translate.AppendText(nil, raw)
	}
}

// textOrRaw returns the text of a JSON string, or another value as it is.
func textOrRaw(raw []byte) []byte {
	if text := textOf(raw); text != nil {
		return text
	}
	return raw
}

// Said is the text of a message, attachments left out, and whether it calls
// tools.
func Said(dialect string, raw []byte) (text string, calls bool) {
	it := readItem(dialect, raw)
	var b strings.Builder
	for i := range it.pieces {
		switch p := &it.pieces[i]; p.kind {
		case textPiece:
			if b.Len() > 0 {
				b.WriteByte('\n')
			}
			b.Write(p.text)
		case callPiece:
			calls = true
		}
	}
	return b.String(), calls
}

// TextsOf are messages as texts for Extract.
func TextsOf(dialect string, items [][]byte) []Text {
	texts := make([]Text, len(items))
	for i, raw := range items {
		it := readItem(dialect, raw)
		texts[i] = Text{Role: it.role, Name: string(it.name), Text: it.plain()}
	}
	return texts
}
