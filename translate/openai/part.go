package openai

import (
	"bytes"

	"github.com/ai-mcp-gateway/gateway/translate"
	"github.com/ai-mcp-gateway/gateway/translate/neutral"
)

// readContent appends the blocks of a message's content: a string or an array
// of parts.
func readContent(blocks []neutral.Block, raw []byte) ([]neutral.Block, *flaw) {
	switch translate.KindOf(raw) {
	case translate.KindNone:
		return blocks, nil
	case translate.KindString:
		return append(blocks, textBlock(raw)), nil
	case translate.KindArray:
	default:
		return blocks, invalid("a string or an array of parts")
	}
	list := translate.Elements(raw)
	for i := 0; list.Next(); i++ {
		if list.Kind() != translate.KindObject {
			return blocks, invalid("an object").at(i)
		}
		b, f := readPart(list.Members())
		if f != nil {
			return blocks, f.at(i)
		}
		blocks = append(blocks, b)
	}
	return blocks, nil
}

// part is one part of a content, raw.
type part struct {
	kind                      string
	text, refusal             []byte
	image, audio, file        []byte
	thinking, signature, data []byte
	format                    string
	cacheControl, cacheMark   []byte
	summary                   []byte
}

func readPart(o translate.Object) (b neutral.Block, f *flaw) {
	var p part
	for o.Next() {
		p.take(string(keyOf(&o)), o.Value())
	}
	switch p.kind {
	case "text":
		if translate.KindOf(p.text) != translate.KindString {
			return b, invalid("a string").in(".text")
		}
		b = textBlock(p.text)
	case "refusal":
		b = neutral.Block{Kind: neutral.Refusal, Text: textBytes(p.refusal)}
	case "image_url":
		b.Kind = neutral.Image
		f = readImage(&b.Media, p.image).in(".image_url")
	case "input_audio":
		b.Kind = neutral.Audio
		f = readAudio(&b.Media, p.audio).in(".input_audio")
	case "file":
		b.Kind = neutral.File
		f = readFile(&b.Media, p.file).in(".file")
	case "thinking", "redacted_thinking":
		b = p.thought()
	case "":
		return b, missing().in(".type")
	default:
		return b, invalid("text, image_url, input_audio, file or refusal").in(".type")
	}
	b.Breakpoint = readCacheControl(p.cacheControl)
	if translate.KindOf(p.cacheMark) == translate.KindObject {
		b.Breakpoint.Set = true
	}
	return b, f
}

func (p *part) take(key string, v []byte) {
	switch key {
	case "type":
		p.kind = stringOf(v)
	case "text":
		p.text = v
	case "refusal":
		p.refusal = v
	case "image_url":
		p.image = v
	case "input_audio":
		p.audio = v
	case "file":
		p.file = v
	case "thinking":
		p.thinking = v
	case "signature":
		p.signature = v
	case "data":
		p.data = v
	case "summary":
		p.summary = v
	case "format":
		p.format = stringOf(v)
	case "cache_control":
		p.cacheControl = v
	case "prompt_cache_breakpoint":
		p.cacheMark = v
	}
}

// readImage reads {"url","detail"}, or the bare URL that some clients send.
func readImage(m *neutral.Media, raw []byte) *flaw {
	if translate.KindOf(raw) == translate.KindString {
		return readURL(m, textBytes(raw))
	}
	var url []byte
	o := translate.Members(raw)
	for o.Next() {
		switch string(keyOf(&o)) {
		case "url":
			url = textBytes(o.Value())
		case "detail":
			m.Detail = stringOf(o.Value())
		}
	}
	return readURL(m, url).in(".url")
}

func readURL(m *neutral.Media, url []byte) *flaw {
	switch {
	case len(url) == 0:
		return invalid("a URL")
	case !isDataURL(url):
		m.URL = string(url)
		return nil
	case !m.ParseDataURL(url):
		return invalid("a sound data: URL")
	}
	m.Sniff()
	return nil
}

func isDataURL(url []byte) bool {
	return len(url) >= len("data:") && bytes.EqualFold(url[:len("data:")], []byte("data:"))
}

// readAudio reads {"data","format"}.
func readAudio(m *neutral.Media, raw []byte) *flaw {
	var format string
	o := translate.Members(raw)
	for o.Next() {
		switch string(keyOf(&o)) {
		case "data":
			m.Data = textBytes(o.Value())
		case "format":
			format = stringOf(o.Value())
		}
	}
	switch {
	case len(m.Data) == 0:
		return missing().in(".data")
	case isDataURL(m.Data):
		return readURL(m, m.Data).in(".data")
	case format == "":
		return missing().in(".format")
	}
	if !m.SetBase64(m.Data) {
		return invalid("base64").in(".data")
	}
	m.MIME = audioType(format)
	return nil
}

func audioType(format string) string {
	if format == "mp3" {
		return "audio/mpeg"
	}
	return "audio/" + format
}

// audioFormat is the word for a type in this dialect.
func audioFormat(mime string) string {
	switch mime {
	case "audio/mpeg", "audio/mp3":
		return "mp3"
	case "audio/wav", "audio/x-wav", "audio/wave", "audio/vnd.wave":
		return "wav"
	default:
		_, format, _ := bytes.Cut([]byte(mime), []byte{'/'})
		return string(format)
	}
}

// readFile reads {"file_data","filename"} or {"file_id"}. The data is a data:
// URL; some servers take another URL there.
func readFile(m *neutral.Media, raw []byte) *flaw {
	var data []byte
	o := translate.Members(raw)
	for o.Next() {
		switch string(keyOf(&o)) {
		case "file_data":
			data = textBytes(o.Value())
		case "file_id":
			m.FileID = stringOf(o.Value())
		case "filename":
			m.Name = stringOf(o.Value())
		}
	}
	switch {
	case m.FileID != "":
		return nil
	case len(data) == 0:
		return missing().in(".file_data")
	case isDataURL(data), bytes.HasPrefix(data, []byte("https://")), bytes.HasPrefix(data, []byte("http://")):
		return readURL(m, data).in(".file_data")
	}
	if !m.SetBase64(data) {
		return invalid("a data: URL or base64").in(".file_data")
	}
	return nil
}
