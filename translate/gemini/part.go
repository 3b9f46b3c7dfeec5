package gemini

import (
	"path"
	"strings"

	"github.com/ai-mcp-gateway/gateway/translate"
	"github.com/ai-mcp-gateway/gateway/translate/neutral"
)

// lostSignature stands for a signature that the client has not kept, or that
// the call of another model never had. Newer models refuse the first call of
// a turn without one:
// https://ai.google.dev/gemini-api/docs/thought-signatures
const lostSignature = "skip_thought_signature_validator"

// appendBlock appends a block as a part.
func (w *writer) appendBlock(b *neutral.Block) {
	w.dropIf(b.Breakpoint.Set, "cache_control")
	switch b.Kind {
	case neutral.Text, neutral.Refusal:
		w.comma()
		w.raw(`{"text":`)
		w.text(b.Text)
		w.closePart(b)
	case neutral.Thinking:
		w.appendThinking(b)
	case neutral.Image, neutral.Audio, neutral.File:
		w.comma()
		w.raw("{")
		w.appendMedia(b)
		w.closePart(b)
	case neutral.ToolUse:
		w.appendCall(b, true)
	case neutral.ToolResult:
		w.appendResult(b)
	case neutral.Foreign:
		if b.Dialect != name {
			w.drops.Add("messages[].content[]")
			return
		}
		w.comma()
		w.bytes(b.Raw)
	}
}

// closePart ends a part, sealed where the block is one of ours and was.
func (w *writer) closePart(b *neutral.Block) {
	if len(b.Signature) > 0 && b.Origin == name {
		w.key("thoughtSignature")
		w.text(b.Signature)
	}
	w.raw("}")
}

func (w *writer) appendThinking(b *neutral.Block) {
	if b.Origin != name {
		return
	}
	w.comma()
	if b.Redacted {
		w.raw(`{"text":""`)
	} else {
		w.raw(`{"thought":true,"text":`)
		w.text(b.Text)
	}
	w.closePart(b)
}

// appendCall appends a call. first is true for the first one of a turn: it
// speaks for those beside it, which have no signature.
func (w *writer) appendCall(b *neutral.Block, first bool) {
	w.dropIf(b.Breakpoint.Set, "cache_control")
	w.comma()
	w.raw(`{"functionCall":{`)
	if b.ID != "" {
		w.member("id", neutral.CallID(b.ID, w.t.Traits.ToolIDs))
	}
	w.member("name", w.names.Out(b.Name))
	w.key("args")
	w.bytes(neutral.ArgumentsObject(b))
	w.raw("}")
	signed := len(b.Signature) > 0 && b.Origin == name
	if !signed && first && w.t.Traits.Thinking == "level" {
		w.member("thoughtSignature", lostSignature)
	}
	w.closePart(b)
}

// appendResult appends the result of a call. The response has to be an
// object.
func (w *writer) appendResult(b *neutral.Block) {
	w.comma()
	w.raw(`{"functionResponse":{`)
	if b.ID != "" {
		w.member("id", neutral.CallID(b.ID, w.t.Traits.ToolIDs))
	}
	w.member("name", w.names.Out(w.callName(b)))
	w.key("response")
	text := neutral.JoinText(b.Content, "\n")
	switch {
	case b.Failed:
		w.raw(`{"error":`)
		w.text(text)
		w.raw("}")
	case isObject(text):
		w.bytes(text)
	case len(text) == 0 && len(b.Content) > 0: // nothing but media
		w.raw("{}")
	default:
		w.raw(`{"output":`)
		w.text(text)
		w.raw("}")
	}
	if w.t.Traits.ResultMedia {
		w.appendResultMedia(b.Content)
	}
	w.raw("}}")
}

func (w *writer) appendResultMedia(content []neutral.Block) {
	open := false
	for i := range content {
		b := &content[i]
		if !isMedia(b.Kind) {
			continue
		}
		if !open {
			w.key("parts")
			w.raw("[")
			open = true
		}
		w.comma()
		w.raw("{")
		w.appendMedia(b)
		w.raw("}")
	}
	if open {
		w.raw("]")
	}
}

