package proxy

import (
	"bytes"
	"errors"
	"io"

	"github.com/ai-mcp-gateway/gateway/engine"
	"github.com/ai-mcp-gateway/gateway/translate"
)

// form is an upload on its way to a provider.
type form struct {
	source *source
	scan   scanner
	held   spool // what has been read of it before its model was known
	length int64 // of all, or -1
}

var _ engine.Upload = (*form)(nil)

// Close gives back what the form holds.
func (f *form) Close() {
	_ = f.held.Close()
	f.scan.held = nil
}

// seek reads until the model is known: until the form's end if need be, or,
// with early, until its first file.
func (f *form) seek(early bool) *translate.Error {
	piece := make([]byte, seekPiece)
	for f.scan.model == nil && f.scan.state != scanDone && !(early && f.scan.file) {
		n, err := f.read(piece)
		if failed := f.held.add(piece[:n]); failed != nil {
			return &translate.Error{Code: translate.GatewayOverloaded, Message: "there is no room for the upload"}
		}
		var told *translate.Error
		switch {
		case errors.As(err, &told):
			return told
		case err != nil: // io.EOF
			return nil //nolint:nilerr // the form has ended, which is no error
		}
	}
	return nil
}

const seekPiece = 32 << 10

// read reads on and looks at what it reads.
func (f *form) read(p []byte) (int, error) {
	n, err := f.source.Read(p)
	if failed := f.scan.feed(p[:n]); failed != nil {
		return n, failed
	}
	if err == io.EOF && f.scan.state != scanDone {
		return n, badForm("it ends without its last delimiter")
	}
	return n, err
}

// Read implements io.Reader over what has not been read by seek.
func (f *form) Read(p []byte) (int, error) { return f.read(p) }

// Open implements engine.Upload.
func (f *form) Open(model []byte) (body io.Reader, length int64) {
	if model == nil || f.scan.model == nil {
		return io.MultiReader(f.held.section(0, f.held.size), f), f.length
	}
	start, end := f.scan.start, f.scan.end
	if length = f.length; length >= 0 {
		length += int64(len(model)) - (end - start)
	}
	return io.MultiReader(f.held.section(0, start), bytes.NewReader(model), f.held.section(end, f.held.size), f), length
}
