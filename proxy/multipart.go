package proxy

import (
	"bytes"
	"encoding/binary"
	"hash"
	"mime"
	"strings"

	"github.com/ai-mcp-gateway/gateway/translate"
)

const (
	maxPartHeader = 8 << 10
	maxModel      = 512
	maxBoundary   = 70 // RFC 2046 section 5.1.1
)

// scanner walks over a multipart form that is fed to it in pieces, notes where
// the field "model" has its value, and holds no more of the form than it takes
// to see the next delimiter. It is strict: what it reads in one way, a provider
// must not read in another.
type scanner struct {
	delimiter []byte // CRLF, two hyphens and the boundary
	state     scanState
	held      []byte // fed and not yet walked over
	at        int64  // of held[0] in the form

	model      []byte // the field's value; nil until it has been seen
	start, end int64  // where that lies in the form
	file       bool   // a part with a file has begun

	sum hash.Hash // of what the form says, whatever its boundary is; nil: none
	got int64     // bytes of the part's content that are in sum
}

type scanState uint8

const (
	scanBody  scanState = iota // before a delimiter
	scanModel                  // so, in the part that has the model
	scanLine                   // behind a delimiter
	scanHead                   // in a part's header
	scanDone                   // behind the last delimiter
)

// reset prepares to walk over a form with this boundary.
func (s *scanner) reset(boundary string) {
	s.delimiter = []byte("\r\n--" + boundary)
	s.held, s.at = append(s.held, "\r\n"...), -2 // the first one has no line before it
}

// feed walks over the next bytes of the form.
func (s *scanner) feed(p []byte) *translate.Error {
	if s.state == scanDone {
		return nil // what follows is to be ignored
	}
	s.held = append(s.held, p...)
	for {
		var more bool
		var err *translate.Error
		switch s.state {
		case scanBody, scanModel:
			more, err = s.body()
		case scanLine:
			more, err = s.line()
		case scanHead:
			more, err = s.head()
		case scanDone:
			s.held = nil
			return nil
		}
		if err != nil || !more {
			return err
		}
	}
}

// drop walks over n bytes.
func (s *scanner) drop(n int) {
	s.held = s.held[:copy(s.held, s.held[n:])]
	s.at += int64(n)
}

// body looks for the delimiter that ends a part.
func (s *scanner) body() (more bool, err *translate.Error) {
	from, found, short := 0, -1, false
	for found < 0 {
		i := bytes.Index(s.held[from:], s.delimiter)
		if i < 0 {
			break
		}
		i += from
		switch after := s.held[i+len(s.delimiter):]; {
		case len(after) < 2:
			short = true
			found = i
		case after[0] == '\r', after[0] == ' ', after[0] == '\t', after[0] == '-' && after[1] == '-':
			found = i
		default:
			from = i + 1 // a longer line that begins like it
		}
	}
	keep := found
	if keep < 0 {
		keep = max(0, len(s.held)-len(s.delimiter)+1)
	}
	if s.state == scanModel {
		if keep > maxModel {
			return false, badForm("the field \"model\" is too long")
		}
		if found < 0 || short {
			return false, nil
		}
		s.model = append([]byte{}, s.held[:found]...)
		s.start, s.end = s.at, s.at+int64(found)
	}
	s.note(s.held[:keep], found >= 0 && !short)
	s.drop(keep)
	if found < 0 || short {
		return false, nil
	}
	s.drop(len(s.delimiter))
	s.state = scanLine
	return true, nil
}

// line reads what follows a delimiter: the end, or blanks and a line end, which
// is left for the header to begin with.
func (s *scanner) line() (more bool, err *translate.Error) {
	if bytes.HasPrefix(s.held, []byte("--")) {
		s.state = scanDone
		return true, nil
	}
	blanks := len(s.held) - len(bytes.TrimLeft(s.held, " \t"))
	rest := s.held[blanks:]
	switch {
	case blanks > maxPartHeader:
		return false, badForm("a delimiter is followed by too many blanks")
	case len(rest) < 2:
		return false, nil
	case rest[0] != '\r' || rest[1] != '\n':
		return false, badForm("a delimiter is not followed by a line end")
	}
	s.drop(blanks)
	s.state = scanHead
	return true, nil
}

// head reads a part's header.
func (s *scanner) head() (more bool, err *translate.Error) {
	n := bytes.Index(s.held, []byte("\r\n\r\n"))
	if n > maxPartHeader || n < 0 && len(s.held) > maxPartHeader {
		return false, badForm("the header of a part is too large")
	}
	if n < 0 {
		return false, nil
	}
	part, err := readPart(s.held[:n])
	if err != nil {
		return false, err
	}
	s.state, s.file = scanBody, s.file || part.file
	if part.name == "model" {
		switch {
		case s.model != nil:
			return false, translate.Errorf(translate.CallerDuplicateField, "model", "The field %q stands more than once.", "model")
		case part.file || part.encoded:
			return false, badForm("the field \"model\" is not plain text")
		}
		s.state = scanModel
	}
	s.note(s.held[:n], true)
	s.drop(n + len("\r\n\r\n"))
	return true, nil
}

// note adds to the sum: a header or a content, whose length follows its end, so
// that no two forms look alike.
func (s *scanner) note(p []byte, end bool) {
	if s.sum == nil {
		return
	}
	s.sum.Write(p)
	s.got += int64(len(p))
	if end {
		s.sum.Write(binary.BigEndian.AppendUint64(nil, uint64(s.got)))
		s.got = 0
	}
}

// part is what the header of a part says.
type part struct {
	name    string
	file    bool // it has a file's name
	encoded bool
}

// readPart reads header lines, each with a line end before it.
func readPart(header []byte) (p part, err *translate.Error) {
	seen := false
	for line := range bytes.SplitSeq(header, []byte("\r\n")) {
		key, value, _ := bytes.Cut(line, []byte(":"))
		switch strings.ToLower(string(key)) {
		case "content-disposition":
			_, parameters, bad := mime.ParseMediaType(string(value))
			if bad != nil || seen {
				return p, badForm("the Content-Disposition of a part cannot be read")
			}
			seen, p.name = true, parameters["name"]
			_, p.file = parameters["filename"]
		case "content-transfer-encoding":
			encoding := strings.ToLower(strings.TrimSpace(string(value)))
			p.encoded = encoding != "binary" && encoding != "8bit" && encoding != "7bit"
		}
	}
	return p, nil
}

func badForm(text string) *translate.Error {
	return translate.Errorf(translate.CallerBadRequest, "", "the multipart form is malformed: %s", text)
}

// boundaryOf returns the boundary of a multipart form.
func boundaryOf(contentType []byte) (string, *translate.Error) {
	media, parameters, err := mime.ParseMediaType(string(contentType))
	if err != nil || media != "multipart/form-data" {
		return "", translate.Errorf(translate.CallerUnsupportedMedia, "", "the content type %.64q is not accepted: send multipart/form-data with a boundary, or application/json", contentType)
	}
	boundary := parameters["boundary"]
	if boundary == "" || len(boundary) > maxBoundary || strings.ContainsAny(boundary, "\r\n") {
		return "", badForm("it has no usable boundary")
	}
	return boundary, nil
}
