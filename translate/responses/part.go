package responses

import (
	"bytes"

	"github.com/ai-mcp-gateway/gateway/translate"
	"github.com/ai-mcp-gateway/gateway/translate/neutral"
)

// appendContent appends the blocks of a message's content or of a call's
// output: a string or an array of parts.
func appendContent(dst []neutral.Block, raw []byte) ([]neutral.Block, *flaw) {
	switch translate.KindOf(raw) {
	case translate.KindString:
		return append(dst, neutral.Block{Kind: neutral.Text, Text: text(raw)}), nil
	case translate.KindNone, translate.KindNull:
		return dst, nil
	case translate.KindArray:
	default:
		return dst, wrong("", "a string or an array")
	}
	parts := translate.Elements(raw)
	for k := 0; parts.Next(); k++ {
		b, f := readPart(parts.Value())
		if f != nil {
			return dst, f.at(k)
		}
		dst = append(dst, b)
	}
	return dst, nil
}

// part is a content part as it stands; all values are raw.
type part struct {
	kind                                []byte // a text
	text, refusal, annotations          []byte
	imageURL, fileID, fileURL, fileData []byte
	filename, detail, audio, breakpoint []byte
}

func readPart(raw []byte) (neutral.Block, *flaw) {
	if translate.KindOf(raw) != translate.KindObject {
		return neutral.Block{}, wrong("", "an object")
	}
	p := scanPart(raw)
	switch string(p.kind) {
	case "input_text", "output_text", "text", "summary_text", "reasoning_text":
		return p.textBlock()
	case "refusal":
		return neutral.Block{Kind: neutral.Refusal, Text: text(p.refusal)}, nil
	case "input_image":
		return p.image()
	case "input_file":
		return p.file()
	case "input_audio":
		return p.recording()
	case "":
		return neutral.Block{}, missing("type")
	default:
		return neutral.Block{}, wrong("type", "a known type of content")
	}
}

func scanPart(raw []byte) (p part) {
	o := translate.Members(raw)
	for o.Next() {
		switch v := given(o.Value()); string(o.Key()) {
		case "type":
			p.kind = text(v)
		case "text":
			p.text = v
		case "refusal":
			p.refusal = v
		case "annotations":
			p.annotations = v
		case "image_url":
			p.imageURL = v
		case "file_id":
			p.fileID = v
		case "file_url":
			p.fileURL = v
		case "file_data":
			p.fileData = v
		case "filename":
			p.filename = v
		case "detail":
			p.detail = v
		case "input_audio":
			p.audio = v
		case "prompt_cache_breakpoint":
			p.breakpoint = v
		}
	}
	return p
}

func (p *part) mark() neutral.Breakpoint {
	return neutral.Breakpoint{Set: p.breakpoint != nil}
}

func (p *part) textBlock() (neutral.Block, *flaw) {
	b := neutral.Block{Kind: neutral.Text, Text: text(p.text), Breakpoint: p.mark()}
	if b.Text == nil {
		return b, wrong("text", "a string")
	}
	if a := translate.Elements(p.annotations); a.Next() {
		b.Annotations, b.Origin = p.annotations, name
	}
	return b, nil
}

func (p *part) image() (neutral.Block, *flaw) {
	b := neutral.Block{Kind: neutral.Image, Breakpoint: p.mark()}
	b.Media.Detail = string(text(p.detail))
	url := p.imageURL
	if translate.KindOf(url) == translate.KindObject { // as in chat completions
		o := translate.Members(url)
		for url = nil; o.Next(); {
			if string(o.Key()) == "url" {
				url = o.Value()
			}
		}
	}
	switch {
	case p.fileID != nil && url == nil:
		b.Media.FileID = string(text(p.fileID))
	case text(url) == nil:
		return b, wrong("image_url", "a string")
	default:
		setURL(&b.Media, text(url))
	}
	return b, nil
}

func setURL(m *neutral.Media, url []byte) {
	if !m.ParseDataURL(url) {
		m.URL = string(url)
	}
}

func (p *part) file() (neutral.Block, *flaw) {
	b := neutral.Block{Kind: neutral.File, Breakpoint: p.mark()}
	b.Media.Name = string(text(p.filename))
	switch {
	case p.fileData != nil:
		data := text(p.fileData)
		if data == nil {
			return b, wrong("file_data", "a string")
		}
		if !b.Media.ParseDataURL(data) && !b.Media.SetBase64(data) {
			return b, wrong("file_data", "a data: URL or base64")
		}
	case p.fileURL != nil:
		url := text(p.fileURL)
		if url == nil {
			return b, wrong("file_url", "a string")
		}
		setURL(&b.Media, url)
	default:
		id := text(p.fileID)
		if id == nil {
			return b, missing("file_data")
		}
		b.Media.FileID = string(id)
	}
	return b, nil
}

// recording reads a part that the API does not have in all its versions.
func (p *part) recording() (neutral.Block, *flaw) {
	b := neutral.Block{Kind: neutral.Audio}
	o := translate.Members(p.audio)
	for o.Next() {
		switch string(o.Key()) {
		case "data":
			b.Media.Data = text(o.Value())
		case "format":
			b.Media.MIME = "audio/" + string(bytes.ToLower(text(o.Value())))
		}
	}
	mime := b.Media.MIME
	if !b.Media.SetBase64(b.Media.Data) {
		return b, wrong("input_audio.data", "base64")
	}
	b.Media.MIME = mime
	return b, nil
}
