package gemini

import (
	"strings"

	"github.com/ai-mcp-gateway/gateway/translate"
	"github.com/ai-mcp-gateway/gateway/translate/neutral"
)

// part is a part of an answer. Values are raw and borrowed.
type part struct {
	raw       []byte // all of it
	text      []byte // a string; nil when there is none
	signature []byte // a string
	call      []byte // an object
	inline    []byte // an object
	thought   bool
	other     bool // something that only this dialect has
}

func readPart(raw []byte) part {
	p := part{raw: raw}
	o := translate.Members(raw)
	for o.Next() {
		kind := o.Kind()
		switch string(o.Key()) {
		case "text":
			if kind == translate.KindString {
				p.text = o.Value()
			}
		case "thought":
			p.thought = string(o.Value()) == "true"
		case "thoughtSignature":
			if kind == translate.KindString && len(o.Value()) > 2 {
				p.signature = o.Value()
			}
		case "functionCall":
			if kind == translate.KindObject {
				p.call = o.Value()
			}
		case "inlineData":
			if kind == translate.KindObject {
				p.inline = o.Value()
			}
		case "videoMetadata", "partMetadata", "mediaResolution": // about the part, not the part
		default:
			p.other = p.other || kind == translate.KindObject
		}
	}
	if p.thought && p.inline != nil { // a sketch, which is no part of the answer
		p.inline, p.other = nil, true
	}
	return p
}

// call is a functionCall.
type call struct {
	id, name []byte // raw strings
	args     []byte // a raw object; nil when there is none
	partial  []byte // a raw array: pieces of the arguments
	more     bool   // the next part goes on with it
}

func readCall(raw []byte) (c call) {
	o := translate.Members(raw)
	for o.Next() {
		kind := o.Kind()
		switch string(o.Key()) {
		case "id":
			c.id = o.Value()
		case "name":
			c.name = o.Value()
		case "args":
			if kind == translate.KindObject {
				c.args = o.Value()
			}
		case "partialArgs":
			if kind == translate.KindArray {
				c.partial = o.Value()
			}
		case "willContinue":
			c.more = string(o.Value()) == "true"
		}
	}
	return c
}

// readMedia reads inlineData. Generated media are images or sound; all else is
// a file.
func readMedia(raw []byte, t *texts) (kind neutral.BlockKind, m neutral.Media) {
	o := translate.Members(raw)
	for o.Next() {
		switch string(o.Key()) {
		case "mimeType":
			m.MIME = strings.ToLower(textOf(o.Value()))
		case "data":
			m.Data = t.of(o.Value())
		}
	}
	switch {
	case strings.HasPrefix(m.MIME, "image/"):
		kind = neutral.Image
	case strings.HasPrefix(m.MIME, "audio/"):
		kind = neutral.Audio
	default:
		kind = neutral.File
	}
	return kind, m
}
