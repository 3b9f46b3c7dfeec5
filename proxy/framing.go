package proxy

import (
	"bytes"
	"encoding/hex"

	"github.com/valyala/fasthttp"

	"github.com/ai-mcp-gateway/gateway/translate"
)

const (
	maxHeaderLines = 100
	maxURI         = 8 << 10

	// chunked is the length that fasthttp gives to a body in chunks.
	chunked = -1
)

// checkFraming refuses requests that two readers could take for two different
// ones: fasthttp accepts both framings at once, folded lines and any version
// (RFC 9112 sections 5.2, 6.1). length is that of the body, or chunked. The
// connection is closed after a refusal.
func checkFraming(h *fasthttp.RequestHeader, length int) *translate.Error {
	if p := h.Protocol(); string(p) != "HTTP/1.1" && string(p) != "HTTP/1.0" {
		return &translate.Error{Code: translate.CallerVersion, Message: "only HTTP/1.1 and HTTP/1.0 are served"}
	}
	if len(h.RequestURI()) > maxURI {
		return &translate.Error{Code: translate.CallerHeaderTooLarge, Message: "the URI is longer than 8 KiB"}
	}
	if err := checkTarget(h.RequestURI()); err != nil {
		return err
	}
	var lines, lengths, encodings, hosts int
	rest := h.RawHeaders()
	for ; len(rest) > len("\r\n"); lines++ {
		n := bytes.IndexByte(rest, '\n')
		if n < 1 || rest[n-1] != '\r' {
			return badFraming("a header line does not end in CRLF")
		}
		line := rest[:n+1]
		rest = rest[n+1:]
		switch line[0] | 0x20 {
		case ' ', '\t' | 0x20:
			return badFraming("a header line is folded")
		case 'c':
			lengths += hasName(line, "content-length")
		case 't':
			encodings += hasName(line, "transfer-encoding")
		case 'h':
			if n := hasName(line, "host"); n > 0 {
				hosts += n
				if !plainHost(line[len("host:"):]) {
					return badFraming("the Host header is not a host")
				}
			}
		}
	}
	switch {
	case lines > maxHeaderLines:
		return &translate.Error{Code: translate.CallerHeaderTooLarge, Message: "more than 100 header lines"}
	case len(rest) == 1:
		return badFraming("the header does not end in CRLF")
	case encodings > 0 && length != chunked:
		return badFraming("the transfer encoding is not chunked")
	case lengths > 0 && encodings > 0:
		return badFraming("both Content-Length and Transfer-Encoding are given")
	case lengths > 1 || encodings > 1:
		return badFraming("the body is framed twice")
	case hosts > 1:
		return badFraming("several Host headers")
	}
	return nil
}

// checkTarget refuses a target with a user or a fragment in it, which one
// reader could take for another host than the next one does (RFC 9112
// section 3.2).
func checkTarget(uri []byte) *translate.Error {
	if bytes.IndexByte(uri, '#') >= 0 {
		return badFraming("the target has a fragment")
	}
	if uri[0] == '/' {
		return nil
	}
	_, rest, _ := bytes.Cut(uri, []byte("://"))
	if host, _, _ := bytes.Cut(rest, slash); !plainHost(host) {
		return badFraming("the host of the target is not a host")
	}
	return nil
}

func badFraming(text string) *translate.Error {
	return &translate.Error{Code: translate.CallerBadRequest, Message: text}
}

// hasName returns 1 when the header line has this lower-case name.
func hasName(line []byte, name string) int {
	if len(line) <= len(name) || line[len(name)] != ':' {
		return 0
	}
	for i := range len(name) {
		if line[i]|0x20 != name[i]|0x20 {
			return 0
		}
	}
	return 1
}

// plainHost reports whether value is a host with an optional port and nothing
// that a URL parser could read as a path, a query or a user.
func plainHost(value []byte) bool {
	for _, c := range bytes.TrimSpace(value) {
		switch {
		case 'a' <= c|0x20 && c|0x20 <= 'z', '0' <= c && c <= '9':
		case c == '.', c == '-', c == '_', c == ':', c == '[', c == ']', c == '%':
		default:
			return false
		}
	}
	return true
}

// modelsPrefix is the one place where an encoded slash belongs to a name.
var modelsPrefix = []byte("/v1/models/")

// checkPath refuses paths that have more than one reading.
func checkPath(path []byte) *translate.Error {
	if len(path) == 0 || path[0] != '/' {
		return badFraming("the path does not begin with a slash")
	}
	for i, c := range path {
		ambiguous := false
		switch c {
		case ';', '\\', 0:
			ambiguous = true
		case '/':
			ambiguous = oddSegment(path[i+1:])
		case '%':
			ambiguous = !bytes.HasPrefix(path, modelsPrefix) || oddEscape(path[i:])
		}
		if ambiguous {
			return badFraming("the path is ambiguous")
		}
	}
	return nil
}

var (
	slash        = []byte("/")
	dot          = []byte(".")
	encodedSlash = []byte("%2f")
)

// oddSegment reports whether rest begins with a segment that is empty or
// could be a step up.
func oddSegment(rest []byte) bool {
	return bytes.HasPrefix(rest, slash) || bytes.HasPrefix(rest, dot) ||
		len(rest) >= len(encodedSlash) && bytes.EqualFold(rest[:len(encodedSlash)], encodedSlash)
}

// oddEscape reports whether the escape that b begins with is none, or stands
// for what must not be hidden: a dot, a backslash, a control character.
func oddEscape(b []byte) bool {
	var c [1]byte
	if len(b) < 3 {
		return true
	}
	if _, err := hex.Decode(c[:], b[1:3]); err != nil {
		return true
	}
	switch {
	case c[0] == '/':
		return oddSegment(b[3:])
	case c[0] < ' ', c[0] == '.', c[0] == '\\', c[0] == 0x7f:
		return true
	}
	return false
}
