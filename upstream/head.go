package upstream

import "bytes"

const (
	// maxHead is the most bytes of one response header.
	maxHead = 64 << 10
	// maxInterim is how many 1xx answers may precede the final one.
	maxInterim = 8

	limitPrefix = "x-ratelimit-"
)

// Head is the header of a provider's answer. Its bytes are valid until the
// exchange is closed.
type Head struct {
	Status int

	// ContentType is the value of that header line, or nil.
	ContentType []byte
	// Limits is true when there are x-ratelimit- lines.
	Limits bool

	raw       []byte // header lines, without the status line
	length    int64  // -1: not given
	chunked   bool
	keepAlive bool
	encoding  []byte
}

// Value returns the value of the first header line with this name, in any
// case, or nil.
func (h *Head) Value(name string) []byte {
	for rest := h.raw; len(rest) > 0; {
		var line []byte
		line, rest = cutLine(rest)
		if key, value, ok := cutHeader(line); ok && equalFold(key, name) {
			return value
		}
	}
	return nil
}

// Each calls f for every header line, in order.
func (h *Head) Each(f func(name, value []byte)) {
	for rest := h.raw; len(rest) > 0; {
		var line []byte
		line, rest = cutLine(rest)
		if key, value, ok := cutHeader(line); ok {
			f(key, value)
		}
	}
}

// headEnd returns how many bytes of b the header takes, its blank line
// included, or 0 when it is not complete.
func headEnd(b []byte) int {
	for i := 0; ; {
		n := bytes.IndexByte(b[i:], '\n')
		if n < 0 {
			return 0
		}
		i += n + 1
		rest := b[i:]
		if len(rest) > 0 && rest[0] == '\n' {
			return i + 1
		}
		if len(rest) > 1 && rest[0] == '\r' && rest[1] == '\n' {
			return i + 2
		}
	}
}

// parse reads a whole header block. What it can't take at its word (framing
// given twice, in two ways, or not in plain digits) is an error: a wrong
// guess would read one answer's bytes as another's.
func (h *Head) parse(block []byte) error {
	line, rest := cutLine(block)
	http11, status, ok := parseStatusLine(line)
	if !ok {
		return bad("no HTTP status line")
	}
	*h = Head{Status: status, raw: rest, length: -1, keepAlive: http11}
	for len(rest) > 0 {
		line, rest = cutLine(rest)
		if len(line) == 0 {
			break
		}
		key, value, ok := cutHeader(line)
		if !ok {
			return bad("malformed header line")
		}
		if err := h.take(key, value); err != nil {
			return err
		}
	}
	if h.chunked && h.length >= 0 {
		return bad("both Content-Length and Transfer-Encoding")
	}
	return nil
}

// take notes what every answer is asked for: its framing, mostly.
func (h *Head) take(key, value []byte) error {
	switch len(key) {
	case len("content-type"):
		if h.ContentType == nil && equalFold(key, "content-type") {
			h.ContentType = value
		}
	case len("connection"):
		if equalFold(key, "connection") {
			h.keepAlive = h.keepAlive && !equalFold(value, "close")
		}
	case len("content-length"):
		if !equalFold(key, "content-length") {
			return nil
		}
		n, ok := parseDigits(value)
		if !ok || (h.length >= 0 && h.length != n) {
			return bad("unusable Content-Length")
		}
		h.length = n
	case len("content-encoding"):
		if !equalFold(key, "content-encoding") || equalFold(value, "identity") {
			return nil
		}
		if h.encoding != nil {
			return bad("several Content-Encodings")
		}
		h.encoding = value
	case len("transfer-encoding"):
		if !equalFold(key, "transfer-encoding") {
			return nil
		}
		if h.chunked || !equalFold(value, "chunked") {
			return bad("unusable Transfer-Encoding")
		}
		h.chunked = true
	default:
		h.Limits = h.Limits || (len(key) > len(limitPrefix) && equalFold(key[:len(limitPrefix)], limitPrefix))
	}
	return nil
}

// bodyless reports whether the status says that no body follows.
func (h *Head) bodyless() bool { return h.Status == 204 || h.Status == 304 }

func parseStatusLine(line []byte) (http11 bool, status int, ok bool) {
	if len(line) < 12 || !bytes.HasPrefix(line, []byte("HTTP/1.")) || line[8] != ' ' {
		return false, 0, false
	}
	if line[7] != '0' && line[7] != '1' {
		return false, 0, false
	}
	n, digits := parseDigits(line[9:12])
	if !digits || n < 100 || (len(line) > 12 && line[12] != ' ') {
		return false, 0, false
	}
	return line[7] == '1', int(n), true
}

// parseDigits reads a plain decimal number of at most 18 digits.
func parseDigits(b []byte) (n int64, ok bool) {
	if len(b) == 0 || len(b) > 18 {
		return 0, false
	}
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	return n, true
}

// cutLine splits at the first line end, which is CRLF or LF.
func cutLine(b []byte) (line, rest []byte) {
	n := bytes.IndexByte(b, '\n')
	if n < 0 {
		return b, nil
	}
	line, rest = b[:n], b[n+1:]
	if n > 0 && line[n-1] == '\r' {
		line = line[:n-1]
	}
	return line, rest
}

// cutHeader splits "name: value". A continuation line (leading white space)
// is not a header, and neither is a name with white space in it.
func cutHeader(line []byte) (key, value []byte, ok bool) {
	n := bytes.IndexByte(line, ':')
	if n <= 0 {
		return nil, nil, false
	}
	key = line[:n]
	for _, c := range key {
		if c <= ' ' || c >= 0x7f {
			return nil, nil, false
		}
	}
	return key, trim(line[n+1:]), true
}

// trim takes blanks off both ends.
func trim(b []byte) []byte {
	for len(b) > 0 && (b[0] == ' ' || b[0] == '\t') {
		b = b[1:]
	}
	for len(b) > 0 && (b[len(b)-1] == ' ' || b[len(b)-1] == '\t') {
		b = b[:len(b)-1]
	}
	return b
}

// equalFold compares ASCII text without regard to case; lower is in lower
// case.
func equalFold(b []byte, lower string) bool {
	if len(b) != len(lower) {
		return false
	}
	for i := range b {
		c := b[i]
		if 'A' <= c && c <= 'Z' {
			c |= 0x20
		}
		if c != lower[i] {
			return false
		}
	}
	return true
}
