package neutral

import (
	"bytes"
	"encoding/base64"
	"strings"
)

// ParseDataURL fills m from a data: URL, leniently: the type may be missing,
// the spelling upper case, the data base64url, without padding, with white
// space in it or percent-encoded. The type is corrected as by Sniff. It
// reports false, and leaves m alone, for what is no data: URL or has no data.
// Data is borrowed from url where nothing has to be undone.
func (m *Media) ParseDataURL(url []byte) bool {
	url = bytes.TrimSpace(url)
	const scheme = "data:"
	if len(url) < len(scheme) || !bytes.EqualFold(url[:len(scheme)], []byte(scheme)) {
		return false
	}
	meta, data, ok := bytes.Cut(url[len(scheme):], []byte{','})
	if !ok {
		return false
	}
	mime, params, _ := strings.Cut(strings.ToLower(string(meta)), ";")
	if isBase64(params) {
		data, ok = normalBase64(data)
	} else {
		data = base64.StdEncoding.AppendEncode(nil, unpercent(data))
	}
	if !ok || len(data) == 0 {
		return false
	}
	m.URL, m.FileID, m.Data = "", "", data
	if m.MIME = strings.TrimSpace(mime); !isMIME(m.MIME) {
		m.MIME = ""
	}
	m.Sniff()
	return true
}

// SetBase64 fills m with bare base64, as leniently as ParseDataURL, and reports
// whether it is that.
func (m *Media) SetBase64(data []byte) bool {
	data, ok := normalBase64(data)
	if !ok || len(data) == 0 {
		return false
	}
	m.Data = data
	m.Sniff()
	return true
}

// isMIME reports whether text is the name of a media type.
func isMIME(text string) bool {
	kind, name, ok := strings.Cut(text, "/")
	return ok && kind != "" && name != "" && !strings.ContainsFunc(kind+name, func(r rune) bool {
		return (r|0x20 < 'a' || r|0x20 > 'z') && (r < '0' || r > '9') && !strings.ContainsRune("!#$&-^_.+", r)
	})
}

// isBase64 reports whether one of the parameters of a data: URL is base64.
func isBase64(params string) bool {
	for param := range strings.SplitSeq(params, ";") {
		if strings.TrimSpace(param) == "base64" {
			return true
		}
	}
	return false
}

// base64Values maps the letters of both base64 alphabets to those of the
// standard one, and all else to 0.
var base64Values = func() (table [256]byte) {
	for _, c := range []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/") {
		table[c] = c
	}
	table['-'], table['_'] = '+', '/'
	return table
}()

// normalBase64 returns base64 of any sort in the standard alphabet with
// padding: b itself where it is that.
func normalBase64(b []byte) ([]byte, bool) {
	letters := 0
	for letters < len(b) && base64Values[b[letters]] == b[letters] && b[letters] != 0 {
		letters++
	}
	switch padding := b[letters:]; {
	case len(b)%4 != 0:
	case len(padding) == 0, string(padding) == "=", string(padding) == "==":
		return b, true
	}
	if bytes.IndexByte(b, '%') >= 0 {
		b = unpercent(b)
	}
	out := make([]byte, 0, len(b)+3)
	for i, c := range b {
		switch letter := base64Values[c]; {
		case letter != 0:
			out = append(out, letter)
		case c == '=':
			if len(bytes.Trim(b[i:], "= \t\r\n")) > 0 {
				return nil, false
			}
		case c != ' ' && c != '\t' && c != '\r' && c != '\n':
			return nil, false
		}
	}
	switch len(out) % 4 {
	case 1:
		return nil, false
	case 2:
		out = append(out, '=', '=')
	case 3:
		out = append(out, '=')
	}
	return out, true
}

// unpercent undoes percent-encoding; a sign that encodes nothing stands for
// itself.
func unpercent(b []byte) []byte {
	if bytes.IndexByte(b, '%') < 0 {
		return b
	}
	out := make([]byte, 0, len(b))
	for i := 0; i < len(b); i++ {
		if b[i] == '%' && i+2 < len(b) {
			high, low := hexDigit(b[i+1]), hexDigit(b[i+2])
			if high >= 0 && low >= 0 {
				out = append(out, byte(high<<4|low))
				i += 2
				continue
			}
		}
		out = append(out, b[i])
	}
	return out
}

