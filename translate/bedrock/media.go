package bedrock

import (
	"strconv"
	"strings"

	"github.com/ai-mcp-gateway/gateway/translate"
	"github.com/ai-mcp-gateway/gateway/translate/neutral"
)

// TakesURL reports whether Bedrock gets url itself: it reads its own storage
// and nothing from the web.
func (*Dialect) TakesURL(url string) bool { return strings.HasPrefix(url, "s3://") }

// media appends an image, a recording, a document or a film.
func (w *writer) media(b *neutral.Block) *translate.Error {
	m := b.Media
	if m.Data != nil {
		m.Sniff()
	}
	kind, format := formatOf(m.MIME)
	switch {
	case m.FileID != "":
		return neutral.Unsupported("messages", "This provider does not know files by their id.")
	case m.URL != "" && !strings.HasPrefix(m.URL, "s3://"):
		return neutral.Unsupported("messages", "This provider takes the bytes of media, not their URL.")
	case format == "" && b.Kind == neutral.Image:
		return neutral.Unsupported("messages", "This provider takes images as png, jpeg, gif and webp, not as %q.", m.MIME)
	case format == "":
		return neutral.Unsupported("messages", "This provider does not take media of the type %q.", m.MIME)
	}
	w.dst = appendComma(w.dst)
	w.raw(`{"` + kind + `":{"format":"` + format + `"`)
	if kind == "document" {
		// The model reads the name, so it is not what somebody called a file.
		w.documents++
		w.raw(`,"name":"Document ` + strconv.Itoa(w.documents) + `"`)
		w.drop(m.Name != "", "messages[].content[].file.filename")
	}
	w.drop(m.Detail != "" && m.Detail != "auto", "messages[].content[].image_url.detail")
	if m.URL != "" {
		w.raw(`,"source":{"s3Location":{"uri":`)
		w.text([]byte(m.URL))
		w.raw("}}}}")
		return nil
	}
	w.raw(`,"source":{"bytes":"`)
	w.dst = append(w.dst, m.Data...)
	w.raw(`"}}}`)
	return nil
}

// formatOf returns the block that media of a type stand in, and the word for
// the type there; "" for what Bedrock does not take.
func formatOf(mime string) (kind, format string) {
	for i := range formats {
		if f := &formats[i]; f.mime == mime {
			return f.kind, f.format
		}
	}
	return "", ""
}

var formats = [...]struct{ mime, kind, format string }{
	{"image/png", "image", "png"},
	{"image/jpeg", "image", "jpeg"},
	{"image/jpg", "image", "jpeg"},
	{"image/gif", "image", "gif"},
	{"image/webp", "image", "webp"},

	{"application/pdf", "document", "pdf"},
	{"text/plain", "document", "txt"},
	{"text/markdown", "document", "md"},
	{"text/csv", "document", "csv"},
	{"text/html", "document", "html"},
	{"application/msword", "document", "doc"},
	{"application/vnd.openxmlformats-officedocument.wordprocessingml.document", "document", "docx"},
	{"application/vnd.ms-excel", "document", "xls"},
	{"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "document", "xlsx"},

	{"audio/mpeg", "audio", "mp3"},
	{"audio/mp3", "audio", "mp3"},
	{"audio/wav", "audio", "wav"},
	{"audio/x-wav", "audio", "wav"},
	{"audio/flac", "audio", "flac"},
	{"audio/ogg", "audio", "ogg"},
	{"audio/aac", "audio", "aac"},
	{"audio/mp4", "audio", "m4a"},
	{"audio/webm", "audio", "webm"},

	{"video/mp4", "video", "mp4"},
	{"video/webm", "video", "webm"},
	{"video/quicktime", "video", "mov"},
	{"video/x-matroska", "video", "mkv"},
	{"video/mpeg", "video", "mpeg"},
	{"video/x-ms-wmv", "video", "wmv"},
	{"video/x-flv", "video", "flv"},
	{"video/3gpp", "video", "three_gp"},
}