// callName returns the name of the function that b is the result of: its own,
// or that of the call with its id.
func (w *writer) callName(b *neutral.Block) string {
	if b.Name != "" {
		return b.Name
	}
	for i := len(w.turns) - 1; i >= 0; i-- {
		for j := range w.turns[i].Blocks {
			if call := &w.turns[i].Blocks[j]; call.Kind == neutral.ToolUse && call.ID == b.ID {
				return call.Name
			}
		}
	}
	return "unknown"
}

// isObject reports whether text is one JSON object.
func isObject(text []byte) bool {
	o := translate.Members(text)
	for o.Next() {
		continue
	}
	return o.Complete()
}

func isMedia(kind neutral.BlockKind) bool {
	return kind == neutral.Image || kind == neutral.Audio || kind == neutral.File
}

// appendMedia appends the member that holds media: the bytes, or where the
// provider finds them.
func (w *writer) appendMedia(b *neutral.Block) {
	m := b.Media
	w.dropIf(m.Detail != "" && m.Detail != "auto", "messages[].content[].image_url.detail")
	w.dropIf(m.Name != "", "messages[].content[].file.filename")
	if len(m.Data) > 0 {
		m.Sniff()
		if m.MIME == "" {
			m.MIME = "application/octet-stream"
		}
		w.key("inlineData")
		w.raw("{")
		w.member("mimeType", m.MIME)
		w.key("data")
		w.text(m.Data)
		w.raw("}")
		return
	}
	uri := m.URL
	if uri == "" && strings.Contains(m.FileID, "://") {
		uri = m.FileID
	}
	switch {
	case uri == "":
		w.unsupported("messages[].content[].file.file_id", "Files of another provider cannot be sent to this one; send the content itself.")
	case w.t.Traits.NoURLs && !isGoogleFile(uri):
		w.unsupported(mediaPath(b.Kind), "This model cannot fetch URLs; send the content itself.")
	}
	w.key("fileData")
	w.raw("{")
	if m.MIME == "" {
		m.MIME = typeOf(uri)
	}
	if m.MIME != "" {
		w.member("mimeType", m.MIME)
	}
	w.member("fileUri", uri)
	w.raw("}")
}

// TakesURL reports whether every model gets url itself. Some get others too,
// which is not known of a model.
func (*Dialect) TakesURL(url string) bool { return isGoogleFile(url) || isFilm(url) }

func mediaPath(kind neutral.BlockKind) string {
	if kind == neutral.Image {
		return "messages[].content[].image_url.url"
	}
	return "messages[].content[].file.file_data"
}

// isGoogleFile reports whether uri names what every model can read: a file
// that was uploaded to the API or to Cloud Storage.
func isGoogleFile(uri string) bool {
	return strings.HasPrefix(uri, "gs://") || strings.HasPrefix(uri, "https://generativelanguage.googleapis.com/")
}

// isFilm reports whether uri is one of the films that are watched where they
// are: there are no bytes to send.
func isFilm(uri string) bool {
	return strings.HasPrefix(uri, "https://www.youtube.com/") || strings.HasPrefix(uri, "https://youtu.be/")
}

// typeOf guesses a media type by the extension of a URL, "" when it does not
// tell.
func typeOf(uri string) string {
	if i := strings.IndexAny(uri, "?#"); i >= 0 {
		uri = uri[:i]
	}
	return extensionTypes[strings.ToLower(path.Ext(uri))]
}

var extensionTypes = map[string]string{
	".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".webp": "image/webp", ".gif": "image/gif",
	".heic": "image/heic", ".heif": "image/heif", ".pdf": "application/pdf", ".txt": "text/plain", ".csv": "text/csv",
	".html": "text/html", ".md": "text/md", ".mp3": "audio/mpeg", ".wav": "audio/wav", ".ogg": "audio/ogg",
	".flac": "audio/flac", ".aac": "audio/aac", ".mp4": "video/mp4", ".mov": "video/quicktime", ".webm": "video/webm",
}