// hexDigit returns the value of a hexadecimal digit, or -1.
func hexDigit(c byte) int {
	switch {
	case c-'0' <= 9:
		return int(c - '0')
	case c|0x20-'a' <= 5:
		return int(c|0x20-'a') + 10
	default:
		return -1
	}
}

// AppendDataURL appends m's Data as a data: URL.
func (m *Media) AppendDataURL(dst []byte) []byte {
	dst = append(dst, "data:"...)
	if isMIME(m.MIME) {
		dst = append(dst, m.MIME...)
	} else {
		dst = append(dst, "application/octet-stream"...)
	}
	dst = append(dst, ";base64,"...)
	return append(dst, m.Data...)
}

// Sniff corrects m.MIME by the first bytes of Data, where they tell. Names
// that mean the same (audio/mp3) stay, and so does what is said of a container
// that may hold sound or pictures.
func (m *Media) Sniff() {
	const letters = 44
	var buf [letters]byte
	head := m.Data[:min(len(m.Data), letters)&^3]
	n, _ := base64.StdEncoding.Decode(buf[:], head)
	for i := range magics {
		if magic := &magics[i]; magic.matches(buf[:n]) {
			if !magic.covers(m.MIME) {
				m.MIME = magic.mime
			}
			return
		}
	}
}

// magic is how the files of a type begin: with prefix, and with inner at byte
// at. same is another name of the type, or with a final slash a whole class of
// types that such a file may be of; there may be two, with a blank between.
type magic struct {
	prefix string
	at     int
	inner  string
	mime   string
	same   string
}

func (g *magic) matches(head []byte) bool {
	return len(head) >= g.at+len(g.inner) &&
		bytes.HasPrefix(head, []byte(g.prefix)) &&
		string(head[g.at:g.at+len(g.inner)]) == g.inner
}

// covers reports whether such a file may be called mime.
func (g *magic) covers(mime string) bool {
	if mime == "" || mime == g.mime {
		return mime != ""
	}
	for same := range strings.SplitSeq(g.same, " ") {
		if same == mime || strings.HasSuffix(same, "/") && strings.HasPrefix(mime, same) {
			return true
		}
	}
	return false
}

const containers = "audio/ video/"

var magics = [...]magic{
	{prefix: "\x89PNG\r\n\x1a\n", mime: "image/png"},
	{prefix: "\xff\xd8\xff", mime: "image/jpeg"},
	{prefix: "GIF87a", mime: "image/gif"},
	{prefix: "GIF89a", mime: "image/gif"},
	{prefix: "RIFF", at: 8, inner: "WEBP", mime: "image/webp"},
	{prefix: "RIFF", at: 8, inner: "WAVE", mime: "audio/wav"},
	{prefix: "%PDF-", mime: "application/pdf"},
	{prefix: "II*\x00", mime: "image/tiff"},
	{prefix: "MM\x00*", mime: "image/tiff"},
	{prefix: "<svg", mime: "image/svg+xml"},
	{at: 4, inner: "ftypheic", mime: "image/heic"},
	{at: 4, inner: "ftypheix", mime: "image/heic"},
	{at: 4, inner: "ftypmif1", mime: "image/heif", same: "image/heic image/avif"},
	{at: 4, inner: "ftypavif", mime: "image/avif"},
	{at: 4, inner: "ftypM4A ", mime: "audio/mp4", same: containers},
	{at: 4, inner: "ftyp", mime: "video/mp4", same: containers},
	{prefix: "\x1aE\xdf\xa3", mime: "video/webm", same: containers},
	{prefix: "OggS", mime: "audio/ogg", same: containers},
	{prefix: "fLaC", mime: "audio/flac", same: "audio/x-flac"},
	{prefix: "ID3", mime: "audio/mpeg", same: "audio/mp3 audio/aac"},
	{prefix: "\xff\xfb", mime: "audio/mpeg", same: "audio/mp3"},
	{prefix: "\xff\xf3", mime: "audio/mpeg", same: "audio/mp3"},
	{prefix: "\xff\xf2", mime: "audio/mpeg", same: "audio/mp3"},
}
