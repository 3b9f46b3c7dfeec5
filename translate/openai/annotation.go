package openai

import (
	"github.com/ai-mcp-gateway/gateway/translate"
	"github.com/ai-mcp-gateway/gateway/translate/neutral"
)

// appendAnnotations appends the annotations of all texts as one array.
func appendAnnotations(dst []byte, blocks []neutral.Block) []byte {
	dst = append(dst, '[')
	start := len(dst)
	for i := range blocks {
		if blocks[i].Kind != neutral.Text {
			continue
		}
		list := translate.Elements(blocks[i].Annotations)
		for list.Next() {
			mark := len(dst)
			if mark > start {
				dst = append(dst, ',')
			}
			note := len(dst)
			if dst = appendAnnotation(dst, list.Value()); len(dst) == note {
				dst = dst[:mark]
			}
		}
	}
	return append(dst, ']')
}

// appendAnnotation appends one annotation, or nothing when it is none that
// this dialect has. That of the Responses API has its members at the top.
func appendAnnotation(dst, raw []byte) []byte {
	var kind string
	var nested, rest []byte
	o := translate.Members(raw)
	for o.Next() {
		switch string(o.Key()) {
		case "type":
			kind = stringOf(o.Value())
		case urlCitation:
			nested = o.Value()
		default:
			if len(rest) > 0 {
				rest = append(rest, ',')
			}
			rest = appendKeyed(rest, "", &o)
		}
	}
	switch {
	case !o.Complete() || kind != urlCitation:
		return dst
	case nested != nil:
		return appendCompact(dst, raw)
	}
	dst = append(dst, `{"type":"url_citation","url_citation":{`...)
	return append(append(dst, rest...), "}}"...)
}

const urlCitation = "url_citation"
